/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

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

static int compare(const char *text, const uint8_t *value, size_t len)
{
	size_t n = strlen(text);
	int diff = memcmp(text, value, n < len ? n : len);

	return diff ? diff : (n > len) - (n < len);
}

static bool is_listed(const uint8_t *value, size_t len)
{
	size_t low = 0, high = sizeof(examples) / sizeof(*examples);

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int diff = compare(examples[mid], value, len);

		if (!diff)
			return true;
		if (diff < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* Credentials and ids that are made up for a text say so in capitals. */
static bool says_example(enum mask_type type, const uint8_t *value, size_t len)
{
	static const char word[] = "EXAMPLE";

	return (type == TYPE_ACCESS_KEY_ID || type == TYPE_IAM_UNIQUE_ID ||
		type == TYPE_SECRET_ACCESS_KEY || type == TYPE_ROUTE53_ZONE) &&
	       memmem(value, len, word, sizeof(word) - 1);
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

bool policy_has(const struct mask_policy *p, const struct types *types, enum action action)
{
	for (unsigned t = 0; t < types_count(types); t++)
		if (p->actions[t] == action)
			return true;
	return false;
}
