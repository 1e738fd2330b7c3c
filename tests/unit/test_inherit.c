/* SPDX-License-Identifier: Apache-2.0 */
/* What one monitor leaves to the next: by name, and what nobody takes is closed. */
#include "../../user/daemon/handover.h"
#include "../../user/daemon/inherit.h"

#include "tempdir.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

Test(inherit, what_is_taken_is_ones_own_and_the_rest_is_closed)
{
	struct inheritance in = {.all = NULL};
	int one = dup(0), two = dup(0);

	cr_assert_eq(inherit_add(&in, "tcp4.1.0", one), 0);
	cr_assert_eq(inherit_add(&in, "control", two), 0);
	cr_assert(inherit_has(&in, "control"));
	cr_assert_eq(inherit_take(&in, "explicit"), -1);
	cr_assert_eq(inherit_take(&in, "tcp4.1.0"), one);
	cr_assert_eq(inherit_take(&in, "tcp4.1.0"), -1);
	cr_assert_not(inherit_has(&in, "tcp4.1.0"));
	inherit_drop(&in);
	cr_assert(is_open(one));
	cr_assert_not(is_open(two));
	cr_assert_eq(in.count, 0);
}

/* As systemd hands them over: from the third on, named in the environment. */
static int look_at_what_systemd_kept(void)
{
	struct inheritance in = {.all = NULL};
	char pid[16];
	struct err e;

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "tcp4.1.0:control", 1);
	if (dup2(0, 3) != 3 || dup2(0, 4) != 4 || inherit_from_systemd(&in, &e) < 0)
		return 1;
	if (in.count != 2 || inherit_take(&in, "control") != 4 || !inherit_has(&in, "tcp4.1.0"))
		return 2;
	inherit_drop(&in);
	return is_open(3) || !is_open(4) || getenv("LISTEN_FDS") ? 3 : 0;
}

Test(inherit, systemd_names_what_it_has_kept)
{
	pid_t pid = fork();
	int status;

	cr_assert(pid >= 0);
	if (pid == 0)
		_exit(look_at_what_systemd_kept());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 0);
}

Test(inherit, without_systemd_there_is_nothing)
{
	struct inheritance in = {.all = NULL};
	struct err e;

	unsetenv("LISTEN_FDS");
	cr_assert_eq(inherit_from_systemd(&in, &e), 0);
	cr_assert_eq(in.count, 0);
}

/* ---- from hand to hand */

struct rig {
	uv_loop_t loop;
	struct handover *handover;
	char path[160];
	int gift;
	unsigned wanted, succeeded, failed;
	/* of the one that comes */
	pthread_t thread;
	bool says_done;
	int got, link;
	struct inheritance in;
};

static void on_wanted(void *arg)
{
	struct rig *r = arg;

	r->wanted++;
	handover_give(r->handover, "gift", r->gift);
}

static void on_over(void *arg, bool succeeded)
{
	struct rig *r = arg;

	r->succeeded += succeeded;
	r->failed += !succeeded;
	uv_stop(&r->loop);
}

static void *come(void *arg)
{
	struct rig *r = arg;
	struct err e;

	r->got = handover_receive(r->path, &r->in, &r->link, &e);
	if (r->got == 1 && r->says_done)
		handover_done(r->link);
	else if (r->got == 1)
		close(r->link);
	return NULL;
}

static void set_up(struct rig *r)
{
	const struct handover_events events = {on_wanted, on_over, r};
	struct inheritance nothing = {.all = NULL};
	struct err e;

	*r = (struct rig){.gift = dup(0)};
	snprintf(r->path, sizeof(r->path), "%s/control.sock", tempdir);
	cr_assert_eq(uv_loop_init(&r->loop), 0);
	r->handover = handover_open(&r->loop, r->path, &nothing, &events, &e);
	cr_assert(r->handover, "%s", r->handover ? "" : e.text);
}

static void meet(struct rig *r, bool says_done)
{
	r->says_done = says_done;
	cr_assert_eq(pthread_create(&r->thread, NULL, come, r), 0);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	pthread_join(r->thread, NULL);
	cr_assert_eq(r->got, 1);
}

static void tear_down(struct rig *r)
{
	inherit_drop(&r->in);
	handover_close(r->handover, false);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&r->loop), 0);
	close(r->gift);
	tempdir_remove();
}

Test(handover, a_successor_gets_what_there_is_and_says_when_it_serves)
{
	tempdir_make();
	struct rig r;
	int fd;

	set_up(&r);
	meet(&r, true);
	cr_assert_eq(r.wanted, 1);
	cr_assert_eq(r.succeeded, 1);
	cr_assert_eq(r.in.count, 2); /* and the place itself */
	fd = inherit_take(&r.in, "gift");
	cr_assert(is_open(fd));
	cr_assert(inherit_has(&r.in, HANDOVER_NAME));
	tear_down(&r);
}

Test(handover, a_successor_that_ends_without_is_told_and_the_next_one_is_served)
{
	tempdir_make();
	struct rig r;

	set_up(&r);
	meet(&r, false);
	cr_assert_eq(r.failed, 1);
	inherit_drop(&r.in);
	meet(&r, true);
	cr_assert_eq(r.wanted, 2);
	cr_assert_eq(r.succeeded, 1);
	tear_down(&r);
}

Test(handover, where_nobody_runs_there_is_nothing_to_get)
{
	tempdir_make();
	struct inheritance in = {.all = NULL};
	char path[200];
	int link = -1;
	struct err e;

	snprintf(path, sizeof(path), "%s/control.sock", tempdir);
	cr_assert_eq(handover_receive(path, &in, &link, &e), 0);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	cr_assert_eq(handover_receive(path, &in, &link, &e), -1);
	cr_assert(strstr(e.text, "control.socket"));
	tempdir_remove();
}
