/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_FOLLOW_PARSE_H
#define AWSMASK_FOLLOW_PARSE_H
/* An expression as a graph of bytes, private to follow*.c. */
#include "follow.h"

#define NODES_MAX 60000
#define NO_NODE UINT16_MAX
#define SETS_MAX 1024  /* that differ */
#define SET_SLOTS 4096 /* of a hash */
#define GRAPH_WAYS_MAX 262144
#define BEHINDS_MAX 32
#define BEHIND_PLACES_MAX 256 /* the bits of a byte_set */

enum { NODE_MATCH, NODE_ANY, NODE_FIRST };

/* A byte of the set, then out[0]; or nothing at all, then either. */
struct node {
	uint16_t set; /* of graph.sets */
	bool is_byte;
	uint16_t out[2];
	uint16_t look;	/* what follows must also be what begins here, or NO_NODE */
	bool ahead;	/* of what must only follow, which takes no bytes in */
	uint8_t behind; /* what precedes must be one of graph.behinds, its index + 1; or 0 */
};

/* The node that reads the next byte, and the one of an assertion that must read it too. */
struct thread {
	uint16_t node, look; /* NO_NODE: there is none */
};

/*
 * What must precede a place, all of them as one row of bytes to be read one after another: a set of
 * bytes for each, and a bit for each in a byte_set that says: the text ends with what leads up to it.
 */
struct behinds {
	unsigned count, places;
	struct byte_set bytes[BEHIND_PLACES_MAX];
	struct byte_set by_class[256]; /* for each class of bytes the places that read it */
	struct byte_set starts, ends[BEHINDS_MAX]; /* of places */
	/* where it is written, and how it is read there */
	const char *text[BEHINDS_MAX];
	size_t len[BEHINDS_MAX];
	bool fold[BEHINDS_MAX];
};

/* A thread, if all that must precede it does: a bit for each of graph.behinds. */
struct way {
	struct thread to;
	uint32_t need;
};

/* Where one can be from a node on without reading a byte: some of graph.ways. */
struct known_reach {
	bool found, any;
	uint16_t n;
	uint32_t first;
};

struct graph {
	struct node nodes[NODES_MAX];
	uint16_t count;
	uint16_t start;
	uint16_t anchors; /* the first node that an anchor within the match can begin at */
	bool cut;	  /* larger than NODES_MAX: what is missing is NODE_ANY */
	bool dry;	  /* what is read now is left out: it makes no nodes */
	struct behinds behinds;
	/* What nodes read; once graph_classify() was called, as numbers of classes instead of bytes. */
	unsigned sets_count;
	struct byte_set sets[SETS_MAX];
	uint16_t set_slots[SET_SLOTS]; /* their numbers + 1, by their hash */
	/* Of the walk that is going on: the last of its steps at each node. */
	uint32_t round;
	uint32_t seen[NODES_MAX];
	uint16_t last_seen[NODES_MAX];
	/* Of the step of all threads that goes on: of them the last that went on to each node. */
	uint32_t gone, gone_to[NODES_MAX];
	struct known_reach reach[NODES_MAX];
	uint32_t ways_count;
	struct way ways[GRAPH_WAYS_MAX];
};

/*
 * Note what must precede a place: text[0..len) was read as the nodes from `start` to `end`. Its index + 1,
 * or 0: it is too large, and anything may precede.
 */
uint8_t behind_add(struct graph *f, const char *text, size_t len, bool fold, uint16_t start,
		   uint16_t end);
/* At the start of a match anything may have preceded. */
struct byte_set behind_any(const struct behinds *b);
/* Go on with one byte of these classes. */
void behind_step(const struct behinds *b, struct byte_set *at, const struct byte_set *set);
/* Which of them may precede now, a bit each. */
uint32_t behind_holds(const struct behinds *b, const struct byte_set *at);

/* The number of a set. Beyond SETS_MAX it is that of all bytes: this says too much, not too little. */
uint16_t graph_set(struct graph *f, const struct byte_set *set);

/* From here on a byte is known by its class: all bytes of each are the same to the graph. */
void graph_classify(struct graph *f, const struct byte_set *classes, unsigned n);

/* Fill in the graph. 0, or -1: it has something that is not understood. */
__attribute__((warn_unused_result)) int follow_parse(struct graph *f, const char *expression);

#endif
