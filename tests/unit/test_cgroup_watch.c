/* SPDX-License-Identifier: Apache-2.0 */
/* In cgroups of its own. For root. */
#include "../../user/daemon/cgroup.h"
#include "../../user/daemon/cgroup_watch.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EVENTS_MAX 256

static char top[PATH_MAX / 2];
static uv_loop_t loop;
static struct cgroup_watch *watch;
static struct err e;

static struct {
	unsigned came, gone;
	char path[EVENTS_MAX][PATH_MAX];
	uint64_t id[EVENTS_MAX], gone_id[EVENTS_MAX];
} seen;

static const char *at(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, PATH_MAX, "%s%s%s", top, *name ? "/" : "", name);
	return p;
}

/* Stays in place, as patterns must. */
static char *pattern(const char *name)
{
	static char text[2][PATH_MAX];
	static unsigned n;

	cr_assert_lt(n, 2);
	snprintf(text[n], PATH_MAX, "%s", at(name));
	return text[n++];
}

static void make(const char *name)
{
	cr_assert_eq(cgroup_create(at(name), &e), 0, "%s", e.text);
}

static void drop(const char *name)
{
	cr_assert_eq(cgroup_remove(at(name), &e), 0, "%s", e.text);
}

static void begin(void)
{
	char mount[PATH_MAX / 2 - 64];

	cr_assert_eq(cgroup_mount(mount, sizeof(mount), &e), 0, "%s", e.text);
	snprintf(top, sizeof(top), "%s/awsmask-test-watch-%d", mount, getpid());
	make("");
	uv_loop_init(&loop);
}

static void on_came(void *arg, const char *path, uint64_t id)
{
	(void)arg;
	cr_assert_lt(seen.came, EVENTS_MAX);
	snprintf(seen.path[seen.came], PATH_MAX, "%s", path);
	seen.id[seen.came++] = id;
}

static void on_gone(void *arg, uint64_t id)
{
	(void)arg;
	cr_assert_lt(seen.gone, EVENTS_MAX);
	seen.gone_id[seen.gone++] = id;
}

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static void start(char *const *patterns, size_t n)
{
	struct cgroup_watch_events events = {on_came, on_gone, NULL};

	watch = cgroup_watch_new(&loop, patterns, n, &events, &e);
	cr_assert_not_null(watch, "%s", e.text);
}

/* Run until there were so many events, for ten seconds at most. */
static void expect_events(unsigned came, unsigned gone)
{
	uint64_t until = uv_hrtime() + 10000000000u;
	uv_timer_t tick;

	uv_timer_init(&loop, &tick);
	uv_timer_start(&tick, on_tick, 10, 10);
	while ((seen.came < came || seen.gone < gone) && uv_hrtime() < until)
		uv_run(&loop, UV_RUN_ONCE);
	uv_run(&loop, UV_RUN_NOWAIT); /* and no more than that */
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	cr_expect_eq(seen.came, came, "%u came", seen.came);
	cr_expect_eq(seen.gone, gone, "%u gone", seen.gone);
}

static void end(void)
{
	static const char *const names[] = {"a/b/c", "a/b", "a", "d/job-1", "d", "x.service", ""};

	cgroup_watch_close(watch);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_expect_eq(uv_loop_close(&loop), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		(void)cgroup_remove(at(names[i]), &e);
}

TestSuite(cgroup_watch, .init = begin, .fini = end, .timeout = 60);

Test(cgroup_watch, what_is_there_comes_at_once)
{
	char *patterns[] = {pattern("a/*")};
	uint64_t id = 0;

	make("a");
	make("a/b");
	make("a/b/c");
	start(patterns, 1);
	cr_assert_eq(seen.came, 1);
	cr_expect_str_eq(seen.path[0], at("a/b"));
	cr_expect_eq(cgroup_id(at("a/b"), &id, &e), 0);
	cr_expect_eq(seen.id[0], id);
}

Test(cgroup_watch, what_appears_comes_and_what_is_removed_goes)
{
	char *patterns[] = {pattern("d/job-*"), pattern("a")};

	start(patterns, 2);
	expect_events(0, 0);
	make("d");
	make("d/job-1"); /* perhaps before d is watched */
	expect_events(1, 0);
	cr_expect_str_eq(seen.path[0], at("d/job-1"));
	make("a");
	make("a/b"); /* meant with a */
	expect_events(2, 0);
	drop("d/job-1");
	expect_events(2, 1);
	cr_expect_eq(seen.gone_id[0], seen.id[0]);
	drop("d");
	make("d");
	make("d/job-1");
	expect_events(3, 1);
	cr_expect_neq(seen.id[2], seen.id[0]);
}

Test(cgroup_watch, a_star_stays_within_its_level)
{
	char *patterns[] = {pattern("*/c")};

	start(patterns, 1);
	make("a");
	make("a/b");
	make("a/b/c");
	make("d");
	make("d/job-1");
	expect_events(0, 0);
}

Test(cgroup_watch, names_at_any_depth_and_units)
{
	char name[64];
	char *patterns[] = {name, "x"};

	/* a name that no other cgroup of this machine has */
	snprintf(name, sizeof(name), "awsmask-test-watch-%d", getpid());
	start(patterns, 2);
	cr_expect_eq(seen.came, 1);
	cr_expect_str_eq(seen.path[0], at(""));
	make("x.service"); /* below one that matched: meant with it */
	expect_events(1, 0);
}

Test(cgroup_watch, the_name_of_a_unit)
{
	char *patterns[] = {"x"};

	start(patterns, 1);
	make("a");
	make("x.service");
	for (unsigned i = 0; i < seen.came; i++)
		cr_expect_null(strstr(seen.path[i], top));
	seen.came = 0;
	expect_events(1, 0);
	cr_expect_str_eq(seen.path[0], at("x.service"));
}

Test(cgroup_watch, nothing_matches_and_nothing_is_wanted)
{
	start(NULL, 0);
	make("a");
	expect_events(0, 0);
}
