/* SPDX-License-Identifier: Apache-2.0 */
/* Programs over the control socket. */
#include "control_host.h"

static struct host *host;

static void setup(void)
{
	host = host_start(NULL, 0);
}

static void teardown(void)
{
	host_stop(host);
}

TestSuite(control_program, .init = setup, .fini = teardown, .timeout = 60);

static json_int_t number_of(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

Test(control_program, enroll_sends_path_and_policy)
{
	json_t *answer = host_ask_once(host, "{\"command\":\"enroll\",\"exe\":\"/usr/bin/agent\","
					     "\"mode\":\"observe\",\"fail\":\"open\"}");
	struct priv_request last;

	cr_assert(is_ok(answer));
	cr_expect_str_eq(json_string_value(json_object_get(answer, "exe")), "/usr/bin/agent");
	cr_expect_eq(number_of(answer, "id"), 9);
	cr_expect_eq(number_of(answer, "processes"), 4);
	cr_expect_eq(number_of(answer, "closed"), 3);
	cr_expect_eq(number_of(answer, "left"), 1);
	cr_expect_str_eq(json_string_value(json_object_get(answer, "warning")), "a warning");
	cr_assert_eq(host_changes(host, &last), 1);
	cr_expect_eq(last.kind, PRIV_PROGRAM_ENROLL);
	cr_expect_str_eq(last.u.program.path, "/usr/bin/agent");
	cr_expect_eq(last.u.program.policy.mode, POLICY_OBSERVE);
	cr_expect_eq(last.u.program.policy.flags, POLICY_FAIL_OPEN);
	json_decref(answer);
}

Test(control_program, what_is_no_program_is_refused_here)
{
	char line[600], path[400];

	expect_refused(host, "{\"command\":\"enroll\"}", "either cgroup or exe");
	expect_refused(host, "{\"command\":\"enroll\",\"exe\":\"/a\",\"cgroup\":\"/b\"}",
		       "either cgroup or exe");
	expect_refused(host, "{\"command\":\"enroll\",\"exe\":7}", "enroll needs");
	expect_refused(host, "{\"command\":\"enroll\",\"exe\":\"agent\"}", "no absolute path");
	expect_refused(host, "{\"command\":\"enroll\",\"exe\":\"\"}", "no absolute path");
	expect_refused(host, "{\"command\":\"enroll\",\"exe\":\"/\"}", "how a shell spells");
	expect_refused(host, "{\"command\":\"enroll\",\"exe\":\"/usr/../agent\"}",
		       "how a shell spells");
	expect_refused(host, "{\"command\":\"enroll\",\"exe\":\"/usr/bin/\"}",
		       "how a shell spells");
	expect_refused(host, "{\"command\":\"enroll\",\"exe\":\"/usr/a\\u0007\"}",
		       "control character");
	expect_refused(host, "{\"command\":\"unenroll\",\"exe\":\"/a\",\"id\":7}", "either");
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[AWSMASK_PROGRAM_PATH - 1] = 0;
	snprintf(line, sizeof(line), "{\"command\":\"enroll\",\"exe\":\"%s\"}", path);
	expect_refused(host, line, "can have 238");
	cr_expect_eq(host_changes(host, NULL), 0);
	path[AWSMASK_PROGRAM_PATH - 2] = 0;
	snprintf(line, sizeof(line), "{\"command\":\"enroll\",\"exe\":\"%s\"}", path);
	json_decref(host_ask_once(host, line));
	cr_expect_eq(host_changes(host, NULL), 1);
}

Test(control_program, unenroll_by_path)
{
	struct priv_request last;
	json_t *answer;

	host_program(host, 3, "/usr/bin/agent", POLICY_ENFORCE, 0);
	expect_refused(host, "{\"command\":\"unenroll\",\"exe\":\"/usr/bin/other\"}",
		       "is not enrolled");
	answer = host_ask_once(host, "{\"command\":\"unenroll\",\"exe\":\"/usr/bin/agent\"}");
	cr_expect(is_ok(answer));
	cr_expect_str_eq(json_string_value(json_object_get(answer, "exe")), "/usr/bin/agent");
	cr_expect_eq(host_changes(host, &last), 2);
	cr_expect_eq(last.kind, PRIV_PROGRAM_UNENROLL);
	cr_expect_str_eq(last.u.program.path, "/usr/bin/agent");
	json_decref(answer);
}

Test(control_program, pages)
{
	json_int_t offset = 0;
	size_t seen = 0;
	char name[32], line[64];
	json_t *answer;

	for (uint32_t i = 0; i < HOST_PROGRAMS_MAX; i++) {
		snprintf(name, sizeof(name), "/opt/agent-%u", i);
		host_program(host, 100 + i, name, i % 2, 0);
	}
	do {
		const json_t *entry;
		size_t i;

		snprintf(line, sizeof(line), "{\"command\":\"programs\",\"offset\":%d}",
			 (int)offset);
		answer = host_ask_once(host, line);
		cr_assert(is_ok(answer));
		cr_expect_eq(number_of(answer, "total"), HOST_PROGRAMS_MAX);
		json_array_foreach(json_object_get(answer, "programs"), i, entry)
		{
			snprintf(name, sizeof(name), "/opt/agent-%u", (unsigned)seen);
			cr_expect_str_eq(json_string_value(json_object_get(entry, "exe")), name);
			cr_expect_eq(number_of(entry, "id"), 100 + (json_int_t)seen);
			cr_expect_str_eq(json_string_value(json_object_get(entry, "mode")),
					 seen % 2 ? "observe" : "enforce");
			cr_expect_str_eq(json_string_value(json_object_get(entry, "fail")),
					 "closed");
			seen++;
		}
		offset = number_of(answer, "next");
		json_decref(answer);
	} while (offset);
	cr_expect_eq(seen, HOST_PROGRAMS_MAX);
	answer = host_ask_once(host, "{\"command\":\"status\"}");
	cr_expect_eq(number_of(answer, "programs"), HOST_PROGRAMS_MAX);
	json_decref(answer);
	expect_refused(host, "{\"command\":\"programs\",\"more\":1}", "nothing but an offset");
}
