/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_EDGE_H
#define AWSMASK_EDGE_H
/*
 * Where an identifier may begin and end. \b will not do: text arrives with escapes inside escapes,
 * and in `...\ni-0abc` it is the letter of an escape that stands before the identifier.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum edge {
	EDGE_ANY,     /* anything: the expression looks for itself */
	EDGE_WORD,    /* no letter and no digit */
	EDGE_ADDRESS, /* nor a dot with a digit on its other side */
	EDGE_HOST,    /* nor a dot or a dash at all, but a diff's at its line's start (left only) */
};

/* Runs of which a rule walks back over from its anchor. */
enum chars {
	CHARS_NONE,
	CHARS_DIGIT,  /* 0-9 */
	CHARS_BUCKET, /* a-z 0-9 . - */
	CHARS_HOST,   /* A-Z a-z 0-9 . - */
};

#define NO_START SIZE_MAX

/* What stands behind the backslash of the escapes of RFC 8259 section 7 that have one byte. */
static inline bool escape_has(uint8_t c)
{
	switch (c) {
	case 'n':
	case 'r':
	case 't':
	case 'b':
	case 'f':
	case '"':
	case '/':
	case '\\':
		return true;
	default:
		return false;
	}
}

/*
 * Is text[at - 1] the last byte of an escape: \n and its like, \uXXXX, \xXX, %XX (%25XX, $25XX), an
 * ANSI colour?
 */
bool escape_ends(const uint8_t *text, size_t at);

bool edge_left(enum edge e, const uint8_t *text, size_t at);
/* May edge_left() say yes where this byte precedes? */
bool edge_may_follow(enum edge e, uint8_t before);
bool edge_right(enum edge e, const uint8_t *text, size_t len, size_t at);

/*
 * Where a name starts that runs up to the anchor at `at`: the first letter or digit of the run of
 * `c` before it, behind any escape whose tail the run begins with, and never reaching over "..".
 * NO_START when there is none. `run_from` and `run_start` (zero at first) carry over what earlier
 * walks in the same text with the same class learned, so that many anchors in one run cost one
 * walk.
 */
struct walk {
	size_t from, start;
	size_t known; /* where a run begins, + 1, of which is known where its name does not begin */
	size_t name;  /* it begins here at the earliest */
};
size_t walk_back(enum chars c, const uint8_t *text, size_t at, struct walk *memo);

/* May walk_back() find a start where this byte precedes the anchor? */
bool walk_may_end(enum chars c, uint8_t before);

/* Would walk_back() from an anchor at the end of this run stop here? */
bool walk_starts(enum chars c, const uint8_t *text, size_t len, size_t at);

#endif
