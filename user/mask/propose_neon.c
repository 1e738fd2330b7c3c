/* SPDX-License-Identifier: Apache-2.0 */
#include "propose.h"

#ifdef __aarch64__
#include <arm_neon.h>

static inline uint8x16_t groups_at(const struct propose_halves t[static PROPOSE_HALF_TABLES],
				   const uint8_t *p)
{
	uint8x16_t in[PROPOSE_HALF_TABLES], any = vdupq_n_u8(0);

	for (unsigned i = 0; i < PROPOSE_HALF_TABLES; i++)
		in[i] = vdupq_n_u8(0xff);
#pragma GCC unroll 8
	for (unsigned k = 0; k < PROPOSE_HALF_PLACES; k++) {
		uint8x16_t at = vld1q_u8(p + k);
		uint8x16_t l = vandq_u8(at, vdupq_n_u8(15)), h = vshrq_n_u8(at, 4);

		for (unsigned i = 0; i < PROPOSE_HALF_TABLES; i++)
			in[i] = vandq_u8(in[i], vandq_u8(vqtbl1q_u8(vld1q_u8(t[i].low[k]), l),
							 vqtbl1q_u8(vld1q_u8(t[i].high[k]), h)));
	}
	for (unsigned i = 0; i < PROPOSE_HALF_TABLES; i++)
		any = vorrq_u8(any, in[i]);
	return any;
}

/* Sixteen bytes that are 0 or not: sixteen bits. */
static inline uint64_t bits_of(uint8x16_t in)
{
	static const uint8_t bit[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
	uint8x16_t set = vandq_u8(vtstq_u8(in, in), vld1q_u8(bit));

	return vaddv_u8(vget_low_u8(set)) | (uint64_t)vaddv_u8(vget_high_u8(set)) << 8;
}

static void kernel_neon(const struct proposer *g, const uint8_t *p, size_t blocks, uint64_t *bits)
{
	p -= WINDOW_BEFORE - PROPOSE_HALF_FIRST;
	for (size_t i = 0; i < blocks; i++, p += PROPOSE_BLOCK) {
		bits[i] = 0;
		for (unsigned k = 0; k < 4; k++)
			bits[i] |= bits_of(groups_at(g->halves, p + 16 * k)) << (16 * k);
	}
}

propose_kernel *const propose_neon = kernel_neon;
#else
propose_kernel *const propose_neon = NULL;
#endif
