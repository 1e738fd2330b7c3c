/* SPDX-License-Identifier: Apache-2.0 */
#include "../mask/catalogue.h"
#include "../mask/explain.h"
#include "filter.h"

#include <string.h>

#define TEST_MEMORY ((size_t)256 << 20)
#define POLICY_MAX 4200 /* a path and a little more */

struct test {
	const struct ctl *ctl;
	const struct config *config;
	const char *path; /* the configuration's */
	const char *host; /* "": any target */
	struct masking by;
	const struct types *types;
	const struct mask_policy *policy;
	struct explain *explain;
	struct buf in;
	const struct explain_item *items;
	size_t n;
};

static void print_bytes(const uint8_t *p, size_t len)
{
	while (len) {
		size_t n = *p == '\n' || *p == '\t' ? 1 : harmless_character(p, len);

		if (n)
			fwrite(p, 1, n, stdout);
		else
			printf("\\x%02x", *p);
		p += n ? n : 1;
		len -= n ? n : 1;
	}
}

/* A text as JSON can hold it. NULL: memory is out. */
static json_t *json_text(const uint8_t *p, size_t len)
{
	json_t *j = json_stringn(len ? (const char *)p : "", len);
	struct buf b;

	if (j)
		return j;
	buf_init(&b, len * 3);
	while (len) {
		size_t n = utf8_character(p, len);

		/* U+FFFD for a byte that is no part of a character */
		if (n ? buf_append(&b, p, n) : buf_append(&b, "\xef\xbf\xbd", 3))
			break;
		p += n ? n : 1;
		len -= n ? n : 1;
	}
	j = len ? NULL : json_stringn((const char *)buf_bytes(&b), buf_len(&b));
	buf_free(&b);
	return j;
}

/* By what it was found, or looks as if it had been; NULL: by no single rule. */
static const char *rule_name(const struct explain_item *item)
{
	if (item->rule == RULE_LITERAL)
		return "placeholder";
	if (item->rule == RULE_KNOWN)
		return item->type < TYPE_COUNT ? "known value" : "your own list";
	if (item->rule == RULE_NONE)
		return NULL;
	return item->rule < RULE_COUNT ? rule_table[item->rule].id : "your own";
}

/* Is it found at all, and what is done with it? */
static const char *const actions[] = {
	[ACTION_MASK] = "mask",	  [ACTION_BLOCK] = "block", [ACTION_OBSERVE] = "observe",
	[ACTION_ALLOW] = "allow", [ACTION_COUNT] = "none",
};

static bool stays(const struct explain_item *item)
{
	return item->action != ACTION_MASK && item->action != ACTION_BLOCK;
}

/* Which line of the configuration decides; false: none, the default does. */
static bool decided_by(const struct test *t, const struct explain_item *item, char *out,
		       size_t size)
{
	const struct config_type *line =
		config_action_line(t->config, t->types, item->type, t->host);

	/* An allowed value or an example has the type's line against it. */
	if (!line || item->type == TYPE_LITERAL ||
	    config_action(t->config, t->types, item->type, t->host) != item->action)
		return false;
	snprintf(out, size, "types.%s, %s:%zu", line->name, t->path, line->line);
	return true;
}

static json_t *item_json(const struct test *t, const struct explain_item *item)
{
	const struct type_info *info = types_info(t->types, item->type);
	char placeholder[PLACEHOLDER_MAX], by[POLICY_MAX];
	size_t line, column, len = 0;

	if (item->action == ACTION_MASK)
		len = placeholder_format(t->types, placeholder, item->type, item->number);
	explain_place(buf_bytes(&t->in), item->start, &line, &column);
	return json_pack("{s:I, s:I, s:I, s:I, s:o, s:s, s:s, s:s, s:s?, s:o, s:s?, s:s}", "start",
			 (json_int_t)item->start, "end", (json_int_t)item->end, "line",
			 (json_int_t)line, "column", (json_int_t)column, "text",
			 json_text(buf_bytes(&t->in) + item->start, item->end - item->start),
			 "type", info->label, "description", info->description, "action",
			 actions[item->action], "policy",
			 decided_by(t, item, by, sizeof(by)) ? by : NULL, "placeholder",
			 len ? json_stringn(placeholder, len) : json_null(), "rule",
			 rule_name(item), "why", explain_words(t->explain, item));
}

static size_t count(const struct test *t, enum action action)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->items[i].action == action;
	return n;
}

static int print_json(const struct test *t)
{
	json_t *items = json_array(), *masked = NULL;
	bool blocked = count(t, ACTION_BLOCK) > 0;
	struct buf out;

	buf_init(&out, TEST_MEMORY);
	for (size_t i = 0; i < t->n && items; i++) {
		if (json_array_append_new(items, item_json(t, &t->items[i]))) {
			json_decref(items);
			items = NULL;
		}
	}
	if (blocked)
		masked = json_null();
	else if (explain_masked(t->explain, &out) == 0)
		masked = json_text(buf_bytes(&out), buf_len(&out));
	buf_free(&out);
	return ctl_print_json(json_pack("{s:b, s:b, s:b, s:o, s:o}", "ok", 1, "refused", blocked,
					"observe", t->config->mode == POLICY_OBSERVE, "masked",
					masked, "items", items));
}

/* [1:this] is masked, {2:that} is not */
static const enum colour colours[] = {
	[ACTION_MASK] = COLOUR_GREEN,	  [ACTION_BLOCK] = COLOUR_RED,
	[ACTION_OBSERVE] = COLOUR_YELLOW, [ACTION_ALLOW] = COLOUR_YELLOW,
	[ACTION_COUNT] = COLOUR_YELLOW,
};

static void print_marked(const struct test *t)
{
	const uint8_t *p = buf_bytes(&t->in);
	const char *plain = colour_of(stdout, COLOUR_PLAIN);
	size_t done = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct explain_item *item = &t->items[i];

		print_bytes(p + done, item->start - done);
		printf("%s%c%zu:", colour_of(stdout, colours[item->action]),
		       stays(item) ? '{' : '[', i + 1);
		print_bytes(p + item->start, item->end - item->start);
		printf("%c%s", stays(item) ? '}' : ']', plain);
		done = item->end;
	}
	print_bytes(p + done, buf_len(&t->in) - done);
	if (buf_len(&t->in) && p[buf_len(&t->in) - 1] != '\n')
		putchar('\n');
}

static void print_action(const struct test *t, const struct explain_item *item)
{
	const struct type_info *info = types_info(t->types, item->type);
	char placeholder[PLACEHOLDER_MAX], by[POLICY_MAX];
	int len;

	switch (item->action) {
	case ACTION_MASK:
		len = (int)placeholder_format(t->types, placeholder, item->type, item->number);
		printf("masked as %.*s", len, placeholder);
		break;
	case ACTION_BLOCK:
		printf("blocks the whole request, as %s", info->label);
		break;
	case ACTION_OBSERVE:
		printf("counted and left as it is, as %s", info->label);
		break;
	case ACTION_ALLOW:
		printf("left as it is; found as %s", info->label);
		break;
	case ACTION_COUNT:
		printf("not found; it might be taken for %s", info->label);
		break;
	}
	printf(": %s", harmless(info->description));
	if (decided_by(t, item, by, sizeof(by)))
		printf(" (%s)", harmless(by));
	putchar('\n');
}

static void print_item(const struct test *t, size_t i)
{
	const struct explain_item *item = &t->items[i];
	const char *rule = rule_name(item);
	size_t line, column;

	explain_place(buf_bytes(&t->in), item->start, &line, &column);
	printf("\n%3zu  line %zu, column %zu, bytes %zu to %zu: ", i + 1, line, column, item->start,
	       item->end - 1);
	print_bytes(buf_bytes(&t->in) + item->start, item->end - item->start);
	printf("\n     ");
	print_action(t, item);
	printf("     %s", explain_words(t->explain, item));
	if (rule)
		printf(" (rule: %s)", rule);
	putchar('\n');
}

static int print_text(const struct test *t)
{
	size_t masked = count(t, ACTION_MASK), blocked = count(t, ACTION_BLOCK);

	print_marked(t);
	for (size_t i = 0; i < t->n; i++)
		print_item(t, i);
	printf("\nmasked: %zu, marked [number:...]; might be expected and is not: %zu, marked "
	       "{number:...}\n",
	       masked, t->n - masked - blocked);
	if (blocked)
		printf("blocked: %zu; the whole request would be refused, and nothing of it sent\n",
		       blocked);
	if (t->config->mode == POLICY_OBSERVE)
		printf("%s has `mode: observe`: all of this is only counted\n", t->path);
	return STATUS_DONE;
}

static int test_scan(struct test *t, struct err *e)
{
	enum mask_error wrong;

	if (buf_len(&t->in) > EXPLAIN_TEXT_MAX)
		return err_set(e, "the text is larger than 1 MiB: give the part in question alone");
	wrong = explain_scan(t->explain, t->policy, buf_bytes(&t->in), buf_len(&t->in),
			     t->ctl->option[OPTION_BODY] != NULL);
	if (wrong != MASK_OK)
		return err_set(e, "%s", mask_error_text(wrong));
	t->items = explain_items(t->explain, &t->n);
	return 0;
}

static int test_run(struct test *t, struct err *e)
{
	struct policy_source *source = policies_source(t->by.policies);
	int status;

	t->types = t->by.types;
	t->explain = explain_new(t->by.catalogue, TEST_MEMORY);
	if (!t->explain) {
		err_set(e, "memory is out");
		return ctl_refuse(t->ctl, e);
	}
	t->policy = source->take(source, t->host);
	if (test_scan(t, e) < 0)
		status = ctl_refuse(t->ctl, e);
	else
		status = t->ctl->option[OPTION_JSON] ? print_json(t) : print_text(t);
	source->done(source, t->policy);
	explain_free(t->explain);
	return status;
}

/* The text, and the configuration that it is held against. */
static int test_open(struct test *t, struct ctl *c, const char *text, struct err *e)
{
	bool exists;

	t->config = ctl_config(c, e);
	if (!t->config)
		return -1;
	t->path = ctl_config_path(c, &exists);
	if (t->host[0] && !config_is_target(t->config, t->host))
		return err_set(
			e,
			"%s is not one of the configured `targets`: what is sent there is not "
			"opened, and so not masked",
			t->host);
	if (!text || strcmp(text, "-") == 0) {
		if (filter_read(&t->in, NULL, e) < 0)
			return -1;
	} else if (buf_puts(&t->in, text)) {
		return err_set(e, "the text is too large");
	}
	return masking_open(&t->by, t->config, NULL, e);
}

int cmd_test(struct ctl *c, int argc, char **argv)
{
	struct test t = {.ctl = c, .host = c->option[OPTION_TARGET]};
	struct err e;
	int status;

	if (!t.host)
		t.host = "";
	buf_init(&t.in, FILTER_IN_MAX * 2);
	if (test_open(&t, c, argc ? argv[0] : NULL, &e) < 0)
		status = ctl_refuse(c, &e);
	else
		status = test_run(&t, &e);
	masking_close(&t.by);
	buf_free(&t.in);
	return status;
}
