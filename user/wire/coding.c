/* SPDX-License-Identifier: Apache-2.0 */
#include "coding.h"
#include "http_head.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

/* What zlib asks for with windows of 32 KB (zconf.h), and room to spare for its forks. */
#define INFLATE_ARENA (64 * 1024)
#define DEFLATE_ARENA (384 * 1024)
#define PIECE ((size_t)64 * 1024)

struct arena {
	size_t used, size;
	uint8_t *bytes;
};

/* zlib allocates at its start and at its first output, and frees only at its end. */
static void *arena_alloc(void *opaque, unsigned items, unsigned size)
{
	struct arena *a = opaque;
	size_t want = (size_t)items * size, align = alignof(max_align_t);
	void *p = a->bytes + a->used;

	want = (want + align - 1) / align * align;
	if (want > a->size - a->used)
		return NULL;
	a->used += want;
	return p;
}

static void arena_release(void *opaque, void *p)
{
	(void)opaque;
	(void)p;
}

struct inflater {
	z_stream z;
	enum coding coding;
	bool ended, failed;
	struct arena arena;
	alignas(max_align_t) uint8_t bytes[INFLATE_ARENA];
};

enum coding coding_of(const char *value, size_t len)
{
	if (len == 0 || http_is_word(value, len, "identity"))
		return CODING_IDENTITY;
	/* RFC 9110 section 8.4.1.3: x-gzip is the same. */
	if (http_is_word(value, len, "gzip") || http_is_word(value, len, "x-gzip"))
		return CODING_GZIP;
	if (http_is_word(value, len, "deflate"))
		return CODING_DEFLATE;
	return CODING_UNKNOWN;
}

/* 16 more: gzip's wrapping in place of zlib's (zlib.h, inflateInit2). */
static int window_bits(enum coding c)
{
	return c == CODING_GZIP ? MAX_WBITS + 16 : MAX_WBITS;
}

struct inflater *inflater_new(enum coding c)
{
	struct inflater *i;

	if (c != CODING_GZIP && c != CODING_DEFLATE)
		return NULL;
	i = calloc(1, sizeof(*i));
	if (!i)
		return NULL;
	i->coding = c;
	i->arena = (struct arena){.size = sizeof(i->bytes), .bytes = i->bytes};
	i->z.zalloc = arena_alloc;
	i->z.zfree = arena_release;
	i->z.opaque = &i->arena;
	if (inflateInit2(&i->z, window_bits(c)) != Z_OK) {
		free(i);
		return NULL;
	}
	return i;
}

void inflater_free(struct inflater *i)
{
	if (!i)
		return;
	inflateEnd(&i->z);
	explicit_bzero(i, sizeof(*i)); /* the window held values */
	free(i);
}

/* One call of inflate() into what room there is; when there is none, into a byte that must stay
 * free. */
static int inflate_step(struct inflater *i, struct buf *out)
{
	uint8_t over = 0, *room;
	size_t n = out->max - buf_len(out);
	int r;

	n = n < PIECE ? n : PIECE;
	room = n ? buf_reserve(out, n) : &over;
	if (!room)
		return Z_MEM_ERROR;
	i->z.next_out = room;
	i->z.avail_out = n ? (unsigned)n : 1;
	r = inflate(&i->z, Z_NO_FLUSH);
	if (n)
		buf_grew(out, n - i->z.avail_out);
	else if (i->z.avail_out == 0)
		return Z_MEM_ERROR;
	return r;
}

/* The next member of a gzip stream (RFC 1952 section 2.2); a zlib stream has no next. */
static bool inflate_next(struct inflater *i)
{
	i->ended = false;
	return i->coding == CODING_GZIP && inflateReset(&i->z) == Z_OK;
}

static int inflate_input(struct inflater *i, const uint8_t *in, size_t n, struct buf *out)
{
	bool full = true;

	i->z.next_in = (uint8_t *)in;
	i->z.avail_in = (unsigned)n;
	/* Output that filled its room may have left some behind in the window. */
	while (i->z.avail_in || full) {
		int r;

		if (i->ended && (i->z.avail_in == 0 || !inflate_next(i)))
			return i->z.avail_in ? -1 : 0;
		r = inflate_step(i, out);
		if (r == Z_STREAM_END)
			i->ended = true;
		else if (r != Z_OK && r != Z_BUF_ERROR)
			return -1;
		full = i->z.avail_out == 0;
	}
	return 0;
}

int inflater_feed(struct inflater *i, const uint8_t *in, size_t n, struct buf *out)
{
	while (n && !i->failed) {
		size_t piece = n < PIECE ? n : PIECE;

		i->failed = inflate_input(i, in, piece, out) != 0;
		in += piece;
		n -= piece;
	}
	if (i->failed)
		return -1;
	return i->ended;
}

static int deflate_all_into(z_stream *z, const uint8_t *in, size_t n, struct buf *out)
{
	int r = Z_OK;

	while (r != Z_STREAM_END) {
		size_t piece = n < PIECE ? n : PIECE;
		size_t left = out->max - buf_len(out), room = left < PIECE ? left : PIECE;
		uint8_t *at = room ? buf_reserve(out, room) : NULL;

		if (!at)
			return -1;
		z->next_in = (uint8_t *)in;
		z->avail_in = (unsigned)piece;
		z->next_out = at;
		z->avail_out = (unsigned)room;
		r = deflate(z, piece == n ? Z_FINISH : Z_NO_FLUSH);
		if (r != Z_OK && r != Z_BUF_ERROR && r != Z_STREAM_END)
			return -1;
		in += piece - z->avail_in;
		n -= piece - z->avail_in;
		buf_grew(out, room - z->avail_out);
	}
	return 0;
}

struct deflater {
	z_stream z;
	struct arena arena;
	alignas(max_align_t) uint8_t bytes[DEFLATE_ARENA];
};

int deflate_all(enum coding c, int level, const uint8_t *in, size_t n, struct buf *out)
{
	struct deflater *d;
	int r = -1;

	if (c != CODING_GZIP && c != CODING_DEFLATE)
		return buf_append(out, in, n);
	d = malloc(sizeof(*d));
	if (!d)
		return -1;
	d->arena = (struct arena){.size = sizeof(d->bytes), .bytes = d->bytes};
	d->z = (z_stream){.zalloc = arena_alloc, .zfree = arena_release, .opaque = &d->arena};
	if (deflateInit2(&d->z, level, Z_DEFLATED, window_bits(c), 8, Z_DEFAULT_STRATEGY) == Z_OK) {
		r = deflate_all_into(&d->z, n ? in : (const uint8_t *)"", n, out);
		deflateEnd(&d->z);
	}
	explicit_bzero(d, sizeof(*d));
	free(d);
	return r;
}
