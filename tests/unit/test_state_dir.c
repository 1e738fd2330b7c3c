/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/state_dir.h"
#include "tempdir.h"

#include <sys/stat.h>

static struct err e;

static gid_t group_of(const char *path)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0, "%s", path);
	return st.st_gid;
}

TestSuite(state_dir, .init = tempdir_make, .fini = tempdir_remove);

Test(state_dir, is_made_with_its_group_and_mode)
{
	cr_assert_eq(state_dir_make(in_tempdir("lib/vault.db"), 4711, 01771, &e), 0, "%s", e.text);
	cr_expect_eq(mode_of(in_tempdir("lib")), 01771);
	cr_expect_eq(group_of(in_tempdir("lib")), 4711);
}

Test(state_dir, one_that_is_there_stays_as_it_is)
{
	cr_assert_eq(mkdir(in_tempdir("lib"), 0700), 0);
	cr_assert_eq(state_dir_make(in_tempdir("lib/vault.db"), 4711, 01771, &e), 0);
	cr_expect_eq(mode_of(in_tempdir("lib")), 0700);
	cr_expect_eq(group_of(in_tempdir("lib")), getgid());
}

Test(state_dir, without_its_parent_it_is_not_made)
{
	cr_assert_eq(state_dir_make(in_tempdir("no/lib/vault.db"), 0, 0755, &e), -1);
	cr_expect(strstr(e.text, "no/lib") && strstr(e.text, "parent directory"), "%s", e.text);
}

Test(state_dir, the_root_needs_no_making)
{
	cr_expect_eq(state_dir_make("/vault.db", 4711, 0700, &e), 0);
	cr_expect_eq(mode_of("/") & 0755, 0755);
}

Test(state_dir, paths_that_name_no_directory_are_refused)
{
	char path[PATH_MAX + 8];

	cr_expect_eq(state_dir_make("vault.db", 0, 0755, &e), -1);
	cr_expect(strstr(e.text, "whole path"), "%s", e.text);
	cr_expect_eq(state_dir_check("vault.db", 0, 0, &e), -1);
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[PATH_MAX] = 0;
	cr_expect_eq(state_dir_make(path, 0, 0755, &e), -1);
	cr_expect(strstr(e.text, "too long"), "%s", e.text);
}

/* Whether uid 4000 of group 5000 can make files there. */
static int serves(uid_t owner, gid_t group, mode_t mode)
{
	cr_assert_eq(chown(in_tempdir("lib"), owner, group), 0);
	cr_assert_eq(chmod(in_tempdir("lib"), mode), 0);
	return state_dir_check(in_tempdir("lib/vault.db"), 4000, 5000, &e);
}

Test(state_dir, the_worker_must_be_able_to_make_files_there)
{
	cr_assert_eq(mkdir(in_tempdir("lib"), 0700), 0);
	cr_expect_eq(serves(0, 5000, 01771), 0);
	cr_expect_eq(serves(0, 5000, 0770), 0);
	cr_expect_eq(serves(4000, 0, 0700), 0);
	cr_expect_eq(serves(0, 5000, 01751), -1, "it may not write");
	cr_expect_eq(serves(0, 5000, 01761), -1, "it may not enter");
	cr_expect_eq(serves(0, 5001, 01771), -1, "another group's");
	cr_expect(strstr(e.text, "chgrp 5000") && strstr(e.text, "chmod 1771"), "%s", e.text);
	cr_assert_eq(rmdir(in_tempdir("lib")), 0);
	cr_expect_eq(state_dir_check(in_tempdir("lib/vault.db"), 4000, 5000, &e), -1);
}
