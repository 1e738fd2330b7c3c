/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/mask/buf.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const void *wiped;
static size_t wiped_len;

/* An allocation beyond all bounds is to fail, not to end the test. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* In libc's place: notes what was asked for. */
void explicit_bzero(void *p, size_t n)
{
	wiped = p;
	wiped_len = n;
	memset(p, 0, n);
	__asm__ __volatile__("" : : "r"(p) : "memory");
}

static bool holds(const struct buf *b, const char *text)
{
	size_t n = strlen(text);

	return buf_len(b) == n && (n == 0 || memcmp(buf_bytes(b), text, n) == 0);
}

Test(buf, is_a_queue)
{
	struct buf b;

	buf_init(&b, 100);
	cr_assert(holds(&b, ""));
	cr_assert(buf_append(&b, NULL, 0) == 0 && b.data == NULL);
	cr_assert(buf_puts(&b, "one ") == 0 && buf_append(&b, "twoXX", 3) == 0);
	cr_assert(holds(&b, "one two"));
	buf_drop(&b, 4);
	cr_assert(holds(&b, "two"));
	cr_assert(buf_puts(&b, " three") == 0);
	buf_truncate(&b, 5);
	cr_assert(holds(&b, "two t"));
	buf_drop(&b, 5);
	cr_assert(holds(&b, "") && b.head == 0);
	buf_free(&b);
}

Test(buf, never_holds_more_than_max)
{
	struct buf b;

	buf_init(&b, 10);
	cr_assert(buf_puts(&b, "12345678") == 0);
	cr_assert(buf_puts(&b, "901") == -1);
	cr_assert(buf_reserve(&b, SIZE_MAX) == NULL);
	cr_assert(holds(&b, "12345678"));
	cr_assert(buf_puts(&b, "90") == 0);
	cr_assert(buf_puts(&b, "1") == -1);
	buf_drop(&b, 1);
	cr_assert(buf_puts(&b, "1") == 0);
	cr_assert(holds(&b, "2345678901"));
	buf_free(&b);
}

Test(buf, content_survives_when_memory_is_out)
{
	struct buf b;

	buf_init(&b, SIZE_MAX);
	cr_assert(buf_puts(&b, "here") == 0);
	cr_assert(buf_reserve(&b, SIZE_MAX / 2) == NULL);
	cr_assert(holds(&b, "here"));
	buf_free(&b);
}

Test(buf, reserved_room_counts_once_grown)
{
	struct buf b;
	uint8_t *room;

	buf_init(&b, 1000);
	room = buf_reserve(&b, 300);
	cr_assert(room != NULL);
	memset(room, 'r', 300);
	cr_assert(buf_len(&b) == 0);
	buf_grew(&b, 2);
	cr_assert(holds(&b, "rr"));
	buf_free(&b);
}

/* A queue that stays short must not grow with what passed through it. */
Test(buf, storage_is_reused)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 100000; i++) {
		cr_assert(buf_puts(&b, "0123456789") == 0);
		if (buf_len(&b) > 100)
			buf_drop(&b, 95);
	}
	cr_assert(b.cap <= 1024, "%zu", b.cap);
	buf_free(&b);
}

Test(buf, random_operations_keep_the_bytes_in_order)
{
	unsigned seed = 5;
	uint64_t in = 0, out = 0;
	struct buf b;

	buf_init(&b, 5000);
	for (int i = 0; i < 20000; i++) {
		size_t n = rand_r(&seed) % 700;
		uint8_t *room = buf_reserve(&b, n);

		cr_assert((room != NULL) == (buf_len(&b) + n <= 5000));
		for (size_t k = 0; room && k < n; k++)
			room[k] = in++;
		if (room)
			buf_grew(&b, n);
		n = rand_r(&seed) % (buf_len(&b) + 1);
		for (size_t k = 0; k < n; k++)
			cr_assert(buf_bytes(&b)[k] == (uint8_t)out++);
		buf_drop(&b, n);
	}
	cr_assert(buf_len(&b) == in - out);
	buf_free(&b);
}

/* What was dropped, truncated or cleared may have been a value as well (I8): all of it is wiped. */
Test(buf, storage_goes_back_wiped)
{
	const uint8_t *data;
	struct buf b;
	size_t cap;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 200; i++)
		cr_assert(buf_puts(&b, "a name to be kept secret") == 0);
	buf_truncate(&b, 50);
	data = b.data;
	cap = b.cap;
	cr_assert(buf_reserve(&b, 1 << 16) != NULL);
	cr_assert(wiped == data && wiped_len == cap, "%zu of %zu", wiped_len, cap);
	cr_assert(buf_len(&b) == 50);
	data = b.data;
	cap = b.cap;
	buf_clear(&b);
	buf_free(&b);
	cr_assert(wiped == data && wiped_len == cap);
	cr_assert(b.data == NULL && buf_len(&b) == 0 && b.max == 1 << 20);
	buf_free(&b);
}
