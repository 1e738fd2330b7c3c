/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AWSMASK_TASK_BPF_H
#define AWSMASK_TASK_BPF_H
/*
 * The current task's cgroup and those above it, read from the kernel's own structures: where a
 * program has no helper that tells. Of each structure only what is needed, fitted to the running
 * kernel when the program is loaded.
 */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	__u64 id; /* 5.5 */
};

struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct task_struct {
	struct css_set *cgroups;
};

#pragma clang attribute pop

static __always_inline struct cgroup *task_cgroup(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return BPF_CORE_READ(task, cgroups, dfl_cgrp);
}

static __always_inline __u64 cgroup_id_of(struct cgroup *c)
{
	return BPF_CORE_READ(c, kn, id);
}

/* NULL: it is the root. */
static __always_inline struct cgroup *cgroup_above(struct cgroup *c)
{
	struct cgroup_subsys_state *above = BPF_CORE_READ(c, self.parent);

	return above ? (struct cgroup *)((char *)above - bpf_core_field_offset(struct cgroup, self))
		     : NULL;
}

#endif
