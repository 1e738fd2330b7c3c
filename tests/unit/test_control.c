/* SPDX-License-Identifier: Apache-2.0 */
#include "control_host.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#define STATUS "{\"command\":\"status\"}"
#define CA_RELOAD "{\"command\":\"ca-reload\"}"

static struct host *host;

static void setup(void)
{
	host = host_start(NULL, 0);
}

static void teardown(void)
{
	host_stop(host);
}

TestSuite(control, .init = setup, .fini = teardown, .timeout = 60);

static void expect_ok(const char *request)
{
	json_t *answer = host_ask_once(host, request);

	cr_expect(is_ok(answer), "%s was answered with %s", request,
		  answer ? json_dumps(answer, JSON_COMPACT) : "nothing");
	json_decref(answer);
}

/* However its sentence is cut off, half a character included, a refusal is one. */
Test(control, a_word_that_is_too_long_to_repeat_is_refused_all_the_same)
{
	char request[CTL_LINE_MAX];

	for (int odd = 0; odd < 2; odd++) {
		int n = snprintf(request, sizeof(request),
				 "{\"command\":\"enroll\",\"cgroup\":\"/sys\",\"mode\":\"%s",
				 odd ? "a" : "");

		for (int i = 0; i < 700; i++)
			n += snprintf(request + n, sizeof(request) - (size_t)n, "\u00e4");
		snprintf(request + n, sizeof(request) - (size_t)n, "\"}");
		expect_refused(host, request, "mode is '");
	}
	cr_expect_eq(host->changes, 0u);
}

/* A cgroup of this test's own. */
static void make_cgroup(char path[static PATH_MAX], const char *word, uint64_t *id)
{
	char mount[PATH_MAX - 128];
	struct err e;

	cr_assert_eq(cgroup_mount(mount, sizeof(mount), &e), 0, "%s", e.text);
	snprintf(path, PATH_MAX, "%s/awsmask-test-control-%s-%d", mount, word, (int)getpid());
	cr_assert_eq(cgroup_create(path, &e), 0, "%s", e.text);
	cr_assert_eq(cgroup_id(path, id, &e), 0, "%s", e.text);
}

static void remove_cgroup(const char *path)
{
	struct err e;

	cr_expect_eq(cgroup_remove(path, &e), 0, "%s", e.text);
}

/* Runs in a child, in this cgroup (NULL: where it is) under this uid: whether the refusal comes. */
static bool refused_from(const char *cgroup, uid_t uid, const char *request, const char *part)
{
	pid_t child = fork();
	int status = -1;
	struct err e;

	if (child == 0) {
		json_t *answer;

		if ((cgroup && cgroup_enter(cgroup, 0, &e) < 0) || (uid && setuid(uid) < 0))
			_exit(2);
		answer = host_ask_once(host, request);
		_exit(is_refusal(answer, part) ? 0 : 1);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_expect_neq(status, 2 << 8, "the child could not become what it should");
	return status == 0;
}

static json_int_t number_at(const json_t *j, const char *object, const char *key)
{
	const json_t *value = json_object_get(json_object_get(j, object), key);

	cr_expect(json_is_integer(value), "%s.%s is missing", object, key);
	return json_integer_value(value);
}

Test(control, status_names_every_counter)
{
	json_t *answer;

	atomic_store(&host->stats.requests, 7);
	atomic_store(&host->stats.refusals[REFUSAL_VAULT], 3);
	atomic_store(&host->stats.masked_by_type[TYPE_LITERAL], 5);
	atomic_store(&host->stats.observed_by_type[TYPE_VPC], 6);
	host_enroll(host, 4711, 0, 0);
	answer = host_ask_once(host, STATUS);
	cr_assert(is_ok(answer));
	cr_expect_str_eq(json_string_value(json_object_get(answer, "version")), AWSMASK_VERSION);
	cr_expect_eq(json_integer_value(json_object_get(answer, "pid")), getpid());
	cr_expect_eq(json_integer_value(json_object_get(answer, "enrolled")), 1);
	cr_expect_eq(number_at(answer, "counters", "requests"), 7);
#define X(name, meaning) (void)number_at(answer, "counters", #name);
	STATS_COUNTERS(X)
	STATS_SUMS(X)
	STATS_GAUGES(X)
#undef X
	cr_expect_eq(number_at(answer, "refusals", refusal_word(REFUSAL_VAULT)), 3);
	for (int i = 0; i < REFUSAL_COUNT; i++)
		(void)number_at(answer, "refusals", refusal_word((enum refusal)i));
	cr_expect_eq(number_at(answer, "masked_by_type", "LITERAL"), 5);
	cr_expect_eq(number_at(answer, "observed_by_type", "VPC"), 6);
#define X(name, word) cr_expect_eq(number_at(answer, "kernel", word), 100 + REASON_##name);
	AWSMASK_REASONS(X)
#undef X
	cr_expect(json_is_integer(json_object_get(answer, "uptime_seconds")));
	json_decref(answer);
}

Test(control, status_tells_the_network_namespaces)
{
	json_t *answer, *list;

	host->namespaces = PRIV_NETNS_MAX + 6;
	answer = host_ask_once(host, STATUS);
	cr_assert(is_ok(answer));
	list = json_object_get(answer, "namespaces");
	cr_expect_eq(json_integer_value(json_object_get(answer, "namespace_count")),
		     PRIV_NETNS_MAX + 6);
	cr_assert_eq(json_array_size(list), PRIV_NETNS_MAX);
	cr_expect_eq(json_integer_value(json_array_get(list, 3)), 4026532003);
	json_decref(answer);
}

Test(control, status_tells_the_configuration)
{
	json_t *answer = host_ask_once(host, STATUS);

	cr_assert(is_ok(answer));
	cr_expect_str_eq(json_string_value(json_object_get(answer, "mode")), "enforce");
	cr_expect_str_eq(json_string_value(json_object_get(answer, "fail")), "closed");
	cr_expect_str_eq(json_string_value(json_object_get(answer, "scope")), "uid");
	cr_expect_eq(json_array_size(json_object_get(answer, "ports")), host->config->port_count);
	cr_expect_eq(json_array_size(json_object_get(answer, "targets")),
		     host->config->target_count);
	json_decref(answer);
}

Test(control, enroll_sends_id_and_policy)
{
	char path[PATH_MAX], request[PATH_MAX + 128];
	struct priv_request last;
	uint64_t id;

	make_cgroup(path, "enroll", &id);
	snprintf(request, sizeof(request), "{\"command\":\"enroll\",\"cgroup\":\"%s\"}", path);
	expect_ok(request);
	cr_expect_eq(host_changes(host, &last), 1);
	cr_expect_eq(last.kind, PRIV_ENROLL);
	cr_expect_eq(last.u.cgroup.id, id);
	cr_expect_eq(last.u.cgroup.policy.mode, POLICY_ENFORCE);
	cr_expect_eq(last.u.cgroup.policy.flags, 0);
	snprintf(
		request, sizeof(request),
		"{\"command\":\"enroll\",\"cgroup\":\"%s\",\"mode\":\"observe\",\"fail\":\"open\"}",
		path);
	expect_ok(request);
	host_changes(host, &last);
	cr_expect_eq(last.u.cgroup.policy.mode, POLICY_OBSERVE);
	cr_expect_eq(last.u.cgroup.policy.flags, POLICY_FAIL_OPEN);
	remove_cgroup(path);
}

Test(control, enroll_takes_defaults_from_the_configuration)
{
	char path[PATH_MAX], request[PATH_MAX + 128];
	struct priv_request last;
	uint64_t id;

	host->config->mode = POLICY_OBSERVE;
	host->config->fail_open = true;
	make_cgroup(path, "defaults", &id);
	snprintf(request, sizeof(request), "{\"command\":\"enroll\",\"cgroup\":\"%s\"}", path);
	expect_ok(request);
	host_changes(host, &last);
	cr_expect_eq(last.u.cgroup.policy.mode, POLICY_OBSERVE);
	cr_expect_eq(last.u.cgroup.policy.flags, POLICY_FAIL_OPEN);
	snprintf(request, sizeof(request),
		 "{\"command\":\"enroll\",\"cgroup\":\"%s\",\"mode\":\"enforce\","
		 "\"fail\":\"closed\"}",
		 path);
	expect_ok(request);
	host_changes(host, &last);
	cr_expect_eq(last.u.cgroup.policy.mode, POLICY_ENFORCE);
	cr_expect_eq(last.u.cgroup.policy.flags, 0);
	remove_cgroup(path);
}

Test(control, enroll_refuses_what_is_no_cgroup)
{
	char mount[PATH_MAX], request[2 * PATH_MAX];
	struct err e;

	cr_assert_eq(cgroup_mount(mount, sizeof(mount), &e), 0);
	expect_refused(host, "{\"command\":\"enroll\",\"cgroup\":\"user.slice\"}", "absolute");
	expect_refused(host, "{\"command\":\"enroll\",\"cgroup\":\"\"}", "absolute");
	expect_refused(host, "{\"command\":\"enroll\",\"cgroup\":\"/tmp\"}", "not below");
	expect_refused(host, "{\"command\":\"enroll\",\"cgroup\":\"/no/such/place\"}", "no cgroup");
	snprintf(request, sizeof(request), "{\"command\":\"enroll\",\"cgroup\":\"%s/../../..\"}",
		 mount);
	expect_refused(host, request, "not below");
	snprintf(request, sizeof(request),
		 "{\"command\":\"enroll\",\"cgroup\":\"%s/cgroup.procs\"}", mount);
	expect_refused(host, request, "cgroup");
	cr_expect_eq(host_changes(host, NULL), 0);
}

Test(control, enroll_refuses_wrong_words)
{
	char mount[PATH_MAX], request[2 * PATH_MAX];
	static const char *const tails[][2] = {
		{"\"mode\":\"enforced\"", "mode"}, {"\"mode\":1", "enroll"},
		{"\"fail\":\"opened\"", "fail"},   {"\"mod\":\"observe\"", "enroll"},
		{"\"mode\":null", "enroll"},	   {"\"mode\":\"Observe\"", "mode"},
	};
	struct err e;

	cr_assert_eq(cgroup_mount(mount, sizeof(mount), &e), 0);
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		snprintf(request, sizeof(request), "{\"command\":\"enroll\",\"cgroup\":\"%s\",%s}",
			 mount, tails[i][0]);
		expect_refused(host, request, tails[i][1]);
	}
	expect_refused(host, "{\"command\":\"enroll\"}", "cgroup");
	expect_refused(host, "{\"command\":\"enroll\",\"cgroup\":[]}", "cgroup");
	cr_expect_eq(host_changes(host, NULL), 0);
}

Test(control, unenroll_by_id_and_by_path)
{
	char path[PATH_MAX], request[PATH_MAX + 128];
	struct priv_request last;
	uint64_t id;

	make_cgroup(path, "unenroll", &id);
	host_enroll(host, id, 0, 0);
	host_enroll(host, 987654321, 0, 0);
	expect_ok("{\"command\":\"unenroll\",\"id\":987654321}");
	host_changes(host, &last);
	cr_expect_eq(last.kind, PRIV_UNENROLL);
	cr_expect_eq(last.u.cgroup.id, 987654321);
	snprintf(request, sizeof(request), "{\"command\":\"unenroll\",\"cgroup\":\"%s\"}", path);
	expect_ok(request);
	host_changes(host, &last);
	cr_expect_eq(last.u.cgroup.id, id);
	remove_cgroup(path);
	expect_refused(host, "{\"command\":\"unenroll\",\"id\":5}", "not enrolled");
	expect_refused(host, "{\"command\":\"unenroll\",\"id\":0}", "positive");
	expect_refused(host, "{\"command\":\"unenroll\",\"id\":-3}", "positive");
	expect_refused(host, "{\"command\":\"unenroll\"}", "either");
	expect_refused(host, "{\"command\":\"unenroll\",\"id\":7,\"cgroup\":\"/\"}", "either");
}

Test(control, monitor_refusal_is_passed_on)
{
	host_set(host, false, "the kernel says no: ENOSPC");
	expect_refused(host, CA_RELOAD, "the kernel says no: ENOSPC");
	host_set(host, false, "\xff\xfe no text");
	expect_refused(host, CA_RELOAD, "UTF-8");
}

Test(control, ca_reload_reaches_the_monitor)
{
	struct priv_request last;

	expect_ok(CA_RELOAD);
	host_changes(host, &last);
	cr_expect_eq(last.kind, PRIV_CA_RELOAD);
	cr_expect_eq(host->ca_changes, 1, "who caches leaves is told");
	host_set(host, false, "the key is not readable");
	expect_refused(host, CA_RELOAD, "the key is not readable");
	cr_expect_eq(host->ca_changes, 1, "and not when nothing changed");
	expect_refused(host, "{\"command\":\"ca-reload\",\"dir\":\"/tmp\"}", "nothing else");
}

Test(control, list_pages_through_all)
{
	json_int_t offset = 0;
	size_t seen = 0;
	unsigned pages = 0;

	for (uint32_t i = 0; i < 100; i++)
		host_enroll(host, 1000000000000ull + i, i & 1, i & 1 ? POLICY_FAIL_OPEN : 0);
	do {
		char request[64];
		json_t *answer, *entry;
		size_t i;

		snprintf(request, sizeof(request), "{\"command\":\"list\",\"offset\":%d}",
			 (int)offset);
		answer = host_ask_once(host, request);
		cr_assert(is_ok(answer));
		cr_expect_eq(json_integer_value(json_object_get(answer, "total")), 100);
		json_array_foreach(json_object_get(answer, "enrolled"), i, entry)
		{
			cr_expect_eq(json_integer_value(json_object_get(entry, "id")),
				     1000000000000 + (json_int_t)seen);
			cr_expect(json_is_null(json_object_get(entry, "cgroup")));
			cr_expect_str_eq(json_string_value(json_object_get(entry, "mode")),
					 seen & 1 ? "observe" : "enforce");
			cr_expect_str_eq(json_string_value(json_object_get(entry, "fail")),
					 seen & 1 ? "open" : "closed");
			seen++;
		}
		offset = json_integer_value(json_object_get(answer, "next"));
		json_decref(answer);
	} while (offset && ++pages < 200);
	cr_expect_eq(seen, 100);
	expect_refused(host, "{\"command\":\"list\",\"offset\":-1}", "offset");
	expect_refused(host, "{\"command\":\"list\",\"offset\":99999999999}", "offset");
}

Test(control, list_shows_the_path)
{
	char path[PATH_MAX];
	json_t *answer, *entry;
	uint64_t id;

	make_cgroup(path, "list", &id);
	host_enroll(host, id, 0, 0);
	answer = host_ask_once(host, "{\"command\":\"list\"}");
	entry = json_array_get(json_object_get(answer, "enrolled"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(entry, "cgroup")), path);
	json_decref(answer);
	remove_cgroup(path);
}

Test(control, only_root_changes)
{
	char mount[PATH_MAX], request[2 * PATH_MAX];
	struct err e;

	cr_assert_eq(cgroup_mount(mount, sizeof(mount), &e), 0);
	snprintf(request, sizeof(request), "{\"command\":\"enroll\",\"cgroup\":\"%s\"}", mount);
	cr_expect(refused_from(NULL, 65534, request, "only root"));
	cr_expect(refused_from(NULL, 65534, "{\"command\":\"unenroll\",\"id\":5}", "only root"));
	cr_expect(refused_from(NULL, 65534, CA_RELOAD, "only root"));
	cr_expect_not(refused_from(NULL, 65534, STATUS, ""));
	cr_expect_not(refused_from(NULL, 65534, "{\"command\":\"list\"}", ""));
	cr_expect_eq(host_changes(host, NULL), 0);
}

Test(control, who_is_enrolled_changes_nothing)
{
	char path[PATH_MAX], below[PATH_MAX + 8];
	struct err e;
	uint64_t id;

	make_cgroup(path, "inside", &id);
	snprintf(below, sizeof(below), "%s/below", path);
	cr_assert_eq(cgroup_create(below, &e), 0);
	/* Nobody is enrolled: it may. */
	cr_expect_not(refused_from(path, 0, CA_RELOAD, ""));
	cr_expect_eq(host_changes(host, NULL), 1);
	/* On the second page of enrolments. */
	for (uint32_t i = 0; i < 40; i++)
		host_enroll(host, 1000000000000ull + i, 0, 0);
	host_enroll(host, id, 0, 0);
	cr_expect(refused_from(path, 0, CA_RELOAD, "inside an enrolled cgroup"));
	cr_expect(refused_from(below, 0, CA_RELOAD, "inside an enrolled cgroup"));
	cr_expect_not(refused_from(path, 0, STATUS, ""));
	cr_expect_eq(host_changes(host, NULL), 1);
	expect_ok(CA_RELOAD);
	remove_cgroup(below);
	remove_cgroup(path);
}

Test(control, garbage_is_answered_and_survived)
{
	static const char *const lines[] = {
		"",
		" ",
		"{",
		"}",
		"null",
		"[]",
		"status",
		"\"status\"",
		"{}",
		"{\"command\":1}",
		"{\"command\":\"\"}",
		"{\"command\":\"reboot\"}",
		"{\"command\":\"status\"} x",
		"{\"command\":\"status\",\"command\":\"list\"}",
		"\xff\xfe\x80",
		"{\"command\":\"sta\\u0000tus\"}",
		"GET / HTTP/1.1\r",
		"{\"command\":\"status\",\"verbose\":true}",
	};
	int fd = host_dial(host);
	json_t *answer;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		answer = host_ask(fd, lines[i]);
		cr_expect(is_refusal(answer, ""), "'%s' was not refused", lines[i]);
		json_decref(answer);
	}
	answer = host_ask(fd, STATUS);
	cr_expect(is_ok(answer), "the same connection goes on");
	json_decref(answer);
	close(fd);
}

Test(control, zero_bytes_and_deep_nesting)
{
	static const char zeros[] = "{\"command\":\0\"status\"}\n\0\0\n";
	char *deep = malloc(60001);
	int fd = host_dial(host);
	json_t *answer;

	cr_assert_eq(send(fd, zeros, sizeof(zeros) - 1, 0), sizeof(zeros) - 1);
	for (int i = 0; i < 2; i++) {
		answer = host_hear(fd);
		cr_expect(is_refusal(answer, ""));
		json_decref(answer);
	}
	memset(deep, '[', 60000);
	deep[60000] = '\0';
	answer = host_ask(fd, deep);
	cr_expect(is_refusal(answer, ""));
	json_decref(answer);
	free(deep);
	close(fd);
}

Test(control, a_line_too_long_ends_the_connection)
{
	char *flood = malloc(4 * CTL_LINE_MAX);
	int fd = host_dial(host);
	json_t *answer;
	char byte;

	memset(flood, ' ', 4 * CTL_LINE_MAX);
	/* The server stops reading: not all of it need go. */
	cr_assert_gt(send(fd, flood, 4 * CTL_LINE_MAX, MSG_NOSIGNAL | MSG_DONTWAIT), 0);
	answer = host_hear(fd);
	cr_expect(is_refusal(answer, "longer than"));
	json_decref(answer);
	cr_expect_leq(recv(fd, &byte, 1, 0), 0);
	close(fd);
	/* The longest that is allowed, its newline included. */
	memcpy(flood, STATUS, strlen(STATUS));
	flood[CTL_LINE_MAX - 1] = '\0';
	expect_ok(flood);
	free(flood);
}

Test(control, any_split_is_the_same)
{
	static const char line[] = STATUS "\n";
	int fd = host_dial(host);

	for (size_t cut = 0; cut < sizeof(line); cut++) {
		json_t *answer;

		if (cut)
			cr_assert_eq(send(fd, line, cut, 0), (ssize_t)cut);
		host_await_taken(fd);
		if (cut < sizeof(line) - 1)
			send(fd, line + cut, sizeof(line) - 1 - cut, 0);
		answer = host_hear(fd);
		cr_expect(is_ok(answer), "split at %zu", cut);
		json_decref(answer);
	}
	for (size_t i = 0; i < sizeof(line) - 1; i++) {
		send(fd, line + i, 1, 0);
		host_await_taken(fd);
	}
	json_t *answer = host_hear(fd);
	cr_expect(is_ok(answer), "byte by byte");
	json_decref(answer);
	close(fd);
}

Test(control, requests_are_answered_in_order)
{
	static const char two[] = STATUS "\n{\"command\":\"list\"}\nnothing\n";
	int fd = host_dial(host);
	json_t *answer;

	cr_assert_eq(send(fd, two, strlen(two), 0), (ssize_t)strlen(two));
	shutdown(fd, SHUT_WR);
	answer = host_hear(fd);
	cr_expect_not_null(json_object_get(answer, "kernel"));
	json_decref(answer);
	answer = host_hear(fd);
	cr_expect_not_null(json_object_get(answer, "enrolled"));
	json_decref(answer);
	answer = host_hear(fd);
	cr_expect(is_refusal(answer, "no request"));
	json_decref(answer);
	cr_expect_null(host_hear(fd), "then it hangs up as well");
	close(fd);
}

Test(control, who_does_not_read_holds_up_nobody)
{
	int lazy = host_dial(host);
	size_t sent = 0;

	fcntl(lazy, F_SETFL, O_NONBLOCK);
	/* Until the server, stuck with its answer, has stopped reading and all buffers are full. */
	while (poll(&(struct pollfd){.fd = lazy, .events = POLLOUT}, 1, 100) == 1) {
		while (send(lazy, STATUS "\n", strlen(STATUS) + 1, MSG_NOSIGNAL) > 0)
			cr_assert_lt(sent++, 1000000, "the server reads on without end");
	}
	expect_ok(STATUS);
	close(lazy);
	expect_ok(STATUS);
}

Test(control, half_open_clients_are_bounded)
{
	int idle[32];
	json_t *answer;

	for (int i = 0; i < 32; i++) {
		idle[i] = host_dial(host);
		cr_assert_geq(idle[i], 0);
		cr_assert_eq(send(idle[i], "{\"comm", 6, 0), 6);
	}
	answer = host_ask_once(host, STATUS);
	cr_expect(is_refusal(answer, "try again"));
	json_decref(answer);
	answer = host_ask(idle[5], "and\":\"status\"}");
	cr_expect(is_ok(answer), "who is in is served");
	json_decref(answer);
	for (int i = 0; i < 32; i++)
		close(idle[i]);
	/* The server learns of it in its own time. */
	for (int i = 0; i < 1000; i++) {
		bool served;

		answer = host_ask_once(host, STATUS);
		served = is_ok(answer);
		json_decref(answer);
		if (served)
			return;
		usleep(10000);
	}
	cr_expect(false, "places are never given back");
}

static void *ask_often(void *arg)
{
	unsigned *good = arg;

	for (int i = 0; i < 50; i++) {
		json_t *answer = host_ask_once(host, i & 1 ? STATUS : CA_RELOAD);

		*good += is_ok(answer);
		json_decref(answer);
	}
	return NULL;
}

Test(control, several_at_once)
{
	unsigned good[8] = {0};
	pthread_t threads[8];

	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, ask_often, &good[i]);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		cr_expect_eq(good[i], 50);
	}
	cr_expect_eq(host_changes(host, NULL), 8 * 25);
}

Test(control, a_mute_monitor_and_clients_that_leave)
{
	int fds[10];

	host_set(host, true, NULL);
	for (int i = 0; i < 10; i++) {
		fds[i] = host_dial(host);
		send(fds[i], STATUS "\n", strlen(STATUS) + 1, 0);
	}
	for (int i = 0; i < 5; i++)
		close(fds[i]);
	/* Five are gone and five still wait while the server is closed: teardown finds no leak. */
	host_await_monitor(host, 10);
	for (int i = 5; i < 10; i++)
		shutdown(fds[i], SHUT_WR);
}

Test(control, status_tells_of_the_vault)
{
	const uint8_t key[VAULT_KEY_SIZE] = {7};
	char path[128], name[160];
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	struct err e;
	struct vault *vault;
	json_t *answer;

	host_stop(host);
	snprintf(path, sizeof(path), "/tmp/awsmask-control-%d.db", (int)getpid());
	vault = vault_open(path, key, &e);
	cr_assert_not_null(vault, "%s", e.text);
	cr_assert_not_null(vault_scope(vault, "uid:1000", &e), "%s", e.text);
	host = host_start(vault, 0);
	answer = host_ask_once(host, STATUS);
	cr_expect_eq(number_at(answer, "vault", "scopes"), 1);
	cr_expect_eq(number_at(answer, "vault", "entries"), 0);
	cr_expect_gt(number_at(answer, "vault", "bytes"), 0);
	json_decref(answer);
	host_stop(host);
	vault_close(vault);
	host = host_start(NULL, 0);
	answer = host_ask_once(host, STATUS);
	cr_expect(json_is_null(json_object_get(answer, "vault")));
	json_decref(answer);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
}

Test(control, who_is_silent_is_hung_up_on)
{
	char byte;
	int fd;

	host_stop(host);
	host = host_start(NULL, 400);
	fd = host_dial(host);
	cr_assert_eq(send(fd, "{\"comm", 6, 0), 6);
	cr_expect_eq(recv(fd, &byte, 1, 0), 0);
	close(fd);
	expect_ok(STATUS);
}

Test(control, an_answer_that_comes_too_late_finds_nobody)
{
	char byte;
	int fd;

	host_stop(host);
	host = host_start(NULL, 400);
	host_set_late(host, 700);
	fd = host_dial(host);
	cr_assert_eq(send(fd, STATUS "\n", strlen(STATUS) + 1, 0), (ssize_t)strlen(STATUS) + 1);
	cr_expect_eq(recv(fd, &byte, 1, 0), 0, "it is hung up on");
	close(fd);
	/* The monitor's answers come now, and go nowhere. */
	host_await_monitor(host, 1);
	host_set_late(host, 0);
	expect_ok(STATUS);
}
