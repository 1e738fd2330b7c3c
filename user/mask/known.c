/* SPDX-License-Identifier: Apache-2.0 */
#include "known_table.h"

#define STOPS_MIN 64
#define WORDS_MIN 64
#define VALUES_PER_WORD 4
#define KEEP_STORAGE (1u << 20)

size_t known_stops(const uint8_t *p, size_t len)
{
	size_t n = 0;

	for (size_t at = 0; at < len; n++)
		at = next_stop(p, at, len);
	return n;
}

static struct known_stop *stop_list(const struct known *k)
{
	return (struct known_stop *)buf_bytes(&k->stops);
}

static size_t stop_slots(const struct known *k)
{
	return buf_len(&k->stops) / sizeof(struct known_stop);
}

static void known_bufs(struct known *k, struct buf *bufs[static 4])
{
	bufs[0] = &k->bytes;
	bufs[1] = &k->values;
	bufs[2] = &k->stops;
	bufs[3] = &k->words;
}

void known_init(struct known *k, size_t max)
{
	struct buf *bufs[4];

	*k = (struct known){.seed = (uintptr_t)k * 0x9e3779b97f4a7c15u, .least = SIZE_MAX};
	known_bufs(k, bufs);
	for (size_t i = 0; i < 4; i++)
		buf_init(bufs[i], max);
}

static void forget_values(struct known *k)
{
	k->used = k->longest = 0;
	k->least = SIZE_MAX;
	k->plain = k->other = false;
	k->other_first = (struct byte_set){0};
}

void known_free(struct known *k)
{
	struct buf *bufs[4];

	known_bufs(k, bufs);
	for (size_t i = 0; i < 4; i++)
		buf_free(bufs[i]);
	forget_values(k);
}

void known_clear(struct known *k)
{
	struct buf *bufs[4];

	known_bufs(k, bufs);
	for (size_t i = 0; i < 4; i++) {
		if (bufs[i]->cap > KEEP_STORAGE)
			buf_free(bufs[i]);
		else
			buf_clear(bufs[i]);
	}
	forget_values(k);
}

size_t known_count(const struct known *k)
{
	return buf_len(&k->values) / sizeof(struct known_value);
}

size_t known_memory(const struct known *k)
{
	return k->bytes.cap + k->values.cap + k->stops.cap + k->words.cap;
}

/* Of a run that p begins with. */
static uint64_t key_of(const uint8_t *p, size_t len, size_t run)
{
	uint8_t copy[2 * sizeof(uint64_t)] = {0};

	if (len >= sizeof(copy))
		return run_key(p, run);
	memcpy(copy, p, len);
	return run_key(copy, run);
}

/* The run that p begins with, which must be a letter or a digit. */
static void run_of(const uint8_t *p, size_t len, struct known_value *v)
{
	v->run = (uint32_t)next_stop(p, 0, len);
	v->key = key_of(p, len, v->run);
}

/* Any run that is a token's beginning wherever the value stands: what it goes on from is its own. */
static void token_of(const uint8_t *p, size_t len, struct known_value *v)
{
	for (size_t at = 0, stop; at < len && !v->has_token; at = stop) {
		stop = next_stop(p, at, len);
		if (stop - at < KNOWN_MIN || !(known_classes[p[at]] & ALNUM) ||
		    (at && goes_on(p[at - 1])) || run_is_plain(p + at, stop - at))
			continue;
		v->has_token = true;
		v->token = key_of(p + at, len - at, stop - at);
	}
}

/* What tells where it may begin. */
static void begins_put(struct known *k, const struct known_value *v, const uint8_t *p)
{
	if (!v->run) {
		k->other = true;
		byte_set_add(&k->other_first, *p);
		return;
	}
	k->plain |= run_is_plain(p, v->run);
	if (v->run < k->least)
		k->least = v->run;
	filter_add(filter_of(k), v->key);
}

static bool value_is(const struct known *k, uint32_t index, const uint8_t *p, size_t len)
{
	const struct known_value *v = &value_list(k)[index];

	return v->len == len && !memcmp(buf_bytes(&k->bytes) + v->off, p, len);
}

struct known_stop *known_slot(const struct known *k, uint64_t hash, const uint8_t *p, size_t len,
			      bool ends)
{
	struct known_stop *stops = stop_list(k);
	size_t mask = stop_slots(k) - 1, at = hash >> 1 & mask;

	for (; stops[at].hash; at = (at + 1) & mask) {
		if (stops[at].hash != hash)
			continue;
		if (!ends || !stops[at].value || value_is(k, stops[at].value - 1, p, len))
			break;
	}
	return &stops[at];
}

/* Behind the same bytes by other types. */
static void value_chain(struct known *k, uint32_t *link, uint32_t index)
{
	while (*link)
		link = &value_list(k)[*link - 1].next;
	*link = index + 1;
}

/* There is room. */
static void stops_put(struct known *k, uint32_t index)
{
	struct known_value *v = &value_list(k)[index];
	const uint8_t *p = buf_bytes(&k->bytes) + v->off;
	uint64_t h = k->seed;
	size_t at = 0;

	v->next = 0;
	begins_put(k, v, p);
	while (at < v->len) {
		size_t stop = next_stop(p, at, v->len);
		struct known_stop *slot;

		h = hash_on(h, p + at, stop - at);
		slot = known_slot(k, h, p, stop, stop == v->len);
		k->used += !slot->hash;
		slot->hash = h;
		if (stop == v->len)
			value_chain(k, &slot->value, index);
		else
			slot->longer = 1;
		at = stop;
	}
}

static uint8_t *table_new(struct buf *b, size_t max, size_t size)
{
	uint8_t *p;

	*b = (struct buf){.max = max};
	p = buf_reserve(b, size);
	if (p) {
		memset(p, 0, size);
		buf_grew(b, size);
	}
	return p;
}

/* Room for a value of so many stops, at most half full. 0, or -1: memory, and nothing changed. */
static int tables_grow(struct known *k, size_t more)
{
	size_t n = known_count(k), slots = stop_slots(k);
	size_t words = buf_len(&k->words) / sizeof(uint64_t);
	size_t want = slots ? slots : STOPS_MIN, want_words = words ? words : WORDS_MIN;
	struct buf new_stops, new_words;

	if (n >= UINT32_MAX - 1)
		return -1;
	while (want < (k->used + more) * 2)
		want *= 2;
	while (want_words < (n + 1) / VALUES_PER_WORD)
		want_words *= 2;
	if (want == slots && want_words == words)
		return 0;
	if (!table_new(&new_stops, k->stops.max, want * sizeof(struct known_stop)))
		return -1;
	if (!table_new(&new_words, k->words.max, want_words * sizeof(uint64_t))) {
		buf_free(&new_stops);
		return -1;
	}
	buf_free(&k->stops);
	buf_free(&k->words);
	k->stops = new_stops;
	k->words = new_words;
	k->used = 0;
	for (size_t i = 0; i < n; i++)
		stops_put(k, (uint32_t)i);
	return 0;
}

const struct known_value *known_value_at(const struct known *k, uint64_t hash, const uint8_t *p,
					 size_t len)
{
	const struct known_stop *stop = known_slot(k, hash, p, len, true);

	return stop->hash && stop->value ? &value_list(k)[stop->value - 1] : NULL;
}

bool known_has(const struct known *k, enum mask_type type, const uint8_t *value, size_t len)
{
	const struct known_value *v;
	uint64_t h = k->seed;
	size_t at = 0;

	if (!known_count(k))
		return false;
	while (at < len) {
		size_t stop = next_stop(value, at, len);

		h = hash_on(h, value + at, stop - at);
		at = stop;
	}
	v = known_value_at(k, h, value, len);
	while (v && v->type != type)
		v = v->next ? &value_list(k)[v->next - 1] : NULL;
	return v != NULL;
}

int known_add(struct known *k, enum mask_type type, const uint8_t *value, size_t len)
{
	struct known_value v = {.off = buf_len(&k->bytes), .len = (uint32_t)len, .type = type};

	if (known_has(k, type, value, len))
		return 0;
	if (known_classes[*value] & ALNUM)
		run_of(value, len, &v);
	token_of(value, len, &v);
	if (tables_grow(k, known_stops(value, len)) || buf_append(&k->bytes, value, len))
		return -1;
	if (buf_append(&k->values, &v, sizeof(v))) {
		buf_truncate(&k->bytes, v.off);
		return -1;
	}
	stops_put(k, (uint32_t)known_count(k) - 1);
	if (len > k->longest)
		k->longest = len;
	return 0;
}

int known_copy(struct known *to, const struct known *from)
{
	const struct buf *source[] = {&from->bytes, &from->values, &from->stops, &from->words};
	struct buf *bufs[4];

	known_bufs(to, bufs);
	for (size_t i = 0; i < 4; i++)
		if (buf_append(bufs[i], buf_bytes(source[i]), buf_len(source[i])))
			return -1;
	to->used = from->used;
	to->longest = from->longest;
	to->seed = from->seed;
	to->least = from->least;
	to->plain = from->plain;
	to->other = from->other;
	to->other_first = from->other_first;
	return 0;
}
