/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_JOINT_STATES_H
#define AWSMASK_JOINT_STATES_H
/* How joint walks are made, private to joint*.c: a walk's states, each of them what is left of some anchors. */
#include "anchors.h"

#define HASHED (1u << 16)
#define SETTLED UINT8_MAX
#define CHECK_BEFORE 16
#define CHECK_BEHIND 24
#define JOINT_AHEAD KINDS_BYTES

/* What is left of an anchor: where its guard stands. */
struct joint_item {
	uint16_t node; /* and perhaps ITEM_DOT */
	uint16_t step;
};
/* A dot precedes the anchor, and then no digit may (EDGE_ADDRESS). */
#define ITEM_DOT ANCHORS_MAX
_Static_assert((ANCHORS_MAX & (ANCHORS_MAX - 1)) == 0 && ITEM_DOT <= UINT16_MAX, "a bit");

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

/* What a byte must be: the bits that all bytes have in common that may stand there, and their kinds. */
struct joint_ahead {
	uint8_t mask, want, kinds;
	bool never; /* none may */
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
	struct joint_ahead asked[CHECK_BEFORE + JOINT_AHEAD];
	int check;
	uint32_t need;
	uint16_t kind;
	unsigned run_points;
	/* of a guard that was needed: JOINT_AHEAD for each step; for each kind one for each step */
	struct joint_ahead *ahead[GUARD_RULES_MAX];
	uint8_t *points[GUARD_RULES_MAX];
	/* how often it is so for bytes of a text: that they are of a kind, or have such bits (0: not known yet) */
	float shares[KINDS], bit_shares[256][256];
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
	return &m->anchors->nodes[item->node & (ANCHORS_MAX - 1)];
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

/* What must stand behind a step, JOINT_AHEAD bytes. NULL: memory is out, and the maker has failed. */
const struct joint_ahead *joint_ahead(struct joint_maker *m, const struct anchor_node *n,
				      uint16_t step);
void joint_ahead_free(struct joint_maker *m);
unsigned guard_steps(const struct guards *g, unsigned rule);
/* How many bytes before the anchor its guard reads first, and has not read yet. */
unsigned joint_before_left(const struct anchor_node *n, const struct joint_state *s);
/* So many dots and dashes all that is left asks for before a run of the kind ends, where the state reads `at`. */
unsigned joint_points(struct joint_maker *m, const struct joint_state *s, int at, unsigned kind);
/* Both must be so. */
static inline void joint_ahead_meet(struct joint_ahead *a, const struct joint_ahead *b)
{
	a->never |= b->never || ((a->want ^ b->want) & a->mask & b->mask);
	a->mask |= b->mask;
	a->want |= b->want;
	a->kinds |= b->kinds;
}
/* The one or the other. */
void joint_ahead_join(struct joint_ahead *to, const struct joint_ahead *more);
struct joint_ahead joint_ahead_set(const struct byte_set *set);

/* How often a byte of these goes on what was read so far: bytes of a kind come together. */
double joint_often(const struct byte_set *bytes);
void joint_find_shares(struct joint_maker *m);

/* The eight bytes that say most: what all that is left asks for, where nothing was read yet. */
void joint_find_check(struct joint_maker *m, const struct joint_state *s);
/* The group that all bytes lead to which the check lets stand; or none. */
struct joint_state *joint_only_group(struct joint_maker *m, int at);

#endif
