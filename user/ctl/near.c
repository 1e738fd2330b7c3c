/* SPDX-License-Identifier: Apache-2.0 */
#include "near.h"
#include "../mask/detect.h"

#include <string.h>

#define WORD_MAX 64

static char folded(char c)
{
	if (c == '-')
		return '_';
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters must be put in, taken out or changed (Levenshtein). */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[WORD_MAX + 1];

	for (size_t i = 0; i <= b_len; i++)
		row[i] = i;
	for (size_t i = 0; i < a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t k = 0; k < b_len; k++) {
			size_t changed = diagonal + (a[i] != b[k]);

			diagonal = row[k + 1];
			row[k + 1] = least(changed, least(row[k], row[k + 1]) + 1);
		}
	}
	return row[b_len];
}

const char *near_label(const char *word)
{
	const char *best = NULL;
	char wanted[WORD_MAX + 1];
	size_t len = strlen(word), closest;

	if (len < 2 || len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i <= len; i++)
		wanted[i] = folded(word[i]);
	closest = len / 3 + 1;
	for (int t = 0; t < TYPE_COUNT; t++) {
		const struct type_info *info = &type_table[t];
		size_t d = distance(wanted, len, info->label, info->label_len);

		if (d < closest) {
			closest = d;
			best = info->label;
		}
	}
	for (int t = 0; t < TYPE_COUNT && !best; t++)
		if (len > 2 && strstr(type_table[t].label, wanted))
			best = type_table[t].label;
	return best;
}
