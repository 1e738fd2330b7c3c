/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_AUDIT_SHOW_H
#define AWSMASKCTL_AUDIT_SHOW_H
/* Which records are wanted, and how they are printed. */
#include "audit_log.h"
#include "command.h"

struct audit_filter {		    /* all zero: all are */
	int64_t since_ms, until_ms; /* since 1970; 0: none is said */
	bool by_user;
	uint64_t uid;
	const char *cgroup, *verdict, *type, *event, *placeholder; /* NULL: any */
};

/* From the command's options. STATUS_DONE, or STATUS_USAGE after saying what is wrong. */
int audit_filter_take(const struct ctl *c, struct audit_filter *f);
bool audit_filter_wants(const struct audit_filter *f, const json_t *record);

void audit_show_head(void);
/* One line for people, harmless to their terminal whatever the record holds. */
void audit_show(json_t *record);

#endif
