/* SPDX-License-Identifier: Apache-2.0 */
#include "control_job.h"
#include "cgroup.h"

#include <limits.h>
#include <stdlib.h>

#define LIST_MAX (AWSMASK_MAX_CGROUPS > BOARD_FLOWS ? AWSMASK_MAX_CGROUPS : BOARD_FLOWS)

static const struct {
	const char *word;
	bool changes; /* the monitor wants to see who asks */
} commands[CONTROL_COMMAND_COUNT] = {
#define X(name, word, changes) {word, changes},
	CTL_COMMANDS(X)
#undef X
};

static void finish(struct control_job *job, json_t *answer)
{
	job->phase = JOB_DONE;
	job->answer = answer;
}

static void on_reply(void *arg, const struct priv_reply *reply);

static void set_program(const struct control_job *job, struct priv_request *r)
{
	r->kind = job->command == CONTROL_ENROLL ? PRIV_PROGRAM_ENROLL : PRIV_PROGRAM_UNENROLL;
	r->u.program.policy = job->policy;
	memcpy(r->u.program.path, job->program, sizeof(job->program));
}

/* Ask the monitor what this phase needs. */
static void ask(struct control_job *job, enum job_phase phase)
{
	static const uint32_t acts[CONTROL_COMMAND_COUNT] = {[CONTROL_ENROLL] = PRIV_ENROLL,
							     [CONTROL_UNENROLL] = PRIV_UNENROLL,
							     [CONTROL_CA_RELOAD] = PRIV_CA_RELOAD,
							     [CONTROL_RELOAD] = PRIV_RELOAD};
	struct priv_request r = {0};

	switch (phase) {
	case JOB_ACT:
		r.kind = acts[job->command];
		if (*job->program) {
			set_program(job, &r);
			break;
		}
		r.u.cgroup.id = job->cgroup;
		r.u.cgroup.policy = job->policy;
		break;
	case JOB_PROGRAMS:
		r.kind = PRIV_PROGRAMS;
		r.u.list.offset = (uint32_t)job->offset;
		break;
	case JOB_COUNTERS:
		r.kind = PRIV_COUNTERS;
		break;
	case JOB_NETNS:
		r.kind = PRIV_NETNS;
		break;
	case JOB_FACTS:
		r.kind = PRIV_FACTS;
		break;
	default:
		r.kind = PRIV_LIST;
		r.u.list.offset = (uint32_t)job->offset;
		break;
	}
	job->phase = phase;
	job->ticket = privsep_call_with(job->context->privsep, &r,
					commands[job->command].changes ? job->connection : -1,
					on_reply, job);
	if (!job->ticket)
		finish(job, control_refusal("awsmaskd's monitor cannot be asked: look at the log"));
}

static json_t *done_answer(const struct control_job *job, const struct priv_reply *reply)
{
	char warning[sizeof(reply->error) + 1];

	if (job->command == CONTROL_CA_RELOAD || job->command == CONTROL_RELOAD)
		return json_pack("{s:b}", "ok", 1);
	if (job->command == CONTROL_UNENROLL && *job->program)
		return json_pack("{s:b, s:s}", "ok", 1, "exe", job->program);
	if (job->command == CONTROL_UNENROLL)
		return json_pack("{s:b, s:I}", "ok", 1, "id", (json_int_t)job->cgroup);
	snprintf(warning, sizeof(warning), "%.*s", (int)sizeof(reply->error), reply->error);
	if (*job->program)
		return json_pack("{s:b, s:s, s:I, s:I, s:I, s:I, s:s*}", "ok", 1, "exe",
				 job->program, "id", (json_int_t)reply->u.program.id, "processes",
				 (json_int_t)reply->u.program.processes, "closed",
				 (json_int_t)reply->u.program.sweep.closed, "left",
				 (json_int_t)reply->u.program.sweep.left, "warning",
				 *warning ? warning : NULL);
	return json_pack("{s:b, s:I, s:I, s:I, s:s*}", "ok", 1, "id", (json_int_t)job->cgroup,
			 "closed", (json_int_t)reply->u.sweep.closed, "left",
			 (json_int_t)reply->u.sweep.left, "warning", *warning ? warning : NULL);
}

static void after_act(struct control_job *job, const struct priv_reply *reply)
{
	const struct control_context *context = job->context;

	if (reply->status == 1 && job->command == CONTROL_CA_RELOAD && context->ca_changed)
		context->ca_changed(context->arg);
	if (reply->status == 1)
		finish(job, done_answer(job, reply));
	else if (job->command == CONTROL_UNENROLL && *job->program)
		finish(job, control_refusal("the program %s is not enrolled; see `awsmaskctl list`",
					    job->program));
	else if (job->command == CONTROL_UNENROLL)
		finish(job, control_refusal("this cgroup (id %llu) is not enrolled; see "
					    "`awsmaskctl list`",
					    (unsigned long long)job->cgroup));
	else
		finish(job, control_refusal("the monitor knows no such thing"));
}

static void after_programs(struct control_job *job, const struct priv_reply *reply)
{
	if (job->command == CONTROL_STATUS) {
		job->programs = reply->u.programs.total;
		ask(job, JOB_NETNS);
	} else {
		finish(job, control_programs((uint32_t)job->offset, reply));
	}
}

static void advance(struct control_job *job, const struct priv_reply *reply)
{
	switch (job->phase) {
	case JOB_PROGRAMS:
		after_programs(job, reply);
		break;
	case JOB_ACT:
		after_act(job, reply);
		break;
	case JOB_COUNTERS:
		memcpy(job->counters, reply->u.counters, sizeof(job->counters));
		ask(job, JOB_TOTAL);
		break;
	case JOB_TOTAL:
		job->enrolled = reply->u.list.total;
		ask(job, JOB_PROGRAMS);
		break;
	case JOB_NETNS:
		finish(job, control_status(job->context, job->counters, job->enrolled,
					   job->programs, reply));
		break;
	case JOB_FACTS:
		finish(job, control_metrics(job->context, &reply->u.facts));
		break;
	case JOB_PAGE:
		finish(job, control_page((uint32_t)job->offset, reply));
		break;
	case JOB_REPORT:
	case JOB_DONE:
		break;
	}
}

static void on_reply(void *arg, const struct priv_reply *reply)
{
	struct control_job *job = arg;

	job->ticket = 0;
	if (reply->status < 0)
		finish(job, control_refusal("%.*s", (int)sizeof(reply->error),
					    *reply->error ? reply->error : "the monitor refused"));
	else
		advance(job, reply);
	if (job->phase == JOB_DONE)
		job->done(job->owner);
}

/* The path must be a cgroup's: below the mount, links and dots resolved. */
static json_t *resolve_cgroup(struct control_job *job, const char *path)
{
	char mount[PATH_MAX], real[PATH_MAX];
	struct err e;

	if (cgroup_mount(mount, sizeof(mount), &e) < 0)
		return control_refusal("%s", e.text);
	if (path[0] != '/')
		return control_refusal("'%s' is not an absolute path", path);
	if (!realpath(path, real))
		return control_refusal("there is no cgroup %s", path);
	if (!cgroup_is_below(real, mount))
		return control_refusal("%s is not below %s, where cgroup2 is mounted", path, mount);
	if (cgroup_id(real, &job->cgroup, &e) < 0)
		return control_refusal("%s", e.text);
	return NULL;
}

static json_t *take_program(struct control_job *job, const char *path)
{
	struct err e;

	if (config_program_check(path, &e) < 0)
		return control_refusal("%s", e.text);
	memcpy(job->program, path, strlen(path));
	return NULL;
}

static json_t *take_enroll(struct control_job *job, json_t *request)
{
	const struct config *config = job->context->config;
	const char *cgroup = NULL, *program = NULL, *mode = NULL, *fail = NULL;
	json_error_t wrong;

	if (json_unpack_ex(request, &wrong, JSON_STRICT, "{s:s, s?s, s?s, s?s, s?s}", "command",
			   &(const char *){NULL}, "cgroup", &cgroup, "exe", &program, "mode", &mode,
			   "fail", &fail) < 0)
		return control_refusal("enroll needs cgroup or exe, and takes mode and fail: %s",
				       wrong.text);
	if (!cgroup == !program)
		return control_refusal("enroll needs either cgroup or exe");
	if (mode && strcmp(mode, POLICY_ENFORCE_WORD) != 0 &&
	    strcmp(mode, POLICY_OBSERVE_WORD) != 0)
		return control_refusal("mode is '%s', and can be enforce or observe", mode);
	if (fail && strcmp(fail, "closed") != 0 && strcmp(fail, "open") != 0)
		return control_refusal("fail is '%s', and can be closed or open", fail);
	job->policy.mode = config->mode;
	if (mode)
		job->policy.mode =
			strcmp(mode, POLICY_OBSERVE_WORD) == 0 ? POLICY_OBSERVE : POLICY_ENFORCE;
	if (fail ? strcmp(fail, "open") == 0 : config->fail_open)
		job->policy.flags = POLICY_FAIL_OPEN;
	return program ? take_program(job, program) : resolve_cgroup(job, cgroup);
}

static json_t *take_unenroll(struct control_job *job, json_t *request)
{
	const char *cgroup = NULL, *program = NULL;
	json_int_t id = 0;
	json_error_t wrong;

	if (json_unpack_ex(request, &wrong, JSON_STRICT, "{s:s, s?s, s?s, s?I}", "command",
			   &(const char *){NULL}, "cgroup", &cgroup, "exe", &program, "id",
			   &id) < 0)
		return control_refusal("unenroll takes cgroup, exe or id: %s", wrong.text);
	if ((cgroup != NULL) + (program != NULL) + (id > 0) != 1)
		return control_refusal("unenroll takes either cgroup, exe or a positive id");
	if (program)
		return take_program(job, program);
	job->cgroup = (uint64_t)id;
	return cgroup ? resolve_cgroup(job, cgroup) : NULL;
}

static json_t *take_list(struct control_job *job, json_t *request)
{
	json_int_t offset = 0;
	json_error_t wrong;

	if (json_unpack_ex(request, &wrong, JSON_STRICT, "{s:s, s?I}", "command",
			   &(const char *){NULL}, "offset", &offset) < 0)
		return control_refusal("this takes nothing but an offset: %s", wrong.text);
	if (offset < 0 || offset > LIST_MAX)
		return control_refusal("the offset is not between 0 and %d", LIST_MAX);
	job->offset = (uint64_t)offset;
	return NULL;
}

static json_t *take_columns(struct control_job *job, json_t *by)
{
	json_t *column;
	size_t i;

	json_array_foreach(by, i, column)
	{
		int found = report_column_find(json_string_value(column));

		if (found < 0)
			return control_refusal("a report is not told apart by '%s', but by %s",
					       json_is_string(column) ? json_string_value(column)
								      : "this",
					       REPORT_COLUMN_WORDS);
		job->query.by |= 1u << found;
	}
	return NULL;
}

static json_t *take_report(struct control_job *job, json_t *request)
{
	const char *since = NULL;
	json_t *by = NULL;
	json_int_t offset = 0;
	json_error_t wrong;
	int outcomes = 0;

	if (json_unpack_ex(request, &wrong, JSON_STRICT, "{s:s, s?s, s?o, s?b, s?I}", "command",
			   &(const char *){NULL}, "since", &since, "by", &by, "outcomes", &outcomes,
			   "offset", &offset) < 0)
		return control_refusal("report takes by, since, outcomes and offset: %s",
				       wrong.text);
	job->query.outcomes = outcomes;
	if (since && report_day_parse(since, &job->query.since) < 0)
		return control_refusal("since is '%s', and can be a date such as 2026-11-01",
				       since);
	if (offset < 0)
		return control_refusal("the offset is negative");
	if (by && !json_is_array(by))
		return control_refusal("by is no list");
	if (!job->context->report)
		return control_refusal("no report is kept: report.sqlite is \"\" in the "
				       "configuration");
	job->offset = (uint64_t)offset;
	return take_columns(job, by);
}

static json_t *take_alone(json_t *request)
{
	return json_object_size(request) == 1 ? NULL
					      : control_refusal("this command takes nothing else");
}

/* NULL: the job is ready to begin; else the refusal. */
static json_t *take_request(struct control_job *job, json_t *request)
{
	const char *word = json_string_value(json_object_get(request, "command"));
	int i;

	if (!word)
		return control_refusal(
			"this is no request: one JSON object with a command on a line");
	for (i = 0; i < CONTROL_COMMAND_COUNT; i++)
		if (strcmp(commands[i].word, word) == 0)
			break;
	if (i == CONTROL_COMMAND_COUNT)
		return control_refusal(
			"there is no such command; is awsmaskctl of another version?");
	job->command = (enum control_command)i;
	switch (job->command) {
	case CONTROL_ENROLL:
		return take_enroll(job, request);
	case CONTROL_UNENROLL:
		return take_unenroll(job, request);
	case CONTROL_FLOWS:
	case CONTROL_LIST:
	case CONTROL_PROGRAMS:
		return take_list(job, request);
	case CONTROL_REPORT:
		return take_report(job, request);
	default:
		return take_alone(request);
	}
}

static void on_report(void *arg, json_t *answer)
{
	struct control_job *job = arg;

	job->question = NULL;
	finish(job, answer);
	job->done(job->owner);
}

static void ask_report(struct control_job *job)
{
	job->phase = JOB_REPORT;
	job->question = report_ask(job->context->report, &job->query, job->offset, on_report, job);
	if (!job->question)
		finish(job, control_refusal("memory is out"));
}

void control_job_begin(struct control_job *job, const char *line, size_t len)
{
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	json_t *refused;

	job->offset = 0;
	job->cgroup = 0;
	memset(job->program, 0, sizeof(job->program));
	job->policy = (struct policy){0};
	job->query = (struct report_query){0};
	refused = take_request(job, request);
	json_decref(request);
	if (refused)
		finish(job, refused);
	else if (job->command == CONTROL_STATUS)
		ask(job, JOB_COUNTERS);
	else if (job->command == CONTROL_FLOWS)
		finish(job, control_flows(job->context, (uint32_t)job->offset));
	else if (job->command == CONTROL_METRICS)
		ask(job, JOB_FACTS);
	else if (job->command == CONTROL_REPORT)
		ask_report(job);
	else if (job->command == CONTROL_LIST)
		ask(job, JOB_PAGE);
	else if (job->command == CONTROL_PROGRAMS)
		ask(job, JOB_PROGRAMS);
	else
		ask(job, JOB_ACT);
}

void control_job_cancel(struct control_job *job)
{
	if (job->question)
		report_forget(job->question);
	job->question = NULL;
	if (job->ticket)
		privsep_forget(job->context->privsep, job->ticket);
	job->ticket = 0;
}
