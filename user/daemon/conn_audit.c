/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's records in the audit log: counts and names, never values. */
#include "conn_private.h"

static void begin(const struct conn *c, struct audit_record *r, enum audit_event event,
		  enum audit_verdict verdict)
{
	const struct identity *who = &c->who;

	audit_begin(r, event, verdict);
	r->observe = conn_observes(c);
	audit_number(r, AUDIT_UID, who->uid);
	if (who->pid) {
		audit_number(r, AUDIT_PID, who->pid);
		audit_text(r->comm, sizeof(r->comm), who->comm);
	}
	audit_text(r->cgroup, sizeof(r->cgroup), who->cgroup);
	audit_text(r->container, sizeof(r->container), who->in.name);
	audit_number(r, AUDIT_PORT, c->port ? c->port : c->flow.port);
	audit_number(r, AUDIT_DURATION_MS,
		     (uv_hrtime() - (event == AUDIT_FLOW ? c->accepted_ns : c->begun_ns)) /
			     1000000);
}

/* Returns how many values were replaced. */
static uint64_t put_types(const struct conn *c, struct audit_record *r,
			  const struct mask_counts *counts)
{
	const struct types *types = c->thread->worker->types;
	uint64_t all = 0;

	for (unsigned t = mask_counts_next(counts, 0); t < types_count(types);
	     t = mask_counts_next(counts, t + 1)) {
		size_t found = mask_counts_found(counts, (enum mask_type)t);
		size_t replaced = r->observe ? 0 : counts->by_type[t];
		size_t seen = r->observe ? found : counts->observed[t];
		const char *label = types_info(types, (enum mask_type)t)->label;

		if (replaced)
			audit_count(r->masked, &r->masked_count, label, replaced);
		if (seen)
			audit_count(r->observed, &r->observed_count, label, seen);
		all += replaced;
	}
	return all;
}

static void put_placeholders(const struct conn *c, struct audit_record *r,
			     const struct exchange_facts *f)
{
	const struct types *types = c->thread->worker->types;
	size_t n = f->used_count < EXCHANGE_USED_MAX ? f->used_count : EXCHANGE_USED_MAX;

	for (size_t i = 0; i < n && i < AUDIT_PLACEHOLDERS_MAX; i++) {
		struct audit_count *p = &r->placeholders[r->placeholder_count++];

		audit_text(p->label, sizeof(p->label), types_info(types, f->used[i].type)->label);
		p->n = f->used[i].number;
	}
	r->more_placeholders = (uint32_t)(f->used_count - r->placeholder_count);
}

static enum audit_verdict verdict_of(const struct exchange_facts *f, uint64_t replaced)
{
	if (f->refusal >= 0)
		return AUDIT_REFUSED;
	return replaced ? AUDIT_MASKED : AUDIT_PASSED;
}

void conn_audit_request(struct conn *c)
{
	const struct exchange_facts *f = exchange_facts(c->exchange);
	struct audit_record r;

	if (!c->thread->audit)
		return;
	begin(c, &r, AUDIT_REQUEST, AUDIT_NONE);
	audit_text(r.target, sizeof(r.target), conn_host_name(c));
	audit_text(r.method, sizeof(r.method), f->method);
	audit_text(r.path, sizeof(r.path), f->path);
	r.verdict = verdict_of(f, put_types(c, &r, &f->masked));
	if (f->refusal >= 0)
		audit_text(r.reason, sizeof(r.reason), refusal_word((enum refusal)f->refusal));
	if (f->status)
		audit_number(&r, AUDIT_STATUS, f->status);
	r.stream = f->stream;
	put_placeholders(c, &r, f);
	audit_number(&r, AUDIT_RESTORED, f->unmasked.restored);
	if (f->unmasked.unknown)
		audit_number(&r, AUDIT_UNKNOWN, f->unmasked.unknown);
	audit_number(&r, AUDIT_BYTES_IN, f->request_bytes);
	audit_number(&r, AUDIT_BYTES_OUT, f->answer_bytes);
	if (c->added_ns)
		audit_number(&r, AUDIT_ADDED_US, c->added_ns / 1000);
	r.usage = f->usage;
	audit_send(c->thread->audit, &r);
}

void conn_audit_flow(struct conn *c, enum audit_verdict verdict, const char *why)
{
	struct audit_record r;

	if (!c->thread->audit || c->told_flow)
		return;
	c->told_flow = true;
	begin(c, &r, AUDIT_FLOW, verdict);
	audit_text(r.target, sizeof(r.target), conn_host_name(c));
	audit_text(r.reason, sizeof(r.reason), why);
	if (verdict == AUDIT_SPLICED)
		audit_number(&r, AUDIT_BYTES, c->moved);
	audit_send(c->thread->audit, &r);
}
