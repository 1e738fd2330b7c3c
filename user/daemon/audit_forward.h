/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_AUDIT_FORWARD_H
#define AWSMASK_AUDIT_FORWARD_H
/*
 * Records to another log of the host as well: to the journal, in its native protocol (systemd.journal-fields(7),
 * "JOURNAL_NATIVE_PROTOCOL"), with fields; or to /dev/log as syslog(3) does it. The line is the message in both. A queue
 * that is full is waited for a tenth of a second in a round; what is not taken by then is not sent.
 */
#include "../mask/buf.h"
#include "audit_record.h"

#include <stddef.h>

enum audit_forward { FORWARD_NONE, FORWARD_JOURNALD, FORWARD_SYSLOG };

struct audit_forwarder {
	enum audit_forward to;
	int fd;		/* -1: not connected */
	uint64_t until; /* nobody is waited for any longer */
};

void audit_forward_init(struct audit_forwarder *f);
/* Another round: there is patience again. */
void audit_forward_round(struct audit_forwarder *f);
/* `lines`: of these records, behind any that are not among them. How many of them were not taken. */
__attribute__((warn_unused_result)) size_t audit_forward(struct audit_forwarder *f,
							 const struct buf *lines,
							 const struct audit_record *records,
							 size_t n);
void audit_forward_close(struct audit_forwarder *f);

#endif
