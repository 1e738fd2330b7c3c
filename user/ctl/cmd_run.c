/* SPDX-License-Identifier: Apache-2.0 */
#include "../daemon/cgroup.h"
#include "scratch.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_RUN = 126, NOT_FOUND = 127, BY_SIGNAL = 128 }; /* as shells say it */

/* What is passed on to the command. SIGTSTP and SIGCONT reach it through the terminal. */
static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
#define FORWARDED_COUNT (sizeof(forwarded) / sizeof(forwarded[0]))

static void block_signals(sigset_t *awaited, sigset_t *before)
{
	signal(SIGCHLD, SIG_DFL); /* ignored by the caller, it would never be told to us */
	sigemptyset(awaited);
	sigaddset(awaited, SIGCHLD);
	for (size_t i = 0; i < FORWARDED_COUNT; i++)
		sigaddset(awaited, forwarded[i]);
	sigprocmask(SIG_BLOCK, awaited, before);
}

/* In the child: enter first, so that not one connection of the command is made outside. */
__attribute__((noreturn)) static void become(const char *cgroup, const sigset_t *mask, char **argv)
{
	struct err e;

	if (cgroup_enter(cgroup, 0, &e) < 0) {
		ctl_note("%s", e.text);
		_exit(CANNOT_RUN);
	}
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	ctl_note("%s cannot be run: %s", argv[0], strerror(errno));
	_exit(errno == ENOENT ? NOT_FOUND : CANNOT_RUN);
}

/* Wait for the command, passing signals on. Its exit status as a shell would say it. */
static int attend(pid_t child, const sigset_t *awaited)
{
	siginfo_t info;
	int status;

	for (;;) {
		if (sigwaitinfo(awaited, &info) < 0)
			continue;
		/* The terminal's own signals have reached the command already: same group. */
		if (info.si_signo != SIGCHLD && info.si_code != SI_KERNEL)
			kill(child, info.si_signo);
		if (info.si_signo != SIGCHLD || waitpid(child, &status, WNOHANG) != child)
			continue;
		if (WIFSIGNALED(status))
			return BY_SIGNAL + WTERMSIG(status);
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
	}
}

int cmd_run(struct ctl *c, int argc, char **argv)
{
	sigset_t awaited, before;
	struct scratch scratch;
	struct err e;
	pid_t child;
	int status = CANNOT_RUN;

	(void)argc;
	block_signals(&awaited, &before);
	if (scratch_begin(&scratch, c, "run", &e) < 0) {
		ctl_refuse(c, &e);
		sigprocmask(SIG_SETMASK, &before, NULL);
		return STATUS_REFUSED;
	}
	fflush(NULL);
	child = fork();
	if (child == 0)
		become(scratch.path, &before, argv);
	if (child > 0)
		status = attend(child, &awaited);
	else
		ctl_note("no process could be made: %s", strerror(errno));
	if (scratch_end(&scratch, c, &e) < 0)
		ctl_note("%s", e.text);
	return status;
}
