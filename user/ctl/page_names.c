/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A team, a host or a container may be called after an account or an instance. What is an identifier
 * in such a name is masked as in a request, with numbers that are of this page alone.
 */
#include "../mask/explain.h"
#include "masking.h"
#include "page.h"

#include <string.h>

#define MEMORY ((size_t)256 << 20)
#define NAME_BYTES 2048 /* of one that is looked at; longer ones end there */

/* The places of names that are shown: of four tables. */
struct names {
	const char **at[4 * PAGE_ROWS_MAX];
	size_t n;
};

static void add(struct names *names, const char **at)
{
	names->at[names->n++] = at;
}

static void add_list(struct names *names, struct page_list *l)
{
	for (size_t i = 0; i < l->n && i < PAGE_ROWS_MAX; i++)
		add(names, &l->item[i].name);
}

/* One on each line, so that what gives a value away in one name gives it away in all. */
static int join(const struct names *names, struct buf *text)
{
	for (size_t i = 0; i < names->n; i++) {
		const char *name = *names->at[i];
		size_t n = strnlen(name, NAME_BYTES);

		for (size_t k = 0; k < n; k++)
			if (buf_append(text, name[k] == '\n' ? "?" : name + k, 1))
				return -1;
		if (buf_append(text, "\n", 1))
			return -1;
	}
	return 0;
}

static int take_back(struct page *p, const struct names *names, const struct buf *masked)
{
	const char *at = (const char *)buf_bytes(masked), *end = at + buf_len(masked);

	for (size_t i = 0; i < names->n; i++) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		json_t *kept;

		if (!line)
			return -1;
		if (strncmp(*names->at[i], at, (size_t)(line - at)) ||
		    (*names->at[i])[line - at] != 0) {
			/* What is no UTF-8 has no JSON; such names come from no daemon of ours. */
			kept = json_stringn(at, (size_t)(line - at));
			if (!kept || json_array_append_new(p->kept, kept))
				return -1;
			*names->at[i] = json_string_value(kept);
			p->masked_names++;
		}
		at = line + 1;
	}
	return at == end ? 0 : -1;
}

static int mask(struct page *p, const struct names *names, const struct catalogue *c, struct err *e)
{
	struct explain *x = explain_new(c, MEMORY);
	struct buf text, masked;
	int result = -1;

	buf_init(&text, EXPLAIN_TEXT_MAX);
	buf_init(&masked, MEMORY);
	if (!x || join(names, &text))
		err_set(e, "the names on the page are too long, or memory is out");
	else if (explain_scan(x, &policy_default, buf_bytes(&text), buf_len(&text), false) ||
		 explain_masked(x, &masked) || take_back(p, names, &masked))
		err_set(e, "the names on the page could not be masked");
	else
		result = 0;
	explain_free(x);
	buf_free(&text);
	buf_free(&masked);
	return result;
}

int page_mask_names(struct page *p, const struct config *config, struct err *e)
{
	struct names names = {.n = 0};
	struct masking by;
	int result = -1;

	add_list(&names, &p->cgroups);
	add_list(&names, &p->targets);
	for (size_t i = 0; i < p->hosts && i < PAGE_ROWS_MAX; i++)
		add(&names, &p->host[i].name);
	for (size_t i = 0; i < p->enrolled_count && i < PAGE_ROWS_MAX; i++)
		add(&names, &p->enrolled[i].name);
	if (!p->kept)
		p->kept = json_array();
	/* The rules alone: whatever its policy, an identifier is one. */
	if (masking_open(&by, config, NULL, e) == 0)
		result = mask(p, &names, by.catalogue, e);
	masking_close(&by);
	return result;
}
