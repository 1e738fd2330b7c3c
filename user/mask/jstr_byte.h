/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_JSTR_BYTE_H
#define AWSMASK_JSTR_BYTE_H
/* What jstr.c and jstr_text.c know of single bytes; private to them. */
#include "chunk.h"
#include "jstr_wide.h"

static inline int jstr_hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* First offset from `i` on of a quote, a backslash or a control character, or len. */
static inline size_t jstr_skip_plain(const uint8_t *buf, size_t i, size_t len)
{
	for (; len - i >= CHUNK; i += CHUNK) {
		unsigned hits = chunk_special(buf + i);

		if (hits)
			return i + (unsigned)__builtin_ctz(hits);
	}
	while (i < len && buf[i] != '"' && buf[i] != '\\' && buf[i] >= 0x20)
		i++;
	return i;
}

#endif
