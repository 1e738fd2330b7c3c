/* SPDX-License-Identifier: Apache-2.0 */
#include "own_check.h"

#include "own.h"

#include <stdio.h>
#include <string.h>

/* Squared, it is above the match limit: what is not linear shows. */
#define HOSTILE_LEN 4096
#define PIECE_MAX 32

/* What agents send, in small. */
static const char ordinary[] =
	"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"content\":\"total 24\\n"
	"drwxr-xr-x 3 dev dev 4096 Mar  2 14:07 src\\n-rw-r--r-- 1 dev dev  812 Mar  2 14:05 "
	"main.tf\\n\"}]}\n"
	"resource \"aws_instance\" \"web\" {\n  ami           = var.image\n"
	"  instance_type = \"t3.micro\"\n  tags = { Name = \"web-01\", Team = \"core\" }\n}\n"
	"2026-03-02T14:07:11.482Z INFO  [worker-3] request finished in 132 ms status=200\n"
	"def handler(event, context):\n    for record in event[\"Records\"]:\n"
	"        key = record[\"s3\"][\"object\"][\"key\"]\n        if not "
	"key.endswith(\".csv\"):\n"
	"            continue\n    return {\"statusCode\": 200}\n"
	"The deployment failed because the role may not pass itself to the service. Please look at "
	"the policy first, then try again with the smaller change; I think that the second "
	"statement is what is missing.\n";

struct trial {
	struct detector *detector;
	struct buf text, spans;
	bool failed;
};

/* `start`, the piece over and over, and a byte with which hardly anything goes on. */
static void try_piece(struct trial *t, const char *start, const char *piece, size_t len)
{
	buf_clear(&t->text);
	buf_clear(&t->spans);
	if (t->failed || buf_puts(&t->text, start) < 0)
		return;
	while (buf_len(&t->text) < HOSTILE_LEN)
		if (buf_append(&t->text, piece, len) < 0)
			return;
	if (buf_append(&t->text, "\x01", 1) < 0)
		return;
	if (detect(t->detector, buf_bytes(&t->text), buf_len(&t->text), &t->spans) < 0)
		t->failed = true;
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (uint8_t)((c | 0x20) - 'a') < 26;
}

/* Pieces that the expression itself speaks of. */
static void try_pieces(struct trial *t, const char *start, const char *expression)
{
	static const char *const common[] = {"a",  "A",	 "0",  " ",    "a ",
					     "a1", "a-", "0.", "a.b-", "\n"};

	for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++)
		try_piece(t, start, common[i], strlen(common[i]));
	for (const char *p = expression; *p; p++) {
		size_t run = 0;

		if (!is_word(*p)) {
			char pair[2] = {'a', *p};

			try_piece(t, start, pair, 2);
			try_piece(t, start, (char[]){'0', *p}, 2);
		} else if (p == expression || !is_word(p[-1])) {
			while (run < PIECE_MAX && is_word(p[run]))
				run++;
			try_piece(t, start, p, run);
		}
		/* Each byte once. */
		if (!memchr(expression, *p, (size_t)(p - expression)))
			try_piece(t, start, p, 1);
	}
}

static bool is_hostile(const struct catalogue *c, struct trial *t)
{
	const struct own *o = &c->own[0];

	try_pieces(t, "", o->rule.expression);
	for (const char *const *a = o->rule.anchors; *a; a++)
		try_pieces(t, *a, o->rule.expression);
	for (unsigned b = 0x21; b < 0x7f && !o->anchored; b++)
		if (own_may_begin(o, (uint8_t)b))
			try_pieces(t, (char[]){(char)b, 0}, "");
	return t->failed;
}

static unsigned count_tries(const struct own *o)
{
	const uint8_t *text = (const uint8_t *)ordinary;
	size_t len = sizeof(ordinary) - 1, tries = 0;

	for (size_t at = 0; at < len; at++)
		tries += own_may_begin(o, text[at]) && edge_left(o->rule.left, text, at);
	return (unsigned)(tries * 1000 / len);
}

int own_rule_check(const struct own_rule *r, const struct types *types, struct own_facts *facts,
		   char *why, size_t why_size)
{
	struct catalogue *c = catalogue_bare();
	struct trial t = {0};
	int rc = -1;

	buf_init(&t.text, 2 * HOSTILE_LEN);
	buf_init(&t.spans, HOSTILE_LEN * sizeof(struct span) * 2);
	if (!c || (rc = catalogue_extend(c, types, r, 1, why, why_size)) < 0)
		goto out;
	t.detector = detector_new(c);
	if (!t.detector || is_hostile(c, &t)) {
		snprintf(why, why_size,
			 t.detector ? "type %s: its expression takes too many steps on some texts: "
				      "one repetition inside another, most likely"
				    : "type %s: memory is out",
			 types_info(types, r->type)->label);
		rc = -1;
		goto out;
	}
	*facts = (struct own_facts){c->own[0].anchored, count_tries(&c->own[0])};
out:
	if (!c)
		snprintf(why, why_size, "memory is out");
	detector_free(t.detector);
	catalogue_free(c);
	buf_free(&t.text);
	buf_free(&t.spans);
	return rc;
}
