/* SPDX-License-Identifier: Apache-2.0 */
#include "classes.h"

#ifdef __aarch64__
#include <arm_neon.h>

/* Of 64 bytes: which have one of these bits? Neighbours are added up, three times. */
static inline uint64_t has(const uint8x16_t of[static 4], uint8_t which)
{
	static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128,
					   1, 2, 4, 8, 16, 32, 64, 128};
	const uint8x16_t bits = vdupq_n_u8(which), place = vld1q_u8(places);
	uint8x16_t sum[4];

	for (unsigned i = 0; i < 4; i++)
		sum[i] = vandq_u8(vtstq_u8(of[i], bits), place);
	sum[0] = vpaddq_u8(vpaddq_u8(sum[0], sum[1]), vpaddq_u8(sum[2], sum[3]));
	return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sum[0], sum[0])), 0);
}

static void kernel_neon(const uint8_t *p, struct classes *out, size_t from, size_t to)
{
	const uint8x16_t low = vld1q_u8(classes_low), high = vld1q_u8(classes_high);

	for (size_t i = from; i < to; i++, p += CLASSES_BLOCK) {
		uint8x16_t of[4];

		for (unsigned k = 0; k < 4; k++) {
			uint8x16_t c = vld1q_u8(p + 16 * k);

			of[k] = vandq_u8(vqtbl1q_u8(low, vandq_u8(c, vdupq_n_u8(15))),
					 vqtbl1q_u8(high, vshrq_n_u8(c, 4)));
		}
		out->alnum[i] = has(of, CLASS_ALNUM);
		out->goes_on[i] = has(of, CLASS_GOES_ON);
		out->digit[i] = has(of, CLASS_DIGIT);
		out->escape[i] = has(of, CLASS_ESCAPE);
	}
}

classes_kernel *const classes_neon = kernel_neon;
#else
classes_kernel *const classes_neon = NULL;
#endif
