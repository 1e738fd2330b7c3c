/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

int process_name(pid_t pid, char *name, size_t size)
{
	char path[64];
	bool found;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	found = f && fgets(name, (int)size, f);
	if (f)
		fclose(f);
	name[found ? strcspn(name, "\n") : 0] = 0;
	return found ? 0 : -1;
}

bool process_has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) != 0;
}
