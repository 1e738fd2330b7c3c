/* SPDX-License-Identifier: Apache-2.0 */
#include "start_watch.h"
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct start_watch {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool over;
	unsigned ms;
	size_t count;
	char names[][INHERIT_NAME_MAX]; /* the inheritance's own change meanwhile */
};

static _Noreturn void give_up(const struct start_watch *w)
{
	for (size_t i = 0; i < w->count; i++)
		inherit_forget(w->names[i]);
	log_event(LOG_CRIT, "start-failed",
		  log_word("why",
			   "it hangs: in a file system or a name service that does not answer?"),
		  log_number("seconds", w->ms / 1000),
		  log_word("then", "connects that waited for it are reset"));
	_exit(1);
}

static void *watch(void *arg)
{
	struct start_watch *w = arg;
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += w->ms / 1000;
	until.tv_nsec += w->ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&w->lock);
	while (!w->over && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&w->changed, &w->lock, &until);
	if (!w->over)
		give_up(w);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Signals are for the thread that starts. */
static int start_thread(struct start_watch *w)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, watch, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static void watch_free(struct start_watch *w)
{
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

struct start_watch *start_watch_begin(const struct inheritance *in, unsigned ms, struct err *e)
{
	struct start_watch *w = calloc(1, sizeof(*w) + in->count * sizeof(w->names[0]));
	pthread_condattr_t monotonic;

	if (!w) {
		err_set(e, "memory is out");
		return NULL;
	}
	w->ms = ms;
	w->count = in->count;
	for (size_t i = 0; i < in->count; i++)
		memcpy(w->names[i], in->all[i].name, sizeof(w->names[i]));
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&w->lock, NULL);
	if (start_thread(w) == 0)
		return w;
	err_set(e, "no thread can be made");
	watch_free(w);
	return NULL;
}

void start_watch_end(struct start_watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->over = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	watch_free(w);
}
