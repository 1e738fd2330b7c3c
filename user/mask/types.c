/* SPDX-License-Identifier: Apache-2.0 */
#include "types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const sensitivity_names[SENSITIVITY_COUNT] = {
	[SENSITIVITY_ID] = "id",
	[SENSITIVITY_NETWORK] = "network",
	[SENSITIVITY_NAME] = "name",
	[SENSITIVITY_SECRET] = "secret",
};

const struct type_info type_table[TYPE_COUNT] = {
#define TYPE(name, sensitivity, description, source)                                               \
	[TYPE_##name] = {#name, sizeof(#name) - 1, SENSITIVITY_##sensitivity, description, source},
#define RULE(...)
#include "catalogue.def"
#undef TYPE
#undef RULE
};

static const bool optional[TYPE_COUNT] = {
#define TYPE(...)
#define RULE(...)
#define OPTIONAL(name) [TYPE_##name] = true,
#include "catalogue.def"
#undef TYPE
#undef RULE
};

const struct types types_builtin = {.own_count = 0};

bool type_is_optional(enum mask_type type)
{
	return type < TYPE_COUNT && optional[type];
}

struct types *types_new(void)
{
	return calloc(1, sizeof(struct types));
}

void types_free(struct types *t)
{
	free(t);
}

enum mask_type types_find(const struct types *t, const char *label, size_t len)
{
	for (unsigned i = 0; i < types_count(t); i++) {
		const struct type_info *info = types_info(t, (enum mask_type)i);

		if (info->label_len == len && memcmp(info->label, label, len) == 0)
			return (enum mask_type)i;
	}
	return TYPE_NONE;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* As catalogue.def wants the names of its types. */
static bool is_label(const char *label, size_t len)
{
	unsigned digits = 0;
	bool number = false;

	if (len < 2 || len > LABEL_MAX || !is_capital(label[0]) || label[len - 1] == '_')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_capital(label[i]) && !is_digit(label[i]) && label[i] != '_')
			return false;
		number = label[i] == '_' || (number && is_digit(label[i]));
		digits = number && is_digit(label[i]) ? digits + 1 : 0;
		if (digits == 3)
			return false;
	}
	return true;
}

static bool ends_with(const char *label, size_t len, const char *end, size_t end_len)
{
	return end_len <= len && memcmp(label + len - end_len, end, end_len) == 0;
}

/* 0, or -1: the two could not be told apart before a number. */
static int check_apart(const struct type_info *other, const char *label, size_t len, char *why,
		       size_t why_size)
{
	bool inner = ends_with(label, len, other->label, other->label_len);
	bool outer = ends_with(other->label, other->label_len, label, len);

	if (!inner && !outer)
		return 0;
	if (inner && outer)
		snprintf(why, why_size, "there is a type %s already", label);
	else
		snprintf(why, why_size, "%s ends with the name of the type %s",
			 inner ? label : other->label, inner ? other->label : label);
	return -1;
}

int types_add(struct types *t, const char *label, enum mask_type *type, char *why, size_t why_size)
{
	size_t len = strlen(label);
	struct own_type *own;

	if (!is_label(label, len)) {
		snprintf(why, why_size,
			 "a type's name is 2 to %d capitals, digits and _, the first a capital, "
			 "the last no _, and without a _ and three digits in it",
			 LABEL_MAX);
		return -1;
	}
	for (unsigned i = 0; i < types_count(t); i++)
		if (check_apart(types_info(t, (enum mask_type)i), label, len, why, why_size) < 0)
			return -1;
	if (t->own_count == TYPES_OWN_MAX) {
		snprintf(why, why_size, "there are more than %d own types", TYPES_OWN_MAX);
		return -1;
	}
	*type = (enum mask_type)types_count(t);
	own = &t->own[t->own_count++];
	memcpy(own->label, label, len + 1);
	own->info = (struct type_info){own->label, len, SENSITIVITY_NAME, "type of your own",
				       "the configuration"};
	return 0;
}
