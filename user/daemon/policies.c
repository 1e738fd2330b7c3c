/* SPDX-License-Identifier: Apache-2.0 */
#include "policies.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SET_MAX ((size_t)1 << 30) /* bytes of a table */

struct edition;

/* One target's. */
struct held_policy {
	struct mask_policy policy; /* first */
	struct edition *edition;
	const char *host; /* the configuration's; "": every other one */
};

/* All policies of one moment; immutable. The last to let it go frees it. */
struct edition {
	atomic_size_t holders;
	uint64_t number;
	struct known literals[POLICY_LITERALS]; /* long ones, short ones */
	struct known allow;
	size_t n;
	struct held_policy held[];
};

struct policies {
	struct policy_source source; /* first */
	const struct config *config;
	const struct types *types;
	pthread_mutex_t lock;
	struct edition *edition;
	_Atomic uint64_t editions; /* that there were */
};

static void edition_drop(struct edition *ed)
{
	if (!ed || atomic_fetch_sub_explicit(&ed->holders, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < POLICY_LITERALS; i++)
		known_free(&ed->literals[i]);
	known_free(&ed->allow);
	free(ed);
}

/* A list's values, by their length. */
struct filling {
	struct known *long_ones, *short_ones;
	enum mask_type type;
};

static int add_value(void *arg, const uint8_t *value, size_t len)
{
	const struct filling *f = arg;

	return known_add(len < KNOWN_MIN ? f->short_ones : f->long_ones, f->type, value, len);
}

static int add_list(const struct config_list *list, const struct buf *content, size_t *at,
		    struct filling *f, struct err *e)
{
	const uint8_t *text;
	size_t len;

	for (size_t i = 0; i < list->count; i++)
		if (add_value(f, (const uint8_t *)list->literals[i], strlen(list->literals[i])))
			return err_set(e, "memory is out");
	if (!list->file[0])
		return 0;
	if (list_next(content, at, &text, &len) != 1)
		return err_set(e, "%s: its content has not come", list->file);
	return list_parse(list->file, text, len, add_value, f, e);
}

/* In the order of list_files(). */
static int fill(struct edition *ed, const struct policies *p, const struct buf *content,
		struct err *e)
{
	const struct config *c = p->config;
	struct filling f = {&ed->allow, &ed->allow, TYPE_LITERAL};
	size_t at = 0;

	if (add_list(&c->allow, content, &at, &f, e) < 0)
		return -1;
	f.long_ones = &ed->literals[0];
	f.short_ones = &ed->literals[1];
	for (size_t i = 0; i < c->type_count; i++) {
		f.type = types_find(p->types, c->types[i].name, strlen(c->types[i].name));
		if (add_list(&c->types[i].list, content, &at, &f, e) < 0)
			return -1;
	}
	return 0;
}

static void set_policy(struct held_policy *h, const struct policies *p)
{
	struct edition *ed = h->edition;

	h->policy.keep_examples = p->config->keep_examples;
	h->policy.edition = ed->number;
	for (unsigned t = 0; t < types_count(p->types); t++)
		h->policy.actions[t] =
			(uint8_t)config_action(p->config, p->types, (enum mask_type)t, h->host);
	for (size_t i = 0; i < POLICY_LITERALS; i++)
		h->policy.literals[i] = known_count(&ed->literals[i]) ? &ed->literals[i] : NULL;
	h->policy.allow = known_count(&ed->allow) ? &ed->allow : NULL;
}

static bool has_host(const struct edition *ed, const char *host)
{
	for (size_t i = 0; i < ed->n; i++)
		if (!strcasecmp(ed->held[i].host, host))
			return true;
	return false;
}

static size_t count_targets(const struct config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->type_count; i++)
		n += c->types[i].target_count;
	return n;
}

static struct edition *edition_new(struct policies *p, const struct buf *content, struct err *e)
{
	const struct config *c = p->config;
	size_t most = count_targets(c) + 1;
	struct edition *ed = calloc(1, sizeof(*ed) + most * sizeof(ed->held[0]));

	if (!ed) {
		err_set(e, "memory is out");
		return NULL;
	}
	ed->holders = 1;
	ed->number = ++p->editions;
	for (size_t i = 0; i < POLICY_LITERALS; i++)
		known_init(&ed->literals[i], SET_MAX);
	known_init(&ed->allow, SET_MAX);
	if (fill(ed, p, content, e) < 0) {
		edition_drop(ed);
		return NULL;
	}
	ed->held[ed->n++] = (struct held_policy){.edition = ed, .host = ""};
	for (size_t i = 0; i < c->type_count; i++)
		for (size_t j = 0; j < c->types[i].target_count; j++)
			if (!has_host(ed, c->types[i].targets[j].host))
				ed->held[ed->n++] = (struct held_policy){
					.edition = ed, .host = c->types[i].targets[j].host};
	for (size_t i = 0; i < ed->n; i++)
		set_policy(&ed->held[i], p);
	return ed;
}

static const struct mask_policy *take(struct policy_source *s, const char *host)
{
	struct policies *p = (struct policies *)s; /* it is the first member */
	const struct held_policy *found;
	struct edition *ed;

	pthread_mutex_lock(&p->lock);
	ed = p->edition;
	atomic_fetch_add_explicit(&ed->holders, 1, memory_order_relaxed);
	pthread_mutex_unlock(&p->lock);
	found = &ed->held[0];
	for (size_t i = 1; i < ed->n; i++)
		if (!strcasecmp(ed->held[i].host, host))
			found = &ed->held[i];
	return &found->policy;
}

static void done(struct policy_source *s, const struct mask_policy *policy)
{
	(void)s;
	edition_drop(((const struct held_policy *)policy)->edition); /* it is the first member */
}

struct policies *policies_new(const struct config *c, const struct types *types,
			      const struct buf *content, struct err *e)
{
	struct policies *p = calloc(1, sizeof(*p));

	if (!p) {
		err_set(e, "memory is out");
		return NULL;
	}
	p->source = (struct policy_source){.take = take, .done = done};
	p->config = c;
	p->types = types;
	pthread_mutex_init(&p->lock, NULL);
	p->edition = edition_new(p, content, e);
	if (p->edition)
		return p;
	policies_free(p);
	return NULL;
}

void policies_free(struct policies *p)
{
	if (!p)
		return;
	edition_drop(p->edition);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int policies_reload(struct policies *p, const struct buf *content, struct err *e)
{
	struct edition *ed = edition_new(p, content, e), *old;

	if (!ed)
		return -1;
	pthread_mutex_lock(&p->lock);
	old = p->edition;
	p->edition = ed;
	pthread_mutex_unlock(&p->lock);
	edition_drop(old);
	return 0;
}

struct policy_source *policies_source(struct policies *p)
{
	return &p->source;
}

int policies_extend(struct catalogue *catalogue, const struct config *c, const struct types *types,
		    struct err *e)
{
	const char *anchors[OWN_ANCHORS_MAX + 1];
	char why[256] = "";

	if (catalogue_extend(catalogue, types, NULL, 0, why, sizeof(why)) < 0)
		return err_set(e, "%s", why);
	for (size_t i = 0; i < c->type_count; i++) {
		const struct config_type *t = &c->types[i];
		struct own_rule rule;

		if (!t->expression[0])
			continue;
		rule = config_rule(t, types_find(types, t->name, strlen(t->name)), anchors);
		if (catalogue_extend(catalogue, types, &rule, 1, why, sizeof(why)) < 0)
			return err_set(e, "%s", why);
	}
	return 0;
}
