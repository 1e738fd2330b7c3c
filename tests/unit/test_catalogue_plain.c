/* SPDX-License-Identifier: Apache-2.0 */
/* What the catalogue writes so that its machine code is small finds what its plain form finds. */
#include "../../user/mask/catalogue.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 4096
#define EXPRESSION_MAX 65536
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct compiled compiled(const char *expression)
{
	const struct rule r = {.id = "test", .expression = expression};
	struct compiled out;
	char why[300];

	cr_assert_eq(rule_compile(&r, &out, why, sizeof(why)), 0, "%s", why);
	return out;
}

/* What is found at `at`: the ends of the first `n` groups and of the match, or nothing. */
static size_t match(const struct compiled *c, const char *text, size_t at, PCRE2_SIZE *spans)
{
	pcre2_match_data *m = pcre2_match_data_create(RULE_GROUPS_MAX + 1, NULL);
	int rc = pcre2_match(c->code, (PCRE2_SPTR)text, strlen(text), at, 0, m, NULL);
	const PCRE2_SIZE *found = pcre2_get_ovector_pointer(m);
	size_t n = 0;

	cr_assert(rc > 0 || rc == PCRE2_ERROR_NOMATCH, "%d", rc);
	if (rc > 0) {
		spans[n++] = found[1];
		/* By type: pieces have numbers, too, and not the same ones. */
		for (unsigned i = 0; i < c->group_count; i++) {
			const struct group *g = &c->groups[i];

			if (found[2 * g->number] == PCRE2_UNSET)
				continue;
			spans[n++] = g->type;
			spans[n++] = found[2 * g->number];
			spans[n++] = found[2 * g->number + 1];
		}
	}
	pcre2_match_data_free(m);
	return n;
}

static bool same(const struct compiled *a, const struct compiled *b, const char *text, size_t at)
{
	PCRE2_SIZE of_a[4 * RULE_GROUPS_MAX], of_b[4 * RULE_GROUPS_MAX];
	size_t n = match(a, text, at, of_a);

	cr_expect_eq(match(b, text, at, of_b), n, "%s", text);
	cr_expect(!memcmp(of_a, of_b, n * sizeof(of_a[0])), "%s", text);
	return n > 0;
}

/* 3 to 128 characters, escaped ones count once; at each length, with escapes in several places. */
Test(catalogue_plain, lengths_of_a_password)
{
	static const char plain[] =
		"(?i)(?<=[a-z0-9])%3a%2f%2f[a-z0-9._-]{0,64}+%3a"
		"(?!(?:password|passwd|pass|pwd|pw|secret|token|user|x++)%40)"
		"(?<PASSWORD>(?:[a-z0-9._~!*'()+-]|%(?!40|2f)[0-9a-f]{2}){3,128}+)%40";
	struct compiled old = compiled(plain),
			now = compiled(rule_table[RULE_encoded_password].expression);
	unsigned found = 0;

	for (unsigned len = 0; len <= 140; len++) {
		for (unsigned every = 1; every <= 9; every++) {
			char text[TEXT_MAX];
			size_t n = (size_t)snprintf(text, sizeof(text), "a%%3A%%2F%%2Fu%%3A");

			for (unsigned i = 0; i < len; i++)
				n += (size_t)snprintf(text + n, sizeof(text) - n, "%s",
						      i % every ? "r" : "%7E");
			snprintf(text + n, sizeof(text) - n, "%%40host");
			found += same(&old, &now, text, 1);
		}
	}
	cr_expect_eq(found, (128 - 3 + 1) * 9);
	pcre2_code_free(old.code);
	pcre2_code_free(now.code);
}

/* The expression with groups that may be tried again where it has such that may not. */
static void loosen(const char *expression, char *out)
{
	size_t n = 0;

	for (const char *p = expression; *p; p++) {
		cr_assert_lt(n, EXPRESSION_MAX - 1);
		out[n++] = *p;
		if (!strncmp(p, "(?>", 3)) {
			out[n++] = '?';
			out[n++] = ':';
			p += 2;
		} else if (*p == '?' && p[1] == '+' && p > expression && p[-1] != '(') {
			p++;
		}
	}
	out[n] = 0;
}

static const char *const words[] = {
	"parameter_value",
	"ParameterValues",
	"prod",
	"production",
	"output_values",
	"optional",
	"resolved_value",
	"default",
	"defaults",
	"default_value",
	"default_valuex",
	"defaultvalues",
	"dev",
	"development",
	"value",
	"_values",
	"valuesx",
	"type",
	"true",
	"test",
	"str",
	"string",
	"strings",
	"sensitive",
	"some",
	"stage",
	"staging",
	"false",
	"final",
	"list",
	"lautet",
	"map",
	"null",
	"noecho",
	"is",
	"ist",
	"in",
	"are",
	"aws.String",
	"arn",
	"was",
	"est",
	"es",
	"eq",
	".toEqual",
	".equals",
	".eq",
	"application",
	"applications",
	"app",
	"apps",
	"and",
	"agent",
	"data",
	"database",
	"databases",
	"deploy",
	"deployment",
	"ecs",
	"jobs",
	"scheduler",
	"schedule",
	"user",
	"users",
	"your",
	"zone",
};
static const char *const ends[] = {"", "x", "-", "_v", "=", ": ", "\": \"", "1", "12", "123", "/"};

/* Keys, a word of the catalogue's own behind them, and a name or an id that may follow. */
static unsigned try_words(const struct compiled *a, const struct compiled *b, const char *key)
{
	static const char *const values[] = {"0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f", "482910573641",
					     "corvid-ledger-9f", "Z0A1B2C3D4E5F6G7H8I9"};
	unsigned found = 0;

	for (size_t w = 0; w < COUNT(words); w++)
		for (size_t e = 0; e < COUNT(ends); e++)
			for (size_t v = 0; v < COUNT(values); v++) {
				char text[TEXT_MAX];

				snprintf(text, sizeof(text), "%s%s%s%s ", key, words[w], ends[e],
					 values[v]);
				found += same(a, b, text, 0);
			}
	return found;
}

Test(catalogue_plain, words_are_not_tried_twice_for_nothing)
{
	static const struct {
		enum rule_id rule;
		const char *key;
	} rules[] = {
		{RULE_kms_key, "KeyId: "},	   {RULE_zone, "zone_id: "},
		{RULE_account_word, "account: "},  {RULE_names_a, "RoleName: "},
		{RULE_table_object, ".Table(\""},  {RULE_s3_option, "BucketName: \""},
		{RULE_account_key, "ami_users: "}, {RULE_physical_id, "PhysicalResourceId: "},
	};
	static char loose[EXPRESSION_MAX];

	for (size_t i = 0; i < COUNT(rules); i++) {
		struct compiled now = compiled(rule_table[rules[i].rule].expression), old;

		loosen(rule_table[rules[i].rule].expression, loose);
		old = compiled(loose);
		cr_expect_gt(try_words(&old, &now, rules[i].key), 0, "%s finds nothing",
			     rule_table[rules[i].rule].id);
		pcre2_code_free(old.code);
		pcre2_code_free(now.code);
	}
}
