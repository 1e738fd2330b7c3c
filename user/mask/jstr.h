/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_JSTR_H
#define AWSMASK_JSTR_H
/*
 * JSON (RFC 8259) scanner that finds strings without building a tree. It reads from a buffer that
 * the caller accumulates: the same bytes from the first on, more of them at each call (the buffer
 * may move). No allocation beyond the container bitmap inside the struct; spans are offsets into
 * that buffer.
 */
#include "buf.h"

#include <stdbool.h>

#define JSTR_MAX_DEPTH 1024 /* deeper nesting is an error */

enum jstr_kind {
	JSTR_OBJECT_BEGIN,
	JSTR_OBJECT_END,
	JSTR_ARRAY_BEGIN,
	JSTR_ARRAY_END,
	JSTR_KEY,    /* off/len: content between the quotes, raw */
	JSTR_STRING, /* the same */
	JSTR_SCALAR, /* number, true, false, null: off/len of its text */
	JSTR_END,    /* the document is complete and only white space follows */
};

struct jstr_token {
	enum jstr_kind kind;
	bool escaped; /* the string holds a backslash */
	size_t off, len;
	unsigned depth; /* containers open around the token; a container's own begin and end count
			   outside it */
};

struct jstr {
	size_t pos;
	size_t scan; /* private; how far into an unfinished string or number, 0: none is begun */
	unsigned depth;
	unsigned char state;  /* private; 0 is the start */
	unsigned char number; /* private; where inside an unfinished number */
	bool escaped;	      /* private; the unfinished string held a backslash so far */
	size_t (*pass)(const uint8_t *, size_t, size_t, bool *); /* private; jstr_wide.h */
	uint8_t in_object[JSTR_MAX_DEPTH / 8];
};

/*
 * Next token of the document in buf[0..len); `last`: no more bytes will come.
 * 1: *t is filled. 0: needs more bytes (never when last). -1: not JSON, too deep, or ended early;
 * sticky; s->pos is the offending offset. After JSTR_END call no more. *t is untouched unless 1 is
 * returned. Strict: no trailing commas, comments, raw control characters (< 0x20) in strings, bad
 * escapes, leading zeros. Invalid UTF-8 and lone surrogates are let through: they are the client's
 * business.
 */
__attribute__((warn_unused_result)) int jstr_next(struct jstr *s, const uint8_t *buf, size_t len,
						  bool last, struct jstr_token *t);

/*
 * What the scanner is in between two tokens, but for its place, to go on from there in other bytes. How
 * many bytes that is.
 */
#define JSTR_SAVED_MAX (5 + JSTR_MAX_DEPTH / 8)
size_t jstr_save(const struct jstr *s, uint8_t out[static JSTR_SAVED_MAX]);
void jstr_load(struct jstr *s, const uint8_t *saved, size_t pos);
/* Is the innermost container that is open an object? */
bool jstr_in_object(const struct jstr *s);

/*
 * A decoded string remembers where its bytes came from. Between two marks decoded and raw offsets
 * run in step; a mark stands after each escape, and inside a multi-byte character that one escape
 * made, a mark at each inner byte that leads back to the escape's start. Also used for
 * percent-encoding (headers.h).
 */
struct text_mark {
	uint32_t text; /* offset in the decoded text */
	uint32_t raw;  /* the raw offset that it corresponds to */
};

/*
 * Append the decoded form of a raw JSON string (as JSTR_STRING gives it) to `text`, and its marks
 * (struct text_mark, offsets relative to this string) to `marks`. \uXXXX becomes UTF-8, a lone
 * surrogate its three-byte form. 0, or -1 when a buffer is full.
 */
__attribute__((warn_unused_result)) int jstr_decode(const uint8_t *raw, size_t len,
						    struct buf *text, struct buf *marks);

/*
 * Raw offset of decoded offset `at` (0..text length); an offset inside a multi-byte character that
 * one escape made maps to that escape's start. `marks` as jstr_decode() left them, `n` of them.
 * O(log n).
 */
size_t text_raw_offset(const struct text_mark *marks, size_t n, size_t at);
/* The same for one offset after another, none before the last: *before, 0 at first, is how far it has come. */
size_t text_raw_offset_on(const struct text_mark *marks, size_t n, size_t at, size_t *before);

/*
 * Append `text` escaped for a JSON string `depth` strings deep (0: as it is), minimally: \" \\ \b
 * \f \n \r \t, and \u00XX for the other control characters. 0, or -1 when the buffer is full.
 */
__attribute__((warn_unused_result)) int jstr_escape(struct buf *out, const uint8_t *text,
						    size_t len, unsigned depth);

#endif
