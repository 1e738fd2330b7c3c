/* SPDX-License-Identifier: Apache-2.0 */
/* What a try led to is recalled where it would read the same bytes, and nowhere else. */
#include "../../user/mask/tried.h"

#include <criterion/criterion.h>

#define LEN 400
#define AT 100 /* where the tries begin */
#define RULE 7

static struct tried_all all;
static struct compiled rule;
static pcre2_match_data *match;
static uint8_t text[LEN];

static void setup(void)
{
	all = (struct tried_all){0};
	cr_assert_eq(tried_init(&all), 0);
	match = pcre2_match_data_create(RULE_GROUPS_MAX + 1, NULL);
	cr_assert(match);
	memset(text, '.', sizeof(text));
}

static void teardown(void)
{
	tried_free(&all);
	pcre2_match_data_free(match);
	pcre2_code_free(rule.code);
}

TestSuite(tried, .init = setup, .fini = teardown, .timeout = 20);

static void use(const char *expression, const char *here)
{
	const struct rule r = {.id = "own", .expression = expression};
	char why[200] = "";

	cr_assert_eq(rule_compile(&r, &rule, why, sizeof(why)), 0, "%s", why);
	memcpy(text + AT, here, strlen(here));
}

/* Its place among those that are remembered, where there are many tries. */
static struct tried *at(size_t start)
{
	for (unsigned i = 0; i < 40; i++)
		tried_at(&all, RULE, text, LEN, start);
	return tried_at(&all, RULE, text, LEN, start);
}

static bool recall(size_t start, PCRE2_SIZE *ovector, int *rc)
{
	struct tried *t = at(start);

	return t && tried_recall(&all, t, &rule, text, start, ovector, rc);
}

/* Try it as often as it takes to be remembered, and once more. */
static void learn(void)
{
	for (unsigned i = 0; i < 3; i++) {
		int rc = pcre2_match(rule.code, text, LEN, AT, 0, match, NULL);
		struct tried *t = at(AT);

		cr_assert(t);
		tried_note(&all, t, &rule, text, AT, pcre2_get_ovector_pointer(match), rc);
	}
}

Test(tried, a_match_with_its_groups)
{
	PCRE2_SIZE v[2 * (RULE_GROUPS_MAX + 1)];
	int rc = 0;

	use("(?:(?<VPC>x)|(?<SUBNET>[a-z]+))=", "corvid= ");
	cr_expect_not(recall(AT, v, &rc));
	learn();
	/* the same bytes stand elsewhere */
	memmove(text + 50, text, LEN - 50);
	memset(text, '.', 50);
	cr_assert(recall(AT + 50, v, &rc));
	cr_expect_gt(rc, 0);
	cr_expect_eq(v[0], AT + 50);
	cr_expect_eq(v[1], AT + 50 + 7);
	for (unsigned i = 0; i < rule.group_count; i++) {
		const struct group *g = &rule.groups[i];
		bool caught = g->type == TYPE_SUBNET;

		cr_expect_eq(v[2 * g->number], caught ? AT + 50 : PCRE2_UNSET);
		cr_expect_eq(v[2 * g->number + 1], caught ? AT + 56 : PCRE2_UNSET);
	}
}

Test(tried, no_match_and_not_where_a_byte_differs)
{
	PCRE2_SIZE v[2 * (RULE_GROUPS_MAX + 1)];
	int rc = 0;

	use("(?<VPC>[a-z]+)=", "corvid ");
	learn();
	cr_assert(recall(AT, v, &rc));
	cr_expect_eq(rc, PCRE2_ERROR_NOMATCH);
	for (size_t i = AT - TRIED_BEFORE; i < AT + TRIED_BEHIND; i++) {
		text[i] ^= 1;
		cr_expect_not(recall(AT, v, &rc), "%zu", i);
		text[i] ^= 1;
		learn();
	}
}

/* Bytes that are not remembered decide. */
Test(tried, what_reads_further_is_not_remembered)
{
	static const struct {
		const char *expression;
		bool known;
	} list[] = {
		{"(?<VPC>corvid)[^!]*!", false}, /* to the end */
		{"(?<VPC>corvid)(?=.{217})", true},
		{"(?<VPC>corvid)(?=.{218})", true},
		{"(?<VPC>corvid)(?=.{219})", false}, /* just one byte too many */
		{"(?<=.{33})(?<VPC>corvid)", false},
		{"(?<!x.{32})(?<VPC>corvid)", false},
		{"(?<!x.{15})(?<VPC>corvid)", true},
		{"(?<!(?<=x.{20}).{21})(?<VPC>corvid)", false}, /* one inside another */
		{"(?<=(?<VPC>[.]{8}))corvid", false},		/* caught before the match begins */
	};
	PCRE2_SIZE v[2 * (RULE_GROUPS_MAX + 1)];
	int rc = 0;

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		use(list[i].expression, "corvid");
		text[AT + 20] = (uint8_t)('0' + i); /* other bytes than before */
		learn();
		cr_expect_eq(recall(AT, v, &rc), list[i].known, "%s", list[i].expression);
		pcre2_code_free(rule.code);
		rule.code = NULL;
	}
}

Test(tried, ends_of_a_text)
{
	cr_expect_null(at(TRIED_BEFORE - 1));
	cr_expect(at(TRIED_BEFORE));
	cr_expect(at(LEN - TRIED_BEHIND));
	cr_expect_null(at(LEN - TRIED_BEHIND + 1));
}

/* Who never lets anything be recalled cannot make it find out how far tries read, again and again. */
Test(tried, what_is_found_out_must_pay)
{
	unsigned known = 0;

	use("(?<VPC>[a-z]+)=", "corvid ");
	for (unsigned i = 0; i < 1000; i++) {
		struct tried *t;

		memcpy(text + AT + 20, &i, sizeof(i));
		learn();
		t = at(AT);
		known += t->state == TRIED_KNOWN;
	}
	cr_expect_gt(known, 10);
	cr_expect_lt(known, 100);
}
