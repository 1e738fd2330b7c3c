/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 12

/* A cgroup's name is bytes; from here on it is for people. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

/*
 * The report tells containers apart below the cgroup that is enrolled for all of them, but not what
 * goes on inside of one.
 */
static char *account_of(const struct identity *who)
{
	bool within = who->in.name[0] && who->in.len > strlen(who->enrolled) && *who->enrolled;
	char *account = within ? strndup(who->cgroup, who->in.len) : strdup(who->enrolled);

	if (account)
		make_printable(account);
	return account;
}

static int settle(struct identity *who)
{
	if (!who->enrolled || !who->cgroup)
		return 0;
	if (!container_find(who->cgroup, &who->in))
		who->in = (struct container){.len = 0};
	who->accounted = account_of(who);
	return who->accounted ? 1 : -1;
}

int identity_begin(struct identity *who, const struct flow_record *flow, struct cgroup_names *names)
{
	*who = (struct identity){.uid = flow->uid, .pid = flow->pid};
	memcpy(who->comm, flow->comm, sizeof(who->comm) - 1);
	who->enrolled = cgroup_names_known(names, flow->cgroup_id);
	who->cgroup = cgroup_names_known(names, flow->task_cgroup_id);
	return settle(who);
}

int identity_look_up(struct identity *who, const struct flow_record *flow,
		     struct cgroup_names *names)
{
	if (!who->enrolled)
		who->enrolled = cgroup_names_path(names, flow->cgroup_id);
	if (!who->cgroup)
		who->cgroup = cgroup_names_path(names, flow->task_cgroup_id);
	return settle(who) == 1 ? 0 : -1;
}

void identity_free(struct identity *who)
{
	free(who->enrolled);
	free(who->cgroup);
	free(who->accounted);
	*who = (struct identity){.uid = 0};
}

void identity_log(const struct identity *who, int level, const char *event,
		  const struct log_field *fields, unsigned n)
{
	struct log_field all[5 + FIELDS_MAX];
	unsigned count = 0;

	all[count++] = log_number("uid", who->uid);
	if (who->pid) {
		all[count++] = log_number("pid", who->pid);
		all[count++] = log_name("comm", who->comm);
	}
	if (who->cgroup && *who->cgroup)
		all[count++] = log_name("cgroup", who->cgroup);
	if (who->in.name[0])
		all[count++] = log_name("container", who->in.name);
	for (unsigned i = 0; i < n && i < FIELDS_MAX; i++)
		all[count++] = fields[i];
	log_fields(level, event, all, count);
}
