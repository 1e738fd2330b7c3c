/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_MEMO_H
#define AWSMASK_MEMO_H
/*
 * What was found in texts that came before: with each turn an agent sends its whole conversation
 * again. A text is recognised by all of its bytes, which are kept and compared; the hash only says
 * where to look. Of what is found only that is kept which depends on nothing but the text, the
 * catalogue and the values that are known: policy is asked anew each time. Both only grow, or are
 * named by what is kept, so nothing here becomes wrong with time.
 *
 * Bounded and allocated at once: what has come first makes room for what comes. Nothing leaves it
 * unwiped. One thread at a time; for one catalogue.
 */
#include "known.h"

#define MEMO_TEXT_MIN 8 /* shorter texts are not worth it */

struct memo;

/*
 * At most max bytes, the table of places included. `seed` is random, so that nobody can choose the
 * places of his texts. NULL: memory is out.
 */
__attribute__((warn_unused_result)) struct memo *memo_new(size_t max, uint64_t seed);
void memo_free(struct memo *m);

/* What makes a text the same one. */
struct memo_key {
	/* One's texts are nobody else's: else how long his own request takes would tell somebody what
	 * others have sent. */
	const void *owner;
	const uint8_t *text;
	size_t len;
	size_t skip;   /* so many bytes are only context */
	bool escaped;  /* the text is a JSON string's content as it stands there */
	uint64_t hash; /* memo_recall() fills this in, for memo_keep() */
};

/* What was found in it. Offsets are those of the text, decoded. */
struct memo_found {
	const struct span *rules; /* as detect_all() says it */
	size_t n_rules;
	const uint32_t *places; /* as known_places() says it, of the bytes behind the context ... */
	size_t n_places;
	struct known_tokens tokens; /* ... and these; the words stay as they are */
	uint64_t lists; /* mask_policy.edition of the lists that were looked for; 0: none */
	size_t known;	/* so many of the owner's values were */
};

/* A text that is remembered; valid until the next memo_keep(). */
struct memo_text;

/* Is a text of this size ever kept? */
bool memo_fits(const struct memo *m, size_t len);

/* NULL: it was not seen before, or that is forgotten. It has to fit. */
struct memo_text *memo_recall(struct memo *m, struct memo_key *key);

size_t memo_rule_count(const struct memo_text *t);
struct span memo_rule(const struct memo_text *t, size_t i);
const uint32_t *memo_places(const struct memo_text *t, size_t *n);
struct known_tokens memo_tokens(const struct memo_text *t);
uint64_t memo_lists(const struct memo_text *t);
size_t memo_known(const struct memo_text *t);
/* So many of the owner's values are now known not to stand elsewhere. */
void memo_knows(struct memo_text *t, size_t known);

/* How many words of tokens belong to a text of so many bytes. */
size_t memo_token_words(size_t len);

/*
 * Keep what was found, if there is room for it, instead of what was kept of this text before. It was
 * recalled, or not, with the same key.
 */
void memo_keep(struct memo *m, const struct memo_key *key, const struct memo_found *found);

/* Wipe what was neither kept nor recalled since the last time. */
void memo_age(struct memo *m);

struct memo_stats {
	uint64_t recalled, recalled_bytes; /* texts found, and their bytes */
	uint64_t missed, missed_bytes;	   /* ... not found */
	size_t held;			   /* bytes of it that are in use */
};
const struct memo_stats *memo_stats(const struct memo *m);

/*
 * Where a request gets one from; it is given back after the scans. NULL: there is none to be had now. `owner`: as
 * in the key.
 */
struct memo_source {
	struct memo *(*take)(struct memo_source *s, const void *owner);
	void (*done)(struct memo_source *s, struct memo *m);
};

#endif
