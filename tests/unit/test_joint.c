/* SPDX-License-Identifier: Apache-2.0 */
/* Joint walks leave out nothing that an anchor and its guard let stand, and what they leave is in order. */
#include "../../user/mask/places_step.h"
#include "../hostile.h"

#include <criterion/criterion.h>

#define SIZE 12000
#define SEEDS 12

static struct catalogue *catalogue;
static struct places places;
static places_stepper *stepper; /* NULL: the best one */

static void setup(void)
{
	char why[300] = "";

	catalogue = catalogue_new(why, sizeof(why));
	cr_assert(catalogue, "%s", why);
}

static void teardown(void)
{
	catalogue_free(catalogue);
}

TestSuite(joint, .init = setup, .fini = teardown, .timeout = 60);

static bool stands(const struct anchor_node *n, const uint8_t *p)
{
	for (size_t i = 0; i < n->len; i++) {
		uint8_t diff = p[i] ^ (uint8_t)n->text[i];

		if (diff && (!n->folds || diff != 0x20 || (uint8_t)((p[i] | 0x20) - 'a') >= 26))
			return false;
	}
	return true;
}

/* As an anchor for itself would be looked at. */
static bool goes_on(const struct anchor_node *n, const uint8_t *text, size_t len, size_t at)
{
	const struct guards *g = &catalogue->anchors.guards;
	size_t end = at + n->len;

	if (len - at < n->len || !stands(n, text + at))
		return false;
	if (!n->back && !edge_left(n->left, text, at))
		return false;
	if (n->back && !(at && walk_may_end(n->back_chars, text[at - 1])))
		return false;
	return guard_lets(g, n->guard, n->start, text, at, end, len);
}

/* Which anchors are left, one after another in the order of their pairs. */
struct left {
	size_t n;
	struct {
		size_t pair;
		uint16_t node;
		bool goes_on;
	} list[SIZE * 8];
};

static void find_left(const uint8_t *text, size_t len, struct left *left)
{
	const struct anchors *a = &catalogue->anchors;
	size_t n;

	left->n = 0;
	places_begin(&places, a, text, len);
	if (stepper)
		places.far_step = stepper;
	while ((n = places_next(&places))) {
		for (size_t i = 0; i < n; i++) {
			const struct joint_try *t = places.tries + places.list[i].row;
			size_t pair = places.from + places.list[i].at, at;

			do {
				cr_assert_lt(left->n, SIZE * 8);
				at = pair - a->nodes[t->node].pair_at;
				left->list[left->n].pair = pair;
				left->list[left->n].node = t->node;
				left->list[left->n++].goes_on =
					at <= len && anchor_goes_on(a, t, text, at, len);
			} while (!t++->last);
		}
	}
}

static bool is_left(const struct left *left, size_t pair, uint16_t node)
{
	size_t low = 0, high = left->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (left->list[middle].pair < pair)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < left->n && left->list[low].pair == pair; low++)
		if (left->list[low].node == node && left->list[low].goes_on)
			return true;
	return false;
}

static size_t expect_all_left(const uint8_t *text, size_t len)
{
	static struct left left;
	const struct anchors *a = &catalogue->anchors;
	size_t found = 0;

	find_left(text, len, &left);
	for (size_t i = 1; i < left.n; i++)
		cr_assert_leq(left.list[i - 1].pair, left.list[i].pair, "the order of the text");
	for (size_t at = 0; at < len; at++) {
		for (unsigned i = 0; i < a->count; i++) {
			const struct anchor_node *n = &a->nodes[i];

			/* most do not even begin here */
			if ((text[at] ^ (uint8_t)n->text[0]) & 0xdf || !goes_on(n, text, len, at))
				continue;
			found++;
			cr_assert(is_left(&left, at + n->pair_at, (uint16_t)i),
				  "%s at %zu of %zu: %.*s", n->text, at, len,
				  (int)(len - at < 40 ? len - at : 40), (const char *)text + at);
		}
	}
	return found;
}

/* Of what expressions are made for, pieces one after another, cut anywhere. */
static size_t make_text(struct hostile *h, uint8_t *text, size_t len)
{
	size_t n = 0;

	while (n < len) {
		const struct rule *rule = &rule_table[hostile_random(h, RULE_COUNT)];
		struct hostile_piece p;
		struct hostile of;
		size_t anchors = 0, take;

		while (rule->anchors[anchors])
			anchors++;
		if (!anchors)
			continue;
		hostile_init(&of, rule);
		of.seed = h->seed;
		hostile_make(&of, rule->anchors[hostile_random(h, (uint32_t)anchors)],
			     hostile_random(h, 24), 40, hostile_random(h, 2), &p);
		hostile_free(&of);
		take = hostile_random(h, 4) ? p.len : hostile_random(h, (uint32_t)p.len + 1);
		take = take < len - n ? take : len - n;
		memcpy(text + n, p.text, take);
		n += take;
	}
	return n;
}

Test(joint, leaves_out_nothing)
{
	uint8_t *text = malloc(SIZE);
	size_t found = 0;

	cr_assert(text);
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		struct hostile h = {.seed = seed};
		/* a text's ends may lie anywhere in what is looked at at once */
		size_t len = SIZE / (seed % 6 + 1) - 7 * seed;

		found += expect_all_left(text, make_text(&h, text, len));
	}
	cr_expect_gt(found, 500, "%zu", found);
	free(text);
}

/* Those who do not look at kinds walk further, and leave the same in the end. */
Test(joint, plain_steps_leave_out_nothing)
{
	uint8_t *text = malloc(SIZE);
	struct hostile h = {.seed = SEEDS};

	cr_assert(text);
	stepper = places_step_plain;
	cr_expect_gt(expect_all_left(text, make_text(&h, text, SIZE)), 20);
	free(text);
}

/* Where it repeats itself, a text's walks are remembered: not longer than its bytes are the same. */
Test(joint, what_repeats_itself)
{
	static const char *const pieces[] = {"arn:aws:",
					     "10.",
					     "k.d-f4.",
					     "10.1.2.3 i-0a1b2c3d ",
					     "-vol-sg-vpc-0a1b--us-east-",
					     "arn:aws:s3:::b/arn:"};
	uint8_t *text = malloc(SIZE);
	struct hostile h = {.seed = SEEDS};

	cr_assert(text);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t len = strlen(pieces[i]);

		for (size_t at = 0; at < SIZE; at++)
			text[at] = (uint8_t)pieces[i][at % len];
		for (unsigned n = 0; n < 20; n++)
			text[hostile_random(&h, SIZE)] = (uint8_t) "0a.:- "[hostile_random(&h, 6)];
		expect_all_left(text, SIZE);
		cr_expect_eq(places.memo.pause, 0, "%s", pieces[i]);
		expect_all_left(text, SIZE);
	}
	free(text);
}

/* What a place needs further on is looked at before anything is left of it: nearly identifiers. */
Test(joint, kinds_are_looked_at)
{
	static const char *const nearly[] = {"i-0a1b2c3 ", "10.1.49 ", "AKIAROASIAAIDA_",
					     "a.b-c9."};
	static struct left left;

	if (places_step_avx2 && !__builtin_cpu_supports("avx2"))
		return;
	for (size_t i = 0; i < sizeof(nearly) / sizeof(nearly[0]); i++) {
		char text[1000];

		for (size_t at = 0; at < sizeof(text); at++)
			text[at] = nearly[i][at % strlen(nearly[i])];
		find_left((const uint8_t *)text, sizeof(text), &left);
		cr_expect_lt(left.n, 4, "%s: %zu", nearly[i], left.n);
	}
}

/* Each end of a text is looked at, however short it is. */
Test(joint, short_texts)
{
	static const char text[] = "arn:aws:iam::123456789012:role/x i-0a1b2c3d4e5f60718 10.1.2.3";

	for (size_t from = 0; from < sizeof(text); from++)
		for (size_t to = from; to < sizeof(text); to++)
			expect_all_left((const uint8_t *)text + from, to - from);
}

/* Most of what the proposer leaves is no anchor, or none that goes on: nothing is left of it. */
Test(joint, leaves_little)
{
	static const char prose[] =
		"The account manager said that the user has a table of regions, and that each of "
		"them is a zone by name. Later the cluster of tasks ran out of memory: 10.5 GB.\n";
	static struct left left;

	find_left((const uint8_t *)prose, sizeof(prose) - 1, &left);
	cr_expect_lt(left.n, 8, "%zu", left.n);
}

/* What came later has walks of its own. */
Test(joint, two_of_them)
{
	static const char *const anchors[] = {"corvid-", NULL};
	static const struct rule own = {.id = "own",
					.anchors = anchors,
					.left = EDGE_WORD,
					.right = EDGE_WORD,
					.expression = "corvid-[0-9]{4}"};
	struct anchors *a = &catalogue->anchors;
	struct follow *f = follow_new();
	static struct left left;
	char why[200];
	const char *text = "xcorvid-1234 corvid-12x4 corvid-1234";

	cr_assert(f);
	cr_assert_eq(anchors_add(a, f, 7, &own, why, sizeof(why)), 0, "%s", why);
	cr_assert_eq(anchors_ready(a), 0);
	follow_free(f);
	find_left((const uint8_t *)text, strlen(text), &left);
	cr_assert_eq(left.n, 1);
	cr_expect_str_eq(a->nodes[left.list[0].node].text, "corvid-");
	cr_expect(left.list[0].goes_on);
	expect_all_left((const uint8_t *)text, strlen(text));
}
