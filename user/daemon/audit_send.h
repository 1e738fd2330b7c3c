/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_AUDIT_SEND_H
#define AWSMASK_AUDIT_SEND_H
/*
 * Records on their way to the monitor (audit.h), from one loop; nothing waits for them. They go in batches, a moment
 * after the first. While no monitor takes them, because it is restarting, or busy, they wait here, as many as
 * AUDIT_HOLD_MAX; what is beyond is counted as lost.
 */
#include "audit_record.h"
#include "config.h"
#include "stats.h"

#include <uv.h>

#define AUDIT_HOLD_MAX 1024

struct audit_sender;

/* *s is NULL where no audit log is written. 0, or -1: memory is out. */
__attribute__((warn_unused_result)) int audit_sender_open(struct audit_sender **s, uv_loop_t *loop,
							  const struct config *c,
							  struct stats *stats);
/* Copied; `s` may be NULL: nothing is recorded. */
void audit_send(struct audit_sender *s, const struct audit_record *r);
/* Whether some are held, and may yet be taken: for three seconds from when this was first asked,
 * by when a monitor that was restarted is there. */
bool audit_sender_waits(struct audit_sender *s);
/* What can be sent now is; the rest is lost. Freed by the loop; *s is NULL from now on. */
void audit_sender_close(struct audit_sender **s);

#endif
