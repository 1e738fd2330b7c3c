/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/mask/placeholder.h"
#include "../guard.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <criterion/criterion.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

static int find(const char *text, size_t from, bool last, struct placeholder *p)
{
	struct guarded g = guarded_copy(text, strlen(text));
	int rc = placeholder_find(&types_builtin, g.p, strlen(text), from, last, p);

	guarded_free(&g);
	return rc;
}

Test(placeholder, labels)
{
	for (int a = 0; a < TYPE_COUNT; a++) {
		const char *label = type_table[a].label;
		size_t len = type_table[a].label_len;

		cr_expect_eq(strlen(label), len);
		cr_expect(len >= 1 && len <= 32, "%s", label);
		cr_expect(label[0] >= 'A' && label[0] <= 'Z', "%s", label);
		cr_expect_eq(strspn(label, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), len, "%s",
			     label);
		cr_expect_neq(label[len - 1], '_', "%s", label);
		for (size_t i = 0; i + 3 < len; i++)
			cr_expect_lt(strspn(label + i + 1, "0123456789") * (label[i] == '_'), 3,
				     "%s", label);
		for (int b = 0; b < TYPE_COUNT; b++) {
			size_t n = type_table[b].label_len;

			cr_expect(a == b || n > len || strcmp(label + len - n, type_table[b].label),
				  "%s ends with %s", label, type_table[b].label);
		}
		cr_expect_eq(types_find(&types_builtin, label, len), a);
		cr_expect_neq(types_find(&types_builtin, label, len - 1), a);
	}
	cr_expect_eq(types_find(&types_builtin, "", 0), TYPE_NONE);
	cr_expect_eq(TYPE_LITERAL, 0);
}

Test(placeholder, format)
{
	static const struct {
		uint32_t number;
		const char *text;
	} cases[] = {
		{1, "EC2_INSTANCE_001"},
		{42, "EC2_INSTANCE_042"},
		{999, "EC2_INSTANCE_999"},
		{1000, "EC2_INSTANCE_1000"},
		{123456, "EC2_INSTANCE_123456"},
		{100000000, "EC2_INSTANCE_100000000"},
		{999999999, "EC2_INSTANCE_999999999"},
	};
	char out[PLACEHOLDER_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n =
			placeholder_format(&types_builtin, out, TYPE_EC2_INSTANCE, cases[i].number);

		cr_expect_eq(n, strlen(cases[i].text));
		cr_expect_arr_eq(out, cases[i].text, n);
	}
}

Test(placeholder, what_is_formatted_is_found)
{
	static const uint32_t numbers[] = {1,	 9,	10,	99,	  100,	    999,
					   1000, 12345, 999999, 10000000, 99999999, 999999999};
	static const char *const before[] = {"", " ", "x", "A", "_", "9", "EC2_", "VPC_001", "\\n"};
	static const char *const after[] = {"", " ", "x", "_", "_001x", "-", "VPC_001", "\\n"};
	struct placeholder p;
	char name[PLACEHOLDER_MAX], text[200];
	size_t n, from;

	for (int t = 0; t < TYPE_COUNT; t++)
		for (size_t i = 0; i < 12; i++)
			for (size_t b = 0; b < 9; b++)
				for (size_t a = 0; a < 8; a++) {
					n = placeholder_format(&types_builtin, name, t, numbers[i]);
					snprintf(text, sizeof(text), "%s%.*s%s", before[b], (int)n,
						 name, after[a]);
					from = strlen(before[b]);
					cr_assert_eq(find(text, from, true, &p), 1, "%s", text);
					cr_assert_eq(p.start, from, "%s", text);
					cr_assert_eq(p.end, from + n, "%s", text);
					cr_assert_eq((int)p.type, t, "%s", text);
					cr_assert_eq(p.number, numbers[i], "%s", text);
				}
}

Test(placeholder, near_misses)
{
	static const char *const texts[] = {
		"",
		"_",
		"VPC_",
		"VPC_0",
		"VPC_00",
		"VPC_12",
		"VPC_000",
		"VPC_0001",
		"VPC_0123",
		"VPC_1234567890",
		"VPC_00000000001",
		"VPC001",
		"VPC-001",
		"VPC__001",
		"vpc_001",
		"VP_001",
		"_001",
		"001",
		"PC_001",
		"EC2_INSTANC_001",
		"EC2INSTANCE_001",
		"VPC_OO1",
		"VPC\xd9\xa1_001",
	};
	struct placeholder p = {.start = 77};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect_eq(find(texts[i], 0, true, &p), 0, "%s", texts[i]);
	cr_expect_eq(p.start, 77, "nothing is written when nothing is found");
}

Test(placeholder, the_end_decides)
{
	struct placeholder p;

	cr_expect_eq(find("a VPC_001", 0, false, &p), 0, "a digit may follow");
	cr_expect_eq(find("a VPC_001", 0, true, &p), 1);
	cr_expect_eq(find("a VPC_001.", 0, false, &p), 1);
	cr_expect_eq(find("a VPC_001\"", 3, true, &p), 0, "it starts before");
	cr_expect_eq(find("VPC_0012 SUBNET_003,VPC_4", 0, false, &p), 1);
	cr_expect_eq((int)p.type, TYPE_SUBNET);
	cr_expect_eq(p.start, 9);
	cr_expect_eq(p.end, 19);
	cr_expect_eq(p.number, 3);
}

/* The grammar as an expression whose partial match says what may still become one. */
static pcre2_code *grammar(const struct type_set *types)
{
	char pattern[TYPE_COUNT * 40 + 100];
	size_t at = (size_t)sprintf(pattern, "(?:");
	PCRE2_SIZE where;
	int error;
	pcre2_code *code;

	for (int t = 0; t < TYPE_COUNT; t++)
		if (type_set_has(types, t))
			at += (size_t)sprintf(pattern + at, "%s|", type_table[t].label);
	sprintf(pattern + at - 1, ")_(?:00[1-9]|0[1-9][0-9]|[1-9][0-9]{2,8})(?![0-9])");
	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_ANCHORED, &error,
			     &where, NULL);
	cr_assert(code);
	return code;
}

/* The first start from which more bytes could make a placeholder, by trying them all. */
static size_t tail_by_force(pcre2_code *code, pcre2_match_data *match, const uint8_t *text,
			    size_t len)
{
	size_t at;

	for (at = 0; at < len; at++)
		if (pcre2_match(code, text, len, at, PCRE2_PARTIAL_HARD, match, NULL) ==
		    PCRE2_ERROR_PARTIAL)
			break;
	return at;
}

/* Holding back was necessary: with some continuation a placeholder starts there. */
static bool can_become_one(const uint8_t *text, size_t len, size_t tail,
			   const struct type_set *types)
{
	static const char *const digits[] = {"", "0", "1", "01", "11", "001", "_001"};
	struct placeholder p;

	for (int t = 0; t < TYPE_COUNT; t++) {
		for (size_t skip = 0; skip <= type_table[t].label_len; skip++) {
			for (size_t i = 0; i < sizeof(digits) / sizeof(digits[0]); i++) {
				char more[400];
				int n = snprintf(more, sizeof(more), "%.*s%s%s", (int)len,
						 (const char *)text, type_table[t].label + skip,
						 digits[i]);

				if (type_set_has(types, t) &&
				    placeholder_find(&types_builtin, (uint8_t *)more, (size_t)n,
						     tail, true, &p) &&
				    p.start == tail && p.end >= len && (int)p.type == t)
					return true;
			}
		}
	}
	return false;
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Labels whole and in part, digits, and what else may stand between. */
static size_t random_text(uint32_t *state, uint8_t *out)
{
	static const char noise[] = "000111299__EVCS ax\".";
	size_t n = 0;

	while (n < 70) {
		const struct type_info *info = &type_table[next_random(state) % TYPE_COUNT];
		size_t from = next_random(state) % 4 ? 0 : next_random(state) % info->label_len;
		size_t some = info->label_len - from;

		if (next_random(state) % 3 == 0)
			some = next_random(state) % (some + 1);
		memcpy(out + n, info->label + from, some);
		n += some;
		if (next_random(state) % 3)
			out[n++] = '_';
		for (some = next_random(state) % 12; some; some--)
			out[n++] = (uint8_t)noise[next_random(state) % (sizeof(noise) - 1)];
	}
	return n;
}

static void check_tails(uint32_t *state, const struct type_set *types)
{
	pcre2_code *code = grammar(types);
	pcre2_match_data *match = pcre2_match_data_create(1, NULL);
	uint8_t text[200];
	size_t len = random_text(state, text);

	for (size_t cut = 0; cut <= len; cut++) {
		struct guarded g = guarded_copy(text, cut);
		size_t tail = placeholder_tail(&types_builtin, g.p, cut, types);

		cr_assert_eq(tail, tail_by_force(code, match, text, cut), "%.*s", (int)cut, text);
		cr_assert_lt(cut - tail, PLACEHOLDER_MAX);
		cr_assert_eq(strspn((char *)memcpy((char[64]){0}, text + tail, cut - tail),
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"),
			     cut - tail);
		if (tail < cut)
			cr_assert(can_become_one(text, cut, tail, types), "%.*s", (int)cut, text);
		guarded_free(&g);
	}
	pcre2_match_data_free(match);
	pcre2_code_free(code);
}

Test(placeholder, tail_holds_back_what_it_must_and_no_more, .timeout = 120)
{
	uint32_t state = 20;

	for (int round = 0; round < 24; round++) {
		struct type_set types = {0};

		type_set_add(&types, next_random(&state) % TYPE_COUNT);
		for (int t = 0; t < TYPE_COUNT; t++)
			if (round % 3 == 0 || (round % 3 == 1 && next_random(&state) % 2))
				type_set_add(&types, t);
		check_tails(&state, &types);
	}
}

Test(placeholder, tail_of_no_type)
{
	struct type_set none = {0};
	struct type_set vpc = {0};

	type_set_add(&vpc, TYPE_VPC);
	cr_expect_eq(placeholder_tail(&types_builtin, (const uint8_t *)"a VPC_00", 8, &none), 8);
	cr_expect_eq(placeholder_tail(&types_builtin, (const uint8_t *)"a VPC_00", 8, &vpc), 2);
	cr_expect_eq(placeholder_tail(&types_builtin, (const uint8_t *)"a VPC_000", 9, &vpc), 9);
	cr_expect_eq(placeholder_tail(&types_builtin, (const uint8_t *)"VPC_123456789", 13, &vpc),
		     0);
	cr_expect_eq(placeholder_tail(&types_builtin, (const uint8_t *)"VPC_1234567890", 14, &vpc),
		     14);
	cr_expect_eq(placeholder_tail(&types_builtin, (const uint8_t *)"SUBNET_00", 9, &vpc), 9);
	cr_expect_eq(placeholder_tail(&types_builtin, (const uint8_t *)"", 0, &vpc), 0);
}

/* From every place of texts that nearly are full of numbers: none is passed over, and no byte beyond the end is read. */
static void check_skipper(placeholder_skipper *skip)
{
	static const char letters[] =
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa____/:\xdf\xb0"
		"059";
	uint32_t state = 7;
	bool far = false;

	for (size_t len = 1; len <= 200; len++) {
		uint8_t text[200];
		struct guarded g;

		for (size_t i = 0; i < len; i++)
			text[i] = (uint8_t)letters[next_random(&state) % (sizeof(letters) - 1)];
		g = guarded_copy(text, len);
		for (size_t at = 0; at <= len; at++) {
			size_t to = skip(g.p, len, at);

			cr_assert(to >= at && to <= len);
			for (size_t i = at; i < to && i + 1 < len; i++)
				cr_expect(text[i] != '_' || text[i + 1] < '0' || text[i + 1] > '9',
					  "%zu of %zu", i, len);
			far |= to - at > 60;
		}
		guarded_free(&g);
	}
	cr_expect(far);
}

Test(placeholder, no_number_is_passed_over)
{
	check_skipper(placeholder_plain);
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		check_skipper(placeholder_avx2);
#endif
}
