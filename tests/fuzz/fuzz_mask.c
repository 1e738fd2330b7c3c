/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masking, held against a restorer that only searches for placeholders: what is restored is what
 * came in, and outside the values not a byte differs. The first byte chooses the kind of input.
 */
#include "../mask_world.h"
#include "fuzz.h"

static void check_text(struct world *w, const uint8_t *p, size_t len)
{
	struct buf back, first;
	enum mask_error e = world_text(w, p, len);

	if (e == MASK_MATCH_LIMIT)
		return;
	MUST(e == MASK_OK);
	buf_init(&back, WORLD_MEMORY);
	buf_init(&first, WORLD_MEMORY);
	world_restore(w, buf_bytes(&w->out), buf_len(&w->out), &back);
	MUST(buf_len(&back) == len && (!len || !memcmp(buf_bytes(&back), p, len)));
	/* A second time everything is known and nothing changes. */
	MUST(buf_append(&first, buf_bytes(&w->out), buf_len(&w->out)) == 0);
	MUST(world_text(w, p, len) == MASK_OK);
	MUST(buf_len(&first) == buf_len(&w->out));
	MUST(!len || !memcmp(buf_bytes(&first), buf_bytes(&w->out), buf_len(&first)));
	buf_free(&back);
	buf_free(&first);
}

/* I4: once everything is known, what comes after a string changes nothing in it. */
static void check_turns(struct world *w, const uint8_t *p, size_t len)
{
	struct buf both, first;

	buf_init(&both, WORLD_MEMORY);
	buf_init(&first, WORLD_MEMORY);
	MUST(buf_puts(&both, "[\"") == 0);
	MUST(jstr_escape(&both, p, len / 2, 1) == 0);
	MUST(buf_puts(&both, "\",\"") == 0);
	MUST(jstr_escape(&both, p + len / 2, len - len / 2, 1) == 0);
	MUST(buf_puts(&both, "\"]") == 0);
	if (world_json(w, buf_bytes(&both), buf_len(&both), SCHEMA_NONE) == MASK_OK) {
		MUST(buf_append(&first, buf_bytes(&w->out), buf_len(&w->out)) == 0);
		buf_clear(&both);
		MUST(buf_puts(&both, "[\"") == 0);
		MUST(jstr_escape(&both, p, len / 2, 1) == 0);
		MUST(buf_puts(&both, "\"]") == 0);
		MUST(world_json(w, buf_bytes(&both), buf_len(&both), SCHEMA_NONE) == MASK_OK);
		MUST(buf_len(&w->out) < buf_len(&first) &&
		     !memcmp(buf_bytes(&w->out), buf_bytes(&first), buf_len(&w->out) - 1));
	}
	buf_free(&both);
	buf_free(&first);
}

static void check_json(struct world *w, const uint8_t *p, size_t len, enum schema schema)
{
	if (world_json(w, p, len, schema) == MASK_OK)
		world_same_json(w, p, len, buf_bytes(&w->out), buf_len(&w->out),
				schema == SCHEMA_NONE);
}

/* Bytes that are no JSON become the strings of one: an object's keys and values in turn. */
static void check_strings(struct world *w, const uint8_t *p, size_t len)
{
	struct buf json;
	const char *before = "{\"";

	buf_init(&json, WORLD_MEMORY);
	for (bool key = true; len || !key; key = !key) {
		const uint8_t *cut = memchr(p, '|', len);
		size_t n = cut ? (size_t)(cut - p) : len;

		MUST(buf_puts(&json, before) == 0);
		MUST(jstr_escape(&json, p, n, 1) == 0);
		MUST(buf_puts(&json, "\"") == 0);
		before = key ? ":\"" : ",\"";
		p += n + (cut != NULL);
		len -= n + (cut != NULL);
	}
	MUST(buf_puts(&json, buf_len(&json) ? "}" : "{}") == 0);
	check_json(w, buf_bytes(&json), buf_len(&json), SCHEMA_NONE);
	buf_free(&json);
}

static void check_framed(struct world *w, const uint8_t *p, size_t len)
{
	if (world_query(w, p, len) == MASK_OK && !mask_found(w->mask, 0))
		MUST(buf_len(&w->out) == len);
	if (world_multipart(w, p, len, "b", len & 1) == MASK_OK && !mask_found(w->mask, 0))
		MUST(buf_len(&w->out) == len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;

	if (!w.catalogue)
		world_init(&w);
	if (!size)
		return 0;
	world_forget(&w);
	w.vault.unlogged = true;
	switch (data[0]) {
	case 't':
		check_text(&w, data + 1, size - 1);
		break;
	case 'k':
		check_turns(&w, data + 1, size - 1);
		break;
	case 's':
		check_strings(&w, data + 1, size - 1);
		break;
	case 'f':
		check_framed(&w, data + 1, size - 1);
		break;
	case 'm':
		check_json(&w, data + 1, size - 1, SCHEMA_MESSAGES);
		break;
	case 'b':
		check_json(&w, data + 1, size - 1, SCHEMA_BATCHES);
		break;
	default:
		check_json(&w, data, size, SCHEMA_NONE);
		break;
	}
	return 0;
}
