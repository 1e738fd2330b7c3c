/* SPDX-License-Identifier: Apache-2.0 */
/* What `flows` answers: which flows there are, and what each is doing. */
#include "clock.h"
#include "control_job.h"
#include "json_text.h"

#define ROOM (CTL_LINE_MAX - 512) /* what stands around the list included */

static void set_text(json_t *to, const char *key, const char *text)
{
	if (*text)
		json_object_set_new(to, key, json_text_of(text));
}

static json_int_t age(uint64_t now_ms, uint64_t since_ms)
{
	return since_ms < now_ms ? (json_int_t)(now_ms - since_ms) : 0;
}

static void set_who(json_t *to, const struct board_text *t)
{
	json_object_set_new(to, "uid", json_integer(t->uid));
	if (t->pid)
		json_object_set_new(to, "pid", json_integer(t->pid));
	set_text(to, "comm", t->comm);
	set_text(to, "cgroup", t->cgroup);
	set_text(to, "container", t->container);
	if (t->program)
		json_object_set_new(to, "program", json_integer(t->program));
	set_text(to, "target", t->target);
}

static json_t *flow_json(const struct board_flow *f, pid_t worker, uint64_t now_ms)
{
	const struct board_motion *m = &f->motion;
	json_t *j = json_pack(
		"{s:I, s:i, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "id",
		(json_int_t)f->text.id, "worker", (int)worker, "age_ms",
		age(now_ms, f->text.accepted_ms), "port", (json_int_t)f->text.port, "mode",
		policy_mode_word(f->text.observe), "doing", board_word((enum board_doing)m->doing),
		"doing_ms", age(now_ms, m->since_ms), "requests", (json_int_t)m->requests, "masked",
		(json_int_t)m->masked, "restored", (json_int_t)m->restored, "request_bytes",
		(json_int_t)m->request_bytes, "answer_bytes", (json_int_t)m->answer_bytes,
		"spliced_bytes", (json_int_t)m->spliced_bytes);

	if (j)
		set_who(j, &f->text);
	return j;
}

static json_t *workers_json(const struct board_worker *workers, uint64_t now_ms)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < BOARD_WORKERS; i++)
		if (workers[i].pid)
			json_array_append_new(
				list, json_pack("{s:i, s:b, s:I, s:I}", "pid", (int)workers[i].pid,
						"draining", workers[i].draining, "age_ms",
						age(now_ms, workers[i].started_ms), "flows",
						(json_int_t)workers[i].flows));
	return list;
}

/* Returns where the next piece begins; 0: there is none. */
static unsigned fill(const struct board *b, const struct board_worker *workers, unsigned offset,
		     size_t room, json_t *list)
{
	uint64_t now_ms = clock_ms();
	struct board_flow flow;

	for (unsigned at = offset; board_read(b, workers, &at, &flow); at++) {
		json_t *j = flow_json(&flow, workers[flow.text.worker].pid, now_ms);
		size_t bytes = j ? json_dumpb(j, NULL, 0, JSON_COMPACT) + 1 : 0;

		/* At least one, so that asking again comes to an end: none is larger than the room. */
		if (bytes > room && json_array_size(list)) {
			json_decref(j);
			return at;
		}
		room -= bytes < room ? bytes : room;
		json_array_append_new(list, j);
	}
	return 0;
}

json_t *control_flows(const struct control_context *context, uint32_t offset)
{
	struct board_worker workers[BOARD_WORKERS];
	json_t *list = json_array(), *answer = json_pack("{s:b, s:o}", "ok", 1, "flows", list);
	size_t room = ROOM;
	unsigned next;

	if (!answer)
		return NULL;
	if (!context->board) {
		json_object_set_new(answer, "total", json_integer(0));
		json_object_set_new(answer, "workers", json_array());
		return answer;
	}
	board_workers(context->board, workers);
	json_object_set_new(answer, "total", json_integer(board_tally(context->board, workers)));
	if (offset == 0) {
		json_t *all = workers_json(workers, clock_ms());

		room -= json_dumpb(all, NULL, 0, JSON_COMPACT);
		json_object_set_new(answer, "workers", all);
	}
	next = fill(context->board, workers, offset, room, list);
	if (next)
		json_object_set_new(answer, "next", json_integer(next));
	return answer;
}
