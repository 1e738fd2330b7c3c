/* SPDX-License-Identifier: Apache-2.0 */
#include "http_head.h"

#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS_MAX 18 /* below 2^63 */

bool http_is_tchar(unsigned char c)
{
	static const bool others[128] = {
		['!'] = true, ['#'] = true, ['$'] = true,  ['%'] = true, ['&'] = true,
		['*'] = true, ['+'] = true, ['-'] = true,  ['.'] = true, ['^'] = true,
		['_'] = true, ['`'] = true, ['\''] = true, ['|'] = true, ['~'] = true,
	};

	return (unsigned)((c | 0x20) - 'a') < 26 || (unsigned)(c - '0') < 10 ||
	       (c < 128 && others[c]);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* VCHAR, obs-text, blanks: what a field value or a reason may hold (RFC 9110 section 5.5). */
static bool is_text(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool is_token(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!http_is_tchar((unsigned char)p[i]))
			return false;
	}
	return len > 0;
}

static bool is_called(const struct http_field *f, const char *name, size_t len)
{
	/* Length and first letter, in either case, tell most of them apart. */
	return f->name_len == len && !((*f->name ^ *name) & ~0x20) &&
	       !strncasecmp(f->name, name, len);
}

const struct http_field *http_find_name(const struct http_head *h, const char *name, size_t len)
{
	for (size_t i = 0; i < h->field_count; i++)
		if (is_called(&h->fields[i], name, len))
			return &h->fields[i];
	return NULL;
}

size_t http_count(const struct http_head *h, const char *name)
{
	size_t n = 0, len = strlen(name);

	for (size_t i = 0; i < h->field_count; i++)
		n += is_called(&h->fields[i], name, len);
	return n;
}

static bool has_token(const struct http_field *f, const char *token)
{
	size_t at = 0;

	while (at < f->value_len) {
		const char *p = f->value + at, *comma = memchr(p, ',', f->value_len - at);
		size_t n = comma ? (size_t)(comma - p) : f->value_len - at;

		at += n + 1;
		while (n && is_blank(*p)) {
			p++;
			n--;
		}
		while (n && is_blank(p[n - 1]))
			n--;
		if (http_is_word(p, n, token))
			return true;
	}
	return false;
}

bool http_find_token(const struct http_head *h, const char *name, const char *token)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < h->field_count; i++)
		if (is_called(&h->fields[i], name, len) && has_token(&h->fields[i], token))
			return true;
	return false;
}

/* "HTTP/1.0" or "HTTP/1.1": nothing else is framed as RFC 9112 says. */
static bool head_version(struct http_head *h, const char *p, size_t len)
{
	if (len != 8 || memcmp(p, "HTTP/1.", 7) || (p[7] != '0' && p[7] != '1'))
		return false;
	h->minor = (unsigned)(p[7] - '0');
	return true;
}

/* method SP request-target SP HTTP-version (RFC 9112 section 3), and never more blanks than these.
 */
static const char *head_request_line(struct http_head *h, const char *p, size_t len)
{
	const char *space = memchr(p, ' ', len), *second;

	if (!space)
		return "the request line has no target";
	h->method = p;
	h->method_len = (size_t)(space - p);
	h->target = space + 1;
	second = memchr(h->target, ' ', len - h->method_len - 1);
	if (!second)
		return "the request line has no version";
	h->target_len = (size_t)(second - h->target);
	if (!is_token(h->method, h->method_len))
		return "the method is not a token";
	if (h->target_len == 0)
		return "the request target is empty";
	for (size_t i = 0; i < h->target_len; i++) {
		if (h->target[i] <= 0x20 || h->target[i] >= 0x7f || h->target[i] == '#')
			return "the request target holds a byte that has to be percent-encoded";
	}
	if (!head_version(h, second + 1, len - h->method_len - h->target_len - 2))
		return "the version is neither HTTP/1.0 nor HTTP/1.1";
	return NULL;
}

/* HTTP-version SP status-code SP [reason] (RFC 9112 section 4); the last space is often left out.
 */
static const char *head_status_line(struct http_head *h, const char *p, size_t len)
{
	if (len < 12 || !head_version(h, p, 8) || p[8] != ' ')
		return "the status line is malformed";
	h->status = 0;
	for (unsigned i = 9; i < 12; i++) {
		if (p[i] < '0' || p[i] > '9')
			return "the status is not a number";
		h->status = h->status * 10 + (unsigned)(p[i] - '0');
	}
	if (h->status < 100 || (len > 12 && p[12] != ' '))
		return "the status is not a three-digit number";
	h->reason = len > 13 ? p + 13 : p + len;
	h->reason_len = len > 13 ? len - 13 : 0;
	return is_text(h->reason, h->reason_len) ? NULL
						 : "the reason phrase holds a control character";
}

static const char *head_field(struct http_field *f, const char *p, size_t len)
{
	const char *colon = memchr(p, ':', len);

	/* RFC 9112 section 2.2 for the first field, section 5.2 for the others */
	if (is_blank(*p))
		return "a field line begins with white space";
	if (!colon)
		return "a field line has no colon";
	f->name = p;
	f->name_len = (size_t)(colon - p);
	/* RFC 9112 section 5.1: white space before the colon would be part of the name here. */
	if (!is_token(f->name, f->name_len))
		return "a field name is not a token";
	f->value = colon + 1;
	f->value_len = len - f->name_len - 1;
	while (f->value_len && is_blank(*f->value)) {
		f->value++;
		f->value_len--;
	}
	while (f->value_len && is_blank(f->value[f->value_len - 1]))
		f->value_len--;
	return is_text(f->value, f->value_len) ? NULL : "a field value holds a control character";
}

/* RFC 9110 section 8.6: digits, once. A list of equal numbers may be refused, and is. */
static const char *head_length(struct http_head *h, const struct http_field *f)
{
	if (http_count(h, "content-length") > 1)
		return "Content-Length occurs more than once";
	if (f->value_len == 0 || f->value_len > LENGTH_DIGITS_MAX)
		return "Content-Length is not a number in range";
	h->content_length = 0;
	for (size_t i = 0; i < f->value_len; i++) {
		if (f->value[i] < '0' || f->value[i] > '9')
			return "Content-Length is not a number";
		h->content_length = h->content_length * 10 + (uint64_t)(f->value[i] - '0');
	}
	h->body = HTTP_BODY_LENGTH;
	return NULL;
}

/* RFC 9112 section 6.1: chunked, once and alone, and never of an HTTP/1.0 peer. */
static const char *head_coding(struct http_head *h, const struct http_field *f)
{
	if (http_count(h, "transfer-encoding") > 1)
		return "Transfer-Encoding occurs more than once";
	if (!http_is_word(f->value, f->value_len, "chunked"))
		return "Transfer-Encoding is not chunked alone";
	if (h->minor == 0)
		return "an HTTP/1.0 message has a Transfer-Encoding";
	if (h->body == HTTP_BODY_LENGTH)
		return "Content-Length and Transfer-Encoding are both there";
	h->body = HTTP_BODY_CHUNKED;
	return NULL;
}

/* RFC 9112 section 6.3, with every choice it leaves decided for refusal. */
static const char *head_framing(struct http_head *h, bool no_body)
{
	const struct http_field *length = http_find(h, "content-length");
	const struct http_field *coding = http_find(h, "transfer-encoding");
	const char *why = NULL;

	h->body = h->kind == HTTP_REQUEST ? HTTP_BODY_NONE : HTTP_BODY_UNTIL_CLOSE;
	if (length)
		why = head_length(h, length);
	if (!why && coding)
		why = head_coding(h, coding);
	if (why)
		return why;
	if (h->kind == HTTP_RESPONSE) {
		if (no_body || h->status < 200 || h->status == 204 || h->status == 304)
			h->body = HTTP_BODY_NONE;
		return NULL;
	}
	/* RFC 9110 section 9.3.6: content of a CONNECT has no meaning, so nobody agrees on it. */
	if (http_is_word(h->method, h->method_len, "CONNECT") &&
	    (coding || (length && h->content_length)))
		return "a CONNECT has a body";
	return NULL;
}

/* RFC 9112 section 3.2 */
static const char *head_host(const struct http_head *h)
{
	size_t n = http_count(h, "host");

	if (h->kind == HTTP_RESPONSE)
		return NULL;
	if (n > 1)
		return "Host occurs more than once";
	return n == 0 && h->minor == 1 ? "Host is missing" : NULL;
}

static void head_connection(struct http_head *h)
{
	bool close = http_find_token(h, "connection", "close");
	bool keep = http_find_token(h, "connection", "keep-alive");

	h->keep_alive = !close && (h->minor == 1 || keep);
	h->upgrade = http_find(h, "upgrade") && http_find_token(h, "connection", "upgrade");
	h->expect_continue = h->kind == HTTP_REQUEST && h->minor == 1 &&
			     http_find_token(h, "expect", "100-continue");
}

const char *http_head_parse(struct http_head *h, enum http_kind kind, const char *p, size_t len,
			    bool no_body)
{
	const char *end = p + len - 2, *eol = memchr(p, '\r', len), *why;

	h->kind = kind;
	h->field_count = 0;
	h->content_length = 0;
	why = kind == HTTP_REQUEST ? head_request_line(h, p, (size_t)(eol - p))
				   : head_status_line(h, p, (size_t)(eol - p));
	for (p = eol + 2; !why && p < end; p = eol + 2) {
		eol = memchr(p, '\r', (size_t)(end - p) + 1);
		if (h->field_count == HTTP_FIELDS_MAX)
			return "the head has too many fields";
		why = head_field(&h->fields[h->field_count++], p, (size_t)(eol - p));
	}
	if (!why)
		why = head_framing(h, no_body);
	if (!why)
		why = head_host(h);
	if (!why)
		head_connection(h);
	return why;
}
