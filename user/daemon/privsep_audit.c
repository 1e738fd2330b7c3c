/* SPDX-License-Identifier: Apache-2.0 */
/* Who changed what, or wanted to: into the audit log. */
#include "cgroup.h"
#include "monitor.h"
#include "unix_socket.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void monitor_record_change(struct monitor_services *m, enum audit_event event,
			   const struct ucred *who, const char *subject, const char *why_not)
{
	struct audit_record r;

	audit_begin(&r, event, why_not ? AUDIT_REFUSED : AUDIT_DONE);
	if (who && who->pid > 0)
		audit_say_who(&r, who->pid, who->uid);
	audit_text(r.subject, sizeof(r.subject), subject);
	audit_text(r.reason, sizeof(r.reason), why_not);
	audit_add(m->audit, &r);
}

static void name_subject(const struct priv_request *q, char *text, size_t size)
{
	char path[PATH_MAX];

	text[0] = 0;
	if (q->kind == PRIV_PROGRAM_ENROLL || q->kind == PRIV_PROGRAM_UNENROLL)
		snprintf(text, size, "exe:%.*s", (int)sizeof(q->u.program.path), q->u.program.path);
	else if (q->kind == PRIV_CA_RELOAD)
		return;
	else if (cgroup_path_of(q->u.cgroup.id, path, sizeof(path)) == 0)
		audit_text(text, size, path);
	else
		snprintf(text, size, "id:%llu", (unsigned long long)q->u.cgroup.id);
}

void privsep_record(struct monitor_services *m, const struct priv_request *q, int connection,
		    const struct priv_reply *reply)
{
	enum audit_event event = q->kind == PRIV_CA_RELOAD ? AUDIT_CA_RELOAD
				 : q->kind == PRIV_ENROLL || q->kind == PRIV_PROGRAM_ENROLL
					 ? AUDIT_ENROLL
					 : AUDIT_UNENROLL;
	const char *why_not = reply->status == 1  ? NULL
			      : reply->status < 0 ? reply->error
						  : "it was not enrolled";
	char subject[sizeof(((struct audit_record *)0)->subject)];
	struct ucred who;
	bool known = unix_peer(connection, &who) == 0;

	name_subject(q, subject, sizeof(subject));
	monitor_record_change(m, event, known ? &who : NULL, subject, why_not);
}
