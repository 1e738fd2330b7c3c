/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_walk.h"

#define STRINGS_MAX 512 /* bytes of strings that a state depends on */

/* Behind it: frames, strings (struct said, and their bytes), the scanner's. */
struct state {
	uint8_t kind; /* enum source_kind */
	uint8_t zero;
	schema_node root, flat;
	uint32_t flat_depth, n_frames, n_strings;
	uint32_t has_key; /* the first of the strings */
};
_Static_assert(sizeof(struct state) == 24, "nothing in it is undefined");

struct said {
	uint64_t back; /* from here to where it stands */
	uint32_t len;
	uint32_t level, owner;
	schema_node node;
	bool escaped;
	uint8_t zero;
};
_Static_assert(sizeof(struct said) == 24, "nothing in it is undefined");

static const struct hold *hold_list(const struct walk *w, size_t *n)
{
	*n = buf_len(&w->m->holds) / sizeof(struct hold);
	return (const struct hold *)buf_bytes(&w->m->holds);
}

static bool strings_fit(const struct walk *w)
{
	size_t n, sum = w->has_key ? w->key.len : 0;
	const struct hold *holds = hold_list(w, &n);

	for (size_t i = 0; i < n && sum <= STRINGS_MAX; i++)
		sum += holds[i].token.len + sizeof(struct said);
	return sum <= STRINGS_MAX;
}

static int string_save(const struct walk *w, const struct hold *h)
{
	const struct said s = {.back = w->json.pos - h->token.off,
			       .len = (uint32_t)h->token.len,
			       .level = h->level,
			       .owner = h->owner,
			       .node = h->node,
			       .escaped = h->token.escaped};
	struct buf *b = &w->m->record.state;

	return buf_append(b, &s, sizeof(s)) || buf_append(b, w->p + h->token.off, h->token.len);
}

static int strings_save(const struct walk *w)
{
	const struct hold key = {.token = w->key}, *holds;
	size_t n;
	int rc = w->has_key ? string_save(w, &key) : 0;

	holds = hold_list(w, &n);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = string_save(w, &holds[i]);
	return rc;
}

bool walk_save(const struct walk *w)
{
	struct state s = {.kind = SOURCE_JSON,
			  .root = w->root,
			  .flat = w->flat,
			  .flat_depth = w->flat_depth,
			  .n_frames = w->n_frames,
			  .has_key = w->has_key};
	struct buf *b = &w->m->record.state;
	uint8_t json[JSTR_SAVED_MAX];
	size_t holds;

	if (!strings_fit(w))
		return false;
	hold_list(w, &holds);
	s.n_strings = (uint32_t)holds + w->has_key;
	buf_clear(b);
	return !buf_append(b, &s, sizeof(s)) &&
	       !buf_append(b, w->frames, w->n_frames * sizeof(w->frames[0])) && !strings_save(w) &&
	       !buf_append(b, json, jstr_save(&w->json, json));
}

/* Its size; `h` is filled. */
static size_t string_load(const uint8_t *p, size_t pos, struct hold *h)
{
	struct said s;

	memcpy(&s, p, sizeof(s));
	*h = (struct hold){.token = {.kind = JSTR_STRING,
				     .escaped = s.escaped,
				     .off = pos - s.back,
				     .len = s.len},
			   .node = s.node,
			   .level = s.level,
			   .owner = s.owner};
	return sizeof(s) + s.len;
}

enum mask_error walk_load(struct walk *w, const struct buf *state, size_t pos)
{
	const uint8_t *p = buf_bytes(state);
	struct state s;
	struct hold h;

	memcpy(&s, p, sizeof(s));
	p += sizeof(s);
	w->flat = s.flat;
	w->flat_depth = s.flat_depth;
	w->n_frames = s.n_frames;
	w->has_key = s.has_key;
	memcpy(w->frames, p, s.n_frames * sizeof(w->frames[0]));
	p += s.n_frames * sizeof(w->frames[0]);
	buf_clear(&w->m->holds);
	for (uint32_t i = 0; i < s.n_strings; i++) {
		p += string_load(p, pos, &h);
		if (i == 0 && s.has_key)
			w->key = h.token;
		else if (mask_keep(w->m, &w->m->holds, &h, sizeof(h)))
			return MASK_TOO_LARGE;
	}
	jstr_load(&w->json, p, pos);
	return MASK_OK;
}
