/* SPDX-License-Identifier: Apache-2.0 */
#include "usage.h"

#include "jstr.h"

#define LEVELS 3       /* message.usage.input_tokens */
#define DIGITS_MAX 18  /* fit into a uint64_t, and any JSON reader's integer */
#define ACCOUNT_LEN 12 /* digits in a row: a date has fewer, and no model's name has so many */

struct walk {
	const uint8_t *data;
	struct jstr_token key[LEVELS]; /* the last one at each depth; empty: none, or in an array */
};

static bool key_is(const struct walk *w, unsigned level, const char *word)
{
	const struct jstr_token *k = &w->key[level];

	return k->len == strlen(word) && memcmp(w->data + k->off, word, k->len) == 0;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* A gateway may call a model by its ARN, in which an account stands. */
static bool is_model(const uint8_t *p, size_t len)
{
	size_t digits = 0;

	if (!len || len >= USAGE_MODEL_MAX || (len >= 4 && memcmp(p, "arn:", 4) == 0))
		return false;
	for (size_t i = 0; i < len; i++) {
		bool letter = (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z');

		digits = is_digit(p[i]) ? digits + 1 : 0;
		if (digits == ACCOUNT_LEN ||
		    !(letter || is_digit(p[i]) || (p[i] && strchr("._:@-", p[i]))))
			return false;
	}
	return true;
}

static void take_model(struct usage *u, const uint8_t *p, size_t len)
{
	memset(u->model, 0, sizeof(u->model));
	if (is_model(p, len))
		memcpy(u->model, p, len);
}

static void take_count(struct usage *u, enum usage_count which, const uint8_t *p, size_t len)
{
	uint64_t n = 0;

	if (!len || len > DIGITS_MAX)
		return;
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(p[i]))
			return;
		n = n * 10 + (p[i] - '0');
	}
	u->known |= 1u << which;
	u->counts[which] = n;
}

static void take_value(struct usage *u, const struct walk *w, const struct jstr_token *t)
{
	static const char *const keys[USAGE_COUNT] = {
#define X(name, key, word) key,
		USAGE_COUNTS(X)
#undef X
	};
	unsigned inner = t->depth - 1;
	bool in_answer = t->depth >= 1 && t->depth <= LEVELS;

	if (in_answer && t->kind == JSTR_STRING && t->depth <= 2 && key_is(w, inner, "model") &&
	    (inner == 0 || key_is(w, 0, "message")))
		take_model(u, w->data + t->off, t->len);
	if (!in_answer || t->kind != JSTR_SCALAR || inner == 0 || !key_is(w, inner - 1, "usage") ||
	    (inner == 2 && !key_is(w, 0, "message")))
		return;
	for (int i = 0; i < USAGE_COUNT; i++)
		if (key_is(w, inner, keys[i]))
			take_count(u, (enum usage_count)i, w->data + t->off, t->len);
}

void usage_read(struct usage *u, const uint8_t *data, size_t len)
{
	struct walk w = {.data = data};
	struct jstr js = {0};
	struct jstr_token t;

	while (jstr_next(&js, data, len, true, &t) == 1 && t.kind != JSTR_END) {
		switch (t.kind) {
		case JSTR_KEY:
			if (t.depth <= LEVELS)
				w.key[t.depth - 1] = t;
			break;
		case JSTR_OBJECT_BEGIN:
		case JSTR_ARRAY_BEGIN: /* in an array there are no keys: none of outside may be taken */
			if (t.depth < LEVELS)
				w.key[t.depth] = (struct jstr_token){0};
			break;
		case JSTR_STRING:
		case JSTR_SCALAR:
			take_value(u, &w, &t);
			break;
		default:
			break;
		}
	}
}
