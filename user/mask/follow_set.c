/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_set.h"

#include <string.h>

static int hex_of(char c)
{
	const char *digits = "0123456789abcdef", *p = c ? strchr(digits, c | 0x20) : NULL;

	return p ? (int)(p - digits) : -1;
}

bool set_of_class(char c, struct byte_set *out)
{
	*out = (struct byte_set){0};
	switch (c | 0x20) {
	case 'w':
		byte_set_range(out, 'a', 'z');
		byte_set_range(out, 'A', 'Z');
		byte_set_add(out, '_');
		/* fall through */
	case 'd':
		byte_set_range(out, '0', '9');
		break;
	case 's':
		byte_set_range(out, '\t', '\r');
		byte_set_add(out, ' ');
		break;
	default:
		return false;
	}
	if (!(c & 0x20))
		byte_set_turn(out);
	return true;
}

int set_escaped(const char **at)
{
	static const char from[] = "nrtefa", to[] = "\n\r\t\x1b\f\a";
	char c = **at;
	const char *p = c ? strchr(from, c) : NULL;
	int high, low;

	if (!c)
		return -1;
	(*at)++;
	if (p)
		return to[p - from];
	if (c == 'x') {
		high = hex_of((*at)[0]);
		low = high < 0 ? -1 : hex_of((*at)[1]);
		if (low < 0)
			return -1;
		*at += 2;
		return high << 4 | low;
	}
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return -1;
	return (uint8_t)c;
}

/* One member of a class into `set`: its byte, -2 when it was a class of its own, -1: unknown. */
static int read_member(const char **at, struct byte_set *set)
{
	struct byte_set more;
	const char *p = *at;

	if (!*p || (p[0] == '[' && p[1] && strchr(":.=", p[1])))
		return -1;
	(*at)++;
	if (*p != '\\')
		return (uint8_t)*p;
	if (set_of_class(p[1], &more)) {
		byte_set_join(set, &more);
		(*at)++;
		return -2;
	}
	if (p[1] == 'b') {
		(*at)++;
		return '\b';
	}
	return set_escaped(at);
}

/* What a member, or two that a dash joins, adds. 0, or -1: unknown. */
static int read_range(const char **at, struct byte_set *set)
{
	int from = read_member(at, set), to = from;

	if (from < 0)
		return from == -2 ? 0 : -1;
	if ((*at)[0] == '-' && (*at)[1] && (*at)[1] != ']') {
		(*at)++;
		to = read_member(at, set);
		if (to < from)
			return -1;
	}
	byte_set_range(set, (uint8_t)from, (uint8_t)to);
	return 0;
}

int set_read_class(const char **at, bool fold, struct byte_set *out)
{
	bool turn = (*at)[1] == '^', first = true;

	*out = (struct byte_set){0};
	for (*at += 1 + turn; first || **at != ']'; first = false)
		if (read_range(at, out) < 0)
			return -1;
	(*at)++;
	if (fold)
		byte_set_fold(out);
	if (turn)
		byte_set_turn(out);
	return 0;
}
