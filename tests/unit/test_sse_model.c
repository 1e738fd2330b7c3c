/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random streamed messages: texts and tool inputs with placeholders, torn over deltas anywhere, fed
 * in random pieces. A client that puts the deltas together must read the whole text restored at
 * once.
 */
#include "../../user/mask/jstr.h"
#include "../../user/mask/sse.h"
#include "../memory_vault.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#define BLOCKS 4
#define ROUNDS 3000

struct block {
	bool tool;
	struct buf text;   /* what the model said; a tool's: JSON text */
	struct buf wanted; /* the text restored; a tool's: its argument's value restored */
	struct buf got;	   /* what the client put together */
	size_t sent;
	bool open, verbatim;
};

static struct memory_vault vault;
static unsigned seed;

static unsigned below(unsigned n)
{
	return rand_r(&seed) % n;
}

static void must(int rc)
{
	cr_assert(rc == 0);
}

static void put(struct buf *b, const char *format, ...)
{
	va_list args;
	char text[300];

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	must(buf_puts(b, text));
}

static void open_vault(void)
{
	memory_vault_init(&vault);
	memory_vault_put(&vault, TYPE_EC2_INSTANCE, 1, "i-0a1b2c3d4e5f60718");
	memory_vault_put(&vault, TYPE_EC2_INSTANCE, 10, "i-09f8e7d6");
	memory_vault_put(&vault, TYPE_EC2_INSTANCE, 1001, "\"");
	memory_vault_put(&vault, TYPE_S3_BUCKET, 1, "a\"b\\c\nd\x01\xc3\xa9/\xf0\x9f\x98\x80");
	memory_vault_put(&vault, TYPE_S3_BUCKET, 2, "\\u0041\\\\");
	memory_vault_put(&vault, TYPE_LITERAL, 1, "EC2_INSTANCE_001");
}

static void close_vault(void)
{
	memory_vault_free(&vault);
}

TestSuite(sse_model, .init = open_vault, .fini = close_vault);

/* Pieces of text that make, resemble and surround placeholders. */
static const char *const words[] = {
	"EC2_INSTANCE_001",
	"EC2_INSTANCE_010",
	"EC2_INSTANCE_1001",
	"EC2_INSTANCE_002",
	"S3_BUCKET_001",
	"S3_BUCKET_002",
	"LITERAL_001",
	"EC2_INSTANCE_",
	"EC2_",
	"S3_BUCKET_0",
	"0",
	"1",
	"_",
	"E",
	" ",
	"plain words",
	"\"",
	"\\",
	"\n",
	"\xc3\xa9",
	"\xf0\x9f\x98\x80",
	"u00",
	"/",
	"\t",
};

static void random_text(struct buf *b)
{
	for (unsigned n = below(20); n; n--)
		put(b, "%s", words[below(sizeof(words) / sizeof(*words))]);
}

static void restore_whole(const struct buf *text, struct buf *out)
{
	struct unmask_text u;

	unmask_text_init(&u, &vault.scope, 0);
	must(unmask_text_feed(&u, buf_bytes(text), buf_len(text), out));
	must(unmask_text_finish(&u, out));
}

static void begin_block(struct block *b)
{
	struct buf said;

	*b = (struct block){.tool = below(2), .open = true, .verbatim = below(5) == 0};
	b->tool &= !b->verbatim;
	buf_init(&b->text, 1 << 16);
	buf_init(&b->wanted, 1 << 16);
	buf_init(&b->got, 1 << 16);
	buf_init(&said, 1 << 16);
	random_text(&said);
	if (b->verbatim)
		must(buf_append(&b->wanted, buf_bytes(&said), buf_len(&said)));
	else
		restore_whole(&said, &b->wanted);
	put(&b->text, "%s", b->tool ? "{\"command\": \"" : "");
	must(jstr_escape(&b->text, buf_bytes(&said), buf_len(&said), b->tool));
	put(&b->text, "%s", b->tool ? "\"}" : "");
	buf_free(&said);
}

static void end_block(struct block *b)
{
	buf_free(&b->text);
	buf_free(&b->wanted);
	buf_free(&b->got);
}

static const char *eol = "\n", *space = " ";

static void put_event(struct buf *stream, const char *name, const struct buf *data)
{
	if (below(2))
		put(stream, "event:%s%s%s", space, name, eol);
	put(stream, "data:%s", space);
	must(buf_append(stream, buf_bytes(data), buf_len(data)));
	put(stream, "%s%s", eol, eol);
}

/* Delta text in some spelling: minimally escaped, or any ASCII byte as \u00XX. */
static void put_spelled(struct buf *data, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] < 0x80 && below(30) == 0)
			put(data, "\\u%04x", p[i]);
		else
			must(jstr_escape(data, p + i, 1, 1));
	}
}

static void put_delta(struct buf *stream, unsigned index, struct block *b)
{
	size_t left = buf_len(&b->text) - b->sent, n = below(3) ? below(6) : below(40);
	const char *kind = b->tool ? "input_json" : b->verbatim ? "thinking" : "text";
	const char *key = b->tool ? "partial_json" : b->verbatim ? "thinking" : "text";
	struct buf data;

	n = n < left ? n : left;
	/* A strict reader, as the one below, takes no half characters. */
	while (n < left && (buf_bytes(&b->text)[b->sent + n] & 0xc0) == 0x80)
		n++;
	buf_init(&data, 1 << 16);
	put(&data,
	    "{\"type\":\"content_block_delta\",\"index\":%u,\"delta\":{\"type\":\"%s_delta\",\"%"
	    "s\":\"",
	    index, kind, key);
	put_spelled(&data, buf_bytes(&b->text) + b->sent, n);
	put(&data, "\"}}");
	put_event(stream, "content_block_delta", &data);
	buf_free(&data);
	b->sent += n;
}

static void put_stop(struct buf *stream, unsigned index, struct block *b)
{
	struct buf data;

	buf_init(&data, 1000);
	put(&data, "{\"type\":\"content_block_stop\",\"index\":%u}", index);
	put_event(stream, "content_block_stop", &data);
	buf_free(&data);
	b->open = false;
}

static void random_stream(struct buf *stream, struct block *blocks)
{
	unsigned left = BLOCKS;

	eol = (const char *[]){"\n", "\r\n", "\r"}[below(3)];
	space = below(2) ? " " : "";
	while (left) {
		unsigned i = below(BLOCKS);
		struct block *b = &blocks[i];

		if (below(10) == 0)
			put(stream, ": comment EC2_INSTANCE_001%s%s", eol, below(2) ? eol : "");
		if (!b->open)
			continue;
		if (b->sent < buf_len(&b->text) || below(3) == 0) {
			put_delta(stream, i, b);
			continue;
		}
		/* Some streams are cut before they stop a block. */
		if (below(5))
			put_stop(stream, i, b);
		b->open = false;
		left--;
	}
}

/* A client: puts the deltas together with a parser that is not the product's. */
static void client_event(const char *data, size_t len, struct block *blocks)
{
	json_t *event = json_loadb(data, len, JSON_ALLOW_NUL, NULL), *delta, *text;
	const char *type;
	struct block *b;

	cr_assert(event != NULL, "%.*s", (int)len, data);
	type = json_string_value(json_object_get(event, "type"));
	b = &blocks[json_integer_value(json_object_get(event, "index"))];
	if (strcmp(type, "content_block_stop") == 0)
		b->open = false;
	if (strcmp(type, "content_block_delta") == 0) {
		cr_assert(b->open, "a delta after its block stopped");
		delta = json_object_get(event, "delta");
		text = json_object_get(delta, b->tool	    ? "partial_json"
					      : b->verbatim ? "thinking"
							    : "text");
		must(buf_append(&b->got, json_string_value(text), json_string_length(text)));
	}
	json_decref(event);
}

static void client_reads(const struct buf *out, struct block *blocks)
{
	const char *p = (const char *)buf_bytes(out), *end = p + buf_len(out);

	while (p < end) {
		const char *stop = p;

		while (stop < end && *stop != '\r' && *stop != '\n')
			stop++;
		if (stop - p > 5 && memcmp(p, "data:", 5) == 0)
			client_event(p + 5, stop - p - 5, blocks);
		p = stop + 1;
	}
}

static void run(const struct buf *stream, struct buf *out)
{
	struct sse *s = sse_new(&vault.scope, SCHEMA_EVENT, 1 << 16);
	size_t at = 0, n;

	while (at < buf_len(stream)) {
		n = below(4) ? 1 + below(400) : 1;
		n = n < buf_len(stream) - at ? n : buf_len(stream) - at;
		must(sse_feed(s, buf_bytes(stream) + at, n, out));
		at += n;
	}
	must(sse_finish(s, out));
	sse_free(s);
}

static void block_is_right(struct block *b, unsigned round)
{
	json_t *input = NULL;
	const char *got = (const char *)buf_bytes(&b->got);
	size_t len = buf_len(&b->got);

	if (b->tool) {
		input = json_loadb(got, len, JSON_ALLOW_NUL, NULL);
		cr_assert(input != NULL, "round %u: %.*s", round, (int)len, got);
		got = json_string_value(json_object_get(input, "command"));
		len = json_string_length(json_object_get(input, "command"));
	}
	cr_assert(len == buf_len(&b->wanted) &&
			  (len == 0 || memcmp(got, buf_bytes(&b->wanted), len) == 0),
		  "round %u:\n%.*s\nnot\n%.*s", round, (int)len, got, (int)buf_len(&b->wanted),
		  (const char *)buf_bytes(&b->wanted));
	json_decref(input);
}

Test(sse_model, what_the_client_reads_is_the_text_restored, .timeout = 60)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct block blocks[BLOCKS];
		struct buf stream, out;

		seed = round;
		buf_init(&stream, 1 << 20);
		buf_init(&out, 1 << 20);
		for (unsigned i = 0; i < BLOCKS; i++)
			begin_block(&blocks[i]);
		random_stream(&stream, blocks);
		for (unsigned i = 0; i < BLOCKS; i++)
			blocks[i].open = true;
		run(&stream, &out);
		client_reads(&out, blocks);
		for (unsigned i = 0; i < BLOCKS; i++) {
			block_is_right(&blocks[i], round);
			end_block(&blocks[i]);
		}
		buf_free(&stream);
		buf_free(&out);
	}
}
