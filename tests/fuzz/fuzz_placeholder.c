/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is formatted is found; what is found is formatted back to the same bytes. Of a text that is
 * cut anywhere, as much as placeholder_tail() holds back, and no more, can become part of a
 * placeholder, and none is missed by looking for them piece by piece.
 */
#include "../../user/mask/placeholder.h"
#include "fuzz.h"

#include <string.h>

#define TEXT_MAX 400

/* A byte from 0x80 on stands for a label and "_". */
static size_t expand(const uint8_t *data, size_t size, uint8_t out[static TEXT_MAX])
{
	size_t n = 0, i;

	for (i = 0; i < size && n + PLACEHOLDER_MAX < TEXT_MAX; i++) {
		const struct type_info *info = &type_table[data[i] % TYPE_COUNT];

		if (data[i] < 0x80) {
			out[n++] = data[i];
			continue;
		}
		memcpy(out + n, info->label, info->label_len);
		n += info->label_len;
		out[n++] = '_';
	}
	return n;
}

static void check_found(const uint8_t *text, size_t len, const struct placeholder *p, size_t from)
{
	char again[PLACEHOLDER_MAX];
	size_t n = placeholder_format(&types_builtin, again, p->type, p->number);

	MUST(p->start >= from && p->end <= len && p->end - p->start == n);
	MUST(memcmp(text + p->start, again, n) == 0);
	MUST(p->end == len || text[p->end] < '0' || text[p->end] > '9');
	MUST(p->number >= 1 && p->number <= PLACEHOLDER_NUMBER_MAX);
}

/* The text as it is, cut at `cut`: what straddles the cut was held back. */
static void check_cut(const uint8_t *text, size_t len, size_t cut, const struct type_set *types)
{
	size_t tail = placeholder_tail(&types_builtin, text, cut, types), from = 0;
	struct placeholder p;

	MUST(tail <= cut && cut - tail < PLACEHOLDER_MAX);
	while (placeholder_find(&types_builtin, text, len, from, true, &p)) {
		if (type_set_has(types, p.type) && p.start < cut && p.end >= cut &&
		    !(p.end == cut && cut == len))
			MUST(tail <= p.start);
		from = p.end;
	}
	for (from = 0; placeholder_find(&types_builtin, text, cut, from, false, &p); from = p.end)
		MUST(p.end < cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct type_set types = {0};
	uint8_t room[TEXT_MAX], *text;
	struct placeholder p;
	size_t len, from;
	int t;

	if (size < 1)
		return 0;
	for (t = 0; t < TYPE_COUNT; t++)
		if (data[0] == 0xff || (t * 7 + data[0]) % 3 == 0)
			type_set_add(&types, t);
	len = expand(data + 1, size - 1, room);
	text = malloc(len ? len : 1);
	MUST(text);
	memcpy(text, room, len);
	for (from = 0; placeholder_find(&types_builtin, text, len, from, true, &p); from = p.end)
		check_found(text, len, &p, from);
	for (from = 0; from <= len; from++)
		check_cut(text, len, from, &types);
	free(text);
	return 0;
}
