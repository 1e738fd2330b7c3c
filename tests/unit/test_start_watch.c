/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/start_watch.h"
#include "tempdir.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

TestSuite(start_watch, .init = tempdir_make, .fini = tempdir_remove, .timeout = 60);

/* systemd's end. */
static int listen_as_systemd(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", in_tempdir("notify"));
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	setenv("NOTIFY_SOCKET", at.sun_path, 1);
	return fd;
}

static void expect_forgotten(int systemd, const char *name)
{
	char said[256] = "", wanted[256];

	snprintf(wanted, sizeof(wanted), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	cr_assert_gt(recv(systemd, said, sizeof(said) - 1, MSG_DONTWAIT), 0);
	cr_expect_str_eq(said, wanted);
}

Test(start_watch, who_hangs_ends_and_nothing_is_kept_for_the_next)
{
	struct inheritance in = {.all = NULL};
	int systemd = listen_as_systemd(), status;
	struct err e;
	pid_t child;

	cr_assert_eq(inherit_add(&in, "one", dup(0)), 0);
	cr_assert_eq(inherit_add(&in, "two", dup(0)), 0);
	child = fork();
	if (child == 0) {
		if (!start_watch_begin(&in, 50, &e))
			_exit(2);
		cr_assert_geq(inherit_take(&in, "one"), 0); /* as a start does */
		for (;;)
			pause();
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1, "%x", (unsigned)status);
	expect_forgotten(systemd, "one");
	expect_forgotten(systemd, "two");
	unsetenv("NOTIFY_SOCKET");
	inherit_drop(&in);
	close(systemd);
}

Test(start_watch, who_has_started_is_left_alone)
{
	struct inheritance in = {.all = NULL};
	struct err e;

	for (int i = 0; i < 100; i++) {
		struct start_watch *w = start_watch_begin(&in, 60000, &e);

		cr_assert(w, "%s", e.text);
		start_watch_end(w);
	}
	start_watch_end(NULL);
}
