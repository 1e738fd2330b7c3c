/* SPDX-License-Identifier: Apache-2.0 */
#include "../known_search.h"
#include "../guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define NAME "corvid-ledger-archive"
#define ACCOUNT "734019286651"
#define MEMORY ((size_t)64 << 20)

static struct known new_set(const char *const *values, size_t n)
{
	struct known k;

	known_init(&k, MEMORY);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(known_add(&k, TYPE_S3_BUCKET, (const uint8_t *)values[i],
				       strlen(values[i])),
			     0);
	return k;
}

#define SET(...)                                                                                   \
	new_set((const char *const[]){__VA_ARGS__},                                                \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* What is found in the text, each in brackets; the text lies before a page that must not be read. */
static const char *found_in(const struct known *const *sets, size_t n, const char *text)
{
	static char out[4096];
	struct guarded g = guarded_copy(text, strlen(text));
	struct buf spans;
	const struct span *s;
	size_t done = 0, at = 0;

	buf_init(&spans, MEMORY);
	cr_assert_eq(known_search(sets, n, g.p, strlen(text), &spans), 0);
	s = (const struct span *)buf_bytes(&spans);
	for (size_t i = 0; i < buf_len(&spans) / sizeof(*s); i++) {
		cr_assert(s[i].start >= done && s[i].end > s[i].start && s[i].end <= strlen(text));
		at += (size_t)sprintf(out + at, "%.*s[%.*s]", (int)(s[i].start - done), text + done,
				      (int)(s[i].end - s[i].start), text + s[i].start);
		done = s[i].end;
	}
	sprintf(out + at, "%s", text + done);
	buf_free(&spans);
	guarded_free(&g);
	return out;
}

static void expect_found(const struct known *k, const char *want)
{
	char text[4096];
	size_t n = 0;

	for (const char *p = want; *p; p++)
		if (!strchr("[]", *p))
			text[n++] = *p;
	text[n] = 0;
	cr_expect_str_eq(found_in(&k, 1, text), want, "'%s', not '%s'", found_in(&k, 1, text),
			 want);
}

Test(known, learns)
{
	static const struct {
		enum mask_type type;
		const char *value;
		bool learned;
	} cases[] = {
		{TYPE_S3_BUCKET, NAME, true},
		{TYPE_ARN_RESOURCE, "tidewater-deployer", true},
		{TYPE_ARN_RESOURCE, "TidewaterDeploy", true},
		{TYPE_ARN_RESOURCE, "tide_1", true},
		{TYPE_ARN_RESOURCE, "observability", true},
		{TYPE_AWS_ACCOUNT, ACCOUNT, true},
		{TYPE_AWS_ACCOUNT, "7340-1928-6651", true},
		{TYPE_RDS_HASH, "c7xk2mq9wz1p", true},
		{TYPE_ELB_HASH, "50dc6c495c0c9188", true},
		{TYPE_SECRET_ACCESS_KEY, "gT4/mQ9vXr+LkZ2bN8sYw1Hc6JfPuD3eAoVi5tRq", true},
		/* a rule finds them wherever they stand */
		{TYPE_EC2_INSTANCE, "i-0d4c8a1f93b27e65a", false},
		{TYPE_PRIVATE_IPV4, "10.20.30.40", false},
		{TYPE_ACCESS_KEY_ID, "AKIAQ3EGRTYWVB2ZLKJH", false},
		{TYPE_LITERAL, "EC2_INSTANCE_001", false},
		/* too short */
		{TYPE_S3_BUCKET, "tid-1", false},
		{TYPE_ARN_RESOURCE, "", false},
		/* a plain word */
		{TYPE_ARN_RESOURCE, "tidewater", false},
		{TYPE_ARN_RESOURCE, "Tidewater", false},
		{TYPE_ARN_RESOURCE, "TIDEWATER", false},
		{TYPE_ARN_RESOURCE, "tidewaterab", false},
		{TYPE_ARN_RESOURCE, "tidewaterabc", true},
		/* everybody's */
		{TYPE_S3_BUCKET, "my-bucket", false},
		{TYPE_ARN_RESOURCE, "CloudWatch", false},
		{TYPE_ARN_RESOURCE, "cloudwatch", false},
		{TYPE_ARN_RESOURCE, "terraform-state", false},
		{TYPE_ARN_RESOURCE, "terraform-state-corvid", true},
		{TYPE_ARN_RESOURCE, "ecs-tasks.amazonaws.com", false},
		{TYPE_ARN_RESOURCE, "eu-west-1", false},
		{TYPE_ARN_RESOURCE, "us-gov-east-1", false},
		{TYPE_ARN_RESOURCE, "ap-northeast-1a", false},
		{TYPE_ARN_RESOURCE, "eu-west-1-corvid", true},
		{TYPE_ARN_RESOURCE, "corvid-1", true},
		{TYPE_ARN_RESOURCE, "corvid-ledger-1", true},
		{TYPE_ARN_RESOURCE, "dev-ledger-1", true},
		{TYPE_ARN_RESOURCE, "dev-west-corvid", true},
		{TYPE_ARN_RESOURCE, "eu-west-12", true},
		{TYPE_ARN_RESOURCE, "eu-west-", true},
		/* numbers */
		{TYPE_ARN_RESOURCE, "20240115", false},
		{TYPE_ARN_RESOURCE, "2024-01-15", false},
		{TYPE_ARN_RESOURCE, ACCOUNT, false},
		{TYPE_ARN_RESOURCE, "10.4.12.1", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(known_learns(cases[i].type, (const uint8_t *)cases[i].value,
					  strlen(cases[i].value)),
			     cases[i].learned, "%s", cases[i].value);
}

Test(known, learns_nothing_longer_than_it_can_look_up)
{
	uint8_t value[KNOWN_MAX + 1];

	memset(value, 'q', sizeof(value));
	cr_expect(known_learns(TYPE_ARN_RESOURCE, value, KNOWN_MAX));
	cr_expect(!known_learns(TYPE_ARN_RESOURCE, value, KNOWN_MAX + 1));
	for (size_t i = 1; i < sizeof(value); i += 2)
		value[i] = '/';
	cr_expect(known_learns(TYPE_ARN_RESOURCE, value, KNOWN_STOPS - 1));
	cr_expect(!known_learns(TYPE_ARN_RESOURCE, value, KNOWN_STOPS + 1));
}

Test(known, common_names_are_sorted_and_could_be_learned)
{
#define COMMON(word) word,
	static const char *const common[] = {
#include "../../user/mask/known.def"
	};

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
		cr_expect_geq(strlen(common[i]), (size_t)KNOWN_MIN, "%s", common[i]);
		cr_expect(!i || strcmp(common[i - 1], common[i]) < 0, "%s", common[i]);
		cr_expect(!known_learns(TYPE_ARN_RESOURCE, (const uint8_t *)common[i],
					strlen(common[i])),
			  "%s", common[i]);
	}
}

Test(known, whole_tokens)
{
	static const char *const wants[] = {
		"[" NAME "]",
		"the bucket [" NAME "]",
		"the bucket [" NAME "].",
		"[" NAME "] and [" NAME "]",
		"([" NAME "]), \"[" NAME "]\", '[" NAME "]', `[" NAME "]`",
		"s3://[" NAME "]/path/[" NAME "]",
		"[" NAME "].s3.amazonaws.com",
		"[" NAME "]:Bucket, Bucket:[" NAME "]=[" NAME "]",
		"/mnt/[" NAME "].tar.gz",
		"ops@[" NAME "]",
		"\xc3\xa9[" NAME "]\xc3\xa9",
		/* a diff, Markdown, wildcards and templates, a line that ends */
		"-[" NAME "]",
		"---[" NAME "]---",
		"\n-[" NAME "]\n+[" NAME "]",
		"_[" NAME "]_ and __[" NAME "]__",
		"[" NAME "]-*, [" NAME "]-${x}, [" NAME "]_",
		"[" NAME "]-",
		/* other names */
		NAME "-2",
		NAME "_2",
		NAME "2",
		NAME "s",
		NAME "--2",
		NAME "-_" NAME,
		"x-" NAME,
		"x--" NAME,
		"my_" NAME,
		"x" NAME,
		"Corvid-ledger-archive",
		"corvid-ledger",
		"corvid-ledger-archiv",
		"corvid-ledger-archivx",
		/* the next one is it */
		NAME "-" NAME " [" NAME "]",
	};
	struct known k = SET(NAME);

	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++)
		expect_found(&k, wants[i]);
	known_free(&k);
}

Test(known, behind_escapes)
{
	static const char *const wants[] = {
		"\\n[" NAME "]\\n",
		"\\\\n[" NAME "]\\\\n",
		"\\t[" NAME "]\\\"",
		"\\u0022[" NAME "]\\u0022",
		"\\x22[" NAME "]",
		"bucket%3D[" NAME "]%2Fkey",
		"bucket%253D[" NAME "]%26",
		"\\n[" ACCOUNT "]",
		"%2F[" ACCOUNT "]%2F",
		/* no escapes */
		"\\q" NAME,
		"%zz" NAME,
		"31m" NAME,
		"n" NAME,
		"\\nn" NAME,
		"\\n_[" NAME "]_, \\n-[" NAME "]",
		"\\nx_" NAME,
	};
	struct known k = SET(NAME, ACCOUNT);
	static const char *const colours[] = {"\x1b[1;31m", "\\u001b[1;31m", "\\033[38;5;196;48;5m",
					      "\\e[K"};
	const struct known *set = &k;
	char text[200], want[200];

	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++)
		expect_found(&k, wants[i]);
	/* which have brackets of their own */
	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
		snprintf(text, sizeof(text), "%s" NAME "\x1b[0m", colours[i]);
		snprintf(want, sizeof(want), "%s[" NAME "]\x1b[0m", colours[i]);
		cr_expect_str_eq(found_in(&set, 1, text), want, "%s", text);
	}
	known_free(&k);
}

/* Dashes and underscores make names of words, but an account stays an account. */
Test(known, accounts_in_names)
{
	static const char *const wants[] = {
		"[" ACCOUNT "]",
		"logs-[" ACCOUNT "]",
		"[" ACCOUNT "]-logs",
		"cdk_[" ACCOUNT "]_eu-west-1",
		"[" ACCOUNT "]-[" ACCOUNT "]",
		"[" ACCOUNT "].dkr.ecr",
		"1" ACCOUNT,
		ACCOUNT "1",
		"a" ACCOUNT,
		ACCOUNT "a",
		"73401928665",
	};
	struct known k = SET(ACCOUNT);

	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++)
		expect_found(&k, wants[i]);
	known_free(&k);
}

Test(known, the_longest)
{
	struct known k =
		SET("tide.one", "tide.one/two", "tide.one/two/three-x", "two/three-x/four");

	expect_found(&k, "[tide.one]");
	expect_found(&k, "[tide.one].");
	expect_found(&k, "[tide.one/two]/three");
	expect_found(&k, "[tide.one/two]/three-");
	expect_found(&k, "[tide.one/two]-/three-x");
	expect_found(&k, "[tide.one/two/three-x]/four");
	expect_found(&k, "tide one/[two/three-x/four]");
	expect_found(&k, "tide.one2 tide.[two/three-x/four]");
	expect_found(&k, "[tide.one]/twotwo/three-x");
	known_free(&k);
}

/* A known bucket named after an account is the bucket. */
Test(known, a_name_before_the_account_in_it)
{
	struct known k = SET(ACCOUNT, "logs-" ACCOUNT "-eu", ACCOUNT "-corvid");

	expect_found(&k, "[logs-" ACCOUNT "-eu]");
	expect_found(&k, "logs-[" ACCOUNT "]-us");
	expect_found(&k, "[" ACCOUNT "-corvid]");
	expect_found(&k, "[" ACCOUNT "]-corvids");
	known_free(&k);
}

Test(known, bytes_that_are_no_words)
{
	struct known k = SET("/gT4/mQ9v+Xr=", "==tide==", "_tide__", "a--bcd-.--e");

	expect_found(&k, "key [/gT4/mQ9v+Xr=]");
	expect_found(&k, "key=[/gT4/mQ9v+Xr=]=");
	expect_found(&k, "key x/gT4/mQ9v+Xr=");
	expect_found(&k, "key /gT4/mQ9v+Xr=x");
	expect_found(&k, "[==tide==] x==tide==");
	expect_found(&k, "[_tide__] [_tide__]_ _[_tide__] x_tide__ _tide_ _tide__x");
	expect_found(&k, "[a--bcd-.--e] a--bcd.--e a--bcd-.--ef");
	known_free(&k);
}

Test(known, two_sets)
{
	struct known a = SET(NAME, "tide.one"), b;
	const struct known *sets[2] = {&a, &b};
	struct buf spans;
	const struct span *s;

	known_init(&b, MEMORY);
	cr_assert_eq(known_add(&b, TYPE_ARN_RESOURCE, (const uint8_t *)NAME, strlen(NAME)), 0);
	cr_assert_eq(known_add(&b, TYPE_ARN_RESOURCE, (const uint8_t *)"tide.one/two", 12), 0);
	cr_expect_str_eq(found_in(sets, 2, NAME " tide.one/two tide.one"),
			 "[" NAME "] [tide.one/two] [tide.one]");
	buf_init(&spans, MEMORY);
	cr_assert_eq(known_search(sets, 2, (const uint8_t *)NAME, strlen(NAME), &spans), 0);
	s = (const struct span *)buf_bytes(&spans);
	cr_expect_eq(s->type, TYPE_S3_BUCKET, "the first set's");
	buf_free(&spans);
	known_free(&a);
	known_free(&b);
}

Test(known, the_first_type_names_it)
{
	struct known k = SET(NAME);
	const struct known *set = &k;
	struct buf spans;

	cr_assert_eq(known_add(&k, TYPE_ARN_RESOURCE, (const uint8_t *)NAME, strlen(NAME)), 0);
	cr_expect_eq(known_count(&k), 2u);
	cr_expect(known_has(&k, TYPE_ARN_RESOURCE, (const uint8_t *)NAME, strlen(NAME)));
	buf_init(&spans, MEMORY);
	cr_assert_eq(known_search(&set, 1, (const uint8_t *)NAME, strlen(NAME), &spans), 0);
	cr_expect_eq(((const struct span *)buf_bytes(&spans))->type, TYPE_S3_BUCKET);
	cr_expect_eq(((const struct span *)buf_bytes(&spans))->rule, RULE_KNOWN);
	buf_free(&spans);
	known_free(&k);
}

Test(known, an_empty_set_finds_nothing)
{
	struct known k;

	known_init(&k, MEMORY);
	expect_found(&k, NAME);
	cr_expect(!known_has(&k, TYPE_ARN_RESOURCE, (const uint8_t *)NAME, strlen(NAME)));
	known_clear(&k);
	known_free(&k);
	known_free(&k);
}

Test(known, many_and_a_copy)
{
	struct known k, copy;
	char name[40], want[100];

	known_init(&k, MEMORY);
	known_init(&copy, MEMORY);
	for (int i = 0; i < 20000; i++) {
		int n = snprintf(name, sizeof(name), "corvid-%d.%d/%x", i % 7, i, i * 2654435u);

		cr_assert_eq(known_add(&k, TYPE_S3_BUCKET, (uint8_t *)name, (size_t)n), 0);
	}
	cr_assert_eq(known_copy(&copy, &k), 0);
	known_clear(&k);
	cr_expect_eq(known_count(&k), 0u);
	cr_assert_eq(known_count(&copy), 20000u);
	for (int i = 0; i < 20000; i += 37) {
		int n = snprintf(name, sizeof(name), "corvid-%d.%d/%x", i % 7, i, i * 2654435u);

		cr_expect(known_has(&copy, TYPE_S3_BUCKET, (uint8_t *)name, (size_t)n));
		cr_expect(!known_has(&copy, TYPE_S3_BUCKET, (uint8_t *)name, (size_t)n - 1));
		snprintf(want, sizeof(want), "a [%s] b %s-x", name, name);
		expect_found(&copy, want);
	}
	known_free(&k);
	known_free(&copy);
}

/* Memory runs out at any step: what is in stays findable. */
Test(known, out_of_memory)
{
	for (size_t max = 0; max < 16384; max += 97) {
		struct known k;
		char name[40], want[60];
		int n = 0, len;

		known_init(&k, max);
		for (; n < 1000; n++) {
			len = snprintf(name, sizeof(name), "corvid-%d", n);
			if (known_add(&k, TYPE_S3_BUCKET, (uint8_t *)name, (size_t)len))
				break;
		}
		cr_expect_lt(n, 1000);
		cr_expect_eq(known_count(&k), (size_t)n);
		for (int i = 0; i < n; i += 11) {
			snprintf(want, sizeof(want), "[corvid-%d]", i);
			expect_found(&k, want);
		}
		snprintf(want, sizeof(want), "corvid-%d", n);
		expect_found(&k, want);
		known_free(&k);
	}
}

Test(known, a_full_buffer_is_an_error)
{
	struct known k = SET(NAME);
	const struct known *set = &k;
	struct buf spans;

	buf_init(&spans, sizeof(struct span) - 1);
	cr_expect_eq(known_search(&set, 1, (const uint8_t *)NAME, strlen(NAME), &spans), -1);
	buf_free(&spans);
	known_free(&k);
}

/* A text is read in words and windows: nothing of it may matter. */
Test(known, at_every_place)
{
	static const char *const wants[] = {
		" [" NAME "]",
		"x " NAME "x",
		"----[" NAME "]",
		"x----" NAME,
		"\\n[" NAME "]",
		"\\n----------------------------------------------------------------[" NAME "]",
		"\\n-----------------------------------------------------------------" NAME,
		"x\\u0022-[" NAME "]",
		"%25252F[" NAME "]",
		"a_[" ACCOUNT "]_b",
		" [" ACCOUNT "]--------------------------------------------------------------",
		" [" NAME "]------------------------------------------------------------------ ",
		" " NAME "-------------------------------------------------------------------x",
		" [/gT4/mQ9v+Xr=]",
	};
	struct known k = SET(NAME, ACCOUNT, "/gT4/mQ9v+Xr=");
	char want[2048];

	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++)
		for (int before = 0; before < 1300;
		     before += before < 64 || before > 900 ? 1 : 61) {
			sprintf(want, "%*s%s", before, "", wants[i]);
			expect_found(&k, want);
		}
	known_free(&k);
}

/* Of any length, alone and before what is another token. */
Test(known, runs_of_every_length)
{
	char name[200], want[2048];

	for (size_t len = KNOWN_MIN; len < 150; len++)
		for (size_t dash = 3; dash < len - 1; dash += 13) {
			struct known k;

			memset(name, 'q', len);
			name[len] = 0;
			name[dash] = '-';
			k = SET(name);
			sprintf(want, "[%s] [%s]- [%s]_ %s-q %sq q%s [%s].q", name, name, name,
				name, name, name, name);
			expect_found(&k, want);
			known_free(&k);
		}
}

/*
 * Plain words are passed over only where no value begins with one. Each value stands behind `at` bytes of the text, so
 * that words of 64 bits divide it everywhere.
 */
Test(known, words_of_letters_at_every_place)
{
	char name[24], want[256];

	for (size_t len = KNOWN_MIN; len < 16; len++)
		for (int at = 0; at < 130; at++)
			for (const char *other = "a-1Z"; *other; other++) {
				struct known k;

				sprintf(name, "%.*s%c", (int)len - 1, "corvidledgerbooks", *other);
				k = SET(name, "corvidledgers-1");
				sprintf(want, "%*s[%s]. %.*s %s- [%s].s", at, "", name,
					(int)len - 1, name, "words stand", name);
				expect_found(&k, want);
				known_free(&k);
			}
}

/* ---- what a filter of beginnings says */

/* Whether the value might stand in the text, by what was noted of it while others were looked for. */
static bool may_stand(const char *text, const char *value)
{
	uint64_t words[64] = {0};
	struct known_tokens tokens = {.words = words, .n = 64};
	struct guarded g = guarded_copy(text, strlen(text));
	struct known k = SET(value);
	struct buf places;
	bool may, any = false;

	buf_init(&places, MEMORY);
	cr_assert_eq(known_places(NULL, 0, g.p, strlen(text), &tokens, &places), 0);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		any |= words[i] != 0;
	cr_expect_eq(tokens.noted, any, "%s", text);
	may = known_tokens_may_have(&tokens, &k, 0);
	buf_free(&places);
	guarded_free(&g);
	known_free(&k);
	return may;
}

/* Of all lengths, as the first and as the last bytes of a text, behind what begins alike. */
Test(known, what_stands_there_may_stand_there)
{
	static const char value[] = "acme-prod-orders-archive-of-the-west-1";
	char name[sizeof(value)], text[256];

	for (size_t len = KNOWN_MIN; len < sizeof(value); len++) {
		sprintf(name, "%.*sz", (int)len - 1, value);
		cr_expect(may_stand(name, name), "%s", name);
		sprintf(text, "acme-prod-orders-2 and %s", name);
		cr_expect(may_stand(text, name), "%s", text);
		sprintf(text, "{\\n%s\\n}", name);
		cr_expect(may_stand(text, name), "%s", text);
	}
}

/* A short beginning, or none of letters or digits: a run further on tells. */
Test(known, what_stands_there_has_any_of_its_runs)
{
	static const char *const names[] = {"api.corvid-ledger.io", "/prod/db-password",
					    "-odd.corvid-1",	    "a\\nb/corvid_",
					    "x/-corvid.ledger",	    "a.b.c.d.corvid-ledger-of-1"};
	char text[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_expect(may_stand(names[i], names[i]), "%s", names[i]);
		sprintf(text, "see %s--, and on", names[i]);
		cr_expect(may_stand(text, names[i]), "%s", text);
		sprintf(text, "{\\n--%s\\n}", names[i]);
		cr_expect(may_stand(text, names[i]), "%s", text);
	}
}

Test(known, what_begins_alike_is_told_apart)
{
	cr_expect_not(may_stand("the bucket acme-prod-orders-2", "acme-prod-payments-2"));
	cr_expect_not(may_stand("acme-prod-", "acme-prod-orders-2"));
	cr_expect_not(may_stand("acme-prod-orders-of-the-1", "acme-prod-orders-of-the-2"));
	cr_expect_not(may_stand("acme-prod-orders", "acme-prod-orders-of-the-2"));
	cr_expect_not(may_stand("the bucket of orders", "corvid-ledger"));
	cr_expect_not(may_stand("the path /a/orders-2", "/a/orders-1"));
	cr_expect_not(may_stand("api.corvid.one-01", "api.corvid.one-02"));
	cr_expect(may_stand("the bucket of orders", "db.my-x.io"), "no run is long enough");
	cr_expect(may_stand("the bucket of orders", "db.corvids.io"), "only plain words");
}
