/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_START_WATCH_H
#define AWSMASK_START_WATCH_H
/*
 * A monitor that hangs while it starts (in a file system, or a name service) must not keep connects waiting in the
 * sockets that systemd has kept for it. What could close them later does not run yet, so a thread waits for that.
 */
#include "inherit.h"

struct start_watch;

/*
 * Unless start_watch_end() comes within so many ms: systemd closes what it has kept, and the process ends with status
 * 1. NULL and a sentence: memory or threads are out.
 */
__attribute__((warn_unused_result)) struct start_watch *
start_watch_begin(const struct inheritance *in, unsigned ms, struct err *e);
/* NULL-safe. */
void start_watch_end(struct start_watch *w);

#endif
