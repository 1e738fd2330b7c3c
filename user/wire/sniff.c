/* SPDX-License-Identifier: Apache-2.0 */
#include "sniff.h"
#include "http_head.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define SNIFF_ENOUGH 24

static const char PREFACE[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ContentType handshake, legacy_record_version 3.x (RFC 8446 section 5.1). */
static int sniff_tls(const uint8_t *buf, size_t len, enum sniff_kind *kind)
{
	if (len < 3)
		return len < 2 || buf[1] == 3 ? 0 : -1;
	if (buf[1] != 3 || buf[2] > 4)
		return -1;
	*kind = SNIFF_TLS;
	return 1;
}

/* Version, then SOCKS4's command (CONNECT, BIND) or SOCKS5's number of methods. */
static int sniff_socks(const uint8_t *buf, size_t len, enum sniff_kind *kind)
{
	if (len < 2)
		return 0;
	if (buf[1] == 0 || (buf[0] == 4 && buf[1] > 2))
		return -1;
	*kind = SNIFF_SOCKS;
	return 1;
}

/* Lenient servers take any of these for the one space (RFC 9112 section 3), or none before the method. */
static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

static size_t skip_blanks(const uint8_t *p, size_t len)
{
	size_t n = 0;

	while (n < len && is_blank(p[n]))
		n++;
	return n;
}

/* What follows the method tells HTTP from other protocols of words, such as SSH's banner: a path, or a URI
 * that some proxy might know. */
static int sniff_target(const uint8_t *p, size_t len)
{
	static const char *const SCHEMES[] = {"http", "ws", "ftp"};
	bool undecided = len == 0;

	if (len && (*p == '/' || *p == '*'))
		return 1;
	for (size_t i = 0; i < sizeof(SCHEMES) / sizeof(*SCHEMES); i++) {
		size_t whole = strlen(SCHEMES[i]), same = least(len, whole);

		if (strncasecmp((const char *)p, SCHEMES[i], same))
			continue;
		if (same == whole)
			return 1;
		undecided = true;
	}
	return undecided ? 0 : -1;
}

/* `full`: there is no room to wait for more. */
static int sniff_method(const uint8_t *p, size_t len, bool full, enum sniff_kind *kind)
{
	size_t word = 0, blanks;
	int r;

	while (word < len && http_is_tchar(p[word]))
		word++;
	if (word == len)
		return 0;
	blanks = skip_blanks(p + word, len - word);
	if (word == 0 || blanks == 0)
		return -1;
	if (word == 7 && !strncasecmp((const char *)p, "CONNECT", 7)) {
		*kind = SNIFF_CONNECT;
		return 1;
	}
	r = sniff_target(p + word + blanks, len - word - blanks);
	if (r == 0 && full)
		r = 1;
	if (r == 1)
		*kind = SNIFF_HTTP;
	return r;
}

static int sniff_text(const uint8_t *buf, size_t len, enum sniff_kind *kind)
{
	size_t same = least(len, SNIFF_ENOUGH), skip = 0;

	if (!memcmp(buf, PREFACE, same)) {
		*kind = SNIFF_HTTP2;
		return same == SNIFF_ENOUGH;
	}
	/* RFC 9112 section 2.2: servers ignore empty lines before a request. */
	while (skip < same && (is_blank(buf[skip]) || buf[skip] == '\n'))
		skip++;
	if (skip == SNIFF_ENOUGH) {
		*kind = SNIFF_HTTP;
		return 1;
	}
	return sniff_method(buf + skip, len - skip, len == SNIFF_ENOUGH, kind);
}

int sniff(const uint8_t *buf, size_t len, enum sniff_kind *kind)
{
	enum sniff_kind found = SNIFF_OTHER;
	int r;

	if (len == 0)
		return 0;
	len = least(len, SNIFF_ENOUGH);
	if (buf[0] == 0x16)
		r = sniff_tls(buf, len, &found);
	else if (buf[0] == 4 || buf[0] == 5)
		r = sniff_socks(buf, len, &found);
	else
		r = sniff_text(buf, len, &found);
	if (r == 0 && len < SNIFF_ENOUGH)
		return 0;
	/* Blanks and empty lines took what room there was: only HTTP may begin so. */
	if (r == 0 && (is_blank(buf[0]) || buf[0] == '\n'))
		found = SNIFF_HTTP;
	else if (r != 1)
		found = SNIFF_OTHER;
	*kind = found;
	return 1;
}
