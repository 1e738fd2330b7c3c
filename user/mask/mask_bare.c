/* SPDX-License-Identifier: Apache-2.0 */
/* Short texts in which nothing is, found again. The hash is no secret: who chooses texts by it only has more of them read. */
#include "mask_scan.h"

_Static_assert(BARE_MAX <= UINT8_MAX, "a length is a byte");

static uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t word = 0;

	memcpy(&word, p, n);
	return word;
}

/* Its first and last bytes. */
static uint64_t bare_hash(const uint8_t *p, size_t len)
{
	uint64_t first, last;

	if (len >= 8) {
		first = load(p, 8);
		last = load(p + len - 8, 8);
	} else if (len >= 4) {
		first = load(p, 4);
		last = load(p + len - 4, 4);
	} else {
		first = p[0];
		last = (uint64_t)p[len / 2] << 8 | p[len - 1];
	}
	return (first + len) * 0xa0761d6478bd642fu ^ last * 0xe7037ed1a0b428dbu;
}

struct mask_bare *mask_bare_at(struct mask *m, const uint8_t *text, size_t len)
{
	if (!len || len > BARE_MAX)
		return NULL;
	return &m->bare[(bare_hash(text, len) >> 32) % BARE_SLOTS];
}

bool mask_bare_is(const struct mask *m, const struct mask_bare *b, const uint8_t *text, size_t len,
		  size_t skip)
{
	return b->epoch == m->epoch && b->len == len && b->skip == skip &&
	       memcmp(b->text, text, len) == 0;
}

void mask_bare_keep(const struct mask *m, struct mask_bare *b, const uint8_t *text, size_t len,
		    size_t skip)
{
	const struct mask_record *r = &m->record;

	b->epoch = m->epoch;
	b->len = (uint8_t)len;
	b->skip = (uint8_t)skip;
	/* Where nobody noted any, it may have some. */
	b->noted = !r->on || r->noted;
	memcpy(b->text, text, len);
}
