/* SPDX-License-Identifier: Apache-2.0 */
#include "fingerprint.h"

#ifdef __aarch64__
#include <arm_neon.h>

static inline uint64x2_t plus_product(uint64x2_t sum, uint32x4_t at, const uint8_t *key)
{
	uint32x4_t with = vaddq_u32(at, vreinterpretq_u32_u8(vld1q_u8(key)));
	uint64x2_t both = vreinterpretq_u64_u32(with);

	return vmlal_u32(sum, vmovn_u64(both), vshrn_n_u64(both, 32));
}

static void kernel_neon(const uint8_t *p, size_t steps, const uint8_t *key, struct fingerprint *sum)
{
	uint64x2_t sums[FINGERPRINT_SUMS];

	for (unsigned k = 0; k < FINGERPRINT_SUMS; k++)
		sums[k] = vdupq_n_u64(0);
	for (size_t i = 0; i < 4 * steps; i++, p += 16, key += 16) {
		uint32x4_t at = vreinterpretq_u32_u8(vld1q_u8(p));

		for (unsigned k = 0; k < FINGERPRINT_SUMS; k++)
			sums[k] = plus_product(sums[k], at, key + (size_t)k * FINGERPRINT_STEP);
	}
	for (unsigned k = 0; k < FINGERPRINT_SUMS; k++)
		sum->sums[k] += vaddvq_u64(sums[k]);
}

fingerprint_kernel *const fingerprint_neon = kernel_neon;
#else
fingerprint_kernel *const fingerprint_neon = NULL;
#endif
