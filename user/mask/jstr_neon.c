/* SPDX-License-Identifier: Apache-2.0 */
#include "jstr_wide.h"

#ifdef __aarch64__
#include <arm_neon.h>

/* Of four times sixteen bytes, all ones or all zeroes each: a bit each. */
static inline uint64_t bits_of(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d)
{
	static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128,
					   1, 2, 4, 8, 16, 32, 64, 128};
	const uint8x16_t place = vld1q_u8(places);
	uint8x16_t low = vpaddq_u8(vandq_u8(a, place), vandq_u8(b, place));
	uint8x16_t high = vpaddq_u8(vandq_u8(c, place), vandq_u8(d, place));

	low = vpaddq_u8(low, high);
	return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(low, low)), 0);
}

static inline uint64_t is(const uint8x16_t c[static 4], uint8_t byte)
{
	const uint8x16_t same = vdupq_n_u8(byte);

	return bits_of(vceqq_u8(c[0], same), vceqq_u8(c[1], same), vceqq_u8(c[2], same),
		       vceqq_u8(c[3], same));
}

static inline uint64_t below(const uint8x16_t c[static 4], uint8_t byte)
{
	const uint8x16_t limit = vdupq_n_u8(byte);

	return bits_of(vcltq_u8(c[0], limit), vcltq_u8(c[1], limit), vcltq_u8(c[2], limit),
		       vcltq_u8(c[3], limit));
}

static inline uint8x16_t simple(uint8x16_t c)
{
	uint8x16_t low = vqtbl1q_u8(vld1q_u8(jstr_simple_low), vandq_u8(c, vdupq_n_u8(15)));
	uint8x16_t high = vqtbl1q_u8(vld1q_u8(jstr_simple_high), vshrq_n_u8(c, 4));

	return vtstq_u8(low, high);
}

static size_t kernel_neon(const uint8_t *buf, size_t i, size_t len, bool *escaped)
{
	bool stop = false;

	while (!stop && len - i >= JSTR_BLOCK) {
		const uint8x16_t c[4] = {vld1q_u8(buf + i), vld1q_u8(buf + i + 16),
					 vld1q_u8(buf + i + 32), vld1q_u8(buf + i + 48)};
		struct jstr_bits b = {
			.backslash = is(c, '\\'), .quote = is(c, '"'), .control = below(c, 0x20)};

		if (b.backslash)
			b.simple = bits_of(simple(c[0]), simple(c[1]), simple(c[2]), simple(c[3]));
		i += jstr_pass(&b, escaped, &stop);
	}
	return i;
}

jstr_kernel *const jstr_neon = kernel_neon;
#else
jstr_kernel *const jstr_neon = NULL;
#endif
