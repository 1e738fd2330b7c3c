/* SPDX-License-Identifier: Apache-2.0 */
#include "harmless.h"

#include <langinfo.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE 8

size_t utf8_character(const uint8_t *p, size_t len)
{
	size_t n = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : *p >= 0xc2 ? 2 : 0;

	if (!n || n > len || *p > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] >= 0xa0) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] >= 0x90))
		return 0;
	return n;
}

static uint32_t code_point(const uint8_t *p, size_t n)
{
	uint32_t c = n == 1 ? *p : *p & (0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* Controls, and what changes how its neighbours are shown or is not shown itself. */
static bool is_harmful(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x1f},	  {0x7f, 0x9f},	    {0xad, 0xad},	{0x061c, 0x061c},
		{0x115f, 0x1160}, {0x180b, 0x180f}, {0x200b, 0x200f},	{0x2028, 0x202e},
		{0x2060, 0x206f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f},	{0xfeff, 0xfeff},
		{0xfff0, 0xfffb}, {0xe000, 0xf8ff}, {0x1bca0, 0x1bca3}, {0xe0000, 0x10ffff},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* Others take bytes of UTF-8 for controls. */
static bool terminal_knows_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

size_t harmless_character(const uint8_t *p, size_t len)
{
	size_t n = utf8_character(p, len);

	if (!n || is_harmful(code_point(p, n)))
		return 0;
	return n == 1 || terminal_knows_utf8() ? n : 0;
}

const char *harmless(const char *text)
{
	static char *slots[AT_ONCE];
	static unsigned next;
	size_t len = text ? strlen(text) : 0, at = 0;
	char *out = realloc(slots[next], len + 1);

	if (!out)
		return "?";
	slots[next] = out;
	next = (next + 1) % AT_ONCE;
	while (at < len) {
		size_t n = harmless_character((const uint8_t *)text + at, len - at);

		if (n)
			memcpy(out + at, text + at, n);
		else
			out[at] = '?';
		at += n ? n : 1;
	}
	out[len] = '\0';
	return out;
}
