/* SPDX-License-Identifier: Apache-2.0 */
/* Users' own types: their expressions, their lists, and the way to the vault and back. */
#include "../../user/mask/own_check.h"
#include "../../user/mask/sse.h"
#include "policy_rig.h"

#include <unistd.h>

static void refused(const char *yaml, const char *says)
{
	struct err e = {""};
	struct config *c = config_parse("a.yaml", yaml, strlen(yaml), &e);

	cr_expect_null(c, "taken: %s", yaml);
	cr_expect(strstr(e.text, "a.yaml:2: ") == e.text, "%s", e.text);
	cr_expect(strstr(e.text, says), "%s", e.text);
	config_free(c);
}

Test(own_types, wrong_ones_are_refused_with_their_line)
{
	refused("types:\n  FOO: mask", "there is no type FOO");
	refused("types:\n  foo: {expression: 'ab'}", "foo cannot be a type's name");
	refused("types:\n  id: {expression: 'ab'}", "is a class of types");
	refused("types:\n  A: {expression: 'ab'}", "2 to 32 capitals");
	refused("types:\n  AB_123: {expression: 'ab'}", "a _ and three digits");
	refused("types:\n  MY_VPC: {expression: 'ab'}",
		"MY_VPC ends with the name of the type VPC");
	refused("types:\n  BUCKET: {expression: 'ab'}", "S3_BUCKET ends with the name");
	refused("types:\n  VPC: {expression: 'ab'}", "there is a type VPC already");
	refused("types:\n  LITERAL: allow", "always masked");
	refused("types:\n  TICKET: {expression: 'a*'}", "nothing at all");
	refused("types:\n  TICKET: {expression: '(?=a)'}", "nothing at all");
	refused("types:\n  TICKET: {expression: 'a('}", "at byte 2 of its expression");
	refused("types:\n  TICKET: {expression: '(x+x+)+y'}", "too many steps");
	refused("types:\n  TICKET: {expression: 'T-(?:[a-z]+)*!'}", "too many steps");
	refused("types:\n  TICKET: {expression: '(*UTF)ab'}", "UTF is disabled");
	refused("types:\n  TICKET: {expression: 'a(?<VPC>b)'}", "names a group VPC");
	refused("types:\n  TICKET: {expression: 'AB[0-9]', anchors: [CD]}", "no match can begin");
	refused("types:\n  TICKET: {expression: '[AB]X', anchors: [AX]}", "begin with 'B'");
	refused("types:\n  TICKET: {expression: 'ABC', anchors: [A]}", "2 to 64 bytes");
	refused("types:\n  TICKET: {expression: ''}", "text of at most 1024 bytes");
	refused("types:\n  TICKET: {anchors: [AB]}", "there is no type TICKET");
	refused("types:\n  VPC: {anchors: [AB]}", "anchors and no expression");
	refused("types:\n  VPC: {}", "says nothing");
	refused("types:\n  VPC: {targets: {example.com: allow}}", "no target");
	refused("types:\n  VPC: {targets: {claude.ai: deny}}", "write mask, block, observe");
	refused("types:\n  TICKET: {literals: [x]}", "2 to 512 bytes");
	refused("types:\n  TICKET: {literals: [Falcon, Falcon]}", "names 'a value' twice");
	refused("types:\n  TICKET: {file: names}", "an absolute path");
}

/* I8: the list may be what is secret. */
Test(own_types, no_sentence_repeats_a_literal)
{
	static const char yaml[] = "types: {NICK: {literals: [Osprey, Osprey]}}";
	struct err e;

	cr_assert_null(config_parse("a.yaml", yaml, strlen(yaml), &e));
	cr_expect(!strstr(e.text, "Osprey"), "%s", e.text);
}

Test(own_types, at_most_so_many)
{
	char yaml[8192] = "types:\n";
	struct err e;

	for (int i = 0; i < TYPES_CONFIGURED_MAX + 1; i++)
		sprintf(yaml + strlen(yaml), "  T%02dX%02d: {literals: [aa%d]}\n", i, i, i);
	cr_assert_null(config_parse("a.yaml", yaml, strlen(yaml), &e));
	cr_expect(strstr(e.text, "a.yaml:66: types has more than 64"), "%s", e.text);
	*strrchr(yaml, 'T') = 0;
	strcpy(strrchr(yaml, '\n') + 1, "");
	config_free(config_parse("a.yaml", yaml, strlen(yaml), &e));
}

static struct own_facts facts_of(const char *expression)
{
	struct types *types = types_new();
	struct own_rule rule = {.expression = expression};
	struct own_facts facts;
	char why[256] = "";

	cr_assert_eq(types_add(types, "TICKET", &rule.type, why, sizeof(why)), 0);
	cr_assert_eq(own_rule_check(&rule, types, &facts, why, sizeof(why)), 0, "%s: %s",
		     expression, why);
	types_free(types);
	return facts;
}

Test(own_types, what_an_expression_begins_with)
{
	static const char *const anchored[] = {
		"TICK-[0-9]{6}", "ab", "a\\.b?", "(?i)tick[0-9]", "x-+", "pq[|]", "ab(?:c|d)"};
	static const char *const not_anchored[] = {
		"a[0-9]{6}",	   "ab|cd",	  "(?:ab|cd)x",	 "ab?c",     "ab*",
		"[A-Z]{3}-[0-9]+", "(?x)ab #|\n", "ab(?#(|)|cd", "\\Qab\\E", "\\d{4}-x"};

	for (size_t i = 0; i < sizeof(anchored) / sizeof(*anchored); i++)
		cr_expect(facts_of(anchored[i]).anchored, "%s", anchored[i]);
	for (size_t i = 0; i < sizeof(not_anchored) / sizeof(*not_anchored); i++)
		cr_expect(!facts_of(not_anchored[i]).anchored, "%s", not_anchored[i]);
	cr_expect_eq(facts_of("Q[0-9]{9}").tries, 0u);
	cr_expect_gt(facts_of("[a-z]+@x").tries, 50u);
	cr_expect_leq(facts_of(".{3}@x").tries, 1000u);
}

/* However it is found, the same is found. */
Test(own_types, anchors_change_nothing)
{
	static const char *const ways[] = {
		"types: {TICKET: {expression: 'TICK-[0-9]{3,6}'}}",
		"types: {TICKET: {expression: 'TICK-[0-9]{3,6}', anchors: [TI]}}",
		"types: {TICKET: {expression: 'TICK-[0-9]{3,6}', anchors: [TICK-, TIC]}}",
		"types: {TICKET: {expression: '(?:TICK)-[0-9]{3,6}'}}",
		"types: {TICKET: {expression: '(?:TICK-[0-9]{3}[0-9]{0,3}|TICK-[0-9]{3})'}}",
		"types: {TICKET: {expression: '(?:TICK-(?<TICKET>[0-9]{3,6}))'}}",
	};
	const char *text = "TICK-123 xTICK-123 TICK-1234567 (TICK-4711) \\nTICK-815, _TICK-99 "
			   "TICK-123TICK-456 TICK-TICK-777";
	const char *want = "TICKET_001 xTICK-123 TICK-1234567 (TICKET_002) \\nTICKET_003, _TICK-99 "
			   "TICK-123TICK-456 TICK-TICKET_004";

	for (size_t i = 0; i < 5; i++)
		ruled_once(ways[i], text, want);
	ruled_once(ways[5], "TICK-123, TICK-12", "TICK-TICKET_001, TICK-12");
	ruled_once("types: {TICKET: {expression: '(?i)tick-[0-9]+'}}", "Tick-1 TICK-2 tick-1",
		   "TICKET_001 TICKET_002 TICKET_003");
}

Test(own_types, literals_are_whole_tokens)
{
	const char *yaml = "types: {NICK: {literals: [K8, Falcon, \"Blue Heron\", x.y, a-b]}}";

	ruled_once(yaml, "K8", "NICK_001");
	ruled_once(yaml, "K", "K");
	ruled_once(yaml, "Falcon,K8", "NICK_001,NICK_002");
	ruled_once(yaml, "Falcons falcon FALCON Falcon-2 my_Falcon K88 aK8",
		   "Falcons falcon FALCON Falcon-2 my_Falcon K88 aK8");
	ruled_once(yaml, "the Blue Heron\\nFalcon (x.y) a-b a-b-c",
		   "the NICK_001\\nNICK_002 "
		   "(NICK_003) NICK_004 a-b-c");
	ruled_once(yaml, "Blue  Heron Blue Herons", "Blue  Heron Blue Herons");
}

Test(own_types, literals_and_rules)
{
	ruled_once("types: {NICK: {literals: [vpc-0a4b7c92d1e63f58b, heron]}}",
		   "vpc-0a4b7c92d1e63f58b s3://heron/x heron",
		   "VPC_001 s3://S3_BUCKET_001/x NICK_001");
	ruled_once("types: {VPC: allow, NICK: {literals: [vpc-0a4b7c92d1e63f58b]}}",
		   "vpc-0a4b7c92d1e63f58b", "NICK_001");
	ruled_once(
		"types: {KITE: {action: allow, literals: [Blue Heron]}, RAIL: {literals: [Heron]}}",
		"Blue Heron", "Blue RAIL_001");
	ruled_once("types: {KITE: {action: observe, literals: [Heron]}, RAIL: {literals: [Heron]}}",
		   "Blue Heron", "Blue RAIL_001");
}

Test(own_types, observed_and_blocked_literals)
{
	struct ruled r;

	ruled_begin(&r,
		    "types: {KITE: {action: observe, literals: [Heron]}, RAIL: {action: block, "
		    "literals: [Falcon]}}",
		    NULL);
	ruled_expect(&r, "", "Heron and Heron", "Heron and Heron");
	cr_expect_eq(mask_counts(r.w.mask)->observed[TYPE_COUNT], 2u);
	cr_assert_eq(ruled_text(&r, "", "a Falcon"), MASK_OK);
	cr_expect_eq(mask_counts(r.w.mask)->blocked, 1u);
	cr_expect_eq(mask_counts(r.w.mask)->blocked_type, TYPE_COUNT + 1);
	ruled_end(&r);
}

/* The last parts' short texts too, which nothing but a short value could be in. */
Test(own_types, what_is_learned_late_loses_nothing_short)
{
	static const char *const parts[] = {"K8", "s3://corvid-ledger-archive/x"};
	struct ruled r;
	const struct mask_policy *p;
	struct policy_source *s;

	ruled_begin(&r, "types: {NICK: {literals: [K8]}}", NULL);
	s = policies_source(r.policies);
	p = s->take(s, "");
	mask_reset(r.w.mask);
	mask_follow(r.w.mask, p);
	mask_know(r.w.mask, &r.w.vault.scope);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(
			mask_scan_text(r.w.mask, i, (const uint8_t *)parts[i], strlen(parts[i])),
			MASK_OK);
	cr_assert_eq(mask_learn(r.w.mask), MASK_OK);
	cr_expect(mask_found(r.w.mask, 0));
	cr_expect(mask_found(r.w.mask, 1));
	mask_follow(r.w.mask, &policy_default);
	s->done(s, p);
	ruled_end(&r);
}

/* ---- files */

Test(own_types, a_file_has_a_value_a_line)
{
	static const char text[] = "# names\n\n  Osprey \r\nBlue Heron\n\t#not\nK8";
	struct buf content = ruled_content(text, strlen(text));
	struct ruled r;

	ruled_begin(&r, "types: {NICK: {literals: [Falcon], file: /x}}", &content);
	ruled_expect(&r, "", "Osprey Blue Heron K8 Falcon names #not",
		     "NICK_001 NICK_002 NICK_003 NICK_004 names #not");
	ruled_end(&r);
	buf_free(&content);
}

Test(own_types, wrong_lines)
{
	static const struct {
		const char *text;
		size_t len;
		const char *says;
	} cases[] = {{"a\n", 2, "/f:1: the value has 1 bytes"},
		     {"ab\nc\0d\n", 7, "/f:2: the line holds a NUL"},
		     {"# \0\nab", 6, ""}};
	char longer[600];
	struct err e;

	for (size_t i = 0; i < 2; i++) {
		cr_expect_eq(list_parse("/f", (const uint8_t *)cases[i].text, cases[i].len, NULL,
					NULL, &e),
			     -1);
		cr_expect(strstr(e.text, cases[i].says) == e.text, "%s", e.text);
	}
	cr_expect_eq(list_parse("/f", (const uint8_t *)cases[2].text, cases[2].len, NULL, NULL, &e),
		     0);
	memset(longer, 'x', sizeof(longer));
	cr_expect_eq(list_parse("/f", (uint8_t *)longer, KNOWN_MAX, NULL, NULL, &e), 0);
	cr_expect_eq(list_parse("/f", (uint8_t *)longer, KNOWN_MAX + 1, NULL, NULL, &e), -1);
	for (size_t i = 0; i < 80; i += 2)
		longer[i] = '.';
	cr_expect_eq(list_parse("/f", (uint8_t *)longer, 80, NULL, NULL, &e), -1);
}

Test(own_types, content_that_is_cut_is_no_content)
{
	struct buf content = ruled_content("Osprey\n", 7);
	const uint8_t *text;
	size_t len, at;

	for (size_t cut = 1; cut < buf_len(&content); cut++) {
		struct buf part = content;

		buf_truncate(&part, cut);
		at = 0;
		cr_expect_eq(list_next(&part, &at, &text, &len), -1);
	}
	at = 0;
	cr_expect_eq(list_next(&content, &at, &text, &len), 1);
	cr_expect_eq(list_next(&content, &at, &text, &len), 0);
	buf_free(&content);
}

Test(own_types, bad_files_are_named)
{
	static const char yaml[] = "types: {NICK: {file: /nowhere/names}}";
	static const char dir[] = "types: {NICK: {file: /tmp}}";
	struct err e;
	struct config *c = config_parse("a.yaml", yaml, strlen(yaml), &e);
	struct buf out;

	buf_init(&out, 1 << 20);
	cr_expect_eq(list_read_all(c, &out, &e), -1);
	cr_expect(strstr(e.text, "/nowhere/names: cannot be opened"), "%s", e.text);
	config_free(c);
	c = config_parse("a.yaml", dir, strlen(dir), &e);
	cr_expect_eq(list_read_all(c, &out, &e), -1);
	cr_expect(strstr(e.text, "/tmp: is not a regular file"), "%s", e.text);
	cr_expect_eq(buf_len(&out), 0u);
	config_free(c);
	buf_free(&out);
}

#define MANY 100000

Test(own_types, a_hundred_thousand_lines, .timeout = 60)
{
	struct buf text, content;
	char line[32];
	struct ruled r;

	buf_init(&text, 1 << 24);
	for (int i = 0; i < MANY; i++) {
		snprintf(line, sizeof(line), "heron %d\n", i);
		cr_assert_eq(buf_puts(&text, line), 0);
	}
	content = ruled_content((const char *)buf_bytes(&text), buf_len(&text));
	ruled_begin(&r, "types: {NICK: {file: /x}}", &content);
	ruled_expect(&r, "", "heron 0, heron 99999, heron 100000, heron 31415",
		     "NICK_001, NICK_002, heron 100000, NICK_003");
	ruled_end(&r);
	buf_free(&text);
	buf_free(&content);
}

Test(own_types, lists_are_exchanged_whole)
{
	struct buf before = ruled_content("Osprey", 6), after = ruled_content("Kestrel", 7);
	struct buf bad = ruled_content("x", 1);
	struct policy_source *s;
	const struct mask_policy *held;
	struct ruled r;
	struct err e;

	ruled_begin(&r, "types: {NICK: {file: /x}}", &before);
	s = policies_source(r.policies);
	held = s->take(s, "");
	cr_assert_eq(policies_reload(r.policies, &after, &e), 0);
	ruled_expect(&r, "", "Osprey Kestrel", "Osprey NICK_001");
	cr_expect(known_has(held->literals[0], TYPE_COUNT, (const uint8_t *)"Osprey", 6));
	s->done(s, held);
	cr_expect_eq(policies_reload(r.policies, &bad, &e), -1);
	ruled_expect(&r, "", "Osprey Kestrel", "Osprey NICK_001");
	ruled_end(&r);
	buf_free(&before);
	buf_free(&after);
	buf_free(&bad);
}

/* ---- and back */

#define DELTA(text)                                                                                \
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"         \
	"\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}}\n\n"

static void expect_stream(struct ruled *r, const char *stream, const char *says)
{
	size_t len = strlen(stream);

	for (size_t cut = 0; cut <= len; cut++) {
		struct sse *s = sse_new(&r->w.vault.scope, SCHEMA_ANSWER, 1 << 20);
		struct buf out;

		buf_init(&out, 1 << 20);
		cr_assert_eq(sse_feed(s, (const uint8_t *)stream, cut, &out), 0);
		cr_assert_eq(sse_feed(s, (const uint8_t *)stream + cut, len - cut, &out), 0);
		cr_assert_eq(sse_finish(s, &out), 0);
		cr_expect(memmem(buf_bytes(&out), buf_len(&out), says, strlen(says)), "%zu: %.*s",
			  cut, (int)buf_len(&out), (const char *)buf_bytes(&out));
		sse_free(s);
		buf_free(&out);
	}
}

Test(own_types, restored_in_a_stream_however_it_is_torn)
{
	struct ruled r;

	ruled_begin(&r, "types: {TICKET: {expression: 'TICK-[0-9]{6}'}}", NULL);
	ruled_expect(&r, "", "about TICK-482913", "about TICKET_001");
	expect_stream(&r, DELTA("it is TICKET_001."), "it is TICK-482913.");
	expect_stream(&r, DELTA("it is TICK") DELTA("ET_001."), "\"TICK-482913.\"");
	expect_stream(&r, DELTA("it is TICKET_0") DELTA("01."), "\"TICK-482913.\"");
	ruled_expect(&r, "", "like TICKET_001 or TICKET_01", "like LITERAL_001 or TICKET_01");
	ruled_end(&r);
}

Test(own_types, placeholders_of_own_types)
{
	struct types *types = types_new();
	struct type_set set = {0};
	enum mask_type type;
	char why[256];

	cr_assert_eq(types_add(types, "TICKET", &type, why, sizeof(why)), 0);
	cr_expect_eq(type, (enum mask_type)TYPE_COUNT);
	cr_expect_eq(types_find(types, "TICKET", 6), type);
	cr_expect_eq(types_find(&types_builtin, "TICKET", 6), TYPE_NONE);
	type_set_add(&set, type);
	cr_expect_eq(placeholder_tail(types, (const uint8_t *)"a TICK", 6, &set), 2u);
	cr_expect_eq(placeholder_tail(&types_builtin, (const uint8_t *)"a TICK", 6, &set), 6u);
	types_free(types);
}
