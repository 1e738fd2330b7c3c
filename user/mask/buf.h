/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_BUF_H
#define AWSMASK_BUF_H
/*
 * The one allocator of libawsmask.a: a growable queue of bytes with a ceiling. Bytes are appended
 * at the tail and dropped from the head; pointers into it live until the next append. A zeroed
 * struct with `max` set is an empty buffer; it owns its storage until buf_free().
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	uint8_t *data; /* allocation; NULL while empty */
	size_t head;   /* first live byte */
	size_t tail;   /* one past the last live byte */
	size_t cap;    /* size of the allocation */
	size_t max;    /* never holds more live bytes than this */
};

static inline void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

static inline size_t buf_len(const struct buf *b)
{
	return b->tail - b->head;
}

static inline const uint8_t *buf_bytes(const struct buf *b)
{
	return b->data ? b->data + b->head : NULL; /* no arithmetic on NULL: undefined */
}

/*
 * Make room for `extra` more bytes and return where they go (then say buf_grew()), or NULL when
 * that would exceed max or memory is out: the content is untouched.
 */
__attribute__((warn_unused_result)) uint8_t *buf_reserve(struct buf *b, size_t extra);

static inline void buf_grew(struct buf *b, size_t n)
{
	b->tail += n;
}

/* As buf_append(), where there may be no room yet. */
__attribute__((warn_unused_result)) int buf_append_more(struct buf *b, const void *p, size_t n);

/* 0, or -1 as buf_reserve(). `p` may be NULL when n is 0. */
__attribute__((warn_unused_result)) static inline int buf_append(struct buf *b, const void *p,
								 size_t n)
{
	if (n == 0)
		return 0;
	if (n > b->cap - b->tail || buf_len(b) + n > b->max)
		return buf_append_more(b, p, n);
	memcpy(b->data + b->tail, p, n);
	b->tail += n;
	return 0;
}

__attribute__((warn_unused_result)) static inline int buf_puts(struct buf *b, const char *text)
{
	return buf_append(b, text, strlen(text));
}

/* Forget the first n bytes (n <= buf_len). Constant time. */
void buf_drop(struct buf *b, size_t n);

/* Keep only the first n bytes (n <= buf_len). */
static inline void buf_truncate(struct buf *b, size_t n)
{
	b->tail = b->head + n;
}

/* Empty it; the storage stays for reuse. */
static inline void buf_clear(struct buf *b)
{
	b->head = b->tail = 0;
}

/* Give the storage back, wiping it first: it may have held values (I8). Keeps max. */
void buf_free(struct buf *b);

#endif
