/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with what is found: by type, by target, by value. */
#include "../../user/wire/exchange.h"
#include "policy_rig.h"

#define VPC_ID "vpc-0a4b7c92d1e63f58b"
#define GATEWAY "igw-0d1c3b5a79e8f6240"
#define BUCKET "corvid-ledger-archive"
#define KEY_ID "AKIAQ7ZR2MNB5KXDW3VT"

static size_t observed(const struct ruled *r, const char *label)
{
	enum mask_type type = types_find(r->types, label, strlen(label));

	cr_assert_neq(type, TYPE_NONE);
	return mask_counts(r->w.mask)->observed[type];
}

Test(mask_policy, masked_by_default)
{
	ruled_once("", "in " VPC_ID, "in VPC_001");
	ruled_once("types: {VPC: mask}", "in " VPC_ID, "in VPC_001");
}

Test(mask_policy, allowed)
{
	struct ruled r;

	ruled_begin(&r, "types: {VPC: allow}", NULL);
	ruled_expect(&r, "", VPC_ID " has " GATEWAY, VPC_ID " has INTERNET_GATEWAY_001");
	cr_expect_eq(observed(&r, "VPC"), 0u);
	cr_expect_eq(mask_counts(r.w.mask)->by_type[TYPE_VPC], 0u);
	cr_expect_eq(r.w.vault.n, 1u, "and is not kept");
	ruled_end(&r);
}

Test(mask_policy, observed_is_counted)
{
	struct ruled r;

	ruled_begin(&r, "types: {VPC: observe}", NULL);
	ruled_expect(&r, "", VPC_ID " and " VPC_ID " has " GATEWAY,
		     VPC_ID " and " VPC_ID " has INTERNET_GATEWAY_001");
	cr_expect_eq(observed(&r, "VPC"), 2u);
	cr_expect_eq(mask_counts(r.w.mask)->by_type[TYPE_VPC], 0u);
	cr_expect_eq(mask_counts(r.w.mask)->by_type[TYPE_INTERNET_GATEWAY], 1u);
	ruled_end(&r);
}

Test(mask_policy, blocked)
{
	struct ruled r;

	ruled_begin(&r, "types: {VPC: block}", NULL);
	cr_assert_eq(ruled_text(&r, "", "no " GATEWAY), MASK_OK);
	cr_expect_eq(mask_counts(r.w.mask)->blocked, 0u);
	cr_assert_eq(ruled_text(&r, "", "one " VPC_ID " two " VPC_ID), MASK_OK);
	cr_expect_eq(mask_counts(r.w.mask)->blocked, 2u);
	cr_expect_eq(mask_counts(r.w.mask)->blocked_type, TYPE_VPC);
	cr_expect_eq(mask_counts(r.w.mask)->by_type[TYPE_VPC], 0u);
	ruled_end(&r);
}

#define NESTED                                                                                     \
	"types: {OUTER: {action: %s, expression: 'TICK-[0-9]{6}'}, "                               \
	"INNER: {action: %s, expression: '[0-9]{6}'}}"

static void nested(struct ruled *r, const char *outer, const char *inner)
{
	char yaml[256];

	snprintf(yaml, sizeof(yaml), NESTED, outer, inner);
	ruled_begin(r, yaml, NULL);
	cr_assert_eq(ruled_text(r, "", "see TICK-482913."), MASK_OK);
}

Test(mask_policy, what_is_left_alone_hides_nothing)
{
	static const char *const left[] = {"allow", "observe"};
	struct ruled r;

	ruled_once("types: {OUTER: {expression: 'TICK-[0-9]{6}'}, INNER: {expression: '[0-9]{6}'}}",
		   "see TICK-482913.", "see OUTER_001.");
	for (size_t i = 0; i < 2; i++) {
		nested(&r, left[i], "mask");
		ruled_expect(&r, "", "see TICK-482913.", "see TICK-INNER_001.");
		cr_expect_eq(observed(&r, "OUTER"), i);
		ruled_end(&r);
	}
}

Test(mask_policy, a_blocked_value_inside_a_masked_one_is_blocked)
{
	struct ruled r;

	nested(&r, "mask", "block");
	cr_expect_eq(mask_counts(r.w.mask)->blocked, 1u);
	ruled_end(&r);
	nested(&r, "allow", "block");
	cr_expect_eq(mask_counts(r.w.mask)->blocked, 1u);
	ruled_end(&r);
	nested(&r, "block", "allow");
	cr_expect_eq(mask_counts(r.w.mask)->blocked, 1u);
	ruled_end(&r);
}

/* Two types of the very same bytes: the first one names them. */
Test(mask_policy, the_same_bytes)
{
	struct ruled r;

	ruled_begin(&r,
		    "types: {FIRST: {expression: 'TICK-[0-9]{6}'}, "
		    "OTHER: {action: block, expression: 'TICK-[0-9]+'}}",
		    NULL);
	ruled_expect(&r, "", "see TICK-482913.", "see FIRST_001.");
	cr_expect_eq(mask_counts(r.w.mask)->blocked, 0u);
	ruled_end(&r);
	ruled_begin(&r,
		    "types: {FIRST: {action: observe, expression: 'TICK-[0-9]{6}'}, "
		    "OTHER: {action: observe, expression: 'TICK-[0-9]+'}}",
		    NULL);
	cr_assert_eq(ruled_text(&r, "", "see TICK-482913."), MASK_OK);
	cr_expect_eq(observed(&r, "FIRST"), 1u);
	cr_expect_eq(observed(&r, "OTHER"), 0u);
	ruled_end(&r);
}

Test(mask_policy, literals_are_always_masked)
{
	ruled_once("types: {id: allow, network: allow, name: allow, secret: allow}\n"
		   "allow: {literals: [VPC_001]}",
		   VPC_ID " like VPC_001", VPC_ID " like LITERAL_001");
}

Test(mask_policy, a_types_own_line_wins_over_its_class)
{
	const char *text = VPC_ID " " GATEWAY, *want = VPC_ID " INTERNET_GATEWAY_001";

	ruled_once("types: {id: allow, INTERNET_GATEWAY: mask}", text, want);
	ruled_once("types: {INTERNET_GATEWAY: mask, id: allow}", text, want);
	ruled_once("types: {id: allow}", text, text);
	ruled_once("types: {id: allow, VPC: mask, INTERNET_GATEWAY: {targets: {claude.ai: allow}}}",
		   text, "VPC_001 " GATEWAY);
	ruled_once("types: {name: allow, TICKET: {expression: 'TICK-[0-9]+'}}", "TICK-77",
		   "TICKET_001");
}

Test(mask_policy, per_target)
{
	struct ruled r;

	ruled_begin(&r,
		    "types: {VPC: {action: mask, targets: {claude.ai: allow}}, "
		    "id: {targets: {Platform.Claude.com: observe}}}",
		    NULL);
	ruled_expect(&r, "api.anthropic.com", VPC_ID, "VPC_001");
	ruled_expect(&r, "claude.ai", VPC_ID " " GATEWAY, VPC_ID " INTERNET_GATEWAY_001");
	ruled_expect(&r, "platform.claude.com", VPC_ID " " GATEWAY, "VPC_001 " GATEWAY);
	cr_expect_eq(observed(&r, "INTERNET_GATEWAY"), 1u);
	ruled_expect(&r, "", VPC_ID " " GATEWAY, "VPC_001 INTERNET_GATEWAY_001");
	ruled_end(&r);
}

Test(mask_policy, optional_types)
{
	struct ruled r;
	char yaml[128];

	ruled_begin(&r, "types: {id: mask, name: mask, network: mask, secret: mask}", NULL);
	for (unsigned t = 0; t < TYPE_COUNT; t++) {
		enum mask_type type = (enum mask_type)t;
		bool optional = type_is_optional(type);

		cr_expect_eq(policy_default.actions[t], optional ? ACTION_ALLOW : ACTION_MASK);
		cr_expect_eq(config_action(r.config, r.types, type, ""),
			     optional ? ACTION_ALLOW : ACTION_MASK);
		if (!optional)
			continue;
		snprintf(yaml, sizeof(yaml), "types: {%s: mask}", type_table[t].label);
		ruled_end(&r);
		ruled_begin(&r, yaml, NULL);
		cr_expect_eq(config_action(r.config, r.types, type, ""), ACTION_MASK);
	}
	ruled_end(&r);
}

Test(mask_policy, values_that_are_left_alone)
{
	ruled_once("allow: {literals: [10.96.0.1, " BUCKET "]}",
		   "10.96.0.1 10.96.0.12 s3://" BUCKET "/x " BUCKET,
		   "10.96.0.1 PRIVATE_IPV4_001 s3://" BUCKET "/x " BUCKET);
	ruled_once("{types: {NICK: {literals: [K8, Falconet]}}, allow: {literals: [K8]}}",
		   "K8 Falconet", "K8 NICK_001");
}

Test(mask_policy, examples_of_the_documentation)
{
	const char *text =
		"AKIAIOSFODNN7EXAMPLE i-1234567890abcdef0 arn:aws:iam::123456789012:root "
		"secret_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY AIDACKCEVSQ6C2EXAMPLE";

	ruled_once("", text, text);
	ruled_once("", "ASIAZZ7NEXAMPLEQ2345", "ACCESS_KEY_ID_001");
	ruled_once("keep_examples: false", text,
		   "ACCESS_KEY_ID_001 EC2_INSTANCE_001 arn:aws:iam::AWS_ACCOUNT_001:root "
		   "secret_key=SECRET_ACCESS_KEY_001 IAM_UNIQUE_ID_001");
}

Test(mask_policy, the_examples_are_in_order)
{
	static const char *const examples[] = {
#define EXAMPLE(value, source) value,
#include "../../user/mask/examples.def"
#undef EXAMPLE
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		cr_expect(!i || strcmp(examples[i - 1], examples[i]) < 0, "%s", examples[i]);
		cr_expect_eq(policy_action(&policy_default, TYPE_AWS_ACCOUNT,
					   (const uint8_t *)examples[i], strlen(examples[i])),
			     ACTION_ALLOW);
	}
}

/* Known as one type that is left alone here, and as another one that is not. */
Test(mask_policy, known_values_obey_their_type)
{
	struct ruled r;

	ruled_begin(&r,
		    "types: {S3_BUCKET: {targets: {claude.ai: allow}}, "
		    "IAM_ROLE: {targets: {platform.claude.com: observe}}}",
		    NULL);
	ruled_expect(&r, "", "s3://" BUCKET "/x", "s3://S3_BUCKET_001/x");
	ruled_expect(&r, "", "the " BUCKET, "the S3_BUCKET_001");
	ruled_expect(&r, "claude.ai", "the " BUCKET " s3://" BUCKET "/",
		     "the " BUCKET " s3://" BUCKET "/");
	memory_vault_put(&r.w.vault, TYPE_IAM_ROLE, 1, BUCKET);
	ruled_expect(&r, "", "the " BUCKET, "the S3_BUCKET_001");
	ruled_expect(&r, "claude.ai", "the " BUCKET, "the IAM_ROLE_001");
	memory_vault_put(&r.w.vault, TYPE_IAM_ROLE, 2, "tidewater-deployer");
	ruled_expect(&r, "platform.claude.com", "a tidewater-deployer.", "a tidewater-deployer.");
	cr_expect_eq(observed(&r, "IAM_ROLE"), 1u);
	ruled_end(&r);
}

Test(mask_policy, signed_blocks_pass)
{
	const char *body =
		"{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":"
		"\"thinking\",\"thinking\":\"" VPC_ID " " GATEWAY "\",\"signature\":\"c2ln\"}]}]}";
	struct ruled r;

	ruled_begin(&r, "types: {VPC: block, INTERNET_GATEWAY: observe}", NULL);
	mask_reset(r.w.mask);
	{
		struct policy_source *s = policies_source(r.policies);
		const struct mask_policy *p = s->take(s, "");

		mask_follow(r.w.mask, p);
		mask_know(r.w.mask, &r.w.vault.scope);
		cr_assert_eq(mask_scan_json(r.w.mask, 0, (const uint8_t *)body, strlen(body),
					    SCHEMA_MESSAGES),
			     MASK_OK);
		cr_assert_eq(mask_learn(r.w.mask), MASK_OK);
		s->done(s, p);
	}
	cr_expect_eq(mask_counts(r.w.mask)->blocked, 0u);
	cr_expect_eq(observed(&r, "INTERNET_GATEWAY"), 0u);
	cr_expect_eq(mask_counts(r.w.mask)->signed_passed, 1u);
	mask_follow(r.w.mask, &policy_default);
	ruled_end(&r);
}

/* ---- through the exchange */

#define REQUEST                                                                                    \
	"POST /v1/messages HTTP/1.1\r\nHost: claude.ai\r\nContent-Type: text/plain\r\n"            \
	"Content-Length: 32\r\n\r\nthe key is " KEY_ID "."

static struct exchange *offer(const struct ruled *r, bool observe)
{
	const struct exchange_config config = {.catalogue = r->w.catalogue,
					       .policies = policies_source(r->policies),
					       .body_max = 1 << 20,
					       .head_max = HTTP_HEAD_MAX,
					       .out_max = 1 << 20,
					       .observe = observe};
	struct exchange *x =
		exchange_new(&config, (struct vault_scope *)&r->w.vault.scope, "claude.ai", NULL);

	cr_assert_not_null(x);
	cr_assert_eq(exchange_client_bytes(x, (const uint8_t *)REQUEST, strlen(REQUEST)),
		     strlen(REQUEST));
	return x;
}

static bool holds(const struct buf *b, const char *text)
{
	return memmem(buf_bytes(b), buf_len(b), text, strlen(text)) != NULL;
}

Test(mask_policy, a_blocked_request_is_refused_in_words)
{
	struct exchange *x;
	struct ruled r;

	ruled_begin(&r, "types: {ACCESS_KEY_ID: {targets: {claude.ai: block}}}", NULL);
	x = offer(&r, false);
	cr_expect_eq(exchange_facts(x)->refusal, REFUSAL_BLOCKED);
	cr_expect_eq(exchange_facts(x)->status, 400u);
	cr_expect(holds(exchange_to_client(x), "HTTP/1.1 400 "));
	cr_expect(holds(exchange_to_client(x), "\"type\":\"invalid_request_error\""));
	cr_expect(holds(exchange_to_client(x), "the type ACCESS_KEY_ID, which"));
	cr_expect(!holds(exchange_to_client(x), KEY_ID));
	cr_expect_eq(buf_len(exchange_to_origin(x)), 0u);
	cr_expect_eq(exchange_want(x), WANT_CLIENT);
	cr_expect_eq(r.w.vault.n, 0u);
	exchange_free(x);
	ruled_end(&r);
}

Test(mask_policy, who_observes_only_counts_what_would_be_blocked)
{
	struct exchange *x;
	struct ruled r;

	ruled_begin(&r, "types: {secret: block, ACCESS_KEY_ID: block}", NULL);
	x = offer(&r, true);
	cr_expect_eq(exchange_facts(x)->refusal, -1);
	cr_expect_eq(exchange_facts(x)->masked.blocked, 1u);
	cr_expect(holds(exchange_to_origin(x), KEY_ID));
	exchange_free(x);
	ruled_end(&r);
}
