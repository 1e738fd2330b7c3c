/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_STATE_DIR_H
#define AWSMASK_STATE_DIR_H
/* The directories in which the daemon keeps its files. */
#include "err.h"

#include <sys/types.h>

/* The directory of a file, made with this group and mode when it is not there. 0, or -1. */
__attribute__((warn_unused_result)) int state_dir_make(const char *file, gid_t group, mode_t mode,
						       struct err *e);
/* Whether this user can make files there. Somebody else may have made it: it stays as they meant it. 0, or -1. */
__attribute__((warn_unused_result)) int state_dir_check(const char *file, uid_t uid, gid_t gid,
							struct err *e);
/* What was made, renamed or deleted beside `file` is so after a crash, too. 0, or -1 and errno. */
__attribute__((warn_unused_result)) int state_dir_sync(const char *file);

#endif
