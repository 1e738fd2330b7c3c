/* SPDX-License-Identifier: Apache-2.0 */
/* Known values in requests: within one, from one to the next, and where they meet rules. */
#include "mask_bodies.h"

#define BUCKET "corvid-ledger-archive"
#define ROLE "tidewater-deployer"
#define ROLE_ARN "arn:aws:iam::" ACCOUNT ":role/" ROLE

static void mask_text(struct world *w, const char *text)
{
	struct buf back;

	cr_assert_eq(world_text(w, text, strlen(text)), MASK_OK, "%s", text);
	buf_init(&back, WORLD_MEMORY);
	world_restore(w, buf_bytes(&w->out), buf_len(&w->out), &back);
	cr_expect(buf_len(&back) == strlen(text) && !memcmp(buf_bytes(&back), text, buf_len(&back)),
		  "came back: %s", text);
	buf_free(&back);
}

static void expect_text(struct world *w, const char *text, const char *want)
{
	mask_text(w, text);
	cr_expect(
		buf_len(&w->out) == strlen(want) && !memcmp(buf_bytes(&w->out), want, strlen(want)),
		"'%.*s', not '%s'", (int)buf_len(&w->out), (const char *)buf_bytes(&w->out), want);
}

Test(mask_known, in_later_requests)
{
	struct world w;

	world_init(&w);
	expect_text(&w, "notes on " BUCKET " of " ACCOUNT ", for " ROLE,
		    "notes on " BUCKET " of " ACCOUNT ", for " ROLE);
	expect_text(&w, "s3://" BUCKET "/x", "s3://S3_BUCKET_001/x");
	expect_text(&w, ROLE_ARN, "arn:aws:iam::AWS_ACCOUNT_001:role/ARN_RESOURCE_001");
	cr_expect_eq(mask_counts(w.mask)->by_knowledge, 0u);
	expect_text(&w, "notes on " BUCKET " of " ACCOUNT ", for " ROLE,
		    "notes on S3_BUCKET_001 of AWS_ACCOUNT_001, for ARN_RESOURCE_001");
	cr_expect_eq(mask_counts(w.mask)->by_knowledge, 3u);
	cr_expect_eq(mask_counts(w.mask)->by_type[TYPE_S3_BUCKET], 1u);
	expect_text(&w, BUCKET "-2 " ROLE "s x" ACCOUNT, BUCKET "-2 " ROLE "s x" ACCOUNT);
	cr_expect_eq(w.vault.n, 3u);
	world_free(&w);
}

/* Also before the place that gives it away. */
Test(mask_known, in_the_same_request)
{
	struct world w;

	world_init(&w);
	expect_text(&w, BUCKET " is s3://" BUCKET "/ and " BUCKET ".",
		    "S3_BUCKET_001 is s3://S3_BUCKET_001/ and S3_BUCKET_001.");
	cr_expect_eq(mask_counts(w.mask)->by_knowledge, 2u);
	cr_expect_eq(mask_counts(w.mask)->by_type[TYPE_S3_BUCKET], 3u);
	world_free(&w);
}

/* The same bytes at once, and once everything is known. */
Test(mask_known, the_second_turn_begins_with_the_first)
{
	static const char text[] = ROLE " in " BUCKET "; " ROLE_ARN " s3://" BUCKET "/" ROLE
					" arn:aws:sqs:eu-west-1:" ACCOUNT ":" ROLE "\n";
	static const char more[] = "s3://" BUCKET "-2 and " BUCKET " " ID;
	struct world w;
	struct buf first;
	char both[1000];

	world_init(&w);
	buf_init(&first, WORLD_MEMORY);
	mask_text(&w, text);
	cr_assert_eq(buf_append(&first, buf_bytes(&w.out), buf_len(&w.out)), 0);
	mask_text(&w, text);
	cr_expect(buf_len(&first) == buf_len(&w.out) &&
		  !memcmp(buf_bytes(&first), buf_bytes(&w.out), buf_len(&first)));
	snprintf(both, sizeof(both), "%s%s", text, more);
	mask_text(&w, both);
	cr_expect(buf_len(&first) < buf_len(&w.out) &&
		  !memcmp(buf_bytes(&first), buf_bytes(&w.out), buf_len(&first)));
	buf_free(&first);
	world_free(&w);
}

/* A part reveals what stands bare in others, whichever is scanned first. */
Test(mask_known, across_parts)
{
	static const char query[] = "/v1/x?name=" BUCKET "%2Fy", head[] = ROLE;
	static const char json[] = "{\"a\":\"" ROLE_ARN "\",\"b\":\"s3://" BUCKET "\"}";
	struct world w;
	struct vault_entry *entries;
	size_t n;

	world_init(&w);
	world_begin(&w);
	cr_assert_eq(mask_scan_query(w.mask, 0, (const uint8_t *)query, strlen(query)), MASK_OK);
	cr_assert_eq(mask_scan_text(w.mask, 7, (const uint8_t *)head, strlen(head)), MASK_OK);
	cr_assert_eq(mask_scan_json(w.mask, 1, (const uint8_t *)json, strlen(json), SCHEMA_NONE),
		     MASK_OK);
	cr_expect(!mask_found(w.mask, 0) && !mask_found(w.mask, 7) && mask_found(w.mask, 1));
	cr_assert_eq(mask_learn(w.mask), MASK_OK);
	cr_expect(mask_found(w.mask, 0) && mask_found(w.mask, 7) && mask_found(w.mask, 1));
	mask_resolve(w.mask, &w.vault.scope);
	entries = mask_pending(w.mask, &n);
	cr_assert_eq(memory_vault_reserve(&w.vault.scope, entries, n), 0);
	cr_assert_eq(mask_resolve(w.mask, &w.vault.scope), 0u);
	cr_assert_eq(mask_splice(w.mask, 0, (const uint8_t *)query, strlen(query), &w.out), 0);
	cr_assert_eq(mask_splice(w.mask, 7, (const uint8_t *)head, strlen(head), &w.out), 0);
	cr_expect(out_has(&w, "/v1/x?name=S3_BUCKET_001%2FyARN_RESOURCE_001"));
	world_free(&w);
}

/* Short texts come again and again: also when it is known since what they are, or more of them is looked at. */
Test(mask_known, the_same_short_text_again)
{
	static const char revealed[] = "[\"" BUCKET "\",\"" BUCKET "\",{\"" BUCKET "\":\"" BUCKET
				       "\"},\"s3://" BUCKET "/\",\"" BUCKET "\"]";
	static const char as_a_key[] = "[{\"" BUCKET "\":\"x\"},\"\\\"" BUCKET "\\\":\\\"x\"]";
	struct world w;

	world_init(&w);
	cr_assert_eq(world_json(&w, revealed, strlen(revealed), SCHEMA_NONE), MASK_OK);
	cr_expect(out_has(&w, "[\"S3_BUCKET_001\",\"S3_BUCKET_001\",{\"S3_BUCKET_001\":"
			      "\"S3_BUCKET_001\"},\"s3://S3_BUCKET_001/\",\"S3_BUCKET_001\"]"));
	cr_assert_eq(world_json(&w, as_a_key, strlen(as_a_key), SCHEMA_NONE), MASK_OK);
	cr_expect(out_has(&w, "[{\"S3_BUCKET_001\":\"x\"},\"\\\"S3_BUCKET_001\\\":\\\"x\"]"));
	world_free(&w);
}

Test(mask_known, in_json_in_json)
{
	static const char body[] =
		BLOCK("\"type\":\"tool_result\",\"content\":\"{\\\"a\\\":\\\"s3:\\\\/\\\\/"
		      "x\\\"}\\n" BUCKET "\\n\\\\n" BUCKET
		      "\\\\t\\u0041\"},{\"type\":\"text\",\"text\":\"s3://" BUCKET "\"");
	struct world w;

	world_init(&w);
	expect_masked(&w, body, BUCKET);
	expect_masked(&w, BLOCK("\"type\":\"text\",\"text\":\"\\u0063orvid-ledger-archive\""),
		      "orvid-ledger-archive");
	cr_expect_eq(mask_counts(w.mask)->by_knowledge, 1u);
	world_free(&w);
}

/* I5: what the model signed passes as it is, and is counted. */
Test(mask_known, signed_blocks_pass)
{
	static const char body[] =
		"{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
		"\"thinking\":\"the bucket " BUCKET "\",\"signature\":\"c2ln\"},"
		"{\"type\":\"text\",\"text\":\"s3://" BUCKET "\"}]}]}";
	struct world w;

	world_init(&w);
	for (int turn = 0; turn < 2; turn++) {
		mask_body(&w, body, SCHEMA_MESSAGES);
		cr_expect(out_has(&w, "the bucket " BUCKET "\""));
		cr_expect(!out_has(&w, "s3://" BUCKET));
		cr_expect_eq(mask_counts(w.mask)->signed_passed, 1u);
		cr_expect_eq(mask_counts(w.mask)->by_knowledge, 0u);
	}
	world_free(&w);
}

/* A key is no part of its value's token. */
Test(mask_known, beside_a_key)
{
	struct world w;

	world_init(&w);
	memory_vault_put(&w.vault, TYPE_S3_BUCKET, 4, BUCKET);
	memory_vault_put(&w.vault, TYPE_S3_BUCKET, 5, "name\":\"value-1");
	mask_body(&w, "{\"name\":\"" BUCKET "\",\"" BUCKET "\":[\"" BUCKET "\"]}", SCHEMA_NONE);
	cr_expect(
		out_has(&w, "{\"name\":\"S3_BUCKET_004\",\"S3_BUCKET_004\":[\"S3_BUCKET_004\"]}"));
	mask_body(&w, "{\"name\":\"value-1\"}", SCHEMA_NONE);
	cr_expect(out_has(&w, "{\"name\":\"value-1\"}"));
	world_free(&w);
}

Test(mask_known, where_rules_find_something_too)
{
	struct world w;

	world_init(&w);
	memory_vault_put(&w.vault, TYPE_S3_BUCKET, 1, "logs-" ACCOUNT "-eu-west-1");
	memory_vault_put(&w.vault, TYPE_ARN_RESOURCE, 1, BUCKET);
	memory_vault_put(&w.vault, TYPE_ARN_RESOURCE, 2, "team/" ROLE);
	memory_vault_put(&w.vault, TYPE_ARN_RESOURCE, 3, "10.20.30.40:corvid");
	memory_vault_put(&w.vault, TYPE_ARN_RESOURCE, 4, "corvid:10.20");
	/* whole spans inside: one value */
	expect_text(&w, "logs-" ACCOUNT "-eu-west-1", "S3_BUCKET_001");
	expect_text(&w, "at 10.20.30.40:corvid.", "at ARN_RESOURCE_003.");
	/* the very same bytes: the rule's type */
	expect_text(&w, "s3://" BUCKET " " BUCKET, "s3://S3_BUCKET_002 ARN_RESOURCE_001");
	/* a rule's span around it */
	expect_text(&w, "arn:aws:sns:eu-west-1:" ACCOUNT ":x-" ROLE,
		    "arn:aws:sns:eu-west-1:AWS_ACCOUNT_001:ARN_RESOURCE_005");
	/* overlapping: the rule's stays whole */
	expect_text(&w, "corvid:10.20.30.40", "ARN_RESOURCE_006PRIVATE_IPV4_001");
	world_free(&w);
}

/* I2: placeholders in the text that a known value meets */
Test(mask_known, literals)
{
	struct world w;

	world_init(&w);
	memory_vault_put(&w.vault, TYPE_ARN_RESOURCE, 1, "tide/EC2_INSTANCE_001");
	memory_vault_put(&w.vault, TYPE_ARN_RESOURCE, 2, "EC2_INSTANCE_002");
	expect_text(&w, "tide/EC2_INSTANCE_001", "ARN_RESOURCE_001");
	expect_text(&w, "EC2_INSTANCE_002", "LITERAL_001");
	mask_text(&w, "tide/EC2_INSTANCE_0011 xEC2_INSTANCE_002 EC2_INSTANCE_002x");
	world_free(&w);
}

Test(mask_known, not_learned)
{
	struct world w;

	world_init(&w);
	mask_text(&w, "s3://my-bucket/x arn:aws:iam::" ACCOUNT ":role/production " ID);
	expect_text(&w, "my-bucket in production", "my-bucket in production");
	world_free(&w);
}

/* The snapshot is given back by whatever comes first. */
Test(mask_known, the_snapshot_is_given_back)
{
	struct world w;

	world_init(&w);
	mask_know(w.mask, &w.vault.scope);
	cr_expect_eq(w.vault.snapshots, 1u);
	mask_know(w.mask, &w.vault.scope);
	cr_expect_eq(w.vault.snapshots, 1u);
	mask_reset(w.mask);
	cr_expect_eq(w.vault.snapshots, 0u);
	world_begin(&w);
	cr_assert_eq(mask_scan_text(w.mask, 0, (const uint8_t *)ROLE_ARN, strlen(ROLE_ARN)),
		     MASK_OK);
	cr_assert_eq(mask_learn(w.mask), MASK_OK);
	cr_expect_eq(w.vault.snapshots, 0u);
	cr_expect_eq(mask_learn(w.mask), MASK_OK);
	mask_know(w.mask, &w.vault.scope);
	mask_free(w.mask);
	w.mask = NULL;
	cr_expect_eq(w.vault.snapshots, 0u);
	world_free(&w);
}

static const struct known *knew_nothing(struct vault_scope *s)
{
	(void)s;
	return NULL;
}

/* In the next request it may be known what it is, from somebody else. */
Test(mask_known, the_same_short_text_in_the_next_request)
{
	static const char alone[] = "[\"" BUCKET "\"]";
	struct vault_ops ops;
	const struct vault_ops *knows;
	struct world w;

	world_init(&w);
	mask_text(&w, "s3://" BUCKET "/");
	knows = w.vault.scope.ops;
	ops = *knows;
	ops.known = knew_nothing;
	w.vault.scope.ops = &ops;
	cr_assert_eq(world_json(&w, alone, strlen(alone), SCHEMA_NONE), MASK_OK);
	cr_expect(out_has(&w, alone));
	w.vault.scope.ops = knows;
	cr_assert_eq(world_json(&w, alone, strlen(alone), SCHEMA_NONE), MASK_OK);
	cr_expect(out_has(&w, "[\"S3_BUCKET_001\"]"));
	world_free(&w);
}

/* What is scanned again is what was scanned first, of every kind. */
Test(mask_known, every_kind_of_part)
{
	static const char multipart[] =
		"--b\r\nContent-Disposition: form-data; name=\"" BUCKET "\"\r\n\r\n" BUCKET
		" s3://" BUCKET "\r\n--b\r\n"
		"Content-Type: application/json\r\n\r\n[\"" BUCKET "\"]\r\n--b--\r\n";
	static const char query[] = "a=" BUCKET "&b=s3%3A%2F%2F" BUCKET "%2F&" BUCKET "=c";
	struct world w;

	world_init(&w);
	cr_assert_eq(world_multipart(&w, multipart, strlen(multipart), "b", false), MASK_OK);
	cr_expect(!out_has(&w, BUCKET));
	cr_expect_eq(mask_counts(w.mask)->by_type[TYPE_S3_BUCKET], 4u);
	world_free(&w);
	world_init(&w);
	cr_assert_eq(world_query(&w, query, strlen(query)), MASK_OK);
	cr_expect(!out_has(&w, BUCKET));
	cr_expect_eq(mask_counts(w.mask)->by_type[TYPE_S3_BUCKET], 3u);
	world_free(&w);
}

/* Any bound on memory: an answer or a refusal, and never half an answer. */
Test(mask_known, out_of_memory)
{
	struct buf in;
	struct world w;
	bool passed = false, refused = false;

	world_init(&w);
	buf_init(&in, WORLD_MEMORY);
	for (int i = 0; i < 40; i++) {
		char line[200];

		snprintf(line, sizeof(line), "corvid-%d s3://corvid-%d/x\n", i, i);
		cr_assert_eq(buf_puts(&in, line), 0);
	}
	for (size_t max = 256; max < 262144; max += max / 8) {
		struct mask *m = mask_new(w.catalogue, max);
		enum mask_error e;

		cr_assert_not_null(m);
		mask_know(m, &w.vault.scope);
		e = mask_scan_text(m, 0, buf_bytes(&in), buf_len(&in));
		if (e == MASK_OK)
			e = mask_learn(m);
		cr_assert(e == MASK_OK || e == MASK_TOO_LARGE);
		if (e == MASK_OK)
			cr_expect_eq(mask_counts(m)->by_type[TYPE_S3_BUCKET], 80u);
		passed |= e == MASK_OK;
		refused |= e == MASK_TOO_LARGE;
		mask_free(m);
	}
	cr_expect(passed && refused);
	buf_free(&in);
	world_free(&w);
}
