/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_TOP_H
#define AWSMASKCTL_TOP_H
/*
 * The parts of `awsmaskctl top`: what the daemon says at one moment (top_data.c), what two such moments look like
 * (top_views.c), a screen (top_screen.c), and who asks while it is looked at (top_asker.c).
 */
#include "client.h"
#include "sheet.h"

#define TOP_FLOWS_MAX 2000 /* more are counted, and not looked at one by one */

/* ---- a moment */

struct snapshot {
	double at;	 /* seconds, CLOCK_MONOTONIC */
	json_t *status;	 /* NULL: nothing is there yet */
	json_t *flows;	 /* each with "bytes" and, by snapshot_compare(), "rate" */
	json_t *workers; /* each with "memory", if that can be seen */
	json_t *enrolled, *programs;
	json_int_t total, memory; /* flows; bytes of all processes, 0: not known */
};

/* CLIENT_DONE, or as client_call(): then *s is empty. */
enum client_result snapshot_take(struct snapshot *s, struct ctl *c, struct err *e);
void snapshot_free(struct snapshot *s);
/* How fast each flow has moved since. */
void snapshot_compare(struct snapshot *now, const struct snapshot *before);

/* ---- sorting */

#define TOP_SORTS(X)                                                                               \
	/* name, word, is it a number */                                                           \
	X(RATE, "rate", true)                                                                      \
	X(BYTES, "bytes", true)                                                                    \
	X(AGE, "age_ms", true)                                                                     \
	X(MASKED, "masked", true)                                                                  \
	X(REQUESTS, "requests", true)                                                              \
	X(DOING, "doing", false)                                                                   \
	X(PROGRAM, "comm", false)                                                                  \
	X(TARGET, "target", false)                                                                 \
	X(CGROUP, "cgroup", false)

enum top_sort {
#define X(name, key, number) TOP_SORT_##name,
	TOP_SORTS(X)
#undef X
		TOP_SORT_COUNT
};
/* "rate", "age", "program" ...; -1: there is none. */
int top_sort_find(const char *word);
const char *top_sort_word(enum top_sort sort);
/* Numbers: the largest first; words from a to z; whatever is equal, the oldest first. NULL: memory is out. The
 * references are borrowed. */
json_t **top_sorted(const json_t *flows, enum top_sort sort);

/* ---- what it looks like */

#define TOP_VIEWS(X)                                                                               \
	X(FLOWS, "flows")                                                                          \
	X(TYPES, "types")                                                                          \
	X(ENROLMENTS, "enrolments")                                                                \
	X(LATENCY, "latency")

enum top_view {
#define X(name, word) TOP_##name,
	TOP_VIEWS(X)
#undef X
		TOP_VIEW_COUNT
};
const char *top_view_word(enum top_view view);

struct top {
	struct snapshot now, before;
	enum top_view view;
	enum top_sort sort;
	char filter[64]; /* "": all */
	bool paused;
	char absent[512]; /* why nothing new comes; "": it does */
};

/* The daemon as a whole, then the view's own lines, filtered; for a terminal of so many columns. */
void top_show(struct sheet *s, const struct top *t, int columns);
/* The lines of one view alone. */
void top_show_view(struct sheet *s, const struct top *t, enum top_view view, int columns);
void top_show_head(struct sheet *s, const struct top *t, int columns);

/* ---- asking, on a thread of its own, so that keys are heard whatever the daemon does */

struct asker;
/* Begin; every `delay` seconds. fd: readable when there is something to take. NULL: it cannot be. */
struct asker *asker_new(struct ctl *c, double delay, int *fd, struct err *e);
/* true: *s is a new moment, the caller's, or *why says why there is none. false: nothing new. */
bool asker_take(struct asker *a, struct snapshot *s, struct err *why);
/* Ask at once. */
void asker_hurry(struct asker *a);
/* It ends when its question does. */
void asker_leave(struct asker *a);

/* Show it on this terminal until somebody has enough. exit_status */
int top_screen(struct ctl *c, struct top *t, double delay);

#endif
