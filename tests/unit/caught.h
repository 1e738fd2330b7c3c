/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CAUGHT_H
#define AWSMASK_CAUGHT_H
/* What is written to standard error, for tests of the log. */
#include <stdlib.h>
#include <unistd.h>

static char caught_bytes[1 << 16];
static int caught_saved = -1, caught = -1;

static inline void catch_stderr(void)
{
	char path[] = "/tmp/awsmask-log.XXXXXX";

	caught = mkstemp(path);
	unlink(path);
	caught_saved = dup(STDERR_FILENO);
	dup2(caught, STDERR_FILENO);
}

/* Everything written since catch_stderr(), which ends here. */
static inline const char *caught_text(void)
{
	ssize_t n;

	dup2(caught_saved, STDERR_FILENO);
	n = pread(caught, caught_bytes, sizeof(caught_bytes) - 1, 0);
	caught_bytes[n < 0 ? 0 : n] = 0;
	close(caught);
	return caught_bytes;
}

#endif
