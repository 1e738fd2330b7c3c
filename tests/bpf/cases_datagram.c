/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams: connecting is let be, sending to a masked port is refused. */
#include "kit.h"

static struct plan datagram(enum how how, int family, const char *dst, uint16_t port)
{
	return (struct plan){
		.how = how, .family = family, .type = SOCK_DGRAM, .dst = dst, .port = port};
}

static void refused(struct world *w, struct plan plan)
{
	struct outcome out = client_run(w->cgroup, &plan);

	check_is(out.connect_error, 0);
	check_is(out.error, EPERM);
	check(!datagram_came(w, 0));
}

static void sent(struct world *w, struct plan plan, int which)
{
	struct outcome out = client_run(w->cgroup, &plan);

	check_is(out.connect_error, 0);
	check_is(out.error, 0);
	check(datagram_came(w, which));
}

static void connects(struct world *w)
{
	struct plan p = datagram(HOW_CONNECT, AF_INET, ORIGIN4, MASKED);
	struct outcome out = client_run(w->cgroup, &p);
	char text[64];

	check_is(out.error, 0);
	check(!strcmp(address_text(&out.peer, text), ORIGIN4 " 443"));
	p = datagram(HOW_CONNECT, AF_INET6, ORIGIN6, MASKED);
	check_is(client_run(w->cgroup, &p).error, 0);
	check_is(count_of(w, REASON_UDP_CONNECT), 2);
	check_is(count_of(w, REASON_UDP), 0);
}

static void connected(struct world *w)
{
	refused(w, datagram(HOW_SEND, AF_INET, ORIGIN4, MASKED));
	refused(w, datagram(HOW_SEND, AF_INET6, ORIGIN6, MASKED));
	refused(w, datagram(HOW_SEND, AF_INET6, ORIGIN_MAPPED, MASKED));
	check_is(count_of(w, REASON_UDP), 3);
}

static void unconnected(struct world *w)
{
	struct plan p = datagram(HOW_SENDTO, AF_INET6, ORIGIN4, MASKED);

	refused(w, datagram(HOW_SENDTO, AF_INET, ORIGIN4, MASKED));
	refused(w, datagram(HOW_SENDTO, AF_INET6, ORIGIN6, MASKED));
	refused(w, datagram(HOW_SENDTO, AF_INET6, ORIGIN_MAPPED, MASKED));
	p.v4_sockaddr = true;
	refused(w, p);
	check_is(count_of(w, REASON_UDP), 4);
}

static void joins_late(struct world *w)
{
	struct plan p = datagram(HOW_SENDTO, AF_INET, ORIGIN4, MASKED);

	p.socket_before = true;
	refused(w, p);
	p.how = HOW_SEND;
	refused(w, p);
	p = datagram(HOW_SEND, AF_INET6, ORIGIN6, MASKED);
	p.socket_before = true;
	refused(w, p);
}

/* Connected before its process joined: only the sending task tells. */
static void joins_connected(struct world *w)
{
	struct plan p = datagram(HOW_SEND, AF_INET, ORIGIN4, MASKED);

	p.connect_before = true;
	refused(w, p);
}

/* The same where no helper tells of the task, and the kernel's own structures are read. */
static void joins_connected_read(struct world *w)
{
	struct plan p = datagram(HOW_SEND, AF_INET, ORIGIN4, MASKED);
	char path[512], own[512], name[256] = "d";
	struct err e;

	p.connect_before = true;
	programs_replace(w, true);
	refused(w, p);
	cgroup_below(w, name, path);
	check_is(client_run(path, &p).error, EPERM);
	cgroup_below(w, "own", own);
	check(!redirect_set_own_cgroup(w->r, id_of(own), &e));
	check_is(client_run(own, &p).error, 0);
	check(datagram_came(w, 0));
	check(!redirect_unenroll(w->r, w->cgroup_id, &e));
	sent(w, p, 0);
	check_is(client_run(path, &p).error, 0);
	check(datagram_came(w, 0));
	/* Deeper than is looked, it is taken for enrolled. */
	for (int depth = 0; depth < 2 * AWSMASK_MAX_CGROUP_DEPTH; depth++) {
		strcat(name, "/d");
		cgroup_below(w, name, path);
	}
	check_is(client_run(path, &p).error, EPERM);
	check(!datagram_came(w, 0));
}

/* Made and connected in the cgroup before that was enrolled. */
static void enrolled_late(struct world *w)
{
	struct plan p = datagram(HOW_SEND, AF_INET, ORIGIN4, MASKED);
	struct err e;

	check(!redirect_unenroll(w->r, w->cgroup_id, &e));
	sent(w, p, 0);
	enroll(w, w->cgroup, POLICY_ENFORCE, 0);
	refused(w, p);
}

static void extension_header(struct world *w)
{
	struct plan p = datagram(HOW_SEND, AF_INET6, ORIGIN6, MASKED);

	p.extension = true;
	refused(w, p);
	p.port = UNMASKED;
	sent(w, p, 1);
}

static void udp_lite(struct world *w)
{
	struct plan p = datagram(HOW_SENDTO, AF_INET, ORIGIN4, MASKED);
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);

	/* Newer kernels have dropped it. */
	if (fd < 0)
		return;
	close(fd);
	p.protocol = IPPROTO_UDPLITE;
	refused(w, p);
	p.how = HOW_SEND;
	refused(w, p);
}

/* Other transports, as a socket of theirs would send them; there is none for most in most kernels. */
static void raw(struct world *w)
{
	static const int protocols[] = {IPPROTO_TCP, IPPROTO_UDP, 33 /* DCCP */, IPPROTO_SCTP,
					IPPROTO_UDPLITE};

	for (int i = 0; i < 10; i++) {
		bool six = i % 2;
		struct plan p = datagram(HOW_RAW, six ? AF_INET6 : AF_INET, six ? ORIGIN6 : ORIGIN4,
					 MASKED);

		p.type = SOCK_RAW;
		p.protocol = protocols[i / 2];
		check_is(client_run(w->cgroup, &p).error, EPERM);
		p.port = UNMASKED;
		check_is(client_run(w->cgroup, &p).error, 0);
	}
	check(!datagram_came(w, 0));
}

static void other_port(struct world *w)
{
	sent(w, datagram(HOW_SEND, AF_INET, ORIGIN4, UNMASKED), 1);
	sent(w, datagram(HOW_SENDTO, AF_INET, ORIGIN4, UNMASKED), 1);
	sent(w, datagram(HOW_SEND, AF_INET6, ORIGIN6, UNMASKED), 1);
	sent(w, datagram(HOW_SENDTO, AF_INET6, ORIGIN6, UNMASKED), 1);
}

/* What matters is where each datagram goes, not what its socket once was connected to. */
static void two_ways(struct world *w)
{
	struct plan p = datagram(HOW_TWO_DATAGRAMS, AF_INET, ORIGIN4, MASKED);

	p.then = ORIGIN4;
	sent(w, p, 1);
	check(!datagram_came(w, 0));
}

static void excluded(struct world *w)
{
	sent(w, datagram(HOW_SEND, AF_INET, EXCLUDED4, MASKED), 0);
	sent(w, datagram(HOW_SENDTO, AF_INET, EXCLUDED4, MASKED), 0);
	sent(w, datagram(HOW_SEND, AF_INET6, EXCLUDED6, MASKED), 0);
	sent(w, datagram(HOW_SENDTO, AF_INET6, EXCLUDED6, MASKED), 0);
}

static void not_enrolled(struct world *w)
{
	struct err e;

	check(!redirect_unenroll(w->r, w->cgroup_id, &e));
	sent(w, datagram(HOW_SEND, AF_INET, ORIGIN4, MASKED), 0);
	sent(w, datagram(HOW_SENDTO, AF_INET6, ORIGIN6, MASKED), 0);
}

static void own_cgroup(struct world *w)
{
	struct plan p = datagram(HOW_SEND, AF_INET, ORIGIN4, MASKED);
	struct err e;
	char own[512];

	cgroup_below(w, "own", own);
	check(!redirect_set_own_cgroup(w->r, id_of(own), &e));
	check_is(client_run(own, &p).error, 0);
	check(datagram_came(w, 0));
	p.how = HOW_SENDTO;
	check_is(client_run(own, &p).error, 0);
	check(datagram_came(w, 0));
}

const struct test_case datagram_cases[] = {
	{"datagram: connect alone", connects},
	{"datagram: connected", connected},
	{"datagram: unconnected", unconnected},
	{"datagram: joins with a socket made before", joins_late},
	{"datagram: joins with a socket connected before", joins_connected},
	{"datagram: the same, the task's cgroup read", joins_connected_read},
	{"datagram: enrolled later", enrolled_late},
	{"datagram: extension header", extension_header},
	{"datagram: UDP-Lite", udp_lite},
	{"datagram: raw sockets", raw},
	{"datagram: other port", other_port},
	{"datagram: two destinations", two_ways},
	{"datagram: excluded networks", excluded},
	{"datagram: not enrolled", not_enrolled},
	{"datagram: the daemon's own cgroup", own_cgroup},
	{NULL, NULL},
};
