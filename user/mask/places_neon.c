/* SPDX-License-Identifier: Apache-2.0 */
#include "places_step.h"

#ifdef __aarch64__
#include <arm_neon.h>

/* Sixteen bytes: the groups of each. */
static inline uint8x16_t groups_of(const uint8_t *p)
{
	uint8x16_t c = vld1q_u8(p);
	uint8x16_t low = vqtbl1q_u8(vld1q_u8(kinds_low), vandq_u8(c, vdupq_n_u8(15)));
	uint8x16_t high = vqtbl1q_u8(vld1q_u8(kinds_high), vshrq_n_u8(c, 4));

	return vandq_u8(low, high);
}

/* Of twice sixteen bytes a bit each, if it is of one of these groups. */
static inline uint32_t bits_of(uint8x16_t a, uint8x16_t b, uint8_t groups)
{
	static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128,
					   1, 2, 4, 8, 16, 32, 64, 128};
	uint8x16_t place = vld1q_u8(places), any = vdupq_n_u8(groups);
	uint8x16_t sum =
		vpaddq_u8(vandq_u8(vtstq_u8(a, any), place), vandq_u8(vtstq_u8(b, any), place));

	/* neighbours are added up, three times in all */
	sum = vpaddq_u8(sum, sum);
	sum = vpaddq_u8(sum, sum);
	return vgetq_lane_u32(vreinterpretq_u32_u8(sum), 0);
}

static inline bool misses_neon(const struct joint_row *row, const uint8_t *p)
{
	const struct kind_groups *kind = &kind_groups[row->kind];
	uint8x16_t a = groups_of(p), b = groups_of(p + 16);

	return places_misses_bits(row, ~bits_of(a, b, kind->groups) ^ -(uint32_t)kind->none,
				  bits_of(a, b, GROUP_POINT));
}

static size_t step_neon(struct places *p, const struct joint *j, size_t n)
{
	return places_step(p, j, n, misses_neon);
}

places_stepper *const places_step_neon = step_neon;
#else
places_stepper *const places_step_neon = NULL;
#endif
