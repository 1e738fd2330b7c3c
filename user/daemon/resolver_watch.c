/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver_watch.h"

#include "confine.h"
#include "log.h"

#include <stdlib.h>
#include <sys/stat.h>

#define SETTLE_MS 300  /* they are written in several steps, and several at once */
#define RETRY_MS 2000  /* while another worker is on its way */
#define PAUSE_MS 30000 /* a file that is replaced all the time must not pile up draining workers */
#define FILES_MAX 8

struct resolver_watch {
	struct crew *crew;
	const struct monitor_services *services;
	uv_fs_event_t event;
	uv_timer_t settle;
	unsigned open;	   /* handles that the loop knows */
	uint64_t taken_ms; /* when another worker was last asked for; 0: never */
	ino_t seen[FILES_MAX];
};

/* 0: it is not there. Returns whether anything is another file than before. */
static bool look(ino_t seen[static FILES_MAX])
{
	bool changed = false;

	for (size_t i = 0; i < FILES_MAX && confine_resolver_files[i]; i++) {
		struct stat st;
		ino_t now = stat(confine_resolver_files[i], &st) < 0 ? 0 : st.st_ino;

		changed |= now != seen[i];
		seen[i] = now;
	}
	return changed;
}

static void on_taken_over(void *arg, bool ready)
{
	(void)arg;
	if (!ready)
		log_event(LOG_ERR, "resolver-changed",
			  log_word("why",
				   "a worker that reaches the new files ended before it was "
				   "ready; until another one starts names may not be found"));
}

static void on_settled(uv_timer_t *timer)
{
	struct resolver_watch *w = timer->data;
	uint64_t since = uv_now(timer->loop) - w->taken_ms;
	ino_t now[FILES_MAX];
	struct err e;

	if (w->taken_ms && since < PAUSE_MS) {
		uv_timer_start(timer, on_settled, PAUSE_MS - since, 0);
		return;
	}
	memcpy(now, w->seen, sizeof(now));
	if (!look(now))
		return;
	if (crew_succeed(w->crew, w->services->config, w->services->lists, on_taken_over, &e) < 0) {
		uv_timer_start(timer, on_settled, RETRY_MS, 0);
		return;
	}
	w->taken_ms = uv_now(timer->loop);
	memcpy(w->seen, now, sizeof(now));
	log_event(LOG_NOTICE, "resolver-changed",
		  log_word("then", "another worker takes over, which reaches the new files"));
}

static void on_change(uv_fs_event_t *event, const char *name, int events, int status)
{
	struct resolver_watch *w = event->data;

	(void)name, (void)events, (void)status;
	if (!uv_is_active((uv_handle_t *)&w->settle))
		uv_timer_start(&w->settle, on_settled, SETTLE_MS, 0);
}

static void on_closed(uv_handle_t *handle)
{
	struct resolver_watch *w = handle->data;

	if (--w->open == 0)
		free(w);
}

struct resolver_watch *resolver_watch_new(uv_loop_t *loop, struct crew *crew,
					  const struct monitor_services *services, struct err *e)
{
	struct resolver_watch *w = calloc(1, sizeof(*w));
	int rc;

	if (!w) {
		err_set(e, "memory is out");
		return NULL;
	}
	w->crew = crew;
	w->services = services;
	w->event.data = w->settle.data = w;
	w->open = 2;
	uv_timer_init(loop, &w->settle);
	uv_fs_event_init(loop, &w->event);
	rc = uv_fs_event_start(&w->event, on_change, "/etc", 0);
	if (rc < 0) {
		err_set(e, "/etc cannot be watched for changes of the resolver's files: %s",
			uv_strerror(rc));
		resolver_watch_close(w);
		return NULL;
	}
	(void)look(w->seen);
	return w;
}

void resolver_watch_close(struct resolver_watch *w)
{
	if (!w)
		return;
	uv_close((uv_handle_t *)&w->event, on_closed);
	uv_close((uv_handle_t *)&w->settle, on_closed);
}
