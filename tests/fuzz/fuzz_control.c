/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of awsmaskctl's protocol, and a monitor that answers: the first byte says what it answers, the
 * rest is the line. There is always an answer in JSON that fits a line. What reaches the monitor as a change
 * is a whole one, in the right words, and comes with the connection by which it is judged. Flows on the board may
 * have any names.
 *
 * What the job asks for is played here: the monitor, the report, the vault, the tree of cgroups.
 */
#include "../../user/daemon/cgroup.h"
#include "../../user/daemon/control_job.h"
#include "fuzz.h"

#define MOUNT "/usr"
#define CONNECTION 7
#define STEPS_MAX 400

static struct {
	struct priv_request request; /* under way */
	privsep_done done;
	void *arg;
	bool asked;
	bool report_asked;
	unsigned enrolled; /* how many cgroups are, ids from 100 on */
	bool refuses;	   /* the monitor does, without a word when it may */
	bool completed;
	bool right_words; /* `mode` and `fail` are missing, or what they may be */
} play;

/* ---- what is played */

static bool is_change(uint32_t kind)
{
	return kind == PRIV_ENROLL || kind == PRIV_UNENROLL || kind == PRIV_CA_RELOAD ||
	       kind == PRIV_RELOAD || kind == PRIV_PROGRAM_ENROLL || kind == PRIV_PROGRAM_UNENROLL;
}

uint32_t privsep_call_with(struct privsep *p, struct priv_request *r, int fd, privsep_done done,
			   void *arg)
{
	(void)p;
	MUST(!play.asked);
	MUST(fd == (is_change(r->kind) ? CONNECTION : -1));
	play.request = *r;
	play.done = done;
	play.arg = arg;
	play.asked = true;
	return 1;
}

void privsep_forget(struct privsep *p, uint32_t ticket)
{
	(void)p, (void)ticket;
}

struct report_question *report_ask(struct report *r, const struct report_query *q, uint64_t offset,
				   void (*done)(void *arg, json_t *answer), void *arg)
{
	(void)r, (void)offset, (void)done, (void)arg;
	MUST(!(q->by >> REPORT_COLUMN_COUNT));
	play.report_asked = true;
	return NULL; /* memory is out: the job is told so */
}

void report_forget(struct report_question *question)
{
	(void)question;
}

void report_state(struct report *r, struct report_state *state)
{
	(void)r;
	*state = (struct report_state){.unwritten = 0};
}

int report_column_find(const char *word)
{
	return word && !strcmp(word, "type") ? 0 : -1;
}

void vault_stats(struct vault *v, struct vault_stats *stats)
{
	(void)v, (void)stats;
}

const char *vault_last_error(struct vault *v)
{
	(void)v;
	return NULL;
}

int cgroup_mount(char *path, size_t size, struct err *e)
{
	(void)e;
	snprintf(path, size, MOUNT);
	return 0;
}

int cgroup_id(const char *path, uint64_t *id, struct err *e)
{
	(void)e;
	MUST(!strncmp(path, MOUNT, sizeof(MOUNT) - 1));
	*id = 1000 + strlen(path);
	return 0;
}

int cgroup_path_of(uint64_t id, char *path, size_t size)
{
	memset(path, id % 3 ? 'p' : 0xc3, size - 1); /* long; some are no UTF-8 */
	path[size - 1] = 0;
	return id % 5 ? 0 : -1;
}

uint64_t uv_hrtime(void)
{
	return 1;
}

/* ---- the game */

static void reply_list(struct priv_reply *reply)
{
	uint32_t total = play.enrolled;

	reply->u.list.total = total;
	for (uint32_t i = play.request.u.list.offset; i < total; i++) {
		if (reply->u.list.count == PRIV_LIST_MAX)
			break;
		reply->u.list.ids[reply->u.list.count++] = 100 + i;
	}
}

/* Their paths are long, and some are no UTF-8. */
static void reply_programs(struct priv_reply *reply)
{
	reply->u.programs.total = play.enrolled;
	for (uint32_t i = play.request.u.list.offset; i < play.enrolled; i++) {
		struct program *p = &reply->u.programs.programs[reply->u.programs.count];

		if (reply->u.programs.count == PRIV_PROGRAMS_MAX)
			break;
		memset(p->path, i % 3 ? 'p' : 0xc3, sizeof(p->path));
		reply->u.programs.ids[reply->u.programs.count++] = 100 + i;
	}
}

/* What the monitor is told of a program has been judged by then. */
static void hold_program(void)
{
	struct err e;

	MUST(memchr(play.request.u.program.path, 0, sizeof(play.request.u.program.path)));
	MUST(config_program_check(play.request.u.program.path, &e) == 0);
}

static void monitor_answers(void)
{
	static struct priv_reply reply;

	reply = (struct priv_reply){.kind = play.request.kind, .status = 1};
	MUST(play.asked);
	play.asked = false;
	if (play.request.kind == PRIV_LIST)
		reply_list(&reply);
	if (play.request.kind == PRIV_PROGRAMS)
		reply_programs(&reply);
	if (play.refuses)
		reply.status = play.enrolled % 2 ? -1 : 0;
	if (play.request.kind == PRIV_ENROLL) {
		MUST(play.request.u.cgroup.id > 1000);
		MUST(play.right_words);
	}
	if (play.request.kind == PRIV_UNENROLL)
		MUST(play.request.u.cgroup.id > 0);
	if (play.request.kind == PRIV_PROGRAM_ENROLL)
		MUST(play.right_words);
	if (play.request.kind == PRIV_PROGRAM_ENROLL || play.request.kind == PRIV_PROGRAM_UNENROLL)
		hold_program();
	play.done(play.arg, &reply);
}

static bool is_word(json_t *request, const char *key, const char *one, const char *other)
{
	json_t *value = json_object_get(request, key);
	const char *word = json_string_value(value);

	return !value || (word && (!strcmp(word, one) || !strcmp(word, other)));
}

static void read_words(const uint8_t *line, size_t n)
{
	json_t *request = json_loadb((const char *)line, n, JSON_REJECT_DUPLICATES, NULL);

	play.right_words = is_word(request, "mode", "enforce", "observe") &&
			   is_word(request, "fail", "closed", "open");
	json_decref(request);
}

static void on_done(void *owner)
{
	(void)owner;
	play.completed = true;
}

static void check_answer(json_t *answer)
{
	json_t *ok = json_object_get(answer, "ok");
	const char *error = json_string_value(json_object_get(answer, "error"));

	MUST(json_is_boolean(ok));
	MUST(json_is_true(ok) != (error && *error));
	MUST(json_dumpb(answer, NULL, 0, JSON_COMPACT) <
	     (json_object_get(answer, "text") ? CTL_ANSWER_MAX : CTL_LINE_MAX));
	json_decref(answer);
}

/* A few hundred flows, whose texts are the input's bytes. */
static const struct board *fill_board(const uint8_t *data, size_t size)
{
	static struct board *board;
	static unsigned places[200];
	struct board_motion motion = {.doing = size & 15};
	struct board_text text;

	if (!board)
		board = board_open(board_make(), 0);
	MUST(board);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		for (size_t k = 0; k < sizeof(text); k++)
			((uint8_t *)&text)[k] = data[(i + k) % size];
		board_leave(board, places[i]);
		places[i] = board_enter(board, &text, &motion);
	}
	return board;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config *config;
	static const struct stats stats;
	static const struct stats_slots slots;
	static const struct stats_gauges gauges;
	struct control_context context;
	struct control_job job;
	unsigned steps = 0;

	if (!config)
		config = config_default();
	if (size < 1 || size > CTL_LINE_MAX)
		return 0;
	memset(&play, 0, sizeof(play));
	play.refuses = data[0] & 1;
	play.enrolled = data[0] >> 3;
	read_words(data + 1, size - 1);
	context = (struct control_context){.config = config,
					   .types = &types_builtin,
					   .stats = &stats,
					   .slots = &slots,
					   .gauges = &gauges};
	if (data[0] & 2)
		context.board = fill_board(data, size);
	if (data[0] & 4)
		context.report = (struct report *)&play;
	job = (struct control_job){
		.context = &context, .connection = CONNECTION, .done = on_done, .owner = &job};
	control_job_begin(&job, (const char *)data + 1, size - 1);
	while (job.phase != JOB_DONE) {
		MUST(++steps < STEPS_MAX && !play.completed);
		monitor_answers();
	}
	MUST(!play.asked && play.completed == (steps > 0));
	check_answer(job.answer);
	return 0;
}
