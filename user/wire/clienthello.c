/* SPDX-License-Identifier: Apache-2.0 */
#include "clienthello.h"

#include <string.h>

enum {
	RECORD_HANDSHAKE = 22,
	RECORD_HEADER = 5,
	RECORD_MAX = 16384, /* RFC 8446 section 5.1 */
	HANDSHAKE_CLIENT_HELLO = 1,
	HANDSHAKE_HEADER = 4,
	EXT_SERVER_NAME = 0,
	EXT_ALPN = 16,
	EXT_ECH = 0xfe0d,
	LABEL_MAX = 63,
};

/* A reader over a vector of bytes: a read beyond its end makes it bad, and it stays so. */
struct cursor {
	const uint8_t *p, *end;
	bool bad;
};

static const uint8_t *cursor_take(struct cursor *c, size_t n)
{
	const uint8_t *at = c->p;

	if (c->bad || (size_t)(c->end - c->p) < n) {
		c->bad = true;
		return NULL;
	}
	c->p += n;
	return at;
}

static unsigned cursor_uint(struct cursor *c, unsigned bytes)
{
	const uint8_t *p = cursor_take(c, bytes);
	unsigned v = 0;

	for (unsigned i = 0; p && i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

/* A vector with a length of `bytes` bytes before it (RFC 8446 section 3.4). */
static struct cursor cursor_vector(struct cursor *c, unsigned bytes)
{
	size_t n = cursor_uint(c, bytes);
	const uint8_t *p = cursor_take(c, n);

	if (!p)
		return (struct cursor){.bad = true};
	return (struct cursor){.p = p, .end = p + n};
}

static size_t cursor_left(const struct cursor *c)
{
	return c->bad ? 0 : (size_t)(c->end - c->p);
}

/* Lower-case host name of the host's own alphabet: letters, digits, hyphen, underscore, dots
 * between labels. */
static int hello_name(const uint8_t *p, size_t n, char out[static 256])
{
	size_t label = 0;

	if (n && p[n - 1] == '.')
		n--;
	if (n == 0 || n > 255)
		return -1;
	for (size_t i = 0; i < n; i++) {
		uint8_t ch = p[i];

		if (ch >= 'A' && ch <= 'Z')
			ch += 'a' - 'A';
		if (ch == '.') {
			if (label == 0)
				return -1;
			label = 0;
		} else if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' ||
			   ch == '_') {
			if (++label > LABEL_MAX)
				return -1;
		} else {
			return -1;
		}
		out[i] = (char)ch;
	}
	out[n] = 0;
	return label ? 0 : -1;
}

/* RFC 6066 section 3: a list, of which one host_name is all that was ever defined. */
static int hello_sni(struct cursor ext, struct clienthello *h)
{
	struct cursor list = cursor_vector(&ext, 2), name;
	unsigned type = cursor_uint(&list, 1);

	name = cursor_vector(&list, 2);
	if (ext.bad || list.bad || name.bad || cursor_left(&ext) || cursor_left(&list) || type != 0)
		return -1;
	return hello_name(name.p, cursor_left(&name), h->sni);
}

/* RFC 7301 section 3.1 */
static int hello_alpn(struct cursor ext, struct clienthello *h)
{
	struct cursor list = cursor_vector(&ext, 2);

	if (ext.bad || cursor_left(&ext) || cursor_left(&list) == 0)
		return -1;
	h->alpn = true;
	while (cursor_left(&list)) {
		struct cursor proto = cursor_vector(&list, 1);
		size_t n = cursor_left(&proto);

		if (list.bad || n == 0)
			return -1;
		h->alpn_http11 |= n == 8 && !memcmp(proto.p, "http/1.1", 8);
		h->alpn_h2 |= n == 2 && !memcmp(proto.p, "h2", 2);
	}
	return 0;
}

static int hello_extension(unsigned type, struct cursor ext, struct clienthello *h)
{
	switch (type) {
	case EXT_SERVER_NAME:
		/* RFC 8446 section 4.2: no type twice. */
		return h->sni[0] ? -1 : hello_sni(ext, h);
	case EXT_ALPN:
		return h->alpn ? -1 : hello_alpn(ext, h);
	case EXT_ECH:
		if (h->ech)
			return -1;
		h->ech = true;
		return 0;
	default:
		return 0;
	}
}

static int hello_body(struct cursor c, struct clienthello *out)
{
	struct clienthello h = {0};
	struct cursor session, suites, compression, extensions;
	unsigned version = cursor_uint(&c, 2);

	if (version < 0x0300 || version > 0x0304 || !cursor_take(&c, 32))
		return -1;
	session = cursor_vector(&c, 1);
	suites = cursor_vector(&c, 2);
	compression = cursor_vector(&c, 1);
	if (c.bad || cursor_left(&session) > 32 || cursor_left(&suites) < 2 ||
	    cursor_left(&suites) % 2 || cursor_left(&compression) < 1)
		return -1;
	if (cursor_left(&c) == 0) {
		*out = h; /* TLS 1.2 and before: extensions may be absent */
		return 1;
	}
	extensions = cursor_vector(&c, 2);
	if (c.bad || cursor_left(&c))
		return -1;
	while (cursor_left(&extensions)) {
		unsigned type = cursor_uint(&extensions, 2);
		struct cursor ext = cursor_vector(&extensions, 2);

		if (extensions.bad || hello_extension(type, ext, &h))
			return -1;
	}
	*out = h;
	return 1;
}

/*
 * Whether a record header may stand here. 1: *n is its fragment's length. 0: needs more. An empty
 * handshake fragment is forbidden (RFC 8446 section 5.1).
 */
static int hello_record(const uint8_t *buf, size_t len, size_t *n)
{
	if ((len > 0 && buf[0] != RECORD_HANDSHAKE) || (len > 1 && buf[1] != 3))
		return -1;
	if (len < RECORD_HEADER)
		return 0;
	*n = (size_t)buf[3] << 8 | buf[4];
	return *n >= 1 && *n <= RECORD_MAX ? 1 : -1;
}

/* Bytes that the handshake message takes, header included; 0 while that is not known. */
static size_t hello_wanted(const uint8_t *msg, size_t have)
{
	if (have < HANDSHAKE_HEADER)
		return 0;
	return HANDSHAKE_HEADER + ((size_t)msg[1] << 16 | (size_t)msg[2] << 8 | msg[3]);
}

int clienthello_parse(const uint8_t *buf, size_t len, struct clienthello *h)
{
	uint8_t msg[CLIENTHELLO_MAX];
	size_t have = 0, at = 0, want = 0;

	while (!want || have < want) {
		size_t fragment, there;
		int r = hello_record(buf + at, len - at, &fragment);

		if (r <= 0)
			return r;
		at += RECORD_HEADER;
		if (at + fragment > CLIENTHELLO_MAX)
			return -1;
		there = len - at < fragment ? len - at : fragment;
		memcpy(msg + have, buf + at, there);
		have += there;
		at += there;
		want = hello_wanted(msg, have);
		if ((have && msg[0] != HANDSHAKE_CLIENT_HELLO) || want > CLIENTHELLO_MAX)
			return -1;
		/* Nothing may follow it in its record: the client has to wait for the server. */
		if (want && have - there + fragment > want)
			return -1;
		if (there < fragment)
			return 0;
	}
	return hello_body((struct cursor){.p = msg + HANDSHAKE_HEADER, .end = msg + want}, h);
}
