/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_IDENTITY_H
#define AWSMASK_IDENTITY_H
/* Who made a connection, in words: for the log, the report and the scope. */
#include "awsmask/abi.h"
#include "cgroup_names.h"
#include "container.h"
#include "log.h"

/* Paths are as they are; "id:N": of a cgroup that had gone; "": not known. */
struct identity {
	uint32_t uid, pid; /* pid 0: not known, and neither is comm */
	uint32_t program;  /* the enrolled one's number; 0: none */
	char comm[16];
	char *enrolled;	     /* the nearest enrolled cgroup; without one, the process's own */
	char *cgroup;	     /* the one in which the process is */
	char *accounted;     /* what the report tells cgroups apart by; printable */
	struct container in; /* name "": none */
};

/* Who it is, as far as that is known without waiting. 1: all of it; 0: identity_look_up() is needed,
 * on another thread; -1: memory is out. */
int identity_begin(struct identity *who, const struct flow_record *flow,
		   struct cgroup_names *names);
/* The rest. 0, or -1: memory is out. Any thread that may wait. */
int identity_look_up(struct identity *who, const struct flow_record *flow,
		     struct cgroup_names *names);
void identity_free(struct identity *who);

/* Log an event of whose it is: uid, pid, comm, cgroup, container
 * and program, then up to 12 fields more. */
void identity_log(const struct identity *who, int level, const char *event,
		  const struct log_field *fields, unsigned n);

#endif
