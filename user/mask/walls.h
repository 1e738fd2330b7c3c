/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_WALLS_H
#define AWSMASK_WALLS_H
/*
 * What an expression found out by walking far need not be found out again from each anchor on the way. An
 * expression says so by callouts (pcre2callout(3)): (?C1) where a possessive run begins, (?C2) where it
 * ends. What stands between them must end at the same place wherever on its way it begins, and what
 * follows must ask for nothing but that place: then where it failed once, it fails from all of the
 * run. In an assertion (?C3) stands at its end: it held, and what fails is something else. (?C4) to
 * (?C9) are those of a second and a third run. No way through an expression may come by one of them twice.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define WALLS_MAX 3

/* Of one rule in one text; zero at first. */
struct walls {
	struct wall {
		size_t from, to;     /* nothing matches if its run begins here */
		size_t begun, ended; /* the run of the try that is going on; ended: 0, it is not */
	} list[WALLS_MAX];
};

/* Of whoever tries. */
struct walls_seen {
	struct walls *of; /* the rule that is tried; or NULL */
	uint64_t walked;  /* bytes of such runs in all */
};

/* The callouts of a try; `seen` is a struct walls_seen. */
int walls_callout(pcre2_callout_block *block, void *seen);

/* The try is over. */
void walls_tried(struct walls *w, bool matched);

#endif
