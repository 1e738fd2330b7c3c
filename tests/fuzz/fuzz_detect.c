/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect() finds what trying every expression at every byte finds, with each variant of the proposer
 * that this processor has. Its spans are in order,
 * disjoint, not empty, followed by no digit; and with a placeholder in the place of each, exactly
 * these placeholders are found again.
 *
 * A byte from 0x80 on stands for a fragment, so that few bytes make up much that almost is, or is,
 * an identifier.
 */
#include "../detect_reference.h"
#include "fuzz.h"

#define TEXT_MAX 400

static const char *const fragments[] = {
	"0123456789abcdef0",
	"0abc1234",
	"482910573641",
	"4829-1057-3641",
	"arn:aws:",
	"arn:aws:s3:::",
	"arn%3Aaws%3A",
	":us-east-1:",
	".us-west-2",
	"-us-east-1",
	".amazonaws.com",
	".cn",
	".s3.",
	".s3-",
	"s3://",
	"s3.amazonaws.com/",
	".rds.",
	".elb.",
	".dkr.ecr.",
	"sqs.",
	"c9akciq32rwx",
	"cluster-ro-",
	"AKIA",
	"AROA",
	"QWERTYUIOPASDFGH",
	"IOSFODNN7EXAMPLE",
	"secret_access_key",
	"SecretAccessKey",
	"\": \"",
	"\\\": \\\"",
	"session_token=",
	"wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzzzz",
	"account",
	"AccountId",
	"ownerId",
	"10.1.2.3",
	"172.16.0.0",
	"192.168.",
	"/8",
	"ip-10-1-2-3",
	"\\n",
	"\\\\n",
	"\\u001b[31m",
	"\x1b[0m",
	"%2F",
	"$252F",
	"\\u003d",
	"\xc3\xa9",
	"EC2_INSTANCE_001",
	"S3_BUCKET_1",
	"role/",
	"function:",
	"/aws/lambda/",
	"--bucket ",
};

struct text {
	uint8_t *p;
	size_t len;
};

static void text_add(struct text *t, const void *p, size_t n)
{
	if (n > TEXT_MAX - t->len)
		n = TEXT_MAX - t->len;
	memcpy(t->p + t->len, p, n);
	t->len += n;
}

/* The text that the input stands for, in memory that ends where it ends. */
static struct text expand(const uint8_t *data, size_t size)
{
	size_t anchors = 0, i, k;
	struct text t = {.p = malloc(TEXT_MAX)};

	MUST(t.p);
	for (i = 0; i < size; i++) {
		size_t n = data[i] - 0x80u;
		const char *s;

		if (data[i] < 0x80) {
			text_add(&t, data + i, 1);
			continue;
		}
		if (n < sizeof(fragments) / sizeof(fragments[0])) {
			s = fragments[n];
		} else { /* any rule's anchor */
			const struct rule *r = &rule_table[(n + anchors++) % RULE_COUNT];

			for (k = 0; r->anchors[k + 1] && k < n % 3; k++)
				;
			s = r->anchors[k];
		}
		text_add(&t, s, strlen(s));
	}
	t.p = realloc(t.p, t.len ? t.len : 1);
	MUST(t.p);
	return t;
}

static void check_spans(const struct text *t, const struct span *s, size_t n)
{
	size_t end = 0, i;

	for (i = 0; i < n; i++) {
		MUST(s[i].start >= end && s[i].start < s[i].end && s[i].end <= t->len);
		MUST((unsigned)s[i].type < TYPE_COUNT);
		MUST(s[i].rule < RULE_COUNT || s[i].rule == RULE_LITERAL);
		end = s[i].end;
		MUST(end == t->len || t->p[end] < '0' || t->p[end] > '9');
	}
}

/* What stands in the masked text is the placeholders put there, and nothing else looks like one. */
static void check_restorable(const struct text *t, const struct span *s, size_t n)
{
	size_t at = 0, from = 0, i;
	struct placeholder p;
	struct buf out;

	buf_init(&out, SIZE_MAX / 2);
	for (i = 0; i <= n; i++) {
		char name[PLACEHOLDER_MAX];
		size_t to = i < n ? s[i].start : t->len;

		MUST(buf_append(&out, t->p + at, to - at) == 0);
		if (i == n)
			break;
		MUST(buf_append(&out, name,
				placeholder_format(&types_builtin, name, s[i].type,
						   (uint32_t)(i * 199 + 1))) == 0);
		at = s[i].end;
	}
	for (i = 0;
	     placeholder_find(&types_builtin, buf_bytes(&out), buf_len(&out), from, true, &p);
	     i++) {
		MUST(i < n && p.type == s[i].type && p.number == i * 199 + 1);
		from = p.end;
	}
	MUST(i == n);
	buf_free(&out);
}

static void check_same(const struct buf *spans, const struct span *wanted, size_t n)
{
	const struct span *found = (const void *)buf_bytes(spans);

	MUST(buf_len(spans) == n * sizeof(*found));
	for (size_t i = 0; i < n; i++)
		MUST(found[i].start == wanted[i].start && found[i].end == wanted[i].end &&
		     found[i].type == wanted[i].type && found[i].rule == wanted[i].rule);
}

/* One input in so many also without what PCRE2 says of an expression, and by its interpreter. */
#define SLOW_ONE_IN 64

static bool slowly(const uint8_t *data, size_t size)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 0x9e3779b1u;
	return hash >> 16 & (SLOW_ONE_IN - 1) ? false : true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reference reference;
	static struct catalogue *catalogue;
	static struct detector *detector;
	static struct span wanted[REFERENCE_SPANS_MAX];
	struct buf spans;
	struct text t;
	size_t n;

	if (!catalogue) {
		char why[300];

		MUST((catalogue = catalogue_new(why, sizeof(why))));
		MUST((detector = detector_new(catalogue)));
		reference_init(&reference);
	}
	t = expand(data, size);
	n = reference_detect(&reference, t.p, t.len, slowly(data, size), wanted);
	buf_init(&spans, SIZE_MAX / 2);
	for (enum propose_variant v = 0; v < PROPOSE_VARIANTS; v++) {
		if (!propose_can(v))
			continue;
		proposer_use(&catalogue->anchors.proposer, v);
		buf_clear(&spans);
		MUST(detect(detector, t.p, t.len, &spans) == 0);
		check_same(&spans, wanted, n);
	}
	check_spans(&t, wanted, n);
	check_restorable(&t, wanted, n);
	buf_free(&spans);
	free(t.p);
	return 0;
}
