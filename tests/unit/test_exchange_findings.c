/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange_rig.h"

#define OTHER "vpc-0b2d4f6a8c1e3a5b7"

static const struct exchange_finding *found(struct rig *r, size_t i, size_t want)
{
	static struct exchange_finding all[EXCHANGE_FINDINGS_MAX];
	size_t n = exchange_findings(r->x, all, EXCHANGE_FINDINGS_MAX);

	cr_assert_eq(n, want, "%zu findings", n);
	return &all[i];
}

static void ask(struct rig *r, const char *head, const char *body)
{
	char wire[4096];

	snprintf(wire, sizeof(wire), "%sContent-Length: %zu\r\n\r\n%s", head, strlen(body), body);
	rig_client_text(r, wire);
}

static void expect(const struct exchange_finding *f, enum mask_type type, enum exchange_part part,
		   size_t index, size_t off, const char *path)
{
	cr_expect_eq(f->type, type);
	cr_expect_eq(f->part, part);
	cr_expect_eq(f->index, index);
	cr_expect_eq(f->path.off, off, "at %zu", f->path.off);
	cr_expect_str_eq(f->path.text, path, "%s", f->path.text);
}

static void begin(struct rig *r)
{
	rig_begin(r);
	r->config.observe = true;
}

Test(exchange_findings, target_header_and_json_body)
{
	static const char head[] =
		"POST /v1/messages?q=" VALUE " HTTP/1.1\r\nHost: " RIG_HOST
		"\r\nContent-Type: application/json\r\nX-Trace: at " OTHER "\r\n";
	static const char body[] =
		"{\"system\":\"" VALUE "\",\"messages\":[{\"content\":[{\"input\":"
		"{\"" OTHER "\":\"" VALUE "\"}}]}]}";
	struct rig r;

	begin(&r);
	ask(&r, head, body);
	expect(found(&r, 0, 5), TYPE_EC2_INSTANCE, EXCHANGE_TARGET, 0, 15, "");
	expect(found(&r, 1, 5), TYPE_VPC, EXCHANGE_HEADER, 2, 3, "");
	expect(found(&r, 2, 5), TYPE_EC2_INSTANCE, EXCHANGE_BODY, 0, 11, "$.system");
	expect(found(&r, 3, 5), TYPE_VPC, EXCHANGE_BODY, 0, (size_t)(strstr(body, OTHER) - body),
	       "$.messages[0].content[0].input.*#key");
	cr_expect_str_eq(found(&r, 4, 5)->path.text, "$.messages[0].content[0].input.*");
	cr_expect(exchange_facts(r.x)->passed_on);
	/* With the answer's first byte the request is gone. */
	rig_origin_text(&r, "H");
	found(&r, 0, 0);
	rig_end(&r);
}

Test(exchange_findings, lines_and_text)
{
	struct rig r;

	begin(&r);
	ask(&r, POST "Content-Type: application/x-ndjson\r\n",
	    "{\"a\":1}\n{\"b\":\"" VALUE "\"}\n\n{\"c\":\"" OTHER "\"}");
	expect(found(&r, 0, 2), TYPE_EC2_INSTANCE, EXCHANGE_LINE, 1, 6, "");
	expect(found(&r, 1, 2), TYPE_VPC, EXCHANGE_LINE, 3, 6, "");
	rig_origin_text(&r, OK_EMPTY);
	ask(&r, POST "Content-Type: text/plain\r\n", "it is " VALUE);
	expect(found(&r, 0, 1), TYPE_EC2_INSTANCE, EXCHANGE_BODY, 0, 6, "");
	rig_origin_text(&r, OK_EMPTY);
	ask(&r, POST, "nothing");
	found(&r, 0, 0);
	rig_end(&r);
}

Test(exchange_findings, what_is_known_says_so_and_is_counted_by_type)
{
	const struct mask_counts *counts;
	struct rig r;

	begin(&r);
	ask(&r, POST "Content-Type: text/plain\r\n",
	    "heron-lake-ledger and s3://heron-lake-ledger/x");
	cr_expect(found(&r, 0, 2)->known);
	cr_expect_not(found(&r, 1, 2)->known);
	counts = &exchange_facts(r.x)->masked;
	cr_expect_eq(counts->by_type[TYPE_S3_BUCKET], 2u);
	cr_expect_eq(counts->known_by_type[TYPE_S3_BUCKET], 1u);
	cr_expect_eq(counts->by_knowledge, 1u);
	rig_end(&r);
}

/* At most as many as there is room for, the first ones; enforcing tells the same. */
Test(exchange_findings, bounded)
{
	struct exchange_finding all[EXCHANGE_FINDINGS_MAX + 1];
	char body[1024] = "";
	struct rig r;

	rig_begin(&r);
	for (int i = 0; i < 20; i++)
		sprintf(body + strlen(body), "i-0a1b2c3d4e5f6%04x ", 0x4a00 + i);
	ask(&r, POST "Content-Type: text/plain\r\n", body);
	cr_assert_eq(exchange_findings(r.x, all, 3), 3u);
	cr_assert_eq(all[2].path.off, 2u * 20);
	cr_assert_eq(exchange_findings(r.x, all, EXCHANGE_FINDINGS_MAX + 1), EXCHANGE_FINDINGS_MAX);
	rig_end(&r);
}

Test(exchange_findings, a_refused_request_is_not_passed_on)
{
	struct rig r;

	rig_begin(&r);
	ask(&r, POST "Content-Type: application/json\r\n", "{\"a\": " VALUE);
	cr_expect_not(exchange_facts(r.x)->passed_on);
	cr_expect_eq(exchange_facts(r.x)->unmaskable, -1);
	cr_expect_neq(exchange_facts(r.x)->refusal, -1);
	rig_end(&r);
}
