/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/cgroup.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int mount_in(const char *mountinfo, char path[static 256], struct err *e)
{
	char name[] = "/tmp/test_cgroup.XXXXXX";
	int fd = mkstemp(name), rc;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, mountinfo, strlen(mountinfo)), (ssize_t)strlen(mountinfo));
	close(fd);
	rc = cgroup_mount_from(name, path, 256, e);
	unlink(name);
	return rc;
}

#define V1 "32 31 0:29 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
#define PROC "24 1 0:21 / /proc rw,nosuid shared:12 - proc proc rw\n"

Test(cgroup, mountinfo)
{
	static const struct {
		const char *text, *path;
	} rows[] = {
		{PROC "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n",
		 "/sys/fs/cgroup"},
		{PROC V1 "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 none rw\n",
		 "/sys/fs/cgroup/unified"},
		/* several optional fields, or none */
		{"35 24 0:30 / /a rw shared:1 master:2 propagate_from:3 - cgroup2 x rw\n", "/a"},
		{"35 24 0:30 / /a rw - cgroup2 x rw\n", "/a"},
		/* a part bound elsewhere comes first, the whole is preferred */
		{"1 2 0:3 /docker/9f /mnt/part rw - cgroup2 x rw\n"
		 "2 2 0:3 / /whole rw - cgroup2 x rw\n",
		 "/whole"},
		{"1 2 0:3 /docker/9f /mnt/part rw - cgroup2 x rw\n", "/mnt/part"},
		/* escapes, and a path that looks like the separator */
		{"1 2 0:3 / /mnt/a\\040b\\134c rw - cgroup2 x rw\n", "/mnt/a b\\c"},
		{"1 2 0:3 / /mnt/cgroup2 rw - tmpfs cgroup2 rw\n"
		 "1 2 0:3 / /mnt/real rw - cgroup2 x rw\n",
		 "/mnt/real"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char path[256] = "";
		struct err e = {""};

		cr_expect_eq(mount_in(rows[i].text, path, &e), 0, "row %zu: %s", i, e.text);
		cr_expect_str_eq(path, rows[i].path, "row %zu", i);
	}
}

Test(cgroup, mountinfo_without)
{
	static const char *const texts[] = {
		"", PROC V1, "cgroup2", " - cgroup2 ", "1 2 0:3 - cgroup2 x rw\n", "1 - cgroup2\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char path[256] = "untouched";
		struct err e = {""};

		cr_expect_eq(mount_in(texts[i], path, &e), -1, "row %zu", i);
		cr_expect_str_eq(path, "untouched");
		cr_expect(strstr(e.text, "cgroup v2 is not mounted"), "row %zu: %s", i, e.text);
	}
}

Test(cgroup, mountinfo_too_small_or_absent)
{
	char path[8] = "";
	struct err e;

	cr_expect_eq(cgroup_mount_from("/nonexistent/mountinfo", path, sizeof(path), &e), -1);
	cr_expect(strstr(e.text, "/nonexistent/mountinfo"));
	if (!cgroup_mount((char[PATH_MAX]){0}, PATH_MAX, &e))
		cr_expect_eq(cgroup_mount(path, 4, &e), -1);
}

/* From here on: a tree of our own in the real one. */
static char base[PATH_MAX], name[64];

static void tree_make(void)
{
	struct err e;
	char mount[PATH_MAX];

	cr_assert_eq(cgroup_mount(mount, sizeof(mount), &e), 0, "%s", e.text);
	snprintf(name, sizeof(name), "awsmask-unit-%d", (int)getpid());
	snprintf(base, sizeof(base), "%.200s/%s", mount, name);
	if (cgroup_create(base, &e))
		cr_skip_test("%s", e.text);
}

static char *below(const char *what)
{
	static char path[4][PATH_MAX];
	static int next;
	char *p = path[next++ % 4];

	snprintf(p, PATH_MAX, "%.300s/%s", base, what);
	return p;
}

static void tree_remove(void)
{
	static const char *const names[] = {"a/agent-x.service", "b/agent-x.service",
					    "a/only.slice", "a", "b"};
	struct err e;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		cgroup_remove(below(names[i]), &e);
	cr_expect_eq(cgroup_remove(base, &e), 0, "%s", e.text);
}

TestSuite(cgroup_tree, .init = tree_make, .fini = tree_remove);

static void create(const char *what)
{
	struct err e;

	cr_assert_eq(cgroup_create(below(what), &e), 0, "%s", e.text);
}

Test(cgroup_tree, id_and_path)
{
	char path[PATH_MAX];
	struct err e;
	uint64_t a, b;

	create("a");
	create("b");
	cr_assert_eq(cgroup_id(below("a"), &a, &e), 0);
	cr_assert_eq(cgroup_id(below("b"), &b, &e), 0);
	cr_expect_neq(a, b);
	cr_expect_eq(cgroup_path_of(b, path, sizeof(path)), 0);
	cr_expect_str_eq(path, below("b"));
	cr_expect_eq(cgroup_path_of(b, path, 5), -1);
	cr_assert_eq(cgroup_remove(below("b"), &e), 0);
	cr_expect_eq(cgroup_path_of(b, path, sizeof(path)), -1);
	cr_expect_eq(cgroup_remove(below("b"), &e), 0, "removing what is gone");
	cr_expect_eq(cgroup_id(below("b"), &b, &e), -1);
	cr_expect(strstr(e.text, below("b")));
	cr_expect_eq(cgroup_id("/tmp", &b, &e), -1);
	cr_expect_eq(cgroup_id(below("a/cgroup.procs"), &b, &e), -1);
}

Test(cgroup_tree, depth_and_containment)
{
	char mount[PATH_MAX];
	uint64_t root, top, a, deep, b;
	struct err e;

	create("a");
	create("a/only.slice");
	create("b");
	cr_assert_eq(cgroup_mount(mount, sizeof(mount), &e), 0);
	cr_assert_eq(cgroup_id(mount, &root, &e), 0);
	cr_assert_eq(cgroup_id(base, &top, &e), 0);
	cr_assert_eq(cgroup_id(below("a"), &a, &e), 0);
	cr_assert_eq(cgroup_id(below("b"), &b, &e), 0);
	cr_assert_eq(cgroup_id(below("a/only.slice"), &deep, &e), 0);
	cr_expect_eq(cgroup_depth(root), 0);
	cr_expect_eq(cgroup_depth(top), 1);
	cr_expect_eq(cgroup_depth(deep), 3);
	cr_expect_eq(cgroup_depth(UINT64_MAX), -1);
	cr_expect(cgroup_contains(root, deep));
	cr_expect(cgroup_contains(a, deep));
	cr_expect(cgroup_contains(a, a));
	cr_expect_not(cgroup_contains(deep, a));
	cr_expect_not(cgroup_contains(b, deep));
	cr_expect_not(cgroup_contains(UINT64_MAX, deep));
	cr_expect_not(cgroup_contains(a, UINT64_MAX));
}

Test(cgroup_tree, root_has_an_id)
{
	char mount[PATH_MAX], path[PATH_MAX];
	struct err e;
	uint64_t id;

	cr_assert_eq(cgroup_mount(mount, sizeof(mount), &e), 0);
	cr_assert_eq(cgroup_id(mount, &id, &e), 0);
	cr_expect_eq(cgroup_path_of(id, path, sizeof(path)), 0);
	cr_expect_str_eq(path, mount);
}

static void resolves(const char *what, const char *to)
{
	char path[PATH_MAX] = "";
	struct err e = {""};

	cr_expect_eq(cgroup_resolve(what, path, sizeof(path), &e), 0, "%s: %s", what, e.text);
	cr_expect_str_eq(path, to, "%s", what);
}

static void resolves_not(const char *what, const char *because)
{
	char path[PATH_MAX] = "untouched";
	struct err e = {""};

	cr_expect_eq(cgroup_resolve(what, path, sizeof(path), &e), -1, "%s", what);
	cr_expect_str_eq(path, "untouched");
	cr_expect(strstr(e.text, because), "%s: %s", what, e.text);
}

Test(cgroup_tree, resolve)
{
	char relative[128], slashed[128];

	create("a");
	create("b");
	create("a/agent-x.service");
	create("a/only.slice");
	snprintf(relative, sizeof(relative), "%s/a", name);
	snprintf(slashed, sizeof(slashed), "/%s/a/", name);
	resolves(below("a"), below("a"));
	resolves(relative, below("a"));
	resolves(slashed, below("a"));
	resolves(name, base);
	resolves("agent-x.service", below("a/agent-x.service"));
	resolves("agent-x", below("a/agent-x.service"));
	resolves("only.slice", below("a/only.slice"));
	resolves_not("only", "there is no cgroup 'only'");
	create("b/agent-x.service");
	resolves_not("agent-x.service", "names 2 cgroups");
	resolves_not("agent-x", "names 2 cgroups");
}

Test(cgroup_tree, resolve_not)
{
	char out[128], file[128];

	snprintf(out, sizeof(out), "%s/../../../..", name);
	snprintf(file, sizeof(file), "%s/cgroup.procs", name);
	resolves_not("", "empty");
	resolves_not("no/such/cgroup", "no/such/cgroup");
	resolves_not("/tmp", "/tmp");
	resolves_not("/no/such/cgroup", "/no/such/cgroup");
	resolves_not(out, "there is no cgroup");
	resolves_not(file, "not a cgroup but a file");
}

Test(cgroup_tree, enter)
{
	char path[PATH_MAX] = "", before[PATH_MAX];
	struct err e;
	int go[2], status;
	char byte;
	pid_t pid;

	create("a");
	cr_assert_eq(cgroup_of(0, before, sizeof(before), &e), 0, "%s", e.text);
	cr_assert_eq(pipe(go), 0);
	pid = fork();
	if (!pid) {
		bool moved = !cgroup_enter(below("a"), 0, &e) &&
			     !cgroup_of(0, path, sizeof(path), &e) && !strcmp(path, below("a"));

		close(go[1]);
		(void)!read(go[0], &byte, 1);
		_exit(moved ? 0 : 1);
	}
	close(go[0]);
	cr_expect_eq(cgroup_enter(below("b"), pid, &e), -1);
	cr_expect(strstr(e.text, below("b")));
	cr_expect_eq(cgroup_enter(below("a"), pid, &e), 0);
	cr_expect_eq(cgroup_of(pid, path, sizeof(path), &e), 0);
	cr_expect_str_eq(path, below("a"));
	cr_expect_eq(cgroup_remove(below("a"), &e), -1);
	cr_expect(strstr(e.text, "processes"), "%s", e.text);
	close(go[1]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
	cr_expect_eq(cgroup_of(0, path, sizeof(path), &e), 0);
	cr_expect_str_eq(path, before);
	cr_expect_eq(cgroup_of(pid, path, sizeof(path), &e), -1);
	cr_expect_eq(cgroup_enter(below("a"), pid, &e), -1, "a process that is gone");
}

Test(cgroup_tree, create_what_is_there)
{
	struct err e;

	create("a");
	cr_expect_eq(cgroup_create(below("a"), &e), 0);
	cr_expect_eq(cgroup_create(below("no/parent"), &e), -1);
	cr_expect_eq(cgroup_create("/tmp", &e), -1);
}
