/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_MASK_BODIES_H
#define AWSMASK_MASK_BODIES_H
/*
 * Request bodies for the tests of masking, and what is expected of them.
 */
#include "mask_world.h"

#include <criterion/criterion.h>

#define ID "i-0b7d29ce4f1a8365e"
#define ID2 "i-05c3e8a17f92b4d60"
/* Letters and digits only, so it may hide in base64. */
#define KEY_ID "AKIAQ3EGRTYWVB2ZLKJH"
#define ACCOUNT "738291046512"

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Mask the body; everything outside the values stays, everything masked comes back. */
static inline void mask_body(struct world *w, const char *body, enum schema schema)
{
	cr_assert_eq(world_json(w, body, strlen(body), schema), MASK_OK, "%s", body);
	world_same_json(w, (const uint8_t *)body, strlen(body), buf_bytes(&w->out),
			buf_len(&w->out), schema == SCHEMA_NONE);
}

static inline void expect_passed(struct world *w, const char *body, const char *value)
{
	mask_body(w, body, SCHEMA_MESSAGES);
	cr_expect(out_has(w, value), "masked: %s", body);
}

static inline void expect_masked(struct world *w, const char *body, const char *value)
{
	mask_body(w, body, SCHEMA_MESSAGES);
	cr_expect(!out_has(w, value), "passed: %s", body);
}

#define BLOCK(members) "{\"messages\":[{\"role\":\"assistant\",\"content\":[{" members "}]}]}"
#define RESULT(members) BLOCK("\"type\":\"tool_result\",\"content\":[{" members "}]")

#endif
