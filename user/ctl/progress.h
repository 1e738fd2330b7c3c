/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_PROGRESS_H
#define AWSMASKCTL_PROGRESS_H
/*
 * How far something is that takes its time: on stderr, when that is a terminal, from the second second on, and gone
 * when it is over. With --progress also elsewhere, a line for each step of it. Never on standard output.
 */
#include "command.h"

struct progress;

enum progress_unit { PROGRESS_BYTES, PROGRESS_THINGS };

/* `doing`: "reading". `total` 0: not known. NULL: nobody is told, as where `c` is NULL; then the others do nothing. */
struct progress *progress_begin(const struct ctl *c, const char *doing, uint64_t total,
				enum progress_unit unit);
/* So far. Any thread. As a callback, too: `arg` is the progress. */
void progress_set(void *arg, uint64_t done, uint64_t total);
/* Something else is being done now. */
void progress_next(struct progress *p, const char *doing, uint64_t total, enum progress_unit unit);
void progress_end(struct progress *p);

/* The line for it, after so many seconds: "reading  12.0 MB of 48.0 MB  25%  6.0 MB/s  6s left". */
void progress_line(char *out, size_t size, const char *doing, uint64_t done, uint64_t total,
		   enum progress_unit unit, double seconds);

#endif
