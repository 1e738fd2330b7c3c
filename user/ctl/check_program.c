/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof for programs: a script is enrolled by its path, and run outside of every enrolled
 * cgroup; what it runs, which is this program again, must find its connection masked.
 */
#include "check.h"
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MAX 4096

/* A word of the shell's: 'it'\''s' */
static void put_quoted(FILE *f, const char *text)
{
	fputc('\'', f);
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\'", f);
		fputc(*text, f);
	}
	fputc('\'', f);
}

static int write_script(FILE *f, const struct ctl *c)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return -1;
	self[n] = 0;
	fputs("#!/bin/sh\nexec ", f);
	put_quoted(f, self);
	if (c->option[OPTION_CONFIG]) {
		fputs(" --config ", f);
		put_quoted(f, c->option[OPTION_CONFIG]);
	}
	fputs(" check --here --json\n", f);
	return fflush(f) || ferror(f) ? -1 : 0;
}

/* Where root alone can write, and programs may be run. */
static int make_script(const struct checks *k, char path[static PATH_MAX], struct err *e)
{
	int n = snprintf(path, PATH_MAX, "%s/check-XXXXXX", k->config->ca_dir);
	int fd = n < PATH_MAX ? mkostemp(path, O_CLOEXEC) : -1;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	bool written;

	if (!f) {
		if (fd >= 0)
			close(fd);
		return err_set(e, "no script can be made in %s: %s", k->config->ca_dir,
			       strerror(errno));
	}
	written = write_script(f, k->ctl) == 0 && fchmod(fileno(f), 0700) == 0;
	if (fclose(f) == 0 && written)
		return 0;
	unlink(path);
	return err_set(e, "no script can be written in %s", k->config->ca_dir);
}

/* What it said, as JSON; NULL: nothing of use. */
static json_t *run(char *path)
{
	char said[ANSWER_MAX], *argv[] = {path, NULL};
	size_t len = 0;
	ssize_t n = 1;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	fflush(NULL);
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execv(path, argv);
		_exit(127);
	}
	close(ends[1]);
	while (n > 0 && len < sizeof(said)) {
		n = read(ends[0], said + len, sizeof(said) - len);
		len += n > 0 ? (size_t)n : 0;
	}
	close(ends[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	return json_loadb(said, len, 0, NULL);
}

static void judge(struct checks *k, const json_t *said)
{
	const json_t *list = json_object_get(said, "checks");
	const json_t *last = json_array_get(list, json_array_size(list) - 1);
	const char *text = json_string_value(json_object_get(last, "text"));
	bool ok = json_is_true(json_object_get(said, "ok"));

	if (text && !strncmp(text, "from this process", strlen("from this process")))
		text += strlen("from this process");
	check_say(k, "program", ok ? CHECK_OK : CHECK_FAILED,
		  ok ? "" : "look at awsmaskd's log and `awsmaskctl list`",
		  "from an enrolled program%s",
		  text ? text : ": the script could not be run, or said nothing");
}

void check_program(struct checks *k)
{
	char path[PATH_MAX];
	json_t *answer, *said;
	struct err e;

	if (make_script(k, path, &e) < 0) {
		check_say(k, "program", CHECK_WARNING, "", "%s", e.text);
		return;
	}
	if (client_enroll_program(k->ctl, path, &answer, &e) != CLIENT_DONE) {
		check_say(k, "program", CHECK_WARNING, "enroll cgroups", "%s", e.text);
		unlink(path);
		return;
	}
	json_decref(answer);
	said = run(path);
	judge(k, said);
	json_decref(said);
	if (client_unenroll_program(k->ctl, path, &answer, &e) == CLIENT_DONE)
		json_decref(answer);
	else
		check_say(k, "program-cleanup", CHECK_WARNING, "see `awsmaskctl list`", "%s",
			  e.text);
	unlink(path);
}
