/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_MASK_WALK_H
#define AWSMASK_MASK_WALK_H
/*
 * The walk over a JSON document, private to mask_json*.c: what it knows of the place where it is, and
 * how that is remembered between two pieces of the document (memo.h).
 */
#include "mask_scan.h"

#define FRAMES 16 /* the shapes are less deep; deeper places would count as free-form */

struct frame {
	uint64_t seen;	   /* places of keys that decide */
	uint32_t held;	   /* holds before this one are not its own */
	uint16_t types;	   /* enum schema_type, of its `type` */
	schema_node node;  /* the container's place */
	schema_node child; /* of the value that comes next, in an object */
	bool object;
	bool first;	/* it is the first element of its array */
	bool empty;	/* an array, and no element has begun */
	bool ambiguous; /* a key that decides came twice: whoever reads it may take either */
	bool has_signature;
	uint8_t zero;
};
_Static_assert(sizeof(struct frame) == 24, "nothing in it is undefined");

/* A string that waits for what comes after it. */
struct hold {
	struct jstr_token token;
	schema_node node;
	unsigned level; /* of schema_place.types, to be checked next */
	unsigned owner; /* the frame that decides it */
};

struct walk {
	struct mask *m;
	const uint8_t *p; /* the document */
	size_t len;
	size_t base; /* where it stands in the part */
	struct jstr json;
	schema_node root;
	struct frame frames[FRAMES];
	unsigned n_frames;
	/* Inside a container below which all places are the same only the depth is counted. */
	schema_node flat;
	unsigned flat_depth;
	bool has_key; /* a free-form key stands before what comes next */
	struct jstr_token key;
	/* Where the walk has come to, when it is told of more of the document. */
	bool begun; /* a piece, which begins there: */
	size_t from;
	size_t until;		 /* so far it may read */
	bool waits;		 /* the next token was beyond that; it is this one */
	struct jstr_token token; /* the last one */
	bool ended;
};

/*
 * The state to m->record.state. Strings that it depends on, a key or holds, are part of it with all of
 * their bytes. False: they are too long for that, or memory is out.
 */
bool walk_save(const struct walk *w);
/* Go on from such a state, at this place. */
enum mask_error walk_load(struct walk *w, const struct buf *state, size_t pos);

#endif
