/* SPDX-License-Identifier: Apache-2.0 */
/* What a request says is decoded and scanned: when all of it has come, or some of it while the rest still does. */
#include "../mask/jstr.h"
#include "exchange_parts.h"
#include "headers.h"

#define DECODED_AT_ONCE 8 /* times scan_apart */
#define AHEAD_STEPS 4	  /* of scan_apart: so much more of a body is worth a look */

bool request_line(const struct buf *body, size_t *at, const uint8_t **line, size_t *len)
{
	const uint8_t *p, *lf;
	size_t left = buf_len(body) - *at;

	if (left == 0)
		return false;
	p = buf_bytes(body) + *at;
	lf = memchr(p, '\n', left);
	*len = lf ? (size_t)(lf - p) : left;
	*line = p;
	*at += *len + (lf != NULL);
	return true;
}

static bool is_json(const uint8_t *p, size_t n)
{
	struct jstr s = {.pos = 0};
	struct jstr_token t;

	do {
		if (jstr_next(&s, p, n, true, &t) != 1)
			return false;
	} while (t.kind != JSTR_END);
	return true;
}

/* Well-formed UTF-8 (RFC 3629 section 4) without NUL. */
static size_t utf8_length(const uint8_t *p, size_t n)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t len;

	if (*p < 0x80)
		return *p != 0;
	len = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	if (*p < 0xc2 || *p > 0xf4 || len > n)
		return 0;
	if (*p == 0xe0)
		low = 0xa0;
	else if (*p == 0xed)
		high = 0x9f;
	else if (*p == 0xf0)
		low = 0x90;
	else if (*p == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < len; i++) {
		if (p[i] < low || p[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return len;
}

static bool is_utf8(const uint8_t *p, size_t n)
{
	while (n) {
		size_t len = utf8_length(p, n);

		if (!len)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

static int binary_allowed(struct exchange *x, enum body_kind *kind)
{
	*kind = BODY_OPAQUE;
	return x->config.allow_binary ? NOT_REFUSED : REFUSAL_BINARY;
}

/* No type, or one that says nothing about text: the bytes decide. */
static int kind_by_bytes(struct exchange *x, const uint8_t *p, size_t n, enum body_kind *kind)
{
	if (is_json(p, n))
		*kind = BODY_JSON;
	else if (is_utf8(p, n))
		*kind = BODY_TEXT;
	else
		return binary_allowed(x, kind);
	return NOT_REFUSED;
}

static int kind_of_body(struct exchange *x, const uint8_t *p, size_t n, char boundary[static 71],
			enum body_kind *kind)
{
	const struct http_field *type = http_find(http_head(x->client), "content-type");

	*kind = BODY_OPAQUE;
	if (n == 0)
		return NOT_REFUSED;
	if (media_is_json_lines(type)) {
		*kind = BODY_JSON_LINES;
	} else if (media_is_json(type)) {
		*kind = BODY_JSON;
	} else if (media_is_form(type)) {
		*kind = BODY_FORM;
	} else if (media_is_multipart(type, boundary)) {
		*kind = BODY_MULTIPART;
	} else if (media_is_text(type)) {
		*kind = BODY_TEXT;
		/* UTF-16 would hide everything from a reader of bytes. */
		if (memchr(p, 0, n))
			return binary_allowed(x, kind);
	} else {
		return kind_by_bytes(x, p, n, kind);
	}
	return NOT_REFUSED;
}

static bool is_typed_json(const struct exchange *x)
{
	return media_is_json(http_find(http_head(x->client), "content-type"));
}

enum schema request_schema(const struct exchange *x)
{
	const char *query = memchr(x->request.path, '?', x->request.path_len);
	size_t len = query ? (size_t)(query - x->request.path) : x->request.path_len;

	return is_typed_json(x) ? schema_of_request((const uint8_t *)x->request.path, len)
				: SCHEMA_NONE;
}

static bool is_blank_line(const uint8_t *p, size_t n)
{
	while (n && (*p == ' ' || *p == '\t' || *p == '\r')) {
		p++;
		n--;
	}
	return n == 0;
}

/* Each line is a document of its own; json-seq (RFC 7464) has a record separator before it. */
static enum mask_error scan_lines(struct exchange *x, const struct buf *body)
{
	enum mask_error e = MASK_OK;
	const uint8_t *line;
	unsigned part = PART_BODY;
	size_t at = 0, len;

	for (; e == MASK_OK && request_line(body, &at, &line, &len); part++) {
		if (len && *line == 0x1e) {
			line++;
			len--;
		}
		if (!is_blank_line(line, len))
			e = mask_scan_json(x->mask, part, line, len, SCHEMA_NONE);
	}
	return e;
}

/* `whole`: all of it has come. */
static enum mask_error scan_json(struct exchange *x, const struct buf *body, bool whole)
{
	struct scanning *s = &x->request.scanning;
	enum mask_error e = MASK_OK;

	if (!s->begun)
		e = mask_json_begin(x->mask, PART_BODY, request_schema(x));
	s->begun = true;
	if (e == MASK_OK)
		e = mask_json_more(x->mask, buf_bytes(body), buf_len(body), whole);
	return e;
}

static enum mask_error scan_body(struct exchange *x, const struct buf *body, const char *boundary,
				 bool whole)
{
	const uint8_t *p = buf_bytes(body);
	size_t n = buf_len(body);

	switch (x->request.kind) {
	case BODY_JSON:
		return scan_json(x, body, whole);
	case BODY_JSON_LINES:
		return scan_lines(x, body);
	case BODY_FORM:
		return mask_scan_query(x->mask, PART_BODY, p, n);
	case BODY_MULTIPART:
		if (!*boundary)
			return MASK_NOT_MULTIPART;
		return mask_scan_multipart(x->mask, PART_BODY, p, n, boundary,
					   x->config.allow_binary);
	case BODY_TEXT:
		return mask_scan_text(x->mask, PART_BODY, p, n);
	default:
		return MASK_OK;
	}
}

static enum mask_error scan_head(struct exchange *x)
{
	const struct http_head *h = http_head(x->client);
	enum mask_error e = mask_scan_query(x->mask, PART_TARGET, (const uint8_t *)x->request.path,
					    x->request.path_len);

	for (size_t i = 0; e == MASK_OK && i < h->field_count; i++) {
		const struct http_field *f = &h->fields[i];

		if (f->value_len && header_class(h, f) == HEADER_VALUE)
			e = mask_scan_text(x->mask, PART_FIELDS + (unsigned)i,
					   (const uint8_t *)f->value, f->value_len);
	}
	return e;
}

static int refusal_of(enum mask_error e)
{
	switch (e) {
	case MASK_OK:
		return NOT_REFUSED;
	case MASK_NOT_JSON:
		return REFUSAL_NOT_JSON;
	case MASK_NOT_MULTIPART:
		return REFUSAL_NOT_MULTIPART;
	case MASK_BINARY_PART:
		return REFUSAL_BINARY;
	case MASK_MATCH_LIMIT:
		return REFUSAL_MATCH_LIMIT;
	case MASK_TOO_NEW:
		return NOT_SCANNED;
	default:
		return REFUSAL_BODY_TOO_LARGE;
	}
}

/* A coded stream has to come to its own end, or somebody else may read on where we did not. */
static int request_decode(struct request *r)
{
	if (!r->coded || !buf_len(&r->body) || buf_len(&r->plain) ||
	    !inflate_all(r->coding, buf_bytes(&r->body), buf_len(&r->body), &r->plain))
		return NOT_REFUSED;
	return buf_len(&r->plain) == r->plain.max ? REFUSAL_BODY_TOO_LARGE : REFUSAL_CODING;
}

/* A coded body may grow a great deal: it is decoded at once as far as that takes no time. */
size_t request_scan_size(struct exchange *x)
{
	struct request *r = &x->request;
	size_t max = r->plain.max, most = x->config.scan_apart * DECODED_AT_ONCE;
	int why;

	if (!r->coded)
		return buf_len(&r->body);
	if (buf_len(&r->body) > most / 2)
		return EXCHANGE_SCAN_MUCH;
	r->plain.max = most < max ? most : max;
	why = request_decode(r);
	r->plain.max = max;
	if (why == NOT_REFUSED)
		return buf_len(&r->plain);
	buf_free(&r->plain);
	return EXCHANGE_SCAN_MUCH;
}

/* What is known by now may be more than was looked for. */
static int scan_learned(struct exchange *x)
{
	int why = refusal_of(mask_learn(x->mask));

	x->request.scanning.begun = false;
	if (why == NOT_REFUSED && mask_counts(x->mask)->blocked)
		why = REFUSAL_BLOCKED;
	return why;
}

static int scan_parts(struct exchange *x, bool whole)
{
	const struct buf *body = request_text(x);
	char boundary[71];
	int why;

	why = request_decode(&x->request);
	if (why == NOT_REFUSED && !x->request.scanning.begun)
		why = refusal_of(scan_head(x));
	if (why == NOT_REFUSED)
		why = kind_of_body(x, buf_bytes(body), buf_len(body), boundary, &x->request.kind);
	if (why == NOT_REFUSED)
		why = refusal_of(scan_body(x, body, boundary, whole));
	return why == NOT_REFUSED && whole ? scan_learned(x) : why;
}

static int scan_by_memory(struct exchange *x, bool whole)
{
	struct memo_source *s = x->config.memos;
	struct memo *memo = s ? s->take(s, x->scope) : NULL;
	uint64_t before = memo ? memo_stats(memo)->recalled_bytes : 0;
	int why;

	mask_remember(x->mask, memo);
	why = scan_parts(x, whole);
	mask_remember(x->mask, NULL);
	if (!memo)
		return why;
	x->request.scanning.recalled += memo_stats(memo)->recalled_bytes - before;
	x->request.familiar = x->request.scanning.recalled > buf_len(request_text(x)) / 2;
	s->done(s, memo);
	return why;
}

/* Go on, if nothing else holds now than before; else begin. */
static void scan_begin(struct exchange *x, const struct mask_policy *policy)
{
	struct scanning *s = &x->request.scanning;
	bool again = s->begun;

	if (again) {
		mask_know(x->mask, x->scope);
		s->begun = mask_known(x->mask) == s->known && policy_same(policy, &s->policy);
	}
	if (!s->begun) {
		mask_reset(x->mask);
		mask_know(x->mask, x->scope);
		*s = (struct scanning){
			.waits = again, .known = mask_known(x->mask), .policy = *policy};
	}
	mask_follow(x->mask, policy);
}

/* A step. NOT_SCANNED: there is more to do, but more of it is new than may be read. */
static int scan(struct exchange *x, size_t most, bool whole)
{
	struct policy_source *s = x->config.policies;
	const struct mask_policy *policy =
		s ? s->take(s, x->host[0] ? x->host : x->origin_name) : &policy_default;
	int why;

	scan_begin(x, policy);
	mask_read_most(x->mask, most);
	why = scan_by_memory(x, whole);
	/* A client may take his time for the rest. */
	mask_unknow(x->mask);
	mask_follow(x->mask, &policy_default);
	if (s)
		s->done(s, policy);
	return why;
}

bool request_is_scanned(const struct exchange *x, size_t but)
{
	const struct scanning *s = &x->request.scanning;
	size_t len = buf_len(&x->request.body);

	return s->begun && len <= but * DECODED_AT_ONCE && len - mask_json_done(x->mask) <= but;
}

static bool comes_as_json(const struct exchange *x)
{
	const struct http_field *type = http_find(http_head(x->client), "content-type");

	return x->request.coding == CODING_IDENTITY && media_is_json(type) &&
	       !media_is_json_lines(type);
}

bool request_scan_ahead(struct exchange *x, size_t most)
{
	struct scanning *s = &x->request.scanning;
	size_t len = buf_len(&x->request.body), done = s->begun ? mask_json_done(x->mask) : 0;
	int why;

	if (s->waits || len <= s->there || len - s->there < x->config.scan_apart / AHEAD_STEPS ||
	    !comes_as_json(x))
		return false;
	why = scan(x, most, false);
	if (why == NOT_SCANNED && s->begun && mask_json_done(x->mask) > done)
		return true;
	s->there = len;
	if (why == NOT_REFUSED || why == NOT_SCANNED)
		return false;
	/* In the end it is found once more, and said. */
	s->waits = true;
	s->begun = false;
	return false;
}

int request_scan(struct exchange *x, size_t most)
{
	int why;

	if (x->config.observe && x->request.coding == CODING_UNKNOWN) {
		x->facts.unmaskable =
			request_has_body(http_head(x->client)) ? REFUSAL_CODING : NOT_REFUSED;
		return NOT_REFUSED;
	}
	why = scan(x, most, true);
	if (why == NOT_SCANNED)
		return why;
	mask_counts_copy(&x->facts.masked, mask_counts(x->mask));
	if (!x->config.observe)
		return why;
	/* Who only observes is in nobody's way. */
	x->facts.unmaskable = why;
	return NOT_REFUSED;
}
