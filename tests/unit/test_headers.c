/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/wire/headers.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* A parsed head: it points into its parser. */
struct parsed {
	struct http_parser *parser;
	const struct http_head *head;
};

static struct parsed parse(const char *wire)
{
	struct parsed p = {.parser = http_parser_new(HTTP_REQUEST, 8192)};
	const uint8_t *data;
	size_t used, len;

	cr_assert_eq(http_feed(p.parser, (const uint8_t *)wire, strlen(wire), &used, &data, &len),
		     HTTP_HEAD, "'%s': %s", wire, http_error_text(p.parser));
	p.head = http_head(p.parser);
	return p;
}

static enum header_class class_of(const char *name, const char *connection)
{
	char wire[512];
	struct parsed p;
	enum header_class c;

	snprintf(wire, sizeof(wire), "GET / HTTP/1.1\r\nConnection: %s\r\n%s%s: 1\r\n\r\n",
		 connection, strcasecmp(name, "host") ? "Host: h\r\n" : "", name);
	p = parse(wire);
	c = header_class(p.head, &p.head->fields[p.head->field_count - 1]);
	http_parser_free(p.parser);
	return c;
}

Test(headers, classes)
{
	static const struct {
		const char *name;
		enum header_class class;
	} CASES[] = {
		{"Keep-Alive", HEADER_HOP},
		{"Proxy-Connection", HEADER_HOP},
		{"Proxy-Authorization", HEADER_HOP},
		{"TE", HEADER_HOP},
		{"Trailer", HEADER_HOP},
		{"Upgrade", HEADER_HOP},
		{"Content-Length", HEADER_FRAMING},
		{"Accept-Encoding", HEADER_OURS},
		{"expect", HEADER_OURS},
		{"authorization", HEADER_AUTH},
		{"X-Api-Key", HEADER_AUTH},
		{"Cookie", HEADER_AUTH},
		{"Alt-Svc", HEADER_HOP},
		{"Host", HEADER_PROTOCOL},
		{"content-type", HEADER_PROTOCOL},
		{"User-Agent", HEADER_PROTOCOL},
		{"Anthropic-Version", HEADER_PROTOCOL},
		{"anthropic-beta", HEADER_PROTOCOL},
		{"X-Stainless-Arch", HEADER_PROTOCOL},
		{"Referer", HEADER_VALUE},
		{"Origin", HEADER_VALUE},
		{"Location", HEADER_VALUE},
		{"X-Amz-Resource", HEADER_VALUE},
		{"Content-Disposition", HEADER_VALUE},
		{"TEX", HEADER_VALUE},
		{"Proxy", HEADER_VALUE},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++)
		cr_assert_eq(class_of(CASES[i].name, "keep-alive"), CASES[i].class, "%s",
			     CASES[i].name);
}

Test(headers, named_by_connection)
{
	cr_assert_eq(class_of("X-Hop", "close, x-hop"), HEADER_HOP);
	cr_assert_eq(class_of("X-Hop", "close, x-hop2, ax-hop"), HEADER_VALUE);
	cr_assert_eq(class_of("Referer", "Referer"), HEADER_HOP);
	/* These say what the request is: a client cannot name them away. */
	cr_assert_eq(class_of("Host", "Host"), HEADER_PROTOCOL);
	cr_assert_eq(class_of("Content-Length", "Content-Length"), HEADER_FRAMING);
	cr_assert_eq(class_of("Authorization", "Authorization"), HEADER_AUTH);
}

static struct http_field type_field(const char *value)
{
	return (struct http_field){
		.name = "Content-Type", .name_len = 12, .value = value, .value_len = strlen(value)};
}

Test(headers, media_types)
{
	static const struct {
		const char *value;
		char kind;
	} CASES[] = {
		{"application/json", 'j'},
		{"Application/JSON; charset=utf-8", 'j'},
		{"application/json ;x=y", 'j'},
		{"application/problem+json", 'j'},
		{"text/json", 'j'},
		{"application/jsonx", '?'},
		{"application/x-ndjson", 'l'},
		{"application/x-jsonl", 'l'},
		{"application/jsonl", 'l'},
		{"application/json-seq", 'l'},
		{"text/event-stream", 'e'},
		{"Text/Event-Stream; charset=utf-8", 'e'},
		{"text/event-streams", 't'},
		{"text/plain", 't'},
		{"text/html; charset=utf-8", 't'},
		{"application/xml", 't'},
		{"image/svg+xml", 't'},
		{"application/x-www-form-urlencoded", 'f'},
		{"application/x-www-form-urlencoded; charset=UTF-8", 'f'},
		{"application/octet-stream", '?'},
		{"image/png", '?'},
		{"text", '?'},
		{"", '?'},
		{";", '?'},
		{"+json", '?'},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct http_field f = type_field(CASES[i].value);
		char kind = media_is_json(&f)		? 'j'
			    : media_is_json_lines(&f)	? 'l'
			    : media_is_event_stream(&f) ? 'e'
			    : media_is_form(&f)		? 'f'
			    : media_is_text(&f)		? 't'
							: '?';

		cr_assert_eq(kind, CASES[i].kind, "'%s': %c", CASES[i].value, kind);
	}
	cr_assert(!media_is_json(NULL) && !media_is_text(NULL) && !media_is_form(NULL));
}

Test(headers, multipart_boundaries)
{
	static const char LONG[] = "multipart/x; boundary="
				   "0123456789012345678901234567890123456789"
				   "012345678901234567890123456789";
	static const struct {
		const char *value, *boundary; /* "": no boundary that may be */
	} CASES[] = {
		{"multipart/form-data; boundary=abc", "abc"},
		{"Multipart/Form-Data;boundary=\"a b:c\"", "a b:c"},
		{"multipart/form-data; charset=utf-8; BOUNDARY=x; y=z", "x"},
		{"multipart/form-data; a=\"; boundary=no\"; boundary=yes", "yes"},
		{"multipart/form-data; a=\"\\\"; boundary=no\"; boundary=yes", "yes"},
		{"multipart/form-data; xboundary=no; boundary=yes", "yes"},
		{"multipart/form-data", ""},
		{"multipart/form-data; boundary=", ""},
		{"multipart/form-data; boundary=\"\"", ""},
		{"multipart/form-data; boundary=\"a", ""},
		{"multipart/form-data; boundary=\"a \"", ""},
		{"multipart/form-data; boundary=a<b", ""},
		{LONG, LONG + 22},
	};
	char boundary[71], longer[200];
	struct http_field f;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		f = type_field(CASES[i].value);
		cr_assert(media_is_multipart(&f, boundary), "case %zu", i);
		cr_assert_str_eq(boundary, CASES[i].boundary, "case %zu", i);
	}
	snprintf(longer, sizeof(longer), "%sX", LONG);
	f = type_field(longer);
	cr_assert(media_is_multipart(&f, boundary));
	cr_assert_str_eq(boundary, "");
	f = type_field("text/plain; boundary=a");
	cr_assert_not(media_is_multipart(&f, boundary));
	cr_assert_not(media_is_multipart(NULL, boundary));
}

Test(headers, hosts)
{
	static const struct {
		const char *target, *host_field, *host; /* NULL: refused */
		unsigned port;
	} CASES[] = {
		{"/", "API.Example.com", "api.example.com", 0},
		{"/", "api.example.com:8443", "api.example.com", 8443},
		{"/", "api.example.com.", "api.example.com", 0},
		{"/", "api.example.com.:80", "api.example.com", 80},
		{"/", "api.example.com:", "api.example.com", 0},
		{"/", "[2001:DB8::1]:443", "2001:db8::1", 443},
		{"/", "[2001:db8::1]", "2001:db8::1", 0},
		{"/", "192.0.2.1", "192.0.2.1", 0},
		{"/", "", NULL, 0},
		{"/", ".", NULL, 0},
		{"/", ":80", NULL, 0},
		{"/", "a b", NULL, 0},
		{"/", "a,b", NULL, 0},
		{"/", "a@b", NULL, 0},
		{"/", "a/b", NULL, 0},
		{"/", "a:b", NULL, 0},
		{"/", "a:80:80", NULL, 0},
		{"/", "a:65536", NULL, 0},
		{"/", "a:000080", NULL, 0},
		{"/", "a:-1", NULL, 0},
		{"/", "[::1", NULL, 0},
		{"/", "[::1]x", NULL, 0},
		{"/", "[::g]", NULL, 0},
		{"/",
		 "b\xc3\xbc"
		 "cher.example",
		 NULL, 0},
		{"http://Other.example:81/x", "api.example.com", "other.example", 81},
		{"https://other.example?x=/", "api.example.com", "other.example", 0},
		{"HTTP://other.example", "api.example.com", "other.example", 0},
		{"http://user@other.example/", "api.example.com", NULL, 0},
		{"http:///x", "api.example.com", NULL, 0},
		{"ws://other.example/", "api.example.com", NULL, 0},
		{"ftp://other.example/", "api.example.com", NULL, 0},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		char wire[512], host[256] = "untouched";
		uint16_t port = 7;
		struct http_parser *parser = http_parser_new(HTTP_REQUEST, 8192);
		const uint8_t *data;
		size_t used, len;

		snprintf(wire, sizeof(wire), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", CASES[i].target,
			 CASES[i].host_field);
		/* The framer may refuse an odd target before we look at it. */
		if (http_feed(parser, (const uint8_t *)wire, strlen(wire), &used, &data, &len) ==
		    HTTP_HEAD) {
			int r = header_host(http_head(parser), host, &port);

			cr_assert_eq(r, CASES[i].host ? 0 : -1, "case %zu", i);
			cr_assert_str_eq(host, CASES[i].host ? CASES[i].host : "untouched",
					 "case %zu: %s", i, host);
			cr_assert_eq(port, CASES[i].host ? CASES[i].port : 7u, "case %zu", i);
		} else {
			cr_assert_null(CASES[i].host, "case %zu", i);
		}
		http_parser_free(parser);
	}
}

Test(headers, host_of_connect_and_of_none)
{
	struct parsed p = parse("CONNECT api.example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n");
	char host[256];
	uint16_t port;

	cr_assert_eq(header_host(p.head, host, &port), 0);
	cr_assert_str_eq(host, "api.example.com");
	cr_assert_eq(port, 443);
	http_parser_free(p.parser);
	p = parse("GET / HTTP/1.0\r\n\r\n");
	cr_assert_eq(header_host(p.head, host, &port), -1);
	http_parser_free(p.parser);
}

Test(headers, host_length)
{
	char name[300], host[256];
	uint16_t port;

	memset(name, 'a', sizeof(name));
	cr_assert_eq(header_authority(name, 255, host, &port), 0);
	cr_assert_eq(strlen(host), 255u);
	cr_assert_eq(header_authority(name, 256, host, &port), -1);
}
