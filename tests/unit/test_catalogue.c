/* SPDX-License-Identifier: Apache-2.0 */
/* How the catalogue is made ready: its image, and its rules one by one. */
#include "../../user/daemon/rules_ready.h"
#include "../../user/mask/catalogue.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#define THREADS 4
#define SIZE_LIMIT (48 * 1024) /* of a compiled rule */

static struct catalogue *made(struct catalogue *c, const char *why)
{
	cr_assert(c, "%s", why);
	return c;
}

static unsigned count_ready(const struct catalogue *c)
{
	unsigned n = 0;

	for (unsigned id = 0; id < RULES_MAX; id++)
		n += atomic_load(&c->rules[id]) != NULL;
	return n;
}

static void expect_same_joint(const struct joint *a, const struct joint *b)
{
	cr_assert_eq(a->cell_count, b->cell_count);
	cr_assert_eq(a->map_count, b->map_count);
	cr_assert_eq(a->try_count, b->try_count);
	cr_expect(!memcmp(a->cells, b->cells, a->cell_count * sizeof(a->cells[0])));
	cr_expect(!memcmp(a->maps, b->maps, (size_t)a->map_count * 256));
	for (uint32_t i = 0; i < a->try_count; i++) {
		const struct joint_try *x = &a->tries[i], *y = &b->tries[i];

		cr_assert(x->node == y->node && x->step == y->step && x->behind == y->behind &&
				  x->known == y->known && x->last == y->last,
			  "try %u", i);
	}
}

/* All that is no address is the same; `now` is as it was afterwards. */
static void expect_same_anchors(const struct anchors *image, struct anchors *now)
{
	struct guards guards = now->guards;
	struct joint joint = now->joints[0];
	struct window *windows = now->room;

	cr_assert_eq(image->guards.cell_count, guards.cell_count);
	cr_expect(!memcmp(image->guards.cells, guards.cells,
			  guards.cell_count * sizeof(guards.cells[0])));
	expect_same_joint(&image->joints[0], &joint);
	cr_expect(!memcmp(image->windows, windows, now->count * sizeof(*windows)));
	now->windows = image->windows;
	now->room = NULL;
	now->guards.cells = image->guards.cells;
	now->guards.room = NULL;
	now->joints[0] = image->joints[0];
	cr_expect(!memcmp(image, now, sizeof(*now)));
	now->windows = now->room = windows;
	now->guards.cells = guards.cells;
	now->guards.room = guards.room;
	now->joints[0] = joint;
}

Test(catalogue, image_is_what_the_expressions_say)
{
	char why[300] = "";
	struct catalogue *c = made(catalogue_new(why, sizeof(why)), why);
	struct catalogue *now = made(catalogue_first(RULE_COUNT, why, sizeof(why)), why);

	cr_assert_eq(c->anchors.count, now->anchors.count);
	for (unsigned i = 0; i < now->anchors.count; i++) {
		cr_assert_str_eq(c->anchors.nodes[i].text, now->anchors.nodes[i].text);
		now->anchors.nodes[i].text = c->anchors.nodes[i].text;
	}
	expect_same_anchors(&c->anchors, &now->anchors);
	catalogue_free(now);
	catalogue_free(c);
}

/* PCRE2 takes no more than 64 KB; who adds to a rule shall not be the first to hear of it. */
Test(catalogue, no_rule_is_near_the_limit)
{
	char why[300] = "";

	for (unsigned id = 0; id < RULE_COUNT; id++) {
		struct compiled rule;
		size_t size;

		cr_assert_eq(rule_compile(&rule_table[id], &rule, why, sizeof(why)), 0, "%s", why);
		pcre2_pattern_info(rule.code, PCRE2_INFO_SIZE, &size);
		cr_expect_lt(size, SIZE_LIMIT, "rule %s: %zu bytes: use PIECES", rule_table[id].id,
			     size);
		pcre2_code_free(rule.code);
	}
}

static size_t find(const struct catalogue *c, const char *text)
{
	struct detector *d = detector_new(c);
	struct buf spans;
	size_t n;

	buf_init(&spans, 4096);
	cr_assert(d);
	cr_assert_eq(detect(d, (const uint8_t *)text, strlen(text), &spans), 0);
	n = buf_len(&spans) / sizeof(struct span);
	buf_free(&spans);
	detector_free(d);
	return n;
}

Test(catalogue, compiles_what_is_tried)
{
	char why[300] = "";
	struct catalogue *c = made(catalogue_new(why, sizeof(why)), why);

	cr_assert_eq(count_ready(c), 1);
	cr_assert_eq(find(c, "there is vpc-0f3a91c2 and nothing else"), 1);
	cr_assert(atomic_load(&c->rules[RULE_vpc]));
	cr_assert_lt(count_ready(c), 10);
	catalogue_free(c);
}

Test(catalogue, compiles_the_rest_part_by_part)
{
	char why[300] = "";
	struct catalogue *c = made(catalogue_new(why, sizeof(why)), why);
	struct err e;

	cr_assert_eq(catalogue_ready(c, 2, 100, why, sizeof(why)), 0);
	cr_assert_eq(count_ready(c), 1 + (RULE_COUNT - 2 + 99) / 100);
	cr_assert_eq(rules_ready(c, &e), 0);
	cr_assert_eq(count_ready(c), RULE_COUNT);
	catalogue_free(c);
}

static void *find_some(void *catalogue)
{
	return (void *)find(catalogue, "vpc-0f3a91c2 i-0f3a91c27be54d860 "
				       "arn:aws:iam::734019286651:role/deployer");
}

/* All of them at once find that the rules are not compiled. */
Test(catalogue, any_thread_compiles)
{
	char why[300] = "";
	struct catalogue *c = made(catalogue_new(why, sizeof(why)), why);
	pthread_t threads[THREADS];
	void *found;

	for (unsigned i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, find_some, c), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		cr_assert_eq(pthread_join(threads[i], &found), 0);
		cr_expect_eq((size_t)found, 4, "%zu", (size_t)found);
	}
	catalogue_free(c);
}
