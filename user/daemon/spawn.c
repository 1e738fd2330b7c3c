/* SPDX-License-Identifier: Apache-2.0 */
#include "spawn.h"
#include "crew_host.h"
#include "passed_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGES_BUFFER (1024 * 1024)

/* The program, boot, configuration, key, lists, counters, control socket and explicit listener beside them. */
_Static_assert(3 * WORKER_THREADS_MAX + 9 + ORPHANS_ENDS + METRICS_DOORS <= PASSED_FDS_MAX,
	       "what one message may carry");

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

/* What travels to the host: the program, the boot, and what that speaks of by the worker's numbers. */
struct parcel {
	int fds[PASSED_FDS_MAX];
	size_t count;
};

enum { PARCEL_PROGRAM, PARCEL_BOOT, PARCEL_REST };

static int give(struct parcel *p, int fd)
{
	if (fd < 0)
		return -1;
	p->fds[p->count] = fd;
	return CREW_HOST_FIRST_FD - PARCEL_BOOT + (int)p->count++;
}

/* The boot as the worker is to read it. */
static struct worker_boot give_all(struct parcel *p, const struct worker_boot *boot)
{
	struct worker_boot given = *boot;

	for (unsigned i = 0; i < boot->threads; i++) {
		given.channel[i] = give(p, boot->channel[i]);
		given.transparent4[i] = give(p, boot->transparent4[i]);
		given.transparent6[i] = give(p, boot->transparent6[i]);
	}
	given.explicit_fd = give(p, boot->explicit_fd);
	given.control_fd = give(p, boot->control_fd);
	given.stats_fd = give(p, boot->stats_fd);
	given.board_fd = give(p, boot->board_fd);
	for (int i = 0; i < ORPHANS_ENDS; i++)
		given.orphans[i] = give(p, boot->orphans[i]);
	for (int i = 0; i < METRICS_DOORS; i++)
		given.metrics_fd[i] = give(p, boot->metrics_fd[i]);
	given.config_fd = give(p, boot->config_fd);
	given.key_fd = give(p, boot->key_fd);
	given.lists_fd = give(p, boot->lists_fd);
	return given;
}

static int write_files(struct worker_boot *boot, const struct config *c, const struct buf *lists,
		       const uint8_t *key)
{
	char *text = config_print(c);

	if (!text)
		return -1;
	boot->config_fd = spawn_memory_file("awsmask config", text, strlen(text));
	free(text);
	boot->key_fd = spawn_memory_file("awsmask key", key, VAULT_KEY_SIZE);
	boot->lists_fd = spawn_memory_file("awsmask lists", buf_bytes(lists), buf_len(lists));
	return boot->config_fd < 0 || boot->key_fd < 0 || boot->lists_fd < 0 ? -1 : 0;
}

static int send_parcel(struct host_link *link, uint32_t id, const struct worker_boot *boot,
		       struct err *e)
{
	struct parcel p = {.count = PARCEL_REST};
	struct worker_boot given = give_all(&p, boot);
	int failed = -1;

	p.fds[PARCEL_PROGRAM] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	p.fds[PARCEL_BOOT] = spawn_memory_file("awsmask boot", &given, sizeof(given));
	if (p.fds[PARCEL_PROGRAM] < 0 || p.fds[PARCEL_BOOT] < 0)
		err_set(e, "a worker cannot be started: %s", strerror(errno));
	else
		failed = host_link_start(link, id, p.fds, p.count, e);
	close_if(p.fds[PARCEL_PROGRAM]);
	close_if(p.fds[PARCEL_BOOT]);
	return failed;
}

int spawn_worker(struct host_link *link, uint32_t id, const struct worker_boot *doors,
		 const struct config *c, const struct buf *lists,
		 const uint8_t key[static VAULT_KEY_SIZE], int channel[static WORKER_THREADS_MAX],
		 struct err *e)
{
	struct worker_boot boot = *doors;
	int failed = -1;

	boot.config_fd = boot.key_fd = boot.lists_fd = -1;
	for (unsigned i = 0; i < WORKER_THREADS_MAX; i++)
		channel[i] = boot.channel[i] = -1;
	if (open_channels(&boot, channel) < 0 || write_files(&boot, c, lists, key) < 0)
		err_set(e, "a worker cannot be started: %s", strerror(errno));
	else
		failed = send_parcel(link, id, &boot, e);
	close_if(boot.config_fd);
	close_if(boot.key_fd);
	close_if(boot.lists_fd);
	for (unsigned i = 0; i < boot.threads; i++) {
		close_if(boot.channel[i]);
		if (failed) {
			close_if(channel[i]);
			channel[i] = -1;
		}
	}
	return failed;
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
