/* SPDX-License-Identifier: Apache-2.0 */
/* Events that are seen to hold nothing leave without being taken apart: which, and that it changes nothing. */
#include "../../user/mask/sse.h"
#include "../../user/mask/sse_event.h"
#include "../guard.h"
#include "../memory_vault.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define DATA(text) "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"" text "\"}}\n\n"

/* Before a guard page; whatever stands around it. */
static size_t plain(const char *in, size_t len, size_t max)
{
	struct guarded g = guarded_copy(in, len);
	size_t seen = SIZE_MAX, n = sse_plain_events(g.p, len, max, &seen);

	guarded_free(&g);
	cr_assert(n <= len && seen <= len, "%zu, %zu of %zu", n, seen, len);
	return n;
}

Test(sse_plain, whole_events_are_taken_at_every_end)
{
	static const char in[] = DATA("Hello, EC2 world") ": note\n\n" DATA("a\\n\\\"b\\t\\/")
		DATA("_ 1 _x X_.") "data: [DONE]\n\n\n";

	for (size_t len = 0; len < sizeof(in); len++) {
		size_t want = len;

		while (want && !(want >= 2 && in[want - 1] == '\n' && in[want - 2] == '\n'))
			want--;
		cr_assert_eq(plain(in, len, 1000), want, "of %zu bytes", len);
	}
}

Test(sse_plain, what_could_be_or_become_a_placeholder_is_left)
{
	static const char *const suspects[] = {
		DATA("EC2_INSTANCE_001"),
		DATA("_0"),
		DATA("EC2_INSTANCE_"),
		DATA("E"),
		DATA("0"),
		DATA("\\u005f"),
		DATA("\\\\"),
		DATA("\\\\u"),
		"data: x\r\n\r\n",
		"\r\n",
		"data: _1\n\n",
	};
	char stream[300];

	for (size_t i = 0; i < sizeof(suspects) / sizeof(*suspects); i++)
		for (size_t pad = 0; pad < 40; pad++) {
			int n = snprintf(stream, sizeof(stream), ":%.*s\n\n%sdata: after\n\n",
					 (int)pad, "........................................",
					 suspects[i]);

			cr_assert_eq(plain(stream, (size_t)n, 1000), pad + 3, "%zu: %s", pad,
				     suspects[i]);
		}
}

Test(sse_plain, an_event_above_the_limit_is_left)
{
	static const char in[] = "data: 1\n\ndata: 12345\n\ndata: 1\n\n";

	cr_assert_eq(plain(in, sizeof(in) - 1, 13), sizeof(in) - 1);
	cr_assert_eq(plain(in, sizeof(in) - 1, 12), 9);
	cr_assert_eq(plain(in, sizeof(in) - 1, 8), 0);
}

/* Lines that are events each, none of them ended by a blank one: looked through once, not once a line. */
Test(sse_plain, hostile_lines_stay_linear, .timeout = 20)
{
	static const char *const lines[] = {":\n", ":_1\n", ":x\n", ":\r\n"};
	size_t len = 1 << 20;

	for (size_t k = 0; k < sizeof(lines) / sizeof(*lines); k++) {
		size_t line = strlen(lines[k]), n = len / line * line;
		uint8_t *in = malloc(len);
		struct memory_vault v;
		struct buf out;
		struct sse *s;

		memory_vault_init(&v);
		s = sse_new(&v.scope, SCHEMA_EVENT, 1 << 20);
		cr_assert(in && s);
		for (size_t i = 0; i < n; i++)
			in[i] = (uint8_t)lines[k][i % line];
		buf_init(&out, 1 << 21);
		cr_assert_eq(sse_feed(s, in, n, &out), 0);
		cr_assert_eq(sse_finish(s, &out), 0);
		cr_assert(buf_len(&out) == n && !memcmp(buf_bytes(&out), in, n));
		buf_free(&out);
		sse_free(s);
		memory_vault_free(&v);
		free(in);
	}
}
