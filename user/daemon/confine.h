/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONFINE_H
#define AWSMASK_CONFINE_H
/*
 * Which files this process can still reach (Landlock): the kernel's answer is no for all others,
 * whatever their modes say. Descriptors that are open stay open.
 */
#include "config.h"

#include <stddef.h>

struct confine_path {
	const char *path; /* a directory means all below it; one that is not there is passed over */
	bool write;	  /* make, change and remove files, too */
};

/* Which version of Landlock the kernel has; 0: none, or it is switched off. */
int confine_level(void);

/*
 * For good, for this thread and those that it starts: so before there is another one, which is
 * an error. No TCP port can be bound any more, and nobody outside be signalled, where the kernel
 * can see to that (levels 4 and 6). Needs no_new_privs.
 * 1: so it is; 0: this kernel has no Landlock, nothing has changed; -1 and a sentence.
 */
__attribute__((warn_unused_result)) int confine_files(const struct confine_path *paths, size_t n,
						      struct err *e);

/* What the worker needs: the vault's and the report's directories, to write; the resolver's files,
 * the trust store, /proc and the tree of cgroups, to read. As confine_files(). */
__attribute__((warn_unused_result)) int confine_worker(const struct config *c, struct err *e);

/*
 * The files of the resolver that stand in a directory with others. Landlock knows files by inode:
 * one that is replaced is out of reach until another worker starts. Ends with NULL.
 */
extern const char *const confine_resolver_files[];

#endif
