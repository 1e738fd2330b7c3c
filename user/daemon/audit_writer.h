/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_AUDIT_WRITER_H
#define AWSMASK_AUDIT_WRITER_H
/* The thread that writes the audit log: for audit.c, which receives what is to be written. */
#include "audit.h"
#include "audit_forward.h"

struct audit_writer;

/* NULL: memory is out, or there can be no thread. */
__attribute__((warn_unused_result)) struct audit_writer *audit_writer_new(const struct config *c,
									  struct stats *stats);
/* With other settings from the next record on. */
void audit_writer_configure(struct audit_writer *w, const struct config *c);
/*
 * Copied. Never waits: what there is no room for is counted as lost. Under load it is written some 50 ms later; who is
 * killed outright until then loses it.
 */
void audit_writer_add(struct audit_writer *w, const struct audit_record *r);
/* Write all, sync, say where the chain ends, and end. */
void audit_writer_close(struct audit_writer *w);

#endif
