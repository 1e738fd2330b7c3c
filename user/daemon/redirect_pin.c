/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect_pin.h"
#include "path.h"

#include "awsmask/abi.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BPFFS "/sys/fs/bpf"
#define LINK_PREFIX "link_"

static bool is_bpffs(const char *path)
{
	struct statfs s;

	return !statfs(path, &s) && s.f_type == BPF_FS_MAGIC;
}

static int bpffs_mount(struct err *e)
{
	if (is_bpffs(BPFFS))
		return 0;
	if (access(BPFFS, F_OK))
		return err_set(e, BPFFS
			       " does not exist: this kernel has no CONFIG_BPF_SYSCALL, or sysfs "
			       "is not mounted in this mount namespace");
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return err_set(e, "cannot mount a bpf file system at " BPFFS ": %s",
			       strerror(errno));
	return 0;
}

int pin_prepare(const char *dir, struct err *e)
{
	if (!strncmp(dir, BPFFS "/", strlen(BPFFS "/")) && bpffs_mount(e))
		return -1;
	if (mkdir(dir, 0700) && errno != EEXIST)
		return err_set(e, "cannot make %s: %s", dir, strerror(errno));
	if (!is_bpffs(dir)) {
		rmdir(dir);
		return err_set(e, "%s is not on a bpf file system: mount one at " BPFFS, dir);
	}
	return 0;
}

int pin_check_abi(const char *dir, struct err *e)
{
	char path[PATH_MAX];
	uint32_t zero = 0, version = 0;
	int fd, rc;

	if (path_join(path, dir, "abi"))
		return err_set(e, "the path %s is too long", dir);
	fd = bpf_obj_get(path);
	if (fd < 0 && errno == ENOENT && !pin_present(dir))
		return 0;
	rc = fd < 0 ? -1 : bpf_map_lookup_elem(fd, &zero, &version);
	if (fd >= 0)
		close(fd);
	/* 0: an earlier start was killed between making the map and filling it. */
	if (!rc && (version == AWSMASK_ABI || (!version && !pin_present(dir))))
		return 0;
	return err_set(
		e,
		"what is pinned in %s was left by another version of awsmask (its abi is %u, "
		"ours %u): run `awsmaskd --release`, which takes it out of the kernel and releases "
		"every enrolled cgroup, and start again",
		dir, version, AWSMASK_ABI);
}

/* 0: done; 1: there is no such link, or it is attached no more, or is a tracepoint's. */
static int link_take_over(const char *path, const struct bpf_program *program)
{
	int fd = bpf_obj_get(path), rc;

	if (fd < 0)
		return 1;
	rc = bpf_link_update(fd, bpf_program__fd(program), NULL);
	close(fd);
	return rc ? 1 : 0;
}

static int link_make(const char *path, const struct bpf_program *program, int cgroup_fd)
{
	int fd, rc, saved;

	if (bpf_program__type(program) == BPF_PROG_TYPE_TRACING)
		fd = bpf_raw_tracepoint_open(NULL, bpf_program__fd(program));
	else
		fd = bpf_link_create(bpf_program__fd(program), cgroup_fd,
				     bpf_program__expected_attach_type(program), NULL);
	if (fd < 0)
		return -1;
	rc = unlink(path) && errno != ENOENT ? -1 : bpf_obj_pin(fd, path);
	saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

int pin_links(const char *dir, const struct bpf_object *object, int cgroup_fd, struct err *e)
{
	struct bpf_program *program;
	char path[PATH_MAX];
	char name[NAME_MAX];

	bpf_object__for_each_program(program, object)
	{
		if (!bpf_program__autoload(program))
			continue;
		snprintf(name, sizeof(name), LINK_PREFIX "%s", bpf_program__name(program));
		if (path_join(path, dir, name))
			return err_set(e, "the path %s is too long", dir);
		if (link_take_over(path, program) && link_make(path, program, cgroup_fd))
			return err_set(e, "cannot attach %s: %s%s", bpf_program__name(program),
				       strerror(errno),
				       errno == EPERM ? " (another program may hold it exclusively)"
						      : "");
	}
	return 0;
}

static bool is_link(const char *name)
{
	return !strncmp(name, LINK_PREFIX, strlen(LINK_PREFIX));
}

/* Detaching first is what makes removal immediate: a link that only loses its last pin is taken
 * off by the kernel some time later. Kernels before 5.9 cannot, and there it is later. */
static int unpin(const char *path, bool link)
{
	int fd = link ? bpf_obj_get(path) : -1;

	if (fd >= 0) {
		bpf_link_detach(fd);
		close(fd);
	}
	return unlink(path);
}

/* Links (before maps, so that no program ever runs on half a policy). */
static int unpin_all(const char *dir, bool links)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *d = opendir(dir);
	int rc = 0;

	if (!d)
		return -1;
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.' || is_link(entry->d_name) != links)
			continue;
		if (path_join(path, dir, entry->d_name) || unpin(path, links))
			rc = -1;
	}
	closedir(d);
	return rc;
}

int pin_remove(const char *dir, struct err *e)
{
	if (access(dir, F_OK) && errno == ENOENT)
		return 0;
	if (!is_bpffs(dir))
		return err_set(e, "%s is not on a bpf file system: left as it is", dir);
	if (unpin_all(dir, true) || unpin_all(dir, false) || rmdir(dir))
		return err_set(e, "cannot remove what is pinned in %s: %s", dir, strerror(errno));
	return 0;
}

bool pin_present(const char *dir)
{
	struct dirent *entry;
	bool found = false;
	DIR *d = opendir(dir);

	if (!d)
		return false;
	while (!found && (entry = readdir(d)))
		found = is_link(entry->d_name);
	closedir(d);
	return found;
}
