/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AWSMASK_MARK_BPF_H
#define AWSMASK_MARK_BPF_H
/*
 * Which enrolled program a process runs, or descends from: written down on its first thread, for
 * all of them. What is needed of the kernel's own structs is declared here, and found by its name.
 */
#include "maps.bpf.h"

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

struct task_struct {
	struct task_struct *group_leader;
	struct fs_struct *fs;
} KERNEL_STRUCT;

struct linux_binprm {
	struct file *file;
	const char *filename;
} KERNEL_STRUCT;

/* Whether the kernel has all that marks take; tried before. */
const volatile bool have_programs;

static __always_inline struct program_mark *mark_of_current(void)
{
	struct task_struct *task;

	if (!have_programs)
		return NULL;
	task = bpf_get_current_task_btf();				  /* 5.11 */
	return bpf_task_storage_get(&marks, task->group_leader, NULL, 0); /* 5.11 */
}

#endif
