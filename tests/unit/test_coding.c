/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/wire/coding.h"
#include "../seeded_memo.h"
#include "wire_guard.h"

#include <stdio.h>
#include <zlib.h>

#define MIB ((size_t)1024 * 1024)

static struct buf coded(enum coding c, const void *p, size_t n)
{
	struct buf b;

	buf_init(&b, 16 * MIB);
	cr_assert_eq(deflate_all(c, p, n, NULL, NULL, &b), 0);
	return b;
}

/* Text with some repetition, as JSON has. */
static struct buf sample(size_t n)
{
	struct buf b;
	uint32_t x = 12345;

	buf_init(&b, n);
	while (buf_len(&b) < n) {
		char word[16];
		size_t len;

		x = x * 1664525 + 1013904223;
		len = (size_t)snprintf(word, sizeof(word), "w%u ", x >> 22);
		if (len > n - buf_len(&b))
			len = n - buf_len(&b);
		cr_assert_eq(buf_append(&b, word, len), 0);
	}
	return b;
}

static bool same(const struct buf *a, const struct buf *b)
{
	return buf_len(a) == buf_len(b) &&
	       (buf_len(a) == 0 || !memcmp(buf_bytes(a), buf_bytes(b), buf_len(a)));
}

Test(coding, names)
{
	static const struct {
		const char *value;
		enum coding coding;
	} CASES[] = {
		{"", CODING_IDENTITY},		{"identity", CODING_IDENTITY},
		{"gzip", CODING_GZIP},		{"GZip", CODING_GZIP},
		{"x-gzip", CODING_GZIP},	{"deflate", CODING_DEFLATE},
		{"br", CODING_UNKNOWN},		{"zstd", CODING_UNKNOWN},
		{"gzip, gzip", CODING_UNKNOWN}, {"gzi", CODING_UNKNOWN},
		{"gzipp", CODING_UNKNOWN},	{"identity, gzip", CODING_UNKNOWN},
		{"compress", CODING_UNKNOWN},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++)
		cr_assert_eq(coding_of(CASES[i].value, strlen(CASES[i].value)), CASES[i].coding,
			     "%s", CASES[i].value);
	cr_assert_null(inflater_new(CODING_UNKNOWN));
	cr_assert_null(inflater_new(CODING_IDENTITY));
}

Test(coding, round_trip)
{
	static const size_t SIZES[] = {0, 1, 100, 65535, 65536, 65537, 300000, 3000000};
	static const enum coding CODINGS[] = {CODING_GZIP, CODING_DEFLATE, CODING_IDENTITY};

	for (size_t i = 0; i < sizeof(SIZES) / sizeof(*SIZES); i++) {
		struct buf plain = sample(SIZES[i]);

		for (size_t c = 0; c < 3; c++) {
			struct buf wire = coded(CODINGS[c], plain.data, buf_len(&plain)), back;
			struct inflater *inf = inflater_new(CODINGS[c]);

			buf_init(&back, SIZES[i]); /* room for it and not a byte more */
			if (inf)
				cr_assert_eq(
					inflater_feed(inf, buf_bytes(&wire), buf_len(&wire), &back),
					1, "%zu bytes", SIZES[i]);
			cr_assert(same(inf ? &back : &wire, &plain));
			inflater_free(inf);
			buf_free(&wire);
			buf_free(&back);
		}
		buf_free(&plain);
	}
}

Test(coding, same_bytes_each_time)
{
	struct buf plain = sample(100000);
	struct buf a = coded(CODING_GZIP, plain.data, buf_len(&plain));
	struct buf b = coded(CODING_GZIP, plain.data, buf_len(&plain));

	cr_assert(same(&a, &b));
	buf_free(&plain);
	buf_free(&a);
	buf_free(&b);
}

Test(coding, every_split)
{
	struct buf plain = sample(700);

	for (enum coding c = CODING_GZIP; c <= CODING_DEFLATE; c++) {
		struct buf wire = coded(c, plain.data, buf_len(&plain)), back;
		size_t n = buf_len(&wire);

		buf_init(&back, 700);
		for (size_t cut = 0; cut <= n + 1; cut++) {
			struct inflater *inf = inflater_new(c);
			size_t step = cut > n ? 1 : cut;
			int r = 0;

			buf_clear(&back);
			for (size_t at = 0; at<n; step = cut> n ? 1 : n - cut) {
				step = step ? step : n;
				cr_assert_eq(r, 0);
				r = inflater_feed(inf, guard_copy(buf_bytes(&wire) + at, step),
						  step, &back);
				at += step;
			}
			cr_assert_eq(r, 1, "cut %zu", cut);
			cr_assert(same(&back, &plain));
			inflater_free(inf);
		}
		buf_free(&back);
		buf_free(&wire);
	}
	buf_free(&plain);
}

Test(coding, members)
{
	struct buf wire = coded(CODING_GZIP, "one ", 4), two = coded(CODING_GZIP, "two", 3), back;
	size_t first = buf_len(&wire);

	cr_assert_eq(buf_append(&wire, buf_bytes(&two), buf_len(&two)), 0);
	buf_init(&back, 100);
	for (size_t cut = 0; cut <= buf_len(&wire); cut++) {
		struct inflater *inf = inflater_new(CODING_GZIP);
		int r;

		buf_clear(&back);
		r = inflater_feed(inf, buf_bytes(&wire), cut, &back);
		cr_assert_eq(r, cut == first || cut == buf_len(&wire), "cut %zu", cut);
		r = inflater_feed(inf, buf_bytes(&wire) + cut, buf_len(&wire) - cut, &back);
		cr_assert_eq(r, 1, "cut %zu", cut);
		cr_assert(buf_len(&back) == 7 && !memcmp(buf_bytes(&back), "one two", 7));
		inflater_free(inf);
	}
	buf_free(&wire);
	buf_free(&two);
	buf_free(&back);
}

Test(coding, trailing_bytes)
{
	for (enum coding c = CODING_GZIP; c <= CODING_DEFLATE; c++) {
		struct buf wire = coded(c, "text", 4), back;
		struct inflater *at_once = inflater_new(c), *later = inflater_new(c);

		buf_init(&back, 100);
		cr_assert_eq(inflater_feed(later, buf_bytes(&wire), buf_len(&wire), &back), 1);
		cr_assert_eq(inflater_feed(later, (const uint8_t *)"xxx", 3, &back), -1);
		cr_assert_eq(inflater_feed(later, (const uint8_t *)"", 0, &back), -1, "sticky");
		cr_assert_eq(buf_append(&wire, "xxx", 3), 0);
		cr_assert_eq(inflater_feed(at_once, buf_bytes(&wire), buf_len(&wire), &back), -1);
		inflater_free(at_once);
		inflater_free(later);
		buf_free(&wire);
		buf_free(&back);
	}
}

static int at_once(const struct buf *wire, size_t most, struct buf *out)
{
	buf_init(out, most);
	return inflate_all(CODING_GZIP, buf_bytes(wire), buf_len(wire), out);
}

/* The end of a gzip stream says how long it is; whoever believes that must not be fooled. */
Test(coding, at_once)
{
	struct buf plain = sample(50000), wire = coded(CODING_GZIP, buf_bytes(&plain), 50000), out;
	uint8_t half[100];

	cr_assert_eq(at_once(&wire, 50000, &out), 0);
	cr_assert(same(&out, &plain));
	buf_free(&out);
	cr_assert_eq(at_once(&wire, 49999, &out), -1);
	cr_assert_eq(buf_len(&out), 49999u, "it is full, and so one can tell why");
	buf_free(&out);
	for (int shift = 0; shift < 4; shift++) { /* it lies */
		wire.data[wire.head + buf_len(&wire) - 4 + (size_t)shift] ^= 1;
		cr_assert_eq(at_once(&wire, 1 * MIB, &out), -1);
		buf_free(&out);
		wire.data[wire.head + buf_len(&wire) - 4 + (size_t)shift] ^= 1;
	}
	memcpy(half, buf_bytes(&wire), sizeof(half));
	cr_assert_eq(buf_append(&wire, half, sizeof(half)), 0); /* a member more, cut off */
	cr_assert_eq(at_once(&wire, 1 * MIB, &out), -1);
	buf_free(&out);
	buf_free(&wire);
	buf_free(&plain);
}

Test(coding, damage)
{
	struct buf plain = sample(500), wire = coded(CODING_GZIP, plain.data, 500), back;

	buf_init(&back, 100000);
	/* Of the ten bytes of a gzip header, some say nothing that has to hold. */
	for (size_t at = 10; at < buf_len(&wire); at++) {
		struct inflater *inf = inflater_new(CODING_GZIP);

		buf_clear(&back);
		wire.data[at] ^= 0x10;
		cr_assert_neq(inflater_feed(inf, buf_bytes(&wire), buf_len(&wire), &back), 1,
			      "byte %zu", at);
		wire.data[at] ^= 0x10;
		inflater_free(inf);
	}
	for (enum coding c = CODING_GZIP; c <= CODING_DEFLATE; c++) {
		struct inflater *inf = inflater_new(c);

		cr_assert_eq(inflater_feed(inf, (const uint8_t *)"{\"a\":1}", 7, &back), -1);
		inflater_free(inf);
	}
	buf_free(&plain);
	buf_free(&wire);
	buf_free(&back);
}

Test(coding, bombs)
{
	static uint8_t zeros[8 * MIB];
	struct buf wire = coded(CODING_GZIP, zeros, sizeof(zeros)), back;
	static const size_t MAX[] = {0, 1, 1000, 65536, 8 * MIB - 1, 8 * MIB};

	cr_assert_lt(buf_len(&wire), (size_t)20000);
	for (size_t i = 0; i < sizeof(MAX) / sizeof(*MAX); i++) {
		struct inflater *inf = inflater_new(CODING_GZIP);
		int r;

		buf_init(&back, MAX[i]);
		r = inflater_feed(inf, buf_bytes(&wire), buf_len(&wire), &back);
		cr_assert_eq(r, MAX[i] == 8 * MIB ? 1 : -1, "max %zu: %d", MAX[i], r);
		cr_assert_leq(buf_len(&back), MAX[i]);
		cr_assert_leq(back.cap, 16 * MIB);
		inflater_free(inf);
		buf_free(&back);
	}
	buf_free(&wire);
}

/* What `in` was coded to, with this memory; it decodes to itself. */
static struct buf coded_by_memory(enum coding c, const struct buf *in, struct memo *m,
				  const void *owner)
{
	struct buf b, back;

	buf_init(&b, 16 * MIB);
	buf_init(&back, 16 * MIB);
	cr_assert_eq(deflate_all(c, in->data, buf_len(in), m, owner, &b), 0);
	cr_assert_eq(inflate_all(c, buf_bytes(&b), buf_len(&b), &back), 0);
	cr_assert(same(in, &back));
	buf_free(&back);
	return b;
}

Test(coding, what_was_coded_before_is_remembered)
{
	static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131072, 131073, 400000};
	static const size_t rooms[] = {1000, 100000, MIB};
	int owner;

	for (enum coding c = CODING_GZIP; c <= CODING_DEFLATE; c++)
		for (size_t i = 0; i < 3 * sizeof(sizes) / sizeof(*sizes); i++) {
			struct memo *m = seeded_memo(rooms[i % 3], 3);
			struct buf plain = sample(sizes[i / 3]), first, again;

			first = coded_by_memory(c, &plain, m, &owner);
			again = coded_by_memory(c, &plain, m, &owner);
			buf_free(&first);
			buf_free(&again);
			buf_free(&plain);
			memo_free(m);
		}
}

/* A piece is found by all of its bytes, and by its owner. */
Test(coding, a_change_anywhere_is_coded)
{
	struct memo *m = seeded_memo(2 * MIB, 3);
	struct buf plain = sample(300000), b;
	uint64_t missed;
	int owner, other;

	b = coded_by_memory(CODING_GZIP, &plain, m, &owner);
	buf_free(&b);
	for (size_t at = 0; at < buf_len(&plain); at += 9973) {
		uint64_t before = memo_stats(m)->recalled;

		plain.data[at] ^= 1;
		b = coded_by_memory(CODING_GZIP, &plain, m, &owner);
		cr_assert_eq(memo_stats(m)->recalled - before, at < 4 * 65536 ? 3u : 4u, "%zu", at);
		plain.data[at] ^= 1;
		buf_free(&b);
		b = coded_by_memory(CODING_GZIP, &plain, m, &owner);
		buf_free(&b);
	}
	missed = memo_stats(m)->missed;
	b = coded_by_memory(CODING_GZIP, &plain, m, &other);
	cr_assert_eq(memo_stats(m)->missed - missed, 4u, "another one's");
	buf_free(&b);
	buf_free(&plain);
	memo_free(m);
}

Test(coding, output_full)
{
	struct buf plain = sample(100000), out;

	for (enum coding c = CODING_IDENTITY; c <= CODING_DEFLATE; c++) {
		buf_init(&out, 1000);
		cr_assert_eq(deflate_all(c, plain.data, 100000, NULL, NULL, &out), -1);
		cr_assert_leq(buf_len(&out), (size_t)1000);
		buf_free(&out);
	}
	buf_free(&plain);
}

static void check_lag(size_t n)
{
	static uint8_t zeros[2 * 65536];
	uint8_t wire[4096];
	z_stream z = {.next_in = zeros,
		      .avail_in = (unsigned)n,
		      .next_out = wire,
		      .avail_out = sizeof(wire)};
	struct inflater *inf = inflater_new(CODING_GZIP);
	struct buf back;

	cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	cr_assert_eq(deflate(&z, Z_SYNC_FLUSH), Z_OK);
	cr_assert_eq(z.avail_in, 0u);
	buf_init(&back, MIB);
	/* Without the end of the flush's own empty block, whose bytes would draw the rest along. */
	cr_assert_eq(inflater_feed(inf, wire, z.total_out - 4, &back), 0);
	cr_assert_eq(buf_len(&back), n);
	deflateEnd(&z);
	inflater_free(inf);
	buf_free(&back);
}

/* A stream that was flushed but goes on: all that was said so far comes out at once. */
Test(coding, nothing_lags)
{
	for (size_t n = 65536 - 300; n < 65536 + 2000; n++)
		check_lag(n);
}
