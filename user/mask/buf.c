/* SPDX-License-Identifier: Apache-2.0 */
#include "buf.h"

#include <stdlib.h>

#define BUF_MIN 256

uint8_t *buf_reserve(struct buf *b, size_t extra)
{
	size_t live = buf_len(b), want, cap;
	uint8_t *data;

	if (extra > b->max || live > b->max - extra)
		return NULL;
	want = live + extra;
	if (b->data && b->cap - b->tail >= extra)
		return b->data + b->tail;
	/* Moving the live bytes down pays only when they are the smaller part: else growth is
	 * amortised. */
	if (b->data && want <= b->cap && live <= b->cap / 2) {
		memmove(b->data, b->data + b->head, live);
		b->head = 0;
		b->tail = live;
		return b->data + live;
	}
	/* Who knows how much there will be asks for it at once, and gets no more: it is to be wiped. */
	cap = b->cap > SIZE_MAX / 2 ? want : b->cap * 2;
	if (cap < want)
		cap = want;
	if (cap < BUF_MIN)
		cap = BUF_MIN;
	data = malloc(cap);
	if (!data)
		return NULL;
	if (live && b->data)
		memcpy(data, b->data + b->head, live);
	if (b->data) {
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	b->data = data;
	b->cap = cap;
	b->head = 0;
	b->tail = live;
	return data + live;
}

int buf_append_more(struct buf *b, const void *p, size_t n)
{
	uint8_t *room = buf_reserve(b, n);

	if (!room)
		return -1;
	memcpy(room, p, n);
	buf_grew(b, n);
	return 0;
}

void buf_drop(struct buf *b, size_t n)
{
	b->head += n;
	if (b->head == b->tail)
		b->head = b->tail = 0;
}

void buf_free(struct buf *b)
{
	if (b->data) {
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	*b = (struct buf){.max = b->max};
}
