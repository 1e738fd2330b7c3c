/* SPDX-License-Identifier: Apache-2.0 */
#include "sse_event.h"

#include "jstr.h"

static const struct sse_delta_kind delta_kinds[] = {
	{"text_delta", "text", false},
	{"input_json_delta", "partial_json", true},
};
#define DELTA_KINDS (sizeof(delta_kinds) / sizeof(*delta_kinds))

static const struct {
	const char *type;
	enum sse_message_kind kind;
} message_types[] = {
	{"content_block_delta", SSE_DELTA},
	{"content_block_start", SSE_BLOCK},
	{"content_block_stop", SSE_BLOCK},
	{"message_start", SSE_BREAK},
	{"message_delta", SSE_BREAK},
	{"message_stop", SSE_BREAK},
	{"error", SSE_BREAK},
	{"ping", SSE_OTHER},
};

/* What the walk through the data saw; the last of equal keys counts, as for the clients. */
struct sight {
	const uint8_t *data;
	struct jstr_token key[2]; /* the last one of the event, the last one of its object */
	struct jstr_token type, index, delta_type;
	struct jstr_token text[DELTA_KINDS];
};

static bool token_is(const struct sight *s, const struct jstr_token *t, const char *word)
{
	return t->len == strlen(word) && memcmp(s->data + t->off, word, t->len) == 0;
}

static void look_at_value(struct sight *s, const struct jstr_token *t)
{
	bool is_string = t->kind == JSTR_STRING;

	if (t->depth == 1 && is_string && token_is(s, &s->key[0], "type"))
		s->type = *t;
	if (t->depth == 1 && !is_string && token_is(s, &s->key[0], "index"))
		s->index = *t;
	if (t->depth != 2 || !is_string || !token_is(s, &s->key[0], "delta"))
		return;
	if (token_is(s, &s->key[1], "type"))
		s->delta_type = *t;
	for (size_t i = 0; i < DELTA_KINDS; i++)
		if (token_is(s, &s->key[1], delta_kinds[i].field))
			s->text[i] = *t;
}

static void look_at_token(struct sight *s, const struct jstr_token *t)
{
	switch (t->kind) {
	case JSTR_KEY:
		if (t->depth <= 2)
			s->key[t->depth - 1] = *t;
		break;
	case JSTR_ARRAY_BEGIN:
	case JSTR_OBJECT_BEGIN: /* in an array there are no keys: none of outside may be taken */
		if (t->depth < 2)
			s->key[t->depth] = (struct jstr_token){0};
		break;
	case JSTR_STRING:
	case JSTR_SCALAR:
		look_at_value(s, t);
		break;
	default:
		break;
	}
}

/* Whether the index is a small whole number: as all are that the API defines. */
static bool read_index(const struct sight *s, uint32_t *index)
{
	*index = 0;
	if (s->index.len == 0 || s->index.len > 9)
		return false;
	for (size_t i = 0; i < s->index.len; i++) {
		uint8_t c = s->data[s->index.off + i];

		if (c < '0' || c > '9')
			return false;
		*index = *index * 10 + (c - '0');
	}
	return true;
}

static void settle_delta(const struct sight *s, struct sse_message *m)
{
	m->kind = SSE_OTHER;
	for (size_t i = 0; i < DELTA_KINDS; i++)
		if (s->text[i].off && token_is(s, &s->delta_type, delta_kinds[i].type)) {
			m->kind = SSE_DELTA;
			m->delta = &delta_kinds[i];
			m->text_off = s->text[i].off;
		}
}

int sse_message_read(const uint8_t *data, size_t len, struct sse_message *m)
{
	struct sight s = {.data = data};
	struct jstr js = {0};
	struct jstr_token t;
	bool has_index;
	int rc;

	while ((rc = jstr_next(&js, data, len, true, &t)) == 1 && t.kind != JSTR_END)
		look_at_token(&s, &t);
	if (rc < 0)
		return 0;
	*m = (struct sse_message){.kind = SSE_OTHER};
	for (size_t i = 0; i < sizeof(message_types) / sizeof(*message_types); i++)
		if (token_is(&s, &s.type, message_types[i].type)) {
			m->kind = message_types[i].kind;
			m->is_message = true;
		}
	has_index = read_index(&s, &m->index);
	if (m->kind == SSE_BLOCK && !has_index)
		m->kind = SSE_BREAK;
	if (m->kind == SSE_DELTA && has_index)
		settle_delta(&s, m);
	else if (m->kind == SSE_DELTA)
		m->kind = SSE_OTHER;
	return 1;
}
