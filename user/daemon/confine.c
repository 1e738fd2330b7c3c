/* SPDX-License-Identifier: Apache-2.0 */
#include "confine.h"

#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers of a distribution may be; linux/landlock.h. */
#define FS_TRUNCATE (1ull << 14)	/* level 3 */
#define FS_IOCTL_DEV (1ull << 15)	/* level 5 */
#define NET_BIND_TCP (1ull << 0)	/* level 4 */
#define SCOPE_ABSTRACT_UNIX (1ull << 0) /* level 6 */
#define SCOPE_SIGNAL (1ull << 1)

#define FS_LEVEL1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1) /* everything up to it */
#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                                                   \
	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |                \
	 LANDLOCK_ACCESS_FS_MAKE_REG | FS_TRUNCATE)
#define FS_OF_FILES                                                                                \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |                            \
	 LANDLOCK_ACCESS_FS_EXECUTE | FS_TRUNCATE | FS_IOCTL_DEV)

#define PATHS_MAX 48

struct ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* level 4 */
	uint64_t scoped;	     /* level 6 */
};

const char *const confine_resolver_files[] = {"/etc/resolv.conf",   "/etc/hosts",
					      "/etc/nsswitch.conf", "/etc/host.conf",
					      "/etc/gai.conf",	    NULL};

static const struct confine_path system_paths[] = {
	/* who writes resolv.conf keeps it here, behind a link */
	{"/run/systemd/resolve", false},
	{"/run/NetworkManager", false},
	{"/run/resolvconf", false},
	{"/run/connman", false},
	{"/run/nscd", false},
	{"/etc/services", false},
	{"/etc/protocols", false},
	{"/etc/localtime", false},
	{"/usr/share/zoneinfo", false},
	/* the trust store: OpenSSL looks into its directory while it verifies */
	{"/etc/ssl", false},
	{"/etc/pki", false},
	{"/usr/lib/ssl", false},
	{"/usr/share/ca-certificates", false},
	{"/usr/share/pki", false},
	{"/usr/local/share/ca-certificates", false},
	{"/proc", false}, /* whose cgroup is which, where they are mounted */
	{"/sys/devices/system/cpu", false},
	{"/dev/null", true},
	{"/dev/urandom", false},
};

/* With the vault, the report, the cgroups and OpenSSL's own two. */
_Static_assert(sizeof(system_paths) / sizeof(system_paths[0]) +
			       sizeof(confine_resolver_files) / sizeof(confine_resolver_files[0]) +
			       5 <=
		       PATHS_MAX,
	       "what a worker reaches");

int confine_level(void)
{
	long level = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return level < 0 ? 0 : (int)level;
}

static uint64_t known_at(int level)
{
	uint64_t all = FS_LEVEL1;

	if (level >= 2)
		all |= LANDLOCK_ACCESS_FS_REFER;
	if (level >= 3)
		all |= FS_TRUNCATE;
	if (level >= 5)
		all |= FS_IOCTL_DEV;
	return all;
}

static int ruleset_make(int level)
{
	struct ruleset r = {.handled_access_fs = known_at(level)};
	size_t size = level >= 6   ? sizeof(r)
		      : level >= 4 ? offsetof(struct ruleset, scoped)
				   : offsetof(struct ruleset, handled_access_net);

	if (level >= 4)
		r.handled_access_net = NET_BIND_TCP;
	if (level >= 6)
		r.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	return (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
}

/* 0, also when it is not there, or -1. */
static int allow(int ruleset, int level, const struct confine_path *p)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = p->write ? FS_WRITE : FS_READ};
	struct stat st;
	int fd = open(p->path, O_PATH | O_CLOEXEC), failed = 0;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -1;
	if (fstat(fd, &st) < 0) {
		failed = -1;
	} else {
		if (!S_ISDIR(st.st_mode))
			rule.allowed_access &= FS_OF_FILES;
		rule.allowed_access &= known_at(level);
		rule.parent_fd = fd;
		failed = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
				      &rule, 0);
	}
	close(fd);
	return failed;
}

/* A thread that runs already would stay free. (That sanitizer has one of its own.) */
static bool alone(void)
{
#ifdef __SANITIZE_THREAD__
	return true;
#else
	struct stat st;

	return stat("/proc/self/task", &st) == 0 && st.st_nlink <= 3;
#endif
}

int confine_files(const struct confine_path *paths, size_t n, struct err *e)
{
	int level = confine_level(), ruleset, rc = -1;

	if (!level)
		return 0;
	if (!alone())
		return err_set(e, "files cannot be put out of reach: threads are running already, "
				  "or /proc is not "
				  "mounted");
	ruleset = ruleset_make(level);
	if (ruleset < 0)
		return err_set(e, "Landlock gives no rules: %s", strerror(errno));
	for (size_t i = 0; i < n; i++)
		if (allow(ruleset, level, &paths[i]) < 0) {
			err_set(e, "Landlock takes no rule for %s: %s", paths[i].path,
				strerror(errno));
			goto out;
		}
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0) {
		err_set(e, "Landlock does not take effect: %s", strerror(errno));
		goto out;
	}
	rc = 1;
out:
	close(ruleset);
	return rc;
}

static void directory_of(const char *file, char dir[static 256])
{
	char *slash;

	snprintf(dir, 256, "%s", file);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = 0;
}

int confine_worker(const struct config *c, struct err *e)
{
	struct confine_path paths[PATHS_MAX];
	char vault[256], report[256], cgroups[PATH_MAX];
	size_t n = 0;

	directory_of(c->vault_sqlite, vault);
	paths[n++] = (struct confine_path){vault, true};
	if (*c->report_sqlite) {
		directory_of(c->report_sqlite, report);
		paths[n++] = (struct confine_path){report, true};
	}
	if (cgroup_mount(cgroups, sizeof(cgroups), e) < 0)
		return -1;
	paths[n++] = (struct confine_path){cgroups, false};
	paths[n++] = (struct confine_path){X509_get_default_cert_dir(), false};
	paths[n++] = (struct confine_path){X509_get_default_cert_file(), false};
	for (size_t i = 0; confine_resolver_files[i]; i++)
		paths[n++] = (struct confine_path){confine_resolver_files[i], false};
	for (size_t i = 0; i < sizeof(system_paths) / sizeof(system_paths[0]); i++)
		paths[n++] = system_paths[i];
	return confine_files(paths, n, e);
}
