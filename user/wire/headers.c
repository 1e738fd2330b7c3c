/* SPDX-License-Identifier: Apache-2.0 */
#include "headers.h"
#include "http_head.h"

#include <string.h>
#include <strings.h>

struct known_name {
	const char *name;
	size_t len;
	enum header_class class;
};

/* Names in lower case, by their first letter; one that ends with '*' stands for all that begin so. */
#define F(name, class)                                                                             \
	{                                                                                          \
		name, sizeof(name) - 1, class                                                      \
	}
static const struct known_name NAMES_A[] = {
	/* It would lead the client to QUIC, which is refused, or to a port where nobody sees it (RFC 7838). */
	F("alt-svc", HEADER_HOP),
	F("accept-encoding", HEADER_OURS),
	F("authorization", HEADER_AUTH),
	F("authentication-info", HEADER_AUTH),
	F("api-key", HEADER_AUTH),
	F("accept", HEADER_PROTOCOL),
	F("accept-charset", HEADER_PROTOCOL),
	F("accept-language", HEADER_PROTOCOL),
	F("accept-ranges", HEADER_PROTOCOL),
	F("access-control-*", HEADER_PROTOCOL),
	F("age", HEADER_PROTOCOL),
	F("allow", HEADER_PROTOCOL),
	F("anthropic-*", HEADER_PROTOCOL),
};
static const struct known_name NAMES_C[] = {
	F("connection", HEADER_HOP),
	F("content-length", HEADER_FRAMING),
	/* Digests of the very body (RFC 1864, 3230, 9530): they hold as long as it is not changed. */
	F("content-md5", HEADER_FRAMING),
	F("content-digest", HEADER_FRAMING),
	F("cookie", HEADER_AUTH),
	F("cache-control", HEADER_PROTOCOL),
	F("cf-*", HEADER_PROTOCOL),
	F("content-encoding", HEADER_PROTOCOL),
	F("content-language", HEADER_PROTOCOL),
	F("content-range", HEADER_PROTOCOL),
	F("content-type", HEADER_PROTOCOL),
};
static const struct known_name NAMES_D[] = {
	F("digest", HEADER_FRAMING),
	F("date", HEADER_PROTOCOL),
	F("dnt", HEADER_PROTOCOL),
};
static const struct known_name NAMES_E[] = {
	F("expect", HEADER_OURS),
	F("etag", HEADER_PROTOCOL),
	F("expires", HEADER_PROTOCOL),
};
static const struct known_name NAMES_H[] = {
	F("http2-settings", HEADER_HOP), /* RFC 7540 section 3.2.1: belongs to an h2c upgrade */
	F("host", HEADER_PROTOCOL),
};
static const struct known_name NAMES_I[] = {
	F("if-match", HEADER_PROTOCOL),
	F("if-modified-since", HEADER_PROTOCOL),
	F("if-none-match", HEADER_PROTOCOL),
	F("if-range", HEADER_PROTOCOL),
	F("if-unmodified-since", HEADER_PROTOCOL),
};
static const struct known_name NAMES_K[] = {
	F("keep-alive", HEADER_HOP),
};
static const struct known_name NAMES_L[] = {
	F("last-modified", HEADER_PROTOCOL),
};
static const struct known_name NAMES_P[] = {
	F("proxy-*", HEADER_HOP),
	F("pragma", HEADER_PROTOCOL),
	F("priority", HEADER_PROTOCOL),
};
static const struct known_name NAMES_R[] = {
	F("repr-digest", HEADER_FRAMING),     F("range", HEADER_PROTOCOL),
	F("request-id", HEADER_PROTOCOL),     F("retry-after", HEADER_PROTOCOL),
	F("retry-after-ms", HEADER_PROTOCOL),
};
static const struct known_name NAMES_S[] = {
	F("set-cookie", HEADER_AUTH),
	F("sec-*", HEADER_PROTOCOL),
	F("server", HEADER_PROTOCOL),
	F("strict-transport-security", HEADER_PROTOCOL),
};
static const struct known_name NAMES_T[] = {
	F("te", HEADER_HOP),
	F("trailer", HEADER_HOP),
	F("transfer-encoding", HEADER_HOP),
	F("traceparent", HEADER_PROTOCOL),
};
static const struct known_name NAMES_U[] = {
	F("upgrade", HEADER_HOP),
	F("upgrade-insecure-requests", HEADER_PROTOCOL),
	F("user-agent", HEADER_PROTOCOL),
};
static const struct known_name NAMES_V[] = {
	F("vary", HEADER_PROTOCOL),
};
static const struct known_name NAMES_W[] = {
	F("www-authenticate", HEADER_AUTH),
};
static const struct known_name NAMES_X[] = {
	F("x-api-key", HEADER_AUTH),	      F("x-goog-api-key", HEADER_AUTH),
	F("x-csrf-token", HEADER_AUTH),	      F("x-xsrf-token", HEADER_AUTH),
	F("x-app", HEADER_PROTOCOL),	      F("x-request-id", HEADER_PROTOCOL),
	F("x-should-retry", HEADER_PROTOCOL), F("x-stainless-*", HEADER_PROTOCOL),
};
#undef F

static const struct {
	const struct known_name *names;
	size_t count;
} LETTERS[26] = {
#define L(letter, names) [letter - 'a'] = {names, sizeof(names) / sizeof(*(names))}
	L('a', NAMES_A), L('c', NAMES_C), L('d', NAMES_D), L('e', NAMES_E),
	L('h', NAMES_H), L('i', NAMES_I), L('k', NAMES_K), L('l', NAMES_L),
	L('p', NAMES_P), L('r', NAMES_R), L('s', NAMES_S), L('t', NAMES_T),
	L('u', NAMES_U), L('v', NAMES_V), L('w', NAMES_W), L('x', NAMES_X),
#undef L
};

static bool name_fits(const struct http_field *f, const char *name, size_t len)
{
	if (name[len - 1] == '*')
		return f->name_len >= len - 1 && !strncasecmp(f->name, name, len - 1);
	return f->name_len == len && !strncasecmp(f->name, name, len);
}

/* Connection names it (RFC 9110 section 7.6.1). */
static bool is_named_hop(const struct http_head *h, const struct http_field *f)
{
	char name[64];

	if (f->name_len >= sizeof(name))
		return false;
	memcpy(name, f->name, f->name_len);
	name[f->name_len] = 0;
	return http_find_token(h, "connection", name);
}

static enum header_class class_of_name(const struct http_field *f)
{
	unsigned letter = (unsigned)((*f->name | 0x20) - 'a');

	for (size_t i = 0; letter < 26 && i < LETTERS[letter].count; i++) {
		const struct known_name *k = &LETTERS[letter].names[i];

		if (name_fits(f, k->name, k->len))
			return k->class;
	}
	return HEADER_VALUE;
}

enum header_class header_class(const struct http_head *h, const struct http_field *f)
{
	enum header_class class = class_of_name(f);

	/* What frames, authenticates or rules the message can not be talked away by Connection. */
	if (class == HEADER_VALUE && is_named_hop(h, f))
		return HEADER_HOP;
	return class;
}

/* The media type without parameters and blanks (RFC 9110 section 8.3.1). */
static size_t media_type(const struct http_field *f, const char **p)
{
	const char *semicolon;
	size_t n;

	if (!f)
		return 0;
	*p = f->value;
	semicolon = memchr(f->value, ';', f->value_len);
	n = semicolon ? (size_t)(semicolon - f->value) : f->value_len;
	while (n && ((*p)[n - 1] == ' ' || (*p)[n - 1] == '\t'))
		n--;
	return n;
}

static bool media_is_one_of(const struct http_field *f, const char *const *names)
{
	const char *type;
	size_t n = media_type(f, &type);

	for (; n && *names; names++) {
		if (http_is_word(type, n, *names))
			return true;
	}
	return false;
}

static bool media_has_suffix(const struct http_field *f, const char *suffix)
{
	const char *type;
	size_t n = media_type(f, &type), len = strlen(suffix);

	return n > len && !strncasecmp(type + n - len, suffix, len);
}

static bool media_has_prefix(const struct http_field *f, const char *prefix)
{
	const char *type;
	size_t n = media_type(f, &type), len = strlen(prefix);

	return n > len && !strncasecmp(type, prefix, len);
}

bool media_is_json(const struct http_field *content_type)
{
	static const char *const NAMES[] = {"application/json", "text/json", NULL};

	return media_is_one_of(content_type, NAMES) || media_has_suffix(content_type, "+json");
}

bool media_is_json_lines(const struct http_field *content_type)
{
	static const char *const NAMES[] = {
		"application/x-ndjson", "application/ndjson",	 "application/jsonl",
		"application/x-jsonl",	"application/jsonlines", "application/x-jsonlines",
		"text/jsonl",		"application/json-seq",	 NULL,
	};

	return media_is_one_of(content_type, NAMES);
}

bool media_is_event_stream(const struct http_field *content_type)
{
	static const char *const NAMES[] = {"text/event-stream", NULL};

	return media_is_one_of(content_type, NAMES);
}

bool media_is_text(const struct http_field *content_type)
{
	static const char *const NAMES[] = {
		"application/xml",  "application/javascript", "application/ecmascript",
		"application/yaml", "application/x-yaml",     "application/toml",
		"application/sql",  "application/graphql",    NULL,
	};

	return media_has_prefix(content_type, "text/") || media_is_one_of(content_type, NAMES) ||
	       media_has_suffix(content_type, "+xml") || media_has_suffix(content_type, "+yaml");
}

bool media_is_form(const struct http_field *content_type)
{
	static const char *const NAMES[] = {"application/x-www-form-urlencoded", NULL};

	return media_is_one_of(content_type, NAMES);
}

/* bcharsnospace and space of RFC 2046 section 5.1.1 */
static bool is_boundary_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("'()+_,-./:=? ", c));
}

/* A parameter's value, bare or quoted; its length, or 0 when it is no boundary. */
static size_t boundary_value(const char *p, const char *end, char boundary[static 71])
{
	bool quoted = p < end && *p == '"', closed = false;
	size_t n = 0;

	for (p += quoted; p < end && !closed; p++) {
		if (quoted ? *p == '"' : (*p == ' ' || *p == '\t' || *p == ';')) {
			closed = true;
		} else {
			if (n == 70 || !is_boundary_char((unsigned char)*p))
				return 0;
			boundary[n++] = *p;
		}
	}
	if ((quoted && !closed) || n == 0 || boundary[n - 1] == ' ')
		return 0;
	boundary[n] = 0;
	return n;
}

/* The next parameter's start behind `p`, quoted strings jumped over; `end` when there is none. */
static const char *next_parameter(const char *p, const char *end)
{
	bool quoted = false;

	for (; p < end; p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (quoted && *p == '\\' && p + 1 < end)
			p++;
		else if (*p == ';' && !quoted)
			break;
	}
	if (p < end)
		p++;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

bool media_is_multipart(const struct http_field *content_type, char boundary[static 71])
{
	static const char NAME[] = "boundary=";
	const char *p, *end;

	if (!media_has_prefix(content_type, "multipart/"))
		return false;
	boundary[0] = 0;
	end = content_type->value + content_type->value_len;
	for (p = next_parameter(content_type->value, end); p < end; p = next_parameter(p, end)) {
		if ((size_t)(end - p) < sizeof(NAME) || strncasecmp(p, NAME, sizeof(NAME) - 1))
			continue;
		if (!boundary_value(p + sizeof(NAME) - 1, end, boundary))
			boundary[0] = 0;
		break;
	}
	return true;
}

/* The authority of an absolute-form target, or of CONNECT's; *len is 0 when it has none. */
static const char *target_authority(const struct http_head *h, size_t *len)
{
	static const char *const SCHEMES[] = {"http://", "https://"};
	const char *p = h->target;
	size_t n = h->target_len;

	*len = 0;
	if (http_is_word(h->method, h->method_len, "CONNECT")) {
		*len = n;
		return p;
	}
	for (size_t i = 0; i < sizeof(SCHEMES) / sizeof(*SCHEMES); i++) {
		size_t skip = strlen(SCHEMES[i]);

		if (n <= skip || strncasecmp(p, SCHEMES[i], skip))
			continue;
		while (skip + *len < n && !strchr("/?", p[skip + *len]))
			(*len)++;
		return p + skip;
	}
	return NULL;
}

static int host_port(const char *p, size_t n, uint16_t *port)
{
	unsigned v = 0;

	if (n > 5)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (unsigned)(p[i] - '0');
	}
	if (v > UINT16_MAX)
		return -1;
	*port = (uint16_t)v;
	return 0;
}

/* uri-host of RFC 9110 section 7.2, of the alphabet that names and addresses have. */
static bool is_host_char(char c, bool literal)
{
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '.')
		return true;
	return literal ? c == ':' : (c > 'f' && c <= 'z') || c == '-' || c == '_';
}

static int host_copy(const char *p, size_t n, bool literal, char host[static 256])
{
	char out[256];

	if (n && !literal && p[n - 1] == '.')
		n--;
	if (n == 0 || n > 255)
		return -1;
	for (size_t i = 0; i < n; i++) {
		out[i] = p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] + 'a' - 'A') : p[i];
		if (!is_host_char(out[i], literal))
			return -1;
	}
	memcpy(host, out, n);
	host[n] = 0;
	return 0;
}

int header_authority(const char *p, size_t n, char host[static 256], uint16_t *port)
{
	bool literal = n && *p == '[';
	const char *close = literal ? memchr(p, ']', n) : memchr(p, ':', n);
	size_t len = close ? (size_t)(close - p) : n, rest;
	uint16_t number = 0;

	if (literal && !close)
		return -1;
	rest = literal ? len + 1 : len;
	if (rest < n && (p[rest] != ':' || host_port(p + rest + 1, n - rest - 1, &number)))
		return -1;
	if (host_copy(p + literal, len - literal, literal, host))
		return -1;
	*port = number;
	return 0;
}

int header_host(const struct http_head *h, char host[static 256], uint16_t *port)
{
	size_t n;
	const char *p = target_authority(h, &n);

	if (!p) {
		const struct http_field *f = http_find(h, "host");

		/* A URI of another scheme names its host in a way of its own. */
		if (!f || (*h->target != '/' && *h->target != '*'))
			return -1;
		p = f->value;
		n = f->value_len;
	}
	return header_authority(p, n, host, port);
}
