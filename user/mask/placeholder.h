/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PLACEHOLDER_H
#define AWSMASK_PLACEHOLDER_H
/*
 * The grammar of placeholders: LABEL "_" NUMBER, the label one of the types', the number
 * decimal, from 1 to 999,999,999, padded to three digits and no further, and not followed by a
 * digit. Whatever stands before the label is not looked at; labels are suffix-free, so the label is
 * unambiguous.
 */
#include "types.h"

#define PLACEHOLDER_NUMBER_MAX 999999999u
#define PLACEHOLDER_MAX 64 /* bytes; no placeholder is longer */

struct placeholder {
	size_t start, end;
	enum mask_type type;
	uint32_t number;
};

/* Write it (no NUL) and return its length. number: 1..PLACEHOLDER_NUMBER_MAX */
size_t placeholder_format(const struct types *types, char out[static PLACEHOLDER_MAX],
			  enum mask_type type, uint32_t number);

/*
 * First placeholder that starts at or after `from` and ends before `len`, or at it when `last` says
 * that no digit can follow. 1: *p is filled, 0: none.
 */
int placeholder_find(const struct types *types, const uint8_t *text, size_t len, size_t from,
		     bool last, struct placeholder *p);

/*
 * Private to placeholder*.c: from text[at], over bytes that are no "_" with a digit behind it, to where one is near or the
 * end. NULL: not on this kind of machine.
 */
typedef size_t placeholder_skipper(const uint8_t *text, size_t len, size_t at);
extern placeholder_skipper *const placeholder_avx2, *const placeholder_plain;

/*
 * Where the tail begins that more bytes could still turn into a placeholder of a type in `set` (a
 * bit per enum mask_type): from there on a stream holds back. `len` when there is none. The tail is
 * shorter than PLACEHOLDER_MAX and pure [A-Z0-9_].
 */
struct type_set {
	uint64_t bits[(TYPE_MAX + 63) / 64];
};
size_t placeholder_tail(const struct types *types, const uint8_t *text, size_t len,
			const struct type_set *set);

static inline void type_set_add(struct type_set *s, enum mask_type t)
{
	s->bits[t / 64] |= 1ull << (t % 64);
}

static inline bool type_set_has(const struct type_set *s, enum mask_type t)
{
	return s->bits[t / 64] >> (t % 64) & 1;
}

#endif
