/* SPDX-License-Identifier: Apache-2.0 */
#include "../detect_reference.h"
#include "detect_marks.h"
#include "detect_samples.h"
#include "detect_samples_found.h"

#include <time.h>

TestSuite(detect, .init = setup, .fini = teardown, .timeout = 120);

Test(detect, samples)
{
	for (size_t i = 0; i < COUNT(samples); i++)
		expect_marks(samples[i]);
}

Test(detect, near_misses)
{
	for (size_t i = 0; i < COUNT(near_misses); i++)
		expect_marks(near_misses[i].text);
}

/* Whatever stands before an identifier as text reaches us, down to four escapings deep. */
Test(detect, samples_behind)
{
	static const char *const before[] = {
		" ",
		"\n",
		"\t",
		"\"",
		"'",
		"(",
		"=",
		",a,",
		"_",
		"\\n",
		"\\\\n",
		"\\\\\\n",
		"\\\\\\\\n",
		"\\t",
		"\\r",
		"\\\\t",
		"\\b",
		"\\f",
		"\\\"",
		"\\/",
		"\\\\",
		"\\u000a",
		"\\\\u000A",
		"\\u003e",
		"\\x0a",
		"\\x1b[0m",
		"\x1b[31m",
		"\x1b[1;32m",
		"\x1b[m\x1b[K",
		"\\u001b[31m",
		"\\u001B[0;1m",
		"\\033[33m",
		"\\e[1m",
		"^[[0m",
		"%2F",
		"%3A",
		"%3d",
		"%20",
		"%252F",
		"%25252F",
		"$252F",
		"\xc3\xa9",
		"\xe2\x80\x9c",
		"x ",
	};

	for (size_t i = 0; i < COUNT(samples); i++)
		for (size_t b = 0; b < COUNT(before); b++)
			expect_within(before[b], samples[i], "");
}

Test(detect, samples_before)
{
	static const char *const after[] = {
		" ",	"\n",	    "\"", "'",	     ")",	   ",",	      ", b",
		";",	".",	    ". ", "\\n",     "\\\\n",	   "\\\\\\n", "\\\\\\\\n",
		"\\\"", "\\\\\\\"", "\\", "\x1b[0m", "\\u001b[0m", "\\u0022", "\xc3\xa9",
		"|",	"]",	    "}",  "&x=1",    "<",	   "`",
	};

	for (size_t i = 0; i < COUNT(samples); i++)
		for (size_t a = 0; a < COUNT(after); a++)
			expect_within("", samples[i], after[a]);
}

/* Not where "_" or "%" belongs to the identifier itself. */
Test(detect, underscore_and_percent_behind)
{
	static const char *const after[] = {"_", "_x", "_1", "%2F", "%22", "%0A"};

	for (size_t i = 0; i < COUNT(samples); i++) {
		if (!strncmp(samples[i], "arn:aws:iam", 11) ||
		    !strncmp(samples[i], "arn:aws:ec2", 11) ||
		    strstr(samples[i], "<<ARN_RESOURCE") || strstr(samples[i], "<<SQS_QUEUE") ||
		    strstr(samples[i], "<<SESSION") || strstr(samples[i], "amazonaws") ||
		    strstr(samples[i], "<<ELB_") || strstr(samples[i], "<<LOG_GROUP") ||
		    strstr(samples[i], "<<ECR_") || strstr(samples[i], "<<S3_BUCKET"))
			continue;
		for (size_t a = 0; a < COUNT(after); a++) {
			/* a %2F may go on a secret key: then there is none of forty characters */
			if (after[a][0] == '_' || !strstr(samples[i], "<<SECRET"))
				expect_within("", samples[i], after[a]);
		}
	}
}

/* No two samples keep each other from being found, and a type's span stays one in company. */
Test(detect, samples_side_by_side)
{
	char both[TEXT_MAX];

	for (size_t a = 0; a < COUNT(samples); a++)
		for (size_t b = 0; b < COUNT(samples); b++) {
			snprintf(both, sizeof(both), "%s; %s", samples[a], samples[b]);
			expect_marks(both);
		}
}

static void expect_hex_id(enum mask_type type, const char *prefix, const char *digits)
{
	char marked[200];

	snprintf(marked, sizeof(marked), "<<%s:%s%s>>", type_table[type].label, prefix, digits);
	expect_within("", marked, "");
	expect_within("x ", marked, " y");
	expect_within("\\n", marked, "\\n");
	expect_within("\\\\\\\\n", marked, "_x");
	expect_within("%2F", marked, "%2F");
	expect_within("a_", marked, "-1");
	expect_within("/", marked, "/");
}

static void expect_no_hex_id(const char *before, const char *prefix, const char *digits,
			     const char *after)
{
	char text[200], found[400];

	snprintf(text, sizeof(text), "%s%s%s%s", before, prefix, digits, after);
	find_and_mark(text, found);
	cr_expect_str_eq(found, text);
}

Test(detect, hex_ids)
{
	for (size_t i = 0; i < COUNT(hex_ids); i++) {
		const char *prefix = hex_ids[i].prefix;

		expect_hex_id(hex_ids[i].type, prefix, "0123456789abcdef0");
		expect_hex_id(hex_ids[i].type, prefix, "0a1b2c3d4e5f60718");
		if (hex_ids[i].short_too) {
			expect_hex_id(hex_ids[i].type, prefix, "0a1b2c3d");
			expect_hex_id(hex_ids[i].type, prefix, "12345678");
			expect_no_hex_id("", prefix, "0a1b2c3d", ".js");
			expect_no_hex_id("", prefix, "0a1b2c3d", ".css");
		}
		expect_no_hex_id("", prefix, "0a1b2c3", "");
		expect_no_hex_id("", prefix, "0a1b2c3d4", "");
		expect_no_hex_id("", prefix, "0a1b2c3d4e5f6071", "");
		expect_no_hex_id("", prefix, "0a1b2c3d4e5f60718a", "");
		expect_no_hex_id("", prefix, "0A1B2C3D", "");
		expect_no_hex_id("", prefix, "0a1b2c3g", "");
		expect_no_hex_id("", prefix, "0a1b2c3d", "g");
		expect_no_hex_id("", prefix, "0a1b2c3d", "Z");
		if (strchr(prefix, '-') != prefix + strlen(prefix) - 1)
			continue; /* "tgw-rtb-": without its start it is a "rtb-" */
		expect_no_hex_id("q", prefix, "0a1b2c3d", "");
		expect_no_hex_id("7", prefix, "0a1b2c3d", "");
		expect_no_hex_id("Q", prefix, "0a1b2c3d4e5f60718", "");
	}
}

/* The manual has them side by side: each needs one, of its own, that fits its column. */
Test(detect, each_type_says_what_it_is)
{
	for (int t = 0; t < TYPE_COUNT; t++) {
		const char *d = type_table[t].description;

		cr_assert(d && *d, "%s", type_table[t].label);
		cr_expect(strlen(d) <= 60 && d[strlen(d) - 1] != '.', "%s: %s", type_table[t].label,
			  d);
		for (int other = 0; other < t; other++)
			cr_expect_str_neq(d, type_table[other].description, "%s and %s: %s",
					  type_table[t].label, type_table[other].label, d);
	}
}

static void expect_agreement(struct reference *r, const char *text)
{
	static struct span wanted[REFERENCE_SPANS_MAX];
	char found[TEXT_MAX * 2], expected[TEXT_MAX * 2];
	size_t n = reference_detect(r, (const uint8_t *)text, strlen(text), true, wanted);

	mark(text, strlen(text), wanted, n, expected);
	find_and_mark(text, found);
	cr_expect_str_eq(found, expected);
}

Test(detect, agrees_with_trying_everything_everywhere)
{
	static struct reference reference;
	const struct {
		const char *const *texts;
		size_t count;
	} all[] = {{samples, COUNT(samples)},		{found_hosts, COUNT(found_hosts)},
		   {found_keys, COUNT(found_keys)},	{found_services, COUNT(found_services)},
		   {found_places, COUNT(found_places)}, {kept, COUNT(kept)}};
	char text[TEXT_MAX];

	reference_init(&reference);
	for (size_t i = 0; i < COUNT(all); i++) {
		for (size_t k = 0; k < all[i].count; k++) {
			unmark(all[i].texts[k], text);
			expect_agreement(&reference, text);
		}
	}
	for (size_t i = 0; i < COUNT(near_misses); i++)
		expect_agreement(&reference, near_misses[i].text);
	for (size_t i = 0; i < COUNT(missed_services); i++)
		for (size_t k = 0; k < COUNT(missed_services[i].texts); k++)
			expect_agreement(&reference, missed_services[i].texts[k]);
	reference_free(&reference);
}

Test(detect, overlaps)
{
	/* the leftmost wins, what reaches beyond it is cut, not dropped */
	expect_marks("<<LITERAL:VPC_001>> <<LITERAL:EC2_INSTANCE_1000>> VPC_0001");
	expect_marks("arn:aws:ec2:eu-west-1:<<AWS_ACCOUNT:482910573641>>:volume/"
		     "<<EBS_VOLUME:vol-0a1b2c3d>>");
	expect_marks("arn:aws:iam::<<AWS_ACCOUNT:482910573641>>:role/"
		     "<<ARN_RESOURCE:my-vol-0a1b2c3d>>");
	expect_marks("s3://<<S3_BUCKET:data-i-0a1b2c3d>>/<<EC2_INSTANCE:i-0a1b2c3d>>");
	expect_marks("<<LITERAL:S3_BUCKET_001>>.s3.amazonaws.com");
	expect_marks("arn:aws:iam::<<LITERAL:AWS_ACCOUNT_001>>:role/<<LITERAL:ARN_RESOURCE_002>>");
}

Test(detect, says_which_rule_found_it)
{
	static const char text[] =
		"vpc-0a1b2c3d VPC_001 s3://corvid-ledger arn:aws:s3:::corvid-ledger";
	static const uint16_t rules[] = {RULE_vpc, RULE_LITERAL, RULE_s3_url, RULE_s3_arn};
	const struct span *s;
	struct buf spans;

	buf_init(&spans, 1 << 12);
	cr_assert_eq(detect(detector, (const uint8_t *)text, strlen(text), &spans), 0);
	s = (const void *)buf_bytes(&spans);
	cr_assert_eq(buf_len(&spans), COUNT(rules) * sizeof(*s));
	for (size_t i = 0; i < COUNT(rules); i++)
		cr_expect_eq(s[i].rule, rules[i], "%zu", i);
	buf_free(&spans);
}

Test(detect, appends_and_leaves_alone_on_failure)
{
	const char text[] = "i-0a1b2c3d i-0a1b2c3e i-0a1b2c3f";
	const struct span first = {1, 2, TYPE_VPC, RULE_vpc};
	struct buf spans;

	buf_init(&spans, 4 * sizeof(struct span));
	cr_assert_eq(buf_append(&spans, &first, sizeof(first)), 0);
	cr_expect_eq(detect(detector, (const uint8_t *)text, strlen(text), &spans), 0);
	cr_expect_eq(buf_len(&spans), 4 * sizeof(struct span));
	cr_expect_arr_eq(buf_bytes(&spans), &first, sizeof(first));
	cr_expect_eq(detect(detector, (const uint8_t *)text, strlen(text), &spans), -1);
	cr_expect_eq(buf_len(&spans), 4 * sizeof(struct span));
	buf_free(&spans);
	cr_expect_eq(detect(detector, NULL, 0, &spans), 0);
	cr_expect_eq(buf_len(&spans), 0);
}

/* What is repeated until it fills half a megabyte must not take more than its share of time. */
Test(detect, hostile_texts_take_linear_time)
{
	const size_t size = 1 << 19;
	char *text = malloc(size);
	struct buf spans;
	clock_t before;

	cr_assert(text);
	for (size_t i = 0; i < COUNT(hostile); i++) {
		for (size_t at = 0; at < size; at++)
			text[at] = hostile[i][at % strlen(hostile[i])];
		buf_init(&spans, SIZE_MAX / 2);
		before = clock();
		cr_expect_eq(detect(detector, (uint8_t *)text, size, &spans), 0, "%s", hostile[i]);
		cr_expect_lt(clock() - before, 2 * CLOCKS_PER_SEC, "%s", hostile[i]);
		buf_free(&spans);
	}
	free(text);
}

static struct detect_work work_on(const char *piece, size_t size)
{
	struct detect_work before = *detector_work(detector), after;
	uint8_t *text = malloc(size);
	struct buf spans;

	cr_assert(text);
	for (size_t at = 0, len = strlen(piece); at < size; at++)
		text[at] = (uint8_t)piece[at % len];
	buf_init(&spans, SIZE_MAX / 2);
	cr_expect_eq(detect(detector, text, size, &spans), 0, "%s", piece);
	buf_free(&spans);
	free(text);
	after = *detector_work(detector);
	return (struct detect_work){.anchors = after.anchors - before.anchors,
				    .matches = after.matches - before.matches};
}

/* No more for each byte in a long text than in a short one, but for what a long match left out. */
static bool is_linear(uint64_t once, uint64_t twice)
{
	return twice <= once * 2 + once / 4 + 64;
}

/* Counted, not timed. */
Test(detect, hostile_texts_take_linear_work)
{
	const size_t size = 1 << 15, slack = 64;

	for (size_t i = 0; i < COUNT(hostile); i++) {
		struct detect_work once = work_on(hostile[i], size);
		struct detect_work twice = work_on(hostile[i], 2 * size);

		cr_expect(is_linear(once.anchors, twice.anchors), "%s: anchors", hostile[i]);
		cr_expect(is_linear(once.matches, twice.matches), "%s: matches", hostile[i]);
		cr_expect_leq(once.matches, size / 2, "%s: matches", hostile[i]);
	}
	cr_expect_lt(work_on("arn:", size).matches, slack, "an anchor that nothing can follow");
	cr_expect_lt(work_on("AKIA", size).matches, slack);
	cr_expect_lt(work_on("10.", size).matches, slack);
	cr_expect_lt(work_on("a table read table request ", size).matches, slack, "prose");
	cr_expect_lt(work_on("a Stream is a Cluster state ", size).matches, slack, "prose");
	cr_expect_gt(work_on("i-0a1b2c3d ", size).matches, slack, "work is counted");
}

/* One value of many bytes: a token may be as long as it likes. */
Test(detect, long_token)
{
	const size_t size = 3 << 20;
	char *text = malloc(size);
	const struct span *s;
	struct buf spans;

	cr_assert(text);
	memset(text, 'a', size);
	for (size_t i = 99; i + 2 < size; i += 100)
		memcpy(text + i, "\\/", 2);
	memcpy(text, "session_token=", 14);
	buf_init(&spans, 1 << 10);
	cr_assert_eq(detect(detector, (uint8_t *)text, size, &spans), 0);
	s = (const void *)buf_bytes(&spans);
	cr_assert_eq(buf_len(&spans), sizeof(*s));
	cr_expect(s->start == 14 && s->end == size && s->type == TYPE_SESSION_TOKEN);
	buf_free(&spans);
	free(text);
}
