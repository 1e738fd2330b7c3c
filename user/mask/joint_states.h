/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_JOINT_STATES_H
#define AWSMASK_JOINT_STATES_H
/* How joint walks are made, private to joint*.c: a walk's states, each of them what is left of some anchors. */
#include "anchors.h"

#define HASHED (1u << 16)
#define SETTLED UINT8_MAX
#define CHECK_BEFORE 16
#define CHECK_BEHIND 24

/* What is left of an anchor: where its guard stands. */
struct joint_item {
	uint16_t node, step;
};

/* What is left of all of them when so many bytes were read from the pair on, and before it. */
struct joint_state {
	uint32_t first; /* of its items */
	uint16_t count;
	uint8_t before, behind; /* SETTLED: no byte tells more */
	float weight;
	uint32_t next;	/* with a hash like this one; + 1 */
	uint32_t value; /* what stands in a cell for it */
};

/* An array that grows. */
struct joint_list {
	size_t n, room, size;
	void *data;
};

/* Bits that all bytes of some sets have in common. */
struct joint_common {
	bool any; /* there was one */
	uint8_t mask, want;
};

struct joint_maker {
	const struct anchors *anchors;
	bool failed;
	struct joint_list items, states, cells, maps, tries;
	uint32_t hashed[HASHED];
	/* of the state that is being spread out: all that its bytes lead to */
	unsigned groups;
	struct joint_state group[256];
	struct byte_set bytes[256];
	/* and what all that is left there asks for, and where the eight bytes begin that are held against it */
	struct joint_common common[CHECK_BEFORE + CHECK_BEHIND];
	int check;
};

/* Room for n more at the end of a list; NULL: memory is out, and the maker has failed. */
void *joint_add(struct joint_maker *m, struct joint_list *l, size_t n);

static inline struct joint_state *joint_state_at(const struct joint_maker *m, size_t i)
{
	return (struct joint_state *)m->states.data + i;
}

static inline struct joint_item *joint_items(const struct joint_maker *m,
					     const struct joint_state *s)
{
	return (struct joint_item *)m->items.data + s->first;
}

static inline const struct anchor_node *joint_node(const struct joint_maker *m,
						   const struct joint_item *item)
{
	return &m->anchors->nodes[item->node];
}

/* Is the byte the anchor's? */
bool joint_byte_is(const struct anchor_node *n, unsigned at, uint8_t c);
uint16_t joint_guard_next(const struct joint_maker *m, const struct anchor_node *n, uint16_t step,
			  uint8_t c);
/* Was all of the anchor read, and what precedes it? */
bool joint_is_known(const struct anchor_node *n, const struct joint_state *s);
/* Which byte the state reads: how far behind the pair's first one. */
int joint_reads_at(const struct joint_maker *m, const struct joint_state *s);
/* Was the last byte that it read, before the pair or not, one of an anchor's own? */
bool joint_reads_anchor(const struct joint_maker *m, const struct joint_state *s, bool before);
/* The number of such a state; of a new one the items become its own. */
uint32_t joint_state_number(struct joint_maker *m, const struct joint_state *s);
/* Sort all bytes by what they lead to; to each group of them belongs one state. */
void joint_spread(struct joint_maker *m, const struct joint_state *from, bool before);

/* The eight bytes that say most: what all that is left asks for, where nothing was read yet. */
void joint_find_check(struct joint_maker *m, const struct joint_state *s);
/* The group that all bytes lead to which the check lets stand; or none. */
struct joint_state *joint_only_group(struct joint_maker *m, int at);

#endif
