/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AWSMASK_PROGRAM_BPF_H
#define AWSMASK_PROGRAM_BPF_H
/* Processes are marked when they run an enrolled program, and their children when they are made.
 * Programs on tracepoints: 5.5. */
#include "facts.bpf.h"

#define CLONE_THREAD 0x00010000

/* One that there is no room for goes unmarked: that is counted. */
static __always_inline void mark_set(__u32 pid, const struct program_mark *mark)
{
	if (bpf_map_update_elem(&marks, &pid, mark, BPF_ANY))
		count(REASON_NO_ROOM);
}

static __always_inline void file_of_inode(struct program_file *f, const struct inode *inode)
{
	f->dev = inode->i_sb->s_dev;
	f->inode = inode->i_ino;
}

/*
 * By what execve(2) was told: the file behind the name may be a new one already, and of a script
 * the kernel has only the interpreter's file left here. A relative name is looked up together with
 * the working directory; one with .. in it is not found.
 */
static __always_inline __u32 *program_by_path(const struct task_struct *task,
					      const struct linux_binprm *bprm)
{
	struct program_path key = {};
	const char *name = bprm->filename;
	char head[2] = {};

	bpf_probe_read_kernel(head, sizeof(head), name);
	if (head[0] != '/') {
		file_of_inode(&key.from, task->fs->pwd.dentry->d_inode);
		if (head[0] == '.' && head[1] == '/')
			name += 2;
	}
	/* A longer one is cut, and then longer than any that is enrolled. */
	bpf_probe_read_kernel_str(key.path, sizeof(key.path), name);
	return bpf_map_lookup_elem(&program_paths, &key);
}

static __always_inline __u32 *program_by_file(const struct linux_binprm *bprm)
{
	struct program_file key = {};

	file_of_inode(&key, bprm->file->f_inode);
	return bpf_map_lookup_elem(&program_files, &key);
}

/* A mark is kept over later execs: what an agent starts is the agent's. Another enrolled program
 * takes its place, unless that would only be observed, and it is enforced. */
static __always_inline int on_exec(const struct task_struct *task, const struct linux_binprm *bprm)
{
	struct program_mark *mark, fresh;
	__u32 pid = task->tgid, *id = program_by_path(task, bprm);
	struct program *now, *before;

	if (!id)
		id = program_by_file(bprm);
	now = id ? bpf_map_lookup_elem(&programs, id) : NULL;
	if (!now)
		return 0;
	mark = bpf_map_lookup_elem(&marks, &pid);
	before = mark ? bpf_map_lookup_elem(&programs, &mark->program) : NULL;
	if (before && before->policy.mode == POLICY_ENFORCE && now->policy.mode != POLICY_ENFORCE)
		return 0;
	fresh.program = *id;
	mark_set(pid, &fresh);
	return 0;
}

/* A thread is its process's. A process begins with its parent's mark, or with none, whatever there
 * is of an earlier one with its number. */
static __always_inline int on_newtask(const struct task_struct *child, __u64 flags)
{
	struct program_mark *mark, copy;
	__u32 pid = child->tgid, parent = current_pid();

	if (flags & CLONE_THREAD)
		return 0;
	mark = bpf_map_lookup_elem(&marks, &parent);
	if (mark) {
		copy = *mark;
		mark_set(pid, &copy);
	} else {
		bpf_map_delete_elem(&marks, &pid);
	}
	return 0;
}

/* With its last thread. */
static __always_inline int on_exit(const struct task_struct *task)
{
	__u32 pid = task->tgid;

	if (task->signal->live.counter <= 0)
		bpf_map_delete_elem(&marks, &pid);
	return 0;
}

#endif
