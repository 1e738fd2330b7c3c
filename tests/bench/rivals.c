/* SPDX-License-Identifier: Apache-2.0 */
#include "rivals.h"

#include "../../user/mask/catalogue.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef BENCH_HYPERSCAN
#include <hs/hs.h>
#endif

#define MATCH_LIMIT 10000000
#define ALTERNATIONS_MAX 64

struct rivals {
	pcre2_code *codes[ALTERNATIONS_MAX];
	unsigned code_count;
	pcre2_match_data *match;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	char say[160];
#ifdef BENCH_HYPERSCAN
	hs_database_t *database;
	hs_scratch_t *scratch;
#endif
};

static void put(struct buf *out, const char *text)
{
	if (buf_puts(out, text) < 0)
		abort();
}

static const char *left_of(enum edge e)
{
	return e == EDGE_ANY	   ? ""
	       : e == EDGE_WORD	   ? "(?<![A-Za-z0-9])"
	       : e == EDGE_ADDRESS ? "(?<![A-Za-z0-9])(?<![0-9]\\.)"
				   : "(?<![A-Za-z0-9.-])";
}

static const char *right_of(enum edge e)
{
	return e == EDGE_ANY	   ? ""
	       : e == EDGE_ADDRESS ? "(?![A-Za-z0-9]|\\.[0-9])"
				   : "(?![A-Za-z0-9])";
}

void rivals_expression(int id, struct buf *out)
{
	put(out, left_of(rule_table[id].left));
	put(out, "(?:");
	put(out, rule_table[id].expression);
	put(out, ")");
	put(out, right_of(rule_table[id].right));
}

/* One alternation of the rules first..end; NULL: it is larger than PCRE2 can link (64 KiB). */
static pcre2_code *compile_alternation(int first, int end)
{
	struct buf all = {.max = 1 << 20};
	PCRE2_SIZE where;
	pcre2_code *code;
	int error;

	for (int id = first; id < end; id++) {
		put(&all, id > first ? "|" : "");
		rivals_expression(id, &all);
	}
	code = pcre2_compile(buf_bytes(&all), buf_len(&all), PCRE2_DUPNAMES | PCRE2_DOLLAR_ENDONLY,
			     &error, &where, NULL);
	buf_free(&all);
	if (code && pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) != 0)
		abort();
	return code;
}

/* As many rules as one alternation can have, and that alternation. */
static int longest_from(int first, pcre2_code **out)
{
	int can = first, cannot = RULE_COUNT + 1;

	*out = NULL;
	while (cannot - can > 1) {
		int end = can + (cannot - can) / 2;
		pcre2_code *code = compile_alternation(first, end);

		if (code) {
			pcre2_code_free(*out);
			*out = code;
			can = end;
		} else {
			cannot = end;
		}
	}
	return can;
}

static void compile_pcre2(struct rivals *r)
{
	int first, end;

	for (first = 0; first < RULE_COUNT; first = end) {
		if (r->code_count == ALTERNATIONS_MAX)
			abort();
		end = longest_from(first, &r->codes[r->code_count]);
		if (end == first)
			abort();
		r->code_count++;
	}
	r->match = pcre2_match_data_create(64, NULL);
	r->context = pcre2_match_context_create(NULL);
	r->stack = pcre2_jit_stack_create(32768, 8 << 20, NULL);
	if (!r->match || !r->context || !r->stack)
		abort();
	pcre2_set_match_limit(r->context, MATCH_LIMIT);
	pcre2_jit_stack_assign(r->context, NULL, r->stack);
}

static long scan_alternation(struct rivals *r, const pcre2_code *code, const uint8_t *text,
			     size_t len)
{
	size_t at = 0;
	long n = 0;

	while (at < len) {
		int rc = pcre2_jit_match(code, text, len, at, 0, r->match, r->context);

		if (rc == PCRE2_ERROR_NOMATCH)
			break;
		if (rc < 0)
			return -1;
		at = pcre2_get_ovector_pointer(r->match)[1];
		n++;
	}
	return n;
}

long rivals_pcre2(struct rivals *r, const uint8_t *text, size_t len)
{
	long sum = 0;

	for (unsigned i = 0; i < r->code_count; i++) {
		long n = scan_alternation(r, r->codes[i], text, len);

		if (n < 0)
			return -1;
		sum += n;
	}
	return sum;
}

unsigned rivals_alternations(const struct rivals *r)
{
	return r->code_count;
}

#ifdef BENCH_HYPERSCAN
/* Longer ones, for what only its surroundings give away, take it minutes to compile beside each other. */
#define EXPRESSION_MOST 800
#define REPEATS_MOST 32

/* A "{m,n}" of many repetitions: "{m,}". How long it was; 0: it is none. */
static size_t repeat_at(const char *p, char *out)
{
	unsigned least, most;
	int n = 0;

	if (sscanf(p, "{%u,%u}%n", &least, &most, &n) != 2 || !n || most <= REPEATS_MOST)
		return 0;
	sprintf(out, "{%u,}", least);
	return (size_t)n;
}

/*
 * What it can take, as a prefilter that finds more than the expression does: it has no possessive
 * quantifiers ("++" becomes "+"), groups need no names, and long bounded repetitions, of which it
 * makes large automata, have no bound. What a bracket or "\" holds stays.
 */
static void for_hyperscan(const char *expression, char *out)
{
	bool in_class = false, after_quantifier = false;
	const char *p = expression, *name_end;
	size_t n;

	for (; *p; p++) {
		if (*p == '\\' && p[1]) {
			*out++ = *p++;
			*out++ = *p;
			after_quantifier = false;
			continue;
		}
		if (*p == '[' && !in_class)
			in_class = true;
		else if (*p == ']')
			in_class = false;
		if (!in_class && after_quantifier && *p == '+') {
			after_quantifier = false;
			continue;
		}
		if (!in_class && !strncmp(p, "(?<", 3) && isupper(p[3]) &&
		    (name_end = strchr(p, '>'))) {
			memcpy(out, "(?:", 3);
			out += 3;
			p = name_end;
			continue;
		}
		n = in_class ? 0 : repeat_at(p, out);
		if (n) {
			out += strlen(out);
			p += n - 1;
			after_quantifier = true;
			continue;
		}
		after_quantifier = !in_class && strchr("*+?}", *p) && !(*p == '?' && p[-1] == '(');
		*out++ = *p;
	}
	*out = '\0';
}

static hs_database_t *compile_hyperscan(char *const *expressions, unsigned n)
{
	unsigned flags[RULE_COUNT], ids[RULE_COUNT];
	hs_compile_error_t *error = NULL;
	hs_database_t *database = NULL;

	for (unsigned i = 0; i < n; i++) {
		flags[i] = HS_FLAG_PREFILTER;
		ids[i] = i;
	}
	hs_compile_multi((const char *const *)expressions, flags, ids, n, HS_MODE_BLOCK, NULL,
			 &database, &error);
	hs_free_compile_error(error);
	return database;
}

static void open_hyperscan(struct rivals *r)
{
	char *expressions[RULE_COUNT];
	unsigned n = 0;

	for (int id = 0; id < RULE_COUNT; id++) {
		char *copy = malloc(strlen(rule_table[id].expression) + 1);
		hs_database_t *alone;

		if (!copy)
			abort();
		for_hyperscan(rule_table[id].expression, copy);
		expressions[n] = copy;
		alone = strlen(copy) > EXPRESSION_MOST ? NULL
						       : compile_hyperscan(expressions + n, 1);
		if (alone)
			n++;
		else
			free(copy);
		hs_free_database(alone);
	}
	r->database = compile_hyperscan(expressions, n);
	if (!r->database || hs_alloc_scratch(r->database, &r->scratch) != HS_SUCCESS)
		snprintf(r->say, sizeof(r->say), "did not take the expressions");
	else
		snprintf(r->say, sizeof(r->say),
			 "%.12s, %u of %d expressions (those up to %d bytes), as prefilters (no "
			 "confirmation)",
			 hs_version(), n, RULE_COUNT, EXPRESSION_MOST);
	while (n)
		free(expressions[--n]);
}

static int count_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
		       void *arg)
{
	(void)id, (void)from, (void)to, (void)flags;
	++*(long *)arg;
	return 0;
}

long rivals_hyperscan(struct rivals *r, const uint8_t *text, size_t len)
{
	long n = 0;

	if (!r->scratch || hs_scan(r->database, (const char *)text, (unsigned)len, 0, r->scratch,
				   count_match, &n) != HS_SUCCESS)
		return -1;
	return n;
}
#else
static void open_hyperscan(struct rivals *r)
{
	snprintf(r->say, sizeof(r->say), "not installed");
}

long rivals_hyperscan(struct rivals *r, const uint8_t *text, size_t len)
{
	(void)r, (void)text, (void)len;
	return -1;
}
#endif

const char *rivals_hyperscan_say(const struct rivals *r)
{
	return r->say;
}

struct rivals *rivals_new(void)
{
	struct rivals *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	compile_pcre2(r);
	open_hyperscan(r);
	return r;
}

void rivals_free(struct rivals *r)
{
	while (r->code_count)
		pcre2_code_free(r->codes[--r->code_count]);
	pcre2_match_data_free(r->match);
	pcre2_match_context_free(r->context);
	pcre2_jit_stack_free(r->stack);
#ifdef BENCH_HYPERSCAN
	hs_free_scratch(r->scratch);
	hs_free_database(r->database);
#endif
	free(r);
}
