/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DETECT_MARKS_H
#define TESTS_DETECT_MARKS_H
/*
 * Texts are written with their spans marked: "a <<VPC:vpc-0abc1234>> b" is the text without the
 * marks, in which exactly what is marked must be found, with these types.
 */
#include "../../user/mask/detect.h"
#include "../guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define TEXT_MAX 4000
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct catalogue *catalogue;
static struct detector *detector;

static inline void setup(void)
{
	char why[300] = "";

	catalogue = catalogue_new(why, sizeof(why));
	cr_assert(catalogue, "%s", why);
	detector = detector_new(catalogue);
	cr_assert(detector);
}

static inline void teardown(void)
{
	detector_free(detector);
	catalogue_free(catalogue);
}

static inline void unmark(const char *marked, char *text)
{
	const char *from = marked;

	while (*from) {
		if (!strncmp(from, "<<", 2))
			from = strchr(from, ':') + 1;
		else if (!strncmp(from, ">>", 2))
			from += 2;
		else
			*text++ = *from++;
	}
	*text = 0;
}

static inline void mark(const char *text, size_t len, const struct span *s, size_t n, char *marked)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		marked += sprintf(marked, "%.*s<<%s:%.*s>>", (int)(s[i].start - at), text + at,
				  type_table[s[i].type].label, (int)(s[i].end - s[i].start),
				  text + s[i].start);
		at = s[i].end;
	}
	sprintf(marked, "%.*s", (int)(len - at), text + at);
}

/* Detect in `text`, right before a page that must not be touched, and mark what was found. */
static inline void find_and_mark(const char *text, char *marked)
{
	struct guarded g = guarded_copy(text, strlen(text));
	struct buf spans;

	buf_init(&spans, 1 << 20);
	cr_assert_eq(detect(detector, g.p, strlen(text), &spans), 0, "%s", text);
	mark(text, strlen(text), (const void *)buf_bytes(&spans),
	     buf_len(&spans) / sizeof(struct span), marked);
	buf_free(&spans);
	guarded_free(&g);
}

static inline void expect_marks(const char *marked)
{
	char text[TEXT_MAX], found[TEXT_MAX * 2];

	unmark(marked, text);
	find_and_mark(text, found);
	cr_expect_str_eq(found, marked, "\n  found  %s\n  wanted %s", found, marked);
}

static inline void expect_within(const char *before, const char *marked, const char *after)
{
	char all[TEXT_MAX];

	snprintf(all, sizeof(all), "%s%s%s", before, marked, after);
	expect_marks(all);
}

#endif
