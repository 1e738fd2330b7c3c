/* SPDX-License-Identifier: Apache-2.0 */
#include "sheet.h"

#include "rates.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static struct sheet_line *new_line(struct sheet *s)
{
	struct sheet_line *more;
	size_t room = s->room ? s->room * 2 : 64;

	if (s->count < s->room)
		return &s->lines[s->count++];
	more = reallocarray(s->lines, room, sizeof(*more));
	if (!more)
		return NULL;
	s->lines = more;
	s->room = room;
	return &s->lines[s->count++];
}

void sheet_add(struct sheet *s, enum tone tone, const char *format, ...)
{
	struct sheet_line *line = new_line(s);
	char *text = NULL;
	va_list args;

	if (!line)
		return;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	*line = (struct sheet_line){.tone = tone, .text = text};
	if (!text)
		s->count--;
}

void sheet_head_ends(struct sheet *s)
{
	s->head = s->count;
}

void sheet_filter(struct sheet *s, const char *text)
{
	size_t kept = s->head;

	if (!*text)
		return;
	for (size_t i = s->head; i < s->count; i++) {
		if (strcasestr(s->lines[i].text, text))
			s->lines[kept++] = s->lines[i];
		else
			free(s->lines[i].text);
	}
	s->count = kept;
}

void sheet_clear(struct sheet *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->lines[i].text);
	free(s->lines);
	*s = (struct sheet){.count = 0};
}

/* ---- text */

/* Bytes and columns of the first character. */
static size_t character(const char *text, int *columns)
{
	mbstate_t state = {0};
	wchar_t c;
	size_t n = mbrtowc(&c, text, strlen(text), &state);

	*columns = 1;
	if (n == 0 || n > strlen(text))
		return 1;
	*columns = wcwidth(c);
	if (*columns < 0)
		*columns = 1;
	return n;
}

int text_columns(const char *text)
{
	int all = 0, columns;

	for (; *text; all += columns)
		text += character(text, &columns);
	return all;
}

size_t text_cut(const char *text, int columns)
{
	size_t at = 0;
	int used = 0, width;

	while (text[at]) {
		size_t n = character(text + at, &width);

		if (used + width > columns)
			break;
		used += width;
		at += n;
	}
	return at;
}

void text_cell(char *to, size_t size, const char *text, int columns)
{
	int width = columns < 0 ? -columns : columns;
	size_t len = text_cut(text, width), at = strlen(to);
	char cut[256];
	int fill;

	if (len >= sizeof(cut))
		len = sizeof(cut) - 1;
	memcpy(cut, text, len);
	cut[len] = '\0';
	fill = width - text_columns(cut);
	/* What was cut shows that it was. */
	if (text[len] && len && (unsigned char)cut[len - 1] < 0x80)
		cut[len - 1] = '~';
	snprintf(to + at, size - at, "%*s%s%*s", columns < 0 ? fill : 0, "", cut,
		 columns < 0 ? 0 : fill, "");
}

const char *short_count(char out[static SHORT_MAX], double n)
{
	if (n < 0)
		n = 0;
	if (n < 10 && n > (double)(int)n)
		snprintf(out, SHORT_MAX, "%.1f", n);
	else if (n < 10000)
		snprintf(out, SHORT_MAX, "%.0f", n);
	else if (n < 999500)
		snprintf(out, SHORT_MAX, n < 99950 ? "%.1fk" : "%.0fk", n / 1e3);
	else if (n < 999.5e6)
		snprintf(out, SHORT_MAX, n < 99.95e6 ? "%.1fM" : "%.0fM", n / 1e6);
	else
		snprintf(out, SHORT_MAX, n < 99.95e9 ? "%.1fG" : "%.0fG", n / 1e9);
	return out;
}

const char *short_bytes(char out[static SHORT_MAX], double n)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	unsigned unit = 0;

	for (; n >= 999.5 && unit + 1 < sizeof(units) / sizeof(*units); unit++)
		n /= 1000;
	snprintf(out, SHORT_MAX, unit && n < 99.95 ? "%.1f %s" : "%.0f %s", n, units[unit]);
	return out;
}

const char *short_age(char out[static SHORT_MAX], uint64_t ms)
{
	uint64_t s = ms / 1000;

	if (s < 100)
		snprintf(out, SHORT_MAX, "%us", (unsigned)s);
	else if (s < 100 * 60)
		snprintf(out, SHORT_MAX, "%um", (unsigned)(s / 60));
	else if (s < 100 * 3600)
		snprintf(out, SHORT_MAX, "%uh", (unsigned)(s / 3600));
	else
		snprintf(out, SHORT_MAX, "%lud", (unsigned long)(s / 86400));
	return out;
}

const char *short_time(char out[static SHORT_MAX], double seconds, bool beyond)
{
	const char *more = beyond ? ">" : "";
	double ms = seconds * 1e3;

	if (seconds < 0)
		snprintf(out, SHORT_MAX, "-");
	else if (ms < 9.995)
		snprintf(out, SHORT_MAX, "%s%.2f ms", more, ms);
	else if (ms < 999.5)
		snprintf(out, SHORT_MAX, "%s%.0f ms", more, ms);
	else
		snprintf(out, SHORT_MAX, "%s%.1f s", more, seconds);
	return out;
}

const char *short_quantile(char out[static SHORT_MAX], const struct histogram *h, double q)
{
	bool beyond;
	double seconds = histogram_quantile(h, q, &beyond);

	return short_time(out, seconds, beyond);
}
