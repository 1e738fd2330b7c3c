/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_ENROLMENTS_H
#define AWSMASK_ENROLMENTS_H
/*
 * What the configuration enrolls: programs (entries that begin with "exe:"), and cgroups, as they
 * come and go.
 */
#include "monitor.h"

struct enrolments;

/*
 * Enroll what is there now, and follow what comes. What cannot be enrolled is logged, and no reason
 * to leave the rest unmasked. The services stay the caller's. NULL and a sentence.
 */
__attribute__((warn_unused_result)) struct enrolments *
enrolments_new(uv_loop_t *loop, struct monitor_services *services, struct err *e);
/* What is enrolled stays so. NULL is nothing. */
void enrolments_close(struct enrolments *n);

#endif
