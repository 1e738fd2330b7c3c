/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_HEADERS_H
#define AWSMASK_HEADERS_H
/* What happens to each header field on its way: passed, dropped, masked, made anew. */
#include "http.h"

/*
 * Field classes, by table. Hop-by-hop (RFC 9110 section 7.6.1): Connection and what it names,
 * Keep-Alive, Proxy-*, TE, Trailer, Transfer-Encoding, Upgrade; also Alt-Svc. Framing: Content-Length. Ours:
 * Accept-Encoding (goes out as identity), Expect. Authentication: Authorization, x-api-key, Cookie
 * ...: passed verbatim, never scanned. Protocol: names whose values are the API's own (Host,
 * Content-Type, User-Agent ..., anthropic-version): passed verbatim. Everything else carries values
 * that may be masked.
 */
enum header_class {
	HEADER_HOP,
	HEADER_FRAMING,
	HEADER_OURS,
	HEADER_AUTH,
	HEADER_PROTOCOL,
	HEADER_VALUE,
};
enum header_class header_class(const struct http_head *h, const struct http_field *f);

/* Does a Content-Type (parameters allowed) mean this? */
bool media_is_json(const struct http_field *content_type); /* application/json, +json */
bool media_is_json_lines(
	const struct http_field *content_type); /* x-ndjson, jsonl, x-jsonl, json-seq */
bool media_is_event_stream(const struct http_field *content_type);
bool media_is_text(
	const struct http_field *content_type); /* text/..., x-www-form-urlencoded is not */
bool media_is_form(const struct http_field *content_type); /* application/x-www-form-urlencoded */
/* multipart/...: true and the boundary (RFC 2046: at most 70 characters), NUL-terminated */
bool media_is_multipart(const struct http_field *content_type, char boundary[static 71]);

/*
 * The host of a request: of an absolute-form target, else of Host (RFC 9112 section 3.2.2), lower
 * case, port and trailing dot cut off (*port: 0 when none). 0, or -1: none, malformed, of a scheme that is not
 * HTTP's, or longer than 255.
 */
__attribute__((warn_unused_result)) int header_host(const struct http_head *h,
						    char host[static 256], uint16_t *port);
/* The same of one authority: "name", "name:port", "[address]:port" (brackets are cut off). */
__attribute__((warn_unused_result)) int header_authority(const char *p, size_t n,
							 char host[static 256], uint16_t *port);
#endif
