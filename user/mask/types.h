/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TYPES_H
#define AWSMASK_TYPES_H
/*
 * The types of identifiers: those of the catalogue have their numbers from the compiler, users' own
 * get theirs when the configuration is read. A type that is configured no longer, but of which the
 * vault still has values, is an own type too, so that they are restored. On disk a type is its
 * label, for own numbers hold for one process only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LABEL_MAX 32
#define TYPES_CONFIGURED_MAX 64 /* own ones of the configuration */
#define TYPES_OWN_MAX 256	/* and those that only the vault remembers */

enum sensitivity { SENSITIVITY_ID, SENSITIVITY_NETWORK, SENSITIVITY_NAME, SENSITIVITY_SECRET };
#define SENSITIVITY_COUNT (SENSITIVITY_SECRET + 1)

/* TYPE_LITERAL is 0: text that already looks like a placeholder (I2). */
enum mask_type {
#define TYPE(name, ...) TYPE_##name,
#define RULE(...)
#include "catalogue.def"
#undef TYPE
#undef RULE
	TYPE_COUNT, /* of the catalogue; from here on own ones */
	TYPE_MAX = TYPE_COUNT + TYPES_OWN_MAX,
	TYPE_NONE = TYPE_MAX
};

struct type_info {
	const char *label; /* as in a placeholder: [A-Z][A-Z0-9_]*; no label is a proper suffix of
			      another */
	size_t label_len;
	enum sensitivity sensitivity;
	const char *description; /* "EC2 instance id" */
	const char *source;	 /* where the format is documented */
};

/* "id", "network", "name", "secret" */
extern const char *const sensitivity_names[SENSITIVITY_COUNT];

extern const struct type_info type_table[TYPE_COUNT];

/* Left alone unless the configuration names it? (OPTIONAL in catalogue.def) */
bool type_is_optional(enum mask_type type);

struct own_type {
	struct type_info info; /* its label is `label`: must not be moved */
	char label[LABEL_MAX + 1];
};

struct types {
	unsigned own_count;
	struct own_type own[TYPES_OWN_MAX];
};

/* Those of the catalogue alone. */
extern const struct types types_builtin;

__attribute__((warn_unused_result)) struct types *types_new(void); /* NULL: memory is out */
void types_free(struct types *t);

static inline unsigned types_count(const struct types *t)
{
	return TYPE_COUNT + t->own_count;
}

/* The type must be one of these. */
static inline const struct type_info *types_info(const struct types *t, enum mask_type type)
{
	return type < TYPE_COUNT ? &type_table[type] : &t->own[type - TYPE_COUNT].info;
}

/* The type of this label, TYPE_NONE when there is none. */
enum mask_type types_find(const struct types *t, const char *label, size_t len);

/*
 * One more own type, a name that somebody chose (SENSITIVITY_NAME). 0 and its number, or -1 and in
 * `why` what is wrong with the label: its grammar, that it is taken, or that it ends with another
 * one, or another one with it.
 */
__attribute__((warn_unused_result)) int types_add(struct types *t, const char *label,
						  enum mask_type *type, char *why, size_t why_size);

#endif
