/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"
#include "awsmask/ctl.h"
#include "clock.h"
#include "log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_MS 5000
#define RETRY_MS 60000			   /* after a failure */
#define SAY_AGAIN_MS 600000		   /* of the same failure */
#define ANSWER_ROOM (CTL_LINE_MAX - 16384) /* for rows; sums of all are beside them */

struct report {
	char *path;
	unsigned keep_days;
	const struct types *types;
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_work_t work;
	bool working; /* the loop's */
	/* What is counted, and how writing fares. */
	pthread_mutex_t counting;
	struct tally tally;
	uint64_t failures;
	char error[sizeof(((struct err *)0)->text)]; /* of the last attempt; "": none */
	/* The file; this lock is taken first, if both are. */
	pthread_mutex_t writing;
	struct report_db *db; /* NULL: not open */
	int64_t pruned;	      /* the day on which it was done last */
	uint64_t retry_at, said_at;
	char said[sizeof(((struct err *)0)->text)];
};

void report_count(struct report *r, const struct report_request *q)
{
	if (!*r->path)
		return;
	pthread_mutex_lock(&r->counting);
	tally_count(&r->tally, q);
	pthread_mutex_unlock(&r->counting);
}

void report_count_connection(struct report *r, const struct report_connection *q)
{
	if (!*r->path)
		return;
	pthread_mutex_lock(&r->counting);
	tally_count_connection(&r->tally, q);
	pthread_mutex_unlock(&r->counting);
}

void report_state(struct report *r, struct report_state *state)
{
	pthread_mutex_lock(&r->counting);
	*state = (struct report_state){
		.unwritten = r->tally.requests, .lost = r->tally.lost, .failures = r->failures};
	memcpy(state->error, r->error, sizeof(r->error));
	pthread_mutex_unlock(&r->counting);
}

/* ---- writing; under the lock of the file */

/* Once for each reason, and again when it lasts. */
static void say_failed(struct report *r, const char *why)
{
	uint64_t now = clock_ms();

	r->retry_at = now + RETRY_MS;
	if (strcmp(r->said, why) != 0 || now >= r->said_at + SAY_AGAIN_MS) {
		snprintf(r->said, sizeof(r->said), "%s", why);
		r->said_at = now;
		log_event(LOG_ERR, "report", log_word("why", why),
			  log_word("then", "requests go on; what is counted waits in memory"));
	}
	pthread_mutex_lock(&r->counting);
	r->failures++;
	snprintf(r->error, sizeof(r->error), "%s", why);
	pthread_mutex_unlock(&r->counting);
}

static void say_written(struct report *r)
{
	r->retry_at = 0;
	if (!*r->said)
		return;
	*r->said = 0;
	log_event(LOG_NOTICE, "report", log_word("then", "it is written again"));
	pthread_mutex_lock(&r->counting);
	*r->error = 0;
	pthread_mutex_unlock(&r->counting);
}

/* The next attempt begins with opening it: what is wrong may have been mended by then. */
static int db_failed(struct report *r)
{
	struct err e;

	report_db_rollback(r->db);
	err_set(&e, "%s: the report cannot be written: %s", r->path, report_db_why(r->db));
	report_db_close(r->db);
	r->db = NULL;
	say_failed(r, e.text);
	return -1;
}

static int db_ready(struct report *r)
{
	struct err e;

	/* Moved away, or another put in its place: what is there counts. */
	if (r->db && !report_db_is_there(r->db)) {
		report_db_close(r->db);
		r->db = NULL;
	}
	if (!r->db)
		r->db = report_db_open(r->path, &e);
	if (r->db)
		return 0;
	say_failed(r, e.text);
	return -1;
}

static int write_all(struct report *r, const struct tally_group *groups, int64_t today)
{
	if (db_ready(r))
		return -1;
	if (report_db_begin(r->db))
		return db_failed(r);
	if (tally_write(groups, r->types, r->db))
		return db_failed(r);
	if (today != r->pruned && report_db_prune(r->db, today - (int64_t)r->keep_days + 1))
		return db_failed(r);
	if (report_db_commit(r->db))
		return db_failed(r);
	r->pruned = today;
	say_written(r);
	return 0;
}

static int flush_locked(struct report *r, int64_t today)
{
	struct tally_group *taken;
	int result = 0;

	pthread_mutex_lock(&r->counting);
	taken = tally_take(&r->tally);
	pthread_mutex_unlock(&r->counting);
	if (taken || today != r->pruned || *r->said)
		result = write_all(r, taken, today);
	if (result == 0) {
		tally_groups_free(taken);
		return 0;
	}
	pthread_mutex_lock(&r->counting);
	tally_put_back(&r->tally, taken);
	pthread_mutex_unlock(&r->counting);
	return -1;
}

int report_flush(struct report *r, int64_t today)
{
	int result;

	if (!*r->path)
		return 0;
	pthread_mutex_lock(&r->writing);
	result = flush_locked(r, today);
	pthread_mutex_unlock(&r->writing);
	return result;
}

/* ---- on the loop */

static void flush_work(uv_work_t *work)
{
	struct report *r = work->data;

	pthread_mutex_lock(&r->writing);
	if (clock_ms() >= r->retry_at)
		(void)flush_locked(r, report_today());
	pthread_mutex_unlock(&r->writing);
}

static void after_flush(uv_work_t *work, int status)
{
	(void)status;
	((struct report *)work->data)->working = false;
}

static void on_timer(uv_timer_t *timer)
{
	struct report *r = timer->data;

	if (r->working)
		return;
	r->work.data = r;
	r->working = uv_queue_work(r->loop, &r->work, flush_work, after_flush) == 0;
}

int report_start(struct report *r, uv_loop_t *loop)
{
	r->loop = loop;
	r->timer.data = r;
	uv_timer_init(loop, &r->timer);
	return *r->path ? uv_timer_start(&r->timer, on_timer, FLUSH_MS, FLUSH_MS) : 0;
}

void report_stop(struct report *r)
{
	uv_close((uv_handle_t *)&r->timer, NULL);
}

struct report_question {
	struct report *report;
	uv_work_t work;
	struct report_query query;
	uint64_t offset;
	json_t *answer;
	void (*done)(void *arg, json_t *answer); /* NULL: forgotten */
	void *arg;
};

static json_t *refusal(const char *why)
{
	return json_pack("{s:b, s:s}", "ok", 0, "error", why);
}

static json_t *answer_locked(struct report *r, const struct report_query *q, uint64_t offset)
{
	struct report_state state;
	json_t *answer;
	struct err e;

	/* A file that cannot be written may still be read: what it has is better than nothing. */
	if (flush_locked(r, report_today()) && db_ready(r))
		return refusal(r->said);
	answer = report_rows(r->db, q, offset, ANSWER_ROOM, &e);
	if (!answer)
		return refusal(e.text);
	report_state(r, &state);
	json_object_set_new(answer, "unwritten", json_integer((json_int_t)state.unwritten));
	json_object_set_new(answer, "lost", json_integer((json_int_t)state.lost));
	return answer;
}

static void question_work(uv_work_t *work)
{
	struct report_question *question = work->data;
	struct report *r = question->report;

	pthread_mutex_lock(&r->writing);
	question->answer = answer_locked(r, &question->query, question->offset);
	pthread_mutex_unlock(&r->writing);
}

static void after_question(uv_work_t *work, int status)
{
	struct report_question *question = work->data;

	(void)status;
	if (question->done)
		question->done(question->arg, question->answer);
	else
		json_decref(question->answer);
	free(question);
}

struct report_question *report_ask(struct report *r, const struct report_query *q, uint64_t offset,
				   void (*done)(void *arg, json_t *answer), void *arg)
{
	struct report_question *question = calloc(1, sizeof(*question));

	if (!question)
		return NULL;
	*question = (struct report_question){
		.report = r, .query = *q, .offset = offset, .done = done, .arg = arg};
	question->work.data = question;
	if (uv_queue_work(r->loop, &question->work, question_work, after_question) == 0)
		return question;
	free(question);
	return NULL;
}

void report_forget(struct report_question *question)
{
	question->done = NULL;
}

/* ---- */

struct report *report_new(const char *path, unsigned keep_days, const struct types *types)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r || !(r->path = strdup(path))) {
		free(r);
		return NULL;
	}
	r->keep_days = keep_days;
	r->types = types;
	r->pruned = -1;
	pthread_mutex_init(&r->counting, NULL);
	pthread_mutex_init(&r->writing, NULL);
	(void)report_flush(r, report_today());
	return r;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	(void)report_flush(r, report_today());
	report_db_close(r->db);
	tally_groups_free(r->tally.groups);
	pthread_mutex_destroy(&r->counting);
	pthread_mutex_destroy(&r->writing);
	free(r->path);
	free(r);
}
