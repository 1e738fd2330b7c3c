/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_AUDIT_FORWARD_H
#define AWSMASK_AUDIT_FORWARD_H
/*
 * Records to another log of the host as well: to the journal, in its native protocol (systemd.journal-fields(7),
 * "JOURNAL_NATIVE_PROTOCOL"), with fields; or to /dev/log as RFC 5424 has it. The line is the message in both. Nobody
 * is waited for: what cannot be taken at once is not sent.
 */
#include "../mask/buf.h"
#include "audit_record.h"

#include <stdbool.h>
#include <stddef.h>

enum audit_forward { FORWARD_NONE, FORWARD_JOURNALD, FORWARD_SYSLOG };

struct audit_forwarder {
	enum audit_forward to;
	int fd; /* -1: not connected */
	char host[256];
};

void audit_forward_init(struct audit_forwarder *f);
/* `lines`: of these records, behind any that are not among them. 0, or -1: not all were taken. */
__attribute__((warn_unused_result)) int audit_forward(struct audit_forwarder *f,
						      const struct buf *lines,
						      const struct audit_record *records, size_t n);
void audit_forward_close(struct audit_forwarder *f);

#endif
