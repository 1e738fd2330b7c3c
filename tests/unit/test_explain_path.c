/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/mask/catalogue.h"
#include "../../user/mask/explain_path.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* The groups, as "NAME:what has to match before" each, a "*" before those that are not the first. */
static void expect_groups(const char *expression, const char *wanted)
{
	struct path_walk w = {.expression = expression};
	struct path_group g;
	struct buf before;
	char found[1000] = "", one[300];
	int rc;

	buf_init(&before, 1000);
	while ((rc = path_next(&w, &g, &before)) == 1) {
		snprintf(one, sizeof(one), "%s%s%.*s:%s", *found ? " " : "", g.first ? "" : "*",
			 (int)g.name_len, g.name, (const char *)buf_bytes(&before));
		strcat(found, one);
	}
	cr_expect_eq(rc, 0);
	cr_expect_str_eq(found, wanted, "%s\n  found  %s\n  wanted %s", expression, found, wanted);
	buf_free(&before);
}

Test(explain_path, groups_and_what_leads_to_them)
{
	expect_groups("abc", "");
	expect_groups("(?<A>x)", "A:");
	expect_groups("k=(?<A>x)", "A:k=");
	expect_groups("k(?:=|: )(?<A>x)y", "A:k(?:=|: )");
	expect_groups("k=(?=[a-z])(?!no)(?<A>x)", "A:k=");
	expect_groups("k(?=[a-z])=(?<A>x)", "A:k(?=[a-z])=");
	expect_groups("a|b(?<A>x)", "A:b");
	expect_groups("(?i)(?:k(?<A>x)|m(?:n|o)(?<B>y))", "A:(?i)(?:k) B:(?i)(?:m(?:n|o))");
	expect_groups("(?i)a(?<A>x)|b(?<B>y)", "A:(?i)a B:(?i)b");
	expect_groups("a(?<A>x)b(?<B>y)", "A:a *B:a(?<A>x)b");
	expect_groups("[(|](?<A>x)", "A:[(|]");
	expect_groups("[]|](?<A>x)", "A:[]|]");
	expect_groups("[^]|](?<A>x)", "A:[^]|]");
	expect_groups("\\(\\|(?<A>x)", "A:\\(\\|");
	expect_groups("(?<=q)k(?<A>x)", "A:(?<=q)k");
	expect_groups("(?-i:k)++(?<A>x(?:y|z))w", "A:(?-i:k)++");
}

static void expect_form(const char *content, const char *prefix, const char *wanted)
{
	struct buf words;

	buf_init(&words, 200);
	cr_expect_eq(path_form(content, prefix, &words), 0);
	cr_expect_eq(buf_append(&words, "", 1), 0);
	cr_expect_str_eq((const char *)buf_bytes(&words), wanted, "%s: %s", content,
			 (const char *)buf_bytes(&words));
	buf_free(&words);
}

Test(explain_path, forms)
{
	expect_form("vol-[0-9a-f]{17})", "vol-", "17 hexadecimal digits");
	expect_form("vol-[0-9a-f]{8}(?:[0-9a-f]{9}|(?!x)))", "vol-", "8 or 17 hexadecimal digits");
	expect_form("j-[A-Z0-9]{11,14}+)", "j-", "11 to 14 capitals and digits");
	expect_form("o-(?=[a-z]*+[0-9])[a-z0-9]{10,32}+)", "o-",
		    "10 to 32 small letters and digits");
	expect_form("b-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", "b-",
		    "a UUID");
	expect_form("(?!x(y))[0-9]{12})", "", "12 digits");
	expect_form("vol-[0-9a-f]{17})", "snap-", "");
	expect_form("x[0-9a-f]{4}-[0-9]{2})", "x", "");
	expect_form("x[aeiou]{4})", "x", "");
	expect_form("x(?:a|b))", "x", "");
	expect_form("", "", "");
}

/* Whoever writes a rule need not think of this: whatever it looks like, the walk ends. */
Test(explain_path, every_rule_is_walked_to_its_end)
{
	size_t groups = 0, alone = 0;
	struct buf before;

	buf_init(&before, 1 << 16);
	for (int rule = 0; rule < RULE_COUNT; rule++) {
		struct path_walk w = {.expression = rule_table[rule].expression};
		struct path_group g;
		int rc;

		while ((rc = path_next(&w, &g, &before)) == 1) {
			groups++;
			alone += types_find(&types_builtin, g.name, g.name_len) != TYPE_NONE;
		}
		cr_expect_eq(rc, 0);
		cr_expect_eq(w.at, strlen(rule_table[rule].expression));
		cr_expect_eq(w.depth, 0, "%s", rule_table[rule].id);
	}
	cr_expect_geq(groups, TYPE_COUNT - 1);
	cr_expect_eq(alone, groups);
	buf_free(&before);
}

Test(explain_path, memory)
{
	struct path_walk w = {.expression = "abcdef(?<A>x)"};
	struct path_group g;
	struct buf before;

	buf_init(&before, 4);
	cr_expect_eq(path_next(&w, &g, &before), -1);
	cr_expect_eq(path_form("[0-9]{12})", "", &before), -1);
	buf_free(&before);
}
