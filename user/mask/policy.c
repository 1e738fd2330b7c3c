/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include <stdlib.h>
#include <string.h>

const struct mask_policy policy_default = {
	.actions =
		{
#define TYPE(...)
#define RULE(...)
#define OPTIONAL(name) [TYPE_##name] = ACTION_ALLOW,
#include "catalogue.def"
#undef TYPE
#undef RULE
		},
	.keep_examples = true,
};

static const char *const examples[] = {
#define EXAMPLE(value, source) value,
#include "examples.def"
#undef EXAMPLE
};

struct candidate {
	const uint8_t *value;
	size_t len;
};

static int compare_example(const void *key, const void *element)
{
	const struct candidate *v = key;
	const char *text = *(const char *const *)element;
	size_t n = strlen(text);
	int diff = memcmp(v->value, text, n < v->len ? n : v->len);

	return diff ? diff : (v->len > n) - (v->len < n);
}

static bool is_listed(const uint8_t *value, size_t len)
{
	const struct candidate v = {value, len};

	return bsearch(&v, examples, sizeof(examples) / sizeof(*examples), sizeof(*examples),
		       compare_example);
}

/*
 * Credentials and ids that are made up for a text say so in capitals, most at their end. In the
 * middle of a real one the letters may stand by chance.
 */
static bool says_example(enum mask_type type, const uint8_t *value, size_t len)
{
	static const char word[] = "EXAMPLE";
	size_t n = sizeof(word) - 1;

	if (len < n)
		return false;
	switch (type) {
	case TYPE_ACCESS_KEY_ID:
	case TYPE_IAM_UNIQUE_ID:
		return memcmp(value + len - n, word, n) == 0;
	case TYPE_SECRET_ACCESS_KEY:
		return memmem(value + len / 2, len - len / 2, word, n) != NULL;
	case TYPE_ROUTE53_ZONE:
		return len >= 4 + n && memcmp(value + 4, word, n) == 0;
	default:
		return false;
	}
}

enum action policy_action(const struct mask_policy *p, enum mask_type type, const uint8_t *value,
			  size_t len)
{
	enum action action = (enum action)p->actions[type];

	if (type == TYPE_LITERAL)
		return ACTION_MASK;
	if (action == ACTION_ALLOW || (p->allow && known_has(p->allow, TYPE_LITERAL, value, len)))
		return ACTION_ALLOW;
	if (p->keep_examples && (is_listed(value, len) || says_example(type, value, len)))
		return ACTION_ALLOW;
	return action;
}

static bool has_lists(const struct mask_policy *p)
{
	bool any = p->allow != NULL;

	for (size_t i = 0; i < POLICY_LITERALS; i++)
		any |= p->literals[i] != NULL;
	return any;
}

bool policy_same(const struct mask_policy *a, const struct mask_policy *b)
{
	if (a->edition != b->edition || (!a->edition && (has_lists(a) || has_lists(b))))
		return false;
	for (size_t i = 0; i < POLICY_LITERALS; i++)
		if (a->literals[i] != b->literals[i])
			return false;
	return a->allow == b->allow && a->keep_examples == b->keep_examples &&
	       !memcmp(a->actions, b->actions, sizeof(a->actions));
}

bool policy_has(const struct mask_policy *p, const struct types *types, enum action action)
{
	return memchr(p->actions, action, types_count(types)) != NULL;
}
