/* SPDX-License-Identifier: Apache-2.0 */
/* I10: what the worker cannot reach, though its uid could. As root, to whom modes say nothing. */
#include "../../user/daemon/cgroup.h"
#include "../../user/daemon/confine.h"
#include "tempdir.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[128], other[128];

static void setup(void)
{
	cr_assert_eq(geteuid(), 0, "these tests are for root");
	cr_assert_gt(confine_level(), 0, "this kernel has no Landlock");
	tempdir_make();
	snprintf(dir, sizeof(dir), "%s/own", tempdir);
	snprintf(other, sizeof(other), "%s/other", tempdir);
	cr_assert(mkdir(dir, 0755) == 0 && mkdir(other, 0777) == 0);
}

static void teardown(void)
{
	tempdir_remove();
}

TestSuite(confine, .init = setup, .fini = teardown);

/* In a child that is confined like the worker: 0 when `body` says yes. */
static int confined(int (*body)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct config *c = config_default();
		struct err e;

		snprintf(c->vault_sqlite, sizeof(c->vault_sqlite), "%s/vault.db", dir);
		snprintf(c->report_sqlite, sizeof(c->report_sqlite), "%s/report.db", dir);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || confine_worker(c, &e) != 1)
			_exit(99);
		_exit(body());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static int refused(int result)
{
	return result < 0 && errno == EACCES;
}

static int reads(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd;
}

static int cannot_read(void)
{
	static const char *const paths[] = {"/etc/shadow", "/etc/passwd",   "/root", "/",
					    "/etc",	   "/usr/bin/env",  "/home", "/var",
					    "/tmp",	   "/proc/../root/"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!refused(reads(paths[i]))) {
			fprintf(stderr, "%s can be opened\n", paths[i]);
			return 1;
		}
	return 0;
}

static int cannot_change(void)
{
	char path[160], link_to[160];

	snprintf(path, sizeof(path), "%s/file", other);
	snprintf(link_to, sizeof(link_to), "%s/link", dir);
	if (!refused(open(path, O_WRONLY | O_CREAT, 0600)) || !refused(unlink("/etc/hostname")) ||
	    !refused(mkdir(path, 0700)) || !refused(open("/etc/hosts", O_WRONLY)) ||
	    !refused(symlink("/etc/shadow", link_to)) || !refused(mkdir(link_to, 0700)) ||
	    !refused(mknod(link_to, S_IFIFO | 0600, 0)))
		return 1;
	/* Not even by a new name below a directory that is ours. */
	return link("/etc/shadow", link_to) == 0 || rename("/etc/hostname", link_to) == 0;
}

static int cannot_execute(void)
{
	char *argv[] = {"/bin/true", NULL};

	execv(argv[0], argv);
	return errno != EACCES;
}

static int cannot_signal(void)
{
	return kill(getppid(), 0) == 0 || errno != EPERM;
}

static int cannot_bind(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_port = htons(24680);
	return !refused(bind(fd, (struct sockaddr *)&a, sizeof(a)));
}

static int reaches_what_it_needs(void)
{
	char path[160], cgroups[PATH_MAX];
	struct err e;
	DIR *d;
	int fd;

	snprintf(path, sizeof(path), "%s/vault.db-journal", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1 || ftruncate(fd, 0) < 0 || fsync(fd) < 0)
		return 1;
	if (unlink(path) < 0 || reads(dir) < 0)
		return 2;
	if (reads("/etc/hosts") < 0 || reads("/proc/self/mountinfo") < 0 ||
	    reads("/proc/1/cgroup") < 0)
		return 3;
	if (cgroup_mount(cgroups, sizeof(cgroups), &e) < 0 || !(d = opendir(cgroups)))
		return 4;
	closedir(d);
	return reads("/etc/ssl/certs") < 0 && reads("/etc/pki") < 0 ? 5 : 0;
}

Test(confine, i10_files_of_others_are_out_of_reach)
{
	cr_expect_eq(confined(cannot_read), 0);
	cr_expect_eq(confined(cannot_change), 0);
	cr_expect_eq(confined(cannot_execute), 0);
}

Test(confine, i10_nobody_outside_is_signalled_and_no_port_is_taken)
{
	cr_expect_eq(confined(cannot_bind), confine_level() >= 4 ? 0 : 1);
	cr_expect_eq(confined(cannot_signal), confine_level() >= 6 ? 0 : 1);
}

Test(confine, what_the_worker_needs_is_in_reach)
{
	cr_expect_eq(confined(reaches_what_it_needs), 0);
}

static int open_before = -1;

static int what_is_open_stays_open(void)
{
	char byte;

	return pread(open_before, &byte, 1, 0) != 1;
}

Test(confine, descriptors_stay)
{
	open_before = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	cr_assert_geq(open_before, 0);
	cr_expect_eq(confined(what_is_open_stays_open), 0);
	close(open_before);
}

#ifndef __SANITIZE_THREAD__ /* it has a thread of its own */
static void *waits(void *arg)
{
	char byte;

	return read(*(int *)arg, &byte, 1) < 0 ? arg : NULL;
}

/* Landlock binds the thread that asks for it, not those beside it. */
Test(confine, a_second_thread_is_an_error)
{
	struct confine_path path = {dir, true};
	int ends[2];
	pthread_t thread;
	struct err e;

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(pthread_create(&thread, NULL, waits, &ends[0]), 0);
	cr_expect_lt(confine_files(&path, 1, &e), 0);
	cr_expect(strstr(e.text, "threads"));
	close(ends[1]);
	pthread_join(thread, NULL);
	close(ends[0]);
	cr_expect_geq(reads("/etc/passwd"), 0, "and nothing has changed");
}
#endif

Test(confine, without_no_new_privs_an_unprivileged_process_is_told)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct confine_path path = {"/tmp", false};
		struct err e;

		if (setresuid(61234, 61234, 61234) < 0)
			_exit(1);
		_exit(confine_files(&path, 1, &e) < 0 && strstr(e.text, "Landlock") ? 0 : 2);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
}
