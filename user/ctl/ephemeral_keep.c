/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper: who starts the command's awsmaskd, and clears away after it. */
#include "../daemon/own_cgroup.h"
#include "../daemon/redirect.h"
#include "../daemon/unix_socket.h"
#include "ephemeral_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BPFFS "/sys/fs/bpf"
#define START_MS 60000
#define STOP_MS 15000
/* Of the range that systemd keeps for users who live as long as a service. */
#define USERS_FIRST 61184
#define USERS_COUNT 4336

struct keeper {
	const struct ephemeral *ep;
	int line, notify, children;
	pid_t daemon; /* 0: none, or it has ended */
};

/* ---- setting up */

/* Nothing of awsmaskctl's is held: not its terminal, nor the other end of a pipe. */
static int detach(struct keeper *k, struct err *e)
{
	int null, log = k->ep->log;
	sigset_t mask;

	setsid();
	sigfillset(&mask); /* the line alone tells when it is over */
	sigprocmask(SIG_SETMASK, &mask, NULL);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		return err_set(e, "/dev/null: %s", strerror(errno));
	if (dup2(k->line, 3) < 0)
		return err_set(e, "no descriptor is free: %s", strerror(errno));
	k->line = 3;
	fcntl(k->line, F_SETFD, FD_CLOEXEC);
	syscall(SYS_close_range, 4u, ~0u, 0u);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	k->children = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return k->children < 0 ? err_set(e, "signals cannot be read: %s", strerror(errno)) : 0;
}

/* What is pinned there is seen by us and the daemon, and goes with us. */
static int own_pins(struct err *e)
{
	if (access(BPFFS, F_OK) < 0)
		return err_set(e,
			       BPFFS " does not exist: this kernel has no CONFIG_BPF_SYSCALL, or "
				     "sysfs is not mounted here");
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return err_set(e, "no bpf file system can be mounted at " BPFFS ": %s",
			       strerror(errno));
	return 0;
}

/* Where the daemon says that it is ready, as systemd's would. */
static int open_notify(struct keeper *k, struct sockaddr_un *a, struct err *e)
{
	if (unix_address(a, k->ep->dir, "/notify") < 0)
		return err_set(e, "the path %s is too long: set TMPDIR to a shorter one",
			       k->ep->dir);
	k->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (k->notify < 0 || bind(k->notify, (struct sockaddr *)a, sizeof(*a)) < 0)
		return err_set(e, "%s: %s", a->sun_path, strerror(errno));
	return 0;
}

/* awsmaskd beside us, or where its packages put it. */
static const char *find_daemon(char path[static PATH_MAX], struct err *e)
{
	static const char *const places[] = {"/usr/local/sbin/awsmaskd", "/usr/sbin/awsmaskd"};
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof("/awsmaskd"));
	char *slash;

	path[n > 0 ? n : 0] = 0;
	slash = strrchr(path, '/');
	if (slash) {
		strcpy(slash, "/awsmaskd");
		if (access(path, X_OK) == 0)
			return path;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	err_set(e, "awsmaskd is not beside awsmaskctl (%s), nor in /usr/sbin: install it there",
		path);
	return NULL;
}

/* The packages' user, or a number that no user has. */
static void choose_user(char name[static 32])
{
	unsigned at = (unsigned)getpid() % USERS_COUNT;

	strcpy(name, "awsmask");
	for (unsigned i = 0; !getpwnam(name) && i < USERS_COUNT; i++) {
		unsigned uid = USERS_FIRST + (at + i) % USERS_COUNT;

		if (getpwuid(uid))
			continue;
		snprintf(name, 32, "%u", uid);
		return;
	}
}

/* In the child. Only what it must know of the environment: who else's certificates are trusted. */
__attribute__((noreturn)) static void become_daemon(const struct keeper *k, const char *program,
						    const struct sockaddr_un *notify, pid_t parent)
{
	static const char *const kept[] = {"SSL_CERT_FILE", "SSL_CERT_DIR"};
	char config[PATH_MAX], user[32], *values[2];
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (size_t i = 0; i < 2; i++)
		values[i] = getenv(kept[i]);
	clearenv();
	for (size_t i = 0; i < 2; i++)
		if (values[i])
			setenv(kept[i], values[i], 1);
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("NOTIFY_SOCKET", notify->sun_path, 1);
	ephemeral_path(config, k->ep->dir, EPHEMERAL_CONFIG);
	choose_user(user);
	if (getppid() == parent)
		execl(program, "awsmaskd", "--config", config, "--user", user, "--command-cgroup",
		      k->ep->scratch.path, NULL);
	dprintf(2, "level=crit event=start-failed why=\"%s: %s\"\n", program, strerror(errno));
	_exit(127);
}

static int start_daemon(struct keeper *k, struct err *e)
{
	const struct ephemeral *ep = k->ep;
	char path[PATH_MAX];
	const char *program = find_daemon(path, e);
	struct sockaddr_un notify;
	pid_t self = getpid();

	if (!program || open_notify(k, &notify, e) < 0)
		return -1;
	k->daemon = fork();
	if (k->daemon == 0)
		become_daemon(k, program, &notify, self);
	if (k->daemon < 0) {
		k->daemon = 0;
		return err_set(e, "%s: no process could be made: %s", ep->dir, strerror(errno));
	}
	return 0;
}

/* ---- waiting */

/* Whether it has ended. */
static bool reap(struct keeper *k)
{
	struct signalfd_siginfo info;

	while (read(k->children, &info, sizeof(info)) > 0)
		;
	if (k->daemon && waitpid(k->daemon, NULL, WNOHANG) == k->daemon)
		k->daemon = 0;
	return k->daemon == 0;
}

static bool is_ready(const struct keeper *k)
{
	char text[512];
	ssize_t n = recv(k->notify, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = 0;
	return strstr(text, "READY=1") != NULL;
}

/* The last reason in its log. */
static void say_why(const struct keeper *k, struct err *e)
{
	static const char mark[] = " event=start-failed why=\"";
	char path[PATH_MAX], line[sizeof(e->text)];
	FILE *f;

	err_set(e, "awsmaskd, started for the command alone, has ended");
	ephemeral_path(path, k->ep->dir, EPHEMERAL_LOG);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		char *why = strstr(line, mark);

		if (!why)
			continue;
		line[strcspn(line, "\n")] = 0;
		if (line[strlen(line) - 1] == '"')
			line[strlen(line) - 1] = 0;
		err_set(e, "awsmaskd could not be started for the command: %s",
			why + sizeof(mark) - 1);
	}
	if (f)
		fclose(f);
}

static int await_ready(struct keeper *k, struct err *e)
{
	struct pollfd p[] = {
		{k->notify, POLLIN, 0}, {k->children, POLLIN, 0}, {k->line, POLLIN, 0}};

	for (;;) {
		int n = poll(p, 3, START_MS);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, "awsmaskd was not ready within a minute");
		if (p[2].revents)
			return err_set(e, "awsmaskctl has ended");
		if (p[0].revents && is_ready(k))
			return 0;
		if (p[1].revents && reap(k)) {
			say_why(k, e);
			return -1;
		}
	}
}

/* Until the line is closed, or the daemon ends: 0, or -1 and a sentence. */
static int await_end(struct keeper *k, struct err *e)
{
	struct pollfd p[] = {{k->children, POLLIN, 0}, {k->line, POLLIN, 0}};

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_set(e, "waiting: %s", strerror(errno));
		if (p[1].revents)
			return 0;
		if (p[0].revents && reap(k)) {
			say_why(k, e);
			return -1;
		}
	}
}

/* ---- the end */

static void stop_daemon(struct keeper *k)
{
	struct pollfd p = {k->children, POLLIN, 0};

	if (!k->daemon)
		return;
	kill(k->daemon, SIGTERM);
	while (!reap(k) && poll(&p, 1, STOP_MS) != 0)
		;
	if (k->daemon) {
		kill(k->daemon, SIGKILL);
		waitpid(k->daemon, NULL, 0);
	}
}

/* The command first: it never runs unguarded. 0, or -1 and a sentence. */
static int clear_away(struct keeper *k, const struct own_cgroup *own, struct err *e)
{
	struct err why;
	int rc = 0;

	if (scratch_destroy(&k->ep->scratch, &why) < 0)
		rc = err_set(e, "%s", why.text);
	stop_daemon(k);
	if (redirect_remove(&why) < 0)
		rc = err_set(e, "%s", why.text);
	own_cgroup_leave(own);
	if (ephemeral_remove(k->ep->dir, &why) < 0)
		rc = err_set(e, "%s", why.text);
	return rc;
}

void ephemeral_keep(const struct ephemeral *ep, int line)
{
	struct keeper k = {.ep = ep, .line = line, .notify = -1, .children = -1};
	struct own_cgroup own = {.former = ""};
	struct err e, why;
	int rc = -1;

	if (detach(&k, &e) < 0)
		goto out;
	if (own_pins(&e) < 0)
		goto out;
	/* Outside of what may be killed as a whole with the command's caller. */
	if (own_cgroup_enter(&own, &e) == 0 && start_daemon(&k, &e) == 0 &&
	    await_ready(&k, &e) == 0) {
		(void)send(k.line, EPHEMERAL_READY, strlen(EPHEMERAL_READY), MSG_NOSIGNAL);
		rc = await_end(&k, &e);
	}
	if (clear_away(&k, &own, &why) < 0) {
		rc = -1;
		e = why;
	}
out:
	if (rc)
		(void)send(k.line, e.text, strlen(e.text), MSG_NOSIGNAL);
	_exit(rc ? 1 : 0);
}
