/* SPDX-License-Identifier: Apache-2.0 */
#include "propose.h"

#include "chunk.h"

#include <string.h>

const char *const propose_names[PROPOSE_VARIANTS] = {
	[PROPOSE_AVX512] = "avx512", [PROPOSE_AVX2] = "avx2",	[PROPOSE_SSSE3] = "ssse3",
	[PROPOSE_NEON] = "neon",     [PROPOSE_PLAIN] = "plain",
};

static void propose_plain(const struct proposer *g, const uint8_t *p, size_t blocks, uint64_t *bits)
{
	for (size_t i = 0; i < blocks; i++) {
		bits[i] = 0;
		for (unsigned k = 0; k < PROPOSE_BLOCK; k++, p++) {
			uint32_t four;

			memcpy(&four, p, sizeof(four));
			bits[i] |= (uint64_t)gram_is_known(g, four) << k;
		}
	}
}

static size_t pick_plain(const struct proposer *g, const uint8_t *p, const uint64_t *bits,
			 size_t blocks, uint32_t *out)
{
	size_t count = 0, n = 0;

	for (size_t i = 0; i < blocks; i++)
		count += bit_places(bits[i], (uint32_t)(i * PROPOSE_BLOCK), out + count);
	for (size_t i = 0; i < count; i++) {
		uint32_t four;

		memcpy(&four, p + out[i], sizeof(four));
		out[n] = out[i];
		n += gram_is_known(g, four);
	}
	return n;
}

static propose_kernel *kernel_of(enum propose_variant v)
{
	switch (v) {
	case PROPOSE_AVX512:
		return propose_avx512;
	case PROPOSE_AVX2:
		return propose_avx2;
	case PROPOSE_SSSE3:
		return propose_ssse3;
	case PROPOSE_NEON:
		return propose_neon;
	default:
		return propose_plain;
	}
}

bool propose_can(enum propose_variant v)
{
	if (!kernel_of(v))
		return false;
#ifdef __x86_64__
	switch (v) {
	case PROPOSE_AVX512:
		return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
		       __builtin_cpu_supports("avx512vbmi2");
	case PROPOSE_AVX2:
		return __builtin_cpu_supports("avx2");
	case PROPOSE_SSSE3:
		return __builtin_cpu_supports("ssse3");
	default:
		break;
	}
#endif
	return true;
}

void proposer_use(struct proposer *g, enum propose_variant v)
{
	g->kernel = kernel_of(v);
	g->pick = v == PROPOSE_AVX512 ? propose_pick_avx512 : pick_plain;
}

void proposer_use_best(struct proposer *g)
{
	enum propose_variant v = 0;

	while (!propose_can(v))
		v++;
	proposer_use(g, v);
}

void propose(const struct proposer *g, const uint8_t *p, size_t len, uint64_t *bits)
{
	size_t blocks = propose_blocks(len);

	g->kernel(g, p, blocks, bits);
	if (len % PROPOSE_BLOCK)
		bits[blocks - 1] &= (1ull << len % PROPOSE_BLOCK) - 1;
}
