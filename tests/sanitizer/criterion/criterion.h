/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TESTS_SANITIZER_CRITERION_H
#define AWSMASK_TESTS_SANITIZER_CRITERION_H
/*
 * Criterion's macros, as far as our tests use them, for builds with a sanitizer. Criterion itself cannot
 * start under the thread sanitizer, for it maps memory at addresses that the sanitizer keeps; under the
 * others it takes longer, to compile and to start each test, than what is tested. Each test runs in a
 * child; what the sanitizer reports makes the child, and so the test, fail.
 */
#pragma GCC system_header

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CR_SKIPPED 77

struct cr_options {
	char first; /* so that no options at all are a list, too */
	void (*init)(void);
	void (*fini)(void);
	double timeout;
	int signal;
	int exit_code;
	bool disabled;
	const char *description;
};

struct cr_item {
	struct cr_item *next;
	const char *suite, *name; /* name: NULL for a suite */
	void (*run)(void);
	struct cr_options options;
};

static struct cr_item *cr_tests, **cr_tests_end = &cr_tests, *cr_suites;
static volatile bool cr_failed;

__attribute__((unused)) static void cr_add_test(struct cr_item *t)
{
	*cr_tests_end = t;
	cr_tests_end = &t->next;
}

__attribute__((unused)) static void cr_add_suite(struct cr_item *s)
{
	s->next = cr_suites;
	cr_suites = s;
}

#define Test(suite_, name_, ...)                                                                   \
	static void cr_run_##suite_##_##name_(void);                                               \
	static struct cr_item cr_item_##suite_##_##name_ = {                                       \
		NULL, #suite_, #name_, cr_run_##suite_##_##name_, {.first = 0, __VA_ARGS__}};      \
	__attribute__((constructor)) static void cr_register_##suite_##_##name_(void)              \
	{                                                                                          \
		cr_add_test(&cr_item_##suite_##_##name_);                                          \
	}                                                                                          \
	static void cr_run_##suite_##_##name_(void)

#define TestSuite(suite_, ...)                                                                     \
	static struct cr_item cr_suite_##suite_ = {                                                \
		NULL, #suite_, NULL, NULL, {.first = 0, __VA_ARGS__}};                             \
	__attribute__((constructor)) static void cr_register_suite_##suite_(void)                  \
	{                                                                                          \
		cr_add_suite(&cr_suite_##suite_);                                                  \
	}                                                                                          \
	struct cr_suite_needs_a_semicolon_##suite_

__attribute__((unused)) static void cr_failure(bool fatal, const char *where, const char *what,
					       const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: failed: %s:", where, what);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	cr_failed = true;
	if (fatal)
		_exit(1);
}

#define CR_TEXT_(x) #x
#define CR_TEXT(x) CR_TEXT_(x)
/* What is to be said is found out only where it is said: that may take memory. */
#define CR_CHECK(fatal, ok, ...)                                                                   \
	((ok) ? (void)0 : cr_failure(fatal, __FILE__ ":" CR_TEXT(__LINE__), #ok, " " __VA_ARGS__))

#define cr_assert(c, ...) CR_CHECK(true, (c), __VA_ARGS__)
#define cr_assert_not(c, ...) CR_CHECK(true, !(c), __VA_ARGS__)
#define cr_assert_eq(a, b, ...) CR_CHECK(true, (a) == (b), __VA_ARGS__)
#define cr_assert_neq(a, b, ...) CR_CHECK(true, (a) != (b), __VA_ARGS__)
#define cr_assert_lt(a, b, ...) CR_CHECK(true, (a) < (b), __VA_ARGS__)
#define cr_assert_leq(a, b, ...) CR_CHECK(true, (a) <= (b), __VA_ARGS__)
#define cr_assert_gt(a, b, ...) CR_CHECK(true, (a) > (b), __VA_ARGS__)
#define cr_assert_geq(a, b, ...) CR_CHECK(true, (a) >= (b), __VA_ARGS__)
#define cr_assert_null(a, ...) CR_CHECK(true, (a) == NULL, __VA_ARGS__)
#define cr_assert_not_null(a, ...) CR_CHECK(true, (a) != NULL, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) CR_CHECK(true, strcmp((a), (b)) == 0, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) CR_CHECK(true, strcmp((a), (b)) != 0, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) CR_CHECK(true, memcmp((a), (b), (n)) == 0, __VA_ARGS__)
#define cr_assert_arr_neq(a, b, n, ...) CR_CHECK(true, memcmp((a), (b), (n)) != 0, __VA_ARGS__)
#define cr_assert_fail(...) CR_CHECK(true, false, __VA_ARGS__)

#define cr_expect(c, ...) CR_CHECK(false, (c), __VA_ARGS__)
#define cr_expect_not(c, ...) CR_CHECK(false, !(c), __VA_ARGS__)
#define cr_expect_eq(a, b, ...) CR_CHECK(false, (a) == (b), __VA_ARGS__)
#define cr_expect_neq(a, b, ...) CR_CHECK(false, (a) != (b), __VA_ARGS__)
#define cr_expect_lt(a, b, ...) CR_CHECK(false, (a) < (b), __VA_ARGS__)
#define cr_expect_leq(a, b, ...) CR_CHECK(false, (a) <= (b), __VA_ARGS__)
#define cr_expect_gt(a, b, ...) CR_CHECK(false, (a) > (b), __VA_ARGS__)
#define cr_expect_geq(a, b, ...) CR_CHECK(false, (a) >= (b), __VA_ARGS__)
#define cr_expect_null(a, ...) CR_CHECK(false, (a) == NULL, __VA_ARGS__)
#define cr_expect_not_null(a, ...) CR_CHECK(false, (a) != NULL, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) CR_CHECK(false, strcmp((a), (b)) == 0, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...) CR_CHECK(false, strcmp((a), (b)) != 0, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, n, ...) CR_CHECK(false, memcmp((a), (b), (n)) == 0, __VA_ARGS__)
#define cr_expect_arr_neq(a, b, n, ...) CR_CHECK(false, memcmp((a), (b), (n)) != 0, __VA_ARGS__)
#define cr_expect_float_eq(a, b, e, ...)                                                           \
	CR_CHECK(false, (a) - (b) <= (e) && (b) - (a) <= (e), __VA_ARGS__)
#define cr_expect_fail(...) CR_CHECK(false, false, __VA_ARGS__)

#define cr_fail(...) cr_assert_fail(__VA_ARGS__)
#define cr_skip_test(...) (fprintf(stderr, " " __VA_ARGS__), fputc('\n', stderr), _exit(CR_SKIPPED))
#define cr_skip(...) cr_skip_test(__VA_ARGS__)
#define cr_log_info(...) (fprintf(stderr, " " __VA_ARGS__), fputc('\n', stderr))
#define cr_log_warn(...) cr_log_info(__VA_ARGS__)

static const struct cr_options *cr_suite_of(const struct cr_item *t)
{
	static const struct cr_options none;

	for (const struct cr_item *s = cr_suites; s; s = s->next)
		if (!strcmp(s->suite, t->suite))
			return &s->options;
	return &none;
}

static void cr_run_child(const struct cr_item *t, const struct cr_options *suite)
{
	double seconds = t->options.timeout ? t->options.timeout : suite->timeout;
	void (*init)(void) = t->options.init ? t->options.init : suite->init;
	void (*fini)(void) = t->options.fini ? t->options.fini : suite->fini;

	/* The sanitizer slows everything down several times. */
	alarm(seconds ? (unsigned)(seconds * 5) + 1 : 300);
	if (init)
		init();
	t->run();
	if (fini)
		fini();
	exit(cr_failed ? 1 : 0);
}

/* 1: passed, 0: failed, -1: skipped */
static int cr_run(const struct cr_item *t)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		cr_run_child(t, cr_suite_of(t));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CR_SKIPPED)
		return -1;
	if (t->options.signal)
		return WIFSIGNALED(status) && WTERMSIG(status) == t->options.signal;
	return WIFEXITED(status) && WEXITSTATUS(status) == t->options.exit_code;
}

int main(void)
{
	unsigned tested = 0, passed = 0;

	for (const struct cr_item *t = cr_tests; t; t = t->next) {
		int result = t->options.disabled ? -1 : cr_run(t);
		if (result <= 0)
			fprintf(stderr, "[%s] %s::%s\n", result ? "SKIP" : "FAIL", t->suite,
				t->name);
		tested += result >= 0;
		passed += result > 0;
	}
	fprintf(stderr, "[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: 0\n",
		tested, passed, tested - passed);
	return tested == passed ? 0 : 1;
}

#endif
