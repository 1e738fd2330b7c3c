/* SPDX-License-Identifier: Apache-2.0 */
#include "dry_run.h"
#include "../daemon/cgroup.h"
#include "../daemon/cgroup_watch.h"
#include "../daemon/program_tasks.h"
#include "../daemon/sweep.h"
#include "survey.h"

#include <limits.h>
#include <string.h>

#define TASKS_MAX ((size_t)64 << 20) /* bytes */

struct dry_run {
	struct ctl *ctl;
	const struct config *config;
	json_t *cgroups;  /* what is enrolled */
	json_t *programs; /* likewise */
	json_t *targets;  /* the answer */
	uint64_t own;	  /* the daemon's cgroup; 0: it is not known */
	const char *mode, *fail;
	bool failed; /* memory, or what is there cannot be seen */
	struct err err;
};

/* ---- what is known of the daemon */

static void find_own_cgroup(struct dry_run *d)
{
	char path[PATH_MAX];
	json_t *answer;
	struct err e;
	pid_t monitor;

	if (client_call(d->ctl, json_pack("{s:s}", "command", "status"), &answer, &e) !=
	    CLIENT_DONE)
		return;
	monitor = (pid_t)json_integer_value(json_object_get(answer, "monitor"));
	json_decref(answer);
	if (monitor <= 0 || cgroup_of(monitor, path, sizeof(path), &e) < 0 ||
	    cgroup_id(path, &d->own, &e) < 0)
		d->own = 0;
}

static enum client_result ask_lists(struct dry_run *d)
{
	enum client_result result =
		client_collect(d->ctl, "list", "enrolled", &d->cgroups, &d->err);

	if (result == CLIENT_DONE)
		result = client_collect(d->ctl, "programs", "programs", &d->programs, &d->err);
	if (result == CLIENT_ABSENT) {
		ctl_note("awsmaskd does not run, so it is not known what is enrolled already");
		return CLIENT_DONE;
	}
	if (result == CLIENT_DONE)
		find_own_cgroup(d);
	return result;
}

/* ---- one target */

static void count_connections(struct dry_run *d, json_t *facts, int rc,
			      const struct sweep_result *found, const struct err *e)
{
	if (rc < 0)
		json_object_set_new(facts, "warning", json_string(e->text));
	else
		json_object_set_new(
			facts, "connections",
			json_integer(strcmp(d->mode, POLICY_OBSERVE_WORD) ? found->closed : 0));
}

static void add_target(struct dry_run *d, json_t *facts)
{
	json_object_set_new(facts, "mode", json_string(d->mode));
	json_object_set_new(facts, "fail", json_string(d->fail));
	if (json_array_append_new(d->targets, facts) < 0)
		d->failed = true;
}

/* Enrolments above, at and below this cgroup: the nearest one's policy holds for a process. */
static json_t *relatives(const struct dry_run *d, const char *path)
{
	json_t *all = json_array(), *entry;
	size_t i;

	json_array_foreach(d->cgroups, i, entry)
	{
		const char *other = json_string_value(json_object_get(entry, "cgroup"));
		const char *where = !other			   ? NULL
				    : !strcmp(other, path)	   ? "this one"
				    : cgroup_is_below(path, other) ? "above"
				    : cgroup_is_below(other, path) ? "below"
								   : NULL;

		if (where)
			json_array_append_new(all, json_pack("{s:s, s:s, s:O, s:O}", "cgroup",
							     other, "where", where, "mode",
							     json_object_get(entry, "mode"), "fail",
							     json_object_get(entry, "fail")));
	}
	return all;
}

struct gathering {
	struct survey *survey;
	uint64_t own;
};

static void add_process(pid_t pid, void *survey)
{
	survey_add(survey, pid);
}

static int add_processes(const char *path, uint64_t id, void *arg)
{
	struct gathering *g = arg;

	if (!g->own || !cgroup_contains(g->own, id))
		cgroup_each_task(path, false, add_process, g->survey);
	return 0;
}

static void look_at_cgroup(void *arg, const char *path, uint64_t id)
{
	struct dry_run *d = arg;
	const struct sweep_options options = {d->config, d->own, true};
	struct gathering g = {survey_new(), d->own};
	struct sweep_result found = {0};
	json_t *facts = json_pack("{s:s, s:I}", "cgroup", path, "id", (json_int_t)id);
	struct err e;

	if (!g.survey || !facts) {
		d->failed = true;
		survey_free(g.survey);
		json_decref(facts);
		return;
	}
	if (d->own && cgroup_contains(d->own, id))
		json_object_set_new(
			facts, "refused",
			json_string("it lies in awsmaskd's own cgroup, which is exempt"));
	else if (d->own && cgroup_contains(id, d->own))
		json_object_set_new(facts, "exempt",
				    json_string("awsmaskd's own cgroup, below it"));
	(void)cgroup_each(path, add_processes, &g);
	if (survey_tell(g.survey, facts) < 0)
		d->failed = true;
	count_connections(d, facts, sweep_cgroup(&options, id, &found, &e), &found, &e);
	json_object_set_new(facts, "enrolled", relatives(d, path));
	add_target(d, facts);
	survey_free(g.survey);
}

static void ignore_gone(void *arg, uint64_t id)
{
	(void)arg, (void)id;
}

/* As the configuration's patterns are looked up, once. */
static int look_at_pattern(struct dry_run *d, char *pattern)
{
	const struct cgroup_watch_events events = {look_at_cgroup, ignore_gone, d};
	struct cgroup_watch *watch;
	uv_loop_t loop;

	uv_loop_init(&loop);
	watch = cgroup_watch_new(&loop, &pattern, 1, &events, &d->err);
	cgroup_watch_close(watch);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	if (watch && !json_array_size(d->targets))
		return err_set(&d->err, "no cgroup matches '%s' now", pattern);
	return watch ? 0 : -1;
}

static int look_at_cgroups(struct dry_run *d, char *name)
{
	char path[PATH_MAX];
	uint64_t id;

	if (strpbrk(name, "*?["))
		return look_at_pattern(d, name);
	if (cgroup_resolve(name, path, sizeof(path), &d->err) < 0 ||
	    cgroup_id(path, &id, &d->err) < 0)
		return -1;
	look_at_cgroup(d, path, id);
	return 0;
}

static json_t *paths_of(const struct program_finds *finds)
{
	const struct program_found *files;
	json_t *all = json_array();
	size_t n;

	files = program_files(finds, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, json_string(files[i].path));
	return all;
}

static json_t *known_program(const struct dry_run *d, const char *path)
{
	json_t *entry;
	size_t i;

	json_array_foreach(d->programs, i, entry)
	{
		const char *other = json_string_value(json_object_get(entry, "exe"));

		if (other && !strcmp(other, path))
			return json_incref(entry);
	}
	return json_null();
}

static int look_at_program(struct dry_run *d, const char *path)
{
	const struct sweep_options options = {d->config, d->own, true};
	struct survey *survey = survey_new();
	json_t *facts = json_pack("{s:s}", "exe", path);
	const struct program_task *tasks;
	struct program_finds finds;
	struct sweep_result found = {0};
	struct buf running;
	const pid_t *pids;
	struct err e;
	size_t n;
	int rc = -1;

	program_finds_init(&finds);
	buf_init(&running, TASKS_MAX);
	if (config_program_check(path, &d->err) < 0)
		goto out;
	program_path_find(&finds, path, 1);
	if (!survey || !facts || program_tasks_find(&finds, &running) < 0) {
		err_set(&d->err, "the running processes cannot be looked at");
		goto out;
	}
	tasks = program_tasks(&running, &n);
	for (size_t i = 0; i < n; i++)
		if (tasks[i].id)
			survey_add(survey, tasks[i].pid);
	json_object_set_new(facts, "files", paths_of(&finds));
	if (survey_tell(survey, facts) < 0)
		d->failed = true;
	pids = survey_pids(survey, &n);
	count_connections(d, facts, sweep_processes(&options, pids, n, &found, &e), &found, &e);
	json_object_set_new(facts, "enrolled", known_program(d, path));
	add_target(d, facts);
	facts = NULL;
	rc = 0;
out:
	json_decref(facts);
	survey_free(survey);
	program_finds_free(&finds);
	buf_free(&running);
	return rc;
}

/* ---- telling */

static void print_names(const json_t *names)
{
	const char *name, *between = " (";
	json_t *count;

	json_object_foreach((json_t *)names, name, count)
	{
		printf("%s%" JSON_INTEGER_FORMAT " %s", between, json_integer_value(count),
		       harmless(name));
		between = ", ";
	}
	if (json_object_size(names))
		printf(")");
}

static json_int_t number_of(const json_t *target, const char *key)
{
	return json_integer_value(json_object_get(target, key));
}

static const char *text_of(const json_t *target, const char *key)
{
	const char *text = json_string_value(json_object_get(target, key));

	return text ? harmless(text) : NULL;
}

static void print_relatives(const json_t *target)
{
	const json_t *all = json_object_get(target, "enrolled");
	json_t *entry;
	size_t i;

	json_array_foreach(all, i, entry)
	{
		const char *where = text_of(entry, "where");

		if (!strcmp(where, "this one"))
			printf("  enrolled     already (%s, %s): it would get the policy above\n",
			       text_of(entry, "mode"), text_of(entry, "fail"));
		else
			printf("  enrolled     %s (%s, %s), %s it: %s holds for what is in it\n",
			       text_of(entry, "cgroup"), text_of(entry, "mode"),
			       text_of(entry, "fail"), where,
			       !strcmp(where, "above") ? "the nearer policy, this one,"
						       : "the nearer policy, that one,");
	}
	if (json_is_object(all))
		printf("  enrolled     already (%s, %s): it would get the policy above\n",
		       text_of(all, "mode"), text_of(all, "fail"));
}

static void print_target(const json_t *target)
{
	json_t *file;
	size_t i;

	printf("%s%s\n", text_of(target, "exe") ? "exe:" : "",
	       text_of(target, "exe") ? text_of(target, "exe") : text_of(target, "cgroup"));
	if (text_of(target, "refused"))
		printf("  refused      %s\n", text_of(target, "refused"));
	printf("  policy       %s, fail %s\n", text_of(target, "mode"), text_of(target, "fail"));
	json_array_foreach(json_object_get(target, "files"), i, file)
		printf("  file         %s\n", harmless(json_string_value(file)));
	if (text_of(target, "exe") && !json_array_size(json_object_get(target, "files")))
		printf("  file         none yet\n");
	printf("  processes    %" JSON_INTEGER_FORMAT, number_of(target, "processes"));
	print_names(json_object_get(target, "programs"));
	printf("\n  namespaces   %" JSON_INTEGER_FORMAT " of the network\n",
	       number_of(target, "namespaces"));
	if (text_of(target, "warning"))
		printf("  connections  not known: %s\n", text_of(target, "warning"));
	else
		printf("  connections  %" JSON_INTEGER_FORMAT " older one(s) would be closed\n",
		       number_of(target, "connections"));
	if (text_of(target, "exempt"))
		printf("  exempt       %s\n", text_of(target, "exempt"));
	print_relatives(target);
}

static int look(struct dry_run *d, int argc, char **argv)
{
	if (ask_lists(d) != CLIENT_DONE)
		return -1;
	if (!d->ctl->option[OPTION_EXE])
		return look_at_cgroups(d, argv[0]);
	for (int i = 0; i < argc; i++)
		if (look_at_program(d, argv[i]) < 0)
			return -1;
	return 0;
}

int dry_run(struct ctl *c, int argc, char **argv)
{
	struct dry_run d = {.ctl = c,
			    .targets = json_array(),
			    .mode = c->option[OPTION_MODE],
			    .fail = c->option[OPTION_FAIL]};
	int status = STATUS_REFUSED;
	json_t *target;
	size_t i;

	d.config = ctl_config(c, &d.err);
	if (!d.config)
		goto out;
	if (!d.mode)
		d.mode = policy_mode_word(d.config->mode);
	if (!d.fail)
		d.fail = d.config->fail_open ? "open" : "closed";
	if (look(&d, argc, argv) < 0)
		goto out;
	if (d.failed) {
		err_set(&d.err, "memory is out");
		goto out;
	}
	status = STATUS_DONE;
	if (c->option[OPTION_JSON])
		status = ctl_print_json(
			json_pack("{s:b, s:b, s:O}", "ok", 1, "dry_run", 1, "targets", d.targets));
	else
		json_array_foreach(d.targets, i, target) print_target(target);
out:
	json_decref(d.targets);
	json_decref(d.cgroups);
	json_decref(d.programs);
	return status == STATUS_DONE ? status : ctl_refuse(c, &d.err);
}
