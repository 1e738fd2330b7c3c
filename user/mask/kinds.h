/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_KINDS_H
#define AWSMASK_KINDS_H
/* Kinds of bytes that what identifiers are made of is of: what many bytes in a row must be is held against them. */
#include <stdbool.h>
#include <stdint.h>

#define KINDS_BYTES 32 /* so many of a text are looked at at once */

/* Groups of bytes, a bit each. A byte is of one when both of its halves say so. */
#define GROUP_DIGIT 1  /* 0-9 */
#define GROUP_HEX 2    /* a-f */
#define GROUP_LOWER 12 /* g-o, p-z */
#define GROUP_UPPER 48 /* A-O, P-Z */
#define GROUP_POINT 64 /* . and - */
#define GROUP_UNDER 128
#define GROUPS_ALNUM (GROUP_DIGIT | GROUP_HEX | GROUP_LOWER | GROUP_UPPER)

enum kind {
	KIND_DIGIT,
	KIND_HEX,
	KIND_ADDRESS,
	KIND_UUID,
	KIND_UPPER,
	KIND_LOWER,
	KIND_NAME,
	KIND_OTHER, /* no letter, no digit */
	KINDS
};

extern const uint8_t kinds_low[16], kinds_high[16];

/* What a byte of the kind is: of one of these groups; or of none of them. */
struct kind_groups {
	uint8_t groups;
	bool none;
};
extern const struct kind_groups kind_groups[KINDS];

/* Of GROUP_POINT? */
static inline bool kinds_is_point(uint8_t c)
{
	return c == '.' || c == '-';
}

/* A bit for each kind that the byte is of. */
uint8_t kinds_of(uint8_t c);

#endif
