/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/cgroup.h"
#include "../../user/daemon/identity.h"
#include "caught.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define ID "4be0c1d27f3a9586e01b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071"

static struct cgroup_names *names;
static char top[PATH_MAX / 2], box[PATH_MAX], inside[PATH_MAX + 16];

static uint64_t make(const char *path)
{
	struct err e;
	uint64_t id;

	cr_assert_eq(cgroup_create(path, &e), 0, "%s", e.text);
	cr_assert_eq(cgroup_id(path, &id, &e), 0, "%s", e.text);
	return id;
}

static void setup(void)
{
	char mount[PATH_MAX / 4];
	struct err e;

	cr_assert_eq(cgroup_mount(mount, sizeof(mount), &e), 0, "%s", e.text);
	snprintf(top, sizeof(top), "%s/awsmask-test-identity-%d", mount, (int)getpid());
	snprintf(box, sizeof(box), "%s/docker-" ID ".scope", top);
	snprintf(inside, sizeof(inside), "%s/job", box);
	names = cgroup_names_new();
	cr_assert(names);
	unsetenv("JOURNAL_STREAM");
}

static void teardown(void)
{
	struct err e;

	cgroup_names_free(names);
	(void)cgroup_remove(inside, &e);
	(void)cgroup_remove(box, &e);
	cr_expect_eq(cgroup_remove(top, &e), 0, "%s", e.text);
}

TestSuite(identity, .init = setup, .fini = teardown);

Test(identity, a_process_in_a_container_of_an_enrolled_cgroup)
{
	struct flow_record flow = {.uid = 1000, .pid = 77, .comm = "fifteen letters"};
	char expected[3 * PATH_MAX];
	struct identity who;

	flow.cgroup_id = make(top);
	make(box);
	flow.task_cgroup_id = make(inside);
	cr_assert_eq(identity_begin(&who, &flow, names), 0, "it is to be looked up");
	cr_assert_eq(identity_look_up(&who, &flow, names), 0);
	cr_expect_str_eq(who.enrolled, top);
	cr_expect_str_eq(who.cgroup, inside);
	cr_expect_str_eq(who.accounted, box, "what goes on inside of it is not told apart");
	cr_expect_str_eq(who.in.name, "docker:4be0c1d27f3a");
	catch_stderr();
	identity_log(&who, LOG_NOTICE, "x", (const struct log_field[]){log_number("n", 3)}, 1);
	snprintf(expected, sizeof(expected),
		 "level=notice event=x uid=1000 pid=77 comm=fifteen?letters cgroup=%s "
		 "container=docker:4be0c1d27f3a n=3\n",
		 inside);
	cr_expect_str_eq(caught_text(), expected);
	identity_free(&who);
	cr_expect_eq(identity_begin(&who, &flow, names), 1, "now it is known");
	cr_expect_str_eq(who.cgroup, inside);
	identity_free(&who);
}

Test(identity, without_a_container_the_report_has_the_enrolled_one)
{
	struct flow_record flow = {.uid = 1000};
	struct identity who;

	make(top);
	flow.task_cgroup_id = flow.cgroup_id = make(box);
	snprintf(inside, sizeof(inside), "%s/job", top);
	cr_assert_eq(identity_begin(&who, &flow, names), 0);
	cr_assert_eq(identity_look_up(&who, &flow, names), 0);
	cr_expect_str_eq(who.accounted, box);
	identity_free(&who);
	flow.cgroup_id = flow.task_cgroup_id = make(inside);
	cr_assert_eq(identity_begin(&who, &flow, names), 0);
	cr_assert_eq(identity_look_up(&who, &flow, names), 0);
	cr_expect_str_eq(who.accounted, inside);
	cr_expect_str_eq(who.in.name, "");
	identity_free(&who);
}

Test(identity, a_cgroup_that_went_is_remembered_or_said_to_be_gone)
{
	struct flow_record flow = {.uid = 5};
	struct identity who;
	char gone[64];
	struct err e;

	flow.cgroup_id = make(top);
	flow.task_cgroup_id = make(box);
	cr_assert_eq(identity_begin(&who, &flow, names), 0);
	cr_assert_eq(identity_look_up(&who, &flow, names), 0);
	identity_free(&who);
	cr_assert_eq(cgroup_remove(box, &e), 0, "%s", e.text);
	cr_assert_eq(identity_begin(&who, &flow, names), 1);
	cr_expect_str_eq(who.cgroup, box);
	identity_free(&who);
	cgroup_names_free(names);
	names = cgroup_names_new();
	cr_assert_eq(identity_begin(&who, &flow, names), 0);
	cr_assert_eq(identity_look_up(&who, &flow, names), 0);
	snprintf(gone, sizeof(gone), "id:%llu", (unsigned long long)flow.task_cgroup_id);
	cr_expect_str_eq(who.cgroup, gone);
	cr_expect_str_eq(who.enrolled, top);
	identity_free(&who);
	cr_assert_eq(identity_begin(&who, &flow, names), 1, "nor is it looked for again");
	identity_free(&who);
}

Test(identity, who_is_not_known_is_not_made_up)
{
	struct flow_record flow = {.uid = 12};
	struct identity who;

	make(top);
	cr_assert_eq(identity_begin(&who, &flow, names), 1);
	cr_expect_str_eq(who.accounted, "");
	catch_stderr();
	identity_log(&who, LOG_NOTICE, "x", (const struct log_field[]){log_word("why", "so")}, 1);
	cr_expect_str_eq(caught_text(), "level=notice event=x uid=12 why=\"so\"\n");
	identity_free(&who);
}
