/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PROGRAM_WATCH_H
#define AWSMASK_PROGRAM_WATCH_H
/*
 * Keeps the kernel side told what the enrolled programs' paths lead to, while links are switched
 * and files are replaced (inotify(7)). In between, the path as such still counts.
 */
#include "program_path.h"
#include "redirect.h"

#include <uv.h>

struct program_watch;

/* Only where redirect_no_programs() has nothing to say. NULL: no inotify, no memory. */
__attribute__((warn_unused_result)) struct program_watch *
program_watch_new(uv_loop_t *loop, struct redirect *r, struct err *e);
/* No event comes afterwards; freed by the loop. NULL is nothing. */
void program_watch_close(struct program_watch *w);

/* The enrolments have changed. 0, or -1: the kernel side does not know them all. */
int program_watch_refresh(struct program_watch *w, struct err *e);
/* What is meant by them just now. */
const struct program_finds *program_watch_finds(const struct program_watch *w);

#endif
