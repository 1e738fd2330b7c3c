/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_JSTR_WIDE_H
#define AWSMASK_JSTR_WIDE_H
/* Passing over a JSON string, and decoding it, by 64 bytes at a time; private to jstr*.c. */
#include "jstr.h"

#define JSTR_BLOCK 64

/*
 * From buf[i], inside a string and not inside an escape, on to what ends the string or asks for a closer
 * look: a control character, an escape of more than two bytes or none at all, or the last bytes before
 * `len`. *escaped becomes true if that passes over an escape.
 */
typedef size_t jstr_kernel(const uint8_t *buf, size_t i, size_t len, bool *escaped);

/* The ways to do it, each for a certain processor; where there is none, it goes by sixteen bytes. */
enum jstr_variant { JSTR_AVX512, JSTR_AVX2, JSTR_NEON, JSTR_VARIANTS };
/* NULL: not on this processor. */
jstr_kernel *jstr_by(enum jstr_variant v);
extern jstr_kernel *const jstr_avx512, *const jstr_avx2, *const jstr_neon;

/* A string that is being decoded. */
struct jstr_decoding {
	const uint8_t *raw;
	size_t from, len; /* raw[from..len) is left */
	uint8_t *text;	  /* room for `len` bytes: what is decoded is never longer */
	size_t to;	  /* so many are there */
	struct text_mark *mark,
		*full; /* where the next one goes, and where there is no room any more */
};

/* Go on with it as far as there is room for the marks of a block, up to an escape of more than two bytes or none at all. */
#define JSTR_BLOCK_MARKS (JSTR_BLOCK / 2 + 16)
typedef void jstr_decoder(struct jstr_decoding *d);
/* NULL: there is none for this processor, and it goes escape by escape. */
jstr_decoder *jstr_decoder_best(void);
/* jstr_decode() with this one, or none. */
__attribute__((warn_unused_result)) int jstr_decode_by(jstr_decoder *wide, const uint8_t *raw,
						       size_t len, struct buf *text,
						       struct buf *marks);
#ifdef __x86_64__
extern jstr_decoder *const jstr_decode_avx512;
#endif

/* What may stand behind a backslash, alone: the halves of a byte have a bit in common. */
extern const uint8_t jstr_simple_low[16], jstr_simple_high[16];
/* What the escape of two bytes stands for that ends with this one (RFC 8259 section 7); 0: none. */
extern const uint8_t jstr_simple[256];

/* Of 64 bytes. */
struct jstr_bits {
	uint64_t backslash, quote, control;
	uint64_t simple; /* what may stand behind a backslash; asked for only if there is one */
};

/* Which bytes a backslash makes mean something else: the second of each pair, from the first one on. */
static inline uint64_t jstr_escaped(uint64_t backslash)
{
	const uint64_t even = 0x5555555555555555;
	uint64_t follows = backslash << 1, odd_begins = backslash & ~even & ~follows;

	return (even ^ (odd_begins + backslash) << 1) & follows;
}

/*
 * JSTR_BLOCK, or one less if the last byte is a backslash that begins an escape. As a branch, and not as arithmetic:
 * where the next block begins is guessed then, rather than waited for.
 */
static inline size_t jstr_whole(bool cut)
{
	size_t n = JSTR_BLOCK;

	if (__builtin_expect(cut, 0)) {
		n--;
		__asm__("" : "+r"(n));
	}
	return n;
}

/* How many of the bytes can be passed over; *stop: it ends there. */
static inline size_t jstr_pass(const struct jstr_bits *b, bool *escaped, bool *stop)
{
	uint64_t second = jstr_escaped(b->backslash);
	uint64_t ends = (b->quote & ~second) | b->control | (second & ~b->simple);
	size_t n;

	*stop = ends != 0;
	if (!ends) {
		*escaped |= b->backslash != 0;
		return jstr_whole((b->backslash & ~second) >> 63);
	}
	n = (size_t)__builtin_ctzll(ends);
	n -= second >> n & 1;
	*escaped |= (b->backslash & ((1ull << n) - 1)) != 0;
	return n;
}

#endif
