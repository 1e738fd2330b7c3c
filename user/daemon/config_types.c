/* SPDX-License-Identifier: Apache-2.0 */
/* The key `types`: what is done with each type, and own ones. */
#include "config_reader.h"
#include "config_types.h"
#include "config_value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TYPES_MAX 1024 /* lines */
#define TARGETS_MAX 256

static const char name_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

/* The sensitivity of that name, -1: there is none. */
static int class_of(const char *name)
{
	for (int i = 0; i < SENSITIVITY_COUNT; i++)
		if (!strcmp(sensitivity_names[i], name))
			return i;
	return -1;
}

static bool is_own(const struct config_type *t)
{
	return t->expression[0] || t->list.count || t->list.file[0];
}

static int read_action(struct reader *r, const char *key, enum action *action)
{
	char text[SHOWN_MAX + 4];

	for (int i = 0; config_action_words[i]; i++) {
		if (!strcmp(config_action_words[i], reader_scalar(r))) {
			*action = (enum action)i;
			return 0;
		}
	}
	return err_set(r->e, "%s:%zu: %s is '%s'; write mask, block, observe or allow", r->file,
		       reader_line(r), key, reader_shown(reader_scalar(r), text));
}

/* A mapping of lines that only `add` understands; the current event is the line's key. */
static int read_lines(struct reader *r, const char *key,
		      int (*add)(struct reader *r, const char *key, struct config_type *t),
		      struct config_type *t)
{
	if (reader_want(r, YAML_MAPPING_START_EVENT, key, "a mapping in { }"))
		return -1;
	for (;;) {
		if (reader_next(r))
			return -1;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		if (add(r, key, t))
			return -1;
	}
}

static int add_target(struct reader *r, const char *key, struct config_type *t)
{
	struct config_target *grown;
	char host[HOST_MAX], text[SHOWN_MAX + 4];

	if (reader_want(r, YAML_SCALAR_EVENT, key, "host: action"))
		return -1;
	if (config_host(reader_scalar(r), host))
		return err_set(r->e, "%s:%zu: %s names '%s'; write a host of the list targets",
			       r->file, reader_line(r), key, reader_shown(reader_scalar(r), text));
	for (size_t i = 0; i < t->target_count; i++)
		if (!strcmp(t->targets[i].host, host))
			return err_set(r->e, "%s:%zu: %s names %s twice; remove one", r->file,
				       reader_line(r), key, host);
	if (t->target_count == TARGETS_MAX)
		return err_set(r->e, "%s:%zu: %s has more than %d hosts; write fewer", r->file,
			       reader_line(r), key, TARGETS_MAX);
	grown = realloc(t->targets, (t->target_count + 1) * sizeof(*grown));
	if (!grown)
		return reader_out_of_memory(r);
	t->targets = grown;
	grown[t->target_count].host = strdup(host);
	if (!grown[t->target_count].host)
		return reader_out_of_memory(r);
	t->target_count++;
	if (reader_next(r) ||
	    reader_want(r, YAML_SCALAR_EVENT, key, "mask, block, observe or allow"))
		return -1;
	return read_action(r, key, &grown[t->target_count - 1].action);
}

int reader_type_targets(struct reader *r, const char *key, struct config_type *t)
{
	return read_lines(r, key, add_target, t);
}

/* The value of a type's line: an action, or a mapping. */
static int read_type(struct reader *r, struct config_type *t)
{
	enum action action;
	char key[160];

	snprintf(key, sizeof(key), "types.%s", t->name);
	if (reader_next(r))
		return -1;
	if (r->event.type == YAML_MAPPING_START_EVENT)
		return reader_map(r, key, config_type_fields, t);
	if (reader_want(r, YAML_SCALAR_EVENT, key, "mask, block, observe, allow, or a mapping") ||
	    read_action(r, key, &action))
		return -1;
	t->action = (int)action;
	return 0;
}

static const struct config_type *type_line(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->type_count; i++)
		if (!strcmp(c->types[i].name, name))
			return &c->types[i];
	return NULL;
}

static int add_type(struct reader *r, const char *key, struct config_type *none)
{
	struct config *c = r->config;
	char text[SHOWN_MAX + 4];
	struct config_type *grown;

	(void)none;
	if (reader_want(r, YAML_SCALAR_EVENT, key, "TYPE: action"))
		return -1;
	reader_shown(reader_scalar(r), text);
	if (strlen(reader_scalar(r)) > LABEL_MAX ||
	    reader_scalar(r)[strspn(reader_scalar(r), name_bytes)])
		return err_set(r->e,
			       "%s:%zu: %s names '%s'; a type's name has letters, digits and _, at "
			       "most %d of them",
			       r->file, reader_line(r), key, text, LABEL_MAX);
	if (type_line(c, reader_scalar(r)))
		return err_set(r->e, "%s:%zu: %s.%s stands here a second time; remove one", r->file,
			       reader_line(r), key, text);
	if (c->type_count == TYPES_MAX)
		return err_set(r->e, "%s:%zu: %s has more than %d lines; write fewer", r->file,
			       reader_line(r), key, TYPES_MAX);
	grown = realloc(c->types, (c->type_count + 1) * sizeof(*grown));
	if (!grown)
		return reader_out_of_memory(r);
	c->types = grown;
	grown += c->type_count++;
	*grown = (struct config_type){.line = reader_line(r), .action = CONFIG_NO_ACTION};
	strcpy(grown->name, reader_scalar(r));
	return read_type(r, grown);
}

int reader_types(struct reader *r, const char *key)
{
	return read_lines(r, key, add_type, NULL);
}

/* A line about what the catalogue has. */
static int check_named(struct reader *r, const struct config_type *t)
{
	bool known = class_of(t->name) >= 0 ||
		     types_find(&types_builtin, t->name, strlen(t->name)) != TYPE_NONE;

	if (!strcmp(t->name, type_table[TYPE_LITERAL].label))
		return err_set(r->e,
			       "%s:%zu: types.%s is always masked, or placeholders could not be "
			       "told from text that looks like one; remove the line",
			       r->file, t->line, t->name);
	if (!known)
		return err_set(r->e,
			       "%s:%zu: there is no type %s in the catalogue, nor a class of that "
			       "name (id, network, name, secret); a type of your own needs "
			       "expression, literals or file",
			       r->file, t->line, t->name);
	if (t->anchor_count)
		return err_set(r->e, "%s:%zu: types.%s has anchors and no expression; remove them",
			       r->file, t->line, t->name);
	if (t->action == CONFIG_NO_ACTION && !t->target_count)
		return err_set(r->e, "%s:%zu: types.%s says nothing; write an action", r->file,
			       t->line, t->name);
	return 0;
}

static int check_expression(struct reader *r, struct config_type *t, const struct types *types,
			    enum mask_type type)
{
	const char *anchors[OWN_ANCHORS_MAX + 1];
	const struct own_rule rule = config_rule(t, type, anchors);
	char why[256];

	if (own_rule_check(&rule, types, &t->facts, why, sizeof(why)) == 0)
		return 0;
	return err_set(r->e, "%s:%zu: %s; write another expression, or other anchors", r->file,
		       t->line, why);
}

static int check_own(struct reader *r, struct config_type *t, struct types *types)
{
	enum mask_type type;
	char why[256];

	if (class_of(t->name) >= 0)
		return err_set(r->e,
			       "%s:%zu: %s is a class of types and has no expression, literals or "
			       "file of its own; write only its action",
			       r->file, t->line, t->name);
	if (types->own_count == TYPES_CONFIGURED_MAX)
		return err_set(r->e,
			       "%s:%zu: types has more than %d types of your own; write fewer",
			       r->file, t->line, TYPES_CONFIGURED_MAX);
	if (types_add(types, t->name, &type, why, sizeof(why)) < 0)
		return err_set(r->e, "%s:%zu: %s cannot be a type's name: %s; write another one",
			       r->file, t->line, t->name, why);
	if (t->expression[0])
		return check_expression(r, t, types, type);
	if (t->anchor_count)
		return err_set(r->e, "%s:%zu: types.%s has anchors and no expression; remove them",
			       r->file, t->line, t->name);
	return 0;
}

int reader_check_types(struct reader *r)
{
	struct config *c = r->config;
	struct types *types = types_new();
	int rc = types ? 0 : reader_out_of_memory(r);

	for (size_t i = 0; rc == 0 && i < c->type_count; i++) {
		struct config_type *t = &c->types[i];

		rc = is_own(t) ? check_own(r, t, types) : check_named(r, t);
		for (size_t j = 0; rc == 0 && j < t->target_count; j++)
			if (!config_is_target(c, t->targets[j].host))
				rc = err_set(r->e,
					     "%s:%zu: types.%s names %s, which is no target; write "
					     "a host of the list targets",
					     r->file, t->line, t->name, t->targets[j].host);
	}
	types_free(types);
	return rc;
}

struct own_rule config_rule(const struct config_type *t, enum mask_type type,
			    const char *anchors[static OWN_ANCHORS_MAX + 1])
{
	for (size_t i = 0; i < t->anchor_count; i++)
		anchors[i] = t->anchors[i];
	anchors[t->anchor_count] = NULL;
	return (struct own_rule){.type = type,
				 .expression = t->expression,
				 .anchors = t->anchor_count ? anchors : NULL};
}

struct types *config_own_types(const struct config *c)
{
	struct types *types = types_new();
	enum mask_type type;
	char why[256];

	for (size_t i = 0; types && i < c->type_count; i++) {
		if (!is_own(&c->types[i]) ||
		    types_add(types, c->types[i].name, &type, why, sizeof(why)) == 0)
			continue;
		types_free(types); /* it has been checked: cannot be */
		types = NULL;
	}
	return types;
}

/* What a line says about a target; CONFIG_NO_ACTION: nothing. */
static int line_action(const struct config_type *t, const char *host)
{
	if (!t)
		return CONFIG_NO_ACTION;
	for (size_t i = 0; i < t->target_count; i++)
		if (!strcasecmp(t->targets[i].host, host))
			return (int)t->targets[i].action;
	return t->action;
}

const struct config_type *config_action_line(const struct config *c, const struct types *types,
					     enum mask_type type, const char *host)
{
	const struct type_info *info = types_info(types, type);
	const struct config_type *line = type_line(c, info->label);

	if (line_action(line, host) != CONFIG_NO_ACTION)
		return line;
	/* A class neither switches an optional type on, nor an own one off. */
	if (type >= TYPE_COUNT || type_is_optional(type))
		return NULL;
	line = type_line(c, sensitivity_names[info->sensitivity]);
	return line_action(line, host) == CONFIG_NO_ACTION ? NULL : line;
}

enum action config_action(const struct config *c, const struct types *types, enum mask_type type,
			  const char *host)
{
	const struct config_type *line = config_action_line(c, types, type, host);

	if (line)
		return (enum action)line_action(line, host);
	return type_is_optional(type) ? ACTION_ALLOW : ACTION_MASK;
}
