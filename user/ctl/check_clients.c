/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that run now, of enrolled cgroups, and whether they will trust the CA: told from what they are and from their
 * environment. What others wrote is compared and never parsed.
 */
#include "../daemon/ca.h"
#include "../daemon/cgroup.h"
#include "check.h"
#include "claude_code.h"
#include "client.h"
#include "client_facts.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOWN_MAX 8

struct survey_clients {
	struct checks *checks;
	json_t *enrolled;
	char *ca; /* its PEM without white space */
	bool drop_in;
	unsigned seen, wrong;
};

/* Whether it is one of those that awsmask is there for. */
static bool is_enrolled(const struct survey_clients *s, pid_t pid)
{
	char path[PATH_MAX];
	json_t *entry;
	struct err e;
	size_t i;

	if (cgroup_of(pid, path, sizeof(path), &e) < 0)
		return false;
	json_array_foreach(s->enrolled, i, entry)
	{
		const char *above = json_string_value(json_object_get(entry, "cgroup"));

		if (above && cgroup_is_below(path, above))
			return true;
	}
	return false;
}

static bool is_node(const struct client_facts *f)
{
	return strcmp(f->program, "node") == 0 || strcmp(f->program, "nodejs") == 0;
}

/* Node's own list is compiled in. */
static bool node_trusts(const struct survey_clients *s, const struct client_facts *f)
{
	const char *system = client_variable(f, "NODE_USE_SYSTEM_CA");
	const char *options = client_variable(f, "NODE_OPTIONS");

	return (system && strcmp(system, "1") == 0) ||
	       (options &&
		(strstr(options, "--use-system-ca") || strstr(options, "--use-openssl-ca"))) ||
	       client_argument(f, "--use-system-ca") || client_argument(f, "--use-openssl-ca") ||
	       (s->drop_in && strcmp(f->name, "claude") == 0);
}

static void say(struct survey_clients *s, const struct client_facts *f, const char *advice,
		const char *what)
{
	char id[32];

	if (++s->wrong > SHOWN_MAX)
		return;
	snprintf(id, sizeof(id), "client-%d", (int)f->pid);
	check_say(s->checks, id, CHECK_WARNING, advice,
		  "%s (pid %d, uid %u) will not trust the CA: %s", f->name, (int)f->pid,
		  (unsigned)f->uid, what);
}

/* A file that is trusted in place of the system's store. NULL: none without the CA is named. */
static const char *pinned_elsewhere(const struct survey_clients *s, const struct client_facts *f)
{
	static const char *const pins[] = {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"};

	for (size_t i = 0; i < sizeof(pins) / sizeof(*pins); i++) {
		const char *path = client_variable(f, pins[i]);

		if (path && *path && !client_file_holds(f, path, s->ca))
			return pins[i];
	}
	return NULL;
}

static void judge(struct survey_clients *s, const struct client_facts *f)
{
	const char *extra = client_variable(f, "NODE_EXTRA_CA_CERTS");
	const char *store = client_variable(f, "CLAUDE_CODE_CERT_STORE"), *pin;
	bool told = extra && *extra && client_file_holds(f, extra, s->ca);
	char advice[512], what[128];

	s->seen++;
	if (told)
		return;
	snprintf(advice, sizeof(advice), "start it with NODE_EXTRA_CA_CERTS=%s/%s%s",
		 s->checks->config->ca_dir, CA_CERT_FILE,
		 strcmp(f->name, "claude") == 0 ? ", or run `awsmaskctl ca install --claude-code`"
						: "");
	pin = is_node(f) ? NULL : pinned_elsewhere(s, f);
	if (store && *store && !strstr(store, "system") && !s->drop_in)
		say(s, f, "unset it where it starts, or have it name the system's store, too",
		    "its CLAUDE_CODE_CERT_STORE leaves the system's store out");
	else if (is_node(f) && !node_trusts(s, f))
		say(s, f, advice, "it runs on Node, which does not read the system's store");
	else if (pin) {
		snprintf(what, sizeof(what), "its %s names a file without the CA", pin);
		say(s, f, "have it name the system's bundle, or unset it", what);
	}
}

static void look_at_all(struct survey_clients *s)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	struct client_facts f;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = isdigit((unsigned char)*entry->d_name) ? atoi(entry->d_name) : 0;

		if (pid <= 0 || pid == getpid() || !is_enrolled(s, pid) ||
		    client_facts_read(&f, pid) < 0)
			continue;
		judge(s, &f);
		client_facts_free(&f);
	}
	if (proc)
		closedir(proc);
}

void check_clients(struct checks *k)
{
	struct survey_clients s = {.checks = k};
	char path[PATH_MAX];
	struct err e;

	if (!k->daemon_answers || geteuid() != 0)
		return; /* both are said elsewhere */
	snprintf(path, sizeof(path), "%s/%s", k->config->ca_dir, CA_CERT_FILE);
	s.ca = client_read_squeezed(path);
	s.drop_in = access(CLAUDE_CODE_DROP_IN, F_OK) == 0;
	if (s.ca && client_collect(k->ctl, "list", "enrolled", &s.enrolled, &e) == CLIENT_DONE) {
		look_at_all(&s);
		json_decref(s.enrolled);
		if (s.wrong > SHOWN_MAX)
			check_say(
				k, "clients", CHECK_WARNING, "as above",
				"%u more of %u processes in enrolled cgroups will not trust the CA",
				s.wrong - SHOWN_MAX, s.seen);
		else if (!s.wrong)
			check_say(k, "clients", CHECK_OK, "",
				  "none of %u processes in enrolled cgroups is kept from trusting "
				  "the CA",
				  s.seen);
	}
	free(s.ca);
}
