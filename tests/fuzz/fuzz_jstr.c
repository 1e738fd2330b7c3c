/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splitting the input changes no token and no verdict. A string decoded and escaped decodes to the
 * same, its offsets lead back in order; 64 bytes at a time it is what it is escape by escape. Any bytes escaped at any depth decode back to themselves.
 */
#include "../../user/mask/jstr_wide.h"
#include "fuzz.h"

/* One after the other into the same hash; equal traces have equal ones. */
static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x9e3779b97f4a7c15u + (h >> 29);
}

static void decode(const uint8_t *raw, size_t len, struct buf *text, struct buf *marks)
{
	buf_init(text, SIZE_MAX / 2);
	buf_init(marks, SIZE_MAX / 2);
	MUST(jstr_decode(raw, len, text, marks) == 0);
}

static bool same(const struct buf *a, const struct buf *b)
{
	return buf_len(a) == buf_len(b) &&
	       (!buf_len(a) || !memcmp(buf_bytes(a), buf_bytes(b), buf_len(a)));
}

static void check_string(const uint8_t *raw, size_t len)
{
	struct buf text, again, marks, more, escaped;
	size_t n, before = 0, come = 0;

	decode(raw, len, &text, &marks);
	buf_init(&again, SIZE_MAX / 2);
	buf_init(&more, SIZE_MAX / 2);
	MUST(jstr_decode_by(NULL, raw, len, &again, &more) == 0);
	MUST(same(&again, &text) && same(&more, &marks));
	buf_free(&again);
	buf_free(&more);
	n = buf_len(&marks) / sizeof(struct text_mark);
	for (size_t at = 0; at <= buf_len(&text); at++) {
		size_t to = text_raw_offset((const void *)buf_bytes(&marks), n, at);

		MUST(to >= before && to <= len);
		MUST(text_raw_offset_on((const void *)buf_bytes(&marks), n, at, &come) == to);
		before = to;
	}
	MUST(before == len);
	buf_init(&escaped, SIZE_MAX / 2);
	MUST(jstr_escape(&escaped, buf_bytes(&text), buf_len(&text), 1) == 0);
	decode(buf_bytes(&escaped), buf_len(&escaped), &again, &more);
	MUST(same(&again, &text));
	buf_free(&text);
	buf_free(&again);
	buf_free(&marks);
	buf_free(&more);
	buf_free(&escaped);
}

/* The trace of a scan whose input arrives `piece` bytes at a time, in memory that moves. */
static uint64_t trace(const uint8_t *p, size_t len, size_t piece, bool check)
{
	struct jstr s = {0};
	struct jstr_token t;
	uint64_t h = 1;
	size_t have = 0;
	int rc = 0;

	while (rc == 0) {
		uint8_t *copy;

		have = len - have < piece ? len : have + piece;
		copy = malloc(have + 1);
		memcpy(copy, p, have);
		while ((rc = jstr_next(&s, copy, have, have == len, &t)) == 1) {
			MUST(t.off <= have && t.len <= have - t.off && t.depth < JSTR_MAX_DEPTH);
			h = mix(mix(mix(mix(h, t.kind), t.off), t.len), t.depth * 2 + t.escaped);
			if (check && (t.kind == JSTR_STRING || t.kind == JSTR_KEY))
				check_string(copy + t.off, t.len);
			if (t.kind == JSTR_END)
				break;
		}
		free(copy);
		MUST(rc != 0 || have < len);
	}
	return mix(mix(h, s.pos), rc);
}

static void check_escape(const uint8_t *p, size_t len, unsigned depth)
{
	struct buf a, b, marks;

	buf_init(&a, SIZE_MAX / 2);
	MUST(jstr_escape(&a, p, len, depth) == 0);
	for (; depth; depth--) {
		decode(buf_bytes(&a), buf_len(&a), &b, &marks);
		buf_free(&marks);
		buf_free(&a);
		a = b;
	}
	MUST(buf_len(&a) == len && (!len || !memcmp(buf_bytes(&a), p, len)));
	buf_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	uint64_t whole;
	size_t piece;

	if (len < 1 || len > 1 << 14)
		return 0;
	piece = *p++ + 1;
	len--;
	whole = trace(p, len, len + 1, true);
	MUST(trace(p, len, piece, false) == whole);
	if (len < 512)
		MUST(trace(p, len, 1, false) == whole);
	check_escape(p, len, piece % 4);
	check_string(p, len);
	return 0;
}
