/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PROPOSE_H
#define AWSMASK_PROPOSE_H
/*
 * Proposing: one pass over a text that says where some window might stand. A window is a few
 * neighbouring bytes, a set for each. All windows are sorted into groups; for each place of
 * a window and each byte a table says in which groups it may stand there, and where one group
 * remains for all places, one of its windows may stand. It proposes too much, never too little.
 */
#include "propose_text.h"

#include <stddef.h>

#define PROPOSE_BLOCK 64 /* bytes of text that one step looks at */
#define WINDOW_BEFORE 2	 /* places before the position that is proposed */
#define WINDOW_WIDTH 8
#define GRAM_BITS 18
#define GRAM_BYTES 4 /* are read for one */
#define PICK_MORE PROPOSE_BLOCK

/* With eight groups each, a bit in a byte; by halves of bytes they cost more. */
#define PROPOSE_CLASS_TABLES 5
#define PROPOSE_HALF_TABLES 4
#define PROPOSE_GROUPS_MAX (8 * PROPOSE_CLASS_TABLES)
/* Not all places of a window are looked up: what the others would rule out is not worth it. */
#define PROPOSE_CLASSES 64
#define PROPOSE_CLASS_FIRST 1
#define PROPOSE_CLASS_PLACES 5
#define PROPOSE_HALF_FIRST 1
#define PROPOSE_HALF_PLACES 6

/* What a table looks bytes up by. */
enum propose_kind { PROPOSE_BY_CLASS, PROPOSE_BY_HALVES, PROPOSE_KINDS };

struct window {
	struct byte_set at[WINDOW_WIDTH]; /* byte_set_all: whatever */
	unsigned group[PROPOSE_KINDS];	  /* proposer_add() fills this in */
};

/* How often a window is proposed in what agents send, about; of all places. */
double window_cost(const struct window *w);

/* The ways to do it; all but the last need a certain processor. */
enum propose_variant {
	PROPOSE_AVX512,
	PROPOSE_AVX2,
	PROPOSE_SSSE3,
	PROPOSE_NEON,
	PROPOSE_PLAIN,
	PROPOSE_VARIANTS,
};
extern const char *const propose_names[PROPOSE_VARIANTS];
bool propose_can(enum propose_variant v);

/* The groups of each class of bytes at each place, eight of them. */
struct propose_classes {
	uint8_t of[128]; /* bytes beyond ASCII are joined to those 0x80 below them */
	uint8_t groups[PROPOSE_CLASS_TABLES][PROPOSE_CLASS_PLACES][PROPOSE_CLASSES];
};

/* By halves of the byte; what both have. */
struct propose_halves {
	uint8_t low[PROPOSE_HALF_PLACES][16], high[PROPOSE_HALF_PLACES][16];
};

struct proposer;

/* For each byte p[0..blocks * 64) a bit; it reads WINDOW_WIDTH bytes on either side as well. */
typedef void propose_kernel(const struct proposer *g, const uint8_t *p, size_t blocks,
			    uint64_t *bits);

/*
 * Of the bytes with a bit those behind which three bytes are known: where they are, from p on. It reads
 * GRAM_BYTES from each of them, and may write PICK_MORE more than there are bits.
 */
typedef size_t propose_picker(const struct proposer *g, const uint8_t *p, const uint64_t *bits,
			      size_t blocks, uint32_t *out);

struct proposer {
	/* which three bytes can stand at a window's middle: a bit each, by a hash; case does not count */
	uint64_t grams[(1u << GRAM_BITS) / 64];
	struct propose_classes classes;
	struct propose_halves halves[PROPOSE_HALF_TABLES];
	propose_kernel *kernel;
	propose_picker *pick;
};

static inline uint32_t gram_hash(uint32_t gram, unsigned bits)
{
	return gram * 0x9e3779b1u >> (32 - bits);
}

/* May a window stand whose middle begins with the first three of these bytes? */
static inline bool gram_is_known(const struct proposer *g, uint32_t four)
{
	uint32_t hash = gram_hash((four | 0x20202020) << 8, GRAM_BITS);

	return g->grams[hash / 64] >> (hash % 64) & 1;
}

/*
 * Make the tables for these windows, for the best variant that the processor has; those before `from` are
 * in them already. The first ones take time: all that can be done to propose little is done for them.
 */
void proposer_add(struct proposer *g, struct window *windows, size_t from, size_t n);
void proposer_use(struct proposer *g, enum propose_variant v);
void proposer_use_best(struct proposer *g);

/* How many blocks so many bytes begin. */
static inline size_t propose_blocks(size_t len)
{
	return (len + PROPOSE_BLOCK - 1) / PROPOSE_BLOCK;
}

/*
 * A bit for each of p[0..len), and 0 for the rest of their last block. WINDOW_WIDTH bytes on either side of the blocks
 * can be read: 0, which no window asks for, beyond the ends of the text.
 */
void propose(const struct proposer *g, const uint8_t *p, size_t len, uint64_t *bits);

/* The variants, private to propose*.c; NULL: not on this kind of machine. */
extern propose_kernel *const propose_avx512, *const propose_avx2, *const propose_ssse3,
									  *const propose_neon;
extern propose_picker *const propose_pick_avx512;

#endif
