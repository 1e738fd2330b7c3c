/* SPDX-License-Identifier: Apache-2.0 */
/* I10: what parses network bytes has no capability, no root, a seccomp filter. Needs root to begin
 * with. */
#include "../../user/daemon/sandbox.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOMEBODY 61234

/* Run `body` in a child that has given up what the worker gives up; its wait status. */
static int in_sandbox(int (*body)(void))
{
	pid_t pid = fork();
	int status;

	cr_assert(pid >= 0);
	if (pid == 0) {
		struct err e;
		if (sandbox_drop(SOMEBODY, SOMEBODY) < 0 || sandbox_close(&e) < 0)
			_exit(99);
		_exit(body());
	}
	cr_assert(waitpid(pid, &status, 0) == pid);
	return status;
}

#define SAYS_YES(body) cr_assert(WIFEXITED(in_sandbox(body)) && WEXITSTATUS(in_sandbox(body)) == 0)
#define IS_KILLED(body)                                                                            \
	do {                                                                                       \
		int killed_status = in_sandbox(body);                                              \
		cr_assert(WIFSIGNALED(killed_status) && WTERMSIG(killed_status) == SIGSYS,         \
			  "status %x", killed_status);                                             \
	} while (0)

static int has_no_privilege(void)
{
	FILE *f = fopen("/proc/thread-self/status", "r");
	char line[256];
	unsigned long long caps = 0, sum = 0;
	int seccomp = 0, no_new = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "Cap", 3) == 0 && sscanf(line + 8, "%llx", &caps) == 1)
			sum |= caps;
		sscanf(line, "Seccomp: %d", &seccomp);
		sscanf(line, "NoNewPrivs: %d", &no_new);
	}
	return !(f && sum == 0 && seccomp == 2 && no_new == 1 && getuid() == SOMEBODY &&
		 geteuid() == SOMEBODY && getgid() == SOMEBODY);
}

Test(sandbox, i10_no_capability_no_root_no_new_privileges)
{
	SAYS_YES(has_no_privilege);
}

static int may_not_be_root_again(void)
{
	return !(syscall(SYS_setresgid, 0, 0, 0) < 0);
}

static int executes(void)
{
	char *argv[] = {"/bin/true", NULL};

	execv(argv[0], argv);
	return 1;
}

static int traces(void)
{
	return ptrace(PTRACE_TRACEME, 0, 0, 0) < 0;
}

static int loads_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0) < 0;
}

static int makes_executable_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	void *q = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return !(p == MAP_FAILED && q != MAP_FAILED &&
		 mprotect(q, 4096, PROT_READ | PROT_EXEC) < 0);
}

static int opens_raw_socket(void)
{
	return !(socket(AF_PACKET, SOCK_RAW, 0) < 0 && socket(AF_ALG, SOCK_SEQPACKET, 0) < 0);
}

static int forks(void)
{
	return !(fork() < 0);
}

static void *nothing(void *arg)
{
	return arg;
}

/* What the worker does need keeps working, or the filter would only break it. */
static int still_works(void)
{
	pthread_t t;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), pair[2];
	char name[] = "/tmp/awsmask-sandbox-XXXXXX";

	if (fd < 0 || pipe2(pair, O_NONBLOCK) < 0 || pthread_create(&t, NULL, nothing, NULL) != 0 ||
	    pthread_join(t, NULL) != 0)
		return 1;
	fd = mkstemp(name);
	return fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) < 0 || unlink(name) < 0;
}

Test(sandbox, i10_the_dangerous_calls_end_the_process)
{
	IS_KILLED(executes);
	IS_KILLED(traces);
	IS_KILLED(loads_bpf);
}

Test(sandbox, i10_the_rest_is_refused)
{
	SAYS_YES(may_not_be_root_again);
	SAYS_YES(makes_executable_memory);
	SAYS_YES(opens_raw_socket);
	SAYS_YES(forks);
}

Test(sandbox, what_the_worker_needs_still_works)
{
	SAYS_YES(still_works);
}

Test(sandbox, root_is_no_unprivileged_user)
{
	cr_assert(sandbox_drop(0, 0) < 0);
	cr_assert(sandbox_drop(SOMEBODY, 0) < 0);
	cr_assert(getuid() == 0);
}

Test(sandbox, i8_no_core_dump_and_nobody_may_look_in)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct err e;
		if (sandbox_drop(SOMEBODY, SOMEBODY) < 0 || sandbox_close(&e) < 0)
			_exit(99);
		raise(SIGABRT);
		_exit(1);
	}
	cr_assert(waitpid(pid, &status, 0) == pid);
	cr_assert(WIFSIGNALED(status) && !WCOREDUMP(status));
}
