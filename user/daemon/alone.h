/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_ALONE_H
#define AWSMASK_ALONE_H
/* One daemon at a time: two would share each other's listeners, pins and control socket. */
#include "config.h"

#include "inherit.h"

/*
 * Claim the host (its pin directory, its control socket) before anything there is touched. Returns a
 * descriptor that holds the claim until it is closed or the process ends, however it ends; -1 and a
 * sentence: another one runs. One that is inherited ("claim") holds; a control socket that is
 * inherited answers for nobody else.
 */
__attribute__((warn_unused_result)) int alone_claim(const struct config *c, struct inheritance *in,
						    struct err *e);

/* Whether somebody accepts at that path; a socket that a dead daemon left behind refuses. */
bool alone_answers(const char *path);

#endif
