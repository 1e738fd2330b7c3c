/* SPDX-License-Identifier: Apache-2.0 */
#include "../hostile.h"
#include "rank.h"

#include <stdio.h>
#include <time.h>

#define SIZE (16u << 10)
#define SIZE_LARGE (1u << 20)
#define ANCHORS 6
#define SEEDS 2
#define BEGINS 4	/* texts of which all begins are tried ... */
#define BEGIN_LENGTH 40 /* ... that are so much longer than the anchor, about */
#define TOLD 40
#define TOLD_WIDTH 60

struct found {
	const char *rule;
	double ns; /* a byte */
	double anchors, tries;
	size_t len;
	char piece[HOSTILE_PIECE_MAX];
};

struct ranking {
	struct detector *detector;
	uint8_t *text;
	struct found worst[RULE_COUNT];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Nanoseconds for each byte of the piece repeated; how many identifiers there were. */
static double measure(struct ranking *r, const char *piece, size_t len, size_t size, size_t *spans)
{
	struct buf found;
	double start;

	for (size_t i = 0; i < size; i++)
		r->text[i] = (uint8_t)piece[i % len];
	buf_init(&found, 1u << 30);
	start = now();
	MUST(detect_all(r->detector, r->text, size, &found) == 0);
	start = now() - start;
	*spans = buf_len(&found) / sizeof(struct span);
	buf_free(&found);
	return start / (double)size;
}

static void consider(struct ranking *r, unsigned rule, const struct hostile_piece *p)
{
	struct found *worst = &r->worst[rule];
	struct detect_work before = *detector_work(r->detector), after;
	size_t spans;
	double ns, again;

	ns = measure(r, p->text, p->len, SIZE, &spans);
	after = *detector_work(r->detector);
	/* An identifier in each piece is work that must be done. */
	if (ns < worst->ns || spans > SIZE / 512)
		return;
	again = measure(r, p->text, p->len, SIZE, &spans);
	ns = again < ns ? again : ns;
	if (ns < worst->ns)
		return;
	*worst = (struct found){.rule = rule_table[rule].id,
				.ns = ns,
				.anchors = (double)(after.anchors - before.anchors) / SIZE,
				.tries = (double)(after.matches - before.matches) / SIZE,
				.len = p->len};
	memcpy(worst->piece, p->text, p->len);
}

/* What a match begins with, up to where a word or number of it ends: so anchors stand close together in one run. */
static void consider_begins(struct ranking *r, unsigned rule, struct hostile *h, const char *anchor)
{
	for (unsigned i = 0; i < BEGINS; i++) {
		struct hostile_piece p;

		hostile_make(h, anchor, BEGIN_LENGTH, 30, false, &p);
		for (size_t len = p.len, least = p.start + strlen(anchor); len > least; len--) {
			p.len = len;
			if (!hostile_letter(p.text[len - 1]))
				consider(r, rule, &p);
		}
	}
}

static void consider_rule(struct ranking *r, unsigned rule)
{
	static const size_t lengths[] = {0, 4, 16, 60, 200, 900};
	const size_t ways = 2 * sizeof(lengths) / sizeof(*lengths);
	const char *const *anchors = rule_table[rule].anchors;
	struct hostile_piece p;
	struct hostile h;

	hostile_init(&h, &rule_table[rule]);
	for (size_t a = 0; anchors[a] && a < ANCHORS; a++)
		for (unsigned i = 0; i < ways * SEEDS; i++) {
			hostile_make(&h, anchors[a], lengths[i % ways / 2], i < ways ? 30 : 85,
				     i % 2, &p);
			consider(r, rule, &p);
		}
	for (size_t a = 0; anchors[a] && a < ANCHORS; a++)
		consider_begins(r, rule, &h, anchors[a]);
	hostile_free(&h);
}

static int by_cost(const void *a, const void *b)
{
	double x = ((const struct found *)a)->ns, y = ((const struct found *)b)->ns;

	return (x < y) - (x > y);
}

static void tell(struct ranking *r, const struct found *f)
{
	size_t spans, width = f->len < TOLD_WIDTH ? f->len : TOLD_WIDTH;
	double large = measure(r, f->piece, f->len, SIZE_LARGE, &spans);

	printf("%-20s %7.4f %7.4f %8.3f %8.3f  ", f->rule, 1 / f->ns, 1 / large, f->anchors,
	       f->tries);
	for (size_t i = 0; i < width; i++) {
		uint8_t c = (uint8_t)f->piece[i];

		printf(c < ' ' || c > '~' ? "\\x%02x" : "%c", c);
	}
	printf("%s\n", width < f->len ? "..." : "");
}

void rank_hostile(const struct catalogue *c)
{
	struct ranking *r = calloc(1, sizeof(*r));

	MUST(r && (r->text = malloc(SIZE_LARGE)) && (r->detector = detector_new(c)));
	for (unsigned rule = 0; rule < RULE_COUNT; rule++)
		MUST(rule_ready(c, rule));
	for (unsigned rule = 0; rule < RULE_COUNT; rule++)
		consider_rule(r, rule);
	qsort(r->worst, RULE_COUNT, sizeof(r->worst[0]), by_cost);
	printf("GB/s of what costs each rule most, repeated; the dearest of %d rules\n",
	       RULE_COUNT);
	printf("%-20s %7s %7s %8s %8s  %s\n", "rule", "16 KB", "1 MB", "anchors", "tries",
	       "repeated");
	for (unsigned i = 0; i < TOLD && i < RULE_COUNT && r->worst[i].len; i++)
		tell(r, &r->worst[i]);
	detector_free(r->detector);
	free(r->text);
	free(r);
}
