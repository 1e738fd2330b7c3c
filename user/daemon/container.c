/* SPDX-License-Identifier: Apache-2.0 */
#include "container.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_LEN 64
#define ID_SHOWN 12
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

struct part {
	const char *text;
	int len;
};

struct rule {
	const char *word, *runtime;
};

/* What stands before the id in a cgroup's name, with systemd's driver. */
static const struct rule before_id[] = {
	{"docker-", "docker"},	    {"libpod-", "podman"},  {"cri-containerd-", "containerd"},
	{"nerdctl-", "containerd"}, {"crio-", "cri-o"},	    {":cri-containerd:", "containerd"},
	{":crio:", "cri-o"},	    {":docker:", "docker"},
};

/* A cgroup above one whose name is nothing but the id, with the cgroupfs driver. */
static const struct rule above_id[] = {
	{"docker", "docker"},	    {"libpod_parent", "podman"},
	{"kubepods", "kubernetes"}, {"kubepods.slice", "kubernetes"},
	{"buildkit", "buildkit"},
};

/* What stands before a name that people gave, and after it. */
static const struct {
	const char *before, *after, *runtime;
} before_name[] = {
	{"systemd-nspawn@", ".service", "nspawn"},
	{"machine-", ".scope", "machine"},
	{"lxc.payload.", "", "lxc"},
};

static bool is_id(const char *s, size_t len)
{
	if (len != ID_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)s[i]) && (s[i] < 'a' || s[i] > 'f'))
			return false;
	return true;
}

static bool is_word(const struct part *p, const char *word)
{
	return strlen(word) == (size_t)p->len && !memcmp(p->text, word, (size_t)p->len);
}

static bool begins(const struct part *p, const char *word)
{
	size_t n = strlen(word);

	return n <= (size_t)p->len && !memcmp(p->text, word, n);
}

static bool ends(const struct part *p, const char *word)
{
	size_t n = strlen(word);

	return n <= (size_t)p->len && !memcmp(p->text + p->len - n, word, n);
}

static void set_id(struct container *found, const char *runtime, const char *id)
{
	snprintf(found->name, sizeof(found->name), "%s:%.*s", runtime, ID_SHOWN, id);
}

/* systemd writes what a unit's name cannot hold as \xHH. */
static void set_name(struct container *found, const char *runtime, const char *name, size_t len)
{
	size_t n = (size_t)snprintf(found->name, sizeof(found->name), "%s:", runtime);

	for (size_t i = 0; i < len && n + 1 < sizeof(found->name); i++) {
		char hex[3] = "", *end = hex;
		long c = 0;

		if (len - i >= 4 && name[i] == '\\' && name[i + 1] == 'x') {
			memcpy(hex, name + i + 2, 2);
			c = strtol(hex, &end, 16);
		}
		if (end == hex + 2 && c > 0x20 && c < 0x7f) {
			found->name[n++] = (char)c;
			i += 3;
		} else {
			found->name[n++] = name[i];
		}
	}
	found->name[n] = 0;
}

/* By the nearest cgroup above that says it. */
static const char *runtime_above(const char *path, const struct part *p)
{
	const char *runtime = "container", *nearest = path;
	char word[32];

	for (size_t i = 0; i < COUNT(above_id); i++) {
		snprintf(word, sizeof(word), "/%s/", above_id[i].word);
		for (const char *at = strstr(path, word); at && at < p->text;
		     at = strstr(at + 1, word))
			if (at >= nearest) {
				nearest = at;
				runtime = above_id[i].runtime;
			}
	}
	return runtime;
}

static bool by_id(const struct part *p, const char *path, struct container *found)
{
	size_t tail = ends(p, ".scope") ? strlen(".scope") : 0;
	const char *end = p->text + p->len - tail, *id = end - ID_LEN;

	if ((size_t)p->len < ID_LEN + tail || !is_id(id, ID_LEN))
		return false;
	if (id > p->text) {
		for (size_t i = 0; i < COUNT(before_id); i++) {
			size_t n = strlen(before_id[i].word);
			bool inside = before_id[i].word[0] == ':';

			if ((size_t)(id - p->text) < n || (!inside && id - n != p->text) ||
			    memcmp(id - n, before_id[i].word, n))
				continue;
			set_id(found, before_id[i].runtime, id);
			return true;
		}
		return false;
	}
	set_id(found, runtime_above(path, p), id);
	return true;
}

static bool by_name(const struct part *p, const struct part *above, struct container *found)
{
	if ((is_word(above, "lxc") || is_word(above, "lxc.payload")) && p->len) {
		set_name(found, "lxc", p->text, (size_t)p->len);
		return true;
	}
	for (size_t i = 0; i < COUNT(before_name); i++) {
		size_t head = strlen(before_name[i].before), tail = strlen(before_name[i].after);

		if (!begins(p, before_name[i].before) || !ends(p, before_name[i].after) ||
		    (size_t)p->len <= head + tail)
			continue;
		set_name(found, before_name[i].runtime, p->text + head,
			 (size_t)p->len - head - tail);
		return true;
	}
	return false;
}

bool container_find(const char *path, struct container *found)
{
	struct part above = {"", 0};
	bool any = false;

	for (const char *at = path; *at;) {
		struct part p = {at, (int)strcspn(at, "/")};

		if (by_id(&p, path, found) || by_name(&p, &above, found)) {
			found->len = (size_t)(at - path) + (size_t)p.len;
			any = true;
		}
		above = p;
		at += p.len;
		at += *at == '/';
	}
	return any;
}
