/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_writer.h"
#include "audit_file.h"
#include "clock.h"
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_IN_MS 1000000u
#define GATHER_MS 50   /* more may come meanwhile, and is written with it ... */
#define GATHER_MAX 512 /* ... unless it is so many: there must be room for those that come then */
#define SYNC_MS 1000   /* at most so often */
#define RETRY_MS 1000  /* after a failure */
#define BUSY_MS 50     /* while another one ends */
#define BUSY_SAID_MS 10000    /* it should have ended by then */
#define SAY_AGAIN_MS 600000   /* of the same failure */
#define HEAD_MS (3600 * 1000) /* how often the chain's head goes into the daemon's log */
#define STACK_BYTES (256 * 1024)
#define CHUNK 64 /* records written at once: what is unpacked stays in a cache */

/* Records one behind the other, packed: few lines of memory for each go from the loop's core to the thread's. */
struct queue {
	uint8_t *bytes;
	size_t used, room;
	size_t count; /* of records */
};

struct audit_writer {
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows, up to the line */
	pthread_cond_t more;
	struct queue waiting; /* at most AUDIT_WAIT_MAX */
	size_t awaited;	      /* the thread is woken when there are so many */
	bool ending;
	struct audit_file_options *next; /* other settings; NULL: as they are */
	enum audit_forward next_forward;
	struct stats *stats;
	/* ---- the thread's own */
	struct audit_file *file; /* NULL: none is written */
	struct audit_forwarder forwarder;
	struct queue taken;
	struct audit_record *chunk;
	uint64_t synced_ms, head_ms, busy_ms, said_ms, forward_said_ms;
	uint64_t told; /* seq of the head that was said last */
	bool unsynced, sync_failed;
	char said[sizeof(((struct err *)0)->text)];
};

/* ---- what is said; nothing of it is a record's content */

static void say_failed(struct audit_writer *w, const char *why)
{
	uint64_t now = clock_ms();

	stat_add(&w->stats->audit_failures, 1);
	atomic_store(&w->stats->audit_broken, 1);
	if (strcmp(w->said, why) == 0 && now < w->said_ms + SAY_AGAIN_MS)
		return;
	snprintf(w->said, sizeof(w->said), "%s", why);
	w->said_ms = now;
	log_event(LOG_ERR, "audit", log_word("why", why),
		  log_word("then", "requests go on; records wait, those beyond some are lost"));
}

static void say_written(struct audit_writer *w)
{
	if (w->sync_failed)
		return;
	atomic_store(&w->stats->audit_broken, 0);
	if (!*w->said)
		return;
	*w->said = 0;
	log_event(LOG_NOTICE, "audit", log_word("then", "it is written again"));
}

static void say_head(struct audit_writer *w)
{
	const struct audit_chain *c = audit_file_chain(w->file);

	w->head_ms = clock_ms();
	if (c->seq == w->told)
		return;
	w->told = c->seq;
	log_event(LOG_NOTICE, "audit-head", log_number("seq", c->seq), log_word("hash", c->head));
}

/* ---- writing */

/* As many as are lost by now, and were not told of. */
static uint64_t untold(const struct audit_writer *w)
{
	uint64_t lost = stat_get(&w->stats->audit_lost),
		 told = stat_get(&w->stats->audit_lost_told);

	return lost > told ? lost - told : 0;
}

static void sync_now(struct audit_writer *w)
{
	struct err e;

	w->synced_ms = clock_ms();
	w->sync_failed = audit_file_sync(w->file, &e) < 0;
	if (w->sync_failed) {
		say_failed(w, e.text);
		return;
	}
	w->unsynced = false;
	say_written(w);
}

/* While another one still writes it is no failure yet. */
static void not_written(struct audit_writer *w, const char *why)
{
	if (!audit_file_busy(w->file)) {
		say_failed(w, why);
		return;
	}
	if (!w->busy_ms)
		w->busy_ms = clock_ms();
	if (clock_ms() >= w->busy_ms + BUSY_SAID_MS)
		say_failed(w, why);
}

static void not_forwarded(struct audit_writer *w, size_t n)
{
	uint64_t now = clock_ms();

	if (!n)
		return;
	stat_add(&w->stats->audit_unforwarded, n);
	if (w->forward_said_ms && now < w->forward_said_ms + SAY_AGAIN_MS)
		return;
	w->forward_said_ms = now;
	log_event(LOG_WARNING, "audit-forward",
		  log_word("why", "the journal, or syslog, does not take records"),
		  log_word("then", "the audit log itself has them"));
}

/* Returns how many were. */
static size_t write_some(struct audit_writer *w, const struct audit_record *records, size_t n)
{
	uint64_t lost = untold(w);
	struct err e;
	size_t done = audit_file_append(w->file, records, n, lost, &e);

	if (done) {
		stat_add(&w->stats->audit_records, done);
		stat_add(&w->stats->audit_lost_told, lost);
		w->unsynced = true;
		not_forwarded(
			w, audit_forward(&w->forwarder, audit_file_lines(w->file), records, done));
	}
	if (done < n) {
		not_written(w, e.text);
		return done;
	}
	w->busy_ms = 0;
	say_written(w);
	if (clock_ms() >= w->synced_ms + SYNC_MS)
		sync_now(w);
	if (audit_file_rotated(w->file) || clock_ms() >= w->head_ms + HEAD_MS)
		say_head(w);
	return done;
}

/* Other settings; not under the lock, for it may take long. */
static void change(struct audit_writer *w, struct audit_file_options *next, enum audit_forward to)
{
	if (!next)
		return;
	if (w->file) {
		if (w->unsynced)
			sync_now(w);
		say_head(w);
		audit_file_free(w->file);
	}
	w->told = 0;
	w->unsynced = w->sync_failed = false;
	w->file = *next->path ? audit_file_new(next) : NULL;
	audit_forward_close(&w->forwarder);
	w->forwarder.to = to;
	free(next);
}

/* ---- queues */

/* Room for so many bytes more, or -1. */
static int queue_grow(struct queue *q, size_t more)
{
	size_t room = q->room ? q->room : AUDIT_BATCH_BYTES;
	uint8_t *bytes;

	while (room - q->used < more)
		room *= 2;
	if (room == q->room)
		return 0;
	bytes = realloc(q->bytes, room);
	if (!bytes)
		return -1;
	q->bytes = bytes;
	q->room = room;
	return 0;
}

/* How many bytes its first records have. */
static size_t queue_bytes(const struct queue *q, size_t records)
{
	size_t at = 0;

	while (records--)
		at += audit_packed_size(q->bytes + at);
	return at;
}

static void queue_drop(struct queue *q, size_t records)
{
	size_t n = queue_bytes(q, records);

	if (!n)
		return;
	q->used -= n;
	q->count -= records;
	memmove(q->bytes, q->bytes + n, q->used);
}

/* ---- what waits; under the lock */

static void swap(struct audit_writer *w)
{
	struct queue taken = w->waiting;

	w->waiting = w->taken;
	w->taken = taken;
}

/* Those that were not written come before those that came meanwhile, as far as there is room. */
static void put_back(struct audit_writer *w)
{
	size_t fits = AUDIT_WAIT_MAX - w->taken.count, n;

	if (fits > w->waiting.count)
		fits = w->waiting.count;
	n = queue_bytes(&w->waiting, fits);
	if (queue_grow(&w->taken, n) < 0)
		fits = n = 0;
	stat_add(&w->stats->audit_lost, w->waiting.count - fits);
	if (n)
		memcpy(w->taken.bytes + w->taken.used, w->waiting.bytes, n);
	w->taken.used += n;
	w->taken.count += fits;
	w->waiting.used = w->waiting.count = 0;
	swap(w);
}

/* Until then, or so many wait. */
static void wait_ms(struct audit_writer *w, uint64_t ms, size_t many)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(ms % 1000 * NS_IN_MS);
	until.tv_sec += (time_t)(ms / 1000) + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	w->awaited = many;
	while (!w->ending && w->waiting.count < many &&
	       pthread_cond_timedwait(&w->more, &w->lock, &until) != ETIMEDOUT)
		;
}

/* Until there is something to do. `more`: there just was; then others follow, and need not wake anybody. */
static void await(struct audit_writer *w, bool more)
{
	uint64_t now, due = w->synced_ms + SYNC_MS;

	if (more && !w->next)
		wait_ms(w, GATHER_MS, GATHER_MAX);
	if (more && w->waiting.count)
		return;
	now = clock_ms();
	w->awaited = 1;
	while (!w->waiting.count && !w->ending && !w->next && !w->unsynced)
		pthread_cond_wait(&w->more, &w->lock);
	if (!w->waiting.count && !w->next && w->unsynced && now < due)
		wait_ms(w, due - now, 1);
	if (w->waiting.count && !w->next)
		wait_ms(w, GATHER_MS, GATHER_MAX);
}

/* What was taken; what cannot be written is still there. */
static void write_taken(struct audit_writer *w)
{
	size_t left = w->taken.count, written = 0, at = 0, n, done;

	audit_forward_round(&w->forwarder);
	do {
		for (n = 0; n < CHUNK && n < left; n++)
			at += audit_unpack(&w->chunk[n], w->taken.bytes + at, w->taken.used - at);
		done = n ? write_some(w, w->chunk, n) : 0;
		written += done;
		left -= done;
	} while (n && done == n);
	queue_drop(&w->taken, written);
}

/* One round; false: what there is could not be written. */
static bool round_of(struct audit_writer *w)
{
	struct audit_file_options *next = w->next;
	enum audit_forward to = w->next_forward;
	bool none;

	swap(w);
	none = !w->taken.count;
	w->next = NULL;
	pthread_mutex_unlock(&w->lock);
	change(w, next, to);
	if (w->file)
		write_taken(w);
	else
		w->taken.used = w->taken.count = 0;
	if (none && w->unsynced && clock_ms() >= w->synced_ms + SYNC_MS)
		sync_now(w);
	pthread_mutex_lock(&w->lock);
	if (!w->taken.count)
		return true;
	put_back(w);
	return false;
}

/* It is to end: a predecessor, or a disk, has some moments more. */
static void finish(struct audit_writer *w)
{
	uint64_t until = clock_ms() + 2 * RETRY_MS;
	bool written = round_of(w);

	while (!written && w->file && audit_file_busy(w->file) && clock_ms() < until) {
		struct timespec pause = {.tv_nsec = BUSY_MS * (long)NS_IN_MS};

		nanosleep(&pause, NULL);
		written = round_of(w);
	}
	if (!written) {
		stat_add(&w->stats->audit_lost, w->waiting.count);
		log_event(LOG_ERR, "audit-lost", log_number("records", w->waiting.count));
	}
}

static void *run(void *arg)
{
	struct audit_writer *w = arg;
	bool more = false;

	pthread_mutex_lock(&w->lock);
	while (!w->ending) {
		await(w, more);
		more = w->waiting.count;
		if (!w->ending && !round_of(w))
			wait_ms(w, audit_file_busy(w->file) ? BUSY_MS : RETRY_MS, SIZE_MAX);
	}
	finish(w);
	pthread_mutex_unlock(&w->lock);
	if (w->file && w->unsynced)
		sync_now(w);
	if (w->file)
		say_head(w);
	return NULL;
}

/* ---- */

static int set_options(struct audit_writer *w, const struct config *c)
{
	struct audit_file_options *o = calloc(1, sizeof(*o));

	if (!o)
		return -1;
	memcpy(o->path, c->audit.file, sizeof(o->path));
	o->size = c->audit.size;
	o->keep = c->audit.keep;
	free(w->next);
	w->next = o;
	w->next_forward = c->audit.forward;
	return 0;
}

/* Signals are the loop's. */
static int start_thread(struct audit_writer *w)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&w->thread, &attr, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return r == 0 ? 0 : -1;
}

static void release(struct audit_writer *w)
{
	audit_file_free(w->file);
	audit_forward_close(&w->forwarder);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w->next);
	free(w->waiting.bytes);
	free(w->taken.bytes);
	free(w->chunk);
	free(w);
}

struct audit_writer *audit_writer_new(const struct config *c, struct stats *stats)
{
	struct audit_writer *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;

	if (!w)
		return NULL;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->more, &attr);
	pthread_condattr_destroy(&attr);
	audit_forward_init(&w->forwarder);
	w->stats = stats;
	w->head_ms = clock_ms();
	w->chunk = calloc(CHUNK, sizeof(*w->chunk));
	if (w->chunk && set_options(w, c) == 0 && start_thread(w) == 0)
		return w;
	release(w);
	return NULL;
}

void audit_writer_configure(struct audit_writer *w, const struct config *c)
{
	pthread_mutex_lock(&w->lock);
	if (set_options(w, c) < 0)
		log_event(LOG_ERR, "audit", log_word("why", "memory is out; it goes on as it was"));
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

void audit_writer_add(struct audit_writer *w, const struct audit_record *r)
{
	struct queue *q = &w->waiting;

	pthread_mutex_lock(&w->lock);
	if (q->count == AUDIT_WAIT_MAX || queue_grow(q, AUDIT_PACKED_MAX) < 0) {
		stat_add(&w->stats->audit_lost, 1);
	} else {
		q->used += audit_pack(r, q->bytes + q->used);
		q->count++;
		if (q->count == w->awaited)
			pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
}

void audit_writer_close(struct audit_writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	release(w);
}
