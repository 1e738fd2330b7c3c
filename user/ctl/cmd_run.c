/* SPDX-License-Identifier: Apache-2.0 */
#include "../daemon/cgroup.h"
#include "ephemeral.h"
#include "run_say.h"

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

/* A command, the cgroup that it runs in, and whose daemon guards it. */
struct run {
	struct ctl *ctl;
	struct scratch scratch;
	struct ephemeral ephemeral;
	bool alone; /* the daemon is ours */
};

/* Our own daemon has ended: nobody masks, and the command is not to find out by refusals. */
static void check_keeper(struct run *r)
{
	siginfo_t info = {0};
	struct err e;

	if (r->alone &&
	    waitid(P_PID, (id_t)r->ephemeral.keeper, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid != 0 && scratch_destroy(&r->scratch, &e) < 0)
		ctl_note("%s", e.text);
}

/* Wait for the command, passing signals on. Its exit status as a shell would say it. */
static int attend(struct run *r, pid_t child, const sigset_t *awaited)
{
	siginfo_t info;
	int status;

	for (;;) {
		if (sigwaitinfo(awaited, &info) < 0)
			continue;
		/* The terminal's own signals have reached the command already: same group. */
		if (info.si_signo != SIGCHLD && info.si_code != SI_KERNEL)
			kill(child, info.si_signo);
		if (info.si_signo != SIGCHLD)
			continue;
		check_keeper(r);
		if (waitpid(child, &status, WNOHANG) != child)
			continue;
		if (WIFSIGNALED(status))
			return BY_SIGNAL + WTERMSIG(status);
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
	}
}

/* A daemon that was named by its socket is wanted, and no other. */
static int begin(struct run *r, struct err *e)
{
	enum client_result found;
	json_t *answer;

	ephemeral_clear_left();
	found = client_call(r->ctl, json_pack("{s:s}", "command", "status"), &answer, e);
	if (found == CLIENT_DONE)
		json_decref(answer);
	r->alone = found == CLIENT_ABSENT && !r->ctl->option[OPTION_SOCKET];
	if (!r->alone)
		return found == CLIENT_DONE ? scratch_begin(&r->scratch, r->ctl, "run", e) : -1;
	if (ephemeral_begin(&r->ephemeral, r->ctl, e) < 0)
		return -1;
	r->scratch = r->ephemeral.scratch;
	return 0;
}

static int end(struct run *r, struct err *e)
{
	if (!r->alone)
		return scratch_end(&r->scratch, r->ctl, e);
	return ephemeral_end(&r->ephemeral, e);
}

/* Who was told to end while the daemon started does not start the command: 0, or the signal. */
static int told_to_end(void)
{
	static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	sigset_t pending;

	sigpending(&pending);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		if (sigismember(&pending, ending[i]) == 1)
			return ending[i];
	return 0;
}

static int run_command(struct run *r, char **argv, const sigset_t *awaited, const sigset_t *before)
{
	int told = told_to_end();
	struct err e;
	pid_t child;

	if (told)
		return BY_SIGNAL + told;
	if (r->alone && ephemeral_trust(&r->ephemeral, &e) < 0) {
		ctl_note("%s", e.text);
		return CANNOT_RUN;
	}
	fflush(NULL);
	child = fork();
	if (child == 0)
		become(r->scratch.path, before, argv);
	if (child > 0)
		return attend(r, child, awaited);
	ctl_note("no process could be made: %s", strerror(errno));
	return CANNOT_RUN;
}

int cmd_run(struct ctl *c, int argc, char **argv)
{
	struct run r = {.ctl = c};
	sigset_t awaited, before;
	struct err e;
	int status;

	(void)argc;
	block_signals(&awaited, &before);
	if (begin(&r, &e) < 0) {
		ctl_refuse(c, &e);
		sigprocmask(SIG_SETMASK, &before, NULL);
		return STATUS_REFUSED;
	}
	run_say_begin(c, r.scratch.path, r.alone);
	status = run_command(&r, argv, &awaited, &before);
	run_say_end(c, r.scratch.path);
	if (end(&r, &e) < 0)
		ctl_note("%s", e.text);
	return status;
}
