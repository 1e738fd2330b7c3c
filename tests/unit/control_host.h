/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONTROL_HOST_H
#define AWSMASK_CONTROL_HOST_H
/*
 * A control server on a loop in a thread of its own, a monitor that is played by another thread,
 * and blocking clients: for test_control.c.
 */
#include "../../user/daemon/cgroup.h"
#include "../../user/daemon/control.h"
#include "../../user/daemon/control_judge.h"
#include "awsmask/ctl.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define HOST_ENROLLED_MAX 256
#define HOST_PROGRAMS_MAX 20

struct host {
	char dir[64], path[96];
	uv_loop_t loop;
	uv_async_t stop;
	pthread_t loop_thread, monitor_thread;
	int monitor_fd;
	struct privsep *privsep;
	struct control *control;
	struct report *report; /* the test's; NULL: none */
	struct config *config;
	struct stats stats;
	struct stats_slots slots;
	struct stats_gauges gauges;
	struct control_context context;
	_Atomic unsigned ca_changes;
	/* the monitor; under the lock */
	pthread_mutex_t lock;
	uint64_t ids[HOST_ENROLLED_MAX];
	struct policy policies[HOST_ENROLLED_MAX];
	uint32_t enrolled, namespaces;
	uint32_t program_ids[HOST_PROGRAMS_MAX];
	struct program programs[HOST_PROGRAMS_MAX];
	uint32_t program_count;
	unsigned late_ms;	  /* before each answer */
	bool mute;		  /* never answers */
	const char *fails;	  /* every change fails with this sentence */
	unsigned changes;	  /* asked for */
	unsigned asked, answered; /* changes or not */
	struct priv_request last; /* of these */
};

static inline void host_list(struct host *h, const struct priv_request *r, struct priv_reply *reply)
{
	reply->u.list.total = h->enrolled;
	for (uint32_t i = r->u.list.offset; i < h->enrolled; i++) {
		if (reply->u.list.count == PRIV_LIST_MAX)
			break;
		reply->u.list.ids[reply->u.list.count] = h->ids[i];
		reply->u.list.policies[reply->u.list.count++] = h->policies[i];
	}
}

static inline void host_programs(struct host *h, const struct priv_request *r,
				 struct priv_reply *reply)
{
	reply->u.programs.total = h->program_count;
	for (uint32_t i = r->u.list.offset; i < h->program_count; i++) {
		if (reply->u.programs.count == PRIV_PROGRAMS_MAX)
			break;
		reply->u.programs.ids[reply->u.programs.count] = h->program_ids[i];
		reply->u.programs.programs[reply->u.programs.count++] = h->programs[i];
	}
}

static inline void host_netns(const struct host *h, struct priv_reply *reply)
{
	reply->u.netns.total = h->namespaces;
	for (uint32_t i = 0; i < h->namespaces && i < PRIV_NETNS_MAX; i++)
		reply->u.netns.at[reply->u.netns.count++].inode = 4026532000u + i;
}

static inline void host_change(struct host *h, const struct priv_request *r,
			       struct priv_reply *reply)
{
	h->changes++;
	h->last = *r;
	if (h->fails) {
		reply->status = -1;
		snprintf(reply->error, sizeof(reply->error), "%s", h->fails);
	} else if (r->kind == PRIV_PROGRAM_ENROLL) {
		reply->u.program = (struct program_enrolled){
			.id = 9, .processes = 4, .sweep = {.closed = 3, .left = 1}};
		snprintf(reply->error, sizeof(reply->error), "a warning");
	} else if (r->kind == PRIV_PROGRAM_UNENROLL) {
		reply->status = 0;
		for (uint32_t i = 0; i < h->program_count; i++)
			if (!strcmp(h->programs[i].path, r->u.program.path))
				reply->status = 1;
	} else if (r->kind == PRIV_UNENROLL) {
		reply->status = 0;
		for (uint32_t i = 0; i < h->enrolled; i++)
			if (h->ids[i] == r->u.cgroup.id)
				reply->status = 1;
	}
}

static inline void *host_monitor(void *arg)
{
	struct host *h = arg;
	struct pollfd ready = {.fd = h->monitor_fd, .events = POLLIN};
	struct priv_request r;
	int connection;

	while (poll(&ready, 1, -1) == 1 &&
	       privsep_receive(h->monitor_fd, &r, &connection) == sizeof(r)) {
		struct priv_reply reply = {.kind = r.kind, .id = r.id, .status = 1};
		unsigned late_ms;
		bool mute;
		struct err e;

		pthread_mutex_lock(&h->lock);
		h->asked++;
		mute = h->mute;
		late_ms = h->late_ms;
		if (r.kind == PRIV_LIST)
			host_list(h, &r, &reply);
		else if (r.kind == PRIV_PROGRAMS)
			host_programs(h, &r, &reply);
		else if (r.kind == PRIV_NETNS)
			host_netns(h, &reply);
		else if (r.kind == PRIV_COUNTERS)
			for (int i = 0; i < REASON_COUNT; i++)
				reply.u.counters[i] = 100u + (unsigned)i;
		else if (r.kind == PRIV_FACTS)
			reply.u.facts = (struct priv_facts){.cgroups = h->enrolled, .restarts = 2};
		else if (control_judge(connection, h->path, h->ids, h->enrolled, &e) < 0)
			snprintf(reply.error, sizeof(reply.error), "%s", e.text), reply.status = -1;
		else
			host_change(h, &r, &reply);
		if (connection >= 0)
			close(connection);
		pthread_mutex_unlock(&h->lock);
		if (late_ms) /* what is played, nothing that is waited for */
			usleep(late_ms * 1000);
		if (!mute && send(h->monitor_fd, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
			break;
		pthread_mutex_lock(&h->lock);
		h->answered += !mute;
		pthread_mutex_unlock(&h->lock);
	}
	return NULL;
}

static inline void *host_loop(void *arg)
{
	uv_run(&((struct host *)arg)->loop, UV_RUN_DEFAULT);
	return NULL;
}

static inline void host_lost(void *arg)
{
	(void)arg;
}

static inline void host_ca_changed(void *arg)
{
	((struct host *)arg)->ca_changes++;
}

static inline void host_on_stop(uv_async_t *async)
{
	struct host *h = async->data;

	control_close(h->control);
	if (h->report)
		report_stop(h->report);
	privsep_close(h->privsep);
	uv_close((uv_handle_t *)async, NULL);
}

static inline int host_listen(struct host *h)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, h->path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fd, 64), 0);
	cr_assert_eq(chmod(h->path, 0666), 0);
	return fd;
}

static inline struct host *host_start_with(struct vault *vault, struct report *report,
					   const struct board *board, unsigned patience_ms)
{
	struct host *h = calloc(1, sizeof(*h));
	int ends[2], fd;

	cr_assert_eq(geteuid(), 0, "these tests need root: they are about who may change what");
	signal(SIGPIPE, SIG_IGN); /* as the worker has it: libuv writes with write() */
	strcpy(h->dir, "/tmp/awsmask-control-XXXXXX");
	cr_assert_not_null(mkdtemp(h->dir));
	cr_assert_eq(chmod(h->dir, 0755), 0);
	snprintf(h->path, sizeof(h->path), "%s/control.sock", h->dir);
	pthread_mutex_init(&h->lock, NULL);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	h->monitor_fd = ends[1];
	h->config = config_default();
	cr_assert_not_null(h->config);
	uv_loop_init(&h->loop);
	uv_async_init(&h->loop, &h->stop, host_on_stop);
	h->stop.data = h;
	h->privsep = privsep_new(&h->loop, ends[0], host_lost, h);
	h->report = report;
	cr_assert(!report || report_start(report, &h->loop) == 0);
	h->context = (struct control_context){.types = &types_builtin,
					      .config = h->config,
					      .privsep = h->privsep,
					      .stats = &h->stats,
					      .slots = &h->slots,
					      .gauges = &h->gauges,
					      .vault = vault,
					      .report = report,
					      .board = board,
					      .started_ns = uv_hrtime(),
					      .ca_changed = host_ca_changed,
					      .arg = h,
					      .patience_ms = patience_ms};
	fd = host_listen(h);
	h->control = control_new(&h->loop, fd, &h->context);
	cr_assert_not_null(h->control);
	pthread_create(&h->monitor_thread, NULL, host_monitor, h);
	pthread_create(&h->loop_thread, NULL, host_loop, h);
	return h;
}

static inline struct host *host_start_reporting(struct vault *vault, struct report *report,
						unsigned patience_ms)
{
	return host_start_with(vault, report, NULL, patience_ms);
}

static inline struct host *host_start(struct vault *vault, unsigned patience_ms)
{
	return host_start_with(vault, NULL, NULL, patience_ms);
}

static inline struct host *host_start_showing(const struct board *board)
{
	return host_start_with(NULL, NULL, board, 0);
}

static inline void host_stop(struct host *h)
{
	uv_async_send(&h->stop);
	pthread_join(h->loop_thread, NULL);
	cr_assert_eq(uv_loop_close(&h->loop), 0, "a handle was left open");
	pthread_join(h->monitor_thread, NULL);
	close(h->monitor_fd);
	config_free(h->config);
	unlink(h->path);
	rmdir(h->dir);
	free(h);
}

static inline void host_set(struct host *h, bool mute, const char *fails)
{
	pthread_mutex_lock(&h->lock);
	h->mute = mute;
	h->fails = fails;
	pthread_mutex_unlock(&h->lock);
}

static inline void host_set_late(struct host *h, unsigned late_ms)
{
	pthread_mutex_lock(&h->lock);
	h->late_ms = late_ms;
	pthread_mutex_unlock(&h->lock);
}

static inline void host_enroll(struct host *h, uint64_t id, uint32_t mode, uint32_t flags)
{
	pthread_mutex_lock(&h->lock);
	h->ids[h->enrolled] = id;
	h->policies[h->enrolled++] = (struct policy){mode, flags};
	pthread_mutex_unlock(&h->lock);
}

static inline void host_program(struct host *h, uint32_t id, const char *path, uint32_t mode,
				uint32_t flags)
{
	struct program *p = &h->programs[h->program_count];

	pthread_mutex_lock(&h->lock);
	h->program_ids[h->program_count++] = id;
	p->policy = (struct policy){mode, flags};
	snprintf(p->path, sizeof(p->path), "%s", path);
	pthread_mutex_unlock(&h->lock);
}

/* How many changes were asked of the monitor, and the last of them. */
static inline unsigned host_changes(struct host *h, struct priv_request *last)
{
	unsigned n;

	pthread_mutex_lock(&h->lock);
	n = h->changes;
	if (last)
		*last = h->last;
	pthread_mutex_unlock(&h->lock);
	return n;
}

/* Wait until the monitor was asked at least so often, and has answered whatever it answers. */
static inline void host_await_monitor(struct host *h, unsigned asked)
{
	for (int i = 0; i < 10000; i++) {
		bool done;

		pthread_mutex_lock(&h->lock);
		done = h->asked >= asked && (h->mute || h->answered == h->asked);
		pthread_mutex_unlock(&h->lock);
		if (done)
			return;
		usleep(1000);
	}
	cr_assert_fail("the monitor was not asked, or has not answered");
}

/* Wait until the server has taken what was sent to it. */
static inline void host_await_taken(int fd)
{
	int left = 1;

	for (int i = 0; i < 100000; i++) {
		cr_assert_eq(ioctl(fd, SIOCOUTQ, &left), 0);
		if (!left)
			return;
		usleep(100);
	}
	cr_assert_fail("the server does not read");
}

/* -1 instead of an assertion, for it is used in forked children too. */
static inline int host_dial(const struct host *h)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, h->path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* One answer, read byte by byte so that none of the next is taken; NULL at the end. */
static inline json_t *host_hear(int fd)
{
	char *line = malloc(CTL_LINE_MAX);
	size_t len = 0;
	json_t *j = NULL;

	while (len < CTL_LINE_MAX && recv(fd, line + len, 1, 0) == 1) {
		if (line[len++] == '\n') {
			j = json_loadb(line, len, 0, NULL);
			break;
		}
	}
	free(line);
	return j;
}

static inline json_t *host_ask(int fd, const char *request)
{
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 ||
	    send(fd, "\n", 1, MSG_NOSIGNAL) < 0)
		return NULL;
	return host_hear(fd);
}

static inline json_t *host_ask_once(const struct host *h, const char *request)
{
	int fd = host_dial(h);
	json_t *answer = fd < 0 ? NULL : host_ask(fd, request);

	if (fd >= 0)
		close(fd);
	return answer;
}

static inline bool is_ok(const json_t *answer)
{
	return json_is_true(json_object_get(answer, "ok"));
}

/* Whether it is a refusal whose sentence says this. */
static inline bool is_refusal(const json_t *answer, const char *part)
{
	const char *error = json_string_value(json_object_get(answer, "error"));

	return json_is_false(json_object_get(answer, "ok")) && error && strstr(error, part);
}

static inline void expect_refused(const struct host *host, const char *request, const char *part)
{
	json_t *answer = host_ask_once(host, request);

	cr_expect(is_refusal(answer, part), "%s was answered with %s", request,
		  answer ? json_dumps(answer, JSON_COMPACT) : "nothing");
	json_decref(answer);
}

#endif
