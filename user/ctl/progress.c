/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"
#include "sheet.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIRST_MS 1000
#define TERMINAL_MS 200
#define ELSEWHERE_MS 1000

struct progress {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	const char *doing; /* by the lock, as the next ones */
	enum progress_unit unit;
	struct timespec since;
	bool over;
	_Atomic uint64_t done, total;
	bool terminal, shown;
};

static const char *amount(char out[static SHORT_MAX], uint64_t n, enum progress_unit unit)
{
	return unit == PROGRESS_BYTES ? short_bytes(out, (double)n) : short_count(out, (double)n);
}

__attribute__((format(printf, 3, 4))) static void add(char *out, size_t size, const char *format,
						      ...)
{
	size_t len = strlen(out);
	va_list args;

	va_start(args, format);
	vsnprintf(out + len, size - len, format, args);
	va_end(args);
}

void progress_line(char *out, size_t size, const char *doing, uint64_t done, uint64_t total,
		   enum progress_unit unit, double seconds)
{
	char a[SHORT_MAX], b[SHORT_MAX];
	double rate = seconds > 0 ? (double)done / seconds : 0;

	snprintf(out, size, "%s", doing);
	if (done || total)
		add(out, size, "  %s", amount(a, done, unit));
	if (total)
		add(out, size, " of %s  %.0f%%", amount(b, total, unit),
		    done < total ? 100.0 * (double)done / (double)total : 100.0);
	if (rate >= 1)
		add(out, size, "  %s/s", amount(a, (uint64_t)rate, unit));
	if (total > done && rate > 0)
		add(out, size, "  %s left",
		    short_age(a, (uint64_t)(((double)(total - done) / rate + 1) * 1000)));
	else
		add(out, size, "  %s", short_age(a, (uint64_t)(seconds * 1000)));
}

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

/* With the lock. */
static void show(struct progress *p)
{
	char line[256];

	progress_line(line, sizeof(line), p->doing, atomic_load(&p->done), atomic_load(&p->total),
		      p->unit, seconds_since(&p->since));
	fprintf(stderr, p->terminal ? "\r\033[K%.79s" : "awsmaskctl: %s\n", line);
	fflush(stderr);
	p->shown = true;
}

static void *tell(void *arg)
{
	struct progress *p = arg;
	struct timespec at;
	long wait_ms = FIRST_MS;

	pthread_mutex_lock(&p->lock);
	clock_gettime(CLOCK_MONOTONIC, &at);
	for (;;) {
		at.tv_nsec += wait_ms % 1000 * 1000000;
		at.tv_sec += wait_ms / 1000 + at.tv_nsec / 1000000000;
		at.tv_nsec %= 1000000000;
		while (!p->over && pthread_cond_timedwait(&p->wake, &p->lock, &at) != ETIMEDOUT)
			;
		if (p->over)
			break;
		show(p);
		wait_ms = p->terminal ? TERMINAL_MS : ELSEWHERE_MS;
	}
	if (p->shown && p->terminal) {
		fprintf(stderr, "\r\033[K");
		fflush(stderr);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* A terminal that knows no sequences could not be cleared. */
static bool is_terminal(void)
{
	return colour_wanted(NULL, isatty(STDERR_FILENO), NULL, getenv("TERM"));
}

static void begin(struct progress *p, const char *doing, uint64_t total, enum progress_unit unit)
{
	p->doing = doing;
	p->unit = unit;
	atomic_store(&p->done, 0);
	atomic_store(&p->total, total);
	clock_gettime(CLOCK_MONOTONIC, &p->since);
}

struct progress *progress_begin(const struct ctl *c, const char *doing, uint64_t total,
				enum progress_unit unit)
{
	bool terminal = c && is_terminal();
	struct progress *p =
		terminal || (c && c->option[OPTION_PROGRESS]) ? calloc(1, sizeof(*p)) : NULL;
	pthread_condattr_t monotonic;
	sigset_t all, before;
	int failed;

	if (!p)
		return NULL;
	p->terminal = terminal;
	begin(p, doing, total, unit);
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &monotonic);
	sigfillset(&all); /* signals are for who works */
	pthread_sigmask(SIG_BLOCK, &all, &before);
	failed = pthread_create(&p->thread, NULL, tell, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!failed)
		return p;
	free(p);
	return NULL;
}

void progress_set(void *arg, uint64_t done, uint64_t total)
{
	struct progress *p = arg;

	if (!p)
		return;
	atomic_store_explicit(&p->done, done, memory_order_relaxed);
	atomic_store_explicit(&p->total, total, memory_order_relaxed);
}

void progress_next(struct progress *p, const char *doing, uint64_t total, enum progress_unit unit)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	begin(p, doing, total, unit);
	pthread_mutex_unlock(&p->lock);
}

void progress_end(struct progress *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->over = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
