/* SPDX-License-Identifier: Apache-2.0 */
/* Real processes. For root. */
#include "../../user/daemon/program_tasks.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tempdir.h"

static struct program_finds finds;
static struct buf tasks;
static pid_t started[16];
static size_t start_count;

static void setup(void)
{
	tempdir_make();
	program_finds_init(&finds);
	buf_init(&tasks, (size_t)16 << 20);
}

static void teardown(void)
{
	for (size_t i = 0; i < start_count; i++) {
		kill(-started[i], SIGKILL);
		waitpid(started[i], NULL, 0);
	}
	program_finds_free(&finds);
	buf_free(&tasks);
	tempdir_remove();
}

TestSuite(program_tasks, .init = setup, .fini = teardown, .timeout = 60);

static void copy(const char *program, const char *name)
{
	char command[PATH_MAX + 64];

	snprintf(command, sizeof(command), "cp %s %s", program, in_tempdir(name));
	cr_assert_eq(system(command), 0);
}

static void script(const char *name, const char *text)
{
	put_file(in_tempdir(name), text, strlen(text));
	cr_assert_eq(chmod(in_tempdir(name), 0755), 0);
}

/* Run by a shell in a process group of its own; what it echoes is the process that is meant. */
static pid_t start(const char *command)
{
	char number[32] = "";
	int out[2];
	pid_t pid;

	cr_assert_eq(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		cr_assert_eq(chdir(tempdir), 0);
		dup2(out[1], 1);
		unsetenv("_");
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	close(out[1]);
	started[start_count++] = pid;
	cr_assert_gt(read(out[0], number, sizeof(number) - 1), 0, "%s", command);
	close(out[0]);
	return (pid_t)atoi(number);
}

static uint32_t id_of(pid_t pid)
{
	const struct program_task *all;
	size_t n;

	buf_clear(&tasks);
	cr_assert_eq(program_tasks_find(&finds, &tasks), 0);
	all = program_tasks(&tasks, &n);
	for (size_t i = 0; i < n; i++)
		if (all[i].pid == pid)
			return all[i].id;
	cr_expect(false, "process %d is not there", (int)pid);
	return 0;
}

static void enroll(const char *name, uint32_t id)
{
	program_path_find(&finds, in_tempdir(name), id);
}

Test(program_tasks, a_native_program_and_its_children)
{
	pid_t agent, child, other;

	copy("/bin/sh", "agent");
	enroll("agent", 3);
	agent = start("exec ./agent -c 'echo $$; sleep 1000; :'");
	child = start(
		"./agent -c 'sh -c \"sh -c \\\"echo \\\\\\$\\\\\\$; sleep 1000; :\\\"; :\"; :'");
	other = start("echo $$; sleep 1000; :");
	cr_expect_eq(id_of(agent), 3);
	cr_expect_eq(id_of(child), 3);
	cr_expect_eq(id_of(other), 0);
	cr_expect_eq(id_of(getpid()), 0);
}

Test(program_tasks, one_whose_file_was_replaced)
{
	pid_t agent;

	copy("/bin/sh", "agent");
	agent = start("exec ./agent -c 'echo $$; sleep 1000; :'");
	cr_assert_eq(unlink(in_tempdir("agent")), 0);
	copy("/bin/sh", "agent");
	enroll("agent", 3);
	cr_expect_eq(id_of(agent), 3);
}

Test(program_tasks, a_script_by_what_its_interpreter_was_given)
{
	pid_t absolute, relative, reader, flagged;

	script("agent", "#!/bin/sh -u\necho $$\nsleep 1000; :\n");
	enroll("agent", 4);
	absolute = start("exec $PWD/agent with arguments");
	relative = start("exec ./agent");
	flagged = start("exec sh -u -e ./agent");
	reader = start("exec python3 -c 'import os, signal; print(os.getpid(), flush=True); "
		       "signal.pause()' $PWD/agent");
	cr_expect_eq(id_of(absolute), 4);
	cr_expect_eq(id_of(relative), 4);
	cr_expect_eq(id_of(flagged), 4);
	/* Another program that was given it as a file is none of its. */
	cr_expect_eq(id_of(reader), 0);
}

/* As one that has overwritten its arguments. */
Test(program_tasks, by_the_shells_word_in_the_environment)
{
	pid_t one, other;
	char command[256];

	script("agent", "#!/bin/sh\n");
	enroll("agent", 5);
	snprintf(command, sizeof(command), "exec env _=%s sh -c 'echo $$; sleep 1000; :'",
		 in_tempdir("agent"));
	one = start(command);
	other = start("exec env _=/bin/ls sh -c 'echo $$; sleep 1000; :'");
	cr_expect_eq(id_of(one), 5);
	cr_expect_eq(id_of(other), 0);
}
