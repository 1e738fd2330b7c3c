/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AWSMASK_PROGRAM_BPF_H
#define AWSMASK_PROGRAM_BPF_H
/*
 * Processes are marked when they run an enrolled program, and their children when they are made.
 * What is needed of the kernel's own structs is declared here, and found by its name. Programs on
 * tracepoints that read them: 5.5.
 */
#include "mark.bpf.h"

#define CLONE_THREAD 0x00010000
#define KERNEL_STRUCT __attribute__((preserve_access_index))

struct super_block {
	__u32 s_dev;
} KERNEL_STRUCT;

struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
} KERNEL_STRUCT;

struct dentry {
	struct inode *d_inode;
} KERNEL_STRUCT;

struct path {
	struct dentry *dentry;
} KERNEL_STRUCT;

struct file {
	struct inode *f_inode;
} KERNEL_STRUCT;

struct fs_struct {
	struct path pwd;
} KERNEL_STRUCT;

struct atomic {
	int counter;
} KERNEL_STRUCT;

struct signal_struct {
	struct atomic live;
} KERNEL_STRUCT;

struct task_struct {
	int tgid;
	struct fs_struct *fs;
	struct signal_struct *signal;
} KERNEL_STRUCT;

struct linux_binprm {
	struct file *file;
	const char *filename;
} KERNEL_STRUCT;

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
	struct program_mark *mark = mark_of_current(), fresh;
	__u32 pid = task->tgid, *id = program_by_path(task, bprm);
	struct program *now, *before;

	if (!id)
		id = program_by_file(bprm);
	now = id ? bpf_map_lookup_elem(&programs, id) : NULL;
	if (!now)
		return 0;
	before = mark ? bpf_map_lookup_elem(&programs, &mark->program) : NULL;
	if (before && before->policy.mode == POLICY_ENFORCE && now->policy.mode != POLICY_ENFORCE)
		return 0;
	fresh.program = *id;
	bpf_map_update_elem(&marks, &pid, &fresh, BPF_ANY);
	return 0;
}

/* A thread is its process's. A process begins with its parent's mark, or with none, whatever there
 * is of an earlier one with its number. */
static __always_inline int on_newtask(const struct task_struct *child, __u64 flags)
{
	struct program_mark *mark, copy;
	__u32 pid = child->tgid;

	if (flags & CLONE_THREAD)
		return 0;
	mark = mark_of_current();
	if (mark) {
		copy = *mark;
		bpf_map_update_elem(&marks, &pid, &copy, BPF_ANY);
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
