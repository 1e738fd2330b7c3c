/* SPDX-License-Identifier: Apache-2.0 */
#include "survey.h"
#include "../daemon/process.h"
#include "../mask/buf.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LIST_MAX ((size_t)64 << 20) /* bytes of each list */

struct survey {
	struct buf pids; /* pid_t */
	struct buf nets; /* ino_t, each once */
	json_t *names;
	bool full; /* memory is out: not all are in */
};

struct survey *survey_new(void)
{
	struct survey *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	buf_init(&s->pids, LIST_MAX);
	buf_init(&s->nets, LIST_MAX);
	s->names = json_object();
	if (s->names)
		return s;
	free(s);
	return NULL;
}

void survey_free(struct survey *s)
{
	if (!s)
		return;
	buf_free(&s->pids);
	buf_free(&s->nets);
	json_decref(s->names);
	free(s);
}

static void add_net(struct survey *s, pid_t pid)
{
	const ino_t *all = (const void *)buf_bytes(&s->nets);
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if (stat(path, &st) < 0)
		return;
	for (size_t i = 0; i < buf_len(&s->nets) / sizeof(ino_t); i++)
		if (all[i] == st.st_ino)
			return;
	if (buf_append(&s->nets, &st.st_ino, sizeof(st.st_ino)) < 0)
		s->full = true;
}

static bool read_name(pid_t pid, char name[static 64])
{
	if (process_name(pid, name, 64) < 0)
		return false;
	for (char *p = name; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	return true;
}

void survey_add(struct survey *s, pid_t pid)
{
	char name[64];

	if (!read_name(pid, name))
		return;
	if (buf_append(&s->pids, &pid, sizeof(pid)) < 0) {
		s->full = true;
		return;
	}
	json_object_set_new(s->names, name,
			    json_integer(json_integer_value(json_object_get(s->names, name)) + 1));
	add_net(s, pid);
}

const pid_t *survey_pids(const struct survey *s, size_t *n)
{
	*n = buf_len(&s->pids) / sizeof(pid_t);
	return (const void *)buf_bytes(&s->pids);
}

int survey_tell(const struct survey *s, json_t *facts)
{
	if (s->full)
		return -1;
	json_object_set_new(facts, "processes",
			    json_integer((json_int_t)(buf_len(&s->pids) / sizeof(pid_t))));
	json_object_set(facts, "programs", s->names);
	json_object_set_new(facts, "namespaces",
			    json_integer((json_int_t)(buf_len(&s->nets) / sizeof(ino_t))));
	return 0;
}
