/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_UNIX_SOCKET_H
#define AWSMASK_UNIX_SOCKET_H
/* Sockets that have a path: where they are, and who is at the other end (unix(7)). */
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The address of `path` with `suffix` behind it. 0, or -1 and ENAMETOOLONG: a socket's path may not be so long. */
__attribute__((warn_unused_result)) int unix_address(struct sockaddr_un *addr, const char *path,
						     const char *suffix);
/* Whether the socket was bound to this path, or accepted on one that was. */
bool unix_is_bound_to(int fd, const char *path);
/* The same, and whoever connects to the path now comes out at a socket, as far as can be seen. */
bool unix_is_found_at(int fd, const char *path);
/* Who is at the other end, as the kernel noted when they connected. 0, or -1 and errno. */
__attribute__((warn_unused_result)) int unix_peer(int fd, struct ucred *who);

#endif
