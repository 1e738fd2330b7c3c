/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/cgroup_names.h"
#include "../../user/daemon/cgroup.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void expect(struct cgroup_names *names, uint64_t id, const char *want)
{
	char *path = cgroup_names_path(names, id);

	cr_expect_str_eq(path, want, "%s", path);
	free(path);
}

Test(cgroup_names, a_cgroup_that_went_keeps_its_name)
{
	struct cgroup_names *names = cgroup_names_new();
	char path[PATH_MAX], mount[PATH_MAX - 64], gone[32];
	struct err e;
	uint64_t id;

	cr_assert_eq(cgroup_mount(mount, sizeof(mount), &e), 0, "%s", e.text);
	snprintf(path, sizeof(path), "%s/awsmask-test-names-%d", mount, (int)getpid());
	cr_assert_eq(cgroup_create(path, &e), 0, "%s", e.text);
	cr_assert_eq(cgroup_id(path, &id, &e), 0, "%s", e.text);
	expect(names, 0, "");
	expect(names, id, path);
	cr_assert_eq(cgroup_remove(path, &e), 0, "%s", e.text);
	expect(names, id, path);
	cgroup_names_free(names);
	names = cgroup_names_new();
	snprintf(gone, sizeof(gone), "id:%llu", (unsigned long long)id);
	expect(names, id, gone);
	cgroup_names_free(names);
}
