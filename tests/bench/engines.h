/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_BENCH_ENGINES_H
#define AWSMASK_BENCH_ENGINES_H
/*
 * What is measured without a daemon: each engine runs over one generated body. Whatever is measured
 * is also checked: no value may be left, and each must come back.
 */
#include "../../user/mask/catalogue.h"
#include "../../user/mask/mask.h"
#include "../seeded_memo.h"
#include "gen.h"
#include "rivals.h"
#include "vault.h"

/* What is run, and over what. */
struct bench {
	struct catalogue *catalogue;
	struct detector *detector;
	struct mask *mask;
	struct memo *memo;
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

/* Mask it, remembering or not (NULL), with what it reveals, to b->out. 0 or -1. */
int bench_mask(struct bench *b, struct memo *memo, const struct buf *body);

/* AGAIN: as MASK, of what came before, as most of a conversation does with its next turn. */
enum engine { COPY, DETECT, PCRE2, HYPERSCAN, MASK, AGAIN, UNMASK, SSE, ENGINES };

/* run: 0, or -1 when there is nothing to measure. */
struct engine_row {
	const char *name;
	int (*run)(struct bench *b);
};
extern const struct engine_row engines[ENGINES];
/* How many bytes one run of the engine goes over. */
size_t engine_bytes(const struct bench *b, enum engine e);

/* With all of the pool in its vault. Exits when that does not work. */
void bench_init(struct bench *b, const struct gen_pool *pool);
void bench_free(struct bench *b);

/* Make the body, and the answers to it; exits, with FAIL, when a value is left or does not come back. */
void bench_load(struct bench *b, const char *name, const struct gen_spec *spec);
void bench_unload(struct bench *b);

/* Print FAIL and exit. */
__attribute__((noreturn)) void bench_fail(const char *body, const char *what);

#endif
