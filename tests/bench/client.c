/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include "watch.h"

#include <math.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <zlib.h>

#define TIMEOUT_S 20

/* --- series --- */

void series_add(struct series *s, double value)
{
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 256;
		s->at = realloc(s->at, s->room * sizeof(*s->at));
		if (!s->at)
			abort();
	}
	s->at[s->n++] = value;
}

double series_quantile(struct series *s, double quantile)
{
	if (!s->n)
		return NAN;
	qsort(s->at, s->n, sizeof(*s->at), gen_compare);
	return s->at[(size_t)((double)(s->n - 1) * quantile + 0.5)];
}

void series_move(struct series *to, struct series *from)
{
	for (size_t i = 0; i < from->n; i++)
		series_add(to, from->at[i]);
	free(from->at);
	*from = (struct series){0};
}

/* --- the deck --- */

static void pack(struct buf *out, const struct buf *body)
{
	size_t most = compressBound(buf_len(body)) + 64;
	z_stream z = {.next_in = body->data + body->head, .avail_in = (uInt)buf_len(body)};

	buf_init(out, GEN_LARGE);
	z.next_out = buf_reserve(out, most);
	z.avail_out = (uInt)most;
	if (!z.next_out || deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) ||
	    deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	buf_grew(out, most - z.avail_out);
	deflateEnd(&z);
}

static void put_head(const struct shape *shape, struct card *card)
{
	gen_puts(&card->head, "POST /v1/messages?beta=true HTTP/1.1\r\nhost: " TARGET_HOST "\r\n"
			      "content-type: application/json\r\nanthropic-version: 2023-06-01\r\n"
			      "x-api-key: none\r\nuser-agent: bench\r\n");
	if (shape->gzip)
		gen_puts(&card->head, "content-encoding: gzip\r\n");
	if (shape->gap_us)
		gen_print(&card->head, "x-bench-gap: %u\r\n", shape->gap_us);
	gen_print(&card->head, "content-length: %zu\r\n\r\n", buf_len(&card->wire));
}

static void make_request(const struct client *c, unsigned n, struct card *card)
{
	const struct shape *shape = c->run->shape;
	struct gen_spec spec = shape->spec;
	struct gen_request r;

	spec.seed += (c->run->number << 32) + ((uint64_t)c->index << 16);
	if (!shape->conversation || n < c->first_cards) {
		spec.seed += n;
	} else {
		spec.seed += (n - c->first_cards) / TURNS;
		spec.turns = (n - c->first_cards) % TURNS + 1;
	}
	gen_request(&r, &spec, &c->run->pool);
	if (shape->fresh)
		gen_freshen(&r, (uint32_t)(c->run->number * 64 + c->index), n);
	gen_put(&card->echo, buf_bytes(&r.body) + r.echo_off, r.echo_len);
	card->size = buf_len(&r.body);
	if (shape->gzip)
		pack(&card->wire, &r.body);
	else
		gen_put(&card->wire, buf_bytes(&r.body), buf_len(&r.body));
	put_head(shape, card);
	gen_request_free(&r);
}

/* What is new is asked behind what a conversation begins with; the same again was asked before, all of it. */
static void deal(struct client *c)
{
	unsigned requests = c->run->requests;

	if (c->run->shape->again) {
		c->cards = c->first_cards = AGAIN;
		return;
	}
	c->first_cards = c->run->shape->conversation ? (requests - 1) / TURNS + 1 : 1;
	c->cards = c->first_cards + requests;
	c->from = c->first_cards;
}

static void make_deck(struct client *c)
{
	deal(c);
	c->deck = calloc(c->cards, sizeof(*c->deck));
	if (!c->deck)
		abort();
	for (unsigned i = 0; i < c->cards; i++) {
		if (!c->run->shape->download) {
			make_request(c, i, &c->deck[i]);
			continue;
		}
		c->deck[i].size = c->run->shape->download;
		gen_print(&c->deck[i].head,
			  "GET /download/%zu HTTP/1.1\r\nhost: " OTHER_HOST "\r\n\r\n",
			  i ? c->deck[i].size : 1);
	}
}

/* --- answers --- */

static int on_field(llhttp_t *parser, const char *p, size_t n)
{
	gen_put(&((struct client *)parser->data)->field, p, n);
	return 0;
}

static int on_field_end(llhttp_t *parser)
{
	static const char name[] = "x-bench-leaks";
	struct client *c = parser->data;

	c->reading_leaks = buf_len(&c->field) == sizeof(name) - 1 &&
			   !strncasecmp((const char *)buf_bytes(&c->field), name, sizeof(name) - 1);
	buf_clear(&c->field);
	return 0;
}

static int on_value(llhttp_t *parser, const char *p, size_t n)
{
	struct client *c = parser->data;

	for (size_t i = 0; c->reading_leaks && i < n; i++)
		c->leaks = (c->leaks == SIZE_MAX ? 0 : c->leaks) * 10 + (size_t)(p[i] - '0');
	return 0;
}

static bool is_download(const struct client *c, const char *p, size_t n)
{
	size_t at = c->got - n, from, piece;

	for (; n; p += piece, at += piece, n -= piece) {
		from = at % GEN_DOWNLOAD;
		piece = n < GEN_DOWNLOAD - from ? n : GEN_DOWNLOAD - from;
		if (memcmp(p, c->run->download + from, piece) != 0)
			return false;
	}
	return true;
}

static int on_body(llhttp_t *parser, const char *p, size_t n)
{
	struct client *c = parser->data;

	if (!c->got)
		c->first = watch_now();
	c->got += n;
	if (!c->run->shape->download)
		gen_put(&c->body, p, n);
	else if (!is_download(c, p, n))
		c->trouble = "what was downloaded is not what was sent";
	return 0;
}

static int on_complete(llhttp_t *parser)
{
	((struct client *)parser->data)->done = true;
	return 0;
}

static const llhttp_settings_t settings = {
	.on_header_field = on_field,
	.on_header_field_complete = on_field_end,
	.on_header_value = on_value,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

/* How old the events are that have just come. */
static void read_stamps(struct client *c, double now)
{
	const uint8_t *begin = buf_bytes(&c->body), *end = begin + buf_len(&c->body), *p;

	while ((p = memchr(begin + c->stamps_at, GEN_STAMP,
			   (size_t)(end - begin) - c->stamps_at)) &&
	       end - p >= GEN_STAMP_SIZE) {
		series_add(&c->delay, now - (double)strtoull((const char *)p + 1, NULL, 16) / 1e9);
		c->stamps_at = (size_t)(p - begin) + GEN_STAMP_SIZE;
	}
}

/* What is wrong with the answer; NULL: nothing. */
static const char *check_answer(struct client *c, const struct card *card)
{
	if (c->parser.status_code != 200) {
		fprintf(stderr, "answered %u: %.*s\n", c->parser.status_code,
			(int)(buf_len(&c->body) < 400 ? buf_len(&c->body) : 400),
			(const char *)buf_bytes(&c->body));
		return "the answer's status is not 200";
	}
	if (c->run->shape->download)
		return c->trouble;
	buf_clear(&c->said);
	gen_said(&c->said, buf_bytes(&c->body), buf_len(&c->body));
	if (buf_len(&c->said) != buf_len(&card->echo) ||
	    memcmp(buf_bytes(&c->said), buf_bytes(&card->echo), buf_len(&c->said)) != 0)
		c->wrong_echoes++;
	return c->leaks == SIZE_MAX ? "the origin does not say what it saw" : NULL;
}

static const char *read_answer(struct client *c, const struct card *card)
{
	char bytes[65536];

	buf_clear(&c->body);
	c->done = false;
	c->leaks = SIZE_MAX;
	c->got = c->stamps_at = 0;
	llhttp_init(&c->parser, HTTP_RESPONSE, &settings);
	c->parser.data = c;
	while (!c->done) {
		int n = SSL_read(c->ssl, bytes, sizeof(bytes));
		double now = watch_now();

		if (n <= 0)
			return "the connection was closed, or silent, within an answer";
		if (llhttp_execute(&c->parser, bytes, (size_t)n) != HPE_OK)
			return "the answer is not HTTP";
		if (c->run->shape->gap_us)
			read_stamps(c, now);
	}
	return check_answer(c, card);
}

/* --- connections --- */

static void hang_up(struct client *c)
{
	if (!c->ssl)
		return;
	SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	close(c->fd);
	c->ssl = NULL;
}

static const char *dial(struct client *c)
{
	const char *host = c->run->shape->download ? OTHER_HOST : TARGET_HOST;
	struct timeval timeout = {TIMEOUT_S, 0};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->ssl = SSL_new(c->run->tls);
	if (!c->ssl)
		abort();
	SSL_set_fd(c->ssl, c->fd);
	SSL_set_tlsext_host_name(c->ssl, host);
	SSL_set1_host(c->ssl, host);
	if (connect(c->fd, (struct sockaddr *)&c->run->address, sizeof(c->run->address)) < 0)
		return "the connection was refused";
	return SSL_connect(c->ssl) == 1 ? NULL : "the TLS handshake failed";
}

static const char *send_all(struct client *c, const struct buf *b)
{
	int n = (int)buf_len(b);

	return !n || SSL_write(c->ssl, buf_bytes(b), n) == n ? NULL
							     : "the request could not be sent";
}

static const char *ask(struct client *c, const struct card *card)
{
	const char *trouble;

	c->asked = watch_now();
	trouble = c->ssl ? NULL : dial(c);
	if (!trouble)
		trouble = send_all(c, &card->head);
	if (!trouble)
		trouble = send_all(c, &card->wire);
	if (!trouble)
		trouble = read_answer(c, card);
	if (c->run->shape->reconnect)
		hang_up(c);
	return trouble;
}

static void keep(struct client *c, const struct card *card)
{
	series_add(&c->latency, watch_now() - c->asked);
	series_add(&c->first_event, c->first - c->asked);
	c->bytes += card->size;
	c->seen += c->run->shape->download ? 0 : c->leaks;
}

static void ask_first(struct client *c)
{
	for (unsigned i = 0; !c->trouble && i < c->first_cards; i++)
		c->trouble = ask(c, &c->deck[i]);
	c->delay.n = 0;
}

void *client_thread(void *client)
{
	struct client *c = client;
	size_t limit, n = 0;
	double end;

	make_deck(c);
	ask_first(c);
	pthread_barrier_wait(&c->run->ready);
	pthread_barrier_wait(&c->run->start);
	end = watch_now() + c->run->most_s;
	limit = c->run->times ? (size_t)c->run->times * c->run->requests : SIZE_MAX;
	for (unsigned i = c->from; !c->trouble && n < limit && watch_now() < end; n++) {
		c->trouble = ask(c, &c->deck[i]);
		if (!c->trouble)
			keep(c, &c->deck[i]);
		i = i + 1 == c->cards ? c->from : i + 1;
	}
	hang_up(c);
	return NULL;
}

void client_free(struct client *c)
{
	for (unsigned i = 0; c->deck && i < c->cards; i++) {
		buf_free(&c->deck[i].head);
		buf_free(&c->deck[i].wire);
		buf_free(&c->deck[i].echo);
	}
	buf_free(&c->body);
	buf_free(&c->said);
	buf_free(&c->field);
	free(c->deck);
	free(c->latency.at);
	free(c->first_event.at);
	free(c->delay.at);
}
