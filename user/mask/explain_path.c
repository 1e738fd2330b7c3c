/* SPDX-License-Identifier: Apache-2.0 */
#include "explain_path.h"

#include <stdio.h>

/* Behind the class that begins at `at`. */
static size_t class_end(const char *e, size_t at)
{
	at += e[at + 1] == '^' ? 2 : 1;
	if (e[at] == ']')
		at++;
	while (e[at] && e[at] != ']')
		at += e[at] == '\\' && e[at + 1] ? 2 : 1;
	return e[at] ? at + 1 : at;
}

static bool has_name_of_its_own(const char *open)
{
	return open[1] == '?' && open[2] == '<' && open[3] != '=' && open[3] != '!';
}

/* After a type: a name in small letters is of a piece. */
static bool is_named(const char *open)
{
	return has_name_of_its_own(open) && open[3] >= 'A' && open[3] <= 'Z';
}

static bool is_lookaround(const char *open)
{
	if (open[1] != '?')
		return false;
	return open[2] == '=' || open[2] == '!' ||
	       (open[2] == '<' && (open[3] == '=' || open[3] == '!'));
}

/* Behind "(", "(?:", "(?i:", "(?=", "(?<name>" ...; before the ")" of "(?i)". */
static size_t open_end(const char *e, size_t at)
{
	if (e[at + 1] != '?')
		return at + 1;
	if (has_name_of_its_own(e + at))
		return at + strcspn(e + at, ">") + 1;
	if (e[at + 2] == '<')
		return at + 4;
	for (at += 2; e[at] && !strchr(":=!>)", e[at]); at++)
		;
	return e[at] && e[at] != ')' ? at + 1 : at;
}

/* Behind the group that begins at `at`. */
static size_t group_end(const char *e, size_t at)
{
	unsigned depth = 0;

	do {
		depth += e[at] == '(';
		depth -= e[at] == ')';
		if (e[at] == '[')
			at = class_end(e, at);
		else
			at += e[at] == '\\' && e[at + 1] ? 2 : 1;
	} while (e[at] && depth);
	return at;
}

static bool is_definition(const char *open)
{
	return strncmp(open, "(?(DEFINE)", 10) == 0;
}

/* Definitions belong to no branch. */
static void path_begin(struct path_walk *w)
{
	if (is_definition(w->expression))
		w->defined = group_end(w->expression, 0);
	w->at = w->branch[0] = w->solid[0] = w->content[0] = w->defined;
}

static void path_open(struct path_walk *w)
{
	size_t content = open_end(w->expression, w->at);

	w->depth++;
	w->looks[w->depth] = is_lookaround(w->expression + w->at);
	w->branch[w->depth] = w->solid[w->depth] = w->content[w->depth] = content;
	w->at = content;
}

static void path_close(struct path_walk *w)
{
	bool looks = w->looks[w->depth];

	w->depth -= w->depth > 0;
	w->at++;
	if (!looks)
		w->solid[w->depth] = w->at;
}

static bool has_name(const char *p, size_t len)
{
	for (size_t i = 0; i + 3 < len; i++)
		if (p[i] == '(' && is_named(p + i))
			return true;
	return false;
}

/* All that leads to the group which opens here. */
static int path_before(const struct path_walk *w, struct buf *before, bool *first)
{
	const char *e = w->expression;
	bool fold = w->branch[0] > w->defined && !strncmp(e + w->defined, "(?i)", 4);
	size_t start;

	buf_clear(before);
	*first = true;
	if (!w->depth && !fold && w->solid[0] == w->branch[0]) /* nothing */
		return buf_append(before, "", 1);
	if (buf_append(before, e, w->defined) || (fold && buf_puts(before, "(?i)")))
		return -1;
	start = buf_len(before);
	for (unsigned d = 0; d < w->depth; d++)
		if (buf_append(before, e + w->branch[d], w->content[d + 1] - w->branch[d]))
			return -1;
	if (buf_append(before, e + w->branch[w->depth], w->solid[w->depth] - w->branch[w->depth]))
		return -1;
	*first = !has_name((const char *)buf_bytes(before) + start, buf_len(before) - start);
	for (unsigned d = 0; d < w->depth; d++)
		if (buf_puts(before, ")"))
			return -1;
	return buf_append(before, "", 1);
}

int path_next(struct path_walk *w, struct path_group *group, struct buf *before)
{
	const char *e = w->expression;

	if (!w->at)
		path_begin(w);
	while (e[w->at]) {
		char c = e[w->at];
		int failed = 0;

		if (c == '(' && is_definition(e + w->at)) {
			w->solid[w->depth] = w->at = group_end(e, w->at);
			continue;
		}
		if (c == '(' && w->depth + 1 < PATH_DEPTH) {
			bool named = is_named(e + w->at);

			if (named) {
				size_t end = open_end(e, w->at);

				*group = (struct path_group){.name = e + w->at + 3,
							     .name_len = end - w->at - 4,
							     .content = e + end};
				failed = path_before(w, before, &group->first);
			}
			path_open(w);
			if (named)
				return failed ? -1 : 1;
			continue;
		}
		if (c == ')') {
			path_close(w);
			continue;
		}
		w->at = c == '[' ? class_end(e, w->at)
				 : w->at + (c == '\\' && e[w->at + 1] ? 2 : 1);
		if (c == '|')
			w->branch[w->depth] = w->at;
		w->solid[w->depth] = w->at;
	}
	return 0;
}

static const struct {
	const char *class, *words;
} classes[] = {
	{"[0-9]", "digits"},
	{"[0-9a-f]", "hexadecimal digits"},
	{"[0-9A-F]", "hexadecimal digits in capitals"},
	{"[A-Z2-7]", "capitals and digits from 2 to 7"},
	{"[A-Z0-9]", "capitals and digits"},
	{"[0-9A-Z]", "capitals and digits"},
	{"[a-z0-9]", "small letters and digits"},
	{"[0-9a-z]", "small letters and digits"},
	{"[A-Za-z0-9]", "letters and digits"},
	{"[0-9A-Za-z]", "letters and digits"},
};

static const char *skip_lookarounds(const char *p)
{
	while (*p == '(' && is_lookaround(p)) {
		unsigned depth = 0;

		do {
			depth += *p == '(';
			depth -= *p == ')';
			if (*p == '\\' && p[1])
				p++;
			p++;
		} while (*p && depth);
	}
	return p;
}

int path_form(const char *content, const char *prefix, struct buf *words)
{
	static const char uuid[] = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
	const char *p = skip_lookarounds(content);
	unsigned least, most;
	char text[96];
	size_t i, len = 0;

	if (strncmp(p, prefix, strlen(prefix)) != 0)
		return 0;
	p = skip_lookarounds(p + strlen(prefix));
	if (!strncmp(p, uuid, sizeof(uuid) - 1))
		return buf_puts(words, "a UUID");
	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		len = strlen(classes[i].class);
		if (!strncmp(p, classes[i].class, len) && p[len] == '{')
			break;
	}
	if (i == sizeof(classes) / sizeof(classes[0]))
		return 0;
	p += len + 1;
	least = most = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		least = least * 10 + (unsigned)(*p - '0');
	for (p += *p == ','; *p >= '0' && *p <= '9'; p++)
		most = most * 10 + (unsigned)(*p - '0');
	p += strspn(p, "}+?");
	if (!strncmp(p, "(?:[0-9a-f]{9}", 14))
		snprintf(text, sizeof(text), "%u or %u %s", least, least + 9, classes[i].words);
	else if (*p != ')')
		return 0;
	else if (most)
		snprintf(text, sizeof(text), "%u to %u %s", least, most, classes[i].words);
	else
		snprintf(text, sizeof(text), "%u %s", least, classes[i].words);
	return buf_puts(words, text);
}
