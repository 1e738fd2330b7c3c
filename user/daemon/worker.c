/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"
#include "confine.h"
#include "conn.h"
#include "control.h"
#include "crew.h"
#include "door.h"
#include "list_follow.h"
#include "log.h"
#include "metrics.h"
#include "netns_follow.h"
#include "pulse.h"
#include "rules_ready.h"
#include "sandbox.h"
#include "settle.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_LOOK_MS 50 /* how often a draining loop looks whether it is done */
#define OUT_MAX (1024 * 1024)
#define SCAN_APART (64 * 1024) /* some tenths of a millisecond's work */

/* A thread and what only its own start and stop need to know. */
struct loop_thread {
	struct worker_thread base;
	struct door doors[4];
	struct netns_follow *netns; /* NULL: it drains, or nothing is redirected */
	uv_async_t stop, drain;
	uv_timer_t alive;
	uv_timer_t drained; /* while it drains */
	bool draining, quiet;
	uint64_t drain_look_ms;	 /* when it is next looked who is silent */
	struct control *control; /* thread 0 alone, as the next ones */
	struct metrics *metrics;
	struct list_follow *lists;
	struct target_lookup *lookup;
	uv_signal_t terminate, succeeded, ignore; /* SIGTERM, SIGUSR1, SIGINT */
	struct loop_thread *all;
	unsigned count;
	pthread_t id;
};

/* ---- starting and stopping */

/* Whoever takes our place has the sockets too, and their queues; else connects are refused. */
static void close_doors(struct loop_thread *t)
{
	for (size_t i = 0; i < 4; i++)
		door_close(&t->doors[i], NULL);
	netns_follow_close(t->netns);
	t->netns = NULL;
}

static void close_loop(struct loop_thread *t)
{
	if (t->base.stopping)
		return;
	t->base.stopping = true;
	close_doors(t);
	if (t->control) {
		control_close(t->control);
		metrics_close(t->metrics);
		report_stop(t->base.worker->report);
		if (t->base.worker->memos)
			memos_stop(t->base.worker->memos);
		list_follow_close(t->lists);
		target_lookup_close(t->lookup);
		uv_close((uv_handle_t *)&t->terminate, NULL);
		uv_close((uv_handle_t *)&t->succeeded, NULL);
		uv_close((uv_handle_t *)&t->ignore, NULL);
	}
	conn_close_all(&t->base);
	audit_sender_close(&t->base.audit);
	conn_loop_close(&t->base);
	origin_pool_close(t->base.origins);
	privsep_close(t->base.privsep);
	uv_close((uv_handle_t *)&t->alive, NULL);
	uv_close((uv_handle_t *)&t->drained, NULL);
	uv_close((uv_handle_t *)&t->drain, NULL);
	uv_close((uv_handle_t *)&t->stop, NULL);
}

static void on_stop(uv_async_t *async)
{
	close_loop(async->data);
}

static void on_told(void *arg, const struct priv_reply *reply)
{
	(void)arg, (void)reply;
}

/* A monitor that is to end waits for this, else somebody just accepted would lose it. */
static void tell_quiet(struct loop_thread *t)
{
	struct priv_request quiet = {.kind = PRIV_QUIET};

	if (t->quiet || conn_any_asks(&t->base))
		return;
	t->quiet = true;
	(void)privsep_call(t->base.privsep, &quiet, on_told, NULL); /* it may be gone already */
}

static void on_drain_look(uv_timer_t *timer)
{
	struct loop_thread *t = timer->data;
	bool last =
		!t->control || !t->base.worker->open_conns; /* the report is written from here */

	tell_quiet(t);
	if (!t->base.conns && last && !audit_sender_waits(t->base.audit)) {
		close_loop(t);
	} else if (uv_now(&t->base.loop) >= t->drain_look_ms) {
		conn_cut_silent(&t->base);
		t->drain_look_ms = uv_now(&t->base.loop) + CREW_DRAIN_MS;
	}
}

/* Nothing is accepted here any more. What is open is finished. */
static void drain(struct loop_thread *t)
{
	if (t->base.stopping || t->draining)
		return;
	t->draining = true;
	close_doors(t);
	conn_drain_all(&t->base);
	if (t->control) {
		board_drain(t->base.worker->board);
		control_drain(t->control);
		metrics_drain(t->metrics);
	}
	t->drain_look_ms = uv_now(&t->base.loop) + CREW_DRAIN_MS;
	tell_quiet(t);
	uv_timer_start(&t->drained, on_drain_look, DRAIN_LOOK_MS, DRAIN_LOOK_MS);
}

static void on_drain(uv_async_t *async)
{
	drain(async->data);
}

static void on_succeeded(uv_signal_t *signal, int number)
{
	struct loop_thread *t = signal->data;

	(void)number;
	for (unsigned i = 0; i < t->count; i++)
		uv_async_send(&t->all[i].drain);
}

static void stop_all(struct loop_thread *t)
{
	for (unsigned i = 0; i < t->count; i++)
		uv_async_send(&t->all[i].stop);
}

static void on_terminate(uv_signal_t *signal, int number)
{
	(void)number;
	stop_all(signal->data);
}

/* A terminal's Ctrl-C reaches the whole group: the monitor decides. */
static void on_ignore(uv_signal_t *signal, int number)
{
	(void)signal, (void)number;
}

/* Whoever is accepted from now on would be nobody's: one that serves has its doors to close first. */
static void on_monitor_lost(void *arg)
{
	struct loop_thread *t = arg;

	if (t->base.stopping)
		return;
	if (!t->draining)
		log_event(LOG_WARNING, "monitor-lost",
			  log_word("then", "what is open is finished, nothing is accepted"));
	drain(t);
}

static void on_ca_changed(void *arg)
{
	((struct worker *)arg)->ca_generation++;
}

static struct metrics *start_metrics(struct loop_thread *t, const struct worker_boot *boot)
{
	struct worker *w = t->base.worker;
	const struct metrics_context context = {
		.source = {.config = w->config,
			   .stats = w->stats,
			   .gauges = &w->gauges,
			   .vault = w->vault,
			   .report = *w->config->report_sqlite ? w->report : NULL,
			   .started = w->started},
		.privsep = t->base.privsep};

	return metrics_new(&t->base.loop, boot->metrics_fd, &context);
}

static int start_control(struct loop_thread *t, const struct worker_boot *boot)
{
	struct worker *w = t->base.worker;
	struct control_context context = {.config = w->config,
					  .privsep = t->base.privsep,
					  .types = w->types,
					  .stats = w->stats,
					  .slots = &w->slots,
					  .gauges = &w->gauges,
					  .board = w->board,
					  .vault = w->vault,
					  .report = *w->config->report_sqlite ? w->report : NULL,
					  .started_ns = w->started_ns,
					  .started = w->started,
					  .ca_changed = on_ca_changed,
					  .arg = w};

	t->control = control_new(&t->base.loop, boot->control_fd, &context);
	t->lists = list_follow_new(&t->base.loop, t->base.privsep, w->policies,
				   boot->lists_generation);
	t->lookup = target_lookup_new(&t->base.loop, w->config, w->target_addrs);
	t->metrics = start_metrics(t, boot);
	if (!t->control || !t->metrics || !t->lists || !t->lookup ||
	    report_start(w->report, &t->base.loop) < 0 ||
	    (w->memos && memos_start(w->memos, &t->base.loop) < 0))
		return -1;
	uv_signal_init(&t->base.loop, &t->terminate);
	uv_signal_init(&t->base.loop, &t->succeeded);
	uv_signal_init(&t->base.loop, &t->ignore);
	t->terminate.data = t->succeeded.data = t;
	uv_signal_start(&t->succeeded, on_succeeded, SIGUSR1);
	uv_signal_start(&t->terminate, on_terminate, SIGTERM);
	uv_signal_start(&t->ignore, on_ignore, SIGINT);
	return 0;
}

static int init_loop(struct loop_thread *t, struct worker *w, const struct worker_boot *boot,
		     unsigned i)
{
	uv_loop_t *loop = &t->base.loop;

	t->base.worker = w;
	if (uv_loop_init(loop) < 0)
		return -1;
	t->stop.data = t->drain.data = t->drained.data = t;
	uv_async_init(loop, &t->stop, on_stop);
	uv_async_init(loop, &t->drain, on_drain);
	uv_timer_init(loop, &t->drained);
	conn_loop_open(&t->base);
	t->base.privsep = privsep_new(loop, boot->channel[i], on_monitor_lost, t);
	t->base.origins = origin_pool_new(loop, &w->tls, t->base.privsep, w->hellos, &w->gauges);
	if (!t->base.privsep || !t->base.origins ||
	    audit_sender_open(&t->base.audit, loop, w->config, w->stats) < 0)
		return -1;
	t->base.leaves = leaf_cache_new(t->base.privsep, &w->tls, &w->ca_generation);
	if (!t->base.leaves)
		return -1;
	if (door_open(&t->doors[0], &t->base, boot->transparent4[i], DOOR_TRANSPARENT,
		      w->netns_cookie) < 0 ||
	    door_open(&t->doors[1], &t->base, boot->transparent6[i], DOOR_TRANSPARENT,
		      w->netns_cookie) < 0 ||
	    door_open(&t->doors[2], &t->base, i == 0 ? boot->explicit_fd : -1, DOOR_EXPLICIT,
		      w->netns_cookie) < 0 ||
	    door_open(&t->doors[3], &t->base, i == 0 ? boot->orphans[ORPHANS_OUT] : -1,
		      DOOR_ORPHANS, 0) < 0)
		return -1;
	if (boot->transparent4[i] >= 0 && !(t->netns = netns_follow_new(&t->base)))
		return -1;
	pulse_begin(&t->alive, loop, t->base.privsep);
	return i == 0 ? start_control(t, boot) : 0;
}

static void *run_loop(void *arg)
{
	struct loop_thread *t = arg;

	uv_run(&t->base.loop, UV_RUN_DEFAULT);
	leaf_cache_free(t->base.leaves);
	uv_loop_close(&t->base.loop);
	return NULL;
}

/* Before there is a second thread: name look-ups start some. */
static int confine(const struct config *c, struct err *e)
{
	int r = confine_worker(c, e);

	if (r == 0)
		log_event(LOG_WARNING, "not-confined",
			  log_word("why",
				   "this kernel has no Landlock, or it is switched off: files "
				   "are kept from the worker by their modes alone"));
	return r;
}

/*
 * The pool's threads, which wait for the disk and for name servers, and scan: one of each loop's large
 * requests at a time, so some are always left for the rest.
 */
static void size_pool(unsigned loops)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", loops + 4);
	setenv("UV_THREADPOOL_SIZE", text, 1);
}

static int run_threads(struct worker *w, const struct worker_boot *boot, struct err *e)
{
	struct loop_thread *threads = calloc(boot->threads, sizeof(*threads));
	struct priv_request ready = {.kind = PRIV_READY};
	unsigned started;

	if (!threads)
		return err_set(e, "memory is out");
	if (confine(w->config, e) < 0)
		return -1;
	size_pool(boot->threads);
	for (unsigned i = 0; i < boot->threads; i++) {
		threads[i].all = threads;
		threads[i].count = boot->threads;
		if (init_loop(&threads[i], w, boot, i) < 0)
			return err_set(e, "loop %u of %u cannot be set up: %s", i, boot->threads,
				       strerror(errno));
	}
	if (sandbox_close(e) < 0)
		return -1;
	for (started = 1; started < boot->threads; started++)
		if (pthread_create(&threads[started].id, NULL, run_loop, &threads[started]) != 0)
			return err_set(e, "thread %u of %u cannot be made", started, boot->threads);
	log_event(LOG_INFO, "worker-ready", log_number("threads", boot->threads),
		  log_number("uid", getuid()));
	if (!privsep_call(threads[0].base.privsep, &ready, on_told, NULL))
		return err_set(e, "the monitor is gone");
	settle();
	run_loop(&threads[0]);
	for (unsigned i = 1; i < boot->threads; i++)
		pthread_join(threads[i].id, NULL);
	free(threads);
	return 0;
}

static int open_vault(struct worker *w, int key_fd, struct err *e)
{
	uint8_t key[VAULT_KEY_SIZE];
	ssize_t n = read(key_fd, key, sizeof(key));

	close(key_fd);
	if (n != sizeof(key))
		return err_set(e, "the vault's key did not arrive");
	w->vault = vault_open(w->config->vault_sqlite, key, e);
	explicit_bzero(key, sizeof(key));
	return w->vault ? 0 : -1;
}

/* What is masked, and what is done with it. */
static int load_policies(struct worker *w, int lists_fd, struct err *e)
{
	struct buf content;
	char why[256];

	w->types = config_own_types(w->config);
	if (!w->types)
		return err_set(e, "memory is out");
	if (vault_types(w->vault, w->types, e) < 0)
		return -1;
	w->catalogue = catalogue_new(why, sizeof(why));
	if (!w->catalogue)
		return err_set(e, "the catalogue does not compile: %s", why);
	if (policies_extend(w->catalogue, w->config, w->types, e) < 0 ||
	    rules_ready(w->catalogue, e) < 0 || list_receive(lists_fd, &content, e) < 0)
		return -1;
	w->policies = policies_new(w->config, w->types, &content, e);
	buf_free(&content);
	return w->policies ? 0 : -1;
}

void worker_limit_files(const struct config *c)
{
	/* Two sockets and four pipe ends per connection, four for each network namespace, and some
	 * room. */
	rlim_t files = (rlim_t)c->limits.connections * 6 + 4 * AWSMASK_MAX_LISTENERS + 1024;

	setrlimit(RLIMIT_NOFILE, &(struct rlimit){files, files});
}

static int load_config(struct worker *w, int fd, struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	w->config = config_load(path, false, e);
	close(fd);
	if (!w->config)
		return -1;
	log_level(LOG_ERR + w->config->log_level);
	worker_limit_files(w->config);
	return 0;
}

/* Whatever opens files, maps executable pages or loads libraries: before the sandbox closes. */
static int prepare(struct worker *w, const struct worker_boot *boot, struct err *e)
{
	struct addrinfo *found = NULL;
	socklen_t size = sizeof(w->netns_cookie);

	if (load_config(w, boot->config_fd, e) < 0 || open_vault(w, boot->key_fd, e) < 0 ||
	    load_policies(w, boot->lists_fd, e) < 0 || tls_init(&w->tls, w->config, e) < 0)
		return -1;
	w->stats = stats_map(boot->stats_fd);
	close(boot->stats_fd);
	if (!w->stats)
		return err_set(e, "the counters' memory cannot be had: %s", strerror(errno));
	stats_find_slots(w->stats, w->types, &w->slots);
	w->board = board_open(boot->board_fd, w->started_ns / 1000000);
	w->orphans_in = boot->orphans[ORPHANS_IN];
	w->uses = scope_uses_new(&w->config->limits);
	w->cgroups = cgroup_names_new();
	w->target_addrs = target_addrs_new();
	w->hellos = own_hellos_new();
	if (w->config->limit_memo)
		w->memos = memos_new(w->config->limit_memo, boot->threads, w->stats, &w->gauges);
	if (w->config->limit_memo && !w->memos)
		return err_set(e, "memory is out");
	if (!w->uses || !w->target_addrs || !w->cgroups || !w->hellos)
		return err_set(e, "memory is out");
	w->report = report_new(w->config->report_sqlite, w->config->report_keep, w->types);
	if (!w->report)
		return err_set(e, "memory is out");
	if (getaddrinfo("localhost", NULL, NULL, &found) == 0) /* loads what nsswitch.conf names */
		freeaddrinfo(found);
	if (boot->transparent4[0] >= 0 && getsockopt(boot->transparent4[0], SOL_SOCKET,
						     SO_NETNS_COOKIE, &w->netns_cookie, &size) < 0)
		return err_set(e, "the listeners' network namespace has no name: %s",
			       strerror(errno));
	w->enforce = (struct exchange_config){.catalogue = w->catalogue,
					      .policies = policies_source(w->policies),
					      .memos = w->memos ? memos_source(w->memos) : NULL,
					      .body_max = w->config->limit_body,
					      .head_max = HTTP_HEAD_MAX,
					      .out_max = OUT_MAX,
					      .allow_binary = w->config->allow_binary,
					      .scan_apart = SCAN_APART};
	w->observe = w->enforce;
	w->observe.observe = true;
	settle_keep_memory();
	return 0;
}

int worker_main(const struct worker_boot *boot)
{
	struct worker w = {.config = NULL};
	struct timespec now;
	struct err e;

	signal(SIGPIPE, SIG_IGN);
	clock_gettime(CLOCK_MONOTONIC, &now);
	w.started = (uint64_t)time(NULL);
	w.started_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (prepare(&w, boot, &e) < 0 || run_threads(&w, boot, &e) < 0) {
		log_event(LOG_CRIT, "worker-failed", log_word("why", e.text));
		_exit(1); /* threads may run already: nothing is freed that they use */
	}
	report_free(w.report);
	cgroup_names_free(w.cgroups);
	scope_uses_free(w.uses);
	memos_free(w.memos);
	target_addrs_free(w.target_addrs);
	own_hellos_free(w.hellos);
	vault_close(w.vault);
	policies_free(w.policies);
	catalogue_free(w.catalogue);
	types_free(w.types);
	tls_free(&w.tls);
	stats_unmap(w.stats);
	board_close(w.board);
	config_free((struct config *)w.config);
	return 0;
}
