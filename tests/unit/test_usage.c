/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer says of its model and its tokens: as JSON, as events, at every split, and nothing that is none. */
#include "../../user/mask/sse.h"
#include "../../user/mask/usage.h"
#include "../guard.h"
#include "exchange_rig.h"

#define MODEL "claude-nova-4-20260114"
#define START                                                                                      \
	"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_01\","  \
	"\"type\":\"message\",\"role\":\"assistant\",\"model\":\"" MODEL "\",\"content\":[],"      \
	"\"usage\":{\"input_tokens\":25,\"cache_creation_input_tokens\":300,"                      \
	"\"cache_read_input_tokens\":4000,\"cache_creation\":{\"input_tokens\":9},"                \
	"\"output_tokens\":1}}}\n\n"
#define DELTA(text)                                                                                \
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"         \
	"\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}}\n\n"
#define END                                                                                        \
	"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"      \
	"\"end_turn\"},\"usage\":{\"output_tokens\":57}}\n\n"                                      \
	"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
#define STREAM START DELTA("hi") DELTA("usage: {\\\"output_tokens\\\":99}") END

static const struct usage nothing;

static struct usage read_text(const char *text)
{
	struct usage u = {.known = 0};
	struct guarded g = guarded_copy(text, strlen(text));

	usage_read(&u, g.p, strlen(text));
	guarded_free(&g);
	return u;
}

static void is_stream(const struct usage *u, size_t cut)
{
	cr_assert_str_eq(u->model, MODEL, "cut at %zu", cut);
	cr_assert_eq(u->known, 15u, "cut at %zu", cut);
	cr_assert_eq(u->counts[USAGE_INPUT], 25u);
	cr_assert_eq(u->counts[USAGE_OUTPUT], 57u, "cut at %zu: %u", cut,
		     (unsigned)u->counts[USAGE_OUTPUT]);
	cr_assert_eq(u->counts[USAGE_CACHE_READ], 4000u);
	cr_assert_eq(u->counts[USAGE_CACHE_CREATION], 300u);
}

Test(usage, answer)
{
	struct usage u = read_text("{\"model\":\"" MODEL "\",\"content\":[{\"type\":\"text\","
				   "\"text\":\"x\"}],\"usage\":{\"input_tokens\":7,"
				   "\"output_tokens\":8}}");

	cr_assert_str_eq(u.model, MODEL);
	cr_assert_eq(u.known, 1u << USAGE_INPUT | 1u << USAGE_OUTPUT);
	cr_assert_eq(u.counts[USAGE_INPUT], 7u);
	cr_assert_eq(u.counts[USAGE_OUTPUT], 8u);
}

Test(usage, last_of_equal_keys_counts)
{
	struct usage u = read_text("{\"usage\":{\"input_tokens\":7,\"input_tokens\":9}}");

	cr_assert_eq(u.counts[USAGE_INPUT], 9u);
}

/* Each holds the words, and none of them says it of the message. */
Test(usage, elsewhere_is_nothing)
{
	static const char *const texts[] = {
		"",
		"{",
		"[{\"model\":\"m\",\"usage\":{\"input_tokens\":7}}]",
		"{\"content\":[{\"usage\":{\"input_tokens\":7}}]}",
		"{\"content\":{\"usage\":{\"input_tokens\":7}}}",
		"{\"content\":{\"model\":\"m\"}}",
		"{\"usage\":[{\"input_tokens\":7}]}",
		"{\"usage\":[7]}",
		"{\"usage\":7,\"input_tokens\":7}",
		"{\"usage\":{\"x\":{\"input_tokens\":7}}}",
		"{\"usage\":{\"input_tokens\":\"7\"}}",
		"{\"usage\":{\"input_tokens\":7.5}}",
		"{\"usage\":{\"input_tokens\":-7}}",
		"{\"usage\":{\"input_tokens\":1234567890123456789}}",
		"{\"message\":[{\"model\":\"m\"}]}",
		"{\"model\":7}",
		"{\"model\":\"a b\"}",
		"{\"model\":\"a\\u0062\"}",
		"{\"model\":\"arn:aws:bedrock:x\"}",
		"{\"model\":\"profile-734019286651\"}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct usage u = read_text(texts[i]);

		cr_assert_eq(memcmp(&u, &nothing, sizeof(u)), 0, "%s", texts[i]);
	}
}

/* Pieces of one size, or one cut. */
static void feed(const char *stream, size_t step, size_t cut, struct usage *u)
{
	struct memory_vault vault;
	struct buf out;
	struct sse *s;
	size_t len = strlen(stream);

	memory_vault_init(&vault);
	buf_init(&out, 1 << 20);
	s = sse_new(&vault.scope, SCHEMA_EVENT, 1 << 16);
	for (size_t at = 0, end; at < len; at = end) {
		struct guarded g;

		end = step && step < len - at ? at + step : at < cut ? cut : len;
		g = guarded_copy(stream + at, end - at);
		cr_assert_eq(sse_feed(s, g.p, end - at, &out), 0);
		guarded_free(&g);
	}
	*u = *sse_usage(s);
	cr_assert_eq(sse_finish(s, &out), 0);
	cr_assert_eq(buf_len(&out), len);
	cr_assert_eq(memcmp(buf_bytes(&out), stream, len), 0, "cut at %zu, by %zu", cut, step);
	buf_free(&out);
	sse_free(s);
	memory_vault_free(&vault);
}

Test(usage, stream_at_every_split)
{
	struct usage u;

	for (size_t cut = 0; cut < strlen(STREAM); cut++) {
		feed(STREAM, 0, cut, &u);
		is_stream(&u, cut);
	}
	for (size_t step = 1; step < 70; step++) {
		feed(STREAM, step, 0, &u);
		is_stream(&u, step);
	}
}

/* Without names, in other spacing, and with ends of lines that the quick way does not take. */
Test(usage, streams_in_other_words)
{
	static const char *const streams[] = {
		"data: {\"type\":\"message_start\",\"message\":{\"model\":\"m\"}}\n\n"
		"data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":3}}\n\n",
		"data: {\"type\": \"ping\"}\n\n"
		"data: {\"type\": \"message_start\",\"message\":{\"model\":\"m\"}}\n\n"
		"data:{\"type\":\"message_delta\",\"usage\":{\"output_tokens\":3}}\n\n",
		"event:message_start\r\ndata: {\"message\":{\"model\":\"m\"}}\r\n\r\n"
		"event:message_delta\r\ndata: {\"usage\":{\"output_tokens\":3}}\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++) {
		for (size_t cut = 0; cut < strlen(streams[i]); cut++) {
			struct usage u;

			feed(streams[i], 0, cut, &u);
			cr_assert_str_eq(u.model, "m", "%zu: cut at %zu", i, cut);
			cr_assert_eq(u.counts[USAGE_OUTPUT], 3u, "%zu: cut at %zu", i, cut);
		}
	}
}

/* What it is not looked for in is not looked for however it is cut. */
Test(usage, other_events_say_nothing)
{
	for (size_t cut = 0; cut < 60; cut++) {
		struct usage u;

		feed("event: ping\ndata: {}\n\nid: 7\nevent: message_start\n"
		     "data: {\"message\":{\"model\":\"m\"}}\n\nevent: other\n"
		     "data: {\"usage\":{\"output_tokens\":3}}\n\n",
		     0, cut, &u);
		cr_assert_eq(memcmp(&u, &nothing, sizeof(u)), 0, "cut at %zu", cut);
	}
}

/* ---- through an exchange */

static void ask(struct rig *r, const char *head, const char *body, const char *answer)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%sContent-Length: %zu\r\n\r\n%s", head, strlen(body),
			 body);

	rig_client(r, text, (size_t)n);
	rig_origin_text(r, answer);
}

Test(usage, exchange_tells)
{
	for (size_t step = 0; step < 40; step++) {
		const struct exchange_facts *f;
		struct rig r;
		char answer[2048];

		rig_begin(&r);
		r.step = step;
		snprintf(answer, sizeof(answer),
			 "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: "
			 "%zu\r\n\r\n%s",
			 strlen(STREAM), STREAM);
		ask(&r, POST_JSON, BODY, answer);
		f = exchange_facts(r.x);
		is_stream(&f->usage, step);
		cr_assert_str_eq(f->path, "/v1/messages");
		cr_assert_eq(f->used_count, 1u);
		cr_assert_eq(f->used[0].type, TYPE_EC2_INSTANCE);
		cr_assert_eq(f->used[0].number, 1u);
		rig_end(&r);
	}
}

Test(usage, path_is_told_masked_or_not_at_all)
{
	static const struct {
		const char *target, *path;
		bool observe;
	} cases[] = {
		{"/v1/messages?beta=true", "/v1/messages", false},
		{"/v1/messages?beta=true", "/v1/messages", true},
		{"/files/" VALUE "/x?q=" VALUE, "/files/" PLACEHOLDER "/x", false},
		{"/files/" VALUE "/x", "", true},
		{"/files/plain", "/files/plain", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct exchange_facts *f;
		struct rig r;
		char head[256];

		rig_begin(&r);
		r.config.observe = cases[i].observe;
		snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: " RIG_HOST "\r\n",
			 cases[i].target);
		ask(&r, head, "", OK_EMPTY);
		f = exchange_facts(r.x);
		cr_assert_eq(f->status, 200u);
		cr_assert_str_eq(f->path, cases[i].path, "%zu", i);
		cr_assert(!cases[i].observe || !f->used_count);
		rig_end(&r);
	}
}

Test(usage, path_of_a_refused_request_is_the_apis_or_none)
{
	static const struct {
		const char *target, *path;
	} cases[] = {{"/v1/messages?x=1", "/v1/messages"}, {"/files/" VALUE, ""}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct exchange_facts *f;
		struct rig r;
		char head[256];

		rig_begin(&r);
		snprintf(head, sizeof(head),
			 "POST %s HTTP/1.1\r\nHost: " RIG_HOST
			 "\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{\"x\":",
			 cases[i].target);
		rig_client_text(&r, head);
		f = exchange_facts(r.x);
		cr_assert_eq(f->refusal, REFUSAL_NOT_JSON);
		cr_assert_str_eq(f->path, cases[i].path);
		rig_end(&r);
	}
}
