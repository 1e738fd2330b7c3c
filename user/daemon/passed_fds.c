/* SPDX-License-Identifier: Apache-2.0 */
#include "passed_fds.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Room for what travels beside a message. */
union beside {
	struct cmsghdr header;
	char room[CMSG_SPACE(PASSED_FDS_MAX * sizeof(int))];
};

ssize_t passed_fds_send(int socket, const void *from, size_t size, const int *fds, size_t count,
			int flags)
{
	union beside beside = {0};
	struct iovec bytes = {(void *)from, size};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
	ssize_t n;

	if (count > PASSED_FDS_MAX) {
		errno = E2BIG;
		return -1;
	}
	if (count) {
		message.msg_control = beside.room;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		beside.header.cmsg_level = SOL_SOCKET;
		beside.header.cmsg_type = SCM_RIGHTS;
		beside.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&beside.header), fds, count * sizeof(int));
	}
	/* With a timeout neither is gone on with after a signal, whatever SA_RESTART says (signal(7)). */
	do
		n = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n;
}

ssize_t passed_fds_receive(int socket, void *to, size_t size, int *fds, size_t max, size_t *count,
			   int flags)
{
	union beside beside = {0};
	struct iovec bytes = {to, size};
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = beside.room,
				 /* not its padding, where one more would fit */
				 .msg_controllen = CMSG_LEN(max * sizeof(int))};
	struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	c = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
	*count = 0;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		*count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), *count * sizeof(int));
	}
	return n;
}
