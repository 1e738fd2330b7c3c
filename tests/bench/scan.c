/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engines alone, over generated bodies: scan [--quick] OUT.json
 *
 * Each round runs all engines over one body, one after another, so that what disturbs one disturbs
 * all; medians of the rounds are told, and what they are of memcpy and of the PCRE2 alternation.
 * `scan expressions` prints the catalogue's, one a line, with what may stand around them; `scan hostile`
 * the rules that cost most on texts made against them.
 */
#include "engines.h"
#include "rank.h"
#include "turns.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#define SEED 20310504
#define ROUNDS_MAX 15
#define RUN_NS 2000000 /* an engine runs at least for so long in each round */

struct body {
	const char *name;
	struct gen_spec spec;
};

#define FEW_256K 4

#define SPEC(n, bytes, gap, what)                                                                  \
	{                                                                                          \
		.seed = SEED + (n), .size = (bytes), .every = (gap), .texture = (what)             \
	}

static const struct body bodies[] = {
	{"16K none", SPEC(0, 16 << 10, 0, GEN_LINES)},
	{"16K few", SPEC(1, 16 << 10, 8192, GEN_LINES)},
	{"16K many", SPEC(2, 16 << 10, 192, GEN_LINES)},
	{"256K none", SPEC(3, 256 << 10, 0, GEN_LINES)},
	{"256K few", SPEC(4, 256 << 10, 8192, GEN_LINES)},
	{"256K many", SPEC(5, 256 << 10, 192, GEN_LINES)},
	{"2M none", SPEC(6, 2 << 20, 0, GEN_LINES)},
	{"2M few", SPEC(7, 2 << 20, 8192, GEN_LINES)},
	{"2M many", SPEC(8, 2 << 20, 192, GEN_LINES)},
	{"256K digits", SPEC(9, 256 << 10, 65536, GEN_DIGITS)},
	{"256K dashes", SPEC(10, 256 << 10, 65536, GEN_DASHES)},
	{"256K capitals", SPEC(11, 256 << 10, 65536, GEN_CAPITALS)},
	{"256K arns", SPEC(12, 256 << 10, 65536, GEN_ARNS)},
	{"256K escapes", SPEC(13, 256 << 10, 65536, GEN_ESCAPES)},
	{"256K arn", SPEC(14, 256 << 10, 65536, GEN_ARN)},
	{"256K 10.", SPEC(15, 256 << 10, 65536, GEN_TENS)},
	{"256K keys", SPEC(16, 256 << 10, 65536, GEN_KEYS)},
	{"256K mix", SPEC(17, 256 << 10, 65536, GEN_MIX)},
	{"256K starts", SPEC(18, 256 << 10, 65536, GEN_STARTS)},
	{"256K dots", SPEC(19, 256 << 10, 65536, GEN_DOTS)},
	{"256K UUIDs", SPEC(20, 256 << 10, 65536, GEN_UUIDS)},
	{"256K short ids", SPEC(21, 256 << 10, 65536, GEN_SHORT_IDS)},
	{"256K 10.1.2", SPEC(22, 256 << 10, 65536, GEN_THREE_PARTS)},
};

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

struct result {
	double rate;   /* GB/s, the median */
	double spread; /* between the quartiles, of the median */
};

static struct result settle(double *ns, unsigned rounds, size_t bytes)
{
	qsort(ns, rounds, sizeof(*ns), gen_compare);
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

static void bench_body(struct bench *b, const struct body *body, unsigned rounds, FILE *json)
{
	struct result results[ENGINES];
	size_t ids;

	bench_load(b, body->name, &body->spec);
	measure(b, rounds, results);
	ids = buf_len(&b->spans) / sizeof(struct span);
	if (ids && !body->spec.every)
		bench_fail(body->name, "something was found where there is nothing");
	tell(json, body->name, ids, results, body == bodies);
	bench_unload(b);
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
		bench_fail("few rules", why);
	for (unsigned i = 0; i < rounds; i++)
		for (unsigned w = 0; w < WAYS; w++)
			ns[w][i] = time_way(b, w, few);
	fprintf(json, "\n  \"detect\": {");
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
	bench_load(b, bodies[FEW_256K].name, &bodies[FEW_256K].spec);
	tell_ways(b, rounds, json);
	bench_unload(b);
}

static int tell_expressions(void)
{
	struct buf line = {0};

	for (int id = 0; id < RULE_COUNT; id++) {
		buf_init(&line, 1 << 20);
		rivals_expression(id, &line);
		printf("%.*s\n", (int)buf_len(&line), (const char *)buf_bytes(&line));
		buf_free(&line);
	}
	return 0;
}

static int tell_hostile(void)
{
	char why[256] = "";
	struct catalogue *c = catalogue_new(why, sizeof(why));

	if (!c)
		bench_fail("hostile", why);
	rank_hostile(c);
	catalogue_free(c);
	return 0;
}

int main(int argc, char **argv)
{
	bool quick = argc > 2 && !strcmp(argv[1], "--quick");
	unsigned rounds = quick ? 5 : 11;
	struct gen_pool pool;
	struct bench b;
	FILE *json;

	if (argc != 2 + quick) {
		fprintf(stderr, "usage: scan [--quick] OUT.json | expressions | hostile\n");
		return 2;
	}
	if (!strcmp(argv[1], "expressions"))
		return tell_expressions();
	if (!strcmp(argv[1], "hostile"))
		return tell_hostile();
	json = fopen(argv[argc - 1], "w");
	if (!json) {
		perror(argv[argc - 1]);
		return 1;
	}
	gen_pool(&pool, SEED);
	bench_init(&b, &pool);
	printf("pcre2: %u alternation(s), JIT\nhyperscan: %s\n", rivals_alternations(b.rivals),
	       rivals_hyperscan_say(b.rivals));
	tell_head();
	fprintf(json, "{\n  \"rounds\": %u,\n  \"hyperscan\": \"%s\",\n  \"bodies\": [", rounds,
		rivals_hyperscan_say(b.rivals));
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
		bench_body(&b, &bodies[i], rounds, json);
	fprintf(json, "\n  ],");
	bench_turns(&b, rounds, json);
	bench_ways(&b, rounds, json);
	fprintf(json, "\n}\n");
	bench_free(&b);
	return fclose(json) ? 1 : 0;
}
