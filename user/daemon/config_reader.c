/* SPDX-License-Identifier: Apache-2.0 */
#include "config_reader.h"

#include <ctype.h>
#include <string.h>

const char *reader_shown(const char *value, char text[static SHOWN_MAX + 4])
{
	size_t i;

	for (i = 0; i < SHOWN_MAX && value[i]; i++)
		text[i] = isprint((unsigned char)value[i]) ? value[i] : '?';
	strcpy(text + i, value[i] ? "..." : "");
	return text;
}

size_t reader_line(const struct reader *r)
{
	return r->event.start_mark.line + 1;
}

const char *reader_scalar(const struct reader *r)
{
	return (const char *)r->event.data.scalar.value;
}

int reader_out_of_memory(struct reader *r)
{
	return err_set(r->e, "%s: out of memory", r->file);
}

int reader_refuse(struct reader *r, const char *key, const struct config_field *f)
{
	char text[SHOWN_MAX + 4], expected[256];

	config_expected(f, expected, sizeof(expected));
	/* Somebody's secret names are no text for a log. */
	if (f->kind == KIND_LITERALS)
		return err_set(r->e, "%s:%zu: %s holds a value that cannot be looked for; write %s",
			       r->file, reader_line(r), key, expected);
	return err_set(r->e, "%s:%zu: %s is '%s'; write %s", r->file, reader_line(r), key,
		       reader_shown(reader_scalar(r), text), expected);
}

static int syntax_error(struct reader *r)
{
	const yaml_parser_t *y = &r->yaml;

	if (y->error == YAML_MEMORY_ERROR)
		return reader_out_of_memory(r);
	return err_set(r->e, "%s:%zu: this is not YAML (%s); correct it there or just above",
		       r->file, y->problem_mark.line + 1, y->problem ? y->problem : "unreadable");
}

/* Anchors and tags have no use here, and without them nothing can grow or loop. */
static int plain_event(struct reader *r)
{
	const yaml_event_t *v = &r->event;
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (v->type == YAML_ALIAS_EVENT) {
		anchor = v->data.alias.anchor;
	} else if (v->type == YAML_SCALAR_EVENT) {
		anchor = v->data.scalar.anchor;
		tag = v->data.scalar.tag;
		if (memchr(v->data.scalar.value, 0, v->data.scalar.length))
			return err_set(r->e, "%s:%zu: a value holds a NUL byte; remove it", r->file,
				       reader_line(r));
	} else if (v->type == YAML_SEQUENCE_START_EVENT) {
		anchor = v->data.sequence_start.anchor;
		tag = v->data.sequence_start.tag;
	} else if (v->type == YAML_MAPPING_START_EVENT) {
		anchor = v->data.mapping_start.anchor;
		tag = v->data.mapping_start.tag;
	}
	if (anchor || tag)
		return err_set(r->e,
			       "%s:%zu: anchors, aliases and tags are not understood here; "
			       "write the value itself",
			       r->file, reader_line(r));
	return 0;
}

int reader_next(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (!yaml_parser_parse(&r->yaml, &r->event))
		return syntax_error(r);
	return plain_event(r);
}

int reader_want(struct reader *r, yaml_event_type_t type, const char *key, const char *what)
{
	static const char *const found[] = {
		[YAML_SCALAR_EVENT] = "a single value",
		[YAML_SEQUENCE_START_EVENT] = "a list",
		[YAML_MAPPING_START_EVENT] = "a mapping",
	};

	if (r->event.type == type)
		return 0;
	if (r->event.type == YAML_SCALAR_EVENT && !*reader_scalar(r))
		return err_set(r->e, "%s:%zu: %s is empty; write %s, or leave the key out", r->file,
			       reader_line(r), key, what);
	return err_set(r->e, "%s:%zu: %s is %s; write %s", r->file, reader_line(r), key,
		       found[r->event.type], what);
}
