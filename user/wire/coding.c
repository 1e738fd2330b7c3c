/* SPDX-License-Identifier: Apache-2.0 */
#include "coding.h"
#include "http_head.h"

#include <endian.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

/* What zlib asks for with windows of 32 KB (zconf.h), and room to spare for its forks. */
#define INFLATE_ARENA (64 * 1024)
#define PIECE ((size_t)64 * 1024)
/* RFC 1951: a match of 258 bytes takes two bits at least. */
#define RATIO_MAX 1032
/* RFC 1952: the shortest member, and where its size stands. */
#define GZIP_MIN 18
#define GZIP_FHCRC 2 /* RFC 1952, section 2.3.1 */
#define GZIP_SIZE 4

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

/* How long the last member says that it is, modulo 2^32. */
static size_t gzip_size(const uint8_t *in, size_t n)
{
	const uint8_t *p = in + n - GZIP_SIZE;

	return p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
}

/* One gzip member that says how long it is, as nearly all do. Otherwise false: nothing was added. */
static bool inflate_member(const uint8_t *in, size_t n, struct buf *out)
{
	size_t size = n < GZIP_MIN ? 0 : gzip_size(in, n), used = 0, got = 0;
	struct libdeflate_decompressor *d;
	enum libdeflate_result r;
	uint8_t *room;

	if (size == 0 || size / RATIO_MAX > n)
		return false;
	if (in[3] & GZIP_FHCRC) /* the header's checksum, which libdeflate does not look at */
		return false;
	room = buf_reserve(out, size);
	d = room ? libdeflate_alloc_decompressor() : NULL;
	if (!d)
		return false;
	r = libdeflate_gzip_decompress_ex(d, in, n, room, size, &used, &got);
	libdeflate_free_decompressor(d);
	if (r != LIBDEFLATE_SUCCESS || used != n)
		return false;
	buf_grew(out, got);
	return true;
}

int inflate_all(enum coding c, const uint8_t *in, size_t n, struct buf *out)
{
	struct inflater *i;
	int r;

	if (c == CODING_GZIP && inflate_member(in, n, out))
		return 0;
	i = inflater_new(c);
	r = i ? inflater_feed(i, in, n, out) : -1;
	inflater_free(i);
	return r == 1 ? 0 : -1;
}

#define DEFLATE_PIECE ((size_t)64 * 1024)

struct deflater {
	struct isal_zstream z;
	uint8_t level[ISAL_DEF_LVL1_DEFAULT];
	uint8_t back[DEFLATE_PIECE];
};

/* What one body is made with. */
struct deflation {
	struct deflater *d; /* NULL: nothing had to be coded yet */
	struct memo *memo;
	const void *owner;
	struct buf *out;
};

/* Into what room there is, until the stream is whole, or all of it is flushed. */
static int deflate_out(struct isal_zstream *z, size_t expected, struct buf *out)
{
	do {
		size_t left = out->max - buf_len(out), most = expected < left ? expected : left;
		uint8_t *room = most ? buf_reserve(out, most) : NULL;

		if (!room)
			return -1;
		z->next_out = room;
		z->avail_out = (uint32_t)most;
		if (isal_deflate(z) != COMP_OK)
			return -1;
		buf_grew(out, most - z->avail_out);
		expected = PIECE;
	} while (z->avail_out == 0 || z->avail_in);
	return 0;
}

/* Blocks (RFC 1951) that refer to nothing before them; but for the last, they end with a byte. */
static int deflate_blocks(struct deflation *f, const uint8_t *in, size_t n, bool last)
{
	struct isal_zstream *z;

	if (!f->d)
		f->d = malloc(sizeof(*f->d));
	if (!f->d)
		return -1;
	z = &f->d->z;
	isal_deflate_init(z);
	z->level = 1;
	z->level_buf = f->d->level;
	z->level_buf_size = sizeof(f->d->level);
	z->flush = last ? NO_FLUSH : FULL_FLUSH;
	z->end_of_stream = last;
	z->next_in = (uint8_t *)in;
	z->avail_in = (uint32_t)n;
	return deflate_out(z, n / 2 + 1024, f->out);
}

/* What is remembered will stand behind other bytes than now: it must be a piece that needs none of them. */
static bool stands_alone(struct deflation *f, size_t from, const uint8_t *in)
{
	static const uint8_t end[] = {3, 0}; /* the last block, with nothing in it */
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	size_t before = buf_len(f->out);
	bool alone = false;

	if (d && buf_append(f->out, end, sizeof(end)) == 0) {
		alone = libdeflate_deflate_decompress(d, buf_bytes(f->out) + from,
						      buf_len(f->out) - from, f->d->back,
						      DEFLATE_PIECE, NULL) == LIBDEFLATE_SUCCESS &&
			!memcmp(f->d->back, in, DEFLATE_PIECE);
		buf_truncate(f->out, before);
	}
	libdeflate_free_decompressor(d);
	return alone;
}

/* The next piece of what is left; more follows it. */
static int deflate_piece(struct deflation *f, const uint8_t *in, size_t left)
{
	static const uint8_t state[] = "\xff"
				       "deflated"; /* as nothing that is read as text begins */
	struct memo_key key = {
		.owner = f->owner, .state = {state, sizeof(state)}, .ahead = {in, left}};
	size_t before = buf_len(f->out);
	struct memo_piece piece;

	if (memo_recall(f->memo, &key, &piece))
		return buf_append(f->out, piece.effects.p, piece.effects.len);
	if (deflate_blocks(f, in, DEFLATE_PIECE, false))
		return -1;
	if (!stands_alone(f, before, in))
		return 0;
	piece = (struct memo_piece){
		.bytes = {in, DEFLATE_PIECE},
		.effects = {buf_bytes(f->out) + before, buf_len(f->out) - before}};
	memo_keep(f->memo, &key, &piece);
	return 0;
}

/* RFC 1952 section 2.3: no name, no time, any system; RFC 1950 section 2.2: a window of 32 KiB, the fastest. */
static int deflate_begin(enum coding c, struct buf *out)
{
	static const uint8_t gzip[10] = {0x1f, 0x8b, 8, [9] = 0xff}, zlib[2] = {0x78, 0x01};

	return c == CODING_GZIP ? buf_append(out, gzip, sizeof(gzip))
				: buf_append(out, zlib, sizeof(zlib));
}

static int deflate_end(enum coding c, const uint8_t *in, size_t n, struct buf *out)
{
	uint32_t check =
		c == CODING_GZIP ? libdeflate_crc32(0, in, n) : libdeflate_adler32(1, in, n);
	uint32_t size = htole32((uint32_t)n);

	if (c == CODING_GZIP) {
		check = htole32(check);
		return buf_append(out, &check, sizeof(check)) ||
				       buf_append(out, &size, sizeof(size))
			       ? -1
			       : 0;
	}
	check = htobe32(check);
	return buf_append(out, &check, sizeof(check));
}

static int deflate_body(struct deflation *f, const uint8_t *in, size_t n)
{
	for (; f->memo && n > DEFLATE_PIECE; in += DEFLATE_PIECE, n -= DEFLATE_PIECE)
		if (deflate_piece(f, in, n))
			return -1;
	return deflate_blocks(f, in, n, true);
}

int deflate_all(enum coding c, const uint8_t *in, size_t n, struct memo *memo, const void *owner,
		struct buf *out)
{
	struct deflation f = {.memo = memo, .owner = owner, .out = out};
	size_t left = out->max - buf_len(out), room = n / 2 + PIECE;
	int r;

	if (c != CODING_GZIP && c != CODING_DEFLATE)
		return buf_append(out, in, n);
	if (n > UINT32_MAX)
		return -1;
	if (left && !buf_reserve(out, room < left ? room : left))
		return -1;
	r = deflate_begin(c, out) || deflate_body(&f, in, n) || deflate_end(c, in, n, out) ? -1 : 0;
	if (f.d)
		explicit_bzero(f.d, sizeof(*f.d)); /* the window and the tokens were text */
	free(f.d);
	return r;
}
