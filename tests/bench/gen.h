/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_BENCH_GEN_H
#define AWSMASK_BENCH_GEN_H
/*
 * Made-up traffic in the shape of a coding agent's: requests with a system prompt, tools and a
 * history of commands and their output, and the answers to them. The same seed makes the same
 * bytes, everywhere.
 */
#include "../../user/mask/buf.h"

#include <stdbool.h>

#define GEN_POOL 1000
#define GEN_VALUE_MAX 48
#define GEN_LARGE ((size_t)256 << 20) /* more than any buffer here holds */
/* What begins like this stands for a value that was never sent before; 17 digits in all. */
#define GEN_FRESH "i-0fe57a"

enum gen_kind {
	GEN_INSTANCE,
	GEN_VPC,
	GEN_SUBNET,
	GEN_GROUP,
	GEN_ADDRESS,
	GEN_KEY,
	GEN_BUCKET,
	GEN_ACCOUNT,
	GEN_ROLE,
	GEN_KINDS,
};

/* Distinct identifiers, at least 11 bytes each: all that is ever planted, but for fresh ones. */
struct gen_pool {
	char values[GEN_POOL][GEN_VALUE_MAX];
	char names[GEN_POOL][GEN_VALUE_MAX]; /* buckets: known, and never planted */
};
void gen_pool(struct gen_pool *pool, uint64_t seed);
/* Append a text that makes a vault know all of them. */
void gen_introduce(struct buf *text, const struct gen_pool *pool);

/* What the text is made of: lines of prose, logs, code and JSON; or what costs a scanner most. */
enum gen_texture {
	GEN_LINES,
	GEN_DIGITS,
	GEN_DASHES,
	GEN_CAPITALS,
	GEN_ARNS,
	GEN_ESCAPES,
	GEN_ARN,
	GEN_TENS,
	GEN_KEYS,
	GEN_MIX,
	GEN_STARTS,
	GEN_DOTS,
	GEN_UUIDS,
	GEN_SHORT_IDS,
	GEN_THREE_PARTS,
	GEN_INTRODUCTION, /* the whole pool, named in the last string */
};

struct gen_spec {
	uint64_t seed;
	size_t size;	/* of the body, about, bytes */
	unsigned every; /* bytes of text between two identifiers; 0: nothing to mask */
	enum gen_texture texture;
	bool stream;	/* ask for an event stream */
	size_t say;	/* of the last string, about; 0: an eighth of the body, at most 16 KiB */
	unsigned turns; /* what was said since; this many turns more than `size` */
};

struct gen_request {
	struct buf body;
	struct buf text;	   /* all strings of the messages, decoded, one after another */
	size_t echo_off, echo_len; /* what the origin answers: the last string, raw */
	size_t fresh_off;	   /* in the body: digits to change; 0: none */
};
/* Aborts when memory is out, as everything here does. */
void gen_request(struct gen_request *r, const struct gen_spec *spec, const struct gen_pool *pool);
void gen_request_free(struct gen_request *r);
/* Put the n-th value that nobody has seen in its place: in the body, so also in its echo. */
void gen_freshen(struct gen_request *r, uint32_t run, uint32_t n);

/* Append a JSON string's content that says this, minimally escaped. */
void gen_escape(struct buf *out, const uint8_t *text, size_t len);

/* A stamp: this, 16 hexadecimal digits, and this again. No other text has it. */
#define GEN_STAMP '~'
#define GEN_STAMP_SIZE 18

/*
 * Append an answer that says `raw`, the content of a JSON string: a message of text blocks, or the
 * event stream of one, a few bytes an event.
 */
void gen_answer(struct buf *out, const uint8_t *raw, size_t len);
/* `event` is called for each event. `stamped`: each delta brings a ping with a stamp of zeros. */
void gen_stream(const uint8_t *raw, size_t len, bool stamped,
		void (*event)(void *arg, const char *p, size_t n), void *arg);
/* Append what the text blocks or deltas of an answer say, raw, one after another. */
void gen_said(struct buf *out, const uint8_t *answer, size_t len);

/* What a download repeats. */
#define GEN_DOWNLOAD 65536
void gen_download(uint8_t out[static GEN_DOWNLOAD]);

/* For qsort() of doubles. */
int gen_compare(const void *a, const void *b);

/* Append or abort. */
void gen_put(struct buf *out, const void *p, size_t n);
void gen_puts(struct buf *out, const char *text);
__attribute__((format(printf, 2, 3))) void gen_print(struct buf *out, const char *format, ...);

#endif
