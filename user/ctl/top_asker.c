/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the daemon, again and again, on a thread of its own. */
#include "top.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct asker {
	struct ctl ctl; /* with the socket's path, so that the configuration is not needed */
	double delay;
	int fd;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool hurry, left;  /* by the lock, as the next ones */
	bool ready;	   /* there is something to take */
	struct snapshot s; /* empty: `why` */
	struct err why;
};

/* Whoever looked last cleans up. */
static void asker_free(struct asker *a)
{
	snapshot_free(&a->s);
	close(a->fd);
	free((char *)a->ctl.option[OPTION_SOCKET]);
	pthread_cond_destroy(&a->wake);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* false: nobody wants to know any more. */
static bool hand_over(struct asker *a, struct snapshot *s, const struct err *why)
{
	bool wanted;

	pthread_mutex_lock(&a->lock);
	snapshot_free(&a->s);
	a->s = *s;
	a->why = *why;
	a->ready = true;
	wanted = !a->left;
	pthread_mutex_unlock(&a->lock);
	(void)!write(a->fd, &(uint64_t){1}, sizeof(uint64_t));
	return wanted;
}

static bool wait_for_turn(struct asker *a)
{
	struct timespec until;
	bool wanted;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)((a->delay - (double)(time_t)a->delay) * 1e9);
	until.tv_sec += (time_t)a->delay + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&a->lock);
	while (!a->hurry && !a->left &&
	       pthread_cond_timedwait(&a->wake, &a->lock, &until) != ETIMEDOUT)
		;
	a->hurry = false;
	wanted = !a->left;
	pthread_mutex_unlock(&a->lock);
	return wanted;
}

static void *ask(void *arg)
{
	struct asker *a = arg;

	for (bool wanted = true; wanted;) {
		struct err why = {.text = ""};
		struct snapshot s;

		(void)snapshot_take(&s, &a->ctl, &why);
		wanted = hand_over(a, &s, &why) && wait_for_turn(a);
	}
	asker_free(a);
	return NULL;
}

struct asker *asker_new(struct ctl *c, double delay, int *fd, struct err *e)
{
	const struct config *config = c->option[OPTION_SOCKET] ? NULL : ctl_config(c, e);
	const char *path = config ? config->control_socket : c->option[OPTION_SOCKET];
	struct asker *a = path ? calloc(1, sizeof(*a)) : NULL;
	pthread_condattr_t monotonic;
	pthread_t thread;

	if (!a) {
		if (path)
			err_set(e, "memory is out");
		return NULL;
	}
	a->delay = delay;
	a->ctl.command = c->command;
	a->ctl.option[OPTION_SOCKET] = strdup(path);
	a->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&a->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&a->wake, &monotonic);
	*fd = a->fd;
	if (!a->ctl.option[OPTION_SOCKET] || a->fd < 0 ||
	    pthread_create(&thread, NULL, ask, a) != 0) {
		err_set(e, "memory is out");
		asker_free(a);
		return NULL;
	}
	pthread_detach(thread);
	return a;
}

bool asker_take(struct asker *a, struct snapshot *s, struct err *why)
{
	uint64_t n;
	bool ready;

	(void)!read(a->fd, &n, sizeof(n));
	pthread_mutex_lock(&a->lock);
	ready = a->ready;
	a->ready = false;
	if (ready) {
		*s = a->s;
		*why = a->why;
		a->s = (struct snapshot){.at = 0};
	}
	pthread_mutex_unlock(&a->lock);
	return ready;
}

void asker_hurry(struct asker *a)
{
	pthread_mutex_lock(&a->lock);
	a->hurry = true;
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
}

void asker_leave(struct asker *a)
{
	pthread_mutex_lock(&a->lock);
	a->left = true;
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
}
