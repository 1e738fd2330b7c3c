/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted, where it is kept, and what a reader of it gets. */
#include "../../user/daemon/metrics.h"
#include "awsmask/ctl.h"
#include "tempdir.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ---- counters */

Test(stats, what_one_counts_the_other_sees)
{
	int fd = stats_make();
	struct stats *one = stats_map(fd), *other = stats_map(fd);

	cr_assert(one && other && one != other);
	stat_add(&one->requests, 2);
	stat_add(&other->requests, 3);
	cr_expect_eq(stat_get(&one->requests), 5u);
	cr_expect(stats_is_ours(fd));
	cr_expect_eq(ftruncate(fd, 0), -1, "who has it could take it from under the others");
	one->layout++;
	cr_expect(!stats_is_ours(fd), "memory of another layout is taken for ours");
	stats_unmap(one);
	stats_unmap(other);
	close(fd);
}

Test(stats, other_files_are_not_ours)
{
	int fd = memfd_create("other", MFD_CLOEXEC);

	cr_expect(!stats_is_ours(fd));
	cr_assert_eq(ftruncate(fd, sizeof(struct stats)), 0);
	cr_expect(!stats_is_ours(fd));
	close(fd);
	cr_expect(!stats_is_ours(-1));
}

static struct types *types_of(const char *const *labels)
{
	struct types *types = types_new();
	enum mask_type type;
	char why[128];

	for (; *labels; labels++)
		cr_assert_eq(types_add(types, *labels, &type, why, sizeof(why)), 0, "%s", why);
	return types;
}

Test(stats, an_own_type_keeps_its_place_whoever_counts)
{
	static struct stats s;
	struct types *first = types_of((const char *const[]){"FALCON", "HERON", NULL});
	struct types *next = types_of((const char *const[]){"HERON", "IBIS", NULL});
	struct stats_slots one = {{0}}, two = {{0}};

	stats_find_slots(&s, first, &one);
	stats_find_slots(&s, next, &two);
	cr_expect_eq(stats_slot(&one, TYPE_COUNT + 1), stats_slot(&two, TYPE_COUNT));
	cr_expect_eq(stats_slot(&one, TYPE_VPC), (unsigned)TYPE_VPC);
	cr_expect_str_eq(stats_slot_label(&s, stats_slot(&two, TYPE_COUNT + 1)), "IBIS");
	cr_expect_eq(s.own_count, 3u);
	cr_expect_null(stats_slot_label(&s, TYPE_COUNT + 3));
	types_free(first);
	types_free(next);
}

Test(stats, more_own_types_than_there_is_room_for_share_a_place)
{
	static struct stats s;
	struct stats_slots slots = {{0}};
	char label[LABEL_MAX];

	for (unsigned i = 0; i < TYPES_OWN_MAX + 10; i++) {
		snprintf(label, sizeof(label), "OWN_%c%c_X", 'A' + (int)(i / 26),
			 'A' + (int)(i % 26));
		struct types *types = types_of((const char *const[]){label, NULL});

		stats_find_slots(&s, types, &slots);
		types_free(types);
	}
	cr_expect_eq(s.own_count, (unsigned)TYPES_OWN_MAX);
	cr_expect_eq(slots.own[0], STATS_SLOTS - 1);
	cr_expect_str_eq(stats_slot_label(&s, STATS_SLOTS - 1), "other");
}

Test(stats, an_answer_is_counted_once_and_in_the_narrowest_range)
{
	static const struct {
		unsigned status;
		enum stats_answer answer;
	} cases[] = {{200, STATS_ANSWER_SUCCESS},      {204, STATS_ANSWER_SUCCESS},
		     {304, STATS_ANSWER_REDIRECTION},  {400, STATS_ANSWER_CLIENT_ERROR},
		     {401, STATS_ANSWER_UNAUTHORIZED}, {403, STATS_ANSWER_FORBIDDEN},
		     {404, STATS_ANSWER_CLIENT_ERROR}, {429, STATS_ANSWER_TOO_MANY},
		     {499, STATS_ANSWER_CLIENT_ERROR}, {500, STATS_ANSWER_SERVER_ERROR},
		     {529, STATS_ANSWER_OVERLOADED},   {101, STATS_ANSWER_INFORMATIONAL},
		     {999, STATS_ANSWER_SERVER_ERROR}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static struct stats s;
		uint64_t sum = 0;

		memset(&s, 0, sizeof(s));
		stats_answer(&s, cases[i].status);
		for (int a = 0; a < STATS_ANSWER_COUNT; a++)
			sum += s.answers[a];
		cr_expect_eq(sum, 1u, "%u", cases[i].status);
		cr_expect_eq(s.answers[cases[i].answer], 1u, "%u", cases[i].status);
	}
}

/* ---- text */

struct page {
	struct config *config;
	struct stats stats;
	struct stats_gauges gauges;
	struct metrics_source source;
	struct priv_facts facts;
};

static struct page *page_new(void)
{
	struct page *p = calloc(1, sizeof(*p));

	p->config = config_default();
	p->source = (struct metrics_source){.config = p->config,
					    .stats = &p->stats,
					    .gauges = &p->gauges,
					    .started = 1700000000};
	return p;
}

static void page_free(struct page *p)
{
	config_free(p->config);
	free(p);
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
	return false;
}

static void expect_line(struct page *p, const char *line)
{
	char *text = metrics_text(&p->source, &p->facts);

	cr_assert_not_null(text);
	cr_expect(has_line(text, line), "there is no line %s in\n%s", line, text);
	free(text);
}

Test(metrics_text, each_number_stands_where_it_belongs)
{
	struct page *p = page_new();

	stat_add(&p->stats.requests, 7);
	stat_add(&p->stats.refusals[REFUSAL_VAULT], 3);
	stat_add(&p->stats.masked_by_type[TYPE_VPC], 5);
	stat_add(&p->stats.observed_by_type[TYPE_VPC], 6);
	stats_answer(&p->stats, 403);
	p->gauges.origins_open = 5;
	p->gauges.origins_idle = 2;
	p->facts = (struct priv_facts){.started = 1600000000,
				       .ca_not_after = 1900000000,
				       .cgroups = 4,
				       .programs = 1,
				       .restarts = 9,
				       .draining = 1,
				       .kernel = {[REASON_NO_LISTENER] = 8}};
	expect_line(p, "awsmask_build_info{version=\"" AWSMASK_VERSION "\"} 1");
	expect_line(p, "awsmask_config_info{mode=\"enforce\",fail=\"closed\",scope=\"uid\"} 1");
	expect_line(p, "# TYPE awsmask_requests_total counter");
	expect_line(p, "awsmask_requests_total 7");
	expect_line(p, "awsmask_refusals_total{reason=\"vault\"} 3");
	expect_line(p, "awsmask_refusals_total{reason=\"memory\"} 0");
	expect_line(p, "awsmask_masked_values_total{type=\"VPC\"} 5");
	expect_line(p, "awsmask_observed_values_total{type=\"VPC\"} 6");
	expect_line(p, "awsmask_origin_answers_total{code=\"403\"} 1");
	expect_line(p, "awsmask_origin_answers_total{code=\"4xx\"} 0");
	expect_line(p, "awsmask_origin_connections_open{state=\"idle\"} 2");
	expect_line(p, "awsmask_origin_connections_open{state=\"busy\"} 3");
	expect_line(p, "awsmask_start_time_seconds 1600000000");
	expect_line(p, "awsmask_worker_start_time_seconds 1700000000");
	expect_line(p, "awsmask_worker_restarts_total 9");
	expect_line(p, "awsmask_workers_draining 1");
	expect_line(p, "awsmask_enrolled_cgroups 4");
	expect_line(p, "awsmask_enrolled_programs 1");
	expect_line(p, "awsmask_kernel_connects_total{reason=\"no-listener\"} 8");
	expect_line(p, "awsmask_ca_not_after_timestamp_seconds 1900000000");
	page_free(p);
}

Test(metrics_text, a_histogram_is_cumulative_and_its_edges_belong_to_their_buckets)
{
	struct page *p = page_new();

	stats_observe(&p->stats, HISTOGRAM_REQUEST_ADDED, 50000);	  /* 50 us, just in */
	stats_observe(&p->stats, HISTOGRAM_REQUEST_ADDED, 50001);	  /* just beyond */
	stats_observe(&p->stats, HISTOGRAM_REQUEST_ADDED, 2000000);	  /* 2 ms */
	stats_observe(&p->stats, HISTOGRAM_REQUEST_ADDED, 9000000000ull); /* beyond all */
	expect_line(p, "# TYPE awsmask_request_added_seconds histogram");
	expect_line(p, "awsmask_request_added_seconds_bucket{le=\"5e-05\"} 1");
	expect_line(p, "awsmask_request_added_seconds_bucket{le=\"0.0001\"} 2");
	expect_line(p, "awsmask_request_added_seconds_bucket{le=\"0.001\"} 2");
	expect_line(p, "awsmask_request_added_seconds_bucket{le=\"0.0025\"} 3");
	expect_line(p, "awsmask_request_added_seconds_bucket{le=\"5\"} 3");
	expect_line(p, "awsmask_request_added_seconds_bucket{le=\"+Inf\"} 4");
	expect_line(p, "awsmask_request_added_seconds_sum 9.002100001");
	expect_line(p, "awsmask_request_added_seconds_count 4");
	expect_line(p, "awsmask_stream_first_event_seconds_count 0");
	page_free(p);
}

Test(metrics_text, whatever_a_label_holds_it_stays_one)
{
	struct page *p = page_new();
	char line[256], *text;

	strcpy(p->stats.own_labels[0], "A\"} 1\nB\\C\xff");
	memset(p->stats.own_labels[1], 'X', sizeof(p->stats.own_labels[1])); /* without an end */
	atomic_store(&p->stats.own_count, 2);
	stat_add(&p->stats.masked_by_type[TYPE_COUNT], 3);
	stat_add(&p->stats.masked_by_type[TYPE_COUNT + 1], 4);
	expect_line(p, "awsmask_masked_values_total{type=\"A\\\"} 1\\nB\\\\C?\"} 3");
	snprintf(line, sizeof(line), "awsmask_masked_values_total{type=\"%.*s\"} 4", LABEL_MAX,
		 "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX");
	expect_line(p, line);
	atomic_store(&p->stats.own_count, UINT32_MAX);
	text = metrics_text(&p->source, &p->facts); /* what is beyond is not read */
	cr_expect_not_null(text);
	free(text);
	page_free(p);
}

Test(metrics_text, all_types_there_may_be_fit_into_an_answer)
{
	struct page *p = page_new();
	json_t *text;
	char *plain, *dumped;

	for (unsigned i = 0; i < TYPES_OWN_MAX; i++)
		memset(p->stats.own_labels[i], 'X', LABEL_MAX);
	atomic_store(&p->stats.own_count, TYPES_OWN_MAX);
	memset((void *)p->stats.masked_by_type, 0xff, sizeof(p->stats.masked_by_type));
	memset((void *)p->stats.observed_by_type, 0xff, sizeof(p->stats.observed_by_type));
	plain = metrics_text(&p->source, &p->facts);
	text = json_string(plain);
	dumped = json_dumps(text, JSON_ENCODE_ANY);
	cr_assert_lt(strlen(dumped) + 64, CTL_ANSWER_MAX);
	free(dumped);
	json_decref(text);
	free(plain);
	page_free(p);
}

/* Each name is introduced once, with a type, before its first sample, and the samples of a name stand together. */
Test(metrics_text, each_name_is_introduced_once_and_stands_together)
{
	struct page *p = page_new();
	char *text = metrics_text(&p->source, &p->facts), *save = NULL, name[128] = "";
	char *copy = strdup(text);

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char is[128], type[16], *again;

		if (sscanf(line, "# TYPE %127s %15s", is, type) == 2) {
			cr_expect_str_eq(is, name, "HELP and TYPE are of one");
			snprintf(type, sizeof(type), "# TYPE ");
			again = strstr(copy, line);
			cr_expect_null(strstr(again + 1, line), "%s twice", line);
		} else if (sscanf(line, "# HELP %127s", is) == 1) {
			strcpy(name, is);
		} else {
			cr_expect_eq(strncmp(line, name, strlen(name)), 0, "%s", line);
		}
	}
	free(copy);
	free(text);
	page_free(p);
}

/* ---- over HTTP */

struct server {
	struct page *page;
	uv_loop_t loop;
	uv_async_t stop;
	pthread_t thread, monitor_thread;
	int monitor;
	struct privsep *privsep;
	struct metrics *metrics;
	uint16_t port;
	bool mute, refuses;
};

static void on_lost(void *arg)
{
	(void)arg;
}

static void *play_monitor(void *arg)
{
	struct server *s = arg;
	struct priv_request r;
	int fd;

	/* The channel is closed in the end. */
	while (recv(s->monitor, &r, 0, MSG_PEEK) >= 0 &&
	       privsep_receive(s->monitor, &r, &fd) == sizeof(r)) {
		struct priv_reply reply = {.kind = r.kind, .id = r.id, .status = 1};

		cr_assert_eq(r.kind, PRIV_FACTS);
		reply.u.facts.cgroups = 17;
		if (s->refuses)
			reply.status = -1;
		if (!s->mute && privsep_answer(s->monitor, &reply) < 0)
			break;
	}
	return NULL;
}

static void *run(void *arg)
{
	uv_run(&((struct server *)arg)->loop, UV_RUN_DEFAULT);
	return NULL;
}

static void on_stop(uv_async_t *async)
{
	struct server *s = async->data;

	metrics_close(s->metrics);
	privsep_close(s->privsep);
	uv_close((uv_handle_t *)async, NULL);
}

static void listen_both(struct server *s, int fds[static METRICS_DOORS])
{
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(in);

	strcpy(path.sun_path, in_tempdir("metrics.sock"));
	fds[METRICS_UNIX] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fds[METRICS_TCP] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(fds[METRICS_UNIX], (struct sockaddr *)&path, sizeof(path)), 0);
	cr_assert_eq(bind(fds[METRICS_TCP], (struct sockaddr *)&in, size), 0);
	cr_assert_eq(getsockname(fds[METRICS_TCP], (struct sockaddr *)&in, &size), 0);
	cr_assert_eq(listen(fds[METRICS_UNIX], 64), 0);
	cr_assert_eq(listen(fds[METRICS_TCP], 64), 0);
	s->port = in.sin_port;
}

static struct server *server_start(unsigned patience_ms, bool mute, bool refuses)
{
	struct server *s = calloc(1, sizeof(*s));
	int pair[2], fds[METRICS_DOORS];

	tempdir_make();
	signal(SIGPIPE, SIG_IGN);
	s->mute = mute;
	s->refuses = refuses;
	s->page = page_new();
	cr_assert_eq(uv_loop_init(&s->loop), 0);
	uv_async_init(&s->loop, &s->stop, on_stop);
	s->stop.data = s;
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	s->monitor = pair[1];
	s->privsep = privsep_new(&s->loop, pair[0], on_lost, s);
	listen_both(s, fds);
	s->metrics = metrics_new(&s->loop, fds,
				 &(struct metrics_context){.source = s->page->source,
							   .privsep = s->privsep,
							   .patience_ms = patience_ms});
	cr_assert_not_null(s->metrics);
	pthread_create(&s->monitor_thread, NULL, play_monitor, s);
	pthread_create(&s->thread, NULL, run, s);
	return s;
}

static void server_stop(struct server *s)
{
	uv_async_send(&s->stop);
	pthread_join(s->thread, NULL);
	cr_assert_eq(uv_loop_close(&s->loop), 0, "a handle was left open");
	pthread_join(s->monitor_thread, NULL);
	close(s->monitor);
	page_free(s->page);
	free(s);
	tempdir_remove();
}

static int dial(const struct server *s, enum metrics_door door)
{
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = s->port};
	const struct timeval patience = {.tv_sec = 20};
	int fd = socket(door == METRICS_UNIX ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(path.sun_path, in_tempdir("metrics.sock"));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	cr_assert_eq(door == METRICS_UNIX ? connect(fd, (struct sockaddr *)&path, sizeof(path))
					  : connect(fd, (struct sockaddr *)&in, sizeof(in)),
		     0);
	return fd;
}

/* All of it, until the end; "" when there is nothing. */
static char *hear(int fd)
{
	size_t size = 1 << 20, len = 0;
	char *text = malloc(size);
	ssize_t n;

	while ((n = recv(fd, text + len, size - len - 1, 0)) > 0)
		len += (size_t)n;
	text[len] = 0;
	close(fd);
	return text;
}

static char *ask(const struct server *s, enum metrics_door door, const char *request)
{
	int fd = dial(s, door);

	cr_assert_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
	return hear(fd);
}

#define GET "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"

static void expect_page(char *answer)
{
	const char *body = strstr(answer, "\r\n\r\n"), *length = strstr(answer, "Content-Length: ");

	cr_assert_eq(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17), 0, "%s", answer);
	cr_expect(strstr(answer, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	cr_assert(body && length);
	cr_expect_eq(strlen(body + 4), strtoul(length + 16, NULL, 10));
	cr_expect(has_line(body + 4, "awsmask_enrolled_cgroups 17"));
	free(answer);
}

static void expect_status(char *answer, const char *status)
{
	cr_expect_eq(strncmp(answer + 9, status, 3), 0, "%s instead of %s", answer, status);
	free(answer);
}

Test(metrics, a_reader_gets_the_page_at_either_door)
{
	struct server *s = server_start(0, false, false);

	expect_page(ask(s, METRICS_UNIX, GET));
	expect_page(ask(s, METRICS_TCP, GET));
	expect_page(ask(s, METRICS_TCP, "GET /metrics?x=1 HTTP/1.0\r\n\r\n"));
	server_stop(s);
}

Test(metrics, what_is_not_asked_for_is_not_given)
{
	struct server *s = server_start(0, false, false);
	char *head = ask(s, METRICS_TCP, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");

	cr_expect_str_eq(strstr(head, "\r\n\r\n"), "\r\n\r\n");
	cr_expect(strstr(head, "200 OK") && !strstr(head, "Content-Length: 0"));
	free(head);
	expect_status(ask(s, METRICS_TCP, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "404");
	expect_status(ask(s, METRICS_TCP, "GET /metricsx HTTP/1.1\r\nHost: x\r\n\r\n"), "404");
	expect_status(ask(s, METRICS_UNIX,
			  "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: "
			  "3\r\n\r\nabc"),
		      "405");
	expect_status(ask(s, METRICS_UNIX, "\x16\x03\x01 nonsense\r\n\r\n"), "400");
	server_stop(s);
}

Test(metrics, a_head_without_an_end_is_refused)
{
	struct server *s = server_start(0, false, false);
	char field[4096] = "GET /metrics HTTP/1.1\r\nX: ";
	int fd = dial(s, METRICS_UNIX);

	memset(field + 26, 'y', sizeof(field) - 26);
	for (int i = 0; i < 4; i++)
		if (send(fd, field, sizeof(field), MSG_NOSIGNAL) < 0)
			break;
	expect_status(hear(fd), "400");
	server_stop(s);
}

Test(metrics, a_request_may_come_in_any_pieces)
{
	struct server *s = server_start(0, false, false);

	for (size_t cut = 1; cut < sizeof(GET) - 1; cut++) {
		int fd = dial(s, METRICS_UNIX);

		cr_assert_eq(send(fd, GET, cut, MSG_NOSIGNAL), (ssize_t)cut);
		cr_assert_eq(send(fd, GET + cut, sizeof(GET) - 1 - cut, MSG_NOSIGNAL),
			     (ssize_t)(sizeof(GET) - 1 - cut));
		expect_page(hear(fd));
	}
	server_stop(s);
}

Test(metrics, who_says_nothing_holds_nobody_for_long)
{
	struct server *s = server_start(300, false, false);
	int silent[METRICS_READERS_MAX + 3];
	char *answer;

	for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++)
		silent[i] = dial(s, i % 2 ? METRICS_TCP : METRICS_UNIX);
	/* Behind all of them, at either door. */
	expect_page(ask(s, METRICS_UNIX, GET));
	expect_page(ask(s, METRICS_TCP, GET));
	for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++) {
		answer = hear(silent[i]);
		cr_expect_str_eq(answer, "");
		free(answer);
	}
	server_stop(s);
}

Test(metrics, a_monitor_that_is_silent_or_refuses_is_waited_for_in_bounds)
{
	struct server *s = server_start(200, true, false);
	char *answer = ask(s, METRICS_UNIX, GET);

	cr_expect_str_eq(answer, "");
	free(answer);
	server_stop(s);
	s = server_start(0, false, true);
	expect_status(ask(s, METRICS_UNIX, GET), "500");
	server_stop(s);
}

Test(metrics, an_end_in_the_middle_of_everything_leaves_nothing)
{
	struct server *s = server_start(0, true, false);
	int asking = dial(s, METRICS_UNIX), silent = dial(s, METRICS_TCP);

	cr_assert_gt(send(asking, GET, sizeof(GET) - 1, MSG_NOSIGNAL), 0);
	server_stop(s);
	close(asking);
	close(silent);
}
