/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_VAULT_FILE_H
#define AWSMASK_VAULT_FILE_H
/* The vault's file, before SQLite opens it. */
#include "err.h"

/*
 * Make it (0600, its directory's owner's, its name safe on the disk), or look at the one that is there: a
 * regular file, private. It is only looked at, for closing a descriptor of it would drop the locks that
 * another connection of this process holds (POSIX advisory locks belong to the process). 0, or -1.
 */
__attribute__((warn_unused_result)) int vault_file_make(const char *path, struct err *e);

/* Behind the vault's name: what a repair made, whole and safe on the disk, before it has the name itself. */
#define VAULT_FILE_REPAIRED ".repaired"

/*
 * End a repair that was interrupted after its new file was complete: it takes the place of the damaged one, whose
 * changes (-wal) go. Before that moment there is nothing to end, and the damaged one is whole with its own. Called
 * before anybody opens the file. 0, or -1: both are there, and the next call tries again.
 */
__attribute__((warn_unused_result)) int vault_file_settle(const char *path, struct err *e);

#endif
