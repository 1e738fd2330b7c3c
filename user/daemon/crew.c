/* SPDX-License-Identifier: Apache-2.0 */
#include "crew_private.h"
#include "list_watch.h"
#include "log.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_MS 5000	     /* a worker that has not ended by then is killed */
#define BACKOFF_FIRST_MS 100 /* before a crashed worker is started again */
#define BACKOFF_LAST_MS                                                                            \
	1000 /* doubled up to this: what was wrong is noticed to be over a second later */
#define QUEUED_MS 10000	 /* connects wait in the listeners' queues no longer than this */
#define ARRIVAL_MS 20000 /* a worker that is not ready by then never will be */
#define STEADY_MS 30000	 /* having run so long, it starts again at the first step */

#define LEAVE_MS 2000 /* who needs our answers longer goes without */

static struct member *member_in(const struct crew *c, enum member_state state)
{
	struct member *m;

	for (m = c->members; m && (!m->alive || m->state != state); m = m->next)
		;
	return m;
}

void crew_signal(const struct member *m, int number)
{
	if (m->alive && m->crew->host)
		host_link_signal(m->crew->host, m->id, number);
}

void crew_member_ready(struct member *m)
{
	struct crew *c = m->crew;
	void (*succeeded)(void *, bool) = c->succeeded;
	struct member *before = member_in(c, MEMBER_SERVING);

	if (m->state != MEMBER_STARTING)
		return;
	uv_timer_stop(&c->desertion);
	uv_timer_stop(&c->arrival);
	c->was_ready = true;
	c->succeeded = NULL;
	m->state = MEMBER_SERVING;
	pulse_watch(&c->pulse, c->options.doors->threads);
	if (before) {
		before->state = MEMBER_DRAINING;
		before->lists = NULL;
		crew_forget_doors(before);
	}
	if (succeeded)
		succeeded(c->events.arg, true);
	c->events.ready(c->events.arg);
	if (!before)
		return;
	crew_signal(before, SIGUSR1);
	log_event(LOG_INFO, "worker-drains", log_number("pid", (uint64_t)before->pid));
}

void crew_end_if_left(struct crew *c)
{
	for (const struct member *m = c->members; m; m = m->next)
		if (m->alive && (c->phase != CREW_LEAVING || m->quiet < c->options.doors->threads))
			return;
	uv_timer_stop(&c->patience);
	c->events.ended(c->events.arg, 0);
}

/* ---- coming and going */

static void on_not_arrived(uv_timer_t *timer)
{
	const struct member *m = member_in(timer->data, MEMBER_STARTING);

	if (m)
		crew_signal(m, SIGKILL);
}

static struct member *member_by_id(const struct crew *c, uint32_t id)
{
	struct member *m;

	for (m = c->members; m && m->id != id; m = m->next)
		;
	return m;
}

static void on_started(void *arg, uint32_t id, pid_t pid)
{
	struct member *m = member_by_id(arg, id);

	if (!m)
		return;
	m->pid = pid;
	log_event(LOG_INFO, "worker-started", log_number("pid", (uint64_t)pid));
}

static void on_ended(void *arg, uint32_t id, int value);
static void on_host_lost(void *arg);

static int open_host(struct crew *c, struct err *e)
{
	const struct host_link_events events = {on_started, on_ended, on_host_lost, c};

	if (!c->host)
		c->host = host_link_open(c->loop, &c->options.host, &events, e);
	if (!c->host)
		return -1;
	if (c->events.host_found(c->events.arg, host_link_pid(c->host), e) == 0)
		return 0;
	host_link_close(c->host, true);
	c->host = NULL;
	return -1;
}

static int start(struct crew *c, const struct config *config, struct list_watch *lists,
		 struct err *e)
{
	const struct crew_options *o = &c->options;
	struct worker_boot boot = *o->doors;
	const struct buf *content = list_watch_content(lists, &boot.lists_generation);
	struct member *m = calloc(1, sizeof(*m));
	int fds[WORKER_THREADS_MAX];

	if (!m)
		return err_set(e, "a worker cannot be started: memory is out");
	m->id = ++c->last_id;
	if (open_host(c, e) < 0 ||
	    spawn_worker(c->host, m->id, &boot, config, content, o->key, fds, e) < 0) {
		free(m);
		return -1;
	}
	m->crew = c;
	m->alive = true;
	m->started_ms = uv_now(c->loop);
	m->lists = lists;
	m->next = c->members;
	c->members = m;
	for (; m->open < o->doors->threads; m->open++) {
		struct channel *ch = &m->channels[m->open];

		*ch = (struct channel){.fd = fds[m->open], .member = m};
		ch->poll.data = ch;
		uv_poll_init(c->loop, &ch->poll, ch->fd);
		uv_poll_start(&ch->poll, UV_READABLE, crew_on_request);
	}
	uv_timer_start(&c->arrival, on_not_arrived, ARRIVAL_MS, 0);
	return 0;
}

static void on_channel_closed(uv_handle_t *handle)
{
	struct channel *ch = handle->data;
	struct member *m = ch->member;

	close(ch->fd);
	if (--m->open == 0)
		free(m);
}

static void forget(struct member *gone)
{
	struct crew *c = gone->crew;

	for (struct member **at = &c->members; *at; at = &(*at)->next) {
		if (*at == gone) {
			*at = gone->next;
			break;
		}
	}
	if (c->asking && c->asking->member == gone)
		c->asking = NULL;
	crew_forget_doors(gone);
	for (unsigned i = 0; i < gone->open; i++)
		if (gone->lists)
			list_watch_forget(gone->lists, gone->channels[i].fd);
	for (unsigned i = 0; i < c->options.doors->threads; i++)
		uv_close((uv_handle_t *)&gone->channels[i].poll, on_channel_closed);
}

static void on_restart(uv_timer_t *timer);

static void restart_later(struct crew *c)
{
	c->backoff_ms = c->backoff_ms ? c->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (c->backoff_ms > BACKOFF_LAST_MS)
		c->backoff_ms = BACKOFF_LAST_MS;
	uv_timer_start(&c->restart, on_restart, c->backoff_ms, 0);
}

static void on_restart(uv_timer_t *timer)
{
	struct crew *c = timer->data;
	struct err e;

	if (member_in(c, MEMBER_SERVING) || member_in(c, MEMBER_STARTING))
		return; /* a successor came in between */
	if (start(c, c->options.services->config, c->options.services->lists, &e) == 0)
		return;
	/* Out of processes, descriptors, memory: that passes. */
	log_event(LOG_CRIT, "worker-restart", log_word("why", e.text));
	restart_later(c);
}

static void on_deserted(uv_timer_t *timer)
{
	struct crew *c = timer->data;

	c->events.deserted(c->events.arg);
}

/* The one that serves has crashed, or the one that was to serve has. */
static void replace(struct crew *c, const struct member *gone)
{
	void (*succeeded)(void *, bool) = c->succeeded;

	if (gone->state == MEMBER_STARTING && succeeded) {
		c->succeeded = NULL;
		succeeded(c->events.arg, false);
	}
	if (member_in(c, MEMBER_SERVING) || member_in(c, MEMBER_STARTING))
		return;
	if (!c->was_ready) { /* it has said why: trying again would only say it again */
		c->events.ended(c->events.arg, 1);
		return;
	}
	/* Counted from the first of several that end before they are ready. */
	if (!uv_is_active((uv_handle_t *)&c->desertion))
		uv_timer_start(&c->desertion, on_deserted, QUEUED_MS, QUEUED_MS);
	if (uv_now(c->loop) - gone->started_ms >= STEADY_MS)
		c->backoff_ms = 0;
	restart_later(c);
}

static void member_ended(struct member *m)
{
	struct crew *c = m->crew;
	struct member gone = {.state = m->state, .started_ms = m->started_ms};

	m->alive = false;
	if (m->state == MEMBER_SERVING)
		pulse_stop(&c->pulse);
	forget(m);
	if (c->phase != CREW_WORKING) {
		crew_end_if_left(c);
	} else if (gone.state != MEMBER_DRAINING) {
		c->restarts++;
		replace(c, &gone);
	}
}

static void on_ended(void *arg, uint32_t id, int value)
{
	struct crew *c = arg;
	struct member *m = member_by_id(c, id);
	bool started = value >= 0;
	uint64_t number = started && WIFSIGNALED(value) ? (uint64_t)WTERMSIG(value) : 0;
	uint64_t code = started && WIFEXITED(value) ? (uint64_t)WEXITSTATUS(value) : 0;
	bool drained;

	if (!m)
		return;
	drained = m->state == MEMBER_DRAINING && !number && !code;
	if (!started)
		log_event(LOG_ERR, "worker-not-started", log_word("why", strerror(-value)));
	else if (c->phase != CREW_STOPPING)
		log_event(drained ? LOG_INFO : LOG_ERR, drained ? "worker-drained" : "worker-ended",
			  log_number("signal", number), log_number("status", code),
			  log_number("pid", (uint64_t)m->pid));
	member_ended(m);
}

/* Its workers notice that their channels are closed, and finish what they have. */
static void on_host_lost(void *arg)
{
	struct crew *c = arg;

	log_event(LOG_ERR, "worker-host-lost", log_number("pid", (uint64_t)host_link_pid(c->host)));
	host_link_close(c->host, false);
	c->host = NULL;
	while (c->members)
		member_ended(c->members);
}

/* It is stopped, or hangs: whoever connects would wait for ever. */
static void on_pulse(void *arg, bool answers)
{
	struct crew *c = arg;

	log_event(answers ? LOG_NOTICE : LOG_CRIT, answers ? "worker-answers" : "worker-silent",
		  log_number("seconds", answers ? 0 : PULSE_MS * PULSE_MISSED / 1000));
	if (answers)
		c->events.ready(c->events.arg);
	else
		c->events.deserted(c->events.arg);
}

/* ---- what the monitor wants */

struct crew *crew_new(uv_loop_t *loop, const struct crew_options *options,
		      const struct crew_events *events)
{
	struct crew *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->loop = loop;
	c->options = *options;
	c->events = *events;
	uv_timer_init(loop, &c->restart);
	uv_timer_init(loop, &c->desertion);
	uv_timer_init(loop, &c->arrival);
	uv_timer_init(loop, &c->patience);
	c->restart.data = c->desertion.data = c->arrival.data = c->patience.data = c;
	pulse_init(&c->pulse, loop, on_pulse, c);
	return c;
}

int crew_start(struct crew *c, struct err *e)
{
	if (c->options.queued)
		uv_timer_start(&c->desertion, on_deserted, QUEUED_MS, QUEUED_MS);
	return start(c, c->options.services->config, c->options.services->lists, e);
}

int crew_succeed(struct crew *c, const struct config *config, struct list_watch *lists,
		 void (*done)(void *arg, bool ready), struct err *e)
{
	if (c->phase != CREW_WORKING || c->succeeded || member_in(c, MEMBER_STARTING))
		return err_set(e, "a worker is being started just now: try again in a moment");
	if (start(c, config, lists, e) < 0)
		return -1;
	c->succeeded = done;
	return 0;
}

static void signal_all(const struct crew *c, int number)
{
	for (const struct member *m = c->members; m; m = m->next)
		crew_signal(m, number);
}

static void on_patience_over(uv_timer_t *timer)
{
	struct crew *c = timer->data;

	if (c->phase == CREW_LEAVING)
		c->events.ended(c->events.arg, 0);
	else
		signal_all(c, SIGKILL);
}

/* Whatever is under way ends here. False: it has begun before. */
static bool begin_end(struct crew *c, enum crew_phase phase, uint64_t patience_ms)
{
	if (c->phase != CREW_WORKING)
		return false;
	c->phase = phase;
	uv_timer_stop(&c->restart);
	uv_timer_stop(&c->desertion);
	uv_timer_start(&c->patience, on_patience_over, patience_ms, 0);
	return true;
}

void crew_stop(struct crew *c)
{
	if (!begin_end(c, CREW_STOPPING, STOP_MS))
		return;
	signal_all(c, SIGTERM);
	crew_end_if_left(c);
}

void crew_leave(struct crew *c)
{
	if (!begin_end(c, CREW_LEAVING, LEAVE_MS))
		return;
	for (struct member *m = c->members; m; m = m->next) {
		crew_signal(m, m->state == MEMBER_STARTING ? SIGTERM : SIGUSR1);
		m->state = MEMBER_DRAINING;
	}
	crew_end_if_left(c);
}

void crew_free(struct crew *c)
{
	if (!c)
		return;
	while (c->members) {
		struct member *m = c->members;

		c->members = m->next;
		for (unsigned i = 0; i < m->open; i++)
			close(m->channels[i].fd);
		free(m);
	}
	host_link_close(c->host, c->phase == CREW_STOPPING);
	free(c);
}
