/* SPDX-License-Identifier: Apache-2.0 */
#include "known_begins.h"

#include "known_table.h"

/* A word and the next one, from which bits go over to it. */
struct two {
	uint64_t word, next;
};

static inline struct two two_shift(struct two t, unsigned n)
{
	return (struct two){t.word >> n | t.next << (64 - n), t.next >> n};
}

/* Where these many bytes stand before an end, that is one as well. */
static inline struct two two_ends(struct two ends, struct two these, unsigned n)
{
	struct two far = two_shift(ends, n);

	return (struct two){ends.word | (these.word & far.word),
			    ends.next | (these.next & far.next)};
}

static inline struct two two_both(struct two these, unsigned n)
{
	struct two far = two_shift(these, n);

	return (struct two){these.word & far.word, these.next & far.next};
}

/*
 * Where do no more than RUN_PLAIN letters stand, and then what does not go on? Found from the end of runs, by twice
 * as many letters at a time.
 */
static inline uint64_t plain_runs(struct two letters, struct two ends)
{
	struct two pairs = two_both(letters, 1), fours = two_both(pairs, 2);

	_Static_assert(RUN_PLAIN == 1 + 2 + 4 + 4, "they are these steps");
	ends = two_ends(ends, letters, 1);
	ends = two_ends(ends, pairs, 2);
	ends = two_ends(ends, fours, 4);
	return two_ends(ends, fours, 4).word;
}

/* No word waits for the one before, so that the compiler takes several of them at once. */
static inline __attribute__((always_inline)) void begins_words(struct begins *restrict b,
							       size_t first)
{
	const uint64_t *alnum = b->at.alnum + 1 + first, *goes_on = b->at.goes_on + 1 + first;
	const uint64_t *digit = b->at.digit + 1 + first, drops = b->plain ? 0 : ~0ull;
	const uint64_t *escaped = b->escaped + first;
	uint64_t *restrict begins = b->begins + first, *restrict may = b->may + first;
	uint64_t *restrict dashes = b->dashes + first;
	const unsigned steps[] = {b->steps[0], b->steps[1], b->steps[2]};
	const uint64_t beyond[] = {b->beyond[0], b->beyond[1], b->beyond[2]};

	_Static_assert(BEGINS_STEPS == 3, "they are written one by one");
	for (unsigned i = 0; i < BEGINS_TOGETHER; i++) {
		uint64_t on = goes_on[i], run = on & ~(on << 1 | goes_on[(int)i - 1] >> 63);
		uint64_t behind = alnum[i] << 1 | alnum[(int)i - 1] >> 63;
		struct two letters = {alnum[i] & ~digit[i], alnum[i + 1] & ~digit[i + 1]};
		struct two ends = {~on, ~goes_on[i + 1]};

		on &= on >> steps[0] | beyond[0];
		on &= on >> steps[1] | beyond[1];
		on &= on >> steps[2] | beyond[2];
		on &= ~(plain_runs(letters, ends) & drops);
		begins[i] = ((alnum[i] & (run | escaped[i])) | (digit[i] & ~behind)) & on;
		may[i] = alnum[i] & on;
		dashes[i] = run & ~alnum[i];
	}
}

static inline __attribute__((always_inline)) void begins_all(struct begins *b, size_t words)
{
	for (size_t w = 0; w < words; w += BEGINS_TOGETHER)
		begins_words(b, w);
}

static void kernel_any(struct begins *b, size_t words)
{
	begins_all(b, words);
}

#ifdef __x86_64__
__attribute__((target("avx512bw,avx512vl"))) static void kernel_avx512(struct begins *b,
								       size_t words)
{
	begins_all(b, words);
}

__attribute__((target("avx2"))) static void kernel_avx2(struct begins *b, size_t words)
{
	begins_all(b, words);
}
#endif

begins_kernel *begins_by(enum begins_variant v)
{
	switch (v) {
#ifdef __x86_64__
	case BEGINS_AVX512:
		return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
			       ? kernel_avx512
			       : NULL;
	case BEGINS_AVX2:
		return __builtin_cpu_supports("avx2") ? kernel_avx2 : NULL;
#endif
	case BEGINS_ANY:
		return kernel_any;
	default:
		return NULL;
	}
}

begins_kernel *begins_best(void)
{
	enum begins_variant v = 0;

	while (!begins_by(v))
		v++;
	return begins_by(v);
}

void begins_least(struct begins *b, size_t least)
{
	size_t have = 1;

	for (unsigned i = 0; i < BEGINS_STEPS; i++, have += b->steps[i - 1]) {
		b->steps[i] = (unsigned)(least - have < have ? least - have : have);
		b->beyond[i] = ~(~0ull >> b->steps[i]);
	}
}
