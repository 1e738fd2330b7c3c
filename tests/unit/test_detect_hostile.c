/* SPDX-License-Identifier: Apache-2.0 */
/* What each rule does on texts that are made to make it work for nothing (hostile.h): counted, not timed. */
#include "../detect_reference.h"
#include "../hostile.h"
#include "detect_marks.h"
#include "detect_samples.h"

#include <ctype.h>

#define SIZE 2048
#define ANCHORS 2
#ifndef TEXTS
#define TEXTS 100
#endif
/* Of PCRE2's own; one try, whatever follows, takes fewer. */
#define STEPS_MAX 8000
#define BEGIN_MAX 64 /* bytes of a sample; what a sample stands in is shorter */

TestSuite(detect_hostile, .init = setup, .fini = teardown, .timeout = 120);

static const size_t lengths[] = {0, 12, 250};

/* Of a detector that remembers nothing yet. */
static struct detect_work work_on(const char *piece, size_t len, size_t size)
{
	struct detector *d = detector_new(catalogue);
	uint8_t *text = malloc(size);
	struct detect_work work;
	struct buf spans;

	cr_assert(d && text);
	for (size_t at = 0; at < size; at++)
		text[at] = (uint8_t)piece[at % len];
	buf_init(&spans, SIZE_MAX / 2);
	cr_expect_eq(detect(d, text, size, &spans), 0, "%.*s", (int)len, piece);
	buf_free(&spans);
	free(text);
	work = *detector_work(d);
	detector_free(d);
	return work;
}

/* No more for each byte in a long text than in a short one, but for what a long match left out. */
static bool is_linear(uint64_t once, uint64_t twice)
{
	return twice <= once * 2 + once / 4 + 300;
}

static void expect_linear(const struct rule *rule, const char *piece, size_t len)
{
	struct detect_work once = work_on(piece, len, SIZE), twice = work_on(piece, len, 2 * SIZE);

	cr_expect(is_linear(once.anchors, twice.anchors), "%s: anchors of %.*s", rule->id, (int)len,
		  piece);
	cr_expect(is_linear(once.matches, twice.matches), "%s: tries of %.*s", rule->id, (int)len,
		  piece);
	cr_expect(is_linear(once.walked, twice.walked), "%s: steps of %.*s", rule->id, (int)len,
		  piece);
	/* there are five rules of a kind at most that share their anchors */
	cr_expect_leq(twice.walked, 10 * SIZE, "%s: steps of %.*s", rule->id, (int)len, piece);
}

static int passes_a_wall(pcre2_callout_block *block, void *passed)
{
	(void)block;
	*(bool *)passed = true;
	return 0;
}

/* However long the text is, a try that fails must be over soon; what is walked far is counted elsewhere. */
static void expect_few_steps(const struct rule *rule, const pcre2_code *code, const char *piece,
			     size_t len, size_t start)
{
	static char text[1 << 16];
	pcre2_match_data *match = pcre2_match_data_create(RULE_GROUPS_MAX + 1, NULL);
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	bool walled = false;
	int rc;

	cr_assert(match && limits);
	pcre2_set_callout(limits, passes_a_wall, &walled);
	for (size_t at = 0; at < sizeof(text); at++)
		text[at] = piece[at % len];
	rc = pcre2_match(code, (PCRE2_SPTR)text, sizeof(text), start, 0, match, limits);
	cr_expect(rc > 0 || rc == PCRE2_ERROR_NOMATCH, "%s: %d", rule->id, rc);
	pcre2_set_match_limit(limits, STEPS_MAX);
	if (rc < 0 && !walled)
		rc = pcre2_match(code, (PCRE2_SPTR)text, sizeof(text), start, PCRE2_NO_JIT, match,
				 limits);
	cr_expect_neq(rc, PCRE2_ERROR_MATCHLIMIT, "%s: %.*s", rule->id, (int)len, piece);
	pcre2_match_context_free(limits);
	pcre2_match_data_free(match);
}

static void try_rule(const struct rule *rule)
{
	struct hostile h;
	struct hostile_piece p;

	hostile_init(&h, rule);
	for (size_t a = 0; rule->anchors[a] && a < ANCHORS; a++) {
		for (size_t i = 0; i < COUNT(lengths) * 2; i++) {
			hostile_make(&h, rule->anchors[a], lengths[i / 2], i % 2 ? 85 : 30, i % 2,
				     &p);
			expect_linear(rule, p.text, p.len);
			expect_few_steps(rule, h.compiled.code, p.text, p.len, p.start);
		}
	}
	hostile_free(&h);
}

Test(detect_hostile, each_rule_takes_linear_work)
{
	for (unsigned id = 0; id < RULE_COUNT; id++)
		try_rule(&rule_table[id]);
}

/* From each of the rule's anchors in the piece. */
static void try_piece(const struct rule *rule, const pcre2_code *code, const char *piece,
		      size_t len)
{
	for (size_t a = 0; rule->anchors[a]; a++) {
		size_t n = strlen(rule->anchors[a]);

		for (size_t at = 0; at + n <= len; at++)
			if (!memcmp(piece + at, rule->anchors[a], n))
				expect_few_steps(rule, code, piece, len, at);
	}
}

/* What a sample begins with, up to where some word or number of it ends, over and over. */
static void try_begins(const char *text)
{
	size_t most = strlen(text) < BEGIN_MAX ? strlen(text) : BEGIN_MAX;

	for (size_t len = 3; len <= most; len++) {
		if (isalnum((unsigned char)text[len - 1]) && isalnum((unsigned char)text[len]))
			continue;
		for (unsigned id = 0; id < RULE_COUNT; id++)
			if (!rule_table[id].back)
				try_piece(&rule_table[id],
					  rule_ready(catalogue, (enum rule_id)id)->code, text, len);
	}
}

Test(detect_hostile, begins_of_what_matches_take_few_steps)
{
	for (size_t i = 0; i < COUNT(samples); i++) {
		char text[TEXT_MAX];

		unmark(samples[i], text);
		try_begins(text);
	}
}

Test(detect_hostile, all_anchors_in_turn)
{
	static const char *const between[] = {"", " ", "\n", ",", "\"", "="};

	for (size_t b = 0; b < COUNT(between); b++) {
		char *piece = malloc(1 << 17);
		size_t len = 0;
		struct detect_work once, twice;

		cr_assert(piece);
		for (unsigned id = 0; id < RULE_COUNT; id++)
			for (size_t a = 0; rule_table[id].anchors[a]; a++)
				len += (size_t)snprintf(piece + len, (1 << 17) - len, "%s%s",
							rule_table[id].anchors[a], between[b]);
		cr_assert_lt(len, 1 << 17);
		once = work_on(piece, len, 2 * len);
		twice = work_on(piece, len, 4 * len);
		cr_expect(is_linear(once.anchors, twice.anchors), "anchors");
		cr_expect(is_linear(once.matches, twice.matches), "tries");
		cr_expect_leq(twice.walked, 16 * len, "steps"); /* of 4 * len bytes */
		free(piece);
	}
}

/* A line that was searched once for its end is not searched again from each word in it. */
Test(detect_hostile, a_far_walk_is_walked_once)
{
	static const char *const pieces[] = {"account,", "s3api list-buckets ", "[id=vpc",
					     ":secret:corvid", "aws_ssm_parameter\" "};

	for (size_t i = 0; i < COUNT(pieces); i++) {
		struct detect_work w = work_on(pieces[i], strlen(pieces[i]), 1 << 16);

		cr_expect_gt(w.walked, 1000, "%s", pieces[i]);
		cr_expect_leq(w.walked, 2 << 16, "%s", pieces[i]);
	}
}

/* What failed from the first of two anchors may still be found from the second. */
Test(detect_hostile, what_a_walk_forbids_is_only_what_it_found_out)
{
	expect_marks("aws_ssm_parameter\" aws_cloudwatch_log_group\" \"x\" {\n"
		     "  name = \"<<LOG_GROUP:corvid-ledger>>\"");
	expect_marks("account,x\nx,y\naccount,x\n<<AWS_ACCOUNT:482910573641>>,x");
	expect_marks(
		"account,x,account\n<<AWS_ACCOUNT:482910573641>>,x,<<AWS_ACCOUNT:482910573641>>");
	expect_marks("[id=vpc [id=<<PHYSICAL_ID:corvid-1>>]");
}

/* What the expressions that walk far are about, in any order. */
static const char *const pieces_of_far[] = {
	"account",
	"account,",
	",",
	"\n",
	"\n",
	"\\n",
	" ",
	"|",
	"x",
	"\\\"",
	"482910573641",
	"482910573641,x",
	"s3api list-buckets",
	"corvid-ledger-1",
	"aws_ssm_parameter\"",
	"aws_secretsmanager_secret\"",
	"aws_cloudwatch_log_group\"",
	"AWS::SSM::Parameter",
	"\n name = \"/corvid/x\"",
	"\n name = \"corvid-x\"",
	"\nresource \"x\"",
	"[id=",
	"]",
	"corvid-1",
	"arn:",
	":secret:",
	"corvid/db",
	"\", \"Name\": \"",
	"random_password\"",
	"\"result\": \"",
	"Xy12345678",
	"\"id\": \"a1b2c3d4e5\"",
	"\"value\": \"AbCdEf0123456789AbCdEf\"",
	"\"stageKeys",
	"\"rootResourceId",
	"}",
	"\"",
	"aorAAAAA",
	"abcdefghij0123456789abcdefghij0123456789",
	".",
	":",
};

static void expect_agreement(struct reference *r, const char *text)
{
	static struct span wanted[REFERENCE_SPANS_MAX];
	char found[TEXT_MAX * 2], expected[TEXT_MAX * 2];
	size_t n = reference_detect(r, (const uint8_t *)text, strlen(text), false, wanted);

	mark(text, strlen(text), wanted, n, expected);
	find_and_mark(text, found);
	cr_expect_str_eq(found, expected);
}

Test(detect_hostile, far_walks_find_what_trying_everywhere_does)
{
	static struct reference reference;
	struct hostile h = {.seed = 20310504}; /* for its numbers */

	reference_init(&reference);
	for (unsigned i = 0; i < TEXTS; i++) {
		char text[TEXT_MAX / 4] = "";
		uint32_t base = hostile_random(&h, COUNT(pieces_of_far));

		/* neighbours belong together */
		for (unsigned n = hostile_random(&h, 16) + 2; n; n--)
			strcat(text, pieces_of_far[(base + hostile_random(&h, 12)) %
						   COUNT(pieces_of_far)]);
		expect_agreement(&reference, text);
	}
	reference_free(&reference);
}

/* What tries led to is remembered as long as all that they read is the same, and no longer. */
Test(detect_hostile, what_repeats_itself_is_found_as_often)
{
	/* each `#` is another byte in some of them only */
	static const char *const pieces[] = {
		"account,user_name owner: table \"corvid-1\" #",
		"arn:aws:iam::arn:aws:s3:::corvid-1/x arn:#",
		"corvid-ledger-1password ,keyaccount#",
		"user_name=bucketaccount482910573641cluster i-0a1b2c3d#",
		"account]namekeypassword key:iam::#",
		"secrets3:::table :482910573641account#",
		"nameaccountcorvid-1/xiam::corvid-ledger-1user_name[id=#",
	};
	static struct reference reference;
	struct hostile h = {.seed = 20310504};

	reference_init(&reference);
	for (unsigned i = 0; i < COUNT(pieces) * 8; i++) {
		const char *piece = pieces[i % COUNT(pieces)];
		char text[TEXT_MAX / 2] = "";
		size_t len = strlen(piece);

		for (size_t at = 0; at + 1 < sizeof(text); at++) {
			bool other = piece[at % len] == '#' && !hostile_random(&h, 6);

			text[at] = other ? ":,=\" \n"[hostile_random(&h, 6)] : piece[at % len];
		}
		expect_agreement(&reference, text);
	}
	reference_free(&reference);
}

/* What takes more than it may is refused, whatever it is; from then on all is as before. */
Test(detect_hostile, effort_has_an_end)
{
	static const char text[] = "account 482910573641 ";
	struct buf spans;
	uint8_t body[SIZE];

	for (size_t at = 0; at < SIZE; at++)
		body[at] = (uint8_t)text[at % (sizeof(text) - 1)];
	buf_init(&spans, 1 << 20);
	detector_allow(detector, 100);
	cr_expect_eq(detect(detector, body, SIZE, &spans), -1);
	cr_expect_eq(buf_len(&spans), 0);
	cr_expect_eq(detect(detector, body, SIZE, &spans), -1, "it is over");
	detector_allow(detector, (uint64_t)SIZE * (1 + EFFORT_TRY));
	cr_expect_eq(detect(detector, body, SIZE, &spans), 0);
	cr_expect_eq(buf_len(&spans), SIZE / (sizeof(text) - 1) * sizeof(struct span));
	buf_free(&spans);
}
