/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_MEMO_H
#define AWSMASK_MEMO_H
/*
 * What came of pieces of requests that came before: with each turn an agent sends its whole
 * conversation again. A piece is so many bytes, read from a state that whoever reads is in; what it
 * came to is the same whenever the same bytes are read from the same state. Where a piece ends follows
 * from these alone, so that it is found again amid others: whoever reads asks, at the end of each,
 * for what comes next. Its bytes are not kept: a fingerprint under a secret key says that they are the same
 * (fingerprint.h). The hash only says where to look, and what came behind a piece the last time is looked at first.
 *
 * To the memo all that is kept of a piece are bytes (mask_memo.c knows what they say). Bounded and
 * allocated at once: what has come first makes room for what comes. Nothing leaves it unwiped. One
 * thread at a time; for one catalogue.
 */
#include "fingerprint.h"
#include "policy.h"

/* So many bytes at the begin of a piece are hashed: only the last one of a document may be shorter. */
#define MEMO_HEAD 1024

struct memo;

/*
 * At most max bytes, the table of places included. The key is random, so that nobody can choose his pieces'
 * fingerprints and places. NULL: memory is out.
 */
__attribute__((warn_unused_result)) struct memo *memo_new(size_t max,
							  const struct fingerprint_key *key);
void memo_free(struct memo *m);

struct memo_bytes {
	const uint8_t *p;
	size_t len;
};

/* Where a piece begins. */
struct memo_key {
	/* One's pieces are nobody else's: else how long his own request takes would tell somebody
	 * what others have sent. */
	const void *owner;
	struct memo_bytes state; /* of whoever reads */
	struct memo_bytes ahead; /* all that there is from here on; at least MEMO_HEAD, if ... */
	bool more;		 /* ... more will come */
	/* memo_recall() fills these in: for memo_keep(); with more bytes it may be one that was seen before. */
	uint64_t hash;
	bool cut;
};

/* What came of it. */
struct memo_piece {
	struct memo_bytes bytes;   /* itself; recalled: those that were asked for */
	bool last;		   /* nothing follows: else it is another one */
	struct memo_bytes state;   /* of whoever has read it */
	struct memo_bytes rules;   /* what was found in it: depends on nothing else */
	struct memo_bytes effects; /* what was done with that, by ... */
	uint64_t policy;	   /* ... this policy, as memo_policy() says ... */
	size_t known;		   /* ... and so many of the owner's values */
	struct known_tokens tokens;
};

/*
 * False: it was not seen before, or that is forgotten, or it is cut. What *piece points to is valid until the next
 * memo_keep().
 */
bool memo_recall(struct memo *m, struct memo_key *key, struct memo_piece *piece);
/* The effects of what was recalled last, for what else was found out about them. */
uint8_t *memo_effects(struct memo *m);
/* So many of the owner's values are now known to change nothing of what was recalled last. */
void memo_knows(struct memo *m, size_t known);
/* Keep a piece, if there is room for it, instead of what was kept of it before. It was asked for with this key. */
void memo_keep(struct memo *m, const struct memo_key *key, const struct memo_piece *piece);

/* A number for what a policy says, the same for the same; 0: it has lists without an edition. */
uint64_t memo_policy(struct memo *m, const struct mask_policy *p);

/* Wipe what was neither kept nor recalled since the last time. */
void memo_age(struct memo *m);

struct memo_stats {
	uint64_t recalled, recalled_bytes; /* pieces found, and their bytes */
	uint64_t missed;		   /* ... not found */
	uint64_t vain_bytes;		   /* gone over for pieces that were others */
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
