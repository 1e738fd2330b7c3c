/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: what the client reads. */
#include "exchange_rig.h"

/*
 * The answer, fed in pieces of every size and cut in two at every byte, then perhaps ended: the
 * client always reads this status and body.
 */
static void check_pieces(const char *request, const struct buf *wire, bool eof, unsigned status,
			 const char *body)
{
	size_t n = buf_len(wire);

	for (size_t i = 0; i <= 2 * n; i++) {
		struct rig r;
		struct message m;
		size_t cut = i > n ? i - n : 0;

		answer_begin(&r, request);
		r.step = cut ? 0 : i;
		rig_origin(&r, buf_bytes(wire), cut);
		cr_assert_eq(rig_origin(&r, buf_bytes(wire) + cut, n - cut), n - cut);
		if (eof) {
			exchange_origin_eof(r.x);
			cr_assert_not(exchange_origin_reusable(r.x));
			rig_pump(&r);
		}
		cr_assert_neq(exchange_want(r.x), WANT_ORIGIN, "round %zu", i);
		message_read(&m, HTTP_RESPONSE, &r.got, 0, !strncmp(request, "HEAD", 4));
		cr_assert(m.whole && m.used == buf_len(&r.got), "round %zu: %.*s", i,
			  (int)buf_len(&r.got), (const char *)buf_bytes(&r.got));
		cr_assert_eq(m.status, status);
		cr_assert(body_is(&m, body, strlen(body)), "round %zu: %.*s", i,
			  (int)buf_len(&r.got), (const char *)buf_bytes(&r.got));
		message_free(&m);
		rig_end(&r);
	}
}

static struct buf text_of(const char *text)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	cr_assert_eq(buf_puts(&b, text), 0);
	return b;
}

static struct buf chunked_of(const char *head, const char *body, size_t size)
{
	struct buf b = text_of(head);
	size_t n = strlen(body);

	for (size_t at = 0; at < n; at += size) {
		char line[32];
		size_t some = n - at < size ? n - at : size;

		snprintf(line, sizeof(line), "%zX\r\n", some);
		cr_assert(!buf_puts(&b, line) && !buf_append(&b, body + at, some) &&
			  !buf_puts(&b, "\r\n"));
	}
	cr_assert_eq(buf_puts(&b, "0\r\nX-Trailer: 1\r\n\r\n"), 0);
	return b;
}

#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n"
#define JSON_BODY "{\"content\":[{\"type\":\"text\",\"text\":\"is " PLACEHOLDER " up?\"}]}"
#define JSON_RESTORED "{\"content\":[{\"type\":\"text\",\"text\":\"is " VALUE " up?\"}]}"

Test(exchange_answer, json)
{
	struct buf wire = message_of(JSON_HEAD, JSON_BODY, strlen(JSON_BODY));

	check_pieces(ASK, &wire, false, 200, JSON_RESTORED);
	check_pieces(ASK10, &wire, false, 200, JSON_RESTORED);
	buf_free(&wire);
	wire = chunked_of("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			  "Transfer-Encoding: chunked\r\n\r\n",
			  JSON_BODY, 9);
	check_pieces(ASK, &wire, false, 200, JSON_RESTORED);
	buf_free(&wire);
	wire = text_of("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" JSON_BODY);
	check_pieces(ASK, &wire, true, 200, JSON_RESTORED);
	buf_free(&wire);
}

Test(exchange_answer, errors_are_restored_too)
{
	struct buf wire =
		message_of("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
			   "Content-Length: %zu\r\n\r\n",
			   JSON_BODY, strlen(JSON_BODY));

	check_pieces(ASK, &wire, false, 400, JSON_RESTORED);
	buf_free(&wire);
}

#define EVENT(text)                                                                                \
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"         \
	"\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}}\n\n"
#define STOP "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
#define STREAM EVENT("see EC2_INST") EVENT("ANCE_001 now") STOP

/* How the restored text is cut into deltas is the stream's business: only their sum counts. */
static void deltas_of(const struct buf *stream, char *text, size_t size)
{
	static const char KEY[] = "\"text\":\"";
	const char *p = (const char *)buf_bytes(stream), *end = p + buf_len(stream);
	size_t n = 0;

	while ((p = memmem(p, (size_t)(end - p), KEY, sizeof(KEY) - 1))) {
		for (p += sizeof(KEY) - 1; *p != '"'; p++) {
			cr_assert_lt(n, size - 1);
			text[n++] = *p;
		}
	}
	text[n] = 0;
}

static size_t blank_lines(const struct buf *stream)
{
	const char *p = (const char *)buf_bytes(stream), *end = p + buf_len(stream);
	size_t n = 0;

	for (; (p = memmem(p, (size_t)(end - p), "\n\n", 2)); p += 2)
		n++;
	return n;
}

static void check_stream(const char *request, const struct buf *wire, bool eof, const char *framing)
{
	for (size_t step = 0; step <= buf_len(wire); step++) {
		struct rig r;
		struct message m;
		char text[256];

		answer_begin(&r, request);
		r.step = step;
		rig_origin(&r, buf_bytes(wire), buf_len(wire));
		if (eof) {
			exchange_origin_eof(r.x);
			rig_pump(&r);
		}
		message_read(&m, HTTP_RESPONSE, &r.got, 0, false);
		cr_assert(m.whole && m.used == buf_len(&r.got), "step %zu", step);
		cr_assert(strstr(m.head, framing), "%s", m.head);
		cr_assert(strstr(m.head, "Content-Type: text/event-stream\r\n"));
		cr_assert_not(strstr(m.head, "Content-Encoding"));
		deltas_of(&m.body, text, sizeof(text));
		cr_assert_str_eq(text, "see " VALUE " now", "step %zu: %s", step, text);
		cr_assert(rig_holds(&m.body, "content_block_stop"));
		cr_assert_gt(exchange_facts(r.x)->unmasked.restored, 0u);
		cr_assert_geq(blank_lines(&m.body), 3u);
		cr_assert_eq(exchange_facts(r.x)->events, blank_lines(&m.body), "step %zu", step);
		message_free(&m);
		rig_end(&r);
	}
}

Test(exchange_answer, event_stream)
{
	struct buf wire = chunked_of("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
				     "Transfer-Encoding: chunked\r\n\r\n",
				     STREAM, 40);

	check_stream(ASK, &wire, false, "Transfer-Encoding: chunked\r\n");
	check_stream(ASK10, &wire, false, "Connection: close\r\n");
	buf_free(&wire);
	wire = message_of("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
			  "Content-Length: %zu\r\n\r\n",
			  STREAM, strlen(STREAM));
	check_stream(ASK, &wire, false, "Transfer-Encoding: chunked\r\n");
	buf_free(&wire);
	wire = text_of("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" STREAM);
	check_stream(ASK, &wire, true, "Transfer-Encoding: chunked\r\n");
	buf_free(&wire);
}

Test(exchange_answer, coded_event_stream)
{
	for (enum coding c = CODING_GZIP; c <= CODING_DEFLATE; c++) {
		struct buf body, wire;

		buf_init(&body, 4096);
		cr_assert_eq(
			deflate_all(c, (const uint8_t *)STREAM, strlen(STREAM), NULL, NULL, &body),
			0);
		wire = message_of(
			c == CODING_GZIP
				? "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
				  "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n"
				: "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
				  "Content-Encoding: deflate\r\nContent-Length: %zu\r\n\r\n",
			buf_bytes(&body), buf_len(&body));
		check_stream(ASK, &wire, false, "Transfer-Encoding: chunked\r\n");
		buf_free(&body);
		buf_free(&wire);
	}
}

/* An event that holds nothing back leaves with the bytes that complete it. */
Test(exchange_answer, events_leave_at_once)
{
	static const char PING[] = "event: ping\ndata: {\"type\": \"ping\"}\n\n";
	struct rig r;
	char chunk[128];

	answer_begin(&r, ASK);
	rig_origin_text(&r, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
			    "Transfer-Encoding: chunked\r\n\r\n");
	cr_assert(rig_holds(&r.got, "\r\n\r\n"));
	for (int i = 0; i < 3; i++) {
		buf_clear(&r.got);
		snprintf(chunk, sizeof(chunk), "%zx\r\n%s\r\n", strlen(PING), PING);
		rig_origin_text(&r, chunk);
		cr_assert(rig_holds(&r.got, PING));
	}
	rig_end(&r);
}

Test(exchange_answer, texts)
{
	static const struct {
		const char *type, *body, *restored;
	} CASES[] = {
		{"text/plain", "a " PLACEHOLDER " EC2_INSTANCE_002",
		 "a " VALUE " EC2_INSTANCE_002"},
		{"text/plain", "ends in " PLACEHOLDER, "ends in " VALUE},
		{"text/plain", "ends in EC2_INST", "ends in EC2_INST"},
		{"application/x-www-form-urlencoded", "a=" PLACEHOLDER "&b", "a=" VALUE "&b"},
		{"application/x-ndjson", "{\"a\":\"" PLACEHOLDER "\"}\n",
		 "{\"a\":\"" VALUE "\"}\n"},
		{"application/octet-stream", PLACEHOLDER, PLACEHOLDER},
		{"image/png", PLACEHOLDER, PLACEHOLDER},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		char head[256];
		struct buf wire;

		snprintf(head, sizeof(head),
			 "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"
			 "Transfer-Encoding: chunked\r\n\r\n",
			 CASES[i].type);
		wire = chunked_of(head, CASES[i].body, 5);
		check_pieces(ASK, &wire, false, 200, CASES[i].restored);
		check_pieces(ASK10, &wire, false, 200, CASES[i].restored);
		buf_free(&wire);
	}
}

#define ASK_RESULTS                                                                                \
	"GET /v1/messages/batches/msgbatch_1/results HTTP/1.1\r\nHost: " RIG_HOST "\r\n\r\n"
#define THOUGHT "{\"type\":\"thinking\",\"thinking\":\"" PLACEHOLDER "\",\"signature\":\"c2ln\"}"
#define RESULT_LINE(thought, name)                                                                 \
	"{\"custom_id\":\"" name                                                                   \
	"\",\"result\":{\"type\":\"succeeded\",\"message\":{\"content\":[" thought                 \
	",{\"type\":\"text\",\"text\":\"" name "\"}]}}}"

/* I5: each line is a message, whatever the lines are called; the last may have no end. */
Test(exchange_answer, results_of_a_batch)
{
	static const char *const types[] = {"Content-Type: application/x-jsonl\r\n",
					    "Content-Type: application/binary\r\n", ""};
	static const char BODY_LINES[] = RESULT_LINE(THOUGHT, PLACEHOLDER) "\n\n" RESULT_LINE(
		THOUGHT, "b") "\r\nno " PLACEHOLDER " JSON\n" RESULT_LINE(THOUGHT, PLACEHOLDER);
	static const char RESTORED[] = RESULT_LINE(THOUGHT, VALUE) "\n\n" RESULT_LINE(
		THOUGHT, "b") "\r\nno " VALUE " JSON\n" RESULT_LINE(THOUGHT, VALUE);

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		char head[256];
		struct buf wire;

		snprintf(head, sizeof(head),
			 "HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\n\r\n", types[i]);
		wire = chunked_of(head, BODY_LINES, 50);
		check_pieces(ASK_RESULTS, &wire, false, 200, RESTORED);
		buf_free(&wire);
	}
}

static void say_chunk(struct rig *r, const char *text)
{
	char size[32];

	snprintf(size, sizeof(size), "%zx\r\n", strlen(text));
	rig_origin_text(r, size);
	rig_origin_text(r, text);
	rig_origin_text(r, "\r\n");
}

/* It goes on as text. */
Test(exchange_answer, a_line_longer_than_a_body_may_be)
{
	static char much[64 * 1024];
	struct message m;
	struct rig r;

	memset(much, 'x', sizeof(much) - 1);
	answer_begin(&r, ASK_RESULTS);
	rig_origin_text(&r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	say_chunk(&r, RESULT_LINE(THOUGHT, PLACEHOLDER) "\n{\"a\":\"");
	cr_assert(rig_holds(&r.got, RESULT_LINE(THOUGHT, VALUE) "\n"), "a line is held");
	for (size_t n = 0; n <= r.config.body_max; n += sizeof(much) - 1)
		say_chunk(&r, much);
	say_chunk(&r, " " PLACEHOLDER "\"}\n");
	rig_origin_text(&r, "0\r\n\r\n");
	message_read(&m, HTTP_RESPONSE, &r.got, 0, false);
	cr_assert(m.whole);
	cr_expect(rig_holds(&m.body, "x " VALUE "\"}\n"));
	cr_expect_gt(buf_len(&m.body), r.config.body_max);
	message_free(&m);
	rig_end(&r);
}

Test(exchange_answer, verbatim_keeps_its_framing)
{
	static const struct {
		const char *head;
		bool eof;
		const char *framing;
	} CASES[] = {
		{"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 16\r\n\r\n", false,
		 "Content-Length: 16\r\n"},
		{"HTTP/1.1 200 OK\r\n\r\n", true, "Connection: close\r\n"},
		{"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: br\r\n"
		 "Content-Length: 16\r\n\r\n",
		 false, "Content-Encoding: br\r\nContent-Length: 16\r\n"},
		{"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n"
		 "Content-Encoding: gzip\r\nContent-Length: 16\r\n\r\n",
		 false, "Content-Length: 16\r\n"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct buf wire = text_of(CASES[i].head);
		struct rig r;

		cr_assert_eq(buf_puts(&wire, PLACEHOLDER), 0);
		check_pieces(ASK, &wire, CASES[i].eof, 200, PLACEHOLDER);
		answer_begin(&r, ASK);
		rig_origin(&r, buf_bytes(&wire), buf_len(&wire));
		cr_assert(rig_holds(&r.got, CASES[i].framing), "case %zu", i);
		rig_end(&r);
		buf_free(&wire);
	}
}

Test(exchange_answer, head_fields)
{
	static const char ANSWER[] = "HTTP/1.1 302 Moved There\r\n"
				     "location: https://h/" PLACEHOLDER "/x\r\n"
				     "Connection: close, X-Hop\r\n"
				     "X-Hop: 1\r\n"
				     "Keep-Alive: timeout=5\r\n"
				     "set-cookie: a=" PLACEHOLDER "\r\n"
				     "X-Odd: EC2_INSTANCE_009 " PLACEHOLDER "1\r\n"
				     "content-length: 0\r\n"
				     "Server:  s \r\n\r\n";
	static const char GOT[] = "HTTP/1.1 302 Moved There\r\n"
				  "location: https://h/" VALUE "/x\r\n"
				  "set-cookie: a=" PLACEHOLDER "\r\n"
				  "X-Odd: EC2_INSTANCE_009 " PLACEHOLDER "1\r\n"
				  "content-length: 0\r\n"
				  "Server: s\r\n\r\n";

	for (size_t step = 0; step < sizeof(ANSWER); step++) {
		struct rig r;

		answer_begin(&r, ASK);
		r.step = step;
		rig_origin_text(&r, ANSWER);
		cr_assert_eq(buf_append(&r.got, "", 1), 0);
		cr_assert_str_eq((const char *)buf_bytes(&r.got), GOT);
		cr_assert_eq(exchange_want(r.x), WANT_CLIENT);
		cr_assert_not(exchange_origin_reusable(r.x), "it said close");
		rig_end(&r);
	}
}

/* A value with a line end in it must not become header lines. */
Test(exchange_answer, no_header_injection)
{
	struct rig r;

	rig_begin(&r);
	memory_vault_put(&r.vault, TYPE_LITERAL, 1, "a\r\nSet-Cookie: evil");
	memory_vault_put(&r.vault, TYPE_LITERAL, 2, "nul\x01");
	rig_client_text(&r, ASK);
	rig_origin_text(&r, "HTTP/1.1 200 OK\r\nX-A: LITERAL_001\r\nX-B: LITERAL_002\r\n"
			    "Content-Length: 0\r\n\r\n");
	cr_assert(rig_holds(&r.got, "X-A: LITERAL_001\r\nX-B: LITERAL_002\r\n"));
	cr_assert_not(rig_holds(&r.got, "evil"));
	rig_end(&r);
}

Test(exchange_answer, without_a_body)
{
	static const struct {
		const char *request, *answer, *got;
	} CASES[] = {
		{ASK_HEAD,
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n",
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"},
		{ASK_HEAD, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		 "HTTP/1.1 200 OK\r\n\r\n"},
		{ASK_HEAD, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
		 "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"},
		{ASK, "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
		 "HTTP/1.1 204 No Content\r\n\r\n"},
		{ASK, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: x\r\n\r\n",
		 "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: x\r\n\r\n"},
		{ASK,
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n",
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"},
		{ASK10, "HTTP/1.1 204 No\r\n\r\n",
		 "HTTP/1.1 204 No\r\nConnection: keep-alive\r\n\r\n"},
		{ASK,
		 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n"
		 "\r\n0\r\n\r\n",
		 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n"
		 "\r\n0\r\n\r\n"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct rig r;

		answer_begin(&r, CASES[i].request);
		rig_origin_text(&r, CASES[i].answer);
		cr_assert_eq(exchange_want(r.x), WANT_CLIENT, "case %zu", i);
		cr_assert(exchange_origin_reusable(r.x), "case %zu", i);
		cr_assert_eq(buf_append(&r.got, "", 1), 0);
		cr_assert_str_eq((const char *)buf_bytes(&r.got), CASES[i].got, "case %zu: %s", i,
				 (const char *)buf_bytes(&r.got));
		rig_end(&r);
	}
}

Test(exchange_answer, interim)
{
	static const char ANSWER[] = "HTTP/1.1 100 Continue\r\n\r\n"
				     "HTTP/1.1 103 Early Hints\r\nLink: </" PLACEHOLDER ">\r\n\r\n"
				     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	static const char GOT[] = "HTTP/1.1 103 Early Hints\r\nLink: </" VALUE ">\r\n\r\n"
				  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

	for (size_t step = 0; step < sizeof(ANSWER); step++) {
		struct rig r;

		answer_begin(&r, ASK);
		r.step = step;
		rig_origin_text(&r, ANSWER);
		cr_assert_eq(buf_append(&r.got, "", 1), 0);
		cr_assert_str_eq((const char *)buf_bytes(&r.got), GOT);
		cr_assert_eq(exchange_facts(r.x)->status, 200u);
		rig_end(&r);

		answer_begin(&r, ASK10);
		rig_origin_text(&r, ANSWER);
		cr_assert_not(rig_holds(&r.got, "103"));
		rig_end(&r);
	}
}

Test(exchange_answer, head_after_interim_has_no_body)
{
	struct rig r;

	answer_begin(&r, ASK_HEAD);
	rig_origin_text(&r,
			"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	cr_assert_eq(exchange_want(r.x), WANT_CLIENT);
	rig_end(&r);
}

Test(exchange_answer, other_scopes_placeholders_stay)
{
	struct buf wire =
		text_of("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 33\r\n"
			"\r\nEC2_INSTANCE_002 EC2_INSTANCE_003");

	check_pieces(ASK, &wire, false, 200, "EC2_INSTANCE_002 EC2_INSTANCE_003");
	buf_free(&wire);
}

Test(exchange_answer, bytes_behind_it)
{
	struct rig r;

	answer_begin(&r, ASK);
	cr_assert_eq(rig_origin_text(&r, "HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\n"), 19u);
	cr_assert_not(exchange_origin_reusable(r.x));
	cr_assert_eq(exchange_want(r.x), WANT_CLIENT);
	cr_assert_eq(exchange_origin_bytes(r.x, (const uint8_t *)"x", 1), 0u);
	rig_end(&r);
}

Test(exchange_answer, client_connection)
{
	static const struct {
		const char *request;
		bool stays;
	} CASES[] = {
		{ASK, true},
		{ASK10, true},
		{"GET / HTTP/1.1\r\nHost: " RIG_HOST "\r\nConnection: close\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nHost: " RIG_HOST "\r\n\r\n", false},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(*CASES); i++) {
		struct rig r;

		answer_begin(&r, CASES[i].request);
		rig_origin_text(&r, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
		cr_assert_eq(r.cut, !CASES[i].stays, "case %zu", i);
		cr_assert_eq(rig_holds(&r.got, "Connection: close\r\n"), !CASES[i].stays);
		cr_assert_eq(rig_holds(&r.got, "Connection: keep-alive\r\n"), i == 1);
		cr_assert(exchange_origin_reusable(r.x));
		rig_end(&r);
	}
}

/* JSON that is larger than may be held goes on as a stream. */
Test(exchange_answer, json_over_the_limit)
{
	struct buf body = text_of("[\"" PLACEHOLDER "\""), want = text_of("[\"" VALUE "\""), wire;
	struct message m;

	while (buf_len(&body) < 6000) {
		cr_assert_eq(buf_puts(&body, ", \"" PLACEHOLDER "\""), 0);
		cr_assert_eq(buf_puts(&want, ", \"" VALUE "\""), 0);
	}
	cr_assert(!buf_puts(&body, "]") && !buf_puts(&want, "]"));
	wire = message_of(JSON_HEAD, buf_bytes(&body), buf_len(&body));
	for (size_t step = 0; step < 5000; step = step * 3 + 1) {
		struct rig r;

		rig_begin(&r);
		r.config.body_max = 4096;
		r.step = step;
		memory_vault_put(&r.vault, TYPE_EC2_INSTANCE, 1, VALUE);
		rig_client_text(&r, ASK);
		rig_origin(&r, buf_bytes(&wire), buf_len(&wire));
		cr_assert_eq(exchange_want(r.x), WANT_CLIENT);
		message_read(&m, HTTP_RESPONSE, &r.got, 0, false);
		cr_assert(m.whole && body_is(&m, buf_bytes(&want), buf_len(&want)));
		message_free(&m);
		rig_end(&r);
	}
	buf_free(&body);
	buf_free(&want);
	buf_free(&wire);
}

Test(exchange_answer, backpressure)
{
	static const char PIECE[] = "0123456789abcdef";
	struct rig r;
	size_t fed = 0;

	answer_begin(&r, ASK);
	rig_origin_text(&r, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
	while (exchange_client_room(r.x) && fed < 1 << 24) {
		cr_assert_eq(exchange_origin_bytes(r.x, (const uint8_t *)PIECE, 16), 16u);
		fed += 16;
	}
	cr_assert_lt(fed, (size_t)1 << 20, "no end to what is taken in");
	rig_pump(&r);
	cr_assert(exchange_client_room(r.x));
	rig_end(&r);
}
