/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text restored in pieces is text restored at once. JSON stays JSON, of the same shape; in a scope
 * that holds nothing every byte stays.
 */
#include "../../user/mask/jstr.h"
#include "../../user/mask/unmask.h"
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
	memory_vault_put(&full, TYPE_LITERAL, 1234, "");
	memory_vault_put(&full, TYPE_EC2_INSTANCE, 1, "i-0a1b2c3d4e5f60718");
}

static void feed(struct unmask_text *u, const uint8_t *p, size_t len, struct buf *out)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (len)
		memcpy(copy, p, len);
	MUST(unmask_text_feed(u, copy, len, out) == 0);
	free(copy);
}

static void restore_text(const uint8_t *p, size_t len, size_t piece, unsigned depth,
			 struct buf *out)
{
	struct unmask_text u;

	unmask_text_init(&u, &full.scope, depth);
	for (; len > piece; p += piece, len -= piece)
		feed(&u, p, piece, out);
	feed(&u, p, len, out);
	MUST(unmask_text_finish(&u, out) == 0);
}

static bool equal(const struct buf *b, const uint8_t *p, size_t len)
{
	return buf_len(b) == len && (len == 0 || memcmp(buf_bytes(b), p, len) == 0);
}

/* How many tokens of each kind a document has; false: not JSON. */
static bool shape(const uint8_t *p, size_t len, size_t counts[JSTR_END + 1])
{
	struct jstr s = {0};
	struct jstr_token t;
	int rc;

	memset(counts, 0, sizeof(*counts) * (JSTR_END + 1));
	while ((rc = jstr_next(&s, p, len, true, &t)) == 1) {
		counts[t.kind]++;
		if (t.kind == JSTR_END)
			break;
	}
	return rc == 1;
}

static void check_json(const uint8_t *p, size_t len, enum schema schema)
{
	size_t before[JSTR_END + 1], after[JSTR_END + 1];
	struct unmask_counts counts = {0};
	struct buf out;

	buf_init(&out, SIZE_MAX / 2);
	MUST(unmask_json(&full.scope, p, len, schema, &out, &counts) == 0);
	if (counts.restored == 0)
		MUST(equal(&out, p, len));
	if (schema != SCHEMA_RESULT && shape(p, len, before)) {
		MUST(shape(buf_bytes(&out), buf_len(&out), after));
		MUST(memcmp(before, after, sizeof(before)) == 0);
	}
	buf_clear(&out);
	MUST(unmask_json(&empty.scope, p, len, schema, &out, &counts) == 0);
	MUST(equal(&out, p, len));
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct buf whole, torn;
	unsigned depth;
	size_t piece;

	if (len < 2 || len > 1 << 14)
		return 0;
	open_vaults();
	piece = p[0] + 1;
	depth = p[1] % 3;
	buf_init(&whole, SIZE_MAX / 2);
	buf_init(&torn, SIZE_MAX / 2);
	restore_text(p + 2, len - 2, len, depth, &whole);
	restore_text(p + 2, len - 2, piece, depth, &torn);
	MUST(equal(&torn, buf_bytes(&whole), buf_len(&whole)));
	buf_free(&whole);
	buf_free(&torn);
	check_json(p + 2, len - 2, p[1] / 3 % (SCHEMA_RESULT + 1));
	return 0;
}
