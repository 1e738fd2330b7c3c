/* SPDX-License-Identifier: Apache-2.0 */
/* Of which kinds bytes are, and that each variant of the step that looks for them leaves the same anchors. */
#include "../../user/mask/places_step.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define TEXT_MAX 600
#define ROUNDS 400

static bool is(uint8_t c, char from, char to)
{
	return c >= (uint8_t)from && c <= (uint8_t)to;
}

Test(kinds, of_all_bytes)
{
	for (unsigned i = 0; i < 256; i++) {
		uint8_t c = (uint8_t)i, of = kinds_of(c);
		bool digit = is(c, '0', '9'), hex = digit || is(c, 'a', 'f');
		bool point = c == '.' || c == '-', lower = digit || is(c, 'a', 'z');
		bool upper = digit || is(c, 'A', 'Z');

		cr_expect_eq(of >> KIND_DIGIT & 1, digit, "%02x", i);
		cr_expect_eq(of >> KIND_HEX & 1, hex, "%02x", i);
		cr_expect_eq(of >> KIND_ADDRESS & 1, digit || point, "%02x", i);
		cr_expect_eq(of >> KIND_UUID & 1, hex || point, "%02x", i);
		cr_expect_eq(of >> KIND_UPPER & 1, upper, "%02x", i);
		cr_expect_eq(of >> KIND_LOWER & 1, lower, "%02x", i);
		cr_expect_eq(of >> KIND_NAME & 1, lower || upper || point || c == '_', "%02x", i);
		cr_expect_eq(of >> KIND_OTHER & 1, !lower && !upper, "%02x", i);
	}
}

/* What of each kind asks for many bytes. */
#define ANCHORS(text) ((const char *const[]){text, NULL})
static const struct rule rules[] = {
	{"hex", ANCHORS("i-"), false, 0, CHARS_NONE, EDGE_WORD, EDGE_WORD, "i-[0-9a-f]{8}"},
	{"uuid", ANCHORS("b-"), false, 0, CHARS_NONE, EDGE_WORD, EDGE_WORD,
	 "b-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}"},
	{"key", ANCHORS("AKIA"), false, 0, CHARS_NONE, EDGE_WORD, EDGE_WORD, "AKIA[A-Z2-7]{12}"},
	{"address", ANCHORS("10."), false, 0, CHARS_NONE, EDGE_ADDRESS, EDGE_ADDRESS,
	 "10\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}"},
	{"account", ANCHORS("id:"), false, 0, CHARS_NONE, EDGE_ANY, EDGE_WORD, "id:[0-9]{12}"},
	{"small", ANCHORS("o-"), false, 0, CHARS_NONE, EDGE_WORD, EDGE_WORD, "o-[0-9a-z]{10}"},
	{"name", ANCHORS("n/"), false, 0, CHARS_NONE, EDGE_WORD, EDGE_WORD, "n/[A-Za-z0-9_.-]{9}"},
	{"mark", ANCHORS("x:"), false, 0, CHARS_NONE, EDGE_WORD, EDGE_WORD, "x:[ =\"']{4}"},
};
#define RULES (sizeof(rules) / sizeof(rules[0]))

static struct anchors anchors;
static struct places places;
static uint32_t seed = 20310504;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static void make_anchors(void)
{
	struct follow *f = follow_new();
	char why[200];

	cr_assert(f);
	for (size_t i = 0; i < RULES; i++)
		cr_assert_eq(anchors_add(&anchors, f, (uint16_t)i, &rules[i], why, sizeof(why)), 0,
			     "%s", why);
	cr_assert_eq(anchors_ready(&anchors), 0);
	follow_free(f);
}

/* Anchors, each with bytes behind it that all but one are what it asks for, or nearly all. */
static size_t make_text(uint8_t *text)
{
	static const char *const behind[RULES] = {
		"0a1b2c3d",	"0a1b2c3d-4e5f-6a7b", "ABCDEFGH2345", "1.22.133",
		"482910573641", "a1b2c3d4e5",	      "Ab_c.d-e9",    " =\"'"};
	static const char breaks[] = " g.-_A9\n\"\xe3";
	size_t n = 0;

	while (n < TEXT_MAX - 40) {
		size_t rule = any(RULES), len = strlen(behind[rule]);
		size_t spoilt = any(2) ? len : any((uint32_t)len);

		n += (size_t)sprintf((char *)text + n, "%s%s", rules[rule].anchors[0],
				     behind[rule]);
		if (spoilt < len)
			text[n - len + spoilt] = (uint8_t)breaks[any(sizeof(breaks) - 1)];
		n -= any(4) ? 0 : any((uint32_t)len);
		text[n++] = (uint8_t)breaks[any(sizeof(breaks) - 1)];
	}
	return n;
}

static size_t expect_left(const uint8_t *text, size_t len)
{
	size_t found = 0;

	for (size_t at = 0; at < len; at++)
		for (unsigned i = 0; i < anchors.count; i++) {
			const struct anchor_node *node = &anchors.nodes[i];

			found += len - at >= node->len &&
				 !memcmp(text + at, node->text, node->len) &&
				 edge_left(node->left, text, at) &&
				 guard_lets(&anchors.guards, node->guard, node->start, text, at,
					    at + node->len, len);
		}
	return found;
}

static size_t count_left(const uint8_t *text, size_t len, places_stepper *far_step)
{
	size_t n, found = 0;

	places_begin(&places, &anchors, text, len);
	places.far_step = far_step;
	while ((n = places_next(&places)))
		for (size_t i = 0; i < n; i++) {
			const struct joint_try *t = places.tries + places.list[i].row;
			size_t pair = places.from + places.list[i].at, at;

			do {
				const struct anchor_node *node = &anchors.nodes[t->node];

				if (pair < node->pair_at)
					continue;
				at = pair - node->pair_at;
				found += edge_left(node->left, text, at) &&
					 anchor_goes_on(&anchors, t, text, at, len);
			} while (!t++->last);
		}
	return found;
}

Test(kinds, each_variant_leaves_the_same)
{
	places_stepper *variants[] = {places_step_plain, places_step_neon, NULL};
	uint8_t text[TEXT_MAX];
	size_t all = 0;

	make_anchors();
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		variants[2] = places_step_avx2;
#endif
	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t len = make_text(text), left = expect_left(text, len);

		all += left;
		for (unsigned v = 0; v < 3; v++)
			if (variants[v])
				cr_expect_eq(count_left(text, len, variants[v]), left, "%u", v);
	}
	cr_expect_gt(all, ROUNDS);
	anchors_free(&anchors);
}
