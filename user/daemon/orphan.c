/* SPDX-License-Identifier: Apache-2.0 */
#include "orphan.h"
#include "passed_fds.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM (4 * 1024 * 1024) /* for some hundred of them */
#define FIXED offsetof(struct orphan, said)

_Static_assert(FIXED == 104, "another layout wants other names");

int orphans_make(int fds[static ORPHANS_ENDS])
{
	int size = ROOM;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	/* Without the privilege for it there is room for fewer. */
	(void)setsockopt(fds[ORPHANS_IN], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return 0;
}

bool orphan_leave(int in, int fd, const struct orphan *o, size_t said)
{
	size_t size = FIXED + said;

	return said <= ORPHAN_SAID_MAX &&
	       passed_fds_send(in, o, size, &fd, 1, MSG_DONTWAIT) == (ssize_t)size;
}

int orphan_take(int out, struct orphan *o, size_t *said)
{
	size_t count;
	int fd = -1;
	ssize_t n;

	n = passed_fds_receive(out, o, sizeof(*o), &fd, 1, &count, MSG_DONTWAIT);
	if (n < 0)
		return -1;
	if (n >= (ssize_t)FIXED && count == 1) {
		*said = (size_t)n - FIXED;
		return fd;
	}
	if (count)
		close(fd);
	/* 0: nobody is left who could leave one. */
	errno = n ? EBADMSG : EAGAIN;
	return -1;
}
