/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel side as a client meets it. Needs root. `test_bpf [PART OF A NAME]`. */
#include "kit.h"

#include <signal.h>
#include <sys/wait.h>

#define CASE_SECONDS 90 /* an emulated machine takes its time */

static bool run_case(const struct test_case *c, int number)
{
	struct world w = {0};
	char name[64];
	pid_t pid;
	int status;

	snprintf(name, sizeof(name), "awsmask-test-%d-%d", (int)getpid(), number);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		alarm(CASE_SECONDS);
		world_make(&w, name);
		c->run(&w);
		redirect_close(w.r);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = -1;
	if (pid > 0)
		kill(-pid, SIGKILL); /* helpers that an early end left */
	world_remove(name);
	if (status)
		printf("#   %s\n", status == SIGALRM ? "timed out" : "failed");
	printf("%s %d %s\n", status ? "not ok" : "ok", number, c->name);
	return !status;
}

int main(int argc, char **argv)
{
	const struct test_case *all[] = {stream_cases, datagram_cases, life_cases, netns_cases};
	int passed = 0, failed = 0;

	if (geteuid()) {
		puts("# needs root\n0 passed, 1 failed");
		return 1;
	}
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (const struct test_case *c = all[i]; c->name; c++) {
			if (argc > 1 && !strstr(c->name, argv[1]))
				continue;
			if (run_case(c, passed + failed + 1))
				passed++;
			else
				failed++;
		}
	printf("%d passed, %d failed\n", passed, failed);
	return failed || !passed;
}
