/* SPDX-License-Identifier: Apache-2.0 */
#include "config_list.h"
#include "config_reader.h"
#include "config_value.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 255

static int want_scalar(struct reader *r, const char *key, const struct config_field *f)
{
	char expected[256];

	config_expected(f, expected, sizeof(expected));
	return reader_want(r, YAML_SCALAR_EVENT, key, expected);
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
		return f->kind != KIND_PATH && f->kind != KIND_TEXT;
	if (f->kind == KIND_TEXT)
		return true;
	if (f->kind == KIND_LISTEN || f->kind == KIND_ORIGIN)
		return !config_endpoint(text, f->kind == KIND_ORIGIN);
	if (f->kind == KIND_LOOPBACK)
		return !config_loopback(text);
	return *text == '/';
}

/* One scalar into its member. -1: it does not fit, nothing is changed. */
static int set_scalar(void *base, const struct config_field *f, const char *text)
{
	char *at = (char *)base + f->offset;
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
	struct err ignored;

	memset(el, 0, sizeof(*el));
	if (f->kind == KIND_PORTS)
		return config_port(text, &el->port);
	if (f->kind == KIND_NETS)
		return config_net(text, &el->net);
	if (f->kind == KIND_HOSTS) {
		if (config_host(text, host))
			return -1;
		text = host;
	} else if (f->kind == KIND_LITERALS) {
		if (!clean_text(text) || !list_value_fits((const uint8_t *)text, strlen(text)))
			return -1;
	} else if (f->kind == KIND_ANCHORS) {
		if (!clean_text(text) || strlen(text) < 2 || strlen(text) > OWN_ANCHOR_MAX)
			return -1;
	} else if (!*text || !clean_text(text) || strlen(text) > NAME_MAX_BYTES ||
		   (config_enrolled_program(text) &&
		    config_program_check(config_enrolled_program(text), &ignored) < 0)) {
		return -1;
	}
	el->text = strdup(text);
	return el->text ? 0 : -2;
}

static bool list_is_text(const struct config_field *f)
{
	return f->kind == KIND_HOSTS || f->kind == KIND_CGROUPS || f->kind == KIND_LITERALS ||
	       f->kind == KIND_ANCHORS;
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
			       reader_line(r), key, f->max);
	rc = read_element(f, reader_scalar(r), &el);
	if (rc == -1)
		return reader_refuse(r, key, f);
	if (rc == 0 && list_has(f, *items, *n, &el)) {
		if (list_is_text(f))
			free(el.text);
		return err_set(r->e, "%s:%zu: %s names '%s' twice; remove one", r->file,
			       reader_line(r), key,
			       f->kind == KIND_LITERALS ? "a value"
							: reader_shown(reader_scalar(r), text));
	}
	grown = rc == 0 ? realloc(*items, (*n + 1) * f->size) : NULL;
	if (!grown) {
		if (rc == 0 && list_is_text(f))
			free(el.text);
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): freed above, in the union */
		return reader_out_of_memory(r);
	}
	memcpy(grown + *n * f->size, &el, f->size);
	*items = grown;
	(*n)++;
	return 0;
}

static int read_list(struct reader *r, const char *key, const struct config_field *f, void *base)
{
	char **member = (char **)((char *)base + f->offset), *items = NULL;
	size_t *count = (size_t *)((char *)base + f->count_offset), n = 0;

	if (reader_want(r, YAML_SEQUENCE_START_EVENT, key, "a list in [ ]"))
		return -1;
	for (;;) {
		if (reader_next(r))
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
			r->file, reader_line(r), key);
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

static int read_field(struct reader *r, const char *key, const struct config_field *f, void *base)
{
	if (reader_next(r))
		return -1;
	if (f->kind == KIND_TYPES)
		return reader_types(r, key);
	if (f->kind == KIND_TARGETS)
		return reader_type_targets(r, key, base);
	if (f->kind == KIND_MAP) {
		if (reader_want(r, YAML_MAPPING_START_EVENT, key, "a mapping in { }"))
			return -1;
		return reader_map(r, key, f->fields, base);
	}
	if (config_kind_is_list(f->kind))
		return read_list(r, key, f, base);
	if (want_scalar(r, key, f))
		return -1;
	return set_scalar(base, f, reader_scalar(r)) ? reader_refuse(r, key, f) : 0;
}

static int unknown_key(struct reader *r, const char *parent, const struct config_field *fields)
{
	char text[SHOWN_MAX + 4], known[256];
	size_t used = 0;

	for (const struct config_field *f = fields; f->key && used < sizeof(known); f++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 f == fields ? "" : ", ", f->key);
	return err_set(r->e, "%s:%zu: there is no key '%s'%s%s; write one of %s", r->file,
		       reader_line(r), reader_shown(reader_scalar(r), text), *parent ? " in " : "",
		       parent, known);
}

/* A mapping whose start has been read. Depth is bounded by the table: what it lacks is an error. */
int reader_map(struct reader *r, const char *parent, const struct config_field *fields, void *base)
{
	bool seen[ROOT_KEYS] = {false};
	char path[160];

	for (;;) {
		const struct config_field *f = fields;

		if (reader_next(r))
			return -1;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		if (reader_want(r, YAML_SCALAR_EVENT, *parent ? parent : "a key", "key: value"))
			return -1;
		while (f->key && strcmp(f->key, reader_scalar(r)))
			f++;
		if (!f->key)
			return unknown_key(r, parent, fields);
		snprintf(path, sizeof(path), "%s%s%s", parent, *parent ? "." : "", f->key);
		if (seen[f - fields])
			return err_set(r->e, "%s:%zu: %s stands here a second time; remove one",
				       r->file, reader_line(r), path);
		seen[f - fields] = true;
		if (fields == config_fields)
			r->lines[f - fields] = reader_line(r);
		if (read_field(r, path, f, base))
			return -1;
	}
}

static int read_document(struct reader *r)
{
	if (reader_next(r)) /* the stream's start */
		return -1;
	if (reader_next(r))
		return -1;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return 0;
	if (reader_next(r)) /* the root */
		return -1;
	if (r->event.type != YAML_SCALAR_EVENT || *reader_scalar(r)) {
		if (reader_want(r, YAML_MAPPING_START_EVENT, "the file", "key: value lines") ||
		    reader_map(r, "", config_fields, r->config))
			return -1;
	}
	if (reader_next(r) || reader_next(r)) /* the document's end, the stream's end */
		return -1;
	if (r->event.type != YAML_STREAM_END_EVENT)
		return err_set(r->e, "%s:%zu: a second document begins; write only one", r->file,
			       reader_line(r));
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
	if (!strcmp(c->control_socket, c->metrics.socket))
		return err_set(r->e,
			       "%s:%zu: control.socket and metrics.socket are both %s; write "
			       "another path for one of them",
			       r->file, later_line(r, "control", "metrics"), c->metrics.socket);
	if (c->limit_body > c->limits.memory || c->limit_body > c->limits.scope_memory)
		return err_set(r->e,
			       "%s:%zu: limits.body is more than limits.%s; write a "
			       "smaller body or a larger memory",
			       r->file, later_line(r, "limits", "limits"),
			       c->limit_body > c->limits.memory ? "memory" : "scope_memory");
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
	if (rc == 0)
		rc = reader_check_types(&r);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.yaml);
	if (rc) {
		config_free(r.config);
		return NULL;
	}
	return r.config;
}
