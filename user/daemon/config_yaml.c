/* SPDX-License-Identifier: Apache-2.0 */
#include "config_fields.h"
#include "config_value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define SHOWN_MAX 64 /* bytes of a wrong value that a sentence repeats */
#define NAME_MAX_BYTES 255
#define ROOT_KEYS 32

struct reader {
	yaml_parser_t yaml;
	yaml_event_t event; /* the current one */
	const char *file;
	struct config *config;
	struct err *e;
	size_t lines[ROOT_KEYS]; /* where each root key stood; 0: nowhere */
};

/* What was read, fit for a line of text. */
static const char *shown(const char *value, char text[static SHOWN_MAX + 4])
{
	size_t i;

	for (i = 0; i < SHOWN_MAX && value[i]; i++)
		text[i] = isprint((unsigned char)value[i]) ? value[i] : '?';
	strcpy(text + i, value[i] ? "..." : "");
	return text;
}

static size_t line_of(const struct reader *r)
{
	return r->event.start_mark.line + 1;
}

static const char *scalar(const struct reader *r)
{
	return (const char *)r->event.data.scalar.value;
}

static int refuse(struct reader *r, const char *key, const struct config_field *f)
{
	char text[SHOWN_MAX + 4], expected[256];

	config_expected(f, expected, sizeof(expected));
	return err_set(r->e, "%s:%zu: %s is '%s'; write %s", r->file, line_of(r), key,
		       shown(scalar(r), text), expected);
}

static int syntax_error(struct reader *r)
{
	const yaml_parser_t *y = &r->yaml;

	if (y->error == YAML_MEMORY_ERROR)
		return err_set(r->e, "%s: out of memory", r->file);
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
				       line_of(r));
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
			       r->file, line_of(r));
	return 0;
}

static int next(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (!yaml_parser_parse(&r->yaml, &r->event))
		return syntax_error(r);
	return plain_event(r);
}

static int want(struct reader *r, yaml_event_type_t type, const char *key, const char *what)
{
	static const char *const found[] = {
		[YAML_SCALAR_EVENT] = "a single value",
		[YAML_SEQUENCE_START_EVENT] = "a list",
		[YAML_MAPPING_START_EVENT] = "a mapping",
	};

	if (r->event.type == type)
		return 0;
	if (r->event.type == YAML_SCALAR_EVENT && !*scalar(r))
		return err_set(r->e, "%s:%zu: %s is empty; write %s, or leave the key out", r->file,
			       line_of(r), key, what);
	return err_set(r->e, "%s:%zu: %s is %s; write %s", r->file, line_of(r), key,
		       found[r->event.type], what);
}

static int want_scalar(struct reader *r, const char *key, const struct config_field *f)
{
	char expected[256];

	config_expected(f, expected, sizeof(expected));
	return want(r, YAML_SCALAR_EVENT, key, expected);
}

static bool clean_text(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text == 0x7f)
			return false;
	return true;
}

static int word_index(const struct config_field *f, const char *text)
{
	for (int i = 0; f->words[i]; i++)
		if (!strcmp(f->words[i], text))
			return i;
	return -1;
}

static int set_number(const struct config_field *f, const char *text, char *at)
{
	size_t n;
	int wrong = f->kind == KIND_SIZE   ? config_size(text, f->min, f->max, &n)
		    : f->kind == KIND_DAYS ? config_days(text, f->min, f->max, &n)
					   : config_number(text, f->min, f->max, &n);

	if (wrong)
		return -1;
	if (f->size == sizeof(size_t))
		*(size_t *)at = n;
	else
		*(unsigned *)at = (unsigned)n;
	return 0;
}

static bool text_fits(const struct config_field *f, const char *text)
{
	size_t max = f->max ? f->max : f->size - 1;

	if (strlen(text) > max || !clean_text(text))
		return false;
	if (!*text)
		return f->kind != KIND_PATH;
	if (f->kind == KIND_LISTEN || f->kind == KIND_ORIGIN)
		return !config_endpoint(text, f->kind == KIND_ORIGIN);
	return *text == '/';
}

/* One scalar into its member. -1: it does not fit, nothing is changed. */
static int set_scalar(struct config *c, const struct config_field *f, const char *text)
{
	char *at = (char *)c + f->offset;
	int word;

	switch (f->kind) {
	case KIND_WORD:
	case KIND_SWITCH:
		word = word_index(f, text);
		if (word < 0)
			return -1;
		if (f->kind == KIND_SWITCH)
			*(bool *)at = word != 0;
		else
			*(int *)at = word;
		return 0;
	case KIND_NUMBER:
	case KIND_SIZE:
	case KIND_DAYS:
		return set_number(f, text, at);
	case KIND_PORT:
		if (strcmp(text, "0") == 0) {
			*(uint16_t *)at = 0;
			return 0;
		}
		return config_port(text, (uint16_t *)at);
	default:
		if (!text_fits(f, text))
			return -1;
		strcpy(at, text);
		return 0;
	}
}

union element {
	uint16_t port;
	struct config_net net;
	char *text;
};

/* -1: not a value of this kind; -2: memory is out. */
static int read_element(const struct config_field *f, const char *text, union element *el)
{
	char host[HOST_MAX];

	memset(el, 0, sizeof(*el));
	if (f->kind == KIND_PORTS)
		return config_port(text, &el->port);
	if (f->kind == KIND_NETS)
		return config_net(text, &el->net);
	if (f->kind == KIND_HOSTS) {
		if (config_host(text, host))
			return -1;
		text = host;
	} else if (!*text || !clean_text(text) || strlen(text) > NAME_MAX_BYTES) {
		return -1;
	}
	el->text = strdup(text);
	return el->text ? 0 : -2;
}

static bool list_is_text(const struct config_field *f)
{
	return f->kind == KIND_HOSTS || f->kind == KIND_CGROUPS;
}

static bool list_has(const struct config_field *f, const char *items, size_t n,
		     const union element *el)
{
	for (size_t i = 0; i < n; i++) {
		const char *item = items + i * f->size;
		if (list_is_text(f) ? !strcmp(*(char *const *)item, el->text)
				    : !memcmp(item, el, f->size))
			return true;
	}
	return false;
}

static void list_free(const struct config_field *f, char *items, size_t n)
{
	for (size_t i = 0; list_is_text(f) && i < n; i++)
		free(((char **)items)[i]);
	free(items);
}

static int list_append(struct reader *r, const char *key, const struct config_field *f,
		       char **items, size_t *n)
{
	char text[SHOWN_MAX + 4], *grown;
	union element el;
	int rc;

	if (want_scalar(r, key, f))
		return -1;
	if (*n == f->max)
		return err_set(r->e, "%s:%zu: %s has more than %zu entries; write fewer", r->file,
			       line_of(r), key, f->max);
	rc = read_element(f, scalar(r), &el);
	if (rc == -1)
		return refuse(r, key, f);
	if (rc == 0 && list_has(f, *items, *n, &el)) {
		if (list_is_text(f))
			free(el.text);
		return err_set(r->e, "%s:%zu: %s names '%s' twice; remove one", r->file, line_of(r),
			       key, shown(scalar(r), text));
	}
	grown = rc == 0 ? realloc(*items, (*n + 1) * f->size) : NULL;
	if (!grown) {
		if (rc == 0 && list_is_text(f))
			free(el.text);
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): freed above, in the union */
		return err_set(r->e, "%s: out of memory", r->file);
	}
	memcpy(grown + *n * f->size, &el, f->size);
	*items = grown;
	(*n)++;
	return 0;
}

static int read_list(struct reader *r, const char *key, const struct config_field *f)
{
	char **member = (char **)((char *)r->config + f->offset), *items = NULL;
	size_t *count = (size_t *)((char *)r->config + f->count_offset), n = 0;

	if (want(r, YAML_SEQUENCE_START_EVENT, key, "a list in [ ]"))
		return -1;
	for (;;) {
		if (next(r))
			goto out;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		if (list_append(r, key, f, &items, &n))
			goto out;
	}
	if (n < f->min) {
		err_set(r->e,
			"%s:%zu: %s is an empty list; write at least one, or leave the key out "
			"for the default",
			r->file, line_of(r), key);
		goto out;
	}
	list_free(f, *member, *count);
	*member = items;
	*count = n;
	return 0;
out:
	list_free(f, items, n);
	return -1;
}

static int read_map(struct reader *r, const char *parent, const struct config_field *fields);

static int read_nothing(struct reader *r, const char *key)
{
	if (want(r, YAML_MAPPING_START_EVENT, key, "{}") || next(r))
		return -1;
	if (r->event.type != YAML_MAPPING_END_EVENT)
		return err_set(r->e,
			       "%s:%zu: settings under %s are not supported yet; write %s: {}",
			       r->file, line_of(r), key, key);
	return 0;
}

static int read_field(struct reader *r, const char *key, const struct config_field *f)
{
	if (next(r))
		return -1;
	if (f->kind == KIND_NOTHING)
		return read_nothing(r, key);
	if (f->kind == KIND_MAP) {
		if (want(r, YAML_MAPPING_START_EVENT, key, "a mapping in { }"))
			return -1;
		return read_map(r, key, f->fields);
	}
	if (config_kind_is_list(f->kind))
		return read_list(r, key, f);
	if (want_scalar(r, key, f))
		return -1;
	return set_scalar(r->config, f, scalar(r)) ? refuse(r, key, f) : 0;
}

static int unknown_key(struct reader *r, const char *parent, const struct config_field *fields)
{
	char text[SHOWN_MAX + 4], known[256];
	size_t used = 0;

	for (const struct config_field *f = fields; f->key && used < sizeof(known); f++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 f == fields ? "" : ", ", f->key);
	return err_set(r->e, "%s:%zu: there is no key '%s'%s%s; write one of %s", r->file,
		       line_of(r), shown(scalar(r), text), *parent ? " in " : "", parent, known);
}

/* A mapping whose start has been read. Depth is bounded by the table: what it lacks is an error. */
static int read_map(struct reader *r, const char *parent, const struct config_field *fields)
{
	bool seen[ROOT_KEYS] = {false};
	char path[64];

	for (;;) {
		const struct config_field *f = fields;

		if (next(r))
			return -1;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		if (want(r, YAML_SCALAR_EVENT, *parent ? parent : "a key", "key: value"))
			return -1;
		while (f->key && strcmp(f->key, scalar(r)))
			f++;
		if (!f->key)
			return unknown_key(r, parent, fields);
		snprintf(path, sizeof(path), "%s%s%s", parent, *parent ? "." : "", f->key);
		if (seen[f - fields])
			return err_set(r->e, "%s:%zu: %s stands here a second time; remove one",
				       r->file, line_of(r), path);
		seen[f - fields] = true;
		if (fields == config_fields)
			r->lines[f - fields] = line_of(r);
		if (read_field(r, path, f))
			return -1;
	}
}

static int read_document(struct reader *r)
{
	if (next(r)) /* the stream's start */
		return -1;
	if (next(r))
		return -1;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return 0;
	if (next(r)) /* the root */
		return -1;
	if (r->event.type != YAML_SCALAR_EVENT || *scalar(r)) {
		if (want(r, YAML_MAPPING_START_EVENT, "the file", "key: value lines") ||
		    read_map(r, "", config_fields))
			return -1;
	}
	if (next(r) || next(r)) /* the document's end, the stream's end */
		return -1;
	if (r->event.type != YAML_STREAM_END_EVENT)
		return err_set(r->e, "%s:%zu: a second document begins; write only one", r->file,
			       line_of(r));
	return 0;
}

/* The later of two keys' lines: what stands there contradicts what came before. */
static size_t later_line(const struct reader *r, const char *a, const char *b)
{
	size_t line = 1;

	for (size_t i = 0; config_fields[i].key; i++)
		if ((!strcmp(config_fields[i].key, a) || !strcmp(config_fields[i].key, b)) &&
		    r->lines[i] > line)
			line = r->lines[i];
	return line;
}

/* What no single key can tell. */
static int check_together(struct reader *r)
{
	const struct config *c = r->config;
	size_t line = later_line(r, "ports", "proxy_ports");

	if (c->port_count + c->proxy_port_count > AWSMASK_MAX_PORTS)
		return err_set(r->e,
			       "%s:%zu: ports and proxy_ports hold %zu ports together; write "
			       "at most %d",
			       r->file, line, c->port_count + c->proxy_port_count,
			       AWSMASK_MAX_PORTS);
	for (size_t i = 0; i < c->port_count; i++)
		for (size_t j = 0; j < c->proxy_port_count; j++)
			if (c->ports[i] == c->proxy_ports[j])
				return err_set(r->e,
					       "%s:%zu: %u is in ports and in proxy_ports; "
					       "write it in one of them",
					       r->file, line, c->ports[i]);
	if (!c->listen_transparent && !c->listen_explicit[0])
		return err_set(r->e,
			       "%s:%zu: listen names no listener: transparent is 0 and explicit is "
			       "empty; write a port or an address:port",
			       r->file, later_line(r, "listen", "listen"));
	if (c->limit_body > c->limit_memory)
		return err_set(r->e,
			       "%s:%zu: limits.body is more than limits.memory; write a "
			       "smaller body or a larger memory",
			       r->file, later_line(r, "limits", "limits"));
	return 0;
}

struct config *config_parse(const char *name, const char *text, size_t len, struct err *e)
{
	struct reader r = {.file = name, .e = e, .config = config_default()};
	int rc = -1;

	if (!r.config || !yaml_parser_initialize(&r.yaml)) {
		config_free(r.config);
		err_set(e, "%s: out of memory", name);
		return NULL;
	}
	yaml_parser_set_input_string(&r.yaml, (const unsigned char *)text, len);
	rc = read_document(&r);
	if (rc == 0)
		rc = check_together(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.yaml);
	if (rc) {
		config_free(r.config);
		return NULL;
	}
	return r.config;
}
