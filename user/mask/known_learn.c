/* SPDX-License-Identifier: Apache-2.0 */
/* Which values are learned: those that nobody else means. */
#include "known.h"

#include <stdlib.h>

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static const bool learned[TYPE_COUNT] = {
#define TYPE(...)
#define RULE(...)
#define LEARNED(name) [TYPE_##name] = true,
#include "catalogue.def"
#undef TYPE
#undef RULE
};

#define COMMON(word) word,
static const char *const common[] = {
#include "known.def"
};
#undef COMMON

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool is_letter(uint8_t c)
{
	return (uint8_t)((c | 0x20) - 'a') < 26;
}

struct candidate {
	const uint8_t *p;
	size_t len;
};

/* As strcmp() would, the value in lower case. */
static int compare_word(const void *key, const void *element)
{
	const struct candidate *v = key;
	const char *word = *(const char *const *)element;

	for (size_t i = 0; i < v->len; i++) {
		int diff = lower(v->p[i]) - (uint8_t)word[i];

		if (diff)
			return diff;
	}
	return word[v->len] ? -1 : 0;
}

static bool is_common(const uint8_t *p, size_t len)
{
	const struct candidate v = {p, len};

	return bsearch(&v, common, sizeof(common) / sizeof(*common), sizeof(*common), compare_word);
}

static size_t letters(const uint8_t *p, size_t len)
{
	size_t n = 0;

	while (n < len && p[n] >= 'a' && p[n] <= 'z')
		n++;
	return n;
}

static bool is_direction(const uint8_t *p, size_t len)
{
	static const char *const directions[] = {"north",     "south",	   "east",
						 "west",      "central",   "northeast",
						 "northwest", "southeast", "southwest"};

	for (size_t i = 0; i < sizeof(directions) / sizeof(directions[0]); i++)
		if (strlen(directions[i]) == len && !memcmp(directions[i], p, len))
			return true;
	return false;
}

/* eu-west-1, us-gov-east-1; an availability zone has a letter behind it */
static bool is_region(const uint8_t *p, size_t len)
{
	size_t at = letters(p, len), n;
	bool direction = false;

	if (at < 2 || at > 4)
		return false;
	while (!direction && at < len && p[at] == '-') {
		n = letters(p + at + 1, len - at - 1);
		direction = is_direction(p + at + 1, n);
		at += 1 + n;
	}
	if (!direction || len - at < 2 || p[at] != '-' || !is_digit(p[at + 1]))
		return false;
	at += 2;
	return at == len || (at + 1 == len && letters(p + at, 1) == 1);
}

/* Letters only, small ones but perhaps the first, or capitals throughout. */
static bool is_plain_word(const uint8_t *p, size_t len)
{
	size_t small = letters(p + 1, len - 1), n = 0;

	while (n < len && p[n] >= 'A' && p[n] <= 'Z')
		n++;
	return n == len || (small == len - 1 && is_letter(*p));
}

/* sqs.amazonaws.com and the paths under it: a service, which is Amazon's */
static bool is_service(const uint8_t *p, size_t len)
{
	static const char domain[] = "amazonaws.com";

	return memmem(p, len, domain, sizeof(domain) - 1) != NULL;
}

bool known_learns_type(enum mask_type type)
{
	return type < TYPE_COUNT && learned[type];
}

const char *known_why_not(enum mask_type type, const uint8_t *value, size_t len)
{
	size_t i = 0;

	if (!known_learns_type(type))
		return "its type is found by its form alone";
	if (len < KNOWN_MIN)
		return "it is shorter than 6 bytes";
	if (len > KNOWN_MAX)
		return "it is longer than 512 bytes";
	if (type == TYPE_AWS_ACCOUNT)
		return NULL;
	while (i < len && !is_letter(value[i]))
		i++;
	if (i == len)
		return "it has no letter, and numbers stand for many things";
	if (is_common(value, len))
		return "it is a name that many people use";
	if (is_region(value, len) || is_service(value, len))
		return "it is Amazon's own name";
	if (len < 12 && is_plain_word(value, len))
		return "it is one plain word, shorter than 12 letters";
	return known_stops(value, len) <= KNOWN_STOPS ? NULL : "it has too many parts";
}

bool known_learns(enum mask_type type, const uint8_t *value, size_t len)
{
	return !known_why_not(type, value, len);
}
