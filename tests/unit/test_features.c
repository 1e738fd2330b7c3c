/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel has. As root, on whatever kernel it is: what is probed must agree with its version. */
#include "../../user/daemon/features.h"
#include "caught.h"

#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static void setup(void)
{
	cr_assert_eq(geteuid(), 0, "these tests are for root");
	libbpf_set_print(NULL);
}

TestSuite(features, .init = setup, .timeout = 60);

static unsigned version_of(const char *text)
{
	unsigned major = 0, minor = 0;

	cr_assert_eq(sscanf(text, "%u.%u", &major, &minor), 2, "%s", text);
	return major * 1000 + minor;
}

Test(features, what_is_probed_agrees_with_the_version)
{
	struct utsname u;

	cr_assert_eq(uname(&u), 0);
	for (int f = 0; f < FEATURE_COUNT; f++) {
		const struct feature_info *info = feature_info((enum feature)f);
		bool due = version_of(u.release) >= version_of(info->since);

		cr_expect_eq(feature_probe((enum feature)f), due ? FEATURE_PRESENT : FEATURE_ABSENT,
			     "%s, since %s, on %s", info->word, info->since, u.release);
	}
}

Test(features, each_can_be_told_in_a_sentence)
{
	for (int f = 0; f < FEATURE_COUNT; f++) {
		const struct feature_info *info = feature_info((enum feature)f);

		cr_expect(strlen(info->what) > 10 && strlen(info->without) > 20, "%s", info->word);
		cr_expect(islower((unsigned char)info->word[0]));
		for (int other = 0; other < f; other++)
			cr_expect_str_neq(info->word, feature_info((enum feature)other)->word);
	}
}

/* A child that has lost these calls: its exit status. */
static int without(const int *calls, size_t n, int (*body)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
		int failed = !filter;

		for (size_t i = 0; i < n && !failed; i++)
			failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EOPNOTSUPP), calls[i], 0);
		_exit(failed || seccomp_load(filter) ? 99 : body());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static int refuses_without_bpf(void)
{
	struct err e;

	return !(features_require(&e) < 0 && strstr(e.text, "bpf-connect") &&
		 strstr(e.text, "CONFIG_CGROUP_BPF"));
}

static int says_what_is_lost(void)
{
	const char *said;
	struct err e;

	if (features_require(&e) < 0)
		return 1;
	catch_stderr();
	features_log();
	said = caught_text();
	return !(
		strstr(said, "event=kernel-lacks feature=\"landlock\" since=\"5.13\" without=\"") &&
		strstr(said, "feature=\"landlock-scopes\"") && !strstr(said, "bpf-connect"));
}

Test(features, a_needed_one_that_is_absent_is_named)
{
	struct err e;

	cr_expect_eq(features_require(&e), 0, "%s", e.text);
	cr_expect_eq(without((const int[]){SCMP_SYS(bpf)}, 1, refuses_without_bpf), 0);
}

Test(features, a_wanted_one_that_is_absent_is_told_and_no_more)
{
	cr_expect_eq(
		without((const int[]){SCMP_SYS(landlock_create_ruleset)}, 1, says_what_is_lost), 0);
}

static int cannot_tell(void)
{
	if (setresuid(61234, 61234, 61234) < 0)
		return 1;
	return !(feature_probe(FEATURE_SOCK_ADDR) == FEATURE_UNKNOWN &&
		 feature_probe(FEATURE_SOCK_DESTROY) == FEATURE_UNKNOWN &&
		 feature_probe(FEATURE_SECCOMP) == FEATURE_PRESENT);
}

Test(features, who_may_not_try_is_not_told_no)
{
	cr_expect_eq(without(NULL, 0, cannot_tell), 0);
}
