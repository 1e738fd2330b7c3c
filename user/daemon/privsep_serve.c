/* SPDX-License-Identifier: Apache-2.0 */
#include "control_judge.h"
#include "log.h"
#include "monitor.h"

#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

void privsep_refuse(struct priv_reply *reply, const char *why)
{
	reply->status = -1;
	snprintf(reply->error, sizeof(reply->error), "%s", why);
}

/*
 * Safe: a record names only who connected to our own listener, and goes to the process that was going to accept
 * that very connection. It can be had once (privsep_answered()).
 */
static void serve_flow(struct monitor_services *m, const struct flow_key *key,
		       struct priv_reply *reply)
{
	static const uint8_t lo4[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1}, lo6[16] = {[15] = 1};
	bool v4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)key->addr);
	uint16_t port = m->listener_port;
	struct peer *peer = m->peer;
	struct peer_owner owner;

	if (!m->redirect) {
		privsep_refuse(reply, "nothing is redirected here");
		return;
	}
	if (!netns_doors_own(m->doors, key->netns_cookie)) {
		const struct netns_door *door = netns_doors_find(m->doors, key->netns_cookie);

		port = !door ? 0 : v4 ? door->ports.port4 : door->ports.port6;
		peer = door ? door->peer : NULL;
	}
	reply->status = peer ? redirect_flow_find(m->redirect, key, &reply->u.flow) : 0;
	if (reply->status != 1) {
		snprintf(reply->error, sizeof(reply->error), "it was not redirected here");
		return;
	}
	/* The socket itself must still say the same, else the port has changed hands. */
	if (peer_owner(peer, key->addr, key->port, v4 ? lo4 : lo6, port, &owner) == 1 &&
	    owner.uid != reply->u.flow.uid)
		privsep_refuse(reply, "the socket is another user's than the connect() was");
}

/* Safe: any process can ask sock_diag the same; of what holds the socket only the name is told. */
static void serve_peer(struct monitor_services *m, const struct priv_request *q,
		       struct priv_reply *reply)
{
	struct flow_record *flow = &reply->u.flow;
	struct peer_owner owner;

	reply->status = peer_owner(m->peer, q->u.peer.local, q->u.peer.local_port, q->u.peer.remote,
				   q->u.peer.remote_port, &owner);
	if (reply->status != 1) {
		snprintf(reply->error, sizeof(reply->error), "no such socket on this host");
		return;
	}
	*flow = (struct flow_record){
		.uid = owner.uid, .cgroup_id = owner.cgroup, .task_cgroup_id = owner.cgroup};
	flow->pid = (uint32_t)peer_process(&owner, flow->comm);
}

/*
 * Safe: the certificate is good for a target's name alone, which the CA's own constraints say once
 * more, for a month, and over a key that the worker has anyway.
 */
static void serve_leaf(struct monitor_services *m, const struct priv_request *q,
		       struct priv_reply *reply)
{
	struct err e;
	uint8_t *der;
	size_t len;

	if (!memchr(q->u.leaf.host, 0, sizeof(q->u.leaf.host)) ||
	    !config_is_target(m->config, q->u.leaf.host)) {
		privsep_refuse(reply, "the name is not one of the configured targets");
		return;
	}
	if (q->u.leaf.spki_len > sizeof(q->u.leaf.spki)) {
		privsep_refuse(reply, "the public key is too long");
		return;
	}
	if (ca_sign_leaf(m->ca, q->u.leaf.host, q->u.leaf.spki, q->u.leaf.spki_len, &der, &len,
			 &e) < 0) {
		privsep_refuse(reply, e.text);
		return;
	}
	if (len <= sizeof(reply->u.leaf.der)) {
		memcpy(reply->u.leaf.der, der, len);
		reply->u.leaf.len = (uint32_t)len;
		reply->status = 1;
	} else {
		privsep_refuse(reply, "the certificate is too long");
	}
	OPENSSL_free(der);
}

int monitor_enroll(struct monitor_services *m, uint64_t cgroup, const struct policy *policy,
		   struct sweep_result *r, struct err *warning, struct err *e)
{
	const struct sweep_options options = {.config = m->config, .own_cgroup = m->own_cgroup};

	*r = (struct sweep_result){0};
	warning->text[0] = 0;
	/* First of all, so that no connect is refused for want of a listener. */
	netns_watch_cover(m->netns, cgroup);
	if (redirect_enroll(m->redirect, cgroup, policy, e) < 0)
		return -1;
	log_event(LOG_NOTICE, "enrolled", log_number("cgroup", cgroup));
	if (policy->mode == POLICY_OBSERVE) /* who only observes is in nobody's way */
		return 0;
	if (sweep_cgroup(&options, cgroup, r, warning) < 0)
		log_event(LOG_WARNING, "older-connections", log_word("why", warning->text),
			  log_number("cgroup", cgroup));
	else if (r->closed || r->left)
		log_event(r->left ? LOG_WARNING : LOG_NOTICE, "older-connections",
			  log_number("closed", r->closed), log_number("left", r->left),
			  log_number("cgroup", cgroup));
	return 0;
}

bool privsep_policy_ok(const struct policy *p)
{
	return p->mode <= POLICY_OBSERVE && !(p->flags & ~(uint32_t)POLICY_FAIL_OPEN);
}

static void serve_enroll(struct monitor_services *m, uint64_t cgroup, const struct policy *policy,
			 struct priv_reply *reply)
{
	struct err warning, e;

	if (monitor_enroll(m, cgroup, policy, &reply->u.sweep, &warning, &e) < 0) {
		privsep_refuse(reply, e.text);
		return;
	}
	reply->status = 1;
	snprintf(reply->error, sizeof(reply->error), "%s", warning.text);
}

static void serve_unenroll(struct monitor_services *m, uint64_t cgroup, struct priv_reply *reply)
{
	struct err e;

	if (redirect_unenroll(m->redirect, cgroup, &e) < 0) {
		privsep_refuse(reply, e.text);
		return;
	}
	reply->status = 1;
	netns_watch_look_soon(m->netns);
	log_event(LOG_NOTICE, "unenrolled", log_number("cgroup", cgroup));
}

/* The cgroups that are enrolled now; too many for a stack. */
struct enrolled {
	uint64_t ids[AWSMASK_MAX_CGROUPS];
	struct policy policies[AWSMASK_MAX_CGROUPS];
	size_t n;
};

/* Overwritten by the next call. */
static const struct enrolled *list_enrolled(const struct monitor_services *m)
{
	static struct enrolled list;

	list.n = 0;
	if (m->redirect)
		list.n = redirect_list(m->redirect, list.ids, list.policies, AWSMASK_MAX_CGROUPS);
	if (list.n > AWSMASK_MAX_CGROUPS)
		list.n = AWSMASK_MAX_CGROUPS;
	return &list;
}

int monitor_judge(struct monitor_services *m, int connection, struct err *e)
{
	const struct enrolled *list = list_enrolled(m);

	if (control_judge(connection, m->config->control_socket, list->ids, list->n, e) < 0)
		return -1;
	return privsep_judge_program(m, connection, e);
}

/*
 * Safe: somebody who may do it asks just now. (A taken worker could do another thing than was asked
 * for, but it sees the cgroups' traffic unmasked already; it cannot touch the host otherwise, for ids
 * are looked up and never opened.)
 */
static void serve_cgroup(struct monitor_services *m, const struct priv_request *q,
			 struct priv_reply *reply)
{
	struct policy policy = q->u.cgroup.policy;

	if (!m->redirect) {
		privsep_refuse(reply, PRIVSEP_NOTHING_REDIRECTED);
		return;
	}
	if (!privsep_policy_ok(&policy)) {
		privsep_refuse(reply, "the policy is malformed");
		return;
	}
	if (q->kind == PRIV_ENROLL)
		serve_enroll(m, q->u.cgroup.id, &policy, reply);
	else
		serve_unenroll(m, q->u.cgroup.id, reply);
}

static void serve_list(struct monitor_services *m, uint32_t offset, struct priv_reply *reply)
{
	const struct enrolled *list = list_enrolled(m);

	reply->status = 1;
	reply->u.list.total = (uint32_t)list->n;
	for (size_t i = offset; i < list->n && reply->u.list.count < PRIV_LIST_MAX; i++) {
		reply->u.list.ids[reply->u.list.count] = list->ids[i];
		reply->u.list.policies[reply->u.list.count++] = list->policies[i];
	}
}

/*
 * Safe: it is made only where processes live that are enrolled, so what it can reach is what those
 * can reach whose connections the worker carries; it is neither bound nor connected, has no mark,
 * and is good for nothing that needs a capability there. Without it, a process that has no network
 * would be given the daemon's.
 */
static void serve_socket(struct monitor_services *m, const struct priv_request *q,
			 struct priv_reply *reply)
{
	uint32_t family = q->u.socket.family;
	int fd;

	if (!m->doors || (family != AF_INET && family != AF_INET6)) {
		privsep_refuse(reply, "there are no such sockets here");
		return;
	}
	fd = netns_doors_socket(m->doors, q->u.socket.netns_cookie, (int)family);
	if (fd < 0) {
		privsep_refuse(reply, "the network namespace is not served any more");
		return;
	}
	reply->fds[reply->fd_count++] = fd;
	reply->status = 1;
}

static void serve_ca_reload(struct monitor_services *m, struct priv_reply *reply)
{
	struct err e;
	struct ca *fresh =
		ca_open(m->config->ca_dir, m->config->targets, m->config->target_count, &e);

	if (!fresh) {
		privsep_refuse(reply, e.text);
		return;
	}
	ca_free(m->ca);
	m->ca = fresh;
	reply->status = 1;
	log_event(LOG_NOTICE, "ca-reloaded", log_name("dir", m->config->ca_dir));
}

/* Safe: numbers. What only the crew knows, it adds. */
static void serve_facts(const struct monitor_services *m, struct priv_reply *reply)
{
	struct priv_facts *f = &reply->u.facts;

	reply->status = 1;
	f->started = m->started;
	f->ca_not_after = ca_not_after(ca_certificate(m->ca));
	f->cgroups = (uint32_t)list_enrolled(m)->n;
	f->programs = privsep_program_count(m);
	if (m->doors)
		for (const struct netns_door *d = netns_doors_first(m->doors); d; d = d->next)
			f->namespaces++;
	if (m->redirect && redirect_counters(m->redirect, f->kernel) < 0)
		privsep_refuse(reply, "the kernel's counters cannot be read");
}

static bool changes(uint32_t kind)
{
	return kind == PRIV_ENROLL || kind == PRIV_UNENROLL || kind == PRIV_CA_RELOAD ||
	       kind == PRIV_PROGRAM_ENROLL || kind == PRIV_PROGRAM_UNENROLL;
}

static void serve_kind(struct monitor_services *m, const struct priv_request *request,
		       struct priv_reply *reply)
{
	switch (request->kind) {
	case PRIV_FLOW_TAKE:
		serve_flow(m, &request->u.flow, reply);
		break;
	case PRIV_PEER:
		serve_peer(m, request, reply);
		break;
	case PRIV_LEAF:
		serve_leaf(m, request, reply);
		break;
	case PRIV_ENROLL:
	case PRIV_UNENROLL:
		serve_cgroup(m, request, reply);
		break;
	case PRIV_LIST:
		serve_list(m, request->u.list.offset, reply);
		break;
	case PRIV_FACTS:
		serve_facts(m, reply);
		break;
	case PRIV_COUNTERS: /* safe: numbers */
		reply->status =
			m->redirect ? redirect_counters(m->redirect, reply->u.counters) + 1 : 0;
		break;
	case PRIV_PROGRAM_ENROLL:
	case PRIV_PROGRAM_UNENROLL:
	case PRIV_PROGRAMS:
		privsep_serve_program(m, request, reply);
		break;
	case PRIV_CA_RELOAD: /* safe: reads what root put there */
		serve_ca_reload(m, reply);
		break;
	case PRIV_ALIVE: /* safe: a lie, too, is a worker's that has its connections anyway */
		reply->status = 1;
		break;
	case PRIV_SOCKET:
		serve_socket(m, request, reply);
		break;
	case PRIV_NETNS: /* safe: numbers */
		reply->status = 1;
		if (m->doors)
			netns_doors_list(m->doors, request->u.list.offset, reply);
		break;
	case PRIV_READY: /* safe: at worst, connections wait for a worker that never takes them */
		reply->status = 1;
		break;
	default:
		privsep_refuse(reply, "no such request");
	}
}

void privsep_serve(struct monitor_services *m, const struct priv_request *request, int connection,
		   struct priv_reply *reply)
{
	struct err e;

	*reply = (struct priv_reply){.kind = request->kind, .id = request->id};
	if (!changes(request->kind)) {
		serve_kind(m, request, reply);
		return;
	}
	if (monitor_judge(m, connection, &e) < 0)
		privsep_refuse(reply, e.text);
	else
		serve_kind(m, request, reply);
	privsep_record(m, request, connection, reply);
}

void privsep_answered(struct monitor_services *m, const struct priv_request *request,
		      const struct priv_reply *reply)
{
	if (request->kind == PRIV_FLOW_TAKE && m->redirect && reply->u.flow.connected_ns)
		redirect_flow_drop(m->redirect, &request->u.flow, &reply->u.flow);
}
