/* SPDX-License-Identifier: Apache-2.0 */
#include "report_tally.h"

#include <stdlib.h>
#include <string.h>

static void outcomes_free(struct tally_outcome *o)
{
	while (o) {
		struct tally_outcome *next = o->next;

		free(o);
		o = next;
	}
}

static void group_free(struct tally_group *g)
{
	if (!g)
		return;
	outcomes_free(g->outcomes);
	free(g->cgroup);
	free(g->target);
	free(g);
}

void tally_groups_free(struct tally_group *groups)
{
	while (groups) {
		struct tally_group *next = groups->next;

		group_free(groups);
		groups = next;
	}
}

static struct tally_group *group_new(const struct report_key *q)
{
	struct tally_group *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->day = q->day;
	g->observe = q->observe;
	g->cgroup = strdup(q->cgroup);
	g->target = strdup(q->target);
	if (g->cgroup && g->target)
		return g;
	group_free(g);
	return NULL;
}

static bool group_is(const struct tally_group *g, const struct report_key *q)
{
	return g->day == q->day && g->observe == q->observe && !strcmp(g->target, q->target) &&
	       !strcmp(g->cgroup, q->cgroup);
}

/* The group of such a key (types are told apart inside), made if it is the first. NULL: there are too many. */
static struct tally_group *group_find(struct tally *t, const struct report_key *q)
{
	struct tally_group *g = t->groups;

	while (g && !group_is(g, q))
		g = g->next;
	if (g || t->group_count == TALLY_GROUPS_MAX)
		return g;
	g = group_new(q);
	if (!g)
		return NULL;
	g->next = t->groups;
	t->groups = g;
	t->group_count++;
	return g;
}

/* Of one type. Whatever was found in a request that was refused for another reason just was found. */
static struct report_sums sums_of(const struct report_request *q, enum mask_type type)
{
	const struct mask_counts *c = q->counts;
	struct report_sums s = {.requests = 1, .findings = 1};

	s.found = mask_counts_found(c, type);
	s.known = c->known_by_type[type];
	if (q->observe && q->passed_on) {
		s.passed = s.found;
	} else if (q->passed_on) {
		s.masked = c->by_type[type];
		s.passed = c->observed[type];
	} else if (!q->observe) {
		s.blocked = c->blocked_by_type[type];
	}
	s.refused = q->refused != NULL;
	s.unmaskable = q->unmaskable != NULL;
	return s;
}

/* False: memory is out. */
static bool outcome_add(struct tally_group *g, enum report_outcome outcome, const char *why,
			uint64_t count)
{
	struct tally_outcome *o = g->outcomes;

	while (o && (o->outcome != outcome || strcmp(o->why, why) != 0))
		o = o->next;
	if (!o) {
		o = malloc(sizeof(*o));
		if (!o)
			return false;
		*o = (struct tally_outcome){.next = g->outcomes, .outcome = outcome, .why = why};
		g->outcomes = o;
	}
	o->count += count;
	return true;
}

static void group_count(struct tally_group *g, const struct report_request *q)
{
	struct report_sums all = {0};

	for (unsigned type = mask_counts_next(q->counts, 0); type < TYPE_MAX;
	     type = mask_counts_next(q->counts, type + 1)) {
		struct report_sums s = sums_of(q, (enum mask_type)type);

		report_sums_add(&g->sums[1 + type], &s);
		report_sums_add(&all, &s);
	}
	/* One request, however many types it held. */
	all.requests = 1;
	all.findings = all.found > 0;
	all.refused = q->refused != NULL;
	all.unmaskable = q->unmaskable != NULL;
	report_sums_add(&g->sums[0], &all);
}

void tally_count(struct tally *t, const struct report_request *q)
{
	const struct report_key key = {
		.day = q->day, .cgroup = q->cgroup, .target = q->target, .observe = q->observe};
	struct tally_group *g = group_find(t, &key);

	/* Why it was refused comes first: without, the sums would not agree with it. */
	if (!g || (q->refused && !outcome_add(g, REPORT_REFUSED, q->refused, 1)) ||
	    (q->unmaskable && !outcome_add(g, REPORT_UNMASKABLE, q->unmaskable, 1))) {
		t->lost++;
		return;
	}
	group_count(g, q);
	t->requests++;
}

void tally_count_connection(struct tally *t, const struct report_connection *q)
{
	const struct report_key key = {
		.day = q->day, .cgroup = q->cgroup, .target = q->target, .observe = q->observe};
	struct tally_group *g = group_find(t, &key);

	if (!g || !outcome_add(g, q->outcome, q->why, 1))
		t->lost++;
}

struct tally_group *tally_take(struct tally *t)
{
	struct tally_group *taken = t->groups;

	t->groups = NULL;
	t->group_count = 0;
	t->requests = 0;
	return taken;
}

static uint64_t connections_of(const struct tally_group *g)
{
	uint64_t n = 0;

	for (const struct tally_outcome *o = g->outcomes; o; o = o->next)
		n += o->outcome == REPORT_REFUSED || o->outcome == REPORT_UNMASKABLE ? 0 : o->count;
	return n;
}

static void group_put_back(struct tally *t, const struct tally_group *g)
{
	const struct report_key key = {
		.day = g->day, .cgroup = g->cgroup, .target = g->target, .observe = g->observe};
	struct tally_group *to = group_find(t, &key);

	if (!to) {
		t->lost += g->sums[0].requests + connections_of(g);
		return;
	}
	for (const struct tally_outcome *o = g->outcomes; o; o = o->next)
		if (!outcome_add(to, o->outcome, o->why, o->count))
			t->lost += o->count;
	for (size_t i = 0; i < 1 + TYPE_MAX; i++)
		report_sums_add(&to->sums[i], &g->sums[i]);
	t->requests += g->sums[0].requests;
}

void tally_put_back(struct tally *t, struct tally_group *taken)
{
	for (const struct tally_group *g = taken; g; g = g->next)
		group_put_back(t, g);
	tally_groups_free(taken);
}

static int group_write(const struct tally_group *g, const struct types *types, struct report_db *db)
{
	struct report_key key = {.day = g->day,
				 .cgroup = g->cgroup,
				 .target = g->target,
				 .type = "",
				 .observe = g->observe};

	for (const struct tally_outcome *o = g->outcomes; o; o = o->next)
		if (report_db_add_outcome(db, &key, o->outcome, o->why, o->count))
			return -1;
	if (g->sums[0].requests && report_db_add(db, &key, &g->sums[0]))
		return -1;
	for (unsigned type = 0; type < types_count(types); type++) {
		key.type = types_info(types, (enum mask_type)type)->label;
		if (g->sums[1 + type].found && report_db_add(db, &key, &g->sums[1 + type]))
			return -1;
	}
	return 0;
}

int tally_write(const struct tally_group *groups, const struct types *types, struct report_db *db)
{
	for (; groups; groups = groups->next)
		if (group_write(groups, types, db))
			return -1;
	return 0;
}
