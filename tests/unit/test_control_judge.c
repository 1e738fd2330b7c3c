/* SPDX-License-Identifier: Apache-2.0 */
/* Who may change something: told by what the kernel says of the peer, never by what it says itself. As root. */
#include "control_host.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define STATUS "{\"command\":\"status\"}"
#define CA_RELOAD "{\"command\":\"ca-reload\"}"

static struct host *host;
static char mount[PATH_MAX / 2], inside[PATH_MAX];
static uint64_t root_id, inside_id;

static void setup(void)
{
	struct err e;

	host = host_start(NULL, 0);
	cr_assert_eq(cgroup_mount(mount, sizeof(mount), &e), 0, "%s", e.text);
	cr_assert_eq(cgroup_id(mount, &root_id, &e), 0);
	snprintf(inside, sizeof(inside), "%s/awsmask-test-peer-%d", mount, (int)getpid());
	cr_assert_eq(cgroup_create(inside, &e), 0, "%s", e.text);
	cr_assert_eq(cgroup_id(inside, &inside_id, &e), 0);
}

static void teardown(void)
{
	struct err e;

	host_stop(host);
	cr_expect_eq(cgroup_remove(inside, &e), 0, "%s", e.text);
}

TestSuite(control_judge, .init = setup, .fini = teardown, .timeout = 60);

enum said { SAID_OK, SAID_REFUSED, SAID_OTHER, SAID_NOTHING };

/* What a child hears that has first become something else. */
static enum said hears(int (*become)(void), const char *request, const char *part)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		json_t *answer;

		if (become && become() < 0)
			_exit(SAID_NOTHING);
		answer = host_ask_once(host, request);
		_exit(is_ok(answer)		 ? SAID_OK
		      : is_refusal(answer, part) ? SAID_REFUSED
						 : SAID_OTHER);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? (enum said)WEXITSTATUS(status) : SAID_NOTHING;
}

static int go_inside(void)
{
	struct err e;

	return cgroup_enter(inside, 0, &e);
}

static int lose_sys_admin(void)
{
	cap_value_t admin = CAP_SYS_ADMIN;
	cap_t caps = cap_get_proc();

	return caps && !cap_set_flag(caps, CAP_EFFECTIVE, 1, &admin, CAP_CLEAR) ? cap_set_proc(caps)
										: -1;
}

/* As a container's first process. */
static int own_pid_namespace(void)
{
	int status;
	pid_t child;

	if (unshare(CLONE_NEWPID) < 0)
		return -1;
	child = fork();
	if (child == 0)
		return 0;
	_exit(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status)
		      ? WEXITSTATUS(status)
		      : SAID_NOTHING);
}

static int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int rc = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;

	if (fd >= 0)
		close(fd);
	return rc;
}

/* Root there, and there alone. */
static int own_user_namespace(void)
{
	if (setgid(61234) < 0 || setuid(61234) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0 ||
	    unshare(CLONE_NEWUSER) < 0 || write_to("/proc/self/setgroups", "deny") < 0 ||
	    write_to("/proc/self/uid_map", "0 61234 1") < 0)
		return -1;
	return getuid() == 0 ? 0 : -1;
}

Test(control_judge, who_is_below_an_enrolled_cgroup_changes_nothing_and_may_ask)
{
	host_enroll(host, inside_id, 0, 0);
	cr_expect_eq(hears(go_inside, CA_RELOAD, inside), SAID_REFUSED, "by its name");
	cr_expect_eq(hears(go_inside, STATUS, ""), SAID_OK);
	cr_expect_eq(hears(NULL, CA_RELOAD, ""), SAID_OK);
}

Test(control_judge, where_the_root_is_enrolled_the_hosts_root_may_still_take_it_back)
{
	host_enroll(host, root_id, 0, 0);
	cr_expect_eq(hears(NULL, CA_RELOAD, ""), SAID_OK);
	cr_expect_eq(hears(go_inside, CA_RELOAD, ""), SAID_OK);
	cr_expect_eq(hears(lose_sys_admin, CA_RELOAD, mount), SAID_REFUSED);
	cr_expect_eq(hears(own_pid_namespace, CA_RELOAD, mount), SAID_REFUSED);
	cr_expect_eq(hears(own_pid_namespace, STATUS, ""), SAID_OK);
	/* But not out of another one that is enrolled besides. */
	host_enroll(host, inside_id, 0, 0);
	cr_expect_eq(hears(go_inside, CA_RELOAD, inside), SAID_REFUSED);
}

Test(control_judge, root_of_a_user_namespace_is_not_root)
{
	cr_expect_eq(hears(own_user_namespace, CA_RELOAD, "you are uid 61234"), SAID_REFUSED);
	cr_expect_eq(hears(own_user_namespace, STATUS, ""), SAID_OK);
}

/* Its number may be another's by now. */
Test(control_judge, a_peer_that_has_ended_changes_nothing)
{
	int ends[2], fd = -1, status;
	json_t *answer;
	pid_t child;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	child = fork();
	if (child == 0) {
		struct iovec byte = {"x", 1};
		char room[CMSG_SPACE(sizeof(int))] = "";
		struct msghdr m = {.msg_iov = &byte,
				   .msg_iovlen = 1,
				   .msg_control = room,
				   .msg_controllen = sizeof(room)};
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		int dialled = host_dial(host);

		answer = host_ask(dialled, CA_RELOAD);
		*c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(c), &dialled, sizeof(int));
		_exit(is_ok(answer) && sendmsg(ends[1], &m, 0) == 1 ? 0 : 1);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	{
		char byte, room[CMSG_SPACE(sizeof(int))];
		struct iovec to = {&byte, 1};
		struct msghdr m = {.msg_iov = &to,
				   .msg_iovlen = 1,
				   .msg_control = room,
				   .msg_controllen = sizeof(room)};

		cr_assert_eq(recvmsg(ends[0], &m, 0), 1);
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	}
	answer = host_ask(fd, CA_RELOAD);
	cr_expect(is_refusal(answer, "cannot be seen"));
	json_decref(answer);
	answer = host_ask(fd, STATUS);
	cr_expect(is_ok(answer));
	json_decref(answer);
	close(fd);
}

/* A worker has sockets that lead to root's daemons: those have not asked for anything. */
Test(control_judge, only_what_was_accepted_on_the_control_socket_counts)
{
	struct sockaddr_un elsewhere = {.sun_family = AF_UNIX};
	int dialled = host_dial(host), ends[2], door, called, accepted;
	struct err e;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	snprintf(elsewhere.sun_path, sizeof(elsewhere.sun_path), "%s/other", host->dir);
	door = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(door, (struct sockaddr *)&elsewhere, sizeof(elsewhere)), 0);
	cr_assert_eq(listen(door, 1), 0);
	called = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(connect(called, (struct sockaddr *)&elsewhere, sizeof(elsewhere)), 0);
	accepted = accept(door, NULL, NULL);
	for (size_t i = 0; i < 6; i++) {
		const int fds[] = {-1, dialled, ends[0], called, accepted, door};

		e.text[0] = 0;
		cr_expect_lt(control_judge(fds[i], host->path, NULL, 0, &e), 0, "%zu", i);
		cr_expect(strstr(e.text, "nobody has asked"), "%zu: %s", i, e.text);
	}
	cr_expect_eq(control_judge(accepted, elsewhere.sun_path, NULL, 0, &e), 0, "%s", e.text);
	unlink(elsewhere.sun_path);
	for (size_t i = 0; i < 5; i++)
		close((const int[]){dialled, ends[0], ends[1], called, accepted}[i]);
	close(door);
}
