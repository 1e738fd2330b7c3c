/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties: what is coded decodes to itself, by memory too, whatever was remembered before; any split of coded bytes decodes alike, and so does
 * the whole at once; one gzip or
 * zlib stream decodes to what zlib itself says, and never to more than the limit.
 */
#include "../../user/wire/coding.h"
#include "../seeded_memo.h"
#include "fuzz.h"

#include <zlib.h>

#define PLAIN_MAX 100000

struct result {
	struct buf out;
	int r;
};

static struct result decode(enum coding c, const uint8_t *p, size_t n, uint32_t seed)
{
	struct inflater *i = inflater_new(c);
	struct result result = {.r = 0};

	if (!i)
		abort();
	buf_init(&result.out, PLAIN_MAX);
	while (n && result.r >= 0) {
		size_t some = n;

		if (seed) {
			seed = seed * 1664525 + 1013904223;
			some = 1 + (seed >> 24) % (seed & 0x10000 ? 3 : 40);
		}
		some = some < n ? some : n;
		result.r = inflater_feed(i, p, some, &result.out);
		p += some;
		n -= some;
	}
	if (buf_len(&result.out) > PLAIN_MAX)
		abort();
	inflater_free(i);
	return result;
}

static void same(const struct buf *b, const uint8_t *p, size_t n)
{
	if (buf_len(b) != n || (n && memcmp(buf_bytes(b), p, n)))
		abort();
}

static void round_trip(enum coding c, struct memo *memo, const uint8_t *p, size_t n)
{
	struct buf wire;
	struct result back;

	buf_init(&wire, 2 * PLAIN_MAX);
	if (n > PLAIN_MAX || deflate_all(c, p, n, memo, memo, &wire))
		abort();
	back = decode(c, buf_bytes(&wire), buf_len(&wire), (uint32_t)n);
	if (back.r != 1)
		abort();
	same(&back.out, p, n);
	buf_free(&back.out);
	buf_free(&wire);
}

/* Over and over, to some pieces' length, then with other bytes here and there, then as before. */
static void by_memory(enum coding c, uint8_t where, const uint8_t *p, size_t n)
{
	static uint8_t text[PLAIN_MAX];
	struct memo *memo = seeded_memo(512 * 1024, where + 1u);
	size_t len = PLAIN_MAX - where, step = 7001 + 131 * (size_t)where;

	if (!memo)
		abort();
	for (size_t i = 0; i < len; i++)
		text[i] = p[i % n];
	for (unsigned turn = 0; turn < 3; turn++) {
		round_trip(c, memo, text, len);
		for (size_t i = step - 7001; i < len; i += step)
			text[i] ^= 0x55;
	}
	memo_free(memo);
}

static void at_once(enum coding c, const uint8_t *p, size_t n, const struct result *fed)
{
	struct buf out;

	buf_init(&out, PLAIN_MAX);
	if ((inflate_all(c, p, n, &out) == 0) != (fed->r == 1))
		abort();
	if (fed->r == 1)
		same(&out, buf_bytes(&fed->out), buf_len(&fed->out));
	buf_free(&out);
}

/* zlib on the first stream alone. */
static void against_zlib(enum coding c, const uint8_t *p, size_t n, const struct result *ours)
{
	static uint8_t plain[PLAIN_MAX + 1];
	z_stream z = {.next_in = (uint8_t *)p,
		      .avail_in = (unsigned)n,
		      .next_out = plain,
		      .avail_out = sizeof(plain)};
	int r;

	if (inflateInit2(&z, c == CODING_GZIP ? 31 : 15) != Z_OK)
		abort();
	r = inflate(&z, Z_FINISH);
	if (r == Z_STREAM_END && z.avail_in == 0 && z.total_out <= PLAIN_MAX) {
		if (ours->r != 1)
			abort();
		same(&ours->out, plain, z.total_out);
	}
	if (r == Z_DATA_ERROR && ours->r != -1)
		abort();
	inflateEnd(&z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result whole, split;
	enum coding c;

	if (size < 2 || size > PLAIN_MAX)
		return 0;
	c = data[0] & 1 ? CODING_GZIP : CODING_DEFLATE;
	if (data[0] & 2) {
		if (data[0] & 4 && size > 2)
			by_memory(c, data[1], data + 2, size - 2);
		else
			round_trip(c, NULL, data + 1, size - 1);
		return 0;
	}
	whole = decode(c, data + 2, size - 2, 0);
	split = decode(c, data + 2, size - 2, data[1] * 7919u + 1);
	if (whole.r != split.r)
		abort();
	if (whole.r >= 0)
		same(&split.out, buf_bytes(&whole.out), buf_len(&whole.out));
	at_once(c, data + 2, size - 2, &whole);
	against_zlib(c, data + 2, size - 2, &whole);
	buf_free(&whole.out);
	buf_free(&split.out);
	return 0;
}
