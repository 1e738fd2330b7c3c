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
 * each stands at. What is not JSON after all is restored as text of depth 1. 0, or -1 when out is
 * full.
 */
__attribute__((warn_unused_result)) int unmask_json(struct vault_scope *scope, const uint8_t *p,
						    size_t len, enum schema schema, struct buf *out,
						    struct unmask_counts *counts);
#endif
