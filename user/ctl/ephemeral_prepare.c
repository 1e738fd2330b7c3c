/* SPDX-License-Identifier: Apache-2.0 */
/* What there must be for an awsmaskd of one's own, and the directory with its configuration. */
#include "../daemon/cgroup.h"
#include "ephemeral_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOW                                                                                        \
	"run it as root of the host or a virtual machine; in a container, one of `docker run "     \
	"--privileged`"

/* What the daemon's monitor, the keeper and the workers' start need. */
static const struct {
	cap_value_t value;
	const char *name;
} needed[] = {
	{CAP_BPF, "CAP_BPF"},
	{CAP_PERFMON, "CAP_PERFMON"},
	{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},
	{CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
	{CAP_CHOWN, "CAP_CHOWN"},
	{CAP_SETUID, "CAP_SETUID"},
	{CAP_SETGID, "CAP_SETGID"},
	{CAP_KILL, "CAP_KILL"},
};

static void missing_capabilities(char *out, size_t size)
{
	cap_t mine = cap_get_proc();
	cap_flag_value_t has;
	size_t len = 0;

	*out = 0;
	for (size_t i = 0; mine && i < sizeof(needed) / sizeof(*needed); i++)
		if (cap_get_flag(mine, needed[i].value, CAP_EFFECTIVE, &has) < 0 || !has)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "",
						needed[i].name);
	cap_free(mine);
}

int ephemeral_rights(struct err *e)
{
	char missing[256], mount[PATH_MAX];

	if (geteuid() != 0)
		return err_set(e, "no awsmaskd runs here, and only root can start one for a "
				  "command: run this as root");
	missing_capabilities(missing, sizeof(missing));
	if (*missing)
		return err_set(e,
			       "no awsmaskd runs here, and to start one for a command %s %s "
			       "missing: " HOW,
			       missing, strchr(missing, ',') ? "are" : "is");
	if (cgroup_mount(mount, sizeof(mount), e) < 0)
		return -1;
	if (access(mount, W_OK) < 0)
		return err_set(e,
			       "no awsmaskd runs here, and to start one for a command %s must be "
			       "writable (%s): " HOW,
			       mount, strerror(errno));
	return 0;
}

void ephemeral_places(const char *places[static EPHEMERAL_PLACES])
{
	const char *tmp = getenv("TMPDIR");

	places[0] = "/run";
	places[1] = tmp && *tmp == '/' ? tmp : "/tmp";
	places[2] = "/tmp";
}

static int make_dir(char dir[static EPHEMERAL_DIR_MAX], struct err *e)
{
	const char *places[EPHEMERAL_PLACES];

	ephemeral_places(places);
	for (size_t i = 0; i < EPHEMERAL_PLACES; i++) {
		int n = snprintf(dir, EPHEMERAL_DIR_MAX, "%s/awsmask-run-XXXXXX", places[i]);

		/* Others may read the certificates in it; what is secret has modes of its own. */
		if (n > 0 && n < EPHEMERAL_DIR_MAX && mkdtemp(dir)) {
			if (chmod(dir, 0755) == 0)
				return 0;
			rmdir(dir);
		}
	}
	*dir = 0;
	return err_set(e, "no directory can be made in /run or /tmp: %s", strerror(errno));
}

/* A port that nobody has on loopback now: other jobs of this host may have the configured one. */
static uint16_t free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint16_t port = 0;

	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, size) == 0 &&
	    getsockname(fd, (struct sockaddr *)&a, &size) == 0)
		port = ntohs(a.sin_port);
	if (fd >= 0)
		close(fd);
	return port;
}

/* Its own places, and nobody enrolled but the command. */
static void make_own(struct config *c, const char dir[static EPHEMERAL_DIR_MAX])
{
	snprintf(c->vault_sqlite, sizeof(c->vault_sqlite), "%s/vault/vault.db", dir);
	snprintf(c->report_sqlite, sizeof(c->report_sqlite), "%s/vault/report.db", dir);
	c->audit.file[0] = 0;
	snprintf(c->ca_dir, sizeof(c->ca_dir), "%s/ca", dir);
	snprintf(c->control_socket, sizeof(c->control_socket), "%s/" EPHEMERAL_SOCKET, dir);
	*c->listen_explicit = *c->metrics.socket = *c->metrics.listen = 0;
	c->listen_transparent = free_port();
	while (c->enroll_count)
		free(c->enroll[--c->enroll_count]);
}

static int write_config(const struct config *c, const char *dir, struct err *e)
{
	char path[PATH_MAX], *text = config_print(c);
	int written;
	FILE *f;

	if (!text)
		return err_set(e, "memory is out");
	ephemeral_path(path, dir, EPHEMERAL_CONFIG);
	f = fopen(path, "wxe");
	written = f && fputs(text, f) >= 0 && fflush(f) == 0 && fchmod(fileno(f), 0600) == 0;
	if (!written)
		err_set(e, "%s: %s", path, strerror(errno));
	if (f)
		fclose(f);
	free(text);
	return written ? 0 : -1;
}

int ephemeral_prepare(struct ephemeral *ep, struct ctl *c, struct err *e)
{
	if (!ctl_config(c, e) || make_dir(ep->dir, e) < 0 || ephemeral_lock(ep, e) < 0)
		return -1;
	make_own(c->config, ep->dir);
	if (!c->config->listen_transparent)
		return err_set(e, "no port is free on loopback; is the interface lo up?");
	return write_config(c->config, ep->dir, e);
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *f)
{
	(void)s, (void)kind, (void)f;
	return remove(path);
}

int ephemeral_remove(const char *dir, struct err *e)
{
	if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
		return err_set(e, "%s cannot be removed: %s", dir, strerror(errno));
	return 0;
}
