/* SPDX-License-Identifier: Apache-2.0 */
#include "mask_scan.h"

size_t mask_kept(const struct mask *m)
{
	return buf_len(&m->spans) + buf_len(&m->parts) + buf_len(&m->values) + buf_len(&m->bytes) +
	       buf_len(&m->slots) + buf_len(&m->holds) + buf_len(&m->entries) +
	       buf_len(&m->sources) + known_memory(&m->local);
}

static void text_room(struct mask *m, size_t kept)
{
	size_t left = kept < m->max_memory ? m->max_memory - kept : 0;

	/* Each escape costs a mark, which is larger than what it stands for. */
	m->text.max = left / 4;
	m->found.max = left / 8;
	m->hits.max = left / 8;
	m->seen.max = left / 8;
	m->places.max = left / 8;
	m->marks.max = left / 2;
}

void mask_text_room(struct mask *m)
{
	text_room(m, mask_kept(m));
}

int mask_keep(struct mask *m, struct buf *b, const void *p, size_t n)
{
	size_t kept = mask_kept(m);

	if (kept > m->max_memory || n > m->max_memory - kept || buf_append(b, p, n))
		return -1;
	text_room(m, kept + n);
	return 0;
}

static struct mask_value *value_list(const struct mask *m)
{
	return (struct mask_value *)buf_bytes(&m->values);
}

static size_t value_count(const struct mask *m)
{
	return buf_len(&m->values) / sizeof(struct mask_value);
}

/*
 * Texts come from anywhere and must not be able to choose their slots: the multiplications mix all
 * bits, and the seed is the object's address.
 */
static uint64_t value_hash(const struct mask *m, enum mask_type type, const uint8_t *p, size_t len)
{
	uint64_t h = (uintptr_t)m ^ (uint64_t)type << 56 ^ len * 0x9e3779b97f4a7c15u;

	while (len) {
		uint64_t word = 0;
		size_t n = len < 8 ? len : 8;
		unsigned __int128 product;

		memcpy(&word, p, n);
		product = (unsigned __int128)(h ^ word ^ 0xa0761d6478bd642fu) * 0xe7037ed1a0b428dbu;
		h = (uint64_t)product ^ (uint64_t)(product >> 64);
		p += n;
		len -= n;
	}
	return h;
}

static void slot_put(uint32_t *slots, size_t n_slots, uint64_t hash, uint32_t index)
{
	size_t at = hash & (n_slots - 1);

	while (slots[at])
		at = (at + 1) & (n_slots - 1);
	slots[at] = index + 1;
}

/* Make the table large enough for one more value, at most half full. 0, or -1: memory. */
static int slots_grow(struct mask *m)
{
	size_t n = value_count(m), old = buf_len(&m->slots) / sizeof(uint32_t);
	size_t want = old ? old : 64;
	uint32_t *slots;

	if ((n + 1) * 2 <= old)
		return 0;
	if (n >= UINT32_MAX - 1)
		return -1;
	while (want < (n + 1) * 2)
		want *= 2;
	buf_clear(&m->slots);
	if (want > (m->max_memory - mask_kept(m)) / sizeof(uint32_t))
		return -1;
	slots = (uint32_t *)buf_reserve(&m->slots, want * sizeof(uint32_t));
	if (!slots)
		return -1;
	memset(slots, 0, want * sizeof(uint32_t));
	buf_grew(&m->slots, want * sizeof(uint32_t));
	for (size_t i = 0; i < n; i++)
		slot_put(slots, want, value_list(m)[i].hash, (uint32_t)i);
	return 0;
}

static bool value_is(const struct mask *m, const struct mask_value *v, const struct mask_value *key,
		     const uint8_t *p)
{
	return v->hash == key->hash && v->type == key->type && v->len == key->len &&
	       !memcmp(buf_bytes(&m->bytes) + v->off, p, v->len);
}

int mask_value(struct mask *m, enum mask_type type, const uint8_t *p, size_t len, uint32_t *index)
{
	struct mask_value key = {.type = type, .len = len, .off = buf_len(&m->bytes)};
	struct vault_entry room = {0};
	uint32_t *slots;
	size_t n_slots;

	key.hash = value_hash(m, type, p, len);
	if (slots_grow(m))
		return -1;
	slots = (uint32_t *)buf_bytes(&m->slots);
	n_slots = buf_len(&m->slots) / sizeof(uint32_t);
	for (size_t at = key.hash & (n_slots - 1); slots[at]; at = (at + 1) & (n_slots - 1)) {
		if (value_is(m, &value_list(m)[slots[at] - 1], &key, p)) {
			*index = slots[at] - 1;
			return 0;
		}
	}
	*index = (uint32_t)value_count(m);
	if (mask_keep(m, &m->bytes, p, len) || mask_keep(m, &m->values, &key, sizeof(key)) ||
	    mask_keep(m, &m->entries, &room, sizeof(room)))
		return -1;
	slot_put(slots, n_slots, key.hash, *index);
	return 0;
}

size_t mask_resolve(struct mask *m, struct vault_scope *scope)
{
	struct mask_value *values = value_list(m);
	size_t unknown = 0;

	for (size_t i = 0; i < value_count(m); i++) {
		struct mask_value *v = &values[i];
		uint32_t number;

		if (v->number)
			continue;
		if (scope->ops->number(scope, v->type, buf_bytes(&m->bytes) + v->off, v->len,
				       &number) == 1)
			v->number = number;
		else
			unknown++;
	}
	return unknown;
}

struct vault_entry *mask_pending(struct mask *m, size_t *n)
{
	struct vault_entry *entries = (struct vault_entry *)buf_bytes(&m->entries);
	const struct mask_value *values = value_list(m);

	*n = 0;
	for (size_t i = 0; i < value_count(m); i++) {
		const struct mask_value *v = &values[i];

		if (v->number)
			continue;
		entries[(*n)++] = (struct vault_entry){
			.type = v->type,
			.value = buf_bytes(&m->bytes) + v->off,
			.len = v->len,
		};
	}
	return *n ? entries : NULL;
}

size_t mask_used(const struct mask *m, struct mask_used *out, size_t max)
{
	const struct mask_value *values = value_list(m);
	size_t n = 0;

	for (size_t i = 0; i < value_count(m); i++) {
		if (!values[i].number)
			continue;
		if (n < max)
			out[n] = (struct mask_used){values[i].type, values[i].number};
		n++;
	}
	return n;
}

size_t mask_placeholder(const struct mask *m, uint32_t index, char out[static PLACEHOLDER_MAX])
{
	const struct mask_value *v = &value_list(m)[index];

	return v->number ? placeholder_format(m->types, out, v->type, v->number) : 0;
}
