/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engines alone, over generated bodies: scan [--quick] OUT.json
 *
 * Each round runs all engines over one body, one after another, so that what disturbs one disturbs
 * all; medians of the rounds are told, and what they are of memcpy and of the PCRE2 alternation.
 * Whatever is measured is also checked: no value may be left, and each must come back.
 */
#include "../../user/mask/catalogue.h"
#include "../../user/mask/mask.h"
#include "../../user/mask/sse.h"
#include "../../user/mask/unmask.h"
#include "gen.h"
#include "rivals.h"
#include "vault.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#define SEED 20310504
#define MEMORY ((size_t)256 << 20)
#define ROUNDS_MAX 15
#define PCRE2_MOST 65536 /* of a text: its rate does not depend on more */
#define RUN_NS 2000000	 /* an engine runs at least for so long in each round */
#define FEED 16384	 /* an event stream comes in TLS records */

struct body {
	const char *name;
	struct gen_spec spec;
};

#define FEW_256K 4

static const struct body bodies[] = {
	{"16K none", {SEED, 16 << 10, 0, GEN_LINES, false}},
	{"16K few", {SEED + 1, 16 << 10, 8192, GEN_LINES, false}},
	{"16K many", {SEED + 2, 16 << 10, 192, GEN_LINES, false}},
	{"256K none", {SEED + 3, 256 << 10, 0, GEN_LINES, false}},
	{"256K few", {SEED + 4, 256 << 10, 8192, GEN_LINES, false}},
	{"256K many", {SEED + 5, 256 << 10, 192, GEN_LINES, false}},
	{"2M none", {SEED + 6, 2 << 20, 0, GEN_LINES, false}},
	{"2M few", {SEED + 7, 2 << 20, 8192, GEN_LINES, false}},
	{"2M many", {SEED + 8, 2 << 20, 192, GEN_LINES, false}},
	{"256K digits", {SEED + 9, 256 << 10, 65536, GEN_DIGITS, false}},
	{"256K dashes", {SEED + 10, 256 << 10, 65536, GEN_DASHES, false}},
	{"256K capitals", {SEED + 11, 256 << 10, 65536, GEN_CAPITALS, false}},
	{"256K arns", {SEED + 12, 256 << 10, 65536, GEN_ARNS, false}},
	{"256K escapes", {SEED + 13, 256 << 10, 65536, GEN_ESCAPES, false}},
	{"256K arn", {SEED + 14, 256 << 10, 65536, GEN_ARN, false}},
	{"256K 10.", {SEED + 15, 256 << 10, 65536, GEN_TENS, false}},
	{"256K keys", {SEED + 16, 256 << 10, 65536, GEN_KEYS, false}},
	{"256K mix", {SEED + 17, 256 << 10, 65536, GEN_MIX, false}},
};

/* What is run, and over what. */
struct bench {
	struct catalogue *catalogue;
	struct detector *detector;
	struct mask *mask;
	struct bench_vault vault;
	struct rivals *rivals;
	const struct gen_pool *pool;
	struct gen_request request;
	size_t pcre2_len;  /* how much of the text PCRE2 gets */
	struct buf plain;  /* the text, escaped */
	struct buf hidden; /* the same, masked */
	struct buf answer; /* says `hidden`, as a document */
	struct buf stream; /* says it as an event stream */
	struct buf out, spans, said;
};

static void fail(const char *body, const char *what)
{
	printf("FAIL  %s: %s\n", body, what);
	exit(1);
}

/* --- engines: 0, or -1 when there is nothing to measure --- */

static int run_copy(struct bench *b)
{
	buf_clear(&b->out);
	gen_put(&b->out, buf_bytes(&b->request.body), buf_len(&b->request.body));
	return 0;
}

static int run_detect(struct bench *b)
{
	buf_clear(&b->spans);
	return detect(b->detector, buf_bytes(&b->request.text), buf_len(&b->request.text),
		      &b->spans);
}

static int run_pcre2(struct bench *b)
{
	return rivals_pcre2(b->rivals, buf_bytes(&b->request.text), b->pcre2_len) < 0 ? -1 : 0;
}

static int run_hyperscan(struct bench *b)
{
	return rivals_hyperscan(b->rivals, buf_bytes(&b->request.text), buf_len(&b->request.text)) <
			       0
		       ? -1
		       : 0;
}

static int finish_mask(struct bench *b, const uint8_t *p, size_t len)
{
	struct vault_entry *entries;
	size_t n;

	if (mask_resolve(b->mask, &b->vault.scope)) {
		entries = mask_pending(b->mask, &n);
		if (bench_vault_reserve(&b->vault.scope, entries, n) < 0 ||
		    mask_resolve(b->mask, &b->vault.scope))
			return -1;
	}
	buf_clear(&b->out);
	return mask_splice(b->mask, 0, p, len, &b->out);
}

static int run_mask(struct bench *b)
{
	const uint8_t *p = buf_bytes(&b->request.body);
	size_t len = buf_len(&b->request.body);

	mask_reset(b->mask);
	return mask_scan_json(b->mask, 0, p, len, SCHEMA_MESSAGES) ? -1 : finish_mask(b, p, len);
}

static int run_unmask(struct bench *b)
{
	struct unmask_counts counts = {0};

	buf_clear(&b->out);
	return unmask_json(&b->vault.scope, buf_bytes(&b->answer), buf_len(&b->answer),
			   SCHEMA_ANSWER, &b->out, &counts);
}

static int run_sse(struct bench *b)
{
	struct sse *s = sse_new(&b->vault.scope, SCHEMA_EVENT, 1 << 20);
	size_t len = buf_len(&b->stream), at, n;
	int rc = s ? 0 : -1;

	buf_clear(&b->out);
	for (at = 0; rc == 0 && at < len; at += n) {
		n = len - at < FEED ? len - at : FEED;
		rc = sse_feed(s, buf_bytes(&b->stream) + at, n, &b->out);
	}
	if (rc == 0)
		rc = sse_finish(s, &b->out);
	sse_free(s);
	return rc;
}

enum engine { COPY, DETECT, PCRE2, HYPERSCAN, MASK, UNMASK, SSE, ENGINES };

static const struct {
	const char *name;
	int (*run)(struct bench *b);
} engines[ENGINES] = {
	[COPY] = {"memcpy", run_copy},	[DETECT] = {"detect", run_detect},
	[PCRE2] = {"pcre2", run_pcre2}, [HYPERSCAN] = {"hyperscan", run_hyperscan},
	[MASK] = {"mask", run_mask},	[UNMASK] = {"unmask", run_unmask},
	[SSE] = {"sse", run_sse},
};

/* How many bytes one run of the engine goes over. */
static size_t engine_bytes(const struct bench *b, enum engine e)
{
	switch (e) {
	case COPY:
	case MASK:
		return buf_len(&b->request.body);
	case PCRE2:
		return b->pcre2_len;
	case UNMASK:
		return buf_len(&b->answer);
	case SSE:
		return buf_len(&b->stream);
	default:
		return buf_len(&b->request.text);
	}
}

/* --- what must hold --- */

static void keep_event(void *arg, const char *p, size_t n)
{
	gen_put(arg, p, n);
}

static bool same(const struct buf *a, const struct buf *b)
{
	return buf_len(a) == buf_len(b) && !memcmp(buf_bytes(a), buf_bytes(b), buf_len(a));
}

static void check_body(struct bench *b, const char *name)
{
	struct buf masked = {.max = MEMORY};
	struct unmask_counts counts = {0};

	if (run_mask(b) < 0)
		fail(name, "masking was refused");
	for (unsigned i = 0; i < GEN_POOL; i++)
		if (memmem(buf_bytes(&b->out), buf_len(&b->out), b->pool->values[i],
			   strlen(b->pool->values[i])))
			fail(name, "a value is left in the masked body");
	gen_put(&masked, buf_bytes(&b->out), buf_len(&b->out));
	buf_clear(&b->out);
	if (unmask_json(&b->vault.scope, buf_bytes(&masked), buf_len(&masked), SCHEMA_NONE, &b->out,
			&counts) < 0 ||
	    !same(&b->out, &b->request.body))
		fail(name, "the masked body does not restore to what it was");
	buf_free(&masked);
}

/* Answers that say the whole text, masked; and that each restores to the text itself. */
static void prepare_answers(struct bench *b, const char *name)
{
	const uint8_t *p = buf_bytes(&b->request.text);
	size_t len = buf_len(&b->request.text);

	mask_reset(b->mask);
	if (mask_scan_text(b->mask, 0, p, len) || finish_mask(b, p, len) < 0)
		fail(name, "masking its text was refused");
	buf_clear(&b->plain);
	buf_clear(&b->hidden);
	buf_clear(&b->answer);
	buf_clear(&b->stream);
	gen_escape(&b->plain, p, len);
	gen_escape(&b->hidden, buf_bytes(&b->out), buf_len(&b->out));
	gen_answer(&b->answer, buf_bytes(&b->hidden), buf_len(&b->hidden));
	gen_stream(buf_bytes(&b->hidden), buf_len(&b->hidden), keep_event, &b->stream);
	for (enum engine e = UNMASK; e <= SSE; e++) {
		buf_clear(&b->said);
		if (engines[e].run(b) < 0)
			fail(name, "restoring an answer failed");
		gen_said(&b->said, buf_bytes(&b->out), buf_len(&b->out));
		if (!same(&b->said, &b->plain))
			fail(name, "an answer does not restore to what was said");
	}
}

/* --- measuring --- */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* others may be at work here */
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Nanoseconds of one run; NAN: there is nothing to measure. */
static double time_engine(struct bench *b, enum engine e)
{
	uint64_t start = now(), spent;
	unsigned n = 0;

	do {
		if (engines[e].run(b) < 0)
			return NAN;
		n++;
		spent = now() - start;
	} while (spent < RUN_NS);
	return (double)spent / n;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct result {
	double rate;   /* GB/s, the median */
	double spread; /* between the quartiles, of the median */
};

static struct result settle(double *ns, unsigned rounds, size_t bytes)
{
	qsort(ns, rounds, sizeof(*ns), compare);
	return (struct result){(double)bytes / ns[rounds / 2],
			       (ns[rounds * 3 / 4] - ns[rounds / 4]) / ns[rounds / 2]};
}

static void measure(struct bench *b, unsigned rounds, struct result out[static ENGINES])
{
	double ns[ENGINES][ROUNDS_MAX];
	bool is_there[ENGINES];

	for (unsigned e = 0; e < ENGINES; e++) /* warm up */
		is_there[e] = !isnan(time_engine(b, e));
	for (unsigned i = 0; i < rounds; i++)
		for (unsigned e = 0; e < ENGINES; e++)
			ns[e][i] = is_there[e] ? time_engine(b, e) : 0;
	for (unsigned e = 0; e < ENGINES; e++)
		out[e] = is_there[e] ? settle(ns[e], rounds, engine_bytes(b, e))
				     : (struct result){0};
}

/* --- telling --- */

static void tell_head(void)
{
	printf("GB/s, medians. x: of the PCRE2 alternation. %%: of memcpy. ~: between the "
	       "quartiles, "
	       "widest of the row.\n%-14s %6s",
	       "body", "ids");
	for (unsigned e = 0; e < ENGINES; e++)
		printf(" %9s", engines[e].name);
	printf("  %8s %7s %5s\n", "detect x", "mask %", "~");
}

static void tell(FILE *json, const char *name, size_t ids, const struct result *r, bool first)
{
	double widest = 0;

	printf("%-14s %6zu", name, ids);
	fprintf(json, "%s\n    {\"body\": \"%s\", \"identifiers\": %zu", first ? "" : ",", name,
		ids);
	for (unsigned e = 0; e < ENGINES; e++) {
		if (r[e].rate == 0) {
			printf(" %9s", "-");
			fprintf(json, ", \"%s\": null", engines[e].name);
			continue;
		}
		printf(" %9.*f", r[e].rate < 0.1 ? 4 : 3, r[e].rate);
		fprintf(json, ", \"%s\": {\"gbps\": %.5f, \"spread\": %.3f}", engines[e].name,
			r[e].rate, r[e].spread);
		widest = r[e].spread > widest ? r[e].spread : widest;
	}
	if (r[PCRE2].rate == 0)
		printf("  %8s", "-");
	else
		printf("  %8.1f", r[DETECT].rate / r[PCRE2].rate);
	printf(" %7.1f %4.0f%%\n", 100 * r[MASK].rate / r[COPY].rate, 100 * widest);
	fprintf(json, "}");
	fflush(stdout);
}

static void bench_init(struct bench *b, const struct gen_pool *pool)
{
	struct buf *const bufs[] = {&b->plain, &b->hidden, &b->answer, &b->stream,
				    &b->out,   &b->spans,  &b->said};
	char why[256] = "";

	memset(b, 0, sizeof(*b));
	b->pool = pool;
	b->catalogue = catalogue_new(why, sizeof(why));
	if (b->catalogue && catalogue_ready(b->catalogue, 0, 1, why, sizeof(why)) < 0) {
		fprintf(stderr, "the catalogue: %s\n", why);
		exit(1);
	}
	b->detector = b->catalogue ? detector_new(b->catalogue) : NULL;
	b->mask = b->catalogue ? mask_new(b->catalogue, MEMORY) : NULL;
	if (!b->detector || !b->mask) {
		fprintf(stderr, "the catalogue: %s\n", why);
		exit(1);
	}
	b->rivals = rivals_new();
	bench_vault_init(&b->vault);
	for (size_t i = 0; i < sizeof(bufs) / sizeof(*bufs); i++)
		buf_init(bufs[i], MEMORY);
}

/* The whole pool is in the vault before anything is measured. */
static void fill_vault(struct bench *b)
{
	struct buf text = {.max = MEMORY};

	for (unsigned i = 0; i < GEN_POOL; i++)
		gen_print(&text,
			  i % GEN_KINDS == GEN_BUCKET	 ? "s3://%s/x\n"
			  : i % GEN_KINDS == GEN_ACCOUNT ? "account %s\n"
			  : i % GEN_KINDS == GEN_ROLE	 ? "arn:aws:iam:::role/%s\n"
							 : "%s\n",
			  b->pool->values[i]);
	mask_reset(b->mask);
	if (mask_scan_text(b->mask, 0, buf_bytes(&text), buf_len(&text)) ||
	    finish_mask(b, buf_bytes(&text), buf_len(&text)) < 0)
		fail("the vault", "masking the pool was refused");
	if (b->vault.index.count != GEN_POOL)
		fail("the vault", "it does not hold the pool");
	buf_free(&text);
}

static void bench_free(struct bench *b)
{
	struct buf *const bufs[] = {&b->plain, &b->hidden, &b->answer, &b->stream,
				    &b->out,   &b->spans,  &b->said};

	for (size_t i = 0; i < sizeof(bufs) / sizeof(*bufs); i++)
		buf_free(bufs[i]);
	bench_vault_free(&b->vault);
	rivals_free(b->rivals);
	mask_free(b->mask);
	detector_free(b->detector);
	catalogue_free(b->catalogue);
}

static void bench_body(struct bench *b, const struct body *body, unsigned rounds, FILE *json)
{
	struct result results[ENGINES];
	size_t ids;

	gen_request(&b->request, &body->spec, b->pool);
	b->pcre2_len = buf_len(&b->request.text);
	if (b->pcre2_len > PCRE2_MOST)
		b->pcre2_len = PCRE2_MOST;
	check_body(b, body->name);
	prepare_answers(b, body->name);
	measure(b, rounds, results);
	ids = buf_len(&b->spans) / sizeof(struct span);
	tell(json, body->name, ids, results, body == bodies);
	gen_request_free(&b->request);
}

/* --- detect() in its variants, and with fewer rules --- */

#define FEW_RULES 60
#define WAYS (PROPOSE_VARIANTS + 1) /* the last: the best variant, few rules */

static double time_way(struct bench *b, unsigned way, struct detector *few)
{
	struct proposer *g = &b->catalogue->anchors.proposer;
	struct detector *all = b->detector;
	enum propose_variant v = 0;
	double ns;

	if (way < PROPOSE_VARIANTS && !propose_can((enum propose_variant)way))
		return NAN;
	if (way < PROPOSE_VARIANTS)
		proposer_use(g, (enum propose_variant)way);
	else
		b->detector = few;
	ns = time_engine(b, DETECT);
	b->detector = all;
	while (!propose_can(v))
		v++;
	proposer_use(g, v);
	return ns;
}

static void tell_ways(struct bench *b, unsigned rounds, FILE *json)
{
	char why[256] = "";
	struct catalogue *c = catalogue_first(FEW_RULES, why, sizeof(why));
	struct detector *few = c ? detector_new(c) : NULL;
	size_t bytes = buf_len(&b->request.text);
	double ns[WAYS][ROUNDS_MAX];

	if (!few)
		fail("few rules", why);
	for (unsigned i = 0; i < rounds; i++)
		for (unsigned w = 0; w < WAYS; w++)
			ns[w][i] = time_way(b, w, few);
	fprintf(json, "\n  ],\n  \"detect\": {");
	for (unsigned w = 0; w < WAYS; w++) {
		const char *name = w < PROPOSE_VARIANTS ? propose_names[w] : "few rules";
		struct result r = settle(ns[w], rounds, bytes);

		if (isnan(ns[w][0]))
			continue;
		printf("detect, 256K few, %-9s %9.3f GB/s  ~%.0f%%\n", name, r.rate,
		       100 * r.spread);
		fprintf(json, "\"%s\": %.5f, ", name, r.rate);
	}
	fprintf(json, "\"rules\": %d}", RULE_COUNT);
	detector_free(few);
	catalogue_free(c);
}

static void bench_ways(struct bench *b, unsigned rounds, FILE *json)
{
	gen_request(&b->request, &bodies[FEW_256K].spec, b->pool);
	tell_ways(b, rounds, json);
	gen_request_free(&b->request);
}

int main(int argc, char **argv)
{
	bool quick = argc > 2 && !strcmp(argv[1], "--quick");
	unsigned rounds = quick ? 5 : 11;
	struct gen_pool pool;
	struct bench b;
	FILE *json;

	if (argc != 2 + quick) {
		fprintf(stderr, "usage: scan [--quick] OUT.json\n");
		return 2;
	}
	json = fopen(argv[argc - 1], "w");
	if (!json) {
		perror(argv[argc - 1]);
		return 1;
	}
	gen_pool(&pool, SEED);
	bench_init(&b, &pool);
	fill_vault(&b);
	printf("pcre2: %u alternation(s), JIT\nhyperscan: %s\n", rivals_alternations(b.rivals),
	       rivals_hyperscan_say(b.rivals));
	tell_head();
	fprintf(json, "{\n  \"rounds\": %u,\n  \"hyperscan\": \"%s\",\n  \"bodies\": [", rounds,
		rivals_hyperscan_say(b.rivals));
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
		bench_body(&b, &bodies[i], rounds, json);
	bench_ways(&b, rounds, json);
	fprintf(json, "\n}\n");
	bench_free(&b);
	return fclose(json) ? 1 : 0;
}
