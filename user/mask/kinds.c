/* SPDX-License-Identifier: Apache-2.0 */
#include "kinds.h"

const uint8_t kinds_low[16] = {
	[0x0] = 1 | 8 | 32,
	[0x1 ... 0x6] = 1 | 2 | 8 | 16 | 32,
	[0x7 ... 0x9] = 1 | 4 | 8 | 16 | 32,
	[0xa] = 4 | 8 | 16 | 32,
	[0xb ... 0xc] = 4 | 16,
	[0xd ... 0xe] = 4 | 16 | 64,
	[0xf] = 4 | 16 | 128,
};
const uint8_t kinds_high[16] = {
	[0x2] = 64, [0x3] = 1, [0x4] = 16, [0x5] = 32 | 128, [0x6] = 2 | 4, [0x7] = 8,
};

const struct kind_groups kind_groups[KINDS] = {
	[KIND_DIGIT] = {GROUP_DIGIT, false},
	[KIND_HEX] = {GROUP_DIGIT | GROUP_HEX, false},
	[KIND_ADDRESS] = {GROUP_DIGIT | GROUP_POINT, false},
	[KIND_UUID] = {GROUP_DIGIT | GROUP_HEX | GROUP_POINT, false},
	[KIND_UPPER] = {GROUP_DIGIT | GROUP_UPPER, false},
	[KIND_LOWER] = {GROUP_DIGIT | GROUP_HEX | GROUP_LOWER, false},
	[KIND_NAME] = {GROUPS_ALNUM | GROUP_POINT | GROUP_UNDER, false},
	[KIND_OTHER] = {GROUPS_ALNUM, true},
};

uint8_t kinds_of(uint8_t c)
{
	uint8_t of = kinds_low[c & 15] & kinds_high[c >> 4], kinds = 0;

	for (unsigned k = 0; k < KINDS; k++)
		if (!(of & kind_groups[k].groups) == kind_groups[k].none)
			kinds |= (uint8_t)(1u << k);
	return kinds;
}
