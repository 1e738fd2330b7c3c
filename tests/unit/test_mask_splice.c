/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_world.h"

#include <criterion/criterion.h>

#define INSTANCE "i-0d4c8a1f93b27e65a"
#define OTHER "i-07be41c9d2a8f3650"

/* What comes of it with so much room at a time; no byte beyond that is written. */
static void splice_by(struct world *w, const char *in, size_t room, struct buf *out)
{
	struct mask_cut cut = {0};
	uint8_t to[513];
	size_t n;

	buf_init(out, 4096);
	do {
		memset(to, 0xa5, sizeof(to));
		n = mask_splice_some(w->mask, 0, (const uint8_t *)in, strlen(in), &cut, to, room);
		cr_assert_leq(n, room);
		for (size_t i = n; i < sizeof(to); i++)
			cr_assert_eq(to[i], 0xa5);
		cr_assert_eq(buf_append(out, to, n), 0);
	} while (n);
	cr_expect_eq(cut.at, strlen(in));
}

Test(mask_splice, some_at_every_size)
{
	static const char *const bodies[] = {
		"[\"" INSTANCE "\", {\"accountId\": 361509847212}, \"of " OTHER " " INSTANCE "\"]",
		"\"" INSTANCE "\"",
		"[\"nothing\"]",
		"{\"accountId\":361509847212}",
	};

	for (size_t b = 0; b < sizeof(bodies) / sizeof(*bodies); b++) {
		const char *in = bodies[b];
		struct world w;
		struct buf out;
		size_t size = 0;

		world_init(&w);
		cr_assert_eq(world_json(&w, in, strlen(in), SCHEMA_NONE), MASK_OK);
		cr_assert_eq(mask_spliced_size(w.mask, 0, strlen(in), &size), 0);
		cr_expect_eq(size, buf_len(&w.out));
		cr_expect_eq(mask_found(w.mask, 0), b != 2, "%s", in);
		for (size_t room = 1; room <= size + 1; room++) {
			splice_by(&w, in, room, &out);
			cr_expect(buf_len(&out) == size &&
					  !memcmp(buf_bytes(&out), buf_bytes(&w.out), size),
				  "room %zu: '%.*s'", room, (int)buf_len(&out),
				  (const char *)buf_bytes(&out));
			buf_free(&out);
		}
		world_free(&w);
	}
}

Test(mask_splice, no_size_before_all_is_resolved)
{
	struct world w;
	size_t size = 7;

	world_init(&w);
	w.vault.refuse = true;
	cr_assert_eq(mask_scan_text(w.mask, 0, (const uint8_t *)INSTANCE, 19), MASK_OK);
	cr_expect_eq(mask_resolve(w.mask, &w.vault.scope), 1);
	cr_expect_eq(mask_spliced_size(w.mask, 0, 19, &size), -1);
	cr_expect_eq(size, 7u);
	world_free(&w);
}

Test(mask_splice, into_a_full_buffer)
{
	struct world w;
	struct buf out;
	const char *in = INSTANCE " and a tail that is longer than the buffer";

	world_init(&w);
	cr_assert_eq(world_text(&w, in, strlen(in)), MASK_OK);
	buf_init(&out, buf_len(&w.out) - 1);
	cr_expect_eq(mask_splice(w.mask, 0, (const uint8_t *)in, strlen(in), &out), -1);
	cr_expect_eq(buf_len(&out), 0);
	out.max++;
	cr_expect_eq(mask_splice(w.mask, 0, (const uint8_t *)in, strlen(in), &out), 0);
	cr_expect_eq(buf_len(&out), buf_len(&w.out));
	buf_free(&out);
	world_free(&w);
}
