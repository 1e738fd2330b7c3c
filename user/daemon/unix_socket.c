/* SPDX-License-Identifier: Apache-2.0 */
#include "unix_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int unix_address(struct sockaddr_un *addr, const char *path, const char *suffix)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s%s", path, suffix);

	if (n < 0 || (size_t)n >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	*addr = a;
	return 0;
}

bool unix_is_bound_to(int fd, const char *path)
{
	struct sockaddr_un bound = {0};
	socklen_t size = sizeof(bound) - 1; /* a NUL stays behind a path that fills it */

	return getsockname(fd, (struct sockaddr *)&bound, &size) == 0 &&
	       bound.sun_family == AF_UNIX && strcmp(bound.sun_path, path) == 0;
}

bool unix_is_found_at(int fd, const char *path)
{
	struct stat st;

	return unix_is_bound_to(fd, path) && stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

int unix_peer(int fd, struct ucred *who)
{
	struct ucred found;
	socklen_t size = sizeof(found);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &found, &size) < 0)
		return -1;
	*who = found;
	return 0;
}
