/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/wire/clienthello.h"
#include "wire_guard.h"

struct hello {
	uint8_t b[40000];
	size_t n;
};

static void put(struct hello *h, const void *p, size_t n)
{
	memcpy(h->b + h->n, p, n);
	h->n += n;
}

static void put_uint(struct hello *h, unsigned v, unsigned bytes)
{
	while (bytes--)
		h->b[h->n++] = (uint8_t)(v >> (8 * bytes));
}

static void put_extension(struct hello *h, unsigned type, const void *p, size_t n)
{
	put_uint(h, type, 2);
	put_uint(h, (unsigned)n, 2);
	put(h, p, n);
}

static void put_sni(struct hello *h, const void *name, size_t n)
{
	struct hello ext = {.n = 0};

	put_uint(&ext, (unsigned)n + 3, 2);
	put_uint(&ext, 0, 1);
	put_uint(&ext, (unsigned)n, 2);
	put(&ext, name, n);
	put_extension(h, 0, ext.b, ext.n);
}

/* The handshake message around these extensions; NULL: without an extensions field, as SSL 3 had
 * it. */
static struct hello hello_message(const struct hello *extensions)
{
	struct hello body = {.n = 0}, out = {.n = 0};

	put_uint(&body, 0x0303, 2);
	memset(body.b + body.n, 0x5a, 32);
	body.n += 32;
	put_uint(&body, 32, 1);
	memset(body.b + body.n, 0xa5, 32);
	body.n += 32;
	put_uint(&body, 6, 2);
	put_uint(&body, 0x3a3a, 2); /* GREASE (RFC 8701) */
	put_uint(&body, 0x1301, 2);
	put_uint(&body, 0xc02f, 2);
	put_uint(&body, 0x0100, 2);
	if (extensions) {
		put_uint(&body, (unsigned)extensions->n, 2);
		put(&body, extensions->b, extensions->n);
	}
	put_uint(&out, 1, 1);
	put_uint(&out, (unsigned)body.n, 3);
	put(&out, body.b, body.n);
	return out;
}

static struct hello hello_records(const struct hello *message, size_t fragment)
{
	struct hello out = {.n = 0};

	for (size_t at = 0; at < message->n; at += fragment) {
		size_t n = message->n - at < fragment ? message->n - at : fragment;

		put_uint(&out, 0x160301, 3);
		put_uint(&out, (unsigned)n, 2);
		put(&out, message->b + at, n);
	}
	return out;
}

/* As a browser would: GREASE, a name, ALPN, and a key share of post-quantum size. */
static struct hello hello_modern(const char *name)
{
	static uint8_t share[1300];
	struct hello e = {.n = 0};

	put_extension(&e, 0x0a0a, "", 0);
	put_sni(&e, name, strlen(name));
	put_extension(&e, 16, "\0\x0c\2h2\x08http/1.1", 14);
	put_extension(&e, 43, "\4\x03\x04\x03\x03", 5);
	put_extension(&e, 51, share, sizeof(share));
	put_extension(&e, 0xfe0d, "\0\1\2", 3);
	put_extension(&e, 0xbaba, "\0", 1);
	return hello_message(&e);
}

static int parse(const struct hello *wire, struct clienthello *h)
{
	return clienthello_parse(guard_copy(wire->b, wire->n), wire->n, h);
}

static int parse_extensions(const struct hello *extensions, struct clienthello *h)
{
	struct hello m = hello_message(extensions), wire = hello_records(&m, 16384);

	return parse(&wire, h);
}

Test(clienthello, modern)
{
	struct hello m = hello_modern("API.Example.COM"), wire = hello_records(&m, 16384);
	struct clienthello h;

	cr_assert_gt(wire.n, 1400u);
	cr_assert_eq(parse(&wire, &h), 1);
	cr_assert_str_eq(h.sni, "api.example.com");
	cr_assert(h.alpn && h.alpn_h2 && h.alpn_http11 && h.ech);
}

Test(clienthello, every_prefix_and_fragmentation)
{
	static const size_t FRAGMENTS[] = {1, 2, 3, 5, 64, 511, 16384};
	struct hello m = hello_modern("api.example.com");

	for (size_t i = 0; i < sizeof(FRAGMENTS) / sizeof(*FRAGMENTS); i++) {
		struct hello wire = hello_records(&m, FRAGMENTS[i]);

		for (size_t n = 0; n <= wire.n; n++) {
			struct clienthello h = {.sni = "untouched"};
			int r = clienthello_parse(guard_copy(wire.b, n), n, &h);

			cr_assert_eq(r, n == wire.n, "fragment %zu, prefix %zu: %d", FRAGMENTS[i],
				     n, r);
			cr_assert_str_eq(h.sni, r ? "api.example.com" : "untouched");
		}
	}
}

Test(clienthello, bytes_after_it_do_not_matter)
{
	struct hello m = hello_modern("a.b"), wire = hello_records(&m, 700);
	struct clienthello h;

	put(&wire, "\x17\x03\x03\x00\x10garbage", 12); /* early data */
	cr_assert_eq(parse(&wire, &h), 1);
	cr_assert_str_eq(h.sni, "a.b");
}

Test(clienthello, without_extensions)
{
	struct hello none = {.n = 0};
	struct clienthello h;

	cr_assert_eq(parse_extensions(NULL, &h), 1);
	cr_assert(!h.sni[0] && !h.alpn && !h.ech);
	cr_assert_eq(parse_extensions(&none, &h), 1);
	cr_assert(!h.sni[0] && !h.alpn && !h.ech);
}

Test(clienthello, alpn)
{
	static const struct {
		const char *ext;
		size_t len;
		int r;
		bool http11, h2;
	} CASES[] = {
		{"\0\x09\x08http/1.1", 11, 1, true, false},
		{"\0\3\2h2", 5, 1, false, true},
		{"\0\x09\x08http/1.0", 11, 1, false, false},
		{"\0\0", 2, -1, false, false},
		{"\0\1\0", 3, -1, false, false},
		{"\0\3\3h2", 5, -1, false, false},
		{"\0\4\2h2", 5, -1, false, false},
		{"\0\3\2h2x", 6, -1, false, false},
		{"", 0, -1, false, false},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct hello e = {.n = 0};
		struct clienthello h = {0};

		put_extension(&e, 16, CASES[i].ext, CASES[i].len);
		cr_assert_eq(parse_extensions(&e, &h), CASES[i].r, "case %zu", i);
		cr_assert_eq(h.alpn, CASES[i].r == 1, "case %zu", i);
		cr_assert_eq(h.alpn_http11, CASES[i].http11, "case %zu", i);
		cr_assert_eq(h.alpn_h2, CASES[i].h2, "case %zu", i);
	}
}

Test(clienthello, names)
{
	static const struct {
		const char *name, *sni; /* NULL: refused */
	} CASES[] = {
		{"api.example.com.", "api.example.com"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"a_b.example", "a_b.example"},
		{"localhost", "localhost"},
		{"192.0.2.7", "192.0.2.7"},
		{".example.com", NULL},
		{"a..example", NULL},
		{"example.com..", NULL},
		{".", NULL},
		{"", NULL},
		{"api example", NULL},
		{"api.example.com/x", NULL},
		{"api.example.com:443", NULL},
		{"*.example.com", NULL},
		{"b\xc3\xbc"
		 "cher.example",
		 NULL},
		{"api.example.com\n", NULL},
		{"2001:db8::1", NULL},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct hello e = {.n = 0};
		struct clienthello h = {.sni = "untouched"};

		put_sni(&e, CASES[i].name, strlen(CASES[i].name));
		cr_assert_eq(parse_extensions(&e, &h), CASES[i].sni ? 1 : -1, "case %zu", i);
		cr_assert_str_eq(h.sni, CASES[i].sni ? CASES[i].sni : "untouched", "case %zu", i);
	}
}

Test(clienthello, odd_name_lists)
{
	static const struct {
		const char *ext;
		size_t len;
	} CASES[] = {
		{"", 0},		      /* as a server answers */
		{"\0\0", 2},		      /* no name */
		{"\0\4\0\0\1", 5},	      /* cut */
		{"\0\4\0\0\1ax", 7},	      /* something behind the list */
		{"\0\4\1\0\1a", 6},	      /* another name type */
		{"\0\x08\0\0\1a\0\0\1b", 10}, /* two names */
		{"\0\4\0\0\2a", 6},	      /* name longer than the list */
		{"\0\7\0\0\4a\0.b", 9},	      /* NUL inside */
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct hello e = {.n = 0};
		struct clienthello h;

		put_extension(&e, 0, CASES[i].ext, CASES[i].len);
		cr_assert_eq(parse_extensions(&e, &h), -1, "case %zu", i);
	}
}

Test(clienthello, long_names)
{
	struct clienthello h;
	char name[400];

	for (size_t n = 250; n < 300; n++) {
		struct hello e = {.n = 0};

		for (size_t i = 0; i < n; i++)
			name[i] = i % 50 == 49 ? '.' : 'a';
		name[n - 1] = 'a';
		put_sni(&e, name, n);
		cr_assert_eq(parse_extensions(&e, &h), n <= 255 ? 1 : -1, "%zu", n);
	}
	for (size_t n = 60; n < 70; n++) {
		struct hello e = {.n = 0};

		memset(name, 'a', n);
		put_sni(&e, name, n);
		cr_assert_eq(parse_extensions(&e, &h), n <= 63 ? 1 : -1, "%zu", n);
	}
}

Test(clienthello, an_extension_twice)
{
	static const unsigned TYPES[] = {0, 16, 0xfe0d};

	for (size_t i = 0; i < 3; i++) {
		struct hello e = {.n = 0};
		struct clienthello h;

		for (int twice = 0; twice < 2; twice++) {
			if (TYPES[i] == 0)
				put_sni(&e, twice ? "b.example" : "a.example", 9);
			else
				put_extension(&e, TYPES[i], "\0\3\2h2", 5);
		}
		cr_assert_eq(parse_extensions(&e, &h), -1, "extension %u", TYPES[i]);
	}
}

Test(clienthello, broken_messages)
{
	struct hello m = hello_modern("api.example.com"), wire;
	struct clienthello h;

	/* Each length field of the fixed part, made wrong. */
	static const size_t AT[] = {3, 4 + 34, 4 + 35 + 32, 4 + 36 + 32, 4 + 43 + 32};

	for (size_t i = 0; i < sizeof(AT) / sizeof(*AT); i++) {
		struct hello bad = m;

		bad.b[AT[i]] ^= 0x55;
		wire = hello_records(&bad, 16384);
		put(&wire, "\x16\x03\x01\x00\x01x", 6);
		cr_assert_neq(parse(&wire, &h), 1, "length at %zu", AT[i]);
	}
	m.b[0] = 2; /* a ServerHello */
	wire = hello_records(&m, 16384);
	cr_assert_eq(parse(&wire, &h), -1);
	wire.n = 6;
	cr_assert_eq(parse(&wire, &h), -1, "known at once");
}

Test(clienthello, broken_records)
{
	struct hello m = hello_modern("api.example.com"), wire;
	struct clienthello h;

	wire = hello_records(&m, 100);
	wire.b[105] = 0x17; /* application data between the fragments */
	cr_assert_eq(parse(&wire, &h), -1);
	wire = hello_records(&m, 16384);
	wire.b[1] = 2;
	cr_assert_eq(parse(&wire, &h), -1);
	wire = hello_records(&m, 16384);
	wire.b[3] = wire.b[4] = 0; /* an empty fragment */
	cr_assert_eq(parse(&wire, &h), -1);
	wire.b[3] = 0x40;
	wire.b[4] = 1; /* 16385 bytes */
	cr_assert_eq(parse(&wire, &h), -1);
	put(&m, "more", 4); /* something behind it in its record */
	wire = hello_records(&m, 16384);
	cr_assert_eq(parse(&wire, &h), -1);
}

Test(clienthello, too_long)
{
	static uint8_t padding[33000];
	struct clienthello h;

	for (size_t n = 32000; n < 33000; n += 50) {
		struct hello e = {.n = 0}, m, wire;
		int r;

		put_sni(&e, "a.example", 9);
		put_extension(&e, 21, padding, n);
		m = hello_message(&e);
		wire = hello_records(&m, 16000);
		r = parse(&wire, &h);
		cr_assert_eq(r, wire.n <= CLIENTHELLO_MAX ? 1 : -1, "%zu: %d", wire.n, r);
	}
}
