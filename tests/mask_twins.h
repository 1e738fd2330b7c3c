/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_MASK_TWINS_H
#define AWSMASK_MASK_TWINS_H
/*
 * Two maskers that get the same conversation, one of which remembers, and mostly gets it bit by bit: all that can be
 * seen of them is the same. A conversation grows, is edited and moved about as choices say, which are bytes.
 */
#include "mask_world.h"

#define TWIN_BLOCKS 12
#define TWIN_TEXT_MAX 4096
#define TWIN_POLICIES 6
#define TWIN_SYSTEM 30

struct twin_choices {
	const uint8_t *p;
	size_t n;
};

static inline uint8_t twin_choice(struct twin_choices *c)
{
	if (!c->n)
		return 0;
	c->n--;
	return *c->p++;
}

enum twin_place {
	TWIN_TEXT,
	TWIN_INPUT,
	TWIN_SIGNED,
	TWIN_KEY,
	TWIN_RESULT,
	TWIN_LIST,
	TWIN_NUMBER,
	TWIN_PLACES
};

struct twin_block {
	uint8_t text[TWIN_TEXT_MAX];
	size_t len;
	uint8_t place;	/* enum twin_place */
	uint8_t spells; /* how its characters are escaped */
	bool marked;	/* cache_control */
};

/* Two people's: what one says is nothing to the other, but that they share the memo. */
struct twins {
	struct world plain[2], other[2]; /* the others remember; one catalogue */
	unsigned who;
	struct memo *memo;
	struct mask_policy policies[TWIN_POLICIES];
	struct known lists[2], short_list;
	const struct mask_policy *policy;
	struct twin_block blocks[TWIN_BLOCKS];
	size_t n;
	struct buf body;
	uint64_t steps; /* what they are like */
};

static const char *const twin_phrases[] = {
	"the bucket corvid-ledger-archive ",
	"s3://corvid-ledger-archive/x ",
	"s3://tidewater.raw-events/2031/ ",
	"tidewater.raw-events, ",
	"tidewater.raw-events.old ",
	"i-0d4c8a1f93b27e65a\n",
	"arn:aws:iam::734019286651:role/tidewater-deployer ",
	"tidewater-deployer and 734019286651 ",
	"logs-734019286651-eu\t",
	"EC2_INSTANCE_001 ",
	"it says \\\"{\\n\\tcorvid-ledger-archive\\u0041\\\"} ",
	"10.20.30.40:corvid ",
	"\xc3\xa9t\xc3\xa9 \xf0\x9f\x90\xa6\x1b[0mcorvid-one ",
	"corvid-one corvid-two-three ",
	"ab ",
	"The quick brown fox looks at the log again, and finds nothing in it. ",
	"arn:aws:sqs:eu-west-1:734019286651:corvid-two-three ",
	"account_id=734019286651 ",
};
#define TWIN_PHRASES (sizeof(twin_phrases) / sizeof(twin_phrases[0]))

static const char *const twin_names[] = {"corvid-one", "tidewater.raw-events", "raw-events.old",
					 "corvid-two-three", "-odd-corvid-1"};

static inline void twin_policies(struct twins *t)
{
	for (unsigned i = 0; i < TWIN_POLICIES; i++)
		t->policies[i] = policy_default;
	for (unsigned i = 0; i < 2; i++) {
		known_init(&t->lists[i], WORLD_MEMORY);
		MUST(known_add(&t->lists[i], TYPE_S3_BUCKET,
			       (const uint8_t *)(i ? "corvid-two-three" : "corvid-one"),
			       i ? 16 : 10) == 0);
	}
	known_init(&t->short_list, WORLD_MEMORY);
	MUST(known_add(&t->short_list, TYPE_ARN_RESOURCE, (const uint8_t *)"ab", 2) == 0);
	t->policies[1].actions[TYPE_S3_BUCKET] = ACTION_OBSERVE;
	t->policies[1].actions[TYPE_AWS_ACCOUNT] = ACTION_ALLOW;
	t->policies[2].literals[0] = &t->lists[0];
	t->policies[2].edition = 1;
	t->policies[3].literals[0] = &t->lists[1];
	t->policies[3].literals[1] = &t->short_list;
	t->policies[3].edition = 2;
	t->policies[4].literals[0] = &t->lists[0]; /* and no edition */
	t->policies[4].actions[TYPE_ARN_RESOURCE] = ACTION_OBSERVE;
	t->policies[5].actions[TYPE_S3_BUCKET] = ACTION_BLOCK;
	t->policy = &t->policies[0];
}

static inline void twin_world(struct world *w, struct catalogue *c)
{
	memset(w, 0, sizeof(*w));
	w->catalogue = c;
	w->mask = mask_new(c, WORLD_MEMORY);
	MUST(w->mask != NULL);
	memory_vault_init(&w->vault);
	buf_init(&w->out, WORLD_MEMORY);
}

static inline void twins_init(struct twins *t)
{
	memset(t, 0, sizeof(*t));
	world_init(&t->plain[0]);
	twin_world(&t->plain[1], t->plain[0].catalogue);
	for (unsigned i = 0; i < 2; i++)
		twin_world(&t->other[i], t->plain[0].catalogue);
	buf_init(&t->body, WORLD_MEMORY);
	twin_policies(t);
}

/* Another conversation: nothing is known, and so much can be remembered. */
static inline void twins_begin(struct twins *t, size_t memory)
{
	struct world *all[] = {&t->plain[0], &t->plain[1], &t->other[0], &t->other[1]};

	for (unsigned i = 0; i < 4; i++) {
		mask_reset(all[i]->mask);
		memory_vault_free(&all[i]->vault);
		memory_vault_init(&all[i]->vault);
		all[i]->vault.unlogged = true;
	}
	memo_free(t->memo);
	t->memo = seeded_memo(memory, 0x1d8e4e27c47d124f);
	MUST(t->memo != NULL);
	t->n = 0;
	t->steps = 0;
	t->who = 0;
	t->policy = &t->policies[0];
}

static inline void twins_free(struct twins *t)
{
	struct world *all[] = {&t->plain[0], &t->plain[1], &t->other[0], &t->other[1]};

	memo_free(t->memo);
	for (unsigned i = 0; i < 2; i++)
		known_free(&t->lists[i]);
	known_free(&t->short_list);
	for (unsigned i = 4; i-- > 0;) {
		if (i)
			all[i]->catalogue = NULL; /* it is the first one's */
		world_free(all[i]);
	}
	buf_free(&t->body);
}

/* ---- what is said */

static inline void twin_string(struct buf *out, const struct twin_block *b)
{
	for (size_t i = 0; i < b->len; i++) {
		uint8_t c = b->text[i];
		char escape[8];

		if (c < 0x80 && b->spells && i % 16 == b->spells % 16) {
			snprintf(escape, sizeof(escape), "\\u%04x", c);
			MUST(buf_puts(out, escape) == 0);
		} else {
			MUST(jstr_escape(out, &c, 1, 1) == 0);
		}
	}
}

static inline void twin_block_put(struct buf *out, const struct twin_block *b)
{
	static const char *const before[TWIN_PLACES] = {
		"{\"type\":\"text\",\"text\":\"",
		"{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"x\",\"input\":{\"roleName\":\"",
		"{\"type\":\"thinking\",\"signature\":\"c2ln\",\"thinking\":\"",
		"{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"x\",\"input\":{\"",
		"{\"tool_use_id\":\"toolu_1\",\"type\":\"tool_result\",\"content\":[{\"type\":"
		"\"text\","
		"\"text\":\"",
		"{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"x\",\"input\":{\"account\":["
		"\"734019286651\",\"",
		"{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"x\",\"input\":{\"account\":"
		"734019286651,\"z\":\"",
	};
	static const char *const behind[TWIN_PLACES] = {
		"\"", "\"}", "\"", "\":1}", "\"}]", "\",\"734019286651\"]}", "\"}"};

	MUST(buf_puts(out, before[b->place]) == 0);
	twin_string(out, b);
	MUST(buf_puts(out, behind[b->place]) == 0);
	if (b->marked)
		MUST(buf_puts(out, ",\"cache_control\":{\"type\":\"ephemeral\"}") == 0);
	MUST(buf_puts(out, "}") == 0);
}

/* Some blocks are a message; what the agent always sends follows. */
static inline void twins_body(struct twins *t)
{
	static const char between[] = "]},{\"role\":\"user\",\"content\":[";

	buf_clear(&t->body);
	MUST(buf_puts(&t->body, "{\"messages\":[{\"role\":\"assistant\",\"content\":[") == 0);
	for (size_t i = 0; i < t->n; i++) {
		if (i)
			MUST(buf_puts(&t->body, i % 3 ? "," : between) == 0);
		twin_block_put(&t->body, &t->blocks[i]);
	}
	MUST(buf_puts(&t->body, "]}],\"system\":[{\"type\":\"text\",\"text\":\"") == 0);
	for (unsigned i = 0; i < TWIN_SYSTEM; i++)
		MUST(buf_puts(&t->body, "Look at s3://corvid-ledger-archive/ and say so. ") == 0);
	MUST(buf_puts(&t->body, "\"}],\"tools\":[{\"name\":\"Bash\",\"description\":"
				"\"it runs corvid-ledger-archive\"}]}") == 0);
}

/* ---- how it goes on */

static inline void twin_say(struct twins *t, struct twin_choices *c)
{
	struct twin_block *b = &t->blocks[t->n < TWIN_BLOCKS ? t->n++ : twin_choice(c) % t->n];
	unsigned phrases = twin_choice(c) % 14;

	*b = (struct twin_block){.place = twin_choice(c) % TWIN_PLACES};
	for (unsigned i = 0; i <= phrases; i++) {
		uint8_t choice = twin_choice(c);
		const char *phrase = twin_phrases[choice % TWIN_PHRASES];
		unsigned times = choice >= 13 * TWIN_PHRASES ? 24 : 1;

		for (; times && b->len + strlen(phrase) <= sizeof(b->text); times--) {
			memcpy(b->text + b->len, phrase, strlen(phrase));
			b->len += strlen(phrase);
		}
	}
}

static inline void twins_learn(struct twins *t, const char *name)
{
	struct vault_entry e = {TYPE_S3_BUCKET, 0, (const uint8_t *)name, strlen(name)};

	MUST(memory_vault_reserve(&t->plain[t->who].vault.scope, &e, 1) == 0);
	MUST(memory_vault_reserve(&t->other[t->who].vault.scope, &e, 1) == 0);
}

static inline void twins_change(struct twins *t, struct twin_choices *c)
{
	struct twin_block *b, moved;

	if (!t->n) {
		twin_say(t, c);
		return;
	}
	b = &t->blocks[twin_choice(c) % t->n];
	switch (twin_choice(c) % 10) {
	case 0:
		b->marked = !b->marked;
		break;
	case 1:
		b->text[twin_choice(c) % b->len] = 'a' + twin_choice(c) % 26;
		break;
	case 2:
		moved = *b;
		*b = t->blocks[0];
		t->blocks[0] = moved;
		break;
	case 3:
		t->policy = &t->policies[twin_choice(c) % TWIN_POLICIES];
		break;
	case 4:
		b->spells = twin_choice(c);
		break;
	case 5:
		b->place = twin_choice(c) % TWIN_PLACES;
		break;
	case 6:
		twins_learn(
			t,
			twin_names[twin_choice(c) % (sizeof(twin_names) / sizeof(twin_names[0]))]);
		break;
	case 7:
		memo_age(t->memo);
		break;
	case 8:
		t->who = !t->who;
		break;
	default:
		twin_say(t, c);
		break;
	}
}

/* ---- what can be seen */

/* Of what has come, in a place of its own, sometimes without what is remembered, or no more than a little of what is new. */
static inline enum mask_error twin_step(struct world *w, const struct twins *t, size_t there,
					uint32_t how)
{
	uint8_t *copy = malloc(there);
	enum mask_error e;

	MUST(copy != NULL);
	memcpy(copy, buf_bytes(&t->body), there);
	mask_know(w->mask, &w->vault.scope);
	mask_follow(w->mask, t->policy);
	mask_remember(w->mask, how % 8 ? t->memo : NULL);
	mask_read_most(w->mask, how / 8 % 4 ? SIZE_MAX : how / 32 % 4096);
	e = mask_json_more(w->mask, copy, there, false);
	mask_follow(w->mask, &policy_default);
	mask_remember(w->mask, NULL);
	free(copy);
	return e;
}

static inline enum mask_error twin_scan_steps(struct world *w, struct twins *t)
{
	size_t len = buf_len(&t->body), there = 0;
	enum mask_error e = mask_json_begin(w->mask, 0, SCHEMA_MESSAGES);

	while (there < len && (e == MASK_OK || e == MASK_TOO_NEW)) {
		uint32_t how =
			(uint32_t)((t->steps += 0x9e3779b97f4a7c15) * 0xd1342543de82ef95 >> 32);
		size_t some = 1 + how % (how >> 28 ? 1 + len / 2 : 7);

		there = some < len - there ? there + some : len;
		e = twin_step(w, t, there, how >> 4);
	}
	if (e != MASK_OK && e != MASK_TOO_NEW)
		return e;
	mask_know(w->mask, &w->vault.scope);
	mask_follow(w->mask, t->policy);
	mask_remember(w->mask, t->memo);
	mask_read_most(w->mask, SIZE_MAX);
	return mask_json_more(w->mask, buf_bytes(&t->body), len, true);
}

static inline enum mask_error twin_mask(struct world *w, struct twins *t, struct memo *memo)
{
	enum mask_error e;

	world_begin(w);
	mask_follow(w->mask, t->policy);
	mask_remember(w->mask, memo);
	if (memo && ++t->steps % 4)
		e = twin_scan_steps(w, t);
	else
		e = mask_scan_json(w->mask, 0, buf_bytes(&t->body), buf_len(&t->body),
				   SCHEMA_MESSAGES);
	if (e == MASK_OK)
		e = mask_learn(w->mask);
	if (e == MASK_OK)
		world_finish(w, buf_bytes(&t->body), buf_len(&t->body));
	return e;
}

static inline void twins_same(const struct twins *t)
{
	const struct world *plain = &t->plain[t->who], *other = &t->other[t->who];

	MUST(buf_len(&plain->out) == buf_len(&other->out));
	MUST(!memcmp(buf_bytes(&plain->out), buf_bytes(&other->out), buf_len(&plain->out)));
	world_same(plain->mask, other->mask);
}

/* One request with the body that there is. */
static inline void twins_ask(struct twins *t)
{
	enum mask_error e = twin_mask(&t->plain[t->who], t, NULL);

	MUST(twin_mask(&t->other[t->who], t, t->memo) == e);
	if (e == MASK_OK)
		twins_same(t);
}

/* ... of the conversation as it stands. */
static inline void twins_turn(struct twins *t)
{
	twins_body(t);
	twins_ask(t);
}

enum twin_break { TWIN_CHANGED, TWIN_LEFT_OUT, TWIN_PUT_IN, TWIN_CUT, TWIN_BREAKS };

/* ... or with another byte in it, one less, one more, or only the beginning of it. */
static inline void twins_break(struct twins *t, size_t at, enum twin_break how, uint8_t byte)
{
	struct buf *b = &t->body;
	size_t rest = buf_len(b) - at;

	MUST(buf_append(b, &byte, 1) == 0);
	if (how == TWIN_PUT_IN)
		memmove(b->data + b->head + at + 1, b->data + b->head + at, rest);
	if (how == TWIN_LEFT_OUT)
		memmove(b->data + b->head + at, b->data + b->head + at + 1, rest);
	if (how == TWIN_PUT_IN || how == TWIN_CHANGED)
		b->data[b->head + at] = byte;
	buf_truncate(b, how == TWIN_CUT
				? at
				: at + rest + (how == TWIN_PUT_IN) - (how == TWIN_LEFT_OUT));
	twins_ask(t);
}

#endif
