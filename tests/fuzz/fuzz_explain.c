/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explaining, held against masking: what is explained as masked is what is masked, places follow one
 * another, and a second time the same is said. The first byte chooses: its lowest bit a body, the
 * others the policy.
 */
#include "../../user/mask/explain.h"
#include "../mask_world.h"
#include "fuzz.h"

#define TEXT_MAX 4096

/* Two bits for each class of types; 0: the default. */
static struct mask_policy policy_of(uint8_t choice)
{
	struct mask_policy p = policy_default;

	for (int t = 0; choice && t < TYPE_COUNT; t++)
		p.actions[t] = (uint8_t)(choice >> (2 * type_table[t].sensitivity) & 3);
	return p;
}

static void check_items(const struct explain *x, size_t len)
{
	const struct explain_item *items;
	size_t n, end = 0;

	items = explain_items(x, &n);
	for (size_t i = 0; i < n; i++) {
		const char *words = explain_words(x, &items[i]);

		MUST(items[i].start >= end && items[i].start < items[i].end);
		MUST(items[i].end <= len);
		MUST((items[i].number > 0) == (items[i].action == ACTION_MASK));
		MUST(items[i].why_len > 20 && strlen(words) == items[i].why_len);
		MUST(words[items[i].why_len - 1] == '.');
		end = items[i].end;
	}
}

static void check_masked(struct world *w, const struct explain *x, const uint8_t *p, size_t len,
			 bool json)
{
	enum mask_error e;
	struct buf out;

	world_forget(w);
	w->vault.unlogged = true;
	buf_init(&out, WORLD_MEMORY);
	MUST(explain_masked(x, &out) == 0);
	e = json ? world_json(w, p, len, SCHEMA_MESSAGES) : world_text(w, p, len);
	MUST(e == MASK_OK && buf_len(&out) == buf_len(&w->out));
	MUST(!buf_len(&out) || !memcmp(buf_bytes(&out), buf_bytes(&w->out), buf_len(&out)));
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct explain *x;
	static struct world w;
	struct mask_policy p;
	enum mask_error e;
	bool json;
	size_t n, before;

	if (!x) {
		world_init(&w);
		x = explain_new(w.catalogue, WORLD_MEMORY);
		MUST(x != NULL);
	}
	if (!size || size > TEXT_MAX)
		return 0;
	json = *data & 1;
	p = policy_of(*data & 0xfe);
	data++;
	size--;
	e = explain_scan(x, &p, data, size, json);
	if (e != MASK_OK)
		return 0;
	check_items(x, size);
	explain_items(x, &n);
	before = n;
	if (!memcmp(&p, &policy_default, sizeof(p)))
		check_masked(&w, x, data, size, json);
	MUST(explain_scan(x, &p, data, size, json) == MASK_OK);
	check_items(x, size);
	explain_items(x, &n);
	MUST(n == before);
	return 0;
}
