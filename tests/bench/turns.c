/* SPDX-License-Identifier: Apache-2.0 */
#include "turns.h"

#include <time.h>

#define SEED 20310601
#define SAYS 1500 /* bytes that each turn brings twice: what a tool prints, what the user says */
#define MEMO ((size_t)64 << 20)
#define ROUNDS_MAX 64

/* What is asked for in each round, one after another. */
enum ask { ASK_NEW, ASK_NEXT, ASK_SAME, ASK_NAMES, ASK_EDITED, ASK_COMPACTED, ASKS };

static const char *const ask_names[ASKS] = {
	[ASK_NEW] = "all new",	      [ASK_NEXT] = "next turn", [ASK_SAME] = "same again",
	[ASK_NAMES] = "names a name", [ASK_EDITED] = "edited",	[ASK_COMPACTED] = "compacted",
};

static const size_t sizes[] = {16 << 10, 256 << 10, 2 << 20};

/* Nanoseconds of the thread to mask it. */
static double time_body(struct bench *b, struct memo *memo, const struct buf *body)
{
	struct timespec t[2];

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t[0]);
	if (bench_mask(b, memo, body) < 0)
		bench_fail("turns", "masking was refused");
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t[1]);
	return (double)(t[1].tv_sec - t[0].tv_sec) * 1e9 + (double)(t[1].tv_nsec - t[0].tv_nsec);
}

/* Where the body says this, from an offset on. */
static size_t place_of(const struct buf *body, size_t from, const char *what)
{
	const uint8_t *at =
		memmem(buf_bytes(body) + from, buf_len(body) - from, what, strlen(what));

	if (!at)
		bench_fail("turns", "the body is not what it should be");
	return (size_t)(at - buf_bytes(body));
}

static void put_range(struct buf *out, const struct buf *body, size_t from, size_t to)
{
	gen_put(out, buf_bytes(body) + from, to - from);
}

/* The body as it is asked for: what the last turn says, what the first one does, or without the first half. */
static void put_body(struct buf *out, const struct gen_request *r, enum ask ask, unsigned round)
{
	const struct buf *body = &r->body;
	size_t first = place_of(body, 0, "\"messages\":[") + strlen("\"messages\":[");
	size_t half =
		place_of(body, first + (buf_len(body) - first) / 2, "{\"role\":\"assistant\"");
	size_t said = place_of(body, first, "\"text\":\"") + strlen("\"text\":\"");

	buf_clear(out);
	if (ask == ASK_COMPACTED) {
		put_range(out, body, 0, first);
		put_range(out, body, half, buf_len(body));
	} else if (ask == ASK_EDITED) {
		put_range(out, body, 0, said);
		gen_print(out, "Edited for the %uth time. ", round);
		put_range(out, body, said, buf_len(body));
	} else {
		put_range(out, body, 0, r->echo_off);
		if (ask == ASK_NAMES)
			gen_print(out, "s3://heron-ledger-%06u/ ", round);
		put_range(out, body, r->echo_off, buf_len(body));
	}
}

/* Returns how many bytes the next turn has. */
static size_t ask_round(struct bench *b, struct memo *memo, size_t size, unsigned round,
			double ns[static ASKS])
{
	struct gen_spec spec = {.seed = SEED, .size = size, .every = 8192, .texture = GEN_LINES};
	struct gen_request fresh, r;
	struct buf body = {.max = GEN_LARGE};
	size_t bytes;

	spec.seed += round + 1;
	gen_request(&fresh, &spec, b->pool);
	spec = (struct gen_spec){.seed = SEED,
				 .size = size,
				 .every = 8192,
				 .texture = GEN_LINES,
				 .say = SAYS,
				 .turns = round + 1};
	gen_request(&r, &spec, b->pool);
	for (enum ask a = ASK_NEW; a < ASKS; a++) {
		put_body(&body, a == ASK_NEW ? &fresh : &r, a, round);
		ns[a] = time_body(b, memo, &body);
	}
	bytes = buf_len(&r.body);
	buf_free(&body);
	gen_request_free(&fresh);
	gen_request_free(&r);
	return bytes;
}

static void tell_size(struct bench *b, size_t size, unsigned rounds, FILE *json, bool first)
{
	struct memo *memo = seeded_memo(MEMO, 1);
	double ns[ASKS], all[ASKS][ROUNDS_MAX];
	size_t bytes = 0;

	if (!memo)
		bench_fail("turns", "memory is out");
	ask_round(b, memo, size, 0, ns);
	for (unsigned i = 0; i < rounds; i++) {
		bytes += ask_round(b, memo, size, i + 1, ns);
		for (unsigned a = 0; a < ASKS; a++)
			all[a][i] = ns[a];
	}
	printf("%6zuK", size >> 10);
	fprintf(json, "%s{\"size\": %zu, \"bytes\": %zu", first ? "" : ", ", size, bytes / rounds);
	for (unsigned a = 0; a < ASKS; a++) {
		qsort(all[a], rounds, sizeof(*all[a]), gen_compare);
		printf(" %12.1f", all[a][rounds / 2] / 1e3);
		fprintf(json, ", \"%s\": %.1f", ask_names[a], all[a][rounds / 2] / 1e3);
	}
	printf("\n");
	fprintf(json, "}");
	memo_free(memo);
}

void bench_turns(struct bench *b, unsigned rounds, FILE *json)
{
	printf("masked by one who remembers, us:\n%7s", "");
	for (unsigned a = 0; a < ASKS; a++)
		printf(" %12s", ask_names[a]);
	printf("\n");
	fprintf(json, "\n  \"turns\": [");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		tell_size(b, sizes[i], rounds, json, i == 0);
	fprintf(json, "],");
}
