/* SPDX-License-Identifier: Apache-2.0 */
/*
 * However a stream is torn, the same bytes come out, also byte by byte, when no event is ever seen whole and each
 * is taken apart; in a scope that holds nothing, the bytes that went in.
 */
#include "../../user/mask/sse.h"
#include "../memory_vault.h"
#include "fuzz.h"

static struct memory_vault full, empty;

static void open_vaults(void)
{
	if (full.unlogged)
		return;
	memory_vault_init(&full);
	memory_vault_init(&empty);
	full.unlogged = empty.unlogged = true;
	memory_vault_put(&full, TYPE_LITERAL, 1, "LITERAL_002");
	memory_vault_put(&full, TYPE_LITERAL, 2, "a\"b\\c\nd\x01\xc3\xa9");
	memory_vault_put(&full, TYPE_EC2_INSTANCE, 1, "i-0a1b2c3d4e5f60718");
}

/* Pieces of a size that the fuzzer's bytes choose, each in memory of its own. */
static struct unmask_counts run(struct memory_vault *v, enum schema schema, const uint8_t *p,
				size_t len, size_t piece, struct buf *out)
{
	struct sse *s = sse_new(&v->scope, schema, 1 << 15);
	struct unmask_counts counts;
	size_t n;

	MUST(s);
	for (size_t at = 0; at < len; at += n) {
		uint8_t *copy;

		n = piece ? 1 + p[at] % piece : len;
		n = n < len - at ? n : len - at;
		copy = malloc(n);
		memcpy(copy, p + at, n);
		MUST(sse_feed(s, copy, n, out) == 0);
		free(copy);
	}
	MUST(sse_finish(s, out) == 0);
	counts = *sse_counts(s);
	sse_free(s);
	return counts;
}

static bool equal(const struct buf *b, const uint8_t *p, size_t len)
{
	return buf_len(b) == len && (len == 0 || memcmp(buf_bytes(b), p, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct unmask_counts a, b;
	struct buf whole, torn;
	enum schema schema;
	size_t piece;

	if (len < 2 || len > 1 << 14)
		return 0;
	open_vaults();
	piece = p[0] + 1;
	schema = p[1] % 2 ? SCHEMA_EVENT : SCHEMA_NONE;
	p += 2;
	len -= 2;
	buf_init(&whole, SIZE_MAX / 2);
	buf_init(&torn, SIZE_MAX / 2);
	a = run(&full, schema, p, len, 0, &whole);
	b = run(&full, schema, p, len, piece, &torn);
	MUST(equal(&torn, buf_bytes(&whole), buf_len(&whole)));
	MUST(a.restored == b.restored && a.unknown == b.unknown);
	buf_clear(&torn);
	b = run(&full, schema, p, len, 1, &torn);
	MUST(equal(&torn, buf_bytes(&whole), buf_len(&whole)));
	MUST(a.restored == b.restored && a.unknown == b.unknown);
	buf_clear(&torn);
	a = run(&empty, schema, p, len, piece, &torn);
	MUST(a.restored == 0 && equal(&torn, p, len));
	buf_free(&whole);
	buf_free(&torn);
	return 0;
}
