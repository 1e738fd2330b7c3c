/* SPDX-License-Identifier: Apache-2.0 */
#include "../daemon/cgroup.h"
#include "../daemon/features.h"
#include "../daemon/redirect.h"
#include "check.h"
#include "client.h"
#include "ephemeral.h"

#include <bpf/libbpf.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NAMES_SHOWN 8 /* network namespaces; `awsmaskctl status` has more */

/* What is there is worth a line only where programs read it. */
static void check_feature(struct checks *k, enum feature f, unsigned *absent)
{
	const struct feature_info *info = feature_info(f);
	enum feature_state state = feature_probe(f);

	if (state == FEATURE_ABSENT) {
		(*absent)++;
		check_say(k, info->word, info->needed ? CHECK_FAILED : CHECK_WARNING, info->without,
			  "this kernel lacks %s, in Linux since %s", info->what, info->since);
	} else if (state == FEATURE_UNKNOWN) {
		check_say(k, info->word, CHECK_WARNING, "run this as root",
			  "whether the kernel has %s cannot be seen", info->what);
	} else if (k->list) {
		check_say(k, info->word, CHECK_OK, "", "the kernel has %s", info->what);
	}
}

static void check_kernel(struct checks *k)
{
	struct utsname name = {.release = "?"};
	unsigned absent = 0;

	uname(&name);
	libbpf_set_print(NULL);
	if (geteuid() != 0) {
		check_say(k, "kernel", CHECK_WARNING, "run this as root to see what it has",
			  "Linux %s", name.release);
		return;
	}
	for (int f = 0; f < FEATURE_COUNT; f++)
		check_feature(k, (enum feature)f, &absent);
	check_say(k, "kernel", CHECK_OK, "", "Linux %s has %u of the %d features that awsmask uses",
		  name.release, FEATURE_COUNT - absent, FEATURE_COUNT);
}

static void check_cgroup2(struct checks *k)
{
	char mount[PATH_MAX];
	struct err e;

	if (cgroup_mount(mount, sizeof(mount), &e) < 0)
		check_say(k, "cgroup2", CHECK_FAILED, "", "%s", e.text);
	else
		check_say(k, "cgroup2", CHECK_OK, "", "mounted on %s", mount);
}

static void check_bpffs(struct checks *k)
{
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		check_say(k, "bpffs", CHECK_OK, "", "mounted on /sys/fs/bpf");
	else
		check_say(k, "bpffs", CHECK_WARNING, "awsmaskd mounts it when it starts",
			  "no bpf file system is mounted on /sys/fs/bpf");
}

/* Containers, as a rule. */
static void check_namespaces(struct checks *k, const json_t *status)
{
	long long count = json_integer_value(json_object_get(status, "namespace_count"));
	const json_t *list = json_object_get(status, "namespaces");
	char names[NAMES_SHOWN * 32] = "";
	size_t shown = json_array_size(list), n = 0;

	if (shown > NAMES_SHOWN)
		shown = NAMES_SHOWN;
	for (size_t i = 0; i < shown; i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, " net:[%lld]",
				      (long long)json_integer_value(json_array_get(list, i)));
	if (count)
		check_say(k, "namespaces", CHECK_OK, "",
			  "%lld other network namespaces are served, too:%s%s", count, names,
			  (size_t)count > shown ? " ..." : "");
	else
		check_say(k, "namespaces", CHECK_OK, "",
			  "no enrolled process has connected from another network namespace");
}

static void check_daemon(struct checks *k)
{
	json_t *status;
	struct err e;

	if (client_call(k->ctl, json_pack("{s:s}", "command", "status"), &status, &e) !=
	    CLIENT_DONE) {
		check_say(k, "daemon", CHECK_FAILED, "", "%s", e.text);
		return;
	}
	k->daemon_answers = true;
	check_say(k, "daemon", CHECK_OK, "", "awsmaskd %s answers, %lld cgroups are enrolled",
		  json_string_value(json_object_get(status, "version")),
		  (long long)json_integer_value(json_object_get(status, "enrolled")));
	check_namespaces(k, status);
	json_decref(status);
}

static void check_links(struct checks *k)
{
	if (redirect_pinned() > 0)
		check_say(k, "links", CHECK_OK, "", "the kernel's programs are attached");
	else if (geteuid() != 0)
		check_say(k, "links", CHECK_WARNING, "run this as root",
			  "whether the kernel's programs are attached cannot be seen");
	else
		check_say(k, "links", CHECK_FAILED, "start it with `systemctl start awsmaskd`",
			  "no program of awsmaskd is attached in the kernel");
}

struct left {
	unsigned count;
	char first[PATH_MAX];
};

static void count_left(const char *dir, void *arg)
{
	struct left *left = arg;

	if (left->count++ == 0)
		snprintf(left->first, sizeof(left->first), "%s", dir);
}

/* Commands whose daemon was killed with all that would have ended them. */
static void check_left(struct checks *k)
{
	struct left left = {.count = 0};

	ephemeral_each_left(count_left, &left);
	if (left.count)
		check_say(k, "left", CHECK_WARNING,
			  "what still runs there is unmasked: the next `awsmaskctl run` as root "
			  "ends it, and removes this",
			  "%u times `awsmaskctl run` was killed together with its daemon, and left "
			  "%s%s",
			  left.count, left.first, left.count > 1 ? " and others" : "");
}

void check_host(struct checks *k)
{
	check_kernel(k);
	check_cgroup2(k);
	check_bpffs(k);
	check_daemon(k);
	check_links(k);
	check_left(k);
}
