/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_FOLLOW_PARSE_H
#define AWSMASK_FOLLOW_PARSE_H
/* An expression as a graph of bytes, private to follow*.c. */
#include "follow.h"

#define NODES_MAX 8192
#define NO_NODE UINT16_MAX
#define GRAPH_WAYS_MAX 65536

enum { NODE_MATCH, NODE_ANY, NODE_FIRST };

/* A byte of the set, then out[0]; or nothing at all, then either. */
struct node {
	struct byte_set set;
	bool is_byte;
	uint16_t out[2];
	uint16_t look; /* what follows must also be what begins here, or NO_NODE */
};

/* The node that reads the next byte, and the one of an assertion that must read it too. */
struct thread {
	uint16_t node, look; /* NO_NODE: there is none */
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
	bool cut; /* larger than NODES_MAX: what is missing is NODE_ANY */
	/* Of the walk that is going on: which nodes it has been at, and with which assertion. */
	uint32_t round;
	uint32_t seen[NODES_MAX];
	uint16_t seen_look[NODES_MAX];
	struct known_reach reach[NODES_MAX];
	uint32_t ways_count;
	struct thread ways[GRAPH_WAYS_MAX];
};

/* Fill in the graph. 0, or -1: it has something that is not understood. */
__attribute__((warn_unused_result)) int follow_parse(struct graph *f, const char *expression);

#endif
