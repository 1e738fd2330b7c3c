/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PROGRAM_TASKS_H
#define AWSMASK_PROGRAM_TASKS_H
/*
 * Processes that run an enrolled program already, with all that descend from them. Of a script it
 * is known by what its interpreter was given. A program that overwrites its arguments, or whose
 * file was replaced, is known by the name that a shell left in its environment ("_").
 *
 * Needs CAP_SYS_PTRACE.
 */
#include "program_path.h"

struct program_task {
	pid_t pid;
	pid_t parent;
	uint32_t id; /* of the program; 0: none */
};

/* Append all processes of this pid namespace to `tasks` (struct program_task). -1: memory, /proc */
__attribute__((warn_unused_result)) int program_tasks_find(const struct program_finds *f,
							   struct buf *tasks);

static inline const struct program_task *program_tasks(const struct buf *tasks, size_t *n)
{
	*n = buf_len(tasks) / sizeof(struct program_task);
	return (const void *)buf_bytes(tasks);
}

#endif
