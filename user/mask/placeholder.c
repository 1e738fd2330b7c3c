/* SPDX-License-Identifier: Apache-2.0 */
#include "placeholder.h"
#include "chunk.h"

#include <string.h>

#define DIGITS_MIN 3
#define DIGITS_MAX 9

/* Room for the label, "_" and nine digits, and the tail shorter still. */
_Static_assert(LABEL_MAX + 1 + DIGITS_MAX < PLACEHOLDER_MAX, "labels are too long");

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

size_t placeholder_format(const struct types *types, char out[static PLACEHOLDER_MAX],
			  enum mask_type type, uint32_t number)
{
	const struct type_info *info = types_info(types, type);
	size_t len = info->label_len, digits = DIGITS_MIN, i;
	uint32_t n;

	for (n = number / 1000; n; n /= 10)
		digits++;
	memcpy(out, info->label, len);
	out[len] = '_';
	for (i = digits; i > 0; i--, number /= 10)
		out[len + i] = (char)('0' + number % 10);
	return len + 1 + digits;
}

/* The last two bytes of each label, side by side: few labels share them. */
static const uint16_t label_tails[TYPE_COUNT] = {
#define TYPE(name, ...)                                                                            \
	[TYPE_##name] = (uint16_t)(#name[sizeof(#name) - 3] | #name[sizeof(#name) - 2] << 8),
#define RULE(...)
#include "catalogue.def"
#undef TYPE
#undef RULE
};

static bool label_stands(const struct type_info *info, const uint8_t *text, size_t from, size_t at)
{
	return info->label_len <= at - from &&
	       memcmp(text + at - info->label_len, info->label, info->label_len) == 0;
}

/* The type whose label ends before `at` and starts at `from` or later; TYPE_NONE: none. */
static enum mask_type label_before(const struct types *types, const uint8_t *text, size_t from,
				   size_t at)
{
	uint16_t tail;

	if (at < from + 2 || !(is_upper(text[at - 1]) || is_digit(text[at - 1])))
		return TYPE_NONE;
	tail = (uint16_t)(text[at - 2] | text[at - 1] << 8);
	for (unsigned t = 0; t < TYPE_COUNT; t++)
		if (label_tails[t] == tail && label_stands(&type_table[t], text, from, at))
			return (enum mask_type)t;
	for (unsigned i = 0; i < types->own_count; i++)
		if (label_stands(&types->own[i].info, text, from, at))
			return (enum mask_type)(TYPE_COUNT + i);
	return TYPE_NONE;
}

/* Digits at `at`, at most one more than a number may have. */
static size_t count_digits(const uint8_t *text, size_t len, size_t at)
{
	size_t n = 0;

	while (n <= DIGITS_MAX && at + n < len && is_digit(text[at + n]))
		n++;
	return n;
}

/* A number as placeholder_format() writes it: 0, or not one. */
static uint32_t number_value(const uint8_t *p, size_t digits)
{
	uint32_t n = 0;
	size_t i;

	if (digits < DIGITS_MIN || digits > DIGITS_MAX || (digits > DIGITS_MIN && p[0] == '0'))
		return 0;
	for (i = 0; i < digits; i++)
		n = n * 10 + (p[i] - '0');
	return n;
}

/* Most of a text has no "_" at all. */
static size_t skip_plain(const uint8_t *text, size_t len, size_t at)
{
	while (len - at > 4 * CHUNK && !chunk_has_any(text + at, '_'))
		at += 4 * CHUNK;
	return at;
}

placeholder_skipper *const placeholder_plain = skip_plain;

static placeholder_skipper *skip_best(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		return placeholder_avx2;
#endif
	return placeholder_plain;
}

/* The first "_" with a digit behind it, from `at` on; NULL: there is none. */
static const uint8_t *next_number(const uint8_t *text, size_t len, size_t at)
{
	placeholder_skipper *skip = skip_best();

	while (len - (at = skip(text, len, at)) > CHUNK) {
		unsigned hits = chunk_find(text + at, '_') & chunk_digits(text + at + 1);

		if (hits)
			return text + at + __builtin_ctz(hits);
		at += CHUNK;
	}
	for (; at + 1 < len; at++)
		if (text[at] == '_' && is_digit(text[at + 1]))
			return text + at;
	return NULL;
}

int placeholder_find(const struct types *types, const uint8_t *text, size_t len, size_t from,
		     bool last, struct placeholder *p)
{
	const uint8_t *underscore;
	size_t at = from, digits;
	enum mask_type type;
	uint32_t number;

	while (at < len && (underscore = next_number(text, len, at))) {
		at = (size_t)(underscore - text) + 1;
		digits = count_digits(text, len, at);
		if (at + digits == len && !last)
			return 0;
		number = number_value(text + at, digits);
		if (!number)
			continue;
		type = label_before(types, text, from, at - 1);
		if (type == TYPE_NONE)
			continue;
		*p = (struct placeholder){.start = at - 1 - types_info(types, type)->label_len,
					  .end = at + digits,
					  .type = type,
					  .number = number};
		return 1;
	}
	return 0;
}

/* Could these digits, with more or none behind them, be a number? */
static bool number_begins(const uint8_t *p, size_t digits)
{
	size_t i;

	if (digits > DIGITS_MAX || (digits > DIGITS_MIN && p[0] == '0'))
		return false;
	if (digits < DIGITS_MIN)
		return true;
	for (i = 0; i < digits; i++)
		if (p[i] != '0')
			return true;
	return false;
}

/* Is p[0..len) the beginning of a placeholder of this type (len > 0)? */
static bool type_begins(const struct type_info *info, const uint8_t *p, size_t len)
{
	size_t i;

	if (len <= info->label_len)
		return memcmp(p, info->label, len) == 0;
	if (memcmp(p, info->label, info->label_len) != 0 || p[info->label_len] != '_')
		return false;
	for (i = info->label_len + 1; i < len; i++)
		if (!is_digit(p[i]))
			return false;
	return number_begins(p + info->label_len + 1, len - info->label_len - 1);
}

/* The first two bytes of each label, side by side. */
static const uint16_t label_heads[TYPE_COUNT] = {
#define TYPE(name, ...) [TYPE_##name] = (uint16_t)(#name[0] | #name[1] << 8),
#define RULE(...)
#include "catalogue.def"
#undef TYPE
#undef RULE
};

static bool any_begins(const struct types *types, const struct type_set *set, const uint8_t *p,
		       size_t len)
{
	uint16_t mask = len > 1 ? 0xffff : 0xff,
		 head = (uint16_t)(p[0] | (len > 1 ? p[1] << 8 : 0));

	for (unsigned i = 0; i < sizeof(set->bits) / sizeof(set->bits[0]); i++) {
		for (uint64_t bits = set->bits[i]; bits; bits &= bits - 1) {
			enum mask_type t =
				(enum mask_type)(i * 64 + (unsigned)__builtin_ctzll(bits));

			if (t < TYPE_COUNT && (label_heads[t] & mask) != head)
				continue;
			if (t < types_count(types) && type_begins(types_info(types, t), p, len))
				return true;
		}
	}
	return false;
}

size_t placeholder_tail(const struct types *types, const uint8_t *text, size_t len,
			const struct type_set *set)
{
	size_t start = len;

	while (start > 0 && len - start < PLACEHOLDER_MAX - 1 &&
	       (is_upper(text[start - 1]) || is_digit(text[start - 1]) || text[start - 1] == '_'))
		start--;
	for (; start < len; start++)
		if (is_upper(text[start]) && any_begins(types, set, text + start, len - start))
			return start;
	return len;
}
