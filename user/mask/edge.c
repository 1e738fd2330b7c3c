/* SPDX-License-Identifier: Apache-2.0 */
#include "edge.h"

#include <string.h>

#define ANSI_PARAMETERS_MAX 16
/* No escape has a longer tail of letters and digits: the parameters of a colour and its letter. */
#define ESCAPE_TAIL_MAX (ANSI_PARAMETERS_MAX + 1)

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(uint8_t c)
{
	return is_digit(c) || (uint8_t)((c | 0x20) - 'a') < 26;
}

static bool is_hex(uint8_t c)
{
	return is_digit(c) || (uint8_t)((c | 0x20) - 'a') < 6;
}

static bool is_dot_or_dash(uint8_t c)
{
	return c == '.' || c == '-';
}

static bool is_of(enum chars c, uint8_t byte)
{
	switch (c) {
	case CHARS_NONE:
		return false;
	case CHARS_DIGIT:
		return is_digit(byte);
	case CHARS_BUCKET:
		return is_digit(byte) || (byte >= 'a' && byte <= 'z') || is_dot_or_dash(byte);
	case CHARS_HOST:
		return is_alnum(byte) || is_dot_or_dash(byte);
	}
	return false;
}

static bool ends_with(const uint8_t *text, size_t at, const char *what)
{
	size_t n = strlen(what);

	return at >= n && memcmp(text + at - n, what, n) == 0;
}

/* %XX, and encoded once more or twice: %25XX, and CloudWatch's $25XX */
static bool percent_ends(const uint8_t *text, size_t at)
{
	size_t q;

	if (at < 3 || !is_hex(text[at - 1]) || !is_hex(text[at - 2]))
		return false;
	q = at - 2;
	if (text[q - 1] == '%')
		return true;
	while (q >= 3 && at - q < 8 && ends_with(text, q, "25")) {
		q -= 2;
		if (text[q - 1] == '%' || text[q - 1] == '$')
			return true;
	}
	return false;
}

/* \xXX and \uXXXX (RFC 8259 section 7) */
static bool hex_escape_ends(const uint8_t *text, size_t at)
{
	size_t digits = 0;

	while (digits < 4 && digits < at && is_hex(text[at - 1 - digits]))
		digits++;
	if (digits >= 2 && ends_with(text, at - 2, "\\x"))
		return true;
	return digits == 4 && ends_with(text, at - 4, "\\u");
}

/* ESC [ parameters, then m (a colour) or K (what grep --color adds); ESC as such or spelled */
static bool colour_ends(const uint8_t *text, size_t at)
{
	static const char *const esc[] = {"\x1b",  "\\u001b", "\\u001B", "\\x1b",
					  "\\x1B", "\\033",   "\\e",	 "^["};
	size_t q = at - 1, i;

	if (text[q] != 'm' && text[q] != 'K')
		return false;
	while (q > 0 && at - 1 - q < ANSI_PARAMETERS_MAX &&
	       (is_digit(text[q - 1]) || text[q - 1] == ';'))
		q--;
	if (q == 0 || text[q - 1] != '[')
		return false;
	for (i = 0; i < sizeof(esc) / sizeof(esc[0]); i++)
		if (ends_with(text, q - 1, esc[i]))
			return true;
	return false;
}

/* What most bytes have before them: no byte with which an escape begins that ends in two digits. */
static bool no_hex_escape(const uint8_t *text, size_t at)
{
	const uint64_t ones = ~0ull / 255, tops = ones << 7;
	uint64_t w, marks = 0;

	if (at < sizeof(w))
		return false;
	memcpy(&w, text + at - sizeof(w), sizeof(w));
	for (const char *c = "\\%$"; *c; c++) {
		uint64_t x = w ^ ones * (uint8_t)*c;

		marks |= (x - ones) & ~x & tops;
	}
	return !marks;
}

bool escape_ends(const uint8_t *text, size_t at)
{
	uint8_t last;

	if (at < 2)
		return false;
	last = text[at - 1];
	if (text[at - 2] == '\\' && escape_has(last))
		return true;
	if (is_hex(last) && !no_hex_escape(text, at))
		return percent_ends(text, at) || hex_escape_ends(text, at);
	return colour_ends(text, at);
}

/* The dash that begins a line in a diff. */
static bool is_sign(const uint8_t *text, size_t at)
{
	return text[at] == '-' && (at == 0 || text[at - 1] == '\n' || escape_ends(text, at));
}

bool edge_left(enum edge e, const uint8_t *text, size_t at)
{
	if (e == EDGE_ANY || at == 0)
		return true;
	if (is_alnum(text[at - 1]))
		return escape_ends(text, at);
	if (e == EDGE_ADDRESS)
		return !(text[at - 1] == '.' && at >= 2 && is_digit(text[at - 2]));
	return e != EDGE_HOST || !is_dot_or_dash(text[at - 1]) || is_sign(text, at - 1);
}

bool edge_may_follow(enum edge e, uint8_t before)
{
	return e == EDGE_ANY || !is_alnum(before) || is_hex(before) || escape_has(before) ||
	       before == 'm' || before == 'K';
}

bool edge_right(enum edge e, const uint8_t *text, size_t len, size_t at)
{
	if (e == EDGE_ANY || at == len)
		return true;
	if (is_alnum(text[at]))
		return false;
	return e != EDGE_ADDRESS || !(text[at] == '.' && at + 1 < len && is_digit(text[at + 1]));
}

/* May a walk standing at `at` (text[at] exists) take in the byte before it? */
static bool walk_goes_on(enum chars c, const uint8_t *text, size_t at)
{
	return at > 0 && is_of(c, text[at - 1]) && !(text[at - 1] == '.' && text[at] == '.');
}

/* Where what begins at `run` and goes on at least to `at` does so without the rest of an escape. */
static size_t behind_escape(const uint8_t *text, size_t run, size_t at)
{
	size_t q = at - run < ESCAPE_TAIL_MAX ? at : run + ESCAPE_TAIL_MAX;

	while (q > run && !escape_ends(text, q))
		q--;
	return q;
}

size_t walk_back(enum chars c, const uint8_t *text, size_t at, struct walk *memo)
{
	size_t run = at, start;

	while (walk_goes_on(c, text, run)) {
		if (run == memo->from) {
			run = memo->start;
			break;
		}
		run--;
	}
	memo->from = at;
	memo->start = run;
	start = memo->known == run + 1 ? memo->name : behind_escape(text, run, at);
	while (start < at && is_dot_or_dash(text[start]))
		start++;
	/* nearer to it an escape may still end between here and there */
	if (at - run >= ESCAPE_TAIL_MAX) {
		memo->known = run + 1;
		memo->name = start;
	}
	return start < at ? start : NO_START;
}

bool walk_may_end(enum chars c, uint8_t before)
{
	return is_of(c, before);
}

bool walk_starts(enum chars c, const uint8_t *text, size_t len, size_t at)
{
	size_t q;

	if (at >= len || !is_of(c, text[at]) || is_dot_or_dash(text[at]))
		return false;
	for (q = at + 1; q <= len && q - at <= ESCAPE_TAIL_MAX && is_of(c, text[q - 1]); q++)
		if (escape_ends(text, q))
			return false;
	for (q = at; !escape_ends(text, q) && walk_goes_on(c, text, q); q--)
		if (!is_dot_or_dash(text[q - 1]))
			return false;
	return true;
}
