/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_KNOWN_TABLE_H
#define AWSMASK_KNOWN_TABLE_H
/*
 * A value is cut at its stops: behind each run of letters, digits and what joins them, and behind
 * each byte outside of such runs. The table has the hash of the value up to each stop, so that a look-up goes on from stop to stop
 * only as long as some value does. In the text the same stops are the ends that a token may have.
 */
#include "chunk.h"
#include "known.h"

struct known_value {
	size_t off;
	uint32_t len;
	enum mask_type type;
	uint32_t next; /* the same bytes by another type, its index + 1 */
	uint32_t run;  /* it begins with a run of so many bytes; 0: with no letter or digit */
	uint64_t key;  /* that run's */
	bool has_token;
	uint64_t token; /* key of the first run that texts' tokens tell (known_tokens) */
};

struct known_stop {
	uint64_t hash;	 /* of the bytes up to here; 0: the slot is empty */
	uint32_t value;	 /* that ends here, its index + 1 */
	uint32_t longer; /* some value goes on */
};

#define KNOWN_ACCOUNT 12
/* A longer row of dashes is a line that was drawn; nor may many looks at one cost much. */
#define KNOWN_JOINERS 64

/* What is looked for. */
struct known_search {
	const struct known *sets[KNOWN_SETS];
	size_t n;
	const struct known_filter *filter;
};

static inline void known_search_begin(struct known_search *s, const struct known *const *sets,
				      size_t n, const struct known_filter *filter)
{
	s->n = 0;
	s->filter = filter;
	for (size_t i = 0; i < n; i++)
		if (buf_len(&sets[i]->values))
			s->sets[s->n++] = sets[i];
}

/* The value that stands there, the longest, or NULL; known_find.c. */
const struct known_value *known_at(const struct known_search *s, const uint8_t *text, size_t len,
				   size_t at);

enum { ALNUM = 1, JOINER = 2, DIGIT = 4 };

static const uint8_t known_classes[256] = {
	['0' ... '9'] = ALNUM | DIGIT,
	['A' ... 'Z'] = ALNUM,
	['a' ... 'z'] = ALNUM,
	['-'] = JOINER,
	['_'] = JOINER,
};

static inline bool goes_on(uint8_t c)
{
	return known_classes[c] & (ALNUM | JOINER);
}

static inline bool is_digit(uint8_t c)
{
	return known_classes[c] & DIGIT;
}

/* The first stop behind `at`: the end of the run that begins there, joiners at its end left out. */
static inline size_t next_stop(const uint8_t *p, size_t at, size_t len)
{
	size_t end = at + 1;

	for (; len - at >= CHUNK; at += CHUNK) {
		unsigned alnum = chunk_alnum(p + at), over;

		over = ~(alnum | chunk_find(p + at, '-') | chunk_find(p + at, '_')) & 0xffff;
		if (over)
			alnum &= (over & -over) - 1;
		if (alnum)
			end = at + 32 - (unsigned)__builtin_clz(alnum);
		if (over)
			return end;
	}
	for (; at < len && goes_on(p[at]); at++)
		if (known_classes[p[at]] & ALNUM)
			end = at + 1;
	return end;
}

static inline struct known_value *value_list(const struct known *k)
{
	return (struct known_value *)buf_bytes(&k->values);
}

/* Never 0, which marks an empty slot. */
static inline uint64_t hash_on(uint64_t h, const uint8_t *p, size_t len)
{
	h ^= len;
	while (len) {
		size_t n = len < 8 ? len : 8;
		uint64_t word = 0;
		unsigned __int128 product;

		memcpy(&word, p, n);
		product = (unsigned __int128)(h ^ word ^ 0xa0761d6478bd642fu) * 0xe7037ed1a0b428dbu;
		h = (uint64_t)product ^ (uint64_t)(product >> 64);
		p += n;
		len -= n;
	}
	return h | 1;
}

/*
 * A run of letters alone, and not longer than this, is plain. Most of a text's are, and of those that values begin
 * with hardly any (known_learns()): so they are passed over where no value begins so.
 */
#define RUN_PLAIN 11

static inline bool run_is_plain(const uint8_t *p, size_t len)
{
	size_t n = 0;

	while (n < len && known_classes[p[n]] == ALNUM)
		n++;
	return n == len && len <= RUN_PLAIN;
}

/* Runs of so many bytes and more are told apart by their first bytes alone. */
#define RUN_LONG 56

static inline uint64_t run_word(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static inline uint64_t run_mix(uint64_t first, uint64_t last, size_t len)
{
	unsigned __int128 product = (unsigned __int128)(first ^ 0xa0761d6478bd642fu) *
				    (last ^ 0xe7037ed1a0b428dbu ^ (uint64_t)len << 56);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * What stands for a run of p that ends at `len`, a stop: its length, its first eight bytes and its last.
 * Eight bytes at p can be read.
 */
static inline uint64_t run_key(const uint8_t *p, size_t len)
{
	size_t most = len < sizeof(uint64_t) ? len : sizeof(uint64_t);
	uint64_t mask = ~0ull >> (64 - 8 * most);

	if (len >= RUN_LONG)
		return run_mix(run_word(p), run_word(p + 8), RUN_LONG);
	return run_mix(run_word(p) & mask, run_word(p + (len - most)) & mask, len);
}

/* Runs, two bits of a word each. */
struct run_filter {
	uint64_t *words;
	uint64_t n; /* at most UINT32_MAX */
};

static inline struct run_filter filter_of(const struct known *k)
{
	return (struct run_filter){(uint64_t *)buf_bytes(&k->words),
				   buf_len(&k->words) / sizeof(uint64_t)};
}

static inline uint64_t *filter_word(struct run_filter f, uint64_t key, uint64_t *bits)
{
	*bits = 1ull << (key & 63) | 1ull << (key >> 6 & 63);
	return &f.words[(key >> 32) * f.n >> 32];
}

static inline bool filter_has(struct run_filter f, uint64_t key)
{
	uint64_t bits, word = *filter_word(f, key, &bits);

	return (word & bits) == bits;
}

static inline void filter_add(struct run_filter f, uint64_t key)
{
	uint64_t bits, *word = filter_word(f, key, &bits);

	*word |= bits;
}

/* The slot of the stop at `len` of p, or the empty one where it would be put. `ends`: p is a value. */
struct known_stop *known_slot(const struct known *k, uint64_t hash, const uint8_t *p, size_t len,
			      bool ends);
/* The value of these bytes, by whatever type was first, or NULL. */
const struct known_value *known_value_at(const struct known *k, uint64_t hash, const uint8_t *p,
					 size_t len);

#endif
