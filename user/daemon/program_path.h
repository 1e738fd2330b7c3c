/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PROGRAM_PATH_H
#define AWSMASK_PROGRAM_PATH_H
/*
 * What an enrolled program's path leads to at this moment: the names that it can be started by, the
 * file behind them, and the directories in which that may change.
 *
 * A path is absolute; a component may be a pattern (glob(7)). Symbolic links are followed step by
 * step, for an update may switch any of them. A link counts only if it is root's or if the file in
 * the end has the same owner: else a user could have somebody else's programs enrolled.
 */
#include "../mask/buf.h"
#include "awsmask/abi.h"
#include "err.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* A file that makes who runs it an enrolled process. */
struct program_found {
	struct program_file file;
	uint32_t id;
	dev_t dev; /* the same as stat(2) says it */
	ino_t ino;
	char interpreter[32]; /* a script's, without directories; "": it is none */
	char path[PATH_MAX];  /* without links */
};

/* A name, and the directory that it is relative to. */
struct program_name {
	struct program_path path;
	uint32_t id;
};

struct program_finds {
	struct buf files; /* struct program_found */
	struct buf names; /* struct program_name */
	struct buf dirs; /* pairs of strings: a directory, and the name looked for in it; "": any */
	struct buf mounts; /* by number, the device of each mount; filled once */
	bool full;	   /* more than fit: memory, or AWSMASK_MAX_PROGRAM_FILES */
};

void program_finds_init(struct program_finds *f);
void program_finds_free(struct program_finds *f);

/* Add what a path leads to that config_program_check() has nothing against. Nothing at all, by now, is no error. */
void program_path_find(struct program_finds *f, const char *path, uint32_t id);

static inline const struct program_found *program_files(const struct program_finds *f, size_t *n)
{
	*n = buf_len(&f->files) / sizeof(struct program_found);
	return (const void *)buf_bytes(&f->files);
}

static inline const struct program_name *program_names(const struct program_finds *f, size_t *n)
{
	*n = buf_len(&f->names) / sizeof(struct program_name);
	return (const void *)buf_bytes(&f->names);
}

#endif
