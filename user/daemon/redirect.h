/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_REDIRECT_H
#define AWSMASK_REDIRECT_H
/*
 * The kernel side as the monitor sees it: programs attached at the cgroup2 root by pinned links,
 * policy in pinned maps. Needs CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN. Not thread-safe.
 */
#include "awsmask/abi.h"
#include "config.h"
#include "err.h"

#include <sys/types.h>

struct redirect;

/*
 * Load and attach, or take over what an earlier daemon left pinned (same abi: maps and enrolments
 * are kept, programs are replaced in their links; another abi: refused with a sentence). Mounts
 * bpffs when nobody has. NULL and a sentence that names what the kernel lacks.
 */
__attribute__((warn_unused_result)) struct redirect *redirect_open(struct err *e);
/* The same in another directory below a bpf file system: one redirection per directory. */
__attribute__((warn_unused_result)) struct redirect *redirect_open_at(const char *dir,
								      struct err *e);
/* Lets go; everything pinned stays: enrolled cgroups are then refused (I1). */
void redirect_close(struct redirect *r);

/* Ports and exclusions of the configuration, replacing the earlier ones without a gap. 0 or -1. */
int redirect_configure(struct redirect *r, const struct config *c, struct err *e);
/*
 * The cgroup whose processes, and those below, are never redirected (I9); 0: none. -1 also for the
 * root and for one that contains an enrolled cgroup: those would then be exempt, too.
 */
int redirect_set_own_cgroup(struct redirect *r, uint64_t id, struct err *e);
/* Listener ports of the network namespace with this cookie (SO_NETNS_COOKIE); both 0: none. */
int redirect_set_listener(struct redirect *r, uint64_t netns_cookie, const struct listener *l,
			  struct err *e);

/* Forget those of all namespaces but these. 0 or -1. */
int redirect_keep_listeners(struct redirect *r, const uint64_t *cookies, size_t n, struct err *e);
/* The ring buffer of struct netns_wanted, a map's descriptor. */
int redirect_wanted_map(const struct redirect *r);

/* -1 also for a cgroup that is gone, too deep, or in the daemon's own. */
int redirect_enroll(struct redirect *r, uint64_t cgroup_id, const struct policy *p, struct err *e);
int redirect_unenroll(struct redirect *r, uint64_t cgroup_id,
		      struct err *e); /* -1 also when it was not */
/* Up to `max` enrolled ids and policies; returns how many there are. */
size_t redirect_list(struct redirect *r, uint64_t *ids, struct policy *policies, size_t max);

/*
 * Programs that are enrolled by their paths (program_watch.h). NULL, or a sentence that says why
 * this kernel cannot do that: then nothing is enrolled, and the functions below fail with it.
 */
const char *redirect_no_programs(const struct redirect *r);
/* A number that none had before, or the one that this path has already; *fresh says which. 0 or -1.
 */
int redirect_program_enroll(struct redirect *r, const struct program *p, uint32_t *id, bool *fresh,
			    struct err *e);
/* What was marked with it is free at once. 1; 0: there is no such program; -1 */
int redirect_program_unenroll(struct redirect *r, uint32_t id, struct err *e);
/* Up to `max` of them, in the order of their numbers; returns how many there are. */
size_t redirect_program_list(struct redirect *r, uint32_t *ids, struct program *programs,
			     size_t max);

struct redirect_program_file {
	struct program_file file;
	uint32_t id;
};
struct redirect_program_path {
	struct program_path path;
	uint32_t id;
};
/* What makes a process one of theirs, replacing the earlier sets without a gap. 0 or -1. */
int redirect_program_files(struct redirect *r, const struct redirect_program_file *files, size_t n,
			   struct err *e);
int redirect_program_paths(struct redirect *r, const struct redirect_program_path *paths, size_t n,
			   struct err *e);
/* The process is marked with it (1), unless it is marked already (0) or there is no room (-1). Numbers
 * of processes are those of the initial pid namespace. */
int redirect_program_mark(struct redirect *r, pid_t pid, uint32_t id);
void redirect_program_unmark(struct redirect *r, pid_t pid);
/* Each process that is marked with one that is enrolled. */
void redirect_program_each(struct redirect *r, void (*step)(pid_t pid, void *arg), void *arg);
/* The enrolled program that this process is marked with; 0: none. */
uint32_t redirect_program_of(struct redirect *r, pid_t pid);

/* 1: *rec is filled, 0: no such flow, -1: error. */
int redirect_flow_find(struct redirect *r, const struct flow_key *key, struct flow_record *rec);
/*
 * What was found is not asked for again. The same key may stand for a younger connection by now, whose client took the
 * port as soon as it was free: then that one's stays.
 */
void redirect_flow_drop(struct redirect *r, const struct flow_key *key,
			const struct flow_record *found);

/* Sum over the cores of each reason's counter. */
int redirect_counters(struct redirect *r, uint64_t counts[static REASON_COUNT]);

/* Unpin everything, detach, remove AWSMASK_PIN_DIR: the host is as it was. Works without an open
 * redirect. 0 or -1. */
int redirect_remove(struct err *e);
int redirect_remove_at(const char *dir, struct err *e);
/* Whether links are pinned at all (awsmaskctl status without a daemon). */
int redirect_pinned(void);
int redirect_pinned_at(const char *dir);

#endif
