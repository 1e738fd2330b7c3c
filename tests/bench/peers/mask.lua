-- SPDX-License-Identifier: Apache-2.0
-- Masking inside nginx: the catalogue's expressions, one a line in the file CATALOGUE, in as few alternations as the
-- library takes. All placeholders have one label, which spares telling the types apart.
local M = {}
local alternations = {}
local placeholders, values, count = {}, {}, 0

local function compiles(expression)
  local _, _, why = ngx.re.find("", expression, "joJ")
  return why == nil
end

-- All of them in one; if that is too large, halves.
local function join(expressions, first, last)
  local all = table.concat(expressions, "|", first, last)
  if compiles(all) then
    alternations[#alternations + 1] = all
  else
    local middle = math.floor((first + last) / 2)
    join(expressions, first, middle)
    join(expressions, middle + 1, last)
  end
end

function M.load(path)
  local expressions, left_out = {}, 0
  require("ngx.re").opt("jit_stack_size", 1024 * 1024)
  for line in io.lines(path) do
    if compiles(line) then
      expressions[#expressions + 1] = line
    else
      left_out = left_out + 1
    end
  end
  join(expressions, 1, #expressions)
  ngx.log(ngx.NOTICE, #expressions, " expressions in ", #alternations, " alternations, ", left_out, " left out")
end

local function placeholder_of(value)
  local known = placeholders[value]
  if not known then
    count = count + 1
    known = string.format("AWS_VALUE_%03d", count)
    placeholders[value] = known
    values[known] = value
  end
  return known
end

-- The named groups of a match are what is hidden; what is around them stays.
local function hide(found)
  local text = found[0]
  for name, value in pairs(found) do
    if type(name) == "string" and value and #value > 0 then
      local from, to = text:find(value, 1, true)
      if from then
        text = text:sub(1, from - 1) .. placeholder_of(value) .. text:sub(to + 1)
      end
    end
  end
  return text
end

function M.request()
  ngx.req.read_body()
  local body = ngx.req.get_body_data()
  if not body then
    return
  end
  for _, expression in ipairs(alternations) do
    local masked, _, why = ngx.re.gsub(body, expression, hide, "joJ")
    if not masked then
      ngx.log(ngx.ERR, "masking failed: ", why)
      return ngx.exit(500)
    end
    body = masked
  end
  ngx.req.set_body_data(body)
end

function M.answer()
  local piece = ngx.arg[1]
  if piece and #piece > 0 then
    ngx.arg[1] = ngx.re.gsub(piece, "AWS_VALUE_[0-9]{3,}", function(found) return values[found[0]] or found[0] end, "jo")
  end
end

return M
