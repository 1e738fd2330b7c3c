/* SPDX-License-Identifier: Apache-2.0 */
#include "engines.h"

#include "../../user/mask/sse.h"
#include "../../user/mask/unmask.h"

#include <stdio.h>

#define MEMORY ((size_t)256 << 20)
#define MEMO ((size_t)64 << 20)
#define PCRE2_MOST 65536 /* of a text: its rate does not depend on more */
#define FEED 16384	 /* an event stream comes in TLS records */

void bench_fail(const char *body, const char *what)
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

int bench_mask(struct bench *b, struct memo *memo, const struct buf *body)
{
	const uint8_t *p = buf_bytes(body);
	size_t len = buf_len(body);

	mask_reset(b->mask);
	mask_know(b->mask, &b->vault.scope);
	mask_remember(b->mask, memo);
	return mask_scan_json(b->mask, 0, p, len, SCHEMA_MESSAGES) || mask_learn(b->mask)
		       ? -1
		       : finish_mask(b, p, len);
}

static int run_mask(struct bench *b)
{
	return bench_mask(b, NULL, &b->request.body);
}

static int run_again(struct bench *b)
{
	return bench_mask(b, b->memo, &b->request.body);
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

const struct engine_row engines[ENGINES] = {
	[COPY] = {"memcpy", run_copy},	   [DETECT] = {"detect", run_detect},
	[PCRE2] = {"pcre2", run_pcre2},	   [HYPERSCAN] = {"hyperscan", run_hyperscan},
	[MASK] = {"mask", run_mask},	   [AGAIN] = {"again", run_again},
	[UNMASK] = {"unmask", run_unmask}, [SSE] = {"sse", run_sse},
};

size_t engine_bytes(const struct bench *b, enum engine e)
{
	switch (e) {
	case COPY:
	case MASK:
	case AGAIN:
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

/* Remembered or not, it leaves as the same bytes. */
static void check_again(struct bench *b, const char *name, const struct buf *masked)
{
	for (int i = 0; i < 2; i++)
		if (run_again(b) < 0 || !same(&b->out, masked))
			bench_fail(name, "the masked body is another one the next time");
}

static void check_masking(struct bench *b, const char *name)
{
	struct buf masked = {.max = MEMORY};
	struct unmask_counts counts = {0};

	/* The second time it knows what the first one revealed. */
	if (run_mask(b) < 0 || run_mask(b) < 0)
		bench_fail(name, "masking was refused");
	for (unsigned i = 0; i < GEN_POOL; i++)
		if (memmem(buf_bytes(&b->out), buf_len(&b->out), b->pool->values[i],
			   strlen(b->pool->values[i])))
			bench_fail(name, "a value is left in the masked body");
	gen_put(&masked, buf_bytes(&b->out), buf_len(&b->out));
	check_again(b, name, &masked);
	buf_clear(&b->out);
	if (unmask_json(&b->vault.scope, buf_bytes(&masked), buf_len(&masked), SCHEMA_NONE, &b->out,
			&counts) < 0 ||
	    !same(&b->out, &b->request.body))
		bench_fail(name, "the masked body does not restore to what it was");
	buf_free(&masked);
}

/* Answers that say the whole text, masked; and that each restores to the text itself. */
static void prepare_answers(struct bench *b, const char *name)
{
	const uint8_t *p = buf_bytes(&b->request.text);
	size_t len = buf_len(&b->request.text);

	mask_reset(b->mask);
	mask_know(b->mask, &b->vault.scope);
	if (mask_scan_text(b->mask, 0, p, len) || finish_mask(b, p, len) < 0)
		bench_fail(name, "masking its text was refused");
	buf_clear(&b->plain);
	buf_clear(&b->hidden);
	buf_clear(&b->answer);
	buf_clear(&b->stream);
	gen_escape(&b->plain, p, len);
	gen_escape(&b->hidden, buf_bytes(&b->out), buf_len(&b->out));
	gen_answer(&b->answer, buf_bytes(&b->hidden), buf_len(&b->hidden));
	gen_stream(buf_bytes(&b->hidden), buf_len(&b->hidden), false, keep_event, &b->stream);
	for (enum engine e = UNMASK; e <= SSE; e++) {
		buf_clear(&b->said);
		if (engines[e].run(b) < 0)
			bench_fail(name, "restoring an answer failed");
		gen_said(&b->said, buf_bytes(&b->out), buf_len(&b->out));
		if (!same(&b->said, &b->plain))
			bench_fail(name, "an answer does not restore to what was said");
	}
}

void bench_load(struct bench *b, const char *name, const struct gen_spec *spec)
{
	gen_request(&b->request, spec, b->pool);
	b->pcre2_len = buf_len(&b->request.text);
	if (b->pcre2_len > PCRE2_MOST)
		b->pcre2_len = PCRE2_MOST;
	check_masking(b, name);
	prepare_answers(b, name);
}

void bench_unload(struct bench *b)
{
	gen_request_free(&b->request);
}

/* The whole pool is in the vault before anything is measured. */
static void fill_vault(struct bench *b)
{
	struct buf text = {.max = MEMORY};

	gen_introduce(&text, b->pool);
	mask_reset(b->mask);
	mask_know(b->mask, &b->vault.scope);
	if (mask_scan_text(b->mask, 0, buf_bytes(&text), buf_len(&text)) ||
	    finish_mask(b, buf_bytes(&text), buf_len(&text)) < 0)
		bench_fail("the vault", "masking the pool was refused");
	if (b->vault.index.count != 2 * GEN_POOL)
		bench_fail("the vault", "it does not hold the pool");
	buf_free(&text);
}

void bench_init(struct bench *b, const struct gen_pool *pool)
{
	struct buf *const bufs[] = {&b->plain, &b->hidden, &b->answer, &b->stream,
				    &b->out,   &b->spans,  &b->said};
	char why[256] = "";

	memset(b, 0, sizeof(*b));
	b->pool = pool;
	b->catalogue = catalogue_new(why, sizeof(why));
	if (b->catalogue && catalogue_ready(b->catalogue, 0, 1, why, sizeof(why)) < 0)
		bench_fail("the catalogue", why);
	b->detector = b->catalogue ? detector_new(b->catalogue) : NULL;
	b->mask = b->catalogue ? mask_new(b->catalogue, MEMORY) : NULL;
	b->memo = seeded_memo(MEMO, 1);
	if (!b->detector || !b->mask || !b->memo) {
		fprintf(stderr, "the catalogue: %s\n", why);
		exit(1);
	}
	b->rivals = rivals_new();
	bench_vault_init(&b->vault);
	for (size_t i = 0; i < sizeof(bufs) / sizeof(*bufs); i++)
		buf_init(bufs[i], MEMORY);
	fill_vault(b);
}

void bench_free(struct bench *b)
{
	struct buf *const bufs[] = {&b->plain, &b->hidden, &b->answer, &b->stream,
				    &b->out,   &b->spans,  &b->said};

	for (size_t i = 0; i < sizeof(bufs) / sizeof(*bufs); i++)
		buf_free(bufs[i]);
	bench_vault_free(&b->vault);
	rivals_free(b->rivals);
	memo_free(b->memo);
	mask_free(b->mask);
	detector_free(b->detector);
	catalogue_free(b->catalogue);
}
