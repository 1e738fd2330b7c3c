/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONFIG_FIELDS_H
#define AWSMASK_CONFIG_FIELDS_H
/* The keys of the configuration as data: the reader and the printer both walk this table. */
#include "config.h"

#include <stdio.h>

enum config_kind {
	KIND_WORD,     /* int: index of the word */
	KIND_SWITCH,   /* bool: words[0] is false, words[1] true */
	KIND_NUMBER,   /* unsigned or size_t, min..max */
	KIND_PORT,     /* uint16_t */
	KIND_SIZE,     /* size_t, bytes, min..max */
	KIND_DAYS,     /* unsigned, min..max */
	KIND_PATH,     /* char[size], absolute */
	KIND_FILE,     /* char[size], absolute or "" */
	KIND_LISTEN,   /* char[size], "address:port" or "" */
	KIND_LOOPBACK, /* char[size], "address:port" of this host alone, or "" */
	KIND_ORIGIN,   /* char[size], "host:port" or "" */
	KIND_PORTS,    /* list of uint16_t */
	KIND_NETS,     /* list of struct config_net */
	KIND_HOSTS,    /* list of char *, host names */
	KIND_CGROUPS,  /* list of char *, paths and unit names */
	KIND_MAP,      /* a mapping with keys of its own */
	KIND_TEXT,     /* char[size], any text */
	KIND_LITERALS, /* list of char *, values to look for */
	KIND_ANCHORS,  /* list of char *, beginnings of matches */
	KIND_TYPES,    /* the mapping `types` */
	KIND_TARGETS,  /* the mapping `targets` of a type */
};

struct config_field {
	const char *key;
	enum config_kind kind;
	size_t offset;	     /* in struct config */
	size_t size;	     /* of the member; for lists, of one element */
	size_t count_offset; /* lists: of their size_t count */
	size_t min, max;     /* numbers, sizes; lists: elements */
	const char *const *words;
	const struct config_field *fields; /* KIND_MAP; ends with a NULL key */
};

/* Ends with a NULL key. */
extern const struct config_field config_fields[];
/* The same for one type, in struct config_type. */
extern const struct config_field config_type_fields[];
/* By enum action; ends with NULL. */
extern const char *const config_action_words[];

static inline bool config_kind_is_list(enum config_kind k)
{
	return k == KIND_PORTS || k == KIND_NETS || k == KIND_HOSTS || k == KIND_CGROUPS ||
	       k == KIND_LITERALS || k == KIND_ANCHORS;
}

/* What belongs into a field of this kind, to follow "write ". */
void config_expected(const struct config_field *f, char *text, size_t size);

#endif
