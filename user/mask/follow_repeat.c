/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_repeat.h"

#include <string.h>

/* {n}, {n,}, {n,m}. False, and nothing read: it is no quantifier. */
static bool read_braces(const char **at, unsigned *least, unsigned *most)
{
	const char *p = *at + 1;

	if (*p < '0' || *p > '9')
		return false;
	for (*least = 0; *p >= '0' && *p <= '9' && *least < 100000; p++)
		*least = *least * 10 + (unsigned)(*p - '0');
	*most = *least;
	if (*p == ',') {
		p++;
		*most = *p == '}' ? REPEAT_ANY : 0;
		for (; *p >= '0' && *p <= '9' && *most < 100000; p++)
			*most = *most * 10 + (unsigned)(*p - '0');
	}
	if (*p != '}')
		return false;
	*at = p + 1;
	return true;
}

bool repeat_read(const char **at, unsigned *least, unsigned *most)
{
	*least = *most = 1;
	if (**at == '{') {
		/* {,n} and {n , m} are quantifiers too in later versions. */
		if (!read_braces(at, least, most))
			return !((*at)[1] && strchr("0123456789, ", (*at)[1]));
	} else if (**at && strchr("*+?", **at)) {
		*least = **at == '+';
		*most = **at == '?' ? 1 : REPEAT_ANY;
		(*at)++;
	} else {
		return true;
	}
	if (**at == '+' || **at == '?')
		(*at)++;
	return true;
}
