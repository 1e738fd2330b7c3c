/* SPDX-License-Identifier: Apache-2.0 */
/* Paths that are put together fit, or are said not to. */
#include "../../user/daemon/path.h"

#include <criterion/criterion.h>
#include <string.h>

Test(path, pieces_stand_as_they_are)
{
	char path[PATH_MAX];

	cr_expect_eq(path_put(path, "", "/etc/ssl/own.pem", ".new"), 0);
	cr_expect_str_eq(path, "/etc/ssl/own.pem.new");
	cr_expect_eq(path_join(path, "", "bin"), 0);
	cr_expect_str_eq(path, "/bin", "\"\" is the root");
	cr_expect_eq(path_join(path, "/usr", "bin"), 0);
	cr_expect_str_eq(path, "/usr/bin");
}

Test(path, what_does_not_fit_is_said)
{
	char path[PATH_MAX], dir[PATH_MAX];

	memset(dir, 'd', sizeof(dir));
	dir[PATH_MAX - 3] = 0;
	cr_expect_eq(path_join(path, dir, "f"), 0, "the NUL is the last that fits");
	cr_expect_eq(strlen(path), (size_t)PATH_MAX - 1);
	cr_expect_eq(path_join(path, dir, "ff"), -1);
	cr_expect_eq(path_put(path, dir, "f", "ff"), -1);
}
