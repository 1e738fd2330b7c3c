/* SPDX-License-Identifier: Apache-2.0 */
/* Pins, take-over, removal, and what is left behind. */
#include "kit.h"

#include "awsmask.skel.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

static const struct plan to_origin = {.family = AF_INET, .dst = ORIGIN4, .port = MASKED};

static void expect(struct world *w, enum place place)
{
	struct client c = client_start(w->cgroup, &to_origin);

	check_is(c.out.error, place == NOWHERE ? ECONNREFUSED : 0);
	check_is(landed(w, NULL), place);
	client_end(&c);
}

static void survives(struct world *w)
{
	redirect_close(w->r);
	expect(w, LISTENER4);
	listeners_close(w);
	expect(w, NOWHERE);
	w->r = NULL;
}

static uint32_t program_in(const struct world *w, const char *link)
{
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info);
	int fd = pin_open(w, link);

	check(!bpf_obj_get_info_by_fd(fd, &info, &size));
	close(fd);
	return info.prog_id;
}

static void taken_over(struct world *w)
{
	uint32_t before = program_in(w, "link_awsmask_sockops");
	struct policy policy;
	uint64_t id;

	redirect_close(w->r);
	listeners_close(w);
	world_reopen(w);
	check_is(redirect_list(w->r, &id, &policy, 1), 1);
	check_is(id, w->cgroup_id);
	check(program_in(w, "link_awsmask_sockops") != before);
	/* Nothing is configured anew: ports, exclusions and the listener's port are kept, too. */
	w->listener4 = listener_make(AF_INET, "127.0.0.1", w->ports.port4, AWSMASK_LISTENER_MARK);
	expect(w, LISTENER4);
	check(count_of(w, REASON_REDIRECTED) > 0);
}

/* Programs are replaced in their links: meanwhile nothing passes. */
static void taken_over_under_load(struct world *w)
{
	struct client c;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		for (;;) {
			c = client_start(w->cgroup, &to_origin);
			check_is(c.out.error, 0);
			check_is(landed(w, NULL), LISTENER4);
			client_end(&c);
		}
	for (int i = 0; i < 8; i++) {
		redirect_close(w->r);
		world_reopen(w);
	}
	check_is(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void other_abi(struct world *w)
{
	uint32_t zero = 0, version = AWSMASK_ABI + 1;
	int fd = pin_open(w, "abi");
	struct redirect *r;
	struct err e;

	redirect_close(w->r);
	w->r = NULL;
	check(!bpf_map_update_elem(fd, &zero, &version, BPF_ANY));
	close(fd);
	r = redirect_open_at(w->dir, &e);
	check(!r);
	check(strstr(e.text, w->dir) && strstr(e.text, "version"));
	/* Refused, but not let go. */
	check(redirect_pinned_at(w->dir));
	listeners_close(w);
	expect(w, NOWHERE);
}

/* A link that somebody detached by hand is made anew. */
static void link_detached(struct world *w)
{
	int fd = pin_open(w, "link_awsmask_connect4");

	check(!bpf_link_detach(fd));
	close(fd);
	expect(w, ORIGIN);
	redirect_close(w->r);
	world_reopen(w);
	expect(w, LISTENER4);
}

/* Connected before its cgroup was enrolled, sending afterwards. */
static void socket_enrolled_later(struct world *w)
{
	struct plan quic = {.how = HOW_SEND,
			    .type = SOCK_DGRAM,
			    .family = AF_INET,
			    .dst = ORIGIN4,
			    .port = MASKED,
			    .in_two = true};
	struct client c;
	struct err e;

	check(!redirect_unenroll(w->r, w->cgroup_id, &e));
	c = client_start(w->cgroup, &quic);
	client_go(&c);
	check_is(c.out.error, 0);
	check(datagram_came(w, 0));
	enroll(w, w->cgroup, POLICY_ENFORCE, 0);
	client_go(&c);
	check_is(c.out.error, EPERM);
	/* And back. */
	check(!redirect_unenroll(w->r, w->cgroup_id, &e));
	client_go(&c);
	check_is(c.out.error, 0);
	check(datagram_came(w, 0));
	enroll(w, w->cgroup, POLICY_ENFORCE, 0);
	client_end(&c);
}

/* One that lacks every helper that is probed for. */
static void older_kernel(struct world *w)
{
	struct plan quic = {.how = HOW_SEND,
			    .type = SOCK_DGRAM,
			    .family = AF_INET,
			    .dst = ORIGIN4,
			    .port = MASKED};

	programs_replace(w, false);
	expect(w, LISTENER4);
	check_is(client_run(w->cgroup, &quic).error, EPERM);
	quic.socket_before = true;
	check_is(client_run(w->cgroup, &quic).error, EPERM);
	check(!datagram_came(w, 0));
	socket_enrolled_later(w);
	listeners_close(w);
	check_is(client_run(w->cgroup, &to_origin).error, EPERM);
}

static void no_bpffs(struct world *w)
{
	struct redirect *r;
	struct err e;
	char dir[128];

	(void)w;
	snprintf(dir, sizeof(dir), "/tmp/awsmask-test-%d", (int)getpid());
	r = redirect_open_at(dir, &e);
	check(!r);
	check(strstr(e.text, "not on a bpf file system"));
	check(access(dir, F_OK));
}

static void unenroll(struct world *w)
{
	struct err e;

	expect(w, LISTENER4);
	check(!redirect_unenroll(w->r, w->cgroup_id, &e));
	expect(w, ORIGIN);
	check_is(redirect_unenroll(w->r, w->cgroup_id, &e), -1);
	check(strstr(e.text, "not enrolled"));
}

static void enroll_nonsense(struct world *w)
{
	struct policy policy = {0};
	char path[512], name[256] = "d";
	struct err e;

	check_is(redirect_enroll(w->r, 0, &policy, &e), -1);
	check_is(redirect_enroll(w->r, UINT64_MAX, &policy, &e), -1);
	cgroup_below(w, name, path);
	/* The world's cgroup is at depth 1. */
	for (int depth = 3; depth <= AWSMASK_MAX_CGROUP_DEPTH; depth++) {
		enroll(w, path, POLICY_ENFORCE, 0);
		strcat(name, "/d");
		cgroup_below(w, name, path);
	}
	check_is(redirect_enroll(w->r, id_of(path), &policy, &e), -1);
	check(strstr(e.text, "too deep"));
}

static void list(struct world *w)
{
	uint64_t ids[2] = {0};
	struct policy policies[2];
	char a[512];

	enroll(w, cgroup_below(w, "a", a), POLICY_OBSERVE, POLICY_FAIL_OPEN);
	check_is(redirect_list(w->r, ids, policies, 1), 2);
	check_is(ids[1], 0);
	check_is(redirect_list(w->r, ids, policies, 2), 2);
	for (int i = 0; i < 2; i++)
		check_is(policies[i].mode,
			 ids[i] == w->cgroup_id ? POLICY_ENFORCE : POLICY_OBSERVE);
	check(ids[0] != ids[1]);
}

static void removed(struct world *w)
{
	struct err e;

	redirect_close(w->r);
	w->r = NULL;
	check(redirect_pinned_at(w->dir));
	check(!redirect_remove_at(w->dir, &e));
	check(access(w->dir, F_OK));
	check(!redirect_pinned_at(w->dir));
	expect(w, ORIGIN);
	check(!redirect_remove_at(w->dir, &e));
}

static void removed_while_open(struct world *w)
{
	struct err e;

	check(!redirect_remove_at(w->dir, &e));
	expect(w, ORIGIN);
}

/* Both configurations mask 443 and neither excludes the origin: nothing may ever reach it. */
static void configured_without_gap(struct world *w)
{
	uint16_t many[] = {MASKED, 8001, 8002, 8003, 8004, 8005};
	struct config other = w->config;
	struct err e;
	struct client c;
	pid_t pid;

	other.ports = many;
	other.port_count = 6;
	other.exclude_count = 1;
	fflush(stdout);
	pid = fork();
	if (!pid)
		for (;;) {
			c = client_start(w->cgroup, &to_origin);
			check_is(c.out.error, 0);
			check_is(landed(w, NULL), LISTENER4);
			client_end(&c);
		}
	for (int i = 0; i < 2000; i++)
		check(!redirect_configure(w->r, i % 2 ? &w->config : &other, &e));
	check_is(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void configured_anew(struct world *w)
{
	uint16_t port = UNMASKED;
	struct plan p = to_origin;
	struct err e;

	w->config.ports = &port;
	w->config.port_count = 1;
	check(!redirect_configure(w->r, &w->config, &e));
	expect(w, ORIGIN);
	p.port = UNMASKED;
	check_is(client_run(w->cgroup, &p).error, 0);
	check_is(landed(w, NULL), LISTENER4);
	w->config.exclude_count = 0;
	check(!redirect_configure(w->r, &w->config, &e));
	p.dst = EXCLUDED4;
	check_is(client_run(w->cgroup, &p).error, 0);
	check_is(landed(w, NULL), LISTENER4);
}

static void configured_too_much(struct world *w)
{
	static uint16_t ports[AWSMASK_MAX_PORTS];
	static struct config_net nets[AWSMASK_MAX_EXCLUDES + 1];
	struct err e;

	for (int i = 0; i < AWSMASK_MAX_PORTS; i++)
		ports[i] = (uint16_t)(MASKED + i);
	w->config.ports = ports;
	w->config.port_count = AWSMASK_MAX_PORTS;
	check_is(redirect_configure(w->r, &w->config, &e), -1);
	w->config.proxy_port_count = 0;
	check(!redirect_configure(w->r, &w->config, &e));
	w->config.exclude = nets;
	w->config.exclude_count = AWSMASK_MAX_EXCLUDES + 1;
	check_is(redirect_configure(w->r, &w->config, &e), -1);
	expect(w, LISTENER4);
}

static void flows_go_with_the_client(struct world *w)
{
	struct client c = client_start(w->cgroup, &to_origin);

	check_is(flow_count(w), 1);
	client_end(&c);
	/* The socket is closed for good when the other side has answered its FIN. */
	for (int i = 0; i < 100 && flow_count(w); i++)
		poll(NULL, 0, 10);
	check_is(flow_count(w), 0);
}

/* More connections than the listener's queue holds, given up by the client. */
static void flows_do_not_pile_up(struct world *w)
{
	struct plan p = to_origin;

	check(!listen(w->listener4, 4));
	p.how = HOW_FILL;
	for (int i = 0; i < 3; i++)
		check_is(client_run(w->cgroup, &p).error, 0);
	while (landed(w, NULL) == LISTENER4)
		;
	for (int i = 0; i < 100 && flow_count(w); i++)
		poll(NULL, 0, 10);
	check_is(flow_count(w), 0);
}

/* An accepted connection without a flow is one that the daemon closes. */
static void flows_full(struct world *w)
{
	int fd = pin_open(w, "flows");
	struct flow_record record = {.connected_ns = 1};
	struct flow_key key = {.netns_cookie = w->netns};
	struct client c;
	int accepted;

	for (uint32_t i = 0; i < AWSMASK_MAX_FLOWS; i++) {
		memcpy(key.addr, &i, sizeof(i));
		check(!bpf_map_update_elem(fd, &key, &record, BPF_ANY));
	}
	c = client_start(w->cgroup, &to_origin);
	check_is(landed(w, &accepted), LISTENER4);
	key = key_of(w, accepted);
	check_is(flow_take(w, &key, &record), 0);
	check_is(count_of(w, REASON_NO_ROOM), 1);
	close(accepted);
	client_end(&c);
	/* Flows of another time are swept at take-over, and there is room again. A machine that has
	 * just been switched on has no such time. */
	redirect_close(w->r);
	world_reopen(w);
	check_is(flow_count(w), seconds_up() > 600 ? 0 : AWSMASK_MAX_FLOWS);
	flows_clear(fd);
	c = client_start(w->cgroup, &to_origin);
	redirect_close(w->r);
	world_reopen(w);
	check_is(flow_count(w), 1);
	client_end(&c);
	close(fd);
}

/* A socket that may have no memory for a note. */
static void no_room(struct world *w)
{
	int fd = open("/proc/sys/net/core/optmem_max", O_WRONLY | O_CLOEXEC);

	/* Per network namespace since 6.9; before, only the first one has it. */
	if (fd < 0) {
		puts("# this kernel lacks net.core.optmem_max of a network namespace (since 6.9): "
		     "a socket without room for a flow was not tried");
		return;
	}
	check(write(fd, "1", 1) == 1);
	close(fd);
	expect(w, NOWHERE);
	check_is(count_of(w, REASON_NO_ROOM), 1);
	enroll(w, w->cgroup, POLICY_ENFORCE, POLICY_FAIL_OPEN);
	expect(w, ORIGIN);
}

/* r0 = 1, after adding one to the only element of the map: in cgroup/connect4 of somebody else. */
static int other_program(int map)
{
	struct bpf_insn code[] = {
		{BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0},
		{BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0},
		{BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4},
		{BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map},
		{0, 0, 0, 0, 0},
		{BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem},
		{BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0},
		{BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1},
		{BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD},
		{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1},
		{BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_CGROUP_INET4_CONNECT);

	return bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "other", "GPL", code,
			     sizeof(code) / sizeof(*code), &opts);
}

static void beside_others(struct world *w)
{
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "other", 4, 8, 1, NULL);
	uint64_t before, after;
	uint32_t zero = 0;
	char root[256];
	struct err e;
	int program, cgroup, link;

	check(map >= 0);
	program = other_program(map);
	check(program >= 0);
	check(!cgroup_mount(root, sizeof(root), &e));
	cgroup = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	link = bpf_link_create(program, cgroup, BPF_CGROUP_INET4_CONNECT, NULL);
	check(link >= 0);
	for (int i = 0; i < 2; i++) {
		check(!bpf_map_lookup_elem(map, &zero, &before));
		expect(w, LISTENER4);
		check(!bpf_map_lookup_elem(map, &zero, &after));
		check(after > before);
		/* Second time round: it was there first. */
		redirect_close(w->r);
		check(!redirect_remove_at(w->dir, &e));
		world_reopen(w);
		check(!redirect_configure(w->r, &w->config, &e));
		check(!redirect_set_listener(w->r, w->netns, &w->ports, &e));
		enroll(w, w->cgroup, POLICY_ENFORCE, 0);
	}
	close(link);
}

const struct test_case life_cases[] = {
	{"life: policy outlives the daemon", survives},
	{"life: taken over with its enrolments", taken_over},
	{"life: taken over under load", taken_over_under_load},
	{"life: another abi is refused", other_abi},
	{"life: a detached link is made anew", link_detached},
	{"datagram: enrolled between connect and send", socket_enrolled_later},
	{"life: an older kernel", older_kernel},
	{"life: not a bpf file system", no_bpffs},
	{"life: unenroll releases", unenroll},
	{"life: what cannot be enrolled", enroll_nonsense},
	{"life: list", list},
	{"life: remove leaves nothing", removed},
	{"life: remove while open", removed_while_open},
	{"configure: without a gap", configured_without_gap},
	{"configure: replaces ports and exclusions", configured_anew},
	{"configure: too much", configured_too_much},
	{"flows: go with their client", flows_go_with_the_client},
	{"flows: do not pile up", flows_do_not_pile_up},
	{"flows: no room in the map", flows_full},
	{"flows: no room on the socket", no_room},
	{"beside other people's programs", beside_others},
	{NULL, NULL},
};
