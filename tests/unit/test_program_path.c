/* SPDX-License-Identifier: Apache-2.0 */
/* In a directory of its own, for root: owners matter. */
#include "../../user/daemon/config.h"
#include "../../user/daemon/program_path.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tempdir.h"

static struct program_finds finds;

static void setup(void)
{
	tempdir_make();
	cr_assert_eq(chmod(tempdir, 0755), 0);
	program_finds_init(&finds);
}

static void teardown(void)
{
	program_finds_free(&finds);
	tempdir_remove();
}

TestSuite(program_path, .init = setup, .fini = teardown, .timeout = 60);

static void put(const char *name, const char *text)
{
	put_file(in_tempdir(name), text, strlen(text));
}

static void dir(const char *name)
{
	cr_assert_eq(mkdir(in_tempdir(name), 0755), 0);
}

static void link_to(const char *target, const char *name)
{
	cr_assert_eq(symlink(target, in_tempdir(name)), 0);
}

static size_t find(const char *pattern)
{
	size_t n;

	program_finds_free(&finds);
	program_finds_init(&finds);
	program_path_find(&finds, in_tempdir(pattern), 7);
	(void)program_files(&finds, &n);
	cr_expect_not(finds.full);
	return n;
}

static const struct program_found *file(size_t i)
{
	size_t n;
	const struct program_found *all = program_files(&finds, &n);

	cr_assert_lt(i, n);
	return &all[i];
}

static bool has_name(const char *from, const char *text)
{
	const struct program_name *all;
	struct stat st = {0};
	size_t n;

	if (from)
		cr_assert_eq(stat(from, &st), 0);
	all = program_names(&finds, &n);
	for (size_t i = 0; i < n; i++)
		if (all[i].path.from.inode == st.st_ino && !strcmp(all[i].path.path, text) &&
		    all[i].id == 7)
			return true;
	return false;
}

static bool watches(const char *directory, const char *name)
{
	const char *at = (const char *)buf_bytes(&finds.dirs);
	const char *end = at + buf_len(&finds.dirs);

	while (at < end) {
		const char *looked_for = at + strlen(at) + 1;

		if (!strcmp(at, directory) && !strcmp(looked_for, name))
			return true;
		at = looked_for + strlen(looked_for) + 1;
	}
	return false;
}

Test(program_path, a_file)
{
	struct stat st;

	put("agent", "x");
	cr_assert_eq(find("agent"), 1);
	cr_assert_eq(stat(in_tempdir("agent"), &st), 0);
	cr_expect_str_eq(file(0)->path, in_tempdir("agent"));
	cr_expect_eq(file(0)->id, 7);
	cr_expect_eq(file(0)->ino, st.st_ino);
	cr_expect_eq(file(0)->dev, st.st_dev);
	cr_expect_eq(file(0)->file.inode, st.st_ino);
	cr_expect_eq(file(0)->file.dev, major(st.st_dev) << 20 | minor(st.st_dev));
	cr_expect_str_eq(file(0)->interpreter, "");
}

Test(program_path, its_names_and_directories)
{
	const char *base = strrchr(tempdir, '/') + 1;
	char relative[128];

	dir("bin");
	put("bin/agent", "x");
	cr_assert_eq(find("bin/agent"), 1);
	cr_expect(has_name(NULL, in_tempdir("bin/agent")));
	cr_expect(has_name(in_tempdir("bin"), "agent"));
	cr_expect(has_name(tempdir, "bin/agent"));
	snprintf(relative, sizeof(relative), "%s/bin/agent", base);
	cr_expect(has_name("/tmp", relative));
	snprintf(relative, sizeof(relative), "tmp/%s/bin/agent", base);
	cr_expect(has_name("/", relative));
	cr_expect(watches("/", "tmp"));
	cr_expect(watches("/tmp", base));
	cr_expect(watches(tempdir, "bin"));
	cr_expect(watches(in_tempdir("bin"), "agent"));
}

Test(program_path, links_step_by_step)
{
	dir("bin");
	dir("v");
	dir("v/1");
	put("v/1/agent", "x");
	link_to("1", "v/now");
	link_to("../v/now/agent", "bin/one");
	link_to("one", "bin/two");
	cr_assert_eq(find("bin/two"), 1);
	cr_expect_str_eq(file(0)->path, in_tempdir("v/1/agent"));
	cr_expect(watches(in_tempdir("bin"), "two"));
	cr_expect(watches(in_tempdir("bin"), "one"));
	cr_expect(watches(tempdir, "v"));
	cr_expect(watches(in_tempdir("v"), "now"));
	cr_expect(watches(in_tempdir("v"), "1"));
	cr_expect(watches(in_tempdir("v/1"), "agent"));
	cr_expect(has_name(NULL, in_tempdir("bin/two")));
	cr_expect_not(has_name(NULL, in_tempdir("bin/one")));
	/* An absolute one, and one of a directory. */
	link_to(in_tempdir("v/now"), "bin/dir");
	cr_assert_eq(find("bin/dir/agent"), 1);
	cr_expect_str_eq(file(0)->path, in_tempdir("v/1/agent"));
}

Test(program_path, nothing_there_yet_is_watched_for)
{
	cr_expect_eq(find("later/agent"), 0);
	cr_expect(watches(tempdir, "later"));
	cr_expect(has_name(NULL, in_tempdir("later/agent")));
	link_to("gone", "dangling");
	cr_expect_eq(find("dangling"), 0);
	cr_expect(watches(tempdir, "gone"));
	link_to("loop", "loop");
	cr_expect_eq(find("loop"), 0);
	dir("directory");
	cr_expect_eq(find("directory"), 0);
	put("file", "x");
	cr_expect_eq(find("file/agent"), 0);
	cr_assert_eq(mkfifo(in_tempdir("pipe"), 0644), 0);
	cr_expect_eq(find("pipe"), 0);
}

Test(program_path, patterns)
{
	dir("ann");
	dir("ann/bin");
	dir("bob");
	dir("bob/bin");
	dir(".hidden");
	dir(".hidden/bin");
	put("ann/bin/agent", "x");
	put(".hidden/bin/agent", "x");
	put("plain", "x");
	cr_expect_eq(find("*/bin/agent"), 1);
	cr_expect_str_eq(file(0)->path, in_tempdir("ann/bin/agent"));
	cr_expect(watches(tempdir, ""));
	cr_expect(watches(in_tempdir("bob/bin"), "agent"));
	cr_expect(has_name(NULL, in_tempdir("bob/bin/agent")));
	cr_expect_not(has_name(NULL, in_tempdir(".hidden/bin/agent")));
	put("bob/bin/agent", "x");
	cr_expect_eq(find("*/bin/ag*t"), 2);
	cr_expect_eq(find("[a]*/b?n/agent"), 1);
	cr_expect_eq(find("plain/*"), 0);
	/* What a link says is no pattern. */
	link_to("ann/bin/ag*", "star");
	cr_expect_eq(find("star"), 0);
}

Test(program_path, scripts_and_their_interpreters)
{
	static const struct {
		const char *line, *interpreter;
	} lines[] = {
		{"#!/bin/sh\n", "sh"},
		{"#! /usr/local/bin/python3 -u\n", "python3"},
		{"#!/usr/bin/env node\n", "node"},
		{"#!/usr/bin/env -S A=b node --flag\n", "node"},
		{"#!/usr/bin/env env\n", "env"},
		{"#!/bin/sh", "sh"},
		{"#!/bin/sh\r\n", "sh"},
		{"#!\n", ""},
		{"#!/usr/bin/env\n", ""},
		{"#", ""},
		{"", ""},
		{"\177ELF", ""},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		put("script", lines[i].line);
		cr_assert_eq(find("script"), 1);
		cr_expect_str_eq(file(0)->interpreter, lines[i].interpreter, "%s", lines[i].line);
	}
}

/* Nobody has another one's program enrolled by a link. */
Test(program_path, links_of_strangers)
{
	put("roots", "x");
	put("anns", "x");
	cr_assert_eq(chown(in_tempdir("anns"), 4001, 4001), 0);
	link_to("roots", "a");
	link_to("anns", "b");
	cr_expect_eq(find("a"), 1);
	cr_expect_eq(find("b"), 1);
	cr_assert_eq(lchown(in_tempdir("a"), 4001, 4001), 0);
	cr_assert_eq(lchown(in_tempdir("b"), 4001, 4001), 0);
	cr_expect_eq(find("a"), 0);
	cr_expect(has_name(NULL, in_tempdir("a")));
	cr_expect_eq(find("b"), 1);
	/* By way of somebody else's. */
	link_to("b", "c");
	cr_assert_eq(lchown(in_tempdir("c"), 4002, 4002), 0);
	cr_expect_eq(find("c"), 0);
}

Test(program_path, more_than_fits_is_said)
{
	char name[64];

	dir("many");
	for (int i = 0; i < AWSMASK_MAX_PROGRAM_FILES; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		put(name, "x");
	}
	program_path_find(&finds, in_tempdir("many/*"), 7);
	cr_expect(finds.full);
}

Test(program_path, what_can_be_enrolled)
{
	static const char *const good[] = {
		"/a", "/usr/bin/claude", "/home/*/bin/x", "/a b", "/a..b", "/.a", "/\xc3\xa9"};
	static const char *const bad[] = {"",	   "/",	     "a",	"./a",	"/a/",	 "//a",
					  "/a//b", "/a/./b", "/a/../b", "/a\n", "exe:/a"};
	struct err e;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		cr_expect_eq(config_program_check(good[i], &e), 0, "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_expect_eq(config_program_check(bad[i], &e), -1, "%s", bad[i]);
	cr_expect_str_eq(config_enrolled_program("exe:/a"), "/a");
	cr_expect_null(config_enrolled_program("/exe:/a"));
	cr_expect_null(config_enrolled_program("exe"));
}
