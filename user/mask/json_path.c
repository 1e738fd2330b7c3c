/* SPDX-License-Identifier: Apache-2.0 */
#include "json_path.h"
#include "jstr.h"

#define LEVELS 16
#define WORD_MAX 64 /* a longer key is none of the schema's */
#define DIGITS 20

struct level {
	schema_node node;  /* the container's place */
	schema_node child; /* of the member at hand, in an object */
	const char *word;  /* its key; NULL: not the schema's */
	bool object;
	size_t begun; /* elements of an array */
};

struct walk {
	const uint8_t *p;
	schema_node root;
	struct level levels[LEVELS];
	size_t depth;	 /* of which the first LEVELS are kept */
	size_t too_deep; /* containers open beyond them */
};

static void put(char out[static JSON_PATH_MAX], size_t *len, const char *text)
{
	size_t n = strlen(text);

	/* Room for "..", and nothing after it. */
	if (*len + n + 3 > JSON_PATH_MAX) {
		if (*len + 3 <= JSON_PATH_MAX)
			memcpy(out + *len, "..", 3);
		*len = JSON_PATH_MAX;
		return;
	}
	memcpy(out + *len, text, n + 1);
	*len += n;
}

static void put_index(char out[static JSON_PATH_MAX], size_t *len, size_t index)
{
	char text[DIGITS + 3];
	char *at = text + sizeof(text);

	*--at = 0;
	*--at = ']';
	do
		*--at = (char)('0' + index % 10);
	while (index /= 10);
	*--at = '[';
	put(out, len, at);
}

static void path_write(const struct walk *w, bool key, char out[static JSON_PATH_MAX])
{
	size_t len = 0;

	put(out, &len, "$");
	for (size_t i = 0; i < w->depth; i++) {
		const struct level *l = &w->levels[i];

		if (!l->object) {
			put_index(out, &len, l->begun ? l->begun - 1 : 0);
			continue;
		}
		put(out, &len, ".");
		put(out, &len, l->word ? l->word : "*");
	}
	if (w->too_deep)
		put(out, &len, "..");
	if (key)
		put(out, &len, "#key");
}

static schema_node place_here(const struct walk *w)
{
	const struct level *l;

	if (!w->depth)
		return w->root;
	l = &w->levels[w->depth - 1];
	return l->object ? l->child : schema_element(l->node);
}

static void value_begins(struct walk *w)
{
	if (w->depth && !w->too_deep)
		w->levels[w->depth - 1].begun++;
}

static void container_begins(struct walk *w, bool object)
{
	schema_node node = place_here(w);

	value_begins(w);
	if (w->depth == LEVELS)
		w->too_deep++;
	else
		w->levels[w->depth++] = (struct level){.node = node, .object = object};
}

static void container_ends(struct walk *w)
{
	if (w->too_deep)
		w->too_deep--;
	else
		w->depth--;
}

static void key_named(struct level *l, const uint8_t *key, size_t len)
{
	bool known;

	l->word = schema_word(l->node, key, len);
	l->child = schema_key(l->node, key, len, &known);
}

static void key_comes(struct walk *w, const struct jstr_token *t)
{
	struct level *l = &w->levels[w->depth - 1];
	struct buf text = {.max = WORD_MAX}, marks = {.max = WORD_MAX * sizeof(struct text_mark)};

	if (w->too_deep)
		return;
	l->word = NULL;
	l->child = schema_root(SCHEMA_NONE);
	if (!t->escaped)
		key_named(l, w->p + t->off, t->len);
	else if (t->len <= WORD_MAX * 6 && jstr_decode(w->p + t->off, t->len, &text, &marks) == 0)
		key_named(l, buf_bytes(&text), buf_len(&text));
	buf_free(&text);
	buf_free(&marks);
}

static void walk_token(struct walk *w, const struct jstr_token *t)
{
	switch (t->kind) {
	case JSTR_OBJECT_BEGIN:
	case JSTR_ARRAY_BEGIN:
		container_begins(w, t->kind == JSTR_OBJECT_BEGIN);
		break;
	case JSTR_OBJECT_END:
	case JSTR_ARRAY_END:
		container_ends(w);
		break;
	case JSTR_KEY:
		key_comes(w, t);
		break;
	case JSTR_STRING:
	case JSTR_SCALAR:
		value_begins(w);
		break;
	case JSTR_END:
		break;
	}
}

void json_paths(const uint8_t *p, size_t len, enum schema schema, struct json_path *paths, size_t n)
{
	struct walk w = {.p = p, .root = schema_root(schema)};
	struct jstr json = {0};
	struct jstr_token t;
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		paths[i].text[0] = 0;
	while (at < n && jstr_next(&json, p, len, true, &t) == 1 && t.kind != JSTR_END) {
		bool key = t.kind == JSTR_KEY;

		walk_token(&w, &t);
		if (!key && t.kind != JSTR_STRING)
			continue;
		for (; at < n && paths[at].off < t.off + t.len; at++)
			if (paths[at].off >= t.off)
				path_write(&w, key, paths[at].text);
	}
}
