/* SPDX-License-Identifier: Apache-2.0 */
#include "follow_parse.h"
#include "follow_repeat.h"
#include "follow_set.h"

#include <string.h>

/*
 * As much of pcre2pattern(3) as catalogues are written in. Each part of an expression becomes a
 * piece of the graph, with one node where it begins and an empty one where it ends.
 */
#define ANCHOR_CALLOUT "10)"
#define COPIES_MAX 24 /* of x in x{n}: further than anybody looks */
#define DEPTH_MAX 60

struct piece {
	uint16_t start, end;
};

#define GROUPS_MAX 32

/* What a group is, for where it is referred to; `text`: NULL while it is being read. */
struct capture {
	const char *name;
	size_t name_len;
	const char *text;
	bool fold;
};

struct reader {
	struct graph *f;
	const char *at;
	bool fold, failed;
	unsigned depth;
	unsigned captures; /* seen so far */
	struct capture capture[GROUPS_MAX];
};

static struct piece read_choice(struct reader *r);

static uint16_t node_new(struct graph *f)
{
	if (f->dry)
		return NODE_ANY;
	if (f->count == NODES_MAX) {
		f->cut = true;
		return NODE_ANY;
	}
	f->nodes[f->count] = (struct node){.out = {NO_NODE, NO_NODE}, .look = NO_NODE};
	f->reach[f->count].found = false;
	return f->count++;
}

static void link_to(struct graph *f, uint16_t from, uint16_t to)
{
	struct node *n = &f->nodes[from];

	if (from >= NODE_FIRST)
		n->out[n->out[0] != NO_NODE] = to;
}

static struct piece piece_empty(struct graph *f)
{
	uint16_t n = node_new(f);

	return (struct piece){n, n};
}

static struct piece piece_fail(struct reader *r)
{
	r->failed = true;
	return (struct piece){NODE_ANY, NODE_ANY};
}

static struct piece piece_of(struct reader *r, const struct byte_set *set)
{
	struct piece p = {node_new(r->f), node_new(r->f)};

	if (p.start == NODE_ANY)
		return p;
	r->f->nodes[p.start].set = graph_set(r->f, set);
	r->f->nodes[p.start].is_byte = true;
	link_to(r->f, p.start, p.end);
	return p;
}

static struct piece piece_set(struct reader *r, const struct byte_set *set)
{
	struct byte_set both = *set;

	if (r->fold)
		byte_set_fold(&both);
	return piece_of(r, &both);
}

static struct piece piece_join(struct graph *f, struct piece a, struct piece b)
{
	link_to(f, a.end, b.start);
	return (struct piece){a.start, b.end};
}

static struct piece piece_or(struct graph *f, struct piece a, struct piece b)
{
	struct piece p = {node_new(f), node_new(f)};

	link_to(f, p.start, a.start);
	link_to(f, p.start, b.start);
	link_to(f, a.end, p.end);
	link_to(f, b.end, p.end);
	return p;
}

static struct piece piece_star(struct graph *f, struct piece a)
{
	struct piece p = {node_new(f), node_new(f)};

	link_to(f, p.start, a.start);
	link_to(f, p.start, p.end);
	link_to(f, a.end, p.start);
	return p;
}

static struct piece read_escape(struct reader *r)
{
	struct byte_set set;
	int byte;

	r->at++;
	if (*r->at && strchr("bBAzZG", *r->at)) {
		r->at++;
		return piece_empty(r->f);
	}
	if (set_of_class(*r->at, &set)) {
		r->at++;
		return piece_set(r, &set);
	}
	byte = set_escaped(&r->at);
	if (byte < 0)
		return piece_fail(r);
	set = (struct byte_set){0};
	byte_set_add(&set, (uint8_t)byte);
	return piece_set(r, &set);
}

static struct piece read_class(struct reader *r)
{
	struct byte_set set;

	if (set_read_class(&r->at, r->fold, &set) < 0)
		return piece_fail(r);
	return piece_of(r, &set);
}

static bool starts_with(struct reader *r, const char *what)
{
	size_t n = strlen(what);

	if (strncmp(r->at, what, n) != 0)
		return false;
	r->at += n;
	return true;
}

static struct piece read_to_end(struct reader *r)
{
	struct piece p;

	if (++r->depth > DEPTH_MAX)
		return piece_fail(r);
	p = read_choice(r);
	r->depth--;
	if (*r->at != ')')
		return piece_fail(r);
	r->at++;
	return p;
}

/* What must follow, and is then read again. */
static struct piece read_ahead(struct reader *r)
{
	struct piece p = piece_empty(r->f), look;
	uint16_t first = r->f->count;

	look = read_to_end(r);
	for (uint16_t at = first; at < r->f->count; at++)
		r->f->nodes[at].ahead = true;
	link_to(r->f, look.end, NODE_ANY);
	if (p.start != NODE_ANY)
		r->f->nodes[p.start].look = look.start;
	return p;
}

/* What must not follow or precede takes no bytes and is read for its end only. */
static struct piece read_past(struct reader *r)
{
	bool dry = r->f->dry;

	r->f->dry = true;
	read_to_end(r);
	r->f->dry = dry;
	return piece_empty(r->f);
}

/* So does what must precede, but that is noted. */
static struct piece read_behind(struct reader *r)
{
	uint16_t count = r->f->count;
	const char *text = r->at;
	bool cut = r->f->cut;
	struct piece p;
	uint8_t behind = 0;

	if (r->f->dry)
		return read_past(r);
	p = read_to_end(r);
	if (!r->failed && !r->f->cut)
		behind = behind_add(r->f, text, (size_t)(r->at - text), r->fold, p.start, p.end);
	r->f->count = count;
	r->f->cut = cut;
	p = piece_empty(r->f);
	if (p.start != NODE_ANY)
		r->f->nodes[p.start].behind = behind;
	return p;
}

/* Behind "(?": letters that switch something, for the rest of the group or for one of its own. */
static struct piece read_flags(struct reader *r)
{
	bool on = true, before = r->fold, fold = r->fold;
	struct piece p;

	for (; *r->at && strchr("is-", *r->at); r->at++) {
		if (*r->at == '-')
			on = false;
		else if (*r->at == 'i')
			fold = on;
	}
	r->fold = fold;
	if (starts_with(r, ")"))
		return piece_empty(r->f);
	if (!starts_with(r, ":"))
		return piece_fail(r);
	p = read_to_end(r);
	r->fold = before;
	return p;
}

/* The inside of a group that is numbered, to its end. */
static struct piece read_capture(struct reader *r, const char *name, size_t name_len)
{
	unsigned number = ++r->captures;
	struct capture is = {name, name_len, r->at, r->fold};
	struct piece p = read_to_end(r);

	if (number < GROUPS_MAX)
		r->capture[number] = is;
	return p;
}

/* Behind "(?<": a group with a name. */
static struct piece read_named(struct reader *r)
{
	const char *name = r->at, *end = strchr(name, '>');

	if (!end)
		return piece_fail(r);
	r->at = end + 1;
	return read_capture(r, name, (size_t)(end - name));
}

/* A group stands here once more, or one that is not known yet. */
static struct piece read_again_group(struct reader *r, const struct capture *c)
{
	unsigned captures = r->captures;
	const char *after = r->at;
	bool fold = r->fold;
	struct piece p;

	if (r->f->dry)
		return piece_empty(r->f);
	if (!c || !c->text) {
		p = piece_empty(r->f);
		link_to(r->f, p.end, NODE_ANY);
		return (struct piece){p.start, NODE_ANY};
	}
	r->at = c->text;
	r->fold = c->fold;
	p = read_to_end(r);
	r->at = after;
	r->fold = fold;
	r->captures = captures;
	return p;
}

/* Behind "(?": the number of a group. */
static struct piece read_number(struct reader *r)
{
	unsigned number = 0;

	for (; *r->at >= '0' && *r->at <= '9' && number < GROUPS_MAX; r->at++)
		number = number * 10 + (unsigned)(*r->at - '0');
	if (!starts_with(r, ")"))
		return piece_fail(r);
	return read_again_group(r, number && number < GROUPS_MAX ? &r->capture[number] : NULL);
}

/* Behind "(?&": the name of one. */
static struct piece read_name(struct reader *r)
{
	const char *name = r->at;
	size_t len = strcspn(name, ")");
	const struct capture *found = NULL;

	r->at += len;
	if (!starts_with(r, ")"))
		return piece_fail(r);
	for (unsigned i = 1; i <= r->captures && i < GROUPS_MAX && !found; i++)
		if (r->capture[i].name && r->capture[i].name_len == len &&
		    !memcmp(r->capture[i].name, name, len))
			found = &r->capture[i];
	return read_again_group(r, found);
}

/* Behind "(?C": the number of a callout, which takes no bytes. */
static struct piece read_callout(struct reader *r)
{
	bool anchor = !strncmp(r->at, ANCHOR_CALLOUT, strlen(ANCHOR_CALLOUT));

	r->at += strspn(r->at, "0123456789");
	if (!starts_with(r, ")"))
		return piece_fail(r);
	if (anchor && !r->f->dry && r->f->anchors == NODE_FIRST)
		r->f->anchors = r->f->count;
	return piece_empty(r->f);
}

static struct piece read_group(struct reader *r)
{
	if (r->at[1] == '*')
		return piece_fail(r);
	if (r->at[1] != '?') {
		r->at++;
		return read_capture(r, NULL, 0);
	}
	r->at += 2;
	if (*r->at >= '0' && *r->at <= '9')
		return read_number(r);
	if (starts_with(r, "&"))
		return read_name(r);
	if (starts_with(r, "C"))
		return read_callout(r);
	if (starts_with(r, "="))
		return read_ahead(r);
	if (starts_with(r, "<="))
		return read_behind(r);
	/* what is only defined stands where it is referred to */
	if (starts_with(r, "!") || starts_with(r, "<!") || starts_with(r, "(DEFINE)"))
		return read_past(r);
	if (starts_with(r, ">"))
		return read_to_end(r);
	if (starts_with(r, "<") || starts_with(r, "P<"))
		return read_named(r);
	return read_flags(r);
}

static struct piece read_atom(struct reader *r)
{
	struct byte_set set = {0};

	switch (*r->at) {
	case '(':
		return read_group(r);
	case '[':
		return read_class(r);
	case '\\':
		return read_escape(r);
	case '^':
	case '$':
		r->at++;
		return piece_empty(r->f);
	case '.':
		r->at++;
		return piece_set(r, &byte_set_all);
	case '*':
	case '+':
	case '?':
		return piece_fail(r);
	default:
		byte_set_add(&set, (uint8_t)*r->at++);
		return piece_set(r, &set);
	}
}

static struct piece read_again(struct reader *r, const char *atom)
{
	unsigned captures = r->captures;
	const char *after = r->at;
	struct piece p;

	r->at = atom;
	p = read_atom(r);
	r->at = after;
	r->captures = captures;
	return p;
}

static struct piece read_repeated(struct reader *r)
{
	const char *atom = r->at;
	struct piece p = read_atom(r), more;
	unsigned least, most, n;

	r->failed |= !repeat_read(&r->at, &least, &most);
	if (r->failed || r->f->dry || (least == 1 && most == 1))
		return p;
	if (least == 0)
		return most == 1 ? piece_or(r->f, p, piece_empty(r->f)) : piece_star(r->f, p);
	for (n = 1; n < least; n++) {
		if (n == COPIES_MAX || r->f->cut) {
			link_to(r->f, p.end, NODE_ANY);
			return (struct piece){p.start, NODE_ANY};
		}
		p = piece_join(r->f, p, read_again(r, atom));
	}
	if (most == least)
		return p;
	more = r->f->cut ? (struct piece){NODE_ANY, NODE_ANY} : read_again(r, atom);
	return piece_join(r->f, p, piece_star(r->f, more));
}

static struct piece read_sequence(struct reader *r)
{
	struct piece p = piece_empty(r->f);

	while (!r->failed && *r->at && *r->at != '|' && *r->at != ')')
		p = piece_join(r->f, p, read_repeated(r));
	return p;
}

static struct piece read_choice(struct reader *r)
{
	bool fold = r->fold;
	struct piece p = read_sequence(r);

	while (!r->failed && *r->at == '|') {
		r->at++;
		p = piece_or(r->f, p, read_sequence(r));
	}
	r->fold = fold;
	return p;
}

int follow_parse(struct graph *f, const char *expression)
{
	struct reader r = {.f = f, .at = expression};
	struct piece p;

	f->count = 0;
	f->anchors = NODE_FIRST;
	f->cut = f->dry = false;
	f->ways_count = 0;
	f->sets_count = 0;
	memset(f->set_slots, 0, sizeof(f->set_slots));
	graph_set(f, &byte_set_all);
	f->behinds.count = f->behinds.places = 0;
	f->behinds.starts = (struct byte_set){0};
	for (uint16_t n = 0; n < NODE_FIRST; n++)
		node_new(f);
	/* where an assertion may still go on */
	for (uint16_t n = 0; n < NODE_FIRST; n++) {
		f->nodes[n].set = 0;
		f->nodes[n].out[0] = NODE_ANY;
	}
	p = read_choice(&r);
	if (r.failed || *r.at)
		return -1;
	link_to(f, p.end, NODE_MATCH);
	f->start = p.start;
	return 0;
}
