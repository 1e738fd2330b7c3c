/* SPDX-License-Identifier: Apache-2.0 */
#include "spawn.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGES_BUFFER (1024 * 1024)
#define KEPT_MAX 4

int spawn_memory_file(const char *name, const void *content, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (write(fd, content, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int open_channels(struct worker_boot *boot, int channel[static WORKER_THREADS_MAX])
{
	int pair[2], size = MESSAGES_BUFFER;

	for (unsigned i = 0; i < boot->threads; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			return -1;
		setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
		setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
		channel[i] = pair[0];
		boot->channel[i] = pair[1];
	}
	return 0;
}

static void close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void keep(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, 0);
}

/* Root's environment is not the worker's; these say how to log, and how sanitizers are to report.
 */
static void keep_environment(char *envp[static KEPT_MAX + 1])
{
	static const char *const names[KEPT_MAX] = {
		"JOURNAL_STREAM=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS="};
	size_t kept = 0;

	for (char **v = environ; *v; v++)
		for (size_t i = 0; i < KEPT_MAX; i++)
			if (strncmp(*v, names[i], strlen(names[i])) == 0 && kept < KEPT_MAX)
				envp[kept++] = *v;
	envp[kept] = NULL;
}

/* The child, from fork to exec. Only async-signal-safe calls would be needed: the monitor has one
 * thread. */
static _Noreturn void become_worker(const struct worker_boot *boot, int boot_fd, int self,
				    uid_t uid, gid_t gid)
{
	char argument[16];
	char *const argv[] = {"awsmaskd", "--worker", argument, NULL};
	char *envp[KEPT_MAX + 1];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(argument, sizeof(argument), "%d", boot_fd);
	keep_environment(envp);
	for (unsigned i = 0; i < boot->threads; i++) {
		keep(boot->channel[i]);
		keep(boot->transparent4[i]);
		keep(boot->transparent6[i]);
	}
	keep(boot->explicit_fd);
	keep(boot->control_fd);
	keep(boot->config_fd);
	keep(boot->key_fd);
	keep(boot->lists_fd);
	keep(boot_fd);
	if (chdir("/") < 0 || sandbox_drop(uid, gid) < 0)
		_exit(70);
	/* By descriptor: the path may lead through directories that this user cannot enter. */
	fexecve(self, argv, envp);
	_exit(71);
}

static int write_boot(struct worker_boot *boot, const struct config *c, const struct buf *lists,
		      const uint8_t *key, int *boot_fd)
{
	char *text = config_print(c);

	if (!text)
		return -1;
	boot->config_fd = spawn_memory_file("awsmask config", text, strlen(text));
	free(text);
	boot->key_fd = spawn_memory_file("awsmask key", key, VAULT_KEY_SIZE);
	boot->lists_fd = spawn_memory_file("awsmask lists", buf_bytes(lists), buf_len(lists));
	if (boot->config_fd < 0 || boot->key_fd < 0 || boot->lists_fd < 0)
		return -1;
	*boot_fd = spawn_memory_file("awsmask boot", boot, sizeof(*boot));
	return *boot_fd < 0 ? -1 : 0;
}

pid_t spawn_worker(const struct worker_boot *doors, const struct config *c, const struct buf *lists,
		   const uint8_t key[static VAULT_KEY_SIZE], uid_t uid, gid_t gid,
		   int channel[static WORKER_THREADS_MAX], struct err *e)
{
	struct worker_boot boot = *doors;
	int boot_fd = -1, self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	pid_t pid = -1;

	boot.config_fd = boot.key_fd = boot.lists_fd = -1;
	for (unsigned i = 0; i < WORKER_THREADS_MAX; i++)
		channel[i] = boot.channel[i] = -1;
	if (self < 0 || open_channels(&boot, channel) < 0 ||
	    write_boot(&boot, c, lists, key, &boot_fd) < 0) {
		err_set(e, "a worker cannot be started: %s", strerror(errno));
		goto out;
	}
	pid = fork();
	if (pid == 0)
		become_worker(&boot, boot_fd, self, uid, gid);
	if (pid < 0)
		err_set(e, "a worker cannot be started: fork: %s", strerror(errno));
out:
	close_if(self);
	close_if(boot_fd);
	close_if(boot.config_fd);
	close_if(boot.key_fd);
	close_if(boot.lists_fd);
	for (unsigned i = 0; i < boot.threads; i++) {
		close_if(boot.channel[i]);
		if (pid < 0) {
			close_if(channel[i]);
			channel[i] = -1;
		}
	}
	return pid;
}

int spawn_receive(const char *argument, struct worker_boot *boot)
{
	char *end;
	long fd = strtol(argument, &end, 10);
	ssize_t n;

	if (*end || fd < 3 || fd > 65535)
		return -1;
	n = read((int)fd, boot, sizeof(*boot));
	close((int)fd);
	if (n != sizeof(*boot) || boot->threads == 0 || boot->threads > WORKER_THREADS_MAX)
		return -1;
	return 0;
}
