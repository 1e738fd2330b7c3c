/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup.h"
#include "features.h"
#include "redirect_pin.h"
#include "redirect_private.h"
#include "redirect_set.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* A flow that nobody took for this long belongs to a connection that is gone. */
#define FLOW_STALE_NS (600 * 1000000000ull)

/* libbpf's last complaint: the reason is there, not in errno. */
static char complaint[256];

static int complaint_keep(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[sizeof(complaint)];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = 0;
	/* The verifier's log comes as many lines behind the sentence about it. */
	if (!strncmp(line, "libbpf: ", 8) && !strstr(line, "LOAD LOG"))
		memcpy(complaint, line, sizeof(complaint));
	return 0;
}

static int load_failed(int error, struct err *e)
{
	struct utsname u;

	if (error == -EPERM || error == -EACCES)
		return err_set(e,
			       "the kernel does not let us load programs: it takes CAP_BPF, "
			       "CAP_NET_ADMIN and CAP_SYS_ADMIN, so run as root (%s)",
			       complaint);
	if (features_require(e) < 0)
		return -1;
	uname(&u);
	return err_set(e, "the kernel (%s) refused our programs: %s (%s)", u.release,
		       strerror(-error), complaint);
}

static int counters_fd(const struct redirect *r)
{
	return bpf_map__fd(r->skel->maps.counters);
}

static bool has(enum feature f)
{
	return feature_probe(f) == FEATURE_PRESENT;
}

/* `programs`: with what marks processes. Whether a kernel has all that it takes shows when it is
 * loaded. */
static struct awsmask *skeleton_load(const char *dir, bool programs, struct err *e)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = dir);
	struct awsmask *skel;
	int rc;

	skel = awsmask__open_opts(&opts);
	if (!skel) {
		load_failed(-errno, e);
		return NULL;
	}
	skel->rodata->have_set_retval = has(FEATURE_SET_RETVAL);
	skel->rodata->have_mptcp_sock = has(FEATURE_MPTCP_SOCK);
	skel->rodata->have_task_in_skb = feature_task_helper();
	skel->rodata->have_task_read = !skel->rodata->have_task_in_skb && has(FEATURE_TASK_IN_SKB);
	skel->rodata->have_pid_in_skb = feature_pid_helper();
	bpf_program__set_autoload(skel->progs.awsmask_exec, programs);
	bpf_program__set_autoload(skel->progs.awsmask_newtask, programs);
	bpf_program__set_autoload(skel->progs.awsmask_exit, programs);
	rc = awsmask__load(skel);
	if (!rc)
		return skel;
	load_failed(rc, e);
	awsmask__destroy(skel);
	return NULL;
}

static int attach(const struct redirect *r, const char *dir, struct err *e)
{
	uint32_t zero = 0, version = AWSMASK_ABI;
	char root[PATH_MAX];
	int fd, rc;

	if (bpf_map_update_elem(bpf_map__fd(r->skel->maps.abi), &zero, &version, BPF_ANY))
		return err_set(e, "cannot write into %s/abi: %s", dir, strerror(errno));
	if (cgroup_mount(root, sizeof(root), e))
		return -1;
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, "cannot open %s: %s", root, strerror(errno));
	rc = pin_links(dir, r->skel->obj, fd, e);
	close(fd);
	return rc;
}

/* Flows whose end nobody saw, because programs were detached meanwhile. */
static void flows_sweep(const struct redirect *r)
{
	int fd = bpf_map__fd(r->skel->maps.flows);
	struct flow_key key, next;
	struct flow_record record;
	struct timespec now;
	uint64_t now_ns;
	int more;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	more = !bpf_map_get_next_key(fd, NULL, &next);
	while (more) {
		key = next;
		more = !bpf_map_get_next_key(fd, &key, &next);
		if (!bpf_map_lookup_elem(fd, &key, &record) &&
		    record.connected_ns + FLOW_STALE_NS < now_ns)
			bpf_map_delete_elem(fd, &key);
	}
}

struct redirect *redirect_open_at(const char *dir, struct err *e)
{
	struct redirect *r = calloc(1, sizeof(*r));
	bool fresh;

	if (!r) {
		err_set(e, "out of memory");
		return NULL;
	}
	complaint[0] = 0;
	libbpf_set_print(complaint_keep);
	fresh = !pin_present(dir);
	r->cores = libbpf_num_possible_cpus();
	if (r->cores < 1) {
		err_set(e, "cannot count the possible cores: %s", strerror(-r->cores));
		goto fail;
	}
	if (pin_prepare(dir, e) || pin_check_abi(dir, e))
		goto fail;
	r->skel = skeleton_load(dir, true, &r->no_programs);
	if (r->skel)
		r->no_programs.text[0] = 0;
	else
		r->skel = skeleton_load(dir, false, e);
	if (!r->skel || attach(r, dir, e))
		goto fail_fresh;
	flows_sweep(r);
	return r;

fail_fresh:
	/* Nothing was enforced before, so nothing half-made stays. */
	if (fresh) {
		struct err ignored;

		(void)pin_remove(dir, &ignored); /* the first error is the one to tell */
	}
fail:
	redirect_close(r);
	return NULL;
}

struct redirect *redirect_open(struct err *e)
{
	return redirect_open_at(AWSMASK_PIN_DIR, e);
}

void redirect_close(struct redirect *r)
{
	if (!r)
		return;
	awsmask__destroy(r->skel);
	free(r);
}

int redirect_remove_at(const char *dir, struct err *e)
{
	return pin_remove(dir, e);
}

int redirect_remove(struct err *e)
{
	return pin_remove(AWSMASK_PIN_DIR, e);
}

int redirect_pinned_at(const char *dir)
{
	return pin_present(dir);
}

int redirect_pinned(void)
{
	return pin_present(AWSMASK_PIN_DIR);
}

static bool is_mapped(const struct config_net *n)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return n->prefixlen >= 96 && !memcmp(n->addr, prefix, sizeof(prefix));
}

/* Bits beyond the prefix are dropped: 10.1.2.3/8 and 10.0.0.0/8 are one key. */
static void exclude_key_set(struct exclude_key *k, const struct config_net *n)
{
	k->prefixlen = n->prefixlen;
	for (unsigned i = 0; i < sizeof(k->addr); i++) {
		unsigned bits = n->prefixlen > i * 8 ? n->prefixlen - i * 8 : 0;

		k->addr[i] = n->addr[i] & (bits >= 8 ? 0xff : (uint8_t)(0xff00u >> bits));
	}
}

static int limits_check(const struct config *c, struct err *e)
{
	size_t four = 0;

	if (c->port_count + c->proxy_port_count > AWSMASK_MAX_PORTS)
		return err_set(e, "%zu ports and proxy_ports are configured: at most %d fit",
			       c->port_count + c->proxy_port_count, AWSMASK_MAX_PORTS);
	for (size_t i = 0; i < c->exclude_count; i++) {
		if (c->exclude[i].prefixlen > 128)
			return err_set(e, "an excluded network has a prefix of %u bits: 128 is all",
				       c->exclude[i].prefixlen);
		four += is_mapped(&c->exclude[i]);
	}
	if (four > AWSMASK_MAX_EXCLUDES || c->exclude_count - four > AWSMASK_MAX_EXCLUDES)
		return err_set(e, "%zu networks are excluded: at most %d per address family fit",
			       c->exclude_count, AWSMASK_MAX_EXCLUDES);
	return 0;
}

/*
 * Key by key, in an order in which no destination is ever less masked than both by the earlier
 * configuration and by this one: exclusions go before ports come, and ports go last.
 */
static int sets_replace(struct redirect *r, const struct set *port_set, const struct set *nets)
{
	int ports = bpf_map__fd(r->skel->maps.ports);
	int excluded = bpf_map__fd(r->skel->maps.excluded);

	if (set_prune(excluded, nets) || set_add(ports, port_set) || set_add(excluded, nets))
		return -1;
	return set_prune(ports, port_set);
}

int redirect_configure(struct redirect *r, const struct config *c, struct err *e)
{
	uint16_t ports[AWSMASK_MAX_PORTS];
	struct set port_set = {(char *)ports, 0, sizeof(*ports)};
	struct exclude_key *keys;
	int rc = 0;

	if (limits_check(c, e))
		return -1;
	for (size_t i = 0; i < c->port_count; i++)
		ports[port_set.count++] = c->ports[i];
	for (size_t i = 0; i < c->proxy_port_count; i++)
		ports[port_set.count++] = c->proxy_ports[i];
	keys = calloc(c->exclude_count + 1, sizeof(*keys));
	if (!keys)
		return err_set(e, "out of memory");
	for (size_t i = 0; i < c->exclude_count; i++)
		exclude_key_set(&keys[i], &c->exclude[i]);
	if (sets_replace(r, &port_set,
			 &(struct set){(char *)keys, c->exclude_count, sizeof(*keys)}))
		rc = err_set(e, "cannot give ports and exclusions to the kernel: %s",
			     strerror(errno));
	free(keys);
	return rc;
}

static uint64_t own_cgroup(const struct redirect *r)
{
	struct settings s = {0};
	uint32_t zero = 0;

	return bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.settings), &zero, &s) ? 0
										   : s.own_cgroup;
}

/* Whatever runs below the daemon's cgroup is exempt, so nothing that is enrolled may lie there. */
static int own_check(struct redirect *r, uint64_t id, struct err *e)
{
	uint64_t *ids = calloc(AWSMASK_MAX_CGROUPS, sizeof(*ids));
	struct policy *policies = calloc(AWSMASK_MAX_CGROUPS, sizeof(*policies));
	size_t n = 0;
	int rc = 0;

	if (!ids || !policies) {
		rc = err_set(e, "out of memory");
		goto out;
	}
	n = redirect_list(r, ids, policies, AWSMASK_MAX_CGROUPS);
	for (size_t i = 0; i < n && i < AWSMASK_MAX_CGROUPS && !rc; i++)
		if (cgroup_contains(id, ids[i]))
			rc = err_set(e,
				     "cgroup %llu is enrolled, but lies in awsmaskd's own (%llu), "
				     "which is exempt: start awsmaskd in a cgroup of its own",
				     (unsigned long long)ids[i], (unsigned long long)id);
out:
	free(ids);
	free(policies);
	return rc;
}

int redirect_set_own_cgroup(struct redirect *r, uint64_t id, struct err *e)
{
	struct settings s = {.own_cgroup = id};
	uint32_t zero = 0;

	if (id && !cgroup_depth(id))
		return err_set(e, "awsmaskd runs in the root cgroup, and exempting that would "
				  "exempt everybody: start it in a cgroup of its own");
	if (id && own_check(r, id, e))
		return -1;
	if (bpf_map_update_elem(bpf_map__fd(r->skel->maps.settings), &zero, &s, BPF_ANY))
		return err_set(e, "cannot set the daemon's own cgroup: %s", strerror(errno));
	return 0;
}

int redirect_set_listener(struct redirect *r, uint64_t netns_cookie, const struct listener *l,
			  struct err *e)
{
	int fd = bpf_map__fd(r->skel->maps.listeners);
	int rc;

	if (l->port4 || l->port6)
		rc = bpf_map_update_elem(fd, &netns_cookie, l, BPF_ANY);
	else
		rc = bpf_map_delete_elem(fd, &netns_cookie) && errno != ENOENT ? -1 : 0;
	if (!rc)
		return 0;
	if (errno == E2BIG)
		return err_set(e, "there are listeners in %d network namespaces, and no more fit",
			       AWSMASK_MAX_LISTENERS);
	return err_set(e, "cannot set the listener of network namespace %llu: %s",
		       (unsigned long long)netns_cookie, strerror(errno));
}

int redirect_keep_listeners(struct redirect *r, const uint64_t *cookies, size_t n, struct err *e)
{
	const struct set wanted = {(const char *)cookies, n, sizeof(*cookies)};

	if (set_prune(bpf_map__fd(r->skel->maps.listeners), &wanted))
		return err_set(e, "cannot forget listeners of earlier network namespaces: %s",
			       strerror(errno));
	return 0;
}

int redirect_wanted_map(const struct redirect *r)
{
	return bpf_map__fd(r->skel->maps.wanted);
}

static int enroll_check(const struct redirect *r, uint64_t id, struct err *e)
{
	uint64_t own = own_cgroup(r);
	int depth = cgroup_depth(id);

	if (depth < 0)
		return err_set(e, "there is no cgroup with the id %llu", (unsigned long long)id);
	/* The programs look at so many ancestors of a task, the root included. */
	if (depth >= AWSMASK_MAX_CGROUP_DEPTH)
		return err_set(e,
			       "cgroup %llu lies too deep (%d levels): enroll an ancestor of at "
			       "most %d",
			       (unsigned long long)id, depth, AWSMASK_MAX_CGROUP_DEPTH - 1);
	if (own && cgroup_contains(own, id))
		return err_set(e,
			       "cgroup %llu lies in awsmaskd's own, which is exempt: move what is "
			       "to be masked elsewhere",
			       (unsigned long long)id);
	return 0;
}

int redirect_enroll(struct redirect *r, uint64_t id, const struct policy *p, struct err *e)
{
	if (enroll_check(r, id, e))
		return -1;
	if (!bpf_map_update_elem(bpf_map__fd(r->skel->maps.enrolled), &id, p, BPF_ANY))
		return 0;
	if (errno == E2BIG)
		return err_set(e, "%d cgroups are enrolled, and no more fit: enroll their parent",
			       AWSMASK_MAX_CGROUPS);
	return err_set(e, "cannot enroll cgroup %llu: %s", (unsigned long long)id, strerror(errno));
}

int redirect_unenroll(struct redirect *r, uint64_t id, struct err *e)
{
	if (!bpf_map_delete_elem(bpf_map__fd(r->skel->maps.enrolled), &id))
		return 0;
	if (errno == ENOENT)
		return err_set(e, "cgroup %llu is not enrolled", (unsigned long long)id);
	return err_set(e, "cannot unenroll cgroup %llu: %s", (unsigned long long)id,
		       strerror(errno));
}

size_t redirect_list(struct redirect *r, uint64_t *ids, struct policy *policies, size_t max)
{
	int fd = bpf_map__fd(r->skel->maps.enrolled);
	uint64_t key, next;
	struct policy policy;
	size_t n = 0;
	int rc = bpf_map_get_next_key(fd, NULL, &next);

	while (!rc) {
		key = next;
		rc = bpf_map_get_next_key(fd, &key, &next);
		if (bpf_map_lookup_elem(fd, &key, &policy))
			continue;
		if (n < max) {
			ids[n] = key;
			policies[n] = policy;
		}
		n++;
	}
	return n;
}

int redirect_flow_find(struct redirect *r, const struct flow_key *key, struct flow_record *rec)
{
	struct flow_record found;

	if (bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.flows), key, &found))
		return errno == ENOENT ? 0 : -1;
	*rec = found;
	return 1;
}

void redirect_flow_drop(struct redirect *r, const struct flow_key *key,
			const struct flow_record *found)
{
	int fd = bpf_map__fd(r->skel->maps.flows);
	struct flow_record taken;

	/* Taken and looked at, not the other way round: between the two it could change (5.14 for this kind of map). What
	 * is gone already went with its client. */
	if (bpf_map_lookup_and_delete_elem(fd, key, &taken) == 0 &&
	    taken.connected_ns != found->connected_ns)
		(void)bpf_map_update_elem(fd, key, &taken, BPF_NOEXIST); /* one yet younger stays */
}

int redirect_counters(struct redirect *r, uint64_t counts[static REASON_COUNT])
{
	uint64_t *by_core = calloc((size_t)r->cores, sizeof(*by_core));
	uint64_t sums[REASON_COUNT] = {0};
	int rc = -1;

	if (!by_core)
		return -1;
	for (uint32_t reason = 0; reason < REASON_COUNT; reason++) {
		if (bpf_map_lookup_elem(counters_fd(r), &reason, by_core))
			goto out;
		for (int core = 0; core < r->cores; core++)
			sums[reason] += by_core[core];
	}
	memcpy(counts, sums, sizeof(sums));
	rc = 0;
out:
	free(by_core);
	return rc;
}
