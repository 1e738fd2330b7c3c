/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each case is a text in which the place in question is marked, what is said of it, and words that
 * the explanation must have.
 */
#include "../../user/mask/explain.h"
#include "../../user/mask/catalogue.h"
#include "../mask_world.h"
#include "detect_samples.h"

#include <criterion/criterion.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT_MAX 4000
#define MEMORY ((size_t)64 << 20)

static struct world world;
static struct explain *explain;

static void setup(void)
{
	world_init(&world);
	explain = explain_new(world.catalogue, MEMORY);
	cr_assert(explain);
}

static void teardown(void)
{
	explain_free(explain);
	world_free(&world);
}

TestSuite(explain, .init = setup, .fini = teardown, .timeout = 120);

/* Take the marks out; *start and *end are where they stood. */
static void unmark(const char *marked, char *text, size_t *start, size_t *end)
{
	const char *open = strstr(marked, "<<"), *close = strstr(marked, ">>");

	cr_assert(open && close && strlen(marked) < TEXT_MAX, "%s", marked);
	*start = (size_t)(open - marked);
	*end = (size_t)(close - marked) - 2;
	sprintf(text, "%.*s%.*s%s", (int)(open - marked), marked, (int)(close - open - 2), open + 2,
		close + 2);
}

static void scan(const struct mask_policy *p, const char *text, bool json)
{
	cr_assert_eq(explain_scan(explain, p, (const uint8_t *)text, strlen(text), json), MASK_OK,
		     "%s", text);
}

static const struct explain_item *item_at(size_t start, size_t end)
{
	const struct explain_item *items;
	size_t n;

	items = explain_items(explain, &n);
	for (size_t i = 0; i < n; i++)
		if (items[i].start == start && items[i].end == end)
			return &items[i];
	return NULL;
}

/* That the marked place has this action and these words in its explanation. */
static void expect(const struct mask_policy *p, const char *marked, enum action action,
		   enum mask_type type, const char *words)
{
	const struct explain_item *item;
	char text[TEXT_MAX];
	size_t start, end;

	unmark(marked, text, &start, &end);
	scan(p, text, false);
	item = item_at(start, end);
	cr_assert(item, "nothing is said of it: %s", marked);
	cr_expect_eq(item->action, action, "%s: %d", marked, item->action);
	cr_expect_eq(item->type, type, "%s: %s", marked, type_table[item->type].label);
	cr_expect_eq(item->number > 0, action == ACTION_MASK, "%s", marked);
	cr_expect_eq(strlen(explain_words(explain, item)), item->why_len);
	cr_expect(strstr(explain_words(explain, item), words), "%s: %s", marked,
		  explain_words(explain, item));
}

Test(explain, why_it_is_masked)
{
	static const struct {
		const char *marked;
		enum mask_type type;
		const char *words;
	} cases[] = {
		{"on <<vol-0a1b2c3d>>", TYPE_EBS_VOLUME,
		 "It begins with `vol-`, and 8 or 17 hexadecimal digits follow."},
		{"<<sfr-0a1b2c3d-1234-5678-9abc-0a1b2c3d4e5f>>", TYPE_SPOT_FLEET,
		 "It begins with `sfr-`, and a UUID follows."},
		{"ls s3://<<corvid-ledger>>/a", TYPE_S3_BUCKET,
		 "`s3://` before it says that it is an S3 bucket name."},
		{"<<734019286651>>.dkr.ecr.eu-west-1.amazonaws.com/tide", TYPE_AWS_ACCOUNT,
		 "`.dkr.ecr.eu-west-1.amazonaws.com/tide` behind it says that it is an AWS account "
		 "id."},
		{"arn:aws:iam::<<734019286651>>:role/tidewater", TYPE_AWS_ACCOUNT,
		 "the ARN `arn:aws:iam::734019286651:role/tidewater`"},
		{"<<corvid-b>>.c9akciq32abc.eu-west-1.rds.amazonaws.com", TYPE_RDS_NAME,
		 "a part of the host name `corvid-b.c9akciq32abc.eu-west-1.rds.amazonaws.com`"},
		{"account id: <<734019286651>>", TYPE_AWS_ACCOUNT, "`account id: ` before it"},
		{"\"DetectorId\": \"<<9f1c27ab04de68355c7a1e90b2d4f683>>\"", TYPE_GUARDDUTY_ID,
		 "`DetectorId\": \"` before it"},
		{"at <<10.83.17.204>>", TYPE_PRIVATE_IPV4, "no word before it makes it a version"},
		{"s3://corvid-ledger/a\nand\n  <<corvid-ledger>>.", TYPE_S3_BUCKET,
		 "the same value as at line 1, column 6"},
		{"<<corvid-ledger>> is s3://corvid-ledger", TYPE_S3_BUCKET,
		 "the same value as at line 1, column 23"},
		{"s3://<<logs>>/", TYPE_S3_BUCKET,
		 "Elsewhere it would not be masked: it is shorter than 6 bytes."},
		{"s3://<<production>>/", TYPE_S3_BUCKET, "Elsewhere it would not be masked: "},
		{"{\"a\":\"\\\\n<<vol-0a1b2c3d>>\"}", TYPE_EBS_VOLUME,
		 "directly before it, `\\\\n`, is an escape and not a part of it."},
		{"\x1b[1;31m<<vol-0a1b2c3d>>\x1b[0m", TYPE_EBS_VOLUME,
		 "`\\x1b[1;31m`, is an escape"},
		{"/a%2F<<vol-0a1b2c3d>>", TYPE_EBS_VOLUME, "`%2F`, is an escape"},
		{"see <<VPC_001>>", TYPE_LITERAL, "looks like a placeholder already"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		expect(&policy_default, cases[i].marked, ACTION_MASK, cases[i].type,
		       cases[i].words);
}

Test(explain, why_it_was_not_found)
{
	static const struct {
		const char *marked;
		enum mask_type type;
		const char *words;
	} cases[] = {
		{"x<<vol-0a1b2c3d>>", TYPE_EBS_VOLUME, "`x` stands directly before it"},
		{"x<<ami-0a1b2c3d>>", TYPE_EC2_IMAGE,
		 "the form of an Amazon Machine Image id, but `x`"},
		{"<<vol-0a1b2c3d>>z", TYPE_EBS_VOLUME, "`z` follows directly"},
		{"<<vol-0a1b2c3>>", TYPE_EBS_VOLUME,
		 "8 or 17 hexadecimal digits would have to follow"},
		{"1.<<10.2.3.4>>", TYPE_PRIVATE_IPV4, "the number goes on before it"},
		{"<<10.2.3.4>>.5", TYPE_PRIVATE_IPV4, "the number goes on behind it"},
		{"version <<10.2.3.4>>", TYPE_PRIVATE_IPV4, "makes it a version number"},
		{"net <<10.0.0.0/8>>", TYPE_PRIVATE_IPV4, "The whole private block is everybody's"},
		{"dns <<8.8.4.4>>", TYPE_PRIVATE_IPV4, "not a private address"},
		{"bucket = \"<<ledger>>\"", TYPE_S3_BUCKET, "this is a plain word"},
		{"account: <<73401928665>>", TYPE_AWS_ACCOUNT,
		 "the form of one: 12 digits, or 4-4-4 with dashes. It has 11 characters."},
		{"order <<734019286651>>", TYPE_AWS_ACCOUNT, "only in company"},
		{"id <<3f2a9c10-77aa-4b1e-9c3d-0a1b2c3d4e5f>>", TYPE_KMS_KEY,
		 "nothing before it says so"},
		{"s3://corvid-ledger <<corvid-ledger-2>>", TYPE_S3_BUCKET, "it is another name"},
		{"s3://logs/ <<logs>>", TYPE_S3_BUCKET,
		 "it is not learned: it is shorter than 6 bytes"},
		{"<<arn:aws:iam::aws:policy/ReadOnlyAccess>>", TYPE_ARN_RESOURCE,
		 "names nothing of yours"},
		{"zone <<Z2FDTNDATAQYW2>>", TYPE_ROUTE53_ZONE, "Zones that are AWS's own"},
		{"<<alias/aws/ebs>>", TYPE_KMS_ALIAS, "AWS's own"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		expect(&policy_default, cases[i].marked, ACTION_COUNT, cases[i].type,
		       cases[i].words);
}

/* Nor is everything worth a remark that has digits in it. */
Test(explain, what_nobody_would_expect_to_be_masked)
{
	static const char *const texts[] = {
		"plain prose about a bucket, an account manager and the keys to the house",
		"commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
		"npm install left-pad@1.3.0 && node v20.11.1",
		"api-0a1b2c3d e-mail 2026-11-21T12:30:00Z +49 30 1234567",
		"for (int i = 0; i < 10; i++) account->key = user.name;",
		"mongodb://ledger.example.org:27017/x",
		"i-th, d-day, s-maxage=3600, r-squared 0.98765432, sg-1",
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		const struct explain_item *items;
		size_t n;

		scan(&policy_default, texts[i], false);
		items = explain_items(explain, &n);
		cr_expect_eq(n, 0, "%s: %s", texts[i], n ? explain_words(explain, items) : "");
	}
}

Test(explain, what_the_policy_does)
{
	struct mask_policy p = policy_default;
	struct known allow;

	expect(&p, "account <<111122223333>>", ACTION_ALLOW, TYPE_AWS_ACCOUNT,
	       "AWS's own documentation");
	expect(&p, "mac <<0a:1b:2c:3d:4e:5f>>", ACTION_ALLOW, TYPE_MAC_ADDRESS,
	       "The type is off unless `types:` names it: `MAC_ADDRESS: mask` would mask it.");
	p.actions[TYPE_EBS_VOLUME] = ACTION_ALLOW;
	expect(&p, "<<vol-0a1b2c3d>>", ACTION_ALLOW, TYPE_EBS_VOLUME,
	       "`EBS_VOLUME: mask` would mask it");
	p.actions[TYPE_EBS_VOLUME] = ACTION_OBSERVE;
	expect(&p, "<<vol-0a1b2c3d>>", ACTION_OBSERVE, TYPE_EBS_VOLUME, "found and counted");
	p.actions[TYPE_EBS_VOLUME] = ACTION_BLOCK;
	expect(&p, "<<vol-0a1b2c3d>>", ACTION_BLOCK, TYPE_EBS_VOLUME, "It begins with `vol-`");
	known_init(&allow, MEMORY);
	cr_assert_eq(known_add(&allow, TYPE_LITERAL, (const uint8_t *)"10.96.0.1", 9), 0);
	p.allow = &allow;
	expect(&p, "dns <<10.96.0.1>>", ACTION_ALLOW, TYPE_PRIVATE_IPV4, "lists under `allow`");
	known_free(&allow);
}

Test(explain, a_body)
{
	static const char text[] =
		"{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
		"\"thinking\":\"vol-0a1b2c3d\",\"signature\":\"c2ln\"},"
		"{\"type\":\"tool_use\",\"input\":[\"account\",\"734019286651\"]},"
		"{\"type\":\"text\",\"text\":\"one\\nvol-0b1b2c3d\"}]}]}";
	const struct explain_item *item;
	size_t at;

	scan(&policy_default, text, true);
	at = (size_t)(strstr(text, "vol-0a") - text);
	item = item_at(at, at + 12);
	cr_assert(item);
	cr_expect_eq(item->action, ACTION_COUNT);
	cr_expect(strstr(explain_words(explain, item), "signed block"));
	at = (size_t)(strstr(text, "734019286651") - text);
	item = item_at(at, at + 12);
	cr_assert(item);
	cr_expect(strstr(explain_words(explain, item), "another string of the body"));
	at = (size_t)(strstr(text, "vol-0b") - text);
	item = item_at(at, at + 12);
	cr_assert(item);
	cr_expect_eq(item->action, ACTION_MASK);
	at = (size_t)(strstr(text, "vol-0a") - text);
	cr_expect_null(item_at(at + 1, at + 12));
	cr_expect_eq(explain_scan(explain, &policy_default, (const uint8_t *)"{", 1, true),
		     MASK_NOT_JSON);
}

/* What masking makes of it, and nothing else; the items in their order, disjoint, each with words. */
static void expect_consistent(const uint8_t *text, size_t len)
{
	const struct explain_item *items;
	size_t n, end = 0;
	struct buf out;

	buf_init(&out, MEMORY);
	world_forget(&world);
	cr_assert_eq(world_text(&world, text, len), MASK_OK);
	cr_assert_eq(explain_scan(explain, &policy_default, text, len, false), MASK_OK);
	cr_assert_eq(explain_masked(explain, &out), 0);
	cr_expect(buf_len(&out) == buf_len(&world.out) &&
			  (!len || !memcmp(buf_bytes(&out), buf_bytes(&world.out), buf_len(&out))),
		  "%.*s", (int)len, (const char *)text);
	items = explain_items(explain, &n);
	for (size_t i = 0; i < n; i++) {
		cr_expect(items[i].start >= end && items[i].end > items[i].start &&
			  items[i].end <= len);
		cr_expect_gt(items[i].why_len, 20);
		end = items[i].end;
	}
	buf_free(&out);
}

Test(explain, all_samples)
{
	char text[TEXT_MAX];

	for (size_t i = 0; i < COUNT(samples); i++) {
		char *to = text;

		for (const char *p = samples[i]; *p; p++) {
			if (p[0] == '<' && p[1] == '<')
				p = strchr(p, ':');
			else if (p[0] == '>' && p[1] == '>')
				p++;
			else
				*to++ = *p;
		}
		expect_consistent((const uint8_t *)text, (size_t)(to - text));
	}
	expect_consistent((const uint8_t *)"", 0);
}

/* A sentence that names neither what stands beside a value nor its form says nothing. */
Test(explain, hardly_any_sample_gets_the_sentence_for_want_of_a_better_one)
{
	size_t all = 0, vague = 0;
	char text[TEXT_MAX];

	for (size_t i = 0; i < COUNT(samples); i++) {
		const struct explain_item *items;
		char *to = text;
		size_t n;

		for (const char *p = samples[i]; *p; p++) {
			if (p[0] == '<' && p[1] == '<')
				p = strchr(p, ':');
			else if (p[0] == '>' && p[1] == '>')
				p++;
			else
				*to++ = *p;
		}
		*to = 0;
		scan(&policy_default, text, false);
		items = explain_items(explain, &n);
		for (size_t k = 0; k < n; k++) {
			all += items[k].number > 0;
			vague += strstr(explain_words(explain, &items[k]),
					"What stands beside it, or") != NULL;
		}
	}
	cr_expect_gt(all, 100);
	cr_expect_lt(vague * 50, all, "%zu of %zu", vague, all);
}

Test(explain, hostile_texts)
{
	static const char *const repeated[] = {
		"a.rds.", "10.",      "account ",   "secret=",	     "\\",   "s3://",
		"-us-",	  "arn:aws:", "\"key\":\"", "123456789012 ", "\xff", "vol-0a1b2c3 "};
	const size_t size = 1 << 15;
	char *text = malloc(size);

	cr_assert(text);
	for (size_t i = 0; i < COUNT(repeated); i++) {
		for (size_t at = 0; at < size; at++)
			text[at] = repeated[i][at % strlen(repeated[i])];
		expect_consistent((const uint8_t *)text, size);
	}
	free(text);
}

Test(explain, what_is_too_long_is_refused)
{
	size_t size = EXPLAIN_TEXT_MAX + 1;
	uint8_t *text = calloc(1, size);

	cr_assert(text);
	cr_expect_eq(explain_scan(explain, &policy_default, text, size, false), MASK_TOO_LARGE);
	free(text);
}

Test(explain, places_are_counted_in_characters)
{
	size_t line, column;

	explain_place((const uint8_t *)"ab", 0, &line, &column);
	cr_expect(line == 1 && column == 1);
	explain_place((const uint8_t *)"\xc3\xa9\xc3\xa9"
				       "b",
		      4, &line, &column);
	cr_expect(line == 1 && column == 3);
	explain_place((const uint8_t *)"a\n\nbc", 4, &line, &column);
	cr_expect(line == 3 && column == 2);
}
