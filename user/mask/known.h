/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_KNOWN_H
#define AWSMASK_KNOWN_H
/*
 * Known values: what context gave away once is the same secret without it. A bucket named in
 * s3://corvid-ledger/x is masked in "the bucket corvid-ledger" too.
 *
 * Which types are learned is said in catalogue.def (LEARNED): names, account ids, hashes and secret
 * keys. What a rule finds wherever it stands (i-..., AKIA...) need not be. Of those types, a value
 * is not learned when it would be found where nobody means it:
 *
 *	- shorter than 6 bytes, or longer than 512, or of more than 32 words and separators
 *	- without a letter, unless it is an account id: dates, versions, counters
 *	- a name of known.def, in either case, a Region, or a service's host name
 *	- one plain word (letters only, no capital inside) shorter than 12 bytes
 *
 * It is found as a whole token only. A letter or a digit goes on a token, and so do dashes and
 * underscores with one behind them: corvid-ledger is not part of corvid-ledger-2, nor of
 * my_corvid-ledger, which are other names; but it is what -corvid-ledger in a diff, _corvid-ledger_
 * in Markdown and corvid-ledger-* say. A dot, a slash, a quote, a colon do not go on: the name at
 * the end of a sentence, in a path and before .s3.amazonaws.com is the name. Twelve digits that are
 * known to be an account are that account also between dashes and underscores, as in
 * logs-734019286651-eu. On the left an escape ends before the token, as for the rules (edge.h).
 *
 * Where a value is known by two types, the one learned first names it, of those that are looked for.
 *
 * A set that somebody lists (policy.h) holds what it is given, from KNOWN_LEAST bytes on.
 */
#include "byte_set.h"
#include "detect.h"

#define KNOWN_MIN 6
#define KNOWN_LEAST 2 /* of what somebody lists */
#define KNOWN_MAX 512
#define KNOWN_STOPS 32
#define KNOWN_SETS 4 /* that can be looked for at once */

/* A set of values that only grows; it keeps copies. */
struct known {
	struct buf bytes;  /* of the values */
	struct buf values; /* struct known_value */
	struct buf stops;  /* struct known_stop, an open hash table */
	struct buf words;  /* a filter of the runs that values begin with */
	size_t used;	   /* stops */
	size_t longest;
	size_t least; /* of the runs that values begin with, the shortest */
	uint64_t seed;
	bool plain;		     /* some value begins with a plain run (known_table.h) */
	bool other;		     /* some value begins with no letter or digit, ... */
	struct byte_set other_first; /* ... but with one of these */
};

/* `max` bounds each of its tables, bytes. */
void known_init(struct known *k, size_t max);
void known_free(struct known *k); /* wipes; may be used again */
/* Empty it; small storage stays. */
void known_clear(struct known *k);
size_t known_count(const struct known *k);
/* Bytes of storage that it holds. */
size_t known_memory(const struct known *k);

/* Are values of this type learned? */
bool known_learns_type(enum mask_type type);
/* Is such a value learned at all? */
bool known_learns(enum mask_type type, const uint8_t *value, size_t len);
/* Why a value of such a type is not: the end of a sentence, without a full stop. NULL: it is learned. */
const char *known_why_not(enum mask_type type, const uint8_t *value, size_t len);
/* Words and what stands between them: how often it is cut for being looked up. */
size_t known_stops(const uint8_t *value, size_t len);
/*
 * Add one, KNOWN_MIN to KNOWN_MAX bytes long and with at most KNOWN_STOPS stops, if it is not there
 * by this type. 0, or -1: memory, and the set is as it was.
 */
__attribute__((warn_unused_result)) int known_add(struct known *k, enum mask_type type,
						  const uint8_t *value, size_t len);
bool known_has(const struct known *k, enum mask_type type, const uint8_t *value, size_t len);
/* Make an empty set the same as another one. 0, or -1: memory. */
__attribute__((warn_unused_result)) int known_copy(struct known *to, const struct known *from);

/* Which values are looked for, of those that are in the sets. */
struct known_filter {
	bool (*wants)(const void *arg, enum mask_type type, const uint8_t *value, size_t len);
	const void *arg;
};

/*
 * The runs that a text's tokens begin with, as a filter: a value of which a run is not in it does not
 * stand in the text, whether it was known then or not. Of one without a run of KNOWN_MIN bytes that is
 * more than a plain word, it says nothing.
 */
struct known_tokens {
	uint64_t *words;
	size_t n;   /* at most UINT32_MAX */
	bool noted; /* some text had one */
};
/* Might the i-th value that was added stand there? */
bool known_tokens_may_have(const struct known_tokens *t, const struct known *k, size_t i);

/*
 * Looking for values goes in two steps, of which the first reads the whole text and holds for
 * whatever filter. Append each place (uint32_t, ascending) where some value stands; `tokens`, all
 * zeroes, is filled, and `noted` is set if there is one; it may be NULL. Linear in len. 0, or -1: the buffer is full, or the text is longer than
 * UINT32_MAX.
 */
__attribute__((warn_unused_result)) int known_places(const struct known *const *sets, size_t n_sets,
						     const uint8_t *text, size_t len,
						     struct known_tokens *tokens,
						     struct buf *places);
/*
 * Append each occurrence of a value (struct span, by start, disjoint, never followed by a digit).
 * `places` are those of all sets, and may be more: they are looked at again. `filter` may be NULL: all are looked for.
 * Where several begin, the longest; of equal ones that of the first set. 0, or -1: the buffer is
 * full.
 */
__attribute__((warn_unused_result)) int known_find(const struct known *const *sets, size_t n_sets,
						   const struct known_filter *filter,
						   const uint8_t *text, size_t len,
						   const struct buf *places, struct buf *spans);

#endif
