/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/process.h"
#include "../../user/daemon/unix_socket.h"
#include "tempdir.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(unix_socket, .init = tempdir_make, .fini = tempdir_remove);

/* As long as a path may be, a byte longer, and far longer: alone and with a suffix. */
Test(unix_socket, address_fits_or_is_refused)
{
	enum { MOST = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };
	char path[4 * MOST];

	for (size_t len = MOST - 8; len < sizeof(path); len += len < MOST + 8 ? 1 : 100) {
		struct sockaddr_un addr;
		bool fits = len <= MOST;

		memset(path, 'p', len);
		path[len] = 0;
		memset(&addr, 0xaa, sizeof(addr));
		errno = 0;
		cr_assert_eq(unix_address(&addr, path, "") == 0, fits, "%zu bytes", len);
		cr_assert_eq(errno, fits ? 0 : ENAMETOOLONG);
		cr_assert_eq(addr.sun_family == AF_UNIX, fits, "it is untouched on failure");
		if (fits)
			cr_assert_str_eq(addr.sun_path, path);
		cr_assert_eq(unix_address(&addr, path, ".door") == 0, len + 5 <= MOST);
	}
}

static int listen_at(const char *path)
{
	struct sockaddr_un addr;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(unix_address(&addr, path, ""), 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	return fd;
}

Test(unix_socket, bound_is_not_yet_found)
{
	char path[200], other[200];
	struct sockaddr_un addr;
	struct ucred who = {0};
	int listener, client, accepted;

	snprintf(path, sizeof(path), "%s/a", tempdir);
	snprintf(other, sizeof(other), "%s/b", tempdir);
	listener = listen_at(path);
	cr_assert(unix_is_bound_to(listener, path) && unix_is_found_at(listener, path));
	cr_assert(!unix_is_bound_to(listener, other) && !unix_is_found_at(listener, other));
	client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(unix_address(&addr, path, "") == 0 &&
		  connect(client, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	accepted = accept(listener, NULL, NULL);
	cr_assert(unix_is_bound_to(accepted, path), "it was accepted there");
	cr_assert(!unix_is_bound_to(client, path), "it was not");
	cr_assert_eq(unix_peer(accepted, &who), 0);
	cr_assert(who.pid == getpid() && who.uid == getuid());
	unlink(path);
	cr_assert(unix_is_bound_to(listener, path) && !unix_is_found_at(listener, path));
	fclose(fopen(path, "w"));
	cr_assert_not(unix_is_found_at(listener, path), "that is a file");
	close(client), close(accepted), close(listener);
	cr_assert_eq(unix_peer(-1, &who), -1);
}

Test(unix_socket, process_is_named_until_it_ends)
{
	char name[16], cut[4];
	pid_t child = fork();
	int fd;

	if (child == 0) {
		pause();
		_exit(0);
	}
	fd = (int)syscall(SYS_pidfd_open, child, 0);
	cr_assert_eq(process_name(child, name, sizeof(name)), 0);
	cr_assert(*name && !strchr(name, '\n'));
	cr_assert_eq(process_name(child, cut, sizeof(cut)), 0);
	cr_assert(strlen(cut) == 3 && strncmp(cut, name, 3) == 0, "%s, %s", cut, name);
	cr_assert_not(process_has_ended(fd));
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	cr_assert(process_has_ended(fd));
	cr_assert_eq(process_name(child, name, sizeof(name)), -1);
	cr_assert_str_eq(name, "");
	close(fd);
}
