/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_VAULT_FILE_H
#define AWSMASK_VAULT_FILE_H
#include "err.h"

/* Make the vault's file (0600), or see that the one there is nobody else's. 0, or -1 and a sentence. */
int vault_file_make(const char *path, struct err *e);

#endif
