/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TESTS_POLICY_RIG_H
#define AWSMASK_TESTS_POLICY_RIG_H
/* Masking by a configuration, as the daemon does it, with a vault in memory. */
#include "../../user/daemon/policies.h"
#include "../mask_world.h"

#include <criterion/criterion.h>

struct ruled {
	struct config *config;
	struct types *types;
	struct policies *policies;
	struct world w;
};

/* `content`: of its lists' files; may be NULL. */
static inline void ruled_begin(struct ruled *r, const char *yaml, const struct buf *content)
{
	const struct buf none = {0};
	struct err e = {""};

	world_init(&r->w);
	r->config = config_parse("a.yaml", yaml, strlen(yaml), &e);
	cr_assert_not_null(r->config, "%s", e.text);
	r->types = config_own_types(r->config);
	cr_assert_not_null(r->types);
	cr_assert_eq(policies_extend(r->w.catalogue, r->config, r->types, &e), 0, "%s", e.text);
	r->policies = policies_new(r->config, r->types, content ? content : &none, &e);
	cr_assert_not_null(r->policies, "%s", e.text);
	mask_free(r->w.mask);
	r->w.mask = mask_new(r->w.catalogue, WORLD_MEMORY);
	r->w.vault.scope.types = r->types;
}

static inline void ruled_end(struct ruled *r)
{
	world_free(&r->w);
	policies_free(r->policies);
	types_free(r->types);
	config_free(r->config);
}

/* Mask a text for a host into r->w.out; what restores it must be the text again (I2). */
static inline enum mask_error ruled_text(struct ruled *r, const char *host, const char *text)
{
	struct policy_source *source = policies_source(r->policies);
	const struct mask_policy *policy = source->take(source, host);
	struct mask *m = r->w.mask;
	enum mask_error wrong;
	struct buf back;

	mask_reset(m);
	mask_follow(m, policy);
	mask_know(m, &r->w.vault.scope);
	wrong = mask_scan_text(m, 0, (const uint8_t *)text, strlen(text));
	if (wrong == MASK_OK)
		wrong = mask_learn(m);
	mask_follow(m, &policy_default);
	source->done(source, policy);
	if (wrong != MASK_OK)
		return wrong;
	world_finish(&r->w, (const uint8_t *)text, strlen(text));
	buf_init(&back, WORLD_MEMORY);
	world_restore(&r->w, buf_bytes(&r->w.out), buf_len(&r->w.out), &back);
	cr_expect(buf_len(&back) == strlen(text) && !memcmp(buf_bytes(&back), text, buf_len(&back)),
		  "came back: %s", text);
	buf_free(&back);
	return MASK_OK;
}

static inline void ruled_expect(struct ruled *r, const char *host, const char *text,
				const char *want)
{
	cr_assert_eq(ruled_text(r, host, text), MASK_OK, "%s", text);
	cr_expect(buf_len(&r->w.out) == strlen(want) &&
			  !memcmp(buf_bytes(&r->w.out), want, strlen(want)),
		  "'%.*s', not '%s'", (int)buf_len(&r->w.out), (const char *)buf_bytes(&r->w.out),
		  want);
}

/* One text under one configuration. */
static inline void ruled_once(const char *yaml, const char *text, const char *want)
{
	struct ruled r;

	ruled_begin(&r, yaml, NULL);
	ruled_expect(&r, "", text, want);
	ruled_end(&r);
}

/* The content of one list's file, as it travels. */
static inline struct buf ruled_content(const char *text, size_t len)
{
	uint64_t size = len;
	struct buf content;

	buf_init(&content, (size_t)1 << 30);
	cr_assert_eq(buf_append(&content, &size, sizeof(size)), 0);
	cr_assert_eq(buf_append(&content, text, len), 0);
	return content;
}

#endif
