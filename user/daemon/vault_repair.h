/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_VAULT_REPAIR_H
#define AWSMASK_VAULT_REPAIR_H
/*
 * Looking a vault's file through, and making a new one of what can still be read of it. A number that
 * was given to a value which is lost is given to no other one: rows are numbered from 1 and never
 * deleted, so no number is higher than the rows that the file had room for.
 */
#include "vault_sqlite.h"

#include <limits.h>

struct vault_found {
	size_t mappings;      /* that unseal */
	size_t lost;	      /* that are known to have been there, and cannot be read */
	bool sound;	      /* nothing is wrong with it */
	uint32_t floor;	      /* once repaired: new placeholders have higher numbers */
	char aside[PATH_MAX]; /* once repaired: where the damaged file is */
};

/* Who wants to know how far it is: rows, of those that the file had room for. */
struct vault_watcher {
	void (*tell)(void *arg, uint64_t done, uint64_t total);
	void *arg;
};

/*
 * Nothing is changed, but that a repair which was interrupted is ended (vault_file.h). `watcher` may be NULL. 0:
 * *found is set, or -1 and a sentence: it could not be looked at.
 */
__attribute__((warn_unused_result)) int vault_check(const char *path,
						    const uint8_t key[static VAULT_KEY_SIZE],
						    const struct vault_watcher *watcher,
						    struct vault_found *found, struct err *e);
/*
 * Put a new file in its place, if it is not sound; nobody may have it open. 0, or -1 and a sentence:
 * all is as it was, unless it says that the file was repaired. Whoever is killed in it leaves the damaged
 * file with its changes, or the new one, which the next opening puts in its place.
 */
__attribute__((warn_unused_result)) int vault_repair(const char *path,
						     const uint8_t key[static VAULT_KEY_SIZE],
						     const struct vault_watcher *watcher,
						     struct vault_found *found, struct err *e);

#endif
