/* SPDX-License-Identifier: Apache-2.0 */
#include "crew.h"
#include "list_watch.h"
#include "log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_MS 5000	     /* a worker that has not ended by then is killed */
#define BACKOFF_FIRST_MS 100 /* before a crashed worker is started again */
#define BACKOFF_LAST_MS 5000 /* doubled up to this */
#define QUEUED_MS 10000	     /* connects wait in the listeners' queues no longer than this */
#define ARRIVAL_MS 20000     /* a worker that is not ready by then never will be */
#define STEADY_MS 30000	     /* having run so long, it starts again at the first step */

enum member_state { MEMBER_STARTING, MEMBER_SERVING, MEMBER_DRAINING };

struct channel {
	uv_poll_t poll;
	int fd;
	struct member *member;
};

struct member {
	struct member *next;
	struct crew *crew;
	enum member_state state;
	pid_t pid; /* 0: has ended */
	uint64_t started_ms;
	struct list_watch *lists; /* NULL: it drains, with the lists that it has */
	unsigned open;		  /* channels that the loop still knows */
	struct channel channels[WORKER_THREADS_MAX];
};

struct crew {
	uv_loop_t *loop;
	struct crew_options options;
	struct crew_events events;
	struct member *members;			  /* the youngest first */
	void (*succeeded)(void *arg, bool ready); /* NULL: no succession is on its way */
	uint64_t backoff_ms, stop_ms;
	bool was_ready, stopping;
	uv_signal_t child;
	uv_timer_t restart;
	uv_timer_t desertion;
	uv_timer_t arrival; /* of the one that is starting */
	uv_timer_t patience;
	/* Who waits for PRIV_RELOAD's answer. */
	struct channel *asking;
	uint32_t asking_id;
	uint64_t ticket;
};

static struct member *member_in(const struct crew *c, enum member_state state)
{
	struct member *m;

	for (m = c->members; m && (!m->pid || m->state != state); m = m->next)
		;
	return m;
}

static bool anybody_left(const struct crew *c)
{
	for (const struct member *m = c->members; m; m = m->next)
		if (m->pid)
			return true;
	return false;
}

/* ---- requests */

static void answer(struct channel *ch, const struct priv_reply *reply)
{
	if (privsep_answer(ch->fd, reply) == 0)
		return;
	/* It ended, or does not take its answers: the child handler mends either. */
	uv_poll_stop(&ch->poll);
	if (ch->member->pid)
		kill(ch->member->pid, SIGKILL);
}

static void ask_reload(struct channel *ch, const struct priv_request *request)
{
	struct crew *c = ch->member->crew;
	struct priv_reply reply = {.kind = PRIV_RELOAD, .id = request->id, .status = -1};

	if (c->asking) {
		snprintf(reply.error, sizeof(reply.error), "somebody else is reloading just now");
		answer(ch, &reply);
		return;
	}
	c->asking = ch;
	c->asking_id = request->id;
	c->events.reload(c->events.arg, ++c->ticket);
}

void crew_answer(struct crew *c, uint64_t ticket, const struct err *why_not)
{
	struct priv_reply reply = {.kind = PRIV_RELOAD, .id = c->asking_id, .status = 1};
	struct channel *ch = c->asking;

	if (!ch || ticket != c->ticket)
		return;
	c->asking = NULL;
	if (why_not) {
		reply.status = -1;
		snprintf(reply.error, sizeof(reply.error), "%s", why_not->text);
	}
	answer(ch, &reply);
}

/* Safe: to accept what is sent to them is what a worker is for. Who drains gets no more. */
static void ask_doors(struct channel *ch, const struct priv_request *request)
{
	const struct crew_options *o = &ch->member->crew->options;

	if (ch->member->state != MEMBER_DRAINING && o->services->doors)
		netns_doors_ask(o->services->doors, ch->fd, (unsigned)(ch - ch->member->channels),
				o->doors->threads, request);
}

static void forget_doors(const struct member *m)
{
	for (unsigned i = 0; i < m->open && m->crew->options.services->doors; i++)
		netns_doors_forget(m->crew->options.services->doors, m->channels[i].fd);
}

static void member_ready(struct member *m)
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
	if (before) {
		before->state = MEMBER_DRAINING;
		before->lists = NULL;
		forget_doors(before);
	}
	if (succeeded)
		succeeded(c->events.arg, true);
	c->events.ready(c->events.arg);
	if (!before)
		return;
	kill(before->pid, SIGUSR1);
	log_event(LOG_INFO, "worker-drains", log_number("pid", (uint64_t)before->pid));
}

static void on_request(uv_poll_t *poll, int status, int events)
{
	struct channel *ch = poll->data;
	struct priv_request request;
	struct priv_reply reply;
	ssize_t n;

	(void)events;
	n = status < 0 ? 0 : recv(ch->fd, &request, sizeof(request), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(request)) { /* it ended, or does not speak the protocol */
		uv_poll_stop(&ch->poll);
		if (n > 0 && ch->member->pid)
			kill(ch->member->pid, SIGKILL);
		return;
	}
	if (request.kind == PRIV_RELOAD) {
		ask_reload(ch, &request);
		return;
	}
	if (request.kind == PRIV_LISTS) { /* safe: it is what a worker is started with anyway */
		if (ch->member->lists)
			list_watch_ask(ch->member->lists, ch->fd, &request);
		return;
	}
	if (request.kind == PRIV_DOORS) {
		ask_doors(ch, &request);
		return;
	}
	privsep_serve(ch->member->crew->options.services, &request, &reply);
	answer(ch, &reply);
	privsep_close_fds(&reply);
	if (request.kind == PRIV_READY)
		member_ready(ch->member);
}

/* ---- coming and going */

static void on_not_arrived(uv_timer_t *timer)
{
	const struct member *m = member_in(timer->data, MEMBER_STARTING);

	if (m)
		kill(m->pid, SIGKILL);
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
	m->pid = spawn_worker(&boot, config, content, o->key, o->uid, o->gid, fds, e);
	if (m->pid < 0) {
		free(m);
		return -1;
	}
	m->crew = c;
	m->started_ms = uv_now(c->loop);
	m->lists = lists;
	m->next = c->members;
	c->members = m;
	for (; m->open < o->doors->threads; m->open++) {
		struct channel *ch = &m->channels[m->open];

		*ch = (struct channel){.fd = fds[m->open], .member = m};
		ch->poll.data = ch;
		uv_poll_init(c->loop, &ch->poll, ch->fd);
		uv_poll_start(&ch->poll, UV_READABLE, on_request);
	}
	uv_timer_start(&c->arrival, on_not_arrived, ARRIVAL_MS, 0);
	log_event(LOG_INFO, "worker-started", log_number("pid", (uint64_t)m->pid));
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
	forget_doors(gone);
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
		uv_timer_start(&c->desertion, on_deserted, QUEUED_MS, 0);
	if (uv_now(c->loop) - gone->started_ms >= STEADY_MS)
		c->backoff_ms = 0;
	restart_later(c);
}

static void member_ended(struct member *m, int status)
{
	struct crew *c = m->crew;
	struct member gone = {.state = m->state, .started_ms = m->started_ms};
	uint64_t number = WIFSIGNALED(status) ? (uint64_t)WTERMSIG(status) : 0;
	uint64_t code = WIFEXITED(status) ? (uint64_t)WEXITSTATUS(status) : 0;
	bool drained = m->state == MEMBER_DRAINING && !number && !code;

	if (!c->stopping)
		log_event(drained ? LOG_INFO : LOG_ERR, drained ? "worker-drained" : "worker-ended",
			  log_number("signal", number), log_number("status", code),
			  log_number("pid", (uint64_t)m->pid));
	m->pid = 0;
	forget(m);
	if (c->stopping) {
		if (!anybody_left(c))
			c->events.ended(c->events.arg, 0);
	} else if (gone.state != MEMBER_DRAINING) {
		replace(c, &gone);
	}
}

static void on_child(uv_signal_t *signal, int number)
{
	struct crew *c = signal->data;
	struct member *m, *next;
	int status;

	(void)number;
	for (m = c->members; m; m = next) {
		next = m->next;
		if (m->pid && waitpid(m->pid, &status, WNOHANG) == m->pid)
			member_ended(m, status);
	}
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
	uv_signal_init(loop, &c->child);
	uv_timer_init(loop, &c->restart);
	uv_timer_init(loop, &c->desertion);
	uv_timer_init(loop, &c->arrival);
	uv_timer_init(loop, &c->patience);
	c->child.data = c->restart.data = c->desertion.data = c->arrival.data = c->patience.data =
		c;
	uv_signal_start(&c->child, on_child, SIGCHLD);
	return c;
}

int crew_start(struct crew *c, struct err *e)
{
	return start(c, c->options.services->config, c->options.services->lists, e);
}

int crew_succeed(struct crew *c, const struct config *config, struct list_watch *lists,
		 void (*done)(void *arg, bool ready), struct err *e)
{
	if (c->stopping || c->succeeded || member_in(c, MEMBER_STARTING))
		return err_set(e, "a worker is being started just now: try again in a moment");
	if (start(c, config, lists, e) < 0)
		return -1;
	c->succeeded = done;
	return 0;
}

static void signal_all(const struct crew *c, int number)
{
	for (const struct member *m = c->members; m; m = m->next)
		if (m->pid)
			kill(m->pid, number);
}

static void on_patience_over(uv_timer_t *timer)
{
	signal_all(timer->data, SIGKILL);
}

void crew_stop(struct crew *c)
{
	if (c->stopping)
		return;
	c->stopping = true;
	uv_timer_stop(&c->restart);
	uv_timer_stop(&c->desertion);
	if (!anybody_left(c)) {
		c->events.ended(c->events.arg, 0);
		return;
	}
	signal_all(c, SIGTERM);
	uv_timer_start(&c->patience, on_patience_over, STOP_MS, 0);
}

void crew_free(struct crew *c)
{
	if (!c)
		return;
	while (c->members) {
		struct member *m = c->members;

		c->members = m->next;
		if (m->pid) {
			kill(m->pid, SIGKILL);
			waitpid(m->pid, NULL, 0);
		}
		for (unsigned i = 0; i < m->open; i++)
			close(m->channels[i].fd);
		free(m);
	}
	free(c);
}
