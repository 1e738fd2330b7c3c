/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONFIG_READER_H
#define AWSMASK_CONFIG_READER_H
/*
 * Walking through the YAML of a configuration, event by event; each error is a sentence with file
 * and line. 0, or -1 and the sentence.
 */
#include "config_fields.h"

#include <yaml.h>

#define SHOWN_MAX 64 /* bytes of a wrong value that a sentence repeats */
#define ROOT_KEYS 32

struct reader {
	yaml_parser_t yaml;
	yaml_event_t event; /* the current one */
	const char *file;
	struct config *config;
	struct err *e;
	size_t lines[ROOT_KEYS]; /* where each root key stood; 0: nowhere */
};

int reader_next(struct reader *r);
size_t reader_line(const struct reader *r);
/* The text of the current scalar. */
const char *reader_scalar(const struct reader *r);
/* The current event is of this type; else `what` says what to write for `key`. */
int reader_want(struct reader *r, yaml_event_type_t type, const char *key, const char *what);
/* What was read, fit for a line of text. */
const char *reader_shown(const char *value, char text[static SHOWN_MAX + 4]);
/* The current scalar is no value for this field. Returns -1. */
int reader_refuse(struct reader *r, const char *key, const struct config_field *f);
int reader_out_of_memory(struct reader *r);

/* A mapping whose start has been read, into the members of `base`; `parent` is its key's path. */
int reader_map(struct reader *r, const char *parent, const struct config_field *fields, void *base);

/* config_types.c: the mapping `types`, whose first event is the current one; then all of it together
 * with the rest of the configuration. */
int reader_types(struct reader *r, const char *key);
int reader_check_types(struct reader *r);
/* A type's `targets`. */
int reader_type_targets(struct reader *r, const char *key, struct config_type *t);

#endif
