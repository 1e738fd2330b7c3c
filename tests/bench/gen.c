/* SPDX-License-Identifier: Apache-2.0 */
#include "gen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct rng {
	uint64_t state;
};

/* splitmix64 */
static uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned rng_below(struct rng *r, unsigned n)
{
	return (unsigned)(rng_next(r) >> 32) % n;
}

void gen_put(struct buf *out, const void *p, size_t n)
{
	if (!out->max)
		buf_init(out, GEN_LARGE);
	if (buf_append(out, p, n) < 0)
		abort();
}

void gen_puts(struct buf *out, const char *text)
{
	gen_put(out, text, strlen(text));
}

void gen_print(struct buf *out, const char *format, ...)
{
	char line[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(line))
		abort();
	gen_put(out, line, (size_t)n);
}

static const char *const words[] = {"the",     "deploy",  "worker",  "returns", "config",  "module",
				    "and",     "request", "error",   "that",	"when",	   "build",
				    "cluster", "should",  "already", "before",	"stack",   "update",
				    "region",  "queue",	  "read",    "retry",	"timeout", "with",
				    "table",   "pipeline"};
/* Beside which no name is looked for. */
static const char *const plain_words[] = {
	"the",	"maybe", "because", "returns", "later", "between", "and",    "other",  "wrong",
	"that", "when",	 "paper",   "apple",   "about", "already", "before", "yellow", "under"};
static const char *const name_words[] = {"corvid",  "ledger", "tidewater", "quarry", "lantern",
					 "saffron", "meadow", "granite",   "otter",  "compass"};

static const char *name_word(struct rng *r)
{
	return name_words[rng_below(r, COUNT(name_words))];
}

/* --- identifiers --- */

static enum gen_kind kind_of(unsigned i)
{
	return i % GEN_KINDS;
}

static void hex_id(char *out, const char *prefix, struct rng *r)
{
	/* 17 digits, as all since 2018; not those that are kept for fresh ones */
	snprintf(out, GEN_VALUE_MAX, "%s0%07x%09llx", prefix, 0x1000000 + rng_below(r, 0xd000000),
		 (unsigned long long)(rng_next(r) >> 28));
}

static void key_id(char *out, struct rng *r)
{
	memcpy(out, "AKIA", 4);
	for (int i = 4; i < 20; i++)
		out[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[rng_below(r, 32)];
	out[20] = '\0';
}

static void make_value(char *out, unsigned i, struct rng *r)
{
	static const char *const prefixes[] = {"i-", "vpc-", "subnet-", "sg-"};
	const char *first = name_word(r), *second = name_word(r);

	switch (kind_of(i)) {
	case GEN_ADDRESS:
		snprintf(out, GEN_VALUE_MAX, "10.%u.%u.%u", 100 + i / 100, 100 + i % 100,
			 10 + rng_below(r, 200));
		break;
	case GEN_KEY:
		key_id(out, r);
		break;
	case GEN_BUCKET:
		snprintf(out, GEN_VALUE_MAX, "%s-%s-%04u", first, second, 2000 + i);
		break;
	case GEN_ACCOUNT:
		snprintf(out, GEN_VALUE_MAX, "%u%08u", 3000 + i, rng_below(r, 100000000));
		break;
	case GEN_ROLE:
		snprintf(out, GEN_VALUE_MAX, "%s-%s-role%04u", first, second, 2000 + i);
		break;
	default:
		hex_id(out, prefixes[kind_of(i)], r);
	}
}

void gen_pool(struct gen_pool *pool, uint64_t seed)
{
	struct rng r = {seed};

	for (unsigned i = 0; i < GEN_POOL; i++)
		make_value(pool->values[i], i, &r);
	for (unsigned i = 0; i < GEN_POOL; i++)
		snprintf(pool->names[i], GEN_VALUE_MAX, "%s-%s-%05u", name_word(&r), name_word(&r),
			 30000 + i);
}

void gen_introduce(struct buf *text, const struct gen_pool *pool)
{
	static const char *const contexts[GEN_KINDS] = {
		[GEN_BUCKET] = "s3://%s/x\n",
		[GEN_ACCOUNT] = "account %s\n",
		[GEN_ROLE] = "arn:aws:iam:::role/%s\n",
	};

	for (unsigned i = 0; i < GEN_POOL; i++) {
		const char *context = contexts[kind_of(i)];

		if (context)
			gen_print(text, context, pool->values[i]);
		else
			gen_print(text, "%s\n", pool->values[i]);
		gen_print(text, "s3://%s/x\n", pool->names[i]);
	}
}

int gen_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* --- text --- */

struct writer {
	struct rng rng;
	const struct gen_spec *spec;
	const struct gen_pool *pool;
	struct buf *text;
	size_t planted; /* where in the text the last identifier stands */
};

static const char *plain_word(struct writer *w)
{
	return plain_words[rng_below(&w->rng, COUNT(plain_words))];
}

static const char *any_word(struct writer *w)
{
	return w->spec->every ? words[rng_below(&w->rng, COUNT(words))] : plain_word(w);
}

static const char *draw(struct writer *w, enum gen_kind kind)
{
	unsigned rows = GEN_POOL / GEN_KINDS;

	return w->pool->values[rng_below(&w->rng, rows) * GEN_KINDS + kind];
}

/* One identifier in the company in which it comes. */
static void plant(struct writer *w)
{
	static const char *const contexts[GEN_KINDS] = {
		[GEN_INSTANCE] = "    \"InstanceId\": \"%s\", \"State\": \"running\",\n",
		[GEN_VPC] = "  vpc_id      = \"%s\" # imported\n",
		[GEN_SUBNET] = "aws ec2 describe-subnets --subnet-ids %s --output json\n",
		[GEN_GROUP] = "SECURITYGROUPS\t%s\tdefault\n",
		[GEN_ADDRESS] = "10:14:07 connect to %s:5432 took 11 ms\n",
		[GEN_KEY] = "export AWS_ACCESS_KEY_ID=%s\n",
		[GEN_BUCKET] = "copy: ./out/part-0001.gz to s3://%s/logs/part-0001.gz\n",
		[GEN_ACCOUNT] = "    \"Account\": \"%s\",\n",
	};
	enum gen_kind kind = rng_below(&w->rng, GEN_KINDS);
	char line[160];

	if (kind == GEN_ROLE)
		snprintf(line, sizeof(line), "Role: arn:aws:iam::%s:role/%s\n",
			 draw(w, GEN_ACCOUNT), draw(w, GEN_ROLE));
	else
		snprintf(line, sizeof(line), contexts[kind], draw(w, kind));
	gen_puts(w->text, line);
	w->planted = buf_len(w->text);
}

static void write_words(struct writer *w, unsigned n, const char *between)
{
	while (n--) {
		gen_puts(w->text, any_word(w));
		gen_puts(w->text, n ? between : "");
	}
}

static void write_line(struct writer *w)
{
	struct rng *r = &w->rng;

	switch (rng_below(r, 5)) {
	case 0:
		write_words(w, 8 + rng_below(r, 14), " ");
		gen_puts(w->text, ".\n");
		break;
	case 1:
		gen_print(w->text, "2031-05-%02uT%02u:%02u:%02uZ %s[%u]: ", 1 + rng_below(r, 28),
			  rng_below(r, 24), rng_below(r, 60), rng_below(r, 60), plain_word(w),
			  rng_below(r, 9999));
		write_words(w, 4 + rng_below(r, 8), " ");
		gen_print(w->text, ", done: id=%08x-%04x took %u ms\n", rng_below(r, ~0u),
			  rng_below(r, 65536), rng_below(r, 900));
		break;
	case 2:
		gen_print(w->text, "\t\tif (%s_%s(ctx->%s, %u) < 0)\n\t\t\treturn -%u;\n",
			  any_word(w), any_word(w), any_word(w), rng_below(r, 64),
			  rng_below(r, 99));
		break;
	case 3:
		gen_print(w->text, "    \"%s\": {\"%s\": \"%s-%s\", \"size\": %u, \"ok\": true},\n",
			  plain_word(w), plain_word(w), plain_word(w), plain_word(w),
			  rng_below(r, 100000));
		break;
	default:
		gen_print(w->text, "-rw-r--r-- 1 dev dev %6u May  4 03:%02u src/%s/%s_%s.py\n",
			  rng_below(r, 99999), rng_below(r, 60), any_word(w), any_word(w),
			  any_word(w));
	}
}

/* What nearly is an identifier, and differs each time. False: the texture is none of these. */
static bool write_nearly(struct writer *w)
{
	struct rng *r = &w->rng;

	switch (w->spec->texture) {
	case GEN_DIGITS:
		gen_print(w->text, "%08u", rng_below(r, 100000000));
		return true;
	case GEN_SHORT_IDS:
		gen_print(w->text, "i-%07x ", rng_below(r, 1 << 28));
		return true;
	case GEN_THREE_PARTS:
		gen_print(w->text, "10.%u.%u ", rng_below(r, 256), rng_below(r, 256));
		return true;
	case GEN_UUIDS:
		gen_print(w->text, "%08x-%04x-%04x-%04x-%04x%08x,", rng_below(r, ~0u),
			  rng_below(r, 65536), rng_below(r, 65536), rng_below(r, 65536),
			  rng_below(r, 65536), rng_below(r, ~0u));
		return true;
	default:
		return false;
	}
}

/* A long line of what a scanner must look at twice: many anchors, no identifier. */
static void write_hostile(struct writer *w)
{
	static const char *const pieces[] = {
		[GEN_DASHES] = "----i-vol-sg-vpc-0a1b--us-east-",
		[GEN_CAPITALS] = "AKIAROASIAAIDA_",
		[GEN_ARNS] = "arn:aws:iam::arn:aws:s3:::arn:",
		[GEN_ARN] = "arn:",
		[GEN_STARTS] = "arn:aws:",
		[GEN_DOTS] = "k.d-f4.",
		[GEN_TENS] = "10.",
		[GEN_KEYS] = "account,user_name owner: table \"ClusterName\" ",
		[GEN_MIX] = "arn:10.AKIA-0f'i-0a1=account\\\"%3A20261231\\n:secret:",
		[GEN_ESCAPES] = "\\\\\\\\\\\\\"\\\\\\n\\\\u001b[0m\\\"",
	};

	for (unsigned n = 0; n < 512; n++)
		if (!write_nearly(w))
			gen_puts(w->text, pieces[w->spec->texture]);
	gen_puts(w->text, "\n");
}

static void write_text(struct writer *w, size_t len)
{
	size_t end = buf_len(w->text) + len;

	while (buf_len(w->text) < end) {
		if (w->spec->every && buf_len(w->text) - w->planted >= w->spec->every)
			plant(w);
		if (w->spec->texture == GEN_LINES || w->spec->texture == GEN_INTRODUCTION)
			write_line(w);
		else
			write_hostile(w);
	}
}

/* --- requests --- */

void gen_escape(struct buf *out, const uint8_t *text, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		const char *escape = text[i] == '"'    ? "\\\""
				     : text[i] == '\\' ? "\\\\"
				     : text[i] == '\n' ? "\\n"
				     : text[i] == '\t' ? "\\t"
						       : NULL;
		if (!escape)
			continue;
		gen_put(out, text + from, i - from);
		gen_put(out, escape, 2);
		from = i + 1;
	}
	gen_put(out, text + from, len - from);
}

/* A string of about so many bytes. */
static void put_string(struct gen_request *q, struct writer *w, size_t len)
{
	size_t from = buf_len(&q->text);

	write_text(w, len);
	gen_escape(&q->body, buf_bytes(&q->text) + from, buf_len(&q->text) - from);
}

static void put_head(struct gen_request *q, struct writer *w, size_t size)
{
	static const char *const tools[] = {"Bash", "Read", "Edit", "Grep", "WebFetch", "Task"};

	gen_print(&q->body,
		  "{\"model\":\"claude-bench\",\"max_tokens\":32000,\"stream\":%s,"
		  "\"system\":[{\"type\":\"text\",\"text\":\"",
		  w->spec->stream ? "true" : "false");
	put_string(q, w, size / 16);
	gen_puts(&q->body, "\",\"cache_control\":{\"type\":\"ephemeral\"}}],\"tools\":[");
	for (size_t i = 0; i < COUNT(tools); i++) {
		gen_print(&q->body, "%s{\"name\":\"%s\",\"description\":\"", i ? "," : "",
			  tools[i]);
		put_string(q, w, size / 64);
		gen_puts(&q->body,
			 "\",\"input_schema\":{\"type\":\"object\",\"properties\":{"
			 "\"command\":{\"type\":\"string\",\"description\":\"the command to "
			 "run\"},\"timeout\":{\"type\":\"number\"}},\"required\":[\"command\"],"
			 "\"additionalProperties\":false}}");
	}
	gen_puts(&q->body, "],\"messages\":[");
}

/* The agent calls a tool and gets its output. */
static void put_turn(struct gen_request *q, struct writer *w, unsigned turn, size_t size)
{
	gen_puts(&q->body, "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"");
	put_string(q, w, 120);
	gen_print(&q->body,
		  "\"},{\"type\":\"tool_use\",\"id\":\"toolu_bench%06u\",\"name\":\"Bash\","
		  "\"input\":{"
		  "\"command\":\"",
		  turn);
	put_string(q, w, 80);
	gen_print(&q->body,
		  "\"}}]},{\"role\":\"user\",\"content\":[{\"tool_use_id\":\"toolu_bench%06u\","
		  "\"type\":\"tool_result\",\"content\":\"",
		  turn);
	put_string(q, w, size);
	gen_puts(&q->body, "\"}]},");
}

/* What the user says; what is said last is echoed, and marked for the cache. */
static void put_words(struct gen_request *q, struct writer *w, size_t size, bool last)
{
	gen_puts(&q->body, "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"");
	q->echo_off = buf_len(&q->body);
	if (w->spec->every) {
		gen_puts(&q->body, "look at ");
		q->fresh_off = buf_len(&q->body);
		gen_puts(&q->body, w->pool->values[GEN_INSTANCE]);
		gen_puts(&q->body, " first:\\n");
	}
	if (w->spec->texture == GEN_INTRODUCTION) {
		size_t from = buf_len(&q->text);

		gen_introduce(&q->text, w->pool);
		gen_escape(&q->body, buf_bytes(&q->text) + from, buf_len(&q->text) - from);
	}
	put_string(q, w, size);
	q->echo_len = buf_len(&q->body) - q->echo_off;
	gen_puts(&q->body, last ? "\",\"cache_control\":{\"type\":\"ephemeral\"}}]}" : "\"}]},");
}

void gen_request(struct gen_request *r, const struct gen_spec *spec, const struct gen_pool *pool)
{
	struct writer w = {.rng = {spec->seed}, .spec = spec, .pool = pool, .text = &r->text};
	size_t last = spec->say ? spec->say : spec->size / 8 < 16384 ? spec->size / 8 : 16384;
	unsigned turn = 0;

	*r = (struct gen_request){0};
	buf_init(&r->body, GEN_LARGE);
	buf_init(&r->text, GEN_LARGE);
	put_head(r, &w, spec->size < 131072 ? spec->size : 131072);
	while (buf_len(&r->body) + last + 1024 < spec->size)
		put_turn(r, &w, turn++, 500 + rng_below(&w.rng, (unsigned)(spec->size / 24)));
	put_words(r, &w, last, !spec->turns);
	for (unsigned i = 1; i <= spec->turns; i++) {
		put_turn(r, &w, turn++, last);
		put_words(r, &w, last, i == spec->turns);
	}
	gen_puts(&r->body, "],\"metadata\":{\"user_id\":\"bench\"}}");
}

void gen_request_free(struct gen_request *r)
{
	buf_free(&r->body);
	buf_free(&r->text);
}

void gen_freshen(struct gen_request *r, uint32_t run, uint32_t n)
{
	char value[GEN_VALUE_MAX];

	snprintf(value, sizeof(value), GEN_FRESH "%05x%06x", run & 0xfffff, n & 0xffffff);
	if (r->fresh_off)
		memcpy(r->body.data + r->body.head + r->fresh_off, value, strlen(value));
}

/* --- downloads --- */

void gen_download(uint8_t out[static GEN_DOWNLOAD])
{
	struct rng r = {GEN_DOWNLOAD};

	for (size_t i = 0; i < GEN_DOWNLOAD; i += 8) {
		uint64_t word = rng_next(&r);

		memcpy(out + i, &word, 8);
	}
}
