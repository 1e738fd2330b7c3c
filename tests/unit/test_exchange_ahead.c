/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that are scanned while they come: whatever is done in between, what leaves is the same. */
#include "../../user/mask/memo.h"
#include "../seeded_memo.h"
#include "exchange_rig.h"

#define BUCKET "corvid-ledger-archive"
#define ID "i-0d4c8a1f93b27e65a"

/* One memo, which may be somebody else's at times. */
struct source {
	struct memo_source source; /* first */
	struct memo *memo;
	bool away;
};

static struct memo *memo_take(struct memo_source *s, const void *owner)
{
	struct source *m = (struct source *)s;

	(void)owner;
	return m->away ? NULL : m->memo;
}

static void memo_done(struct memo_source *s, struct memo *memo)
{
	cr_assert_eq(memo, ((struct source *)s)->memo);
}

static struct source memo_source(void)
{
	return (struct source){.source = {memo_take, memo_done}, .memo = seeded_memo(1 << 20, 7)};
}

/* The one policy that holds. */
struct one_policy {
	struct policy_source source; /* first */
	const struct mask_policy *policy;
	unsigned taken, asked;
};

static const struct mask_policy *policy_take(struct policy_source *s, const char *host)
{
	struct one_policy *p = (struct one_policy *)s;

	(void)host;
	p->taken++;
	p->asked++;
	return p->policy;
}

static void policy_done(struct policy_source *s, const struct mask_policy *policy)
{
	struct one_policy *p = (struct one_policy *)s;

	(void)policy;
	cr_assert_gt(p->taken, 0u);
	p->taken--;
}

/* Names are revealed after they stood bare, what decides over a string comes behind it, texts are long and short. */
static struct buf body_of(unsigned texts)
{
	struct buf b;

	buf_init(&b, 1 << 22);
	cr_assert(!buf_puts(&b, "{\"messages\":[{\"role\":\"user\",\"content\":["));
	for (unsigned i = 0; i < texts; i++)
		cr_assert(!buf_puts(&b, i ? "," : "") &&
			  !buf_puts(&b, i % 3 ? "{\"type\":\"text\",\"text\":\"in " BUCKET
						" \\\"again\\\"\\n"
					      : "{\"thinking\":\"" ID "\",\"signature\":\"c2ln\","
						"\"type\":\"thinking\",\"text\":\"") &&
			  !buf_puts(&b, " it went on and on, as it does" + i % 7) &&
			  !buf_puts(&b, i % 5 ? " on " ID ".\"}" : " in 10.20.30.40\"}"));
	cr_assert(!buf_puts(&b, "]}],\"model\":\"m\",\"system\":\"s3://" BUCKET "/x\"}"));
	return b;
}

static struct buf request_of(const struct buf *body)
{
	return message_of(POST_JSON "Content-Length: %zu\r\n\r\n", buf_bytes(body), buf_len(body));
}

static void finish(struct rig *r)
{
	if (exchange_want(r->x) == WANT_SCAN)
		exchange_scan(r->x);
	rig_pump(r);
}

/* To r->sent: the body in steps, and in between the scan of no more than so much that is new. */
static void say(struct rig *r, const struct buf *wire, size_t step, size_t most)
{
	size_t at = 0;

	buf_clear(&r->sent);
	rig_exchange(r);
	while (exchange_want(r->x) == WANT_CLIENT) {
		size_t some = step < buf_len(wire) - at ? step : buf_len(wire) - at;

		cr_assert_gt(some, 0u);
		at += exchange_client_bytes(r->x, buf_bytes(wire) + at, some);
		while (most && exchange_scan_ahead(r->x, most)) {
		}
	}
	finish(r);
	cr_assert_eq(exchange_want(r->x), WANT_ORIGIN, "refused: %d",
		     exchange_facts(r->x)->refusal);
}

/* Its own vault, so that numbers are given from the first on. */
static void expect_same(const struct buf *wire, size_t step, size_t most, struct source *memo)
{
	struct rig plain, r;

	rig_begin(&plain);
	say(&plain, wire, buf_len(wire), 0);
	rig_begin(&r);
	r.config.scan_apart = step > 64 ? 64 : 0;
	if (memo)
		r.config.memos = &memo->source;
	for (unsigned again = 0; again < (memo ? 2 : 1); again++) {
		rig_exchange(&r);
		say(&r, wire, step, most);
		cr_assert(buf_len(&r.sent) == buf_len(&plain.sent) &&
				  !memcmp(buf_bytes(&r.sent), buf_bytes(&plain.sent),
					  buf_len(&r.sent)),
			  "step %zu, most %zu", step, most);
		cr_assert(!memcmp(&exchange_facts(r.x)->masked, &exchange_facts(plain.x)->masked,
				  sizeof(struct mask_counts)));
		exchange_free(r.x);
		r.x = NULL;
	}
	rig_end(&r);
	rig_end(&plain);
}

Test(exchange_ahead, the_same_in_whatever_steps, .timeout = 120)
{
	static const size_t steps[] = {1, 7, 100, 1000, 3333}, mosts[] = {1, 50, 3000, SIZE_MAX};
	struct buf body = body_of(60), wire = request_of(&body);

	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++)
		for (size_t m = 0; m < sizeof(mosts) / sizeof(mosts[0]); m++) {
			struct source memo = memo_source();

			expect_same(&wire, steps[s], mosts[m], NULL);
			expect_same(&wire, steps[s], mosts[m], &memo);
			memo_free(memo.memo);
		}
	buf_free(&wire);
	buf_free(&body);
}

static bool sent_holds(const struct rig *r, const char *text)
{
	return memmem(buf_bytes(&r->sent), buf_len(&r->sent), text, strlen(text)) != NULL;
}

/* So much of it has come, and was scanned. */
static size_t come(struct rig *r, const struct buf *wire, size_t n)
{
	size_t taken = exchange_client_bytes(rig_exchange(r), buf_bytes(wire), n);

	cr_assert_eq(taken, n);
	cr_assert_not(exchange_scan_ahead(r->x, SIZE_MAX));
	return taken;
}

static void come_to_end(struct rig *r, const struct buf *wire, size_t at)
{
	exchange_client_bytes(r->x, buf_bytes(wire) + at, buf_len(wire) - at);
	finish(r);
}

/* In none of so many texts anything is revealed that others may hold bare: nothing is scanned twice for that. */
static struct buf quiet_body(const char *said, unsigned texts)
{
	struct buf b;

	buf_init(&b, 1 << 22);
	cr_assert(!buf_puts(&b, "[\"\""));
	for (unsigned i = 0; i < texts; i++)
		cr_assert(!buf_puts(&b, ",\"it was said on ") && !buf_puts(&b, said) &&
			  !buf_puts(&b, " again\""));
	cr_assert(!buf_puts(&b, "]"));
	return b;
}

/* What is known, and what is masked, is that of the body's end; nothing is held while it comes. */
Test(exchange_ahead, what_holds_is_asked_in_the_end)
{
	struct mask_policy open = policy_default;
	struct buf body = quiet_body(ID, 100), wire = request_of(&body);
	struct one_policy policy = {.source = {policy_take, policy_done}};
	struct rig r;
	size_t at;

	open.actions[TYPE_EC2_INSTANCE] = ACTION_ALLOW;
	for (unsigned changes = 0; changes < 2; changes++) {
		policy.policy = &open;
		rig_begin(&r);
		r.config.policies = &policy.source;
		at = come(&r, &wire, buf_len(&wire) / 2);
		cr_expect_eq(policy.taken, 0u);
		cr_expect_eq(r.vault.snapshots, 0u);
		if (changes)
			policy.policy = &policy_default;
		come_to_end(&r, &wire, at);
		cr_expect_eq(policy.taken, 0u);
		cr_expect_eq(sent_holds(&r, "on " ID), !changes);
		rig_end(&r);
	}
	buf_free(&wire);
	buf_free(&body);
}

Test(exchange_ahead, a_value_that_others_reveal_meanwhile)
{
	struct buf body = quiet_body(BUCKET, 100), wire = request_of(&body);

	for (unsigned meanwhile = 0; meanwhile < 2; meanwhile++) {
		struct rig r;
		size_t at;

		rig_begin(&r);
		at = come(&r, &wire, buf_len(&wire) - 12);
		if (meanwhile)
			memory_vault_put(&r.vault, TYPE_S3_BUCKET, 1, BUCKET);
		come_to_end(&r, &wire, at);
		cr_expect_eq(sent_holds(&r, BUCKET), !meanwhile);
		cr_expect_eq(sent_holds(&r, "on S3_BUCKET_001 again"), meanwhile);
		rig_end(&r);
	}
	buf_free(&wire);
	buf_free(&body);
}

/* What is wrong with a body is said as if nobody had looked before its end, and nothing is kept of what was in it. */
Test(exchange_ahead, wrong_bodies)
{
	static const struct {
		const char *text;
		int refusal;
	} wrong[] = {
		{"{\"a\":\"" ID "\",\"b\":[1,2}", REFUSAL_NOT_JSON},
		{"{\"a\":\"" ID "\"", REFUSAL_NOT_JSON},
		{"{\"a\" \"" ID "\",\"b\":[1,2]}", REFUSAL_NOT_JSON},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct buf wire = message_of(POST_JSON "Content-Length: %zu\r\n\r\n", wrong[i].text,
					     strlen(wrong[i].text));

		for (size_t step = 1; step < 60; step += 3) {
			struct rig r;

			rig_begin(&r);
			rig_exchange(&r);
			for (size_t at = 0; at < buf_len(&wire); at += step) {
				size_t some =
					step < buf_len(&wire) - at ? step : buf_len(&wire) - at;

				cr_assert_eq(exchange_want(r.x), WANT_CLIENT);
				exchange_client_bytes(r.x, buf_bytes(&wire) + at, some);
				exchange_scan_ahead(r.x, SIZE_MAX);
			}
			cr_expect_eq(exchange_facts(r.x)->refusal, wrong[i].refusal);
			rig_pump(&r);
			cr_expect_eq(buf_len(&r.sent), 0u);
			cr_expect_eq(memory_vault_calls(&r.vault, MEMORY_RESERVE), 0u);
			rig_end(&r);
		}
		buf_free(&wire);
	}
}

/* Nothing is scanned ahead of what may be something else in the end, or is coded. */
Test(exchange_ahead, others_wait)
{
	static const char *const heads[] = {
		"POST /v1/messages HTTP/1.1\r\nhost: " RIG_HOST "\r\n",
		"POST /v1/messages HTTP/1.1\r\nhost: " RIG_HOST "\r\nContent-Type: text/plain\r\n",
		"POST /x HTTP/1.1\r\nhost: " RIG_HOST "\r\nContent-Type: application/x-ndjson\r\n",
		POST_JSON "Content-Encoding: gzip\r\n",
		POST_JSON, /* this one does not */
	};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct one_policy policy = {.source = {policy_take, policy_done},
					    .policy = &policy_default};
		struct rig r;

		rig_begin(&r);
		r.config.policies = &policy.source;
		rig_client_text(&r, heads[i]);
		rig_client_text(&r, "Content-Length: 1000\r\n\r\n{\"a\":\"" ID "\", ");
		cr_expect_not(exchange_scan_ahead(r.x, SIZE_MAX));
		cr_expect_eq(policy.asked > 0, i + 1 == sizeof(heads) / sizeof(heads[0]), "%s",
			     heads[i]);
		rig_end(&r);
	}
}

/* The client leaves, or breaks the rules, in the middle. */
Test(exchange_ahead, broken_off)
{
	struct buf body = body_of(20), wire = request_of(&body);
	struct rig r;

	rig_begin(&r);
	come(&r, &wire, buf_len(&wire) / 2);
	exchange_client_eof(r.x);
	cr_expect_eq(exchange_want(r.x), WANT_CLOSE);
	cr_expect_not(exchange_scan_ahead(r.x, SIZE_MAX));
	rig_end(&r);
	rig_begin(&r);
	come(&r, &wire, buf_len(&wire) / 2);
	exchange_refuse(r.x, REFUSAL_TOO_SLOW);
	cr_expect_not(exchange_scan_ahead(r.x, SIZE_MAX));
	cr_expect_eq(memory_vault_calls(&r.vault, MEMORY_RESERVE), 0u);
	rig_end(&r);
	buf_free(&wire);
	buf_free(&body);
}
