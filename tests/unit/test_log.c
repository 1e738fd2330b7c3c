/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/log.h"
#include "caught.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static size_t count(const char *s, char c)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == c;
	return n;
}

static void no_journal(void)
{
	unsetenv("JOURNAL_STREAM");
}

TestSuite(log, .init = no_journal, .timeout = 60);

Test(log, a_line_has_level_event_and_fields)
{
	catch_stderr();
	log_event(LOG_NOTICE, "flow-refused", log_word("reason", "body too large"),
		  log_number("uid", 1000), log_name("host", "api.example.org"));
	cr_assert_str_eq(caught_text(), "level=notice event=flow-refused reason=\"body too large\" "
					"uid=1000 host=api.example.org\n");
}

Test(log, the_journal_gets_a_priority)
{
	setenv("JOURNAL_STREAM", "8:1", 1);
	catch_stderr();
	log_event(LOG_ERR, "x", log_number("n", UINT64_MAX));
	cr_assert_str_eq(caught_text(), "<3>level=error event=x n=18446744073709551615\n");
}

Test(log, less_severe_lines_are_left_out)
{
	catch_stderr();
	log_event(LOG_DEBUG, "hidden", log_number("n", 1));
	log_level(LOG_DEBUG);
	log_event(LOG_DEBUG, "shown", log_number("n", 1));
	log_level(LOG_ERR);
	log_event(LOG_WARNING, "hidden", log_number("n", 1));
	cr_assert_str_eq(caught_text(), "level=debug event=shown n=1\n");
}

/* Every byte that a name can hold: one line, no new field, nothing for a terminal. */
Test(log, names_cannot_break_the_line)
{
	for (int c = 1; c < 256; c++) {
		const char name[] = {'a', (char)c, 'b', 0};
		const char *line;
		char expected[64];

		catch_stderr();
		log_event(LOG_INFO, "e", log_name("comm", name), log_number("uid", 5));
		line = caught_text();
		snprintf(expected, sizeof(expected), "level=info event=e comm=a%cb uid=5\n",
			 strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._:/"
				"@-",
				c)
				 ? c
				 : '?');
		cr_assert_str_eq(line, expected, "byte %d", c);
	}
}

Test(log, names_cannot_forge_lines_fields_or_priorities)
{
	static const char *const names[] = {"x\nlevel=notice event=ok",	 "x\r\n<0>level=emerg",
					    "x uid=0 result=ok",	 "\x1b]0;title\a\x1b[2J",
					    "\"quoted\" k=\"v\"",	 "%n%s%x",
					    "\xe2\x80\xa8line separator"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *line;
		catch_stderr();
		log_event(LOG_INFO, "e", log_name("comm", names[i]), log_number("uid", 5));
		line = caught_text();
		cr_assert_eq(count(line, '\n'), 1, "%s", line);
		cr_assert_eq(count(line, '='), 4, "%s", line);
		cr_assert_eq(count(line, ' '), 3, "%s", line);
		cr_assert_eq(count(line, '%'), 0, "%s", line);
		for (const char *p = line; p[1]; p++)
			cr_assert(*p >= 0x20 && *p < 0x7f, "%s", line);
	}
}

Test(log, words_stay_inside_their_quotes)
{
	catch_stderr();
	log_event(LOG_INFO, "e", log_word("why", "a \"b\" \\ c\nlevel=x\x1b[1m\x7f\t."),
		  log_number("n", 1));
	cr_assert_str_eq(caught_text(),
			 "level=info event=e why=\"a \\\"b\\\" \\\\ c level=x [1m  .\" "
			 "n=1\n");
}

Test(log, long_names_are_cut)
{
	char name[5000];
	const char *line;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = 0;
	catch_stderr();
	log_event(LOG_INFO, "e", log_name("host", name), log_number("uid", 5));
	line = caught_text();
	cr_assert_eq(count(line, 'n') - 2, 256); /* "info", "event" */
	cr_assert(strstr(line, " uid=5\n"));
}

/* What does not fit is cut, and the line still ends: the next one is whole. */
Test(log, lines_that_are_too_long_still_end)
{
	char word[5000];
	const char *line, *second;

	memset(word, 'w', sizeof(word));
	word[sizeof(word) - 1] = 0;
	catch_stderr();
	log_event(LOG_INFO, "first", log_word("why", word), log_number("uid", 5));
	log_event(LOG_INFO, "second", log_number("uid", 6));
	line = caught_text();
	cr_assert_eq(count(line, '\n'), 2);
	second = strchr(line, '\n') + 1;
	cr_assert_str_eq(second, "level=info event=second uid=6\n");
	cr_assert_lt(second - line, 3100);
	cr_assert_eq(strlen(line), (size_t)(second - line) + strlen(second));
}

/* Every length near the line's limit ends in one newline and holds no byte of the buffer's rest. */
Test(log, every_length_around_the_limit)
{
	char word[2200];

	for (size_t len = 1900; len < 2150; len++) {
		const char *line;
		memset(word, 'w', len);
		word[len] = 0;
		catch_stderr();
		log_event(LOG_INFO, "e", log_word("why", word));
		line = caught_text();
		cr_assert_eq(count(line, '\n'), 1, "%zu", len);
		cr_assert_eq(line[strlen(line) - 1], '\n');
		cr_assert_eq(strspn(line, "level=info event=e why=\"w\n"), strlen(line));
		cr_assert_lt(strlen(line), 3073);
	}
}

static void *chatter(void *arg)
{
	for (int i = 0; i < 100; i++)
		log_event(LOG_INFO, "chat", log_name("thread", arg), log_number("n", 1));
	return NULL;
}

Test(log, lines_of_threads_do_not_mix)
{
	static char names[4][8] = {"a", "b", "c", "d"};
	pthread_t threads[4];
	const char *p;
	size_t lines = 0;

	catch_stderr();
	fcntl(STDERR_FILENO, F_SETFL, O_APPEND);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, chatter, names[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (p = caught_text(); *p; p = strchr(p, '\n') + 1, lines++) {
		cr_assert_eq(strncmp(p, "level=info event=chat thread=", 29), 0);
		cr_assert(p[29] >= 'a' && p[29] <= 'd');
		cr_assert_eq(strncmp(p + 30, " n=1\n", 5), 0);
	}
	cr_assert_eq(lines, 400);
}

/* The last line of a flood is the last one that is allowed; what is critical is never held back. */
Test(log, a_flood_is_held_back)
{
	const char *text;
	char last[64];

	catch_stderr();
	fcntl(STDERR_FILENO, F_SETFL, O_APPEND);
	for (int i = 0; i < LOG_BURST + 50; i++)
		log_event(LOG_WARNING, "flood", log_number("n", (uint64_t)i));
	for (int i = 0; i < LOG_BURST + 1; i++)
		log_event(LOG_CRIT, "bad", log_number("n", (uint64_t)i));
	log_event(LOG_WARNING, "other", log_number("n", 7));
	text = caught_text();
	snprintf(last, sizeof(last), "event=flood n=%d\n", LOG_BURST - 1);
	cr_assert(strstr(text, last));
	snprintf(last, sizeof(last), "event=flood n=%d\n", LOG_BURST);
	cr_assert_null(strstr(text, last));
	snprintf(last, sizeof(last), "event=bad n=%d\n", LOG_BURST);
	cr_assert(strstr(text, last));
	cr_assert(strstr(text, "event=other n=7\n"));
}

/* The clock goes on by as much as the test says. */
static time_t later;

int clock_gettime(clockid_t which, struct timespec *t)
{
	long r = syscall(SYS_clock_gettime, which, t);

	t->tv_sec += later;
	return (int)r;
}

Test(log, what_was_held_back_is_told_of)
{
	catch_stderr();
	fcntl(STDERR_FILENO, F_SETFL, O_APPEND);
	for (int i = 0; i < LOG_BURST + 50; i++)
		log_event(LOG_WARNING, "flood", log_number("n", (uint64_t)i));
	later = LOG_WINDOW_MS / 1000;
	log_event(LOG_WARNING, "flood", log_number("n", 1000));
	log_event(LOG_WARNING, "flood", log_number("n", 1001));
	cr_assert(strstr(caught_text(), "n=1000 untold=50\nlevel=warning event=flood n=1001\n"));
}

Test(log, whoever_asks_is_told_what_is_wanted)
{
	cr_expect(log_wants(LOG_INFO));
	cr_expect_not(log_wants(LOG_DEBUG));
	log_level(LOG_ERR);
	cr_expect(log_wants(LOG_CRIT));
	cr_expect_not(log_wants(LOG_INFO));
}
