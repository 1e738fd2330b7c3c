/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange_parts.h"

#include <stdlib.h>

/* A masked body is at most so many times as large as it came. */
#define GROWTH 4
#define ROOM_MIN ((size_t)64 * 1024)

static const struct {
	const char *word, *type, *text;
	unsigned status;
} REFUSALS[REFUSAL_COUNT] = {
#define X(name, word, status, type, text) {word, type, text, status},
	EXCHANGE_REFUSALS(X)
#undef X
};

const char *refusal_word(enum refusal r)
{
	return REFUSALS[r].word;
}

static const char *status_reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} REASONS[] = {
		{400, "Bad Request"},
		{408, "Request Timeout"},
		{413, "Content Too Large"},
		{421, "Misdirected Request"},
		{431, "Request Header Fields Too Large"},
		{502, "Bad Gateway"},
		{504, "Gateway Timeout"},
		{529, "Overloaded"},
	};

	for (size_t i = 0; i < sizeof(REASONS) / sizeof(*REASONS); i++) {
		if (REASONS[i].status == status)
			return REASONS[i].reason;
	}
	return "Error";
}

/* Sum of sizes that stays at the greatest number instead of turning over. */
static size_t ceiling(const struct exchange_config *c)
{
	size_t bodies = c->body_max > SIZE_MAX / (2 * GROWTH) ? SIZE_MAX / 2 : c->body_max * GROWTH;
	size_t rest = c->out_max > SIZE_MAX / 8 ? SIZE_MAX / 8 : c->out_max;

	return bodies + rest + 4 * c->head_max;
}

static struct mask *exchange_mask(const struct exchange_config *c)
{
	size_t memory = c->body_max > SIZE_MAX / 4 ? SIZE_MAX / 2 : c->body_max * 2;

	return mask_new(c->catalogue, memory + 1024 * 1024);
}

struct exchange *exchange_new(const struct exchange_config *config, struct vault_scope *scope,
			      const char *host, const char *origin_name)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (!x || (host && strlen(host) >= sizeof(x->host)) ||
	    (origin_name && strlen(origin_name) >= sizeof(x->origin_name))) {
		free(x);
		return NULL;
	}
	x->config = *config;
	x->scope = scope;
	if (host)
		strcpy(x->host, host);
	if (origin_name)
		strcpy(x->origin_name, origin_name);
	x->facts.refusal = x->facts.unmaskable = NOT_REFUSED;
	buf_init(&x->to_client, ceiling(config));
	buf_init(&x->to_origin, ceiling(config));
	buf_init(&x->request.body, config->body_max);
	buf_init(&x->request.plain, config->body_max);
	buf_init(&x->outgoing.made, ceiling(config));
	answer_release(x);
	x->client = http_parser_new(HTTP_REQUEST, config->head_max);
	x->mask = exchange_mask(config);
	if (!x->client || !x->mask) {
		exchange_free(x);
		return NULL;
	}
	return x;
}

void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	http_parser_free(x->client);
	http_parser_free(x->origin);
	if (x->mask)
		request_release(x);
	mask_free(x->mask);
	answer_release(x);
	buf_free(&x->to_client);
	buf_free(&x->to_origin);
	free(x);
}

void exchange_keep_absolute(struct exchange *x)
{
	x->keep_absolute = true;
}

void exchange_last(struct exchange *x)
{
	x->last = true;
}

enum exchange_want exchange_want(const struct exchange *x)
{
	static const enum exchange_want WANTS[] = {
		[STATE_READ] = WANT_CLIENT,	[STATE_SCAN] = WANT_SCAN,
		[STATE_RESERVE] = WANT_RESERVE, [STATE_ORIGIN] = WANT_ORIGIN,
		[STATE_CLOSE] = WANT_CLOSE,
	};

	return WANTS[x->state];
}

bool exchange_is_begun(const struct exchange *x)
{
	return x->request.begun;
}

static void exchange_settle(struct exchange *x, enum exchange_state state)
{
	x->state = state;
	request_release(x);
	answer_release(x);
	buf_free(&x->to_origin);
	http_parser_free(x->origin);
	x->origin = NULL;
}

void exchange_next(struct exchange *x, bool keep_alive)
{
	exchange_settle(x, keep_alive && !x->client_gone ? STATE_READ : STATE_CLOSE);
	if (x->state == STATE_CLOSE)
		return;
	http_parser_next(x->client, false, false);
	x->request.begun = x->request.headed = x->request.whole = false;
	x->request.coding = CODING_IDENTITY;
	x->request.kind = BODY_OPAQUE;
}

void exchange_cut(struct exchange *x)
{
	exchange_settle(x, STATE_CLOSE);
}

/* A sentence of the table. */
static int put_sentence(const struct exchange *x, const char *text, struct buf *out)
{
	static const char name[] = "${type}";
	const struct types *types = catalogue_types(x->config.catalogue);
	const char *at = strstr(text, name);

	if (!at)
		return buf_puts(out, text);
	return buf_append(out, text, (size_t)(at - text)) ||
			       buf_puts(out,
					types_info(types, x->facts.masked.blocked_type)->label) ||
			       buf_puts(out, at + sizeof(name) - 1)
		       ? -1
		       : 0;
}

static int put_refusal_body(const struct exchange *x, enum refusal why, struct buf *out)
{
	return buf_puts(out, "{\"type\":\"error\",\"error\":{\"type\":\"") ||
			       buf_puts(out, REFUSALS[why].type) ||
			       buf_puts(out, "\",\"message\":\"") ||
			       put_sentence(x, REFUSALS[why].text, out) || buf_puts(out, "\"}}")
		       ? -1
		       : 0;
}

static int put_refusal(struct exchange *x, enum refusal why, bool close, struct buf *body)
{
	unsigned status = REFUSALS[why].status;
	struct buf *out = &x->to_client;

	if (put_refusal_body(x, why, body) || buf_puts(out, "HTTP/1.1 ") ||
	    put_number(out, status, 10) || buf_puts(out, " ") ||
	    buf_puts(out, status_reason(status)) ||
	    buf_puts(out, "\r\nContent-Type: application/json\r\nContent-Length: ") ||
	    put_number(out, buf_len(body), 10) || buf_puts(out, "\r\n"))
		return -1;
	/* What SDKs for this API look at before they try again. */
	if ((status < 500 && buf_puts(out, "x-should-retry: false\r\n")) ||
	    (status == 529 && buf_puts(out, "retry-after: 5\r\n")))
		return -1;
	if (buf_puts(out, close ? "Connection: close\r\n\r\n"
			  : x->request.headed && http_head(x->client)->minor == 0
				  ? "Connection: keep-alive\r\n\r\n"
				  : "\r\n"))
		return -1;
	if (!strcmp(x->facts.method, "HEAD"))
		return 0;
	x->facts.answer_bytes = buf_len(body);
	return buf_append(out, buf_bytes(body), buf_len(body));
}

void exchange_answer_refusal(struct exchange *x, enum refusal why)
{
	bool stays =
		x->request.whole && http_head(x->client)->keep_alive && !x->client_gone && !x->last;
	size_t before = buf_len(&x->to_client);
	struct buf body;
	int r;

	x->facts.refusal = (int)why;
	x->facts.status = REFUSALS[why].status;
	facts_refused(x);
	buf_init(&body, 4096);
	r = put_refusal(x, why, !stays, &body);
	if (r)
		buf_truncate(&x->to_client, before);
	buf_free(&body);
	exchange_next(x, stays && r == 0);
}

/* The request is complete, scanned and numbered: the origin's turn. */
static void exchange_send(struct exchange *x)
{
	x->origin = http_parser_new(HTTP_RESPONSE, x->config.head_max);
	if (!x->origin || request_build(x)) {
		exchange_answer_refusal(x, REFUSAL_MEMORY);
		return;
	}
	http_parser_next(x->origin, !strcmp(x->facts.method, "HEAD"), false);
	facts_sent(x);
	x->facts.passed_on = true;
	x->state = STATE_ORIGIN;
}

/* False: more than so many bytes of it are new, and it is as before. */
static bool request_judge(struct exchange *x, size_t most)
{
	int why = request_scan(x, most);

	if (why == NOT_SCANNED)
		return false;
	if (why != NOT_REFUSED)
		exchange_answer_refusal(x, (enum refusal)why);
	else if (!x->config.observe && mask_resolve(x->mask, x->scope))
		x->state = STATE_RESERVE;
	else
		exchange_send(x);
	return true;
}

static bool is_large(struct exchange *x)
{
	size_t limit = x->config.scan_apart;

	if (!limit)
		return false;
	x->request.scan_size = request_scan_size(x);
	return x->request.scan_size > limit && !request_is_scanned(x, limit);
}

static void request_ended(struct exchange *x)
{
	x->request.whole = true;
	if (is_large(x))
		x->state = STATE_SCAN;
	else
		request_judge(x, SIZE_MAX);
}

size_t exchange_scan_size(const struct exchange *x)
{
	return x->request.scan_size;
}

bool exchange_scan_ahead(struct exchange *x, size_t most)
{
	return x->state == STATE_READ && x->request.headed && request_scan_ahead(x, most);
}

void exchange_scan(struct exchange *x)
{
	if (x->state == STATE_SCAN)
		request_judge(x, SIZE_MAX);
}

bool exchange_scan_known(struct exchange *x, size_t most)
{
	if (x->state != STATE_SCAN || request_judge(x, most))
		return true;
	x->request.scan_size = EXCHANGE_SCAN_MUCH;
	return false;
}

static void request_event(struct exchange *x, enum http_event e, const uint8_t *data, size_t len)
{
	int why = NOT_REFUSED;

	switch (e) {
	case HTTP_HEAD:
		facts_begin(x, http_head(x->client));
		x->request.headed = true;
		why = request_headed(x);
		break;
	case HTTP_DATA:
		why = request_data(x, data, len);
		break;
	case HTTP_END:
		request_ended(x);
		return;
	case HTTP_ERROR:
		if (!x->request.headed)
			facts_begin(x, NULL);
		why = http_error_too_large(x->client) ? REFUSAL_HEAD_TOO_LARGE : REFUSAL_MALFORMED;
		break;
	default:
		return;
	}
	if (why != NOT_REFUSED)
		exchange_answer_refusal(x, (enum refusal)why);
}

size_t exchange_client_bytes(struct exchange *x, const uint8_t *p, size_t n)
{
	uint64_t served = x->facts.requests - x->request.headed;
	size_t taken = 0;

	/* After a refusal: taken off the client's hands, so that it comes to read the answer. */
	if (x->state == STATE_CLOSE || n == 0)
		return n;
	while (x->state == STATE_READ) {
		const uint8_t *data = NULL;
		size_t used, len = 0;
		enum http_event e = http_feed(x->client, p + taken, n - taken, &used, &data, &len);

		taken += used;
		x->request.begun |= used > 0;
		request_event(x, e, data, len);
		/* One request at a time, also when it was answered on the spot. */
		if (e == HTTP_MORE || (!x->request.headed && x->facts.requests > served))
			break;
	}
	return taken;
}

uint8_t *exchange_body_space(struct exchange *x, size_t *n)
{
	return x->state == STATE_READ && x->request.headed ? request_space(x, n) : NULL;
}

void exchange_client_eof(struct exchange *x)
{
	x->client_gone = true;
	if (x->state == STATE_READ)
		exchange_cut(x);
}

struct vault_entry *exchange_pending(struct exchange *x, size_t *n)
{
	return mask_pending(x->mask, n);
}

void exchange_reserved(struct exchange *x, bool durable)
{
	if (x->state != STATE_RESERVE)
		return;
	if (!durable || mask_resolve(x->mask, x->scope))
		exchange_answer_refusal(x, REFUSAL_VAULT);
	else
		exchange_send(x);
}

static void answer_event(struct exchange *x, enum http_event e, const uint8_t *data, size_t len)
{
	switch (e) {
	case HTTP_HEAD:
		answer_headed(x);
		break;
	case HTTP_DATA:
		answer_data(x, data, len);
		break;
	case HTTP_END:
		answer_ended(x);
		break;
	case HTTP_ERROR:
		answer_broken(x);
		break;
	default:
		break;
	}
}

size_t exchange_origin_bytes(struct exchange *x, const uint8_t *p, size_t n)
{
	size_t taken = 0;

	if (x->state != STATE_ORIGIN || n == 0)
		return 0;
	if (!x->answer.begun) {
		x->answer.begun = true;
		(void)exchange_to_origin(x); /* what has gone is given back */
	}
	while (x->state == STATE_ORIGIN) {
		const uint8_t *data = NULL;
		size_t used, len = 0;
		enum http_event e = http_feed(x->origin, p + taken, n - taken, &used, &data, &len);

		taken += used;
		answer_event(x, e, data, len);
		if (e == HTTP_MORE)
			break;
	}
	/* Something stands behind the answer: nobody asked for it. */
	if (taken < n)
		x->answer.reusable = false;
	return taken;
}

void exchange_origin_eof(struct exchange *x)
{
	if (x->state != STATE_ORIGIN)
		return;
	if (http_feed_eof(x->origin) == HTTP_END)
		answer_ended(x);
	else
		answer_broken(x);
	x->answer.reusable = false;
}

void exchange_refuse(struct exchange *x, enum refusal why)
{
	bool idle = x->state == STATE_READ && !x->request.begun;

	if (x->state == STATE_CLOSE)
		return;
	if (idle || x->answer.headed) {
		exchange_cut(x);
		return;
	}
	if (!x->request.headed)
		facts_begin(x, NULL);
	if (why == REFUSAL_ORIGIN_UNREACHABLE || why == REFUSAL_ORIGIN_UNTRUSTED)
		x->facts.passed_on = false;
	exchange_answer_refusal(x, why);
}

bool exchange_can_retry(const struct exchange *x)
{
	return x->state == STATE_ORIGIN && !x->answer.begun;
}

void exchange_retry(struct exchange *x)
{
	if (exchange_can_retry(x) && request_rewind(x))
		exchange_answer_refusal(x, REFUSAL_MEMORY);
}

bool exchange_origin_reusable(const struct exchange *x)
{
	/* A proxy may know its client by the connection. */
	return x->answer.reusable && !request_is_proxied(x);
}

struct buf *exchange_to_client(struct exchange *x)
{
	return &x->to_client;
}

struct buf *exchange_to_origin(struct exchange *x)
{
	if (!buf_len(&x->to_origin))
		request_put_more(x);
	return &x->to_origin;
}

bool exchange_client_room(const struct exchange *x)
{
	size_t half = x->config.out_max / 2;

	return buf_len(&x->to_client) < (half > ROOM_MIN ? half : ROOM_MIN);
}

const struct exchange_facts *exchange_facts(const struct exchange *x)
{
	return &x->facts;
}
