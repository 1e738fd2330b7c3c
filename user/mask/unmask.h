/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_UNMASK_H
#define AWSMASK_UNMASK_H
/*
 * Restoring: placeholders of one scope become their values again. Placeholders that the scope does
 * not know stay as they are (I6) and are counted.
 */
#include "schema.h"
#include "vault.h"

struct unmask_counts {
	size_t restored;
	size_t unknown; /* looked like placeholders, were none of this scope's */
};

/* A stream of text, delivered in pieces; the value is escaped `depth` JSON strings deep (0: plain
 * text). */
struct unmask_text {
	struct vault_scope *scope;
	struct type_set types; /* of the scope, when last begun */
	unsigned depth;
	uint8_t held[PLACEHOLDER_MAX]; /* tail that could still become a placeholder */
	size_t held_len;
	struct unmask_counts counts;
};

void unmask_text_init(struct unmask_text *u, struct vault_scope *scope, unsigned depth);
/* Append what n more bytes let out. 0, or -1 when out is full. */
__attribute__((warn_unused_result)) int unmask_text_feed(struct unmask_text *u, const uint8_t *p,
							 size_t n, struct buf *out);
/* Append what is held: no more bytes come. 0, or -1 when out is full. */
__attribute__((warn_unused_result)) int unmask_text_finish(struct unmask_text *u, struct buf *out);

/*
 * Restore in a whole JSON document: string values (and free-form keys), re-escaped for the depth
 * each stands at. SCHEMA_RESULT: a document a line. What is not JSON after all is restored as text
 * of depth 1. 0, or -1 when out is full.
 */
__attribute__((warn_unused_result)) int unmask_json(struct vault_scope *scope, const uint8_t *p,
						    size_t len, enum schema schema, struct buf *out,
						    struct unmask_counts *counts);

/*
 * The parts that unmask_json() and sse.h are made of. A JSON string, or the JSON text inside one
 * (its values then are two strings deep), may come in pieces, as deltas do: what one piece leaves
 * for the next is the carry.
 */
struct unmask_carry {
	uint8_t held[PLACEHOLDER_MAX]; /* decoded tail that could still become a placeholder */
	uint8_t held_len;
	uint8_t escape; /* where inside an escape of the JSON text `held` begins; 0: in none */
};

struct unmask {
	struct vault_scope *scope;
	struct type_set types; /* of the scope, at unmask_init() */
	struct buf text, marks;
	struct unmask_counts counts;
};

void unmask_init(struct unmask *u, struct vault_scope *scope);
void unmask_free(struct unmask *u);

/* A string of a document that goes on in a later one. */
struct unmask_torn {
	size_t off;	/* its content begins here; SIZE_MAX: there is none */
	bool is_nested; /* it is a piece of JSON text */
	struct unmask_carry *carry;
};

/*
 * Append the document with its strings restored, but for what `torn` (may be NULL) keeps back. 1.
 * 0: not JSON, nothing was appended or counted (but a carry may have changed). -1: out is full.
 */
__attribute__((warn_unused_result)) int unmask_document(struct unmask *u, const uint8_t *p,
							size_t len, enum schema schema,
							const struct unmask_torn *torn,
							struct buf *out);

/* Append, restored and escaped, what a carry still holds, and empty it. 0, or -1: out is full. */
__attribute__((warn_unused_result)) int unmask_settle(struct unmask *u, bool is_nested,
						      struct unmask_carry *carry, struct buf *out);

#endif
