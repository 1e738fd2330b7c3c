/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a connect(). */
#include "kit.h"

#include <linux/in.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static const struct plan to_origin4 = {.family = AF_INET, .dst = ORIGIN4, .port = MASKED};
static const struct plan to_origin6 = {.family = AF_INET6, .dst = ORIGIN6, .port = MASKED};
static const struct plan to_mapped = {.family = AF_INET6, .dst = ORIGIN_MAPPED, .port = MASKED};

/* Run the plan in the world's cgroup and see where it ends. */
static void expect(struct world *w, const char *cgroup, struct plan plan, enum place place)
{
	struct client c = client_start(cgroup, &plan);

	check_is(c.out.error, place == NOWHERE ? ECONNREFUSED : 0);
	check_is(landed(w, NULL), place);
	client_end(&c);
}

static void redirect_v4(struct world *w)
{
	expect(w, w->cgroup, to_origin4, LISTENER4);
	check_is(count_of(w, REASON_REDIRECTED), 1);
}

static void redirect_v6(struct world *w)
{
	expect(w, w->cgroup, to_origin6, LISTENER6);
}

static void redirect_mapped(struct world *w)
{
	expect(w, w->cgroup, to_mapped, LISTENER4);
}

static void redirect_proxy_port(struct world *w)
{
	struct plan p = to_origin4;

	p.port = PROXY;
	expect(w, w->cgroup, p, LISTENER4);
}

static void redirect_nonblock(struct world *w)
{
	struct plan p = to_origin4;

	p.how = HOW_NONBLOCK;
	expect(w, w->cgroup, p, LISTENER4);
}

static void redirect_bound(struct world *w)
{
	struct plan p = to_origin4;
	struct flow_record record;
	struct flow_key key;
	struct client c;
	int fd;

	/* The local address is then not a loopback one, and the flow must be found all the same. */
	p.bind_origin = true;
	c = client_start(w->cgroup, &p);
	check_is(landed(w, &fd), LISTENER4);
	key = key_of(w, fd);
	check_is(key.addr[12], 198);
	check_is(flow_take(w, &key, &record), 1);
	close(fd);
	client_end(&c);
}

static void redirect_mptcp(struct world *w)
{
	struct flow_record record;
	struct flow_key key;
	struct client c;
	int fd;

	for (int i = 0; i < 2; i++) {
		struct plan p = i ? to_origin6 : to_origin4;

		p.protocol = IPPROTO_MPTCP;
		c = client_start(w->cgroup, &p);
		check_is(c.out.error, 0);
		check_is(landed(w, &fd), i ? LISTENER6 : LISTENER4);
		key = key_of(w, fd);
		check_is(flow_take(w, &key, &record), 1);
		check_is(record.port, MASKED);
		close(fd);
		client_end(&c);
	}
}

static void redirect_fastopen(struct world *w)
{
	static const enum how hows[] = {HOW_FASTOPEN_SENDTO, HOW_FASTOPEN_CONNECT};
	struct plan plans[] = {to_origin4, to_origin6, to_mapped};

	for (int i = 0; i < 6; i++) {
		struct plan p = plans[i % 3];

		p.how = hows[i / 3];
		expect(w, w->cgroup, p, i % 3 == 1 ? LISTENER6 : LISTENER4);
	}
}

static void redirect_uring(struct world *w)
{
	struct flow_record record;
	struct plan p = to_origin4;
	struct flow_key key;
	struct client c;
	int fd;

	p.how = HOW_URING;
	c = client_start(w->cgroup, &p);
	if (c.out.error != ENOSYS) {
		check_is(c.out.error, 0);
		check_is(landed(w, &fd), LISTENER4);
		key = key_of(w, fd);
		check_is(flow_take(w, &key, &record), 1);
		check_is(record.pid, c.pid);
		close(fd);
	}
	client_end(&c);
}

static void flow_is(const struct flow_record *r, const struct world *w, const struct client *c,
		    uint64_t task_cgroup, const char *dst, uint16_t family)
{
	uint8_t addr[16];

	check(inet_pton(AF_INET6, dst, addr) == 1);
	check(!memcmp(r->addr, addr, 16));
	check_is(r->port, MASKED);
	check_is(r->family, family);
	check_is(r->uid, 12345);
	check_is(r->pid, c->pid);
	check_is(r->mode, POLICY_OBSERVE);
	check_is(r->cgroup_id, w->cgroup_id);
	check_is(r->task_cgroup_id, task_cgroup);
	check_is(r->netns_cookie, w->netns);
	check(r->connected_ns > 0);
	check(!strcmp(r->comm, "an-agent"));
}

static void flow_contents(struct world *w)
{
	static const char *const dst[] = {ORIGIN_MAPPED, ORIGIN6, ORIGIN_MAPPED};
	struct plan plans[] = {to_origin4, to_origin6, to_mapped};
	struct flow_record record;
	struct flow_key key;
	const char *where;
	char below[512];
	struct client c;
	int fd;

	enroll(w, w->cgroup, POLICY_OBSERVE, 0);
	for (int i = 0; i < 3; i++) {
		plans[i].uid = 12345;
		where = i ? w->cgroup : cgroup_below(w, "below", below);
		c = client_start(where, &plans[i]);
		check_is(landed(w, &fd), i == 1 ? LISTENER6 : LISTENER4);
		key = key_of(w, fd);
		check_is(flow_take(w, &key, &record), 1);
		flow_is(&record, w, &c, id_of(where), dst[i], i == 1 ? AF_INET6 : AF_INET);
		check_is(flow_take(w, &key, &record), 0);
		close(fd);
		client_end(&c);
	}
}

/* The key's record is another's by now, as when a port was free and taken again while the answer was on its way. */
static void younger_flow_stays(struct world *w)
{
	struct plan plan = to_origin4;
	struct flow_record record, older;
	struct flow_key key;
	struct client c;
	int fd;

	enroll(w, w->cgroup, POLICY_ENFORCE, 0);
	c = client_start(w->cgroup, &plan);
	check_is(landed(w, &fd), LISTENER4);
	key = key_of(w, fd);
	check_is(redirect_flow_find(w->r, &key, &record), 1);
	older = record;
	older.connected_ns--;
	redirect_flow_drop(w->r, &key, &older);
	check_is(redirect_flow_find(w->r, &key, &older), 1);
	check(memcmp(&older, &record, sizeof(record)) == 0);
	redirect_flow_drop(w->r, &key, &record);
	check_is(redirect_flow_find(w->r, &key, &older), 0);
	close(fd);
	client_end(&c);
}

static void peer_restored(struct world *w)
{
	static const char *const peers[] = {ORIGIN4 " 443", ORIGIN6 " 443", ORIGIN_MAPPED " 443"};
	struct plan plans[] = {to_origin4, to_origin6, to_mapped};
	struct outcome out;
	char text[64];

	for (int mptcp = 0; mptcp < 2; mptcp++)
		for (int i = 0; i < 3; i++) {
			plans[i].protocol = mptcp ? IPPROTO_MPTCP : 0;
			out = client_run(w->cgroup, &plans[i]);
			if (strcmp(address_text(&out.peer, text), peers[i]))
				check_failed(__FILE__, __LINE__, text);
			landed(w, NULL);
		}
}

/* The same socket connected elsewhere afterwards: nothing of the first flow may stick. */
static void reconnect(struct world *w)
{
	struct plan p = to_origin4;
	struct client c;
	char text[64];

	p.how = HOW_RECONNECT;
	p.then = ORIGIN4;
	c = client_start(w->cgroup, &p);
	check_is(c.out.error, 0);
	check_is(landed(w, NULL), LISTENER4);
	check_is(landed(w, NULL), ORIGIN);
	check(!strcmp(address_text(&c.out.peer, text), ORIGIN4 " 8443"));
	check_is(flow_count(w), 0);
	client_end(&c);
}

static void joins_late(struct world *w)
{
	struct plan p = to_origin4;

	p.socket_before = true;
	expect(w, w->cgroup, p, LISTENER4);
}

static void child_cgroup(struct world *w)
{
	char a[512], b[512];

	cgroup_below(w, "a", a);
	expect(w, cgroup_below(w, "a/b", b), to_origin4, LISTENER4);
}

/* The nearest enrolled ancestor's policy counts, not the first. */
static void nearest_wins(struct world *w)
{
	struct flow_record record;
	struct flow_key key;
	struct client c;
	char a[512], b[512];
	int fd;

	enroll(w, cgroup_below(w, "a", a), POLICY_OBSERVE, POLICY_FAIL_OPEN);
	cgroup_below(w, "a/b", b);
	c = client_start(b, &to_origin4);
	check_is(landed(w, &fd), LISTENER4);
	key = key_of(w, fd);
	check_is(flow_take(w, &key, &record), 1);
	check_is(record.mode, POLICY_OBSERVE);
	check_is(record.cgroup_id, id_of(a));
	close(fd);
	client_end(&c);
	listeners_close(w);
	expect(w, b, to_origin4, ORIGIN);
	expect(w, w->cgroup, to_origin4, NOWHERE);
}

static void not_enrolled(struct world *w)
{
	struct err e;

	check(!redirect_unenroll(w->r, w->cgroup_id, &e));
	expect(w, w->cgroup, to_origin4, ORIGIN);
	expect(w, w->cgroup, to_origin6, ORIGIN);
	expect(w, w->cgroup, to_mapped, ORIGIN);
	check_is(flow_count(w), 0);
}

static void excluded(struct world *w)
{
	struct plan p = to_origin4;

	p.dst = EXCLUDED4;
	expect(w, w->cgroup, p, ORIGIN);
	p = to_mapped;
	p.dst = "::ffff:" EXCLUDED4;
	expect(w, w->cgroup, p, ORIGIN);
	p = to_origin6;
	p.dst = EXCLUDED6;
	expect(w, w->cgroup, p, ORIGIN);
	check_is(count_of(w, REASON_EXCLUDED), 3);
}

/* To the kernel 0.0.0.0 is loopback, which is excluded; :: would be ::1, which is not, here. */
static void unspecified(struct world *w)
{
	struct plan p = to_origin4;

	p.dst = "0.0.0.0";
	expect(w, w->cgroup, p, ORIGIN);
	p = to_mapped;
	p.dst = "::ffff:0.0.0.0";
	expect(w, w->cgroup, p, ORIGIN);
	p = to_origin6;
	p.dst = "::";
	expect(w, w->cgroup, p, LISTENER6);
}

static void other_port(struct world *w)
{
	struct plan p = to_origin4;

	p.port = UNMASKED;
	expect(w, w->cgroup, p, ORIGIN);
	p = to_origin6;
	p.port = UNMASKED;
	expect(w, w->cgroup, p, ORIGIN);
}

static void own_cgroup(struct world *w)
{
	char own[512], below[512], beside[512];
	struct err e;

	cgroup_below(w, "own", own);
	check(!redirect_set_own_cgroup(w->r, id_of(own), &e));
	expect(w, own, to_origin4, ORIGIN);
	expect(w, own, to_origin6, ORIGIN);
	expect(w, cgroup_below(w, "own/below", below), to_origin4, ORIGIN);
	expect(w, cgroup_below(w, "beside", beside), to_origin4, LISTENER4);
	check(!redirect_set_own_cgroup(w->r, 0, &e));
	expect(w, own, to_origin4, LISTENER4);
}

/* An exemption must not cover what is enrolled, whichever of the two comes first. */
static void own_cgroup_refused(struct world *w)
{
	struct policy policy = {0};
	char own[512], below[512], mount[256];
	struct err e;

	check(!cgroup_mount(mount, sizeof(mount), &e));
	check_is(redirect_set_own_cgroup(w->r, id_of(mount), &e), -1);
	check_is(redirect_set_own_cgroup(w->r, w->cgroup_id, &e), -1);
	cgroup_below(w, "own", own);
	enroll(w, cgroup_below(w, "own/below", below), POLICY_ENFORCE, 0);
	check_is(redirect_set_own_cgroup(w->r, id_of(own), &e), -1);
	expect(w, below, to_origin4, LISTENER4);
	check(!redirect_unenroll(w->r, id_of(below), &e));
	check(!redirect_set_own_cgroup(w->r, id_of(own), &e));
	check_is(redirect_enroll(w->r, id_of(below), &policy, &e), -1);
	check_is(redirect_enroll(w->r, id_of(own), &policy, &e), -1);
}

static void no_listener(struct world *w)
{
	listeners_close(w);
	expect(w, w->cgroup, to_origin4, NOWHERE);
	expect(w, w->cgroup, to_origin6, NOWHERE);
	expect(w, w->cgroup, to_mapped, NOWHERE);
	check_is(count_of(w, REASON_NO_LISTENER), 3);
}

static void one_family(struct world *w)
{
	struct listener l = {.port4 = w->ports.port4};
	struct err e;

	check(!redirect_set_listener(w->r, w->netns, &l, &e));
	expect(w, w->cgroup, to_origin4, LISTENER4);
	expect(w, w->cgroup, to_origin6, NOWHERE);
	l.port4 = 0;
	check(!redirect_set_listener(w->r, w->netns, &l, &e));
	expect(w, w->cgroup, to_origin4, NOWHERE);
	check(!redirect_set_listener(w->r, w->netns, &l, &e));
}

static void squatting(struct world *w)
{
	listeners_close(w);
	w->listener4 = listener_make(AF_INET, "127.0.0.1", w->ports.port4, 0);
	w->listener6 = listener_make(AF_INET6, "::1", w->ports.port6, AWSMASK_LISTENER_MARK ^ 1);
	expect(w, w->cgroup, to_origin4, NOWHERE);
	expect(w, w->cgroup, to_origin6, NOWHERE);
	check_is(flow_count(w), 0);
}

static void fail_open(struct world *w)
{
	enroll(w, w->cgroup, POLICY_ENFORCE, POLICY_FAIL_OPEN);
	expect(w, w->cgroup, to_origin4, LISTENER4);
	listeners_close(w);
	expect(w, w->cgroup, to_origin4, ORIGIN);
	expect(w, w->cgroup, to_origin6, ORIGIN);
	check_is(count_of(w, REASON_FAIL_OPEN), 2);
}

/* Also when somebody has a marked listener on the same port there. */
static void other_netns(struct world *w)
{
	struct plan p = to_origin4;

	p.own_netns = true;
	expect(w, w->cgroup, p, NOWHERE);
	p.squat = w;
	expect(w, w->cgroup, p, NOWHERE);
	p.family = AF_INET6;
	p.dst = ORIGIN6;
	expect(w, w->cgroup, p, NOWHERE);
}

const struct test_case stream_cases[] = {
	{"redirect: IPv4", redirect_v4},
	{"redirect: IPv6", redirect_v6},
	{"redirect: v4-mapped", redirect_mapped},
	{"redirect: proxy port", redirect_proxy_port},
	{"redirect: non-blocking connect", redirect_nonblock},
	{"redirect: socket bound to an address", redirect_bound},
	{"redirect: MPTCP", redirect_mptcp},
	{"redirect: TCP fast open", redirect_fastopen},
	{"redirect: io_uring", redirect_uring},
	{"flow: who and where to", flow_contents},
	{"flow: a younger one of the same port stays", younger_flow_stays},
	{"flow: getpeername", peer_restored},
	{"flow: socket used again", reconnect},
	{"verdict: joins with a socket made before", joins_late},
	{"verdict: child cgroup", child_cgroup},
	{"verdict: nearest enrolled ancestor", nearest_wins},
	{"verdict: not enrolled", not_enrolled},
	{"verdict: excluded networks", excluded},
	{"verdict: unspecified address", unspecified},
	{"verdict: other port", other_port},
	{"verdict: the daemon's own cgroup", own_cgroup},
	{"verdict: an own cgroup that covers enrolled ones", own_cgroup_refused},
	{"verdict: no listener", no_listener},
	{"verdict: listener of one family", one_family},
	{"verdict: listener without our mark", squatting},
	{"verdict: fail open", fail_open},
	{"verdict: other network namespace", other_netns},
	{NULL, NULL},
};
