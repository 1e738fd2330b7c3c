/* SPDX-License-Identifier: Apache-2.0 */
#include "memo.h"

#include <stdlib.h>

/*
 * A ring of texts, the oldest first, and a table of where each is. The table is one of small
 * buckets: a look-up reads one of them, whatever anybody sends.
 */
#define ALIGN 16
#define WAYS 8
#define BYTES_PER_SLOT 512 /* of the ring */
#define SHARE 4		   /* no text takes more than this part of the ring */
#define HASHED 64	   /* so many bytes are hashed in a step */
#define TOKEN_BITS 1	   /* per byte of text */

/* A span, smaller. */
struct kept_span {
	uint32_t start, end;
	uint16_t type, rule;
};

/* In the ring; behind it: words of tokens, rules, places, and the text. */
struct memo_text {
	uint64_t hash, lists;
	const void *owner;
	size_t known;
	uint32_t size; /* of all, what stands behind it included */
	uint32_t len, skip;
	uint32_t rules, places, room; /* room: for places */
	bool escaped;
	bool alive; /* else wiped, and only waits for its turn to be passed over */
	bool used;  /* since memo_age() */
};

/* What a look-up reads first: of texts with another hash, most are told by these bits of it. */
struct memo_slot {
	uint32_t place; /* / ALIGN + 1; 0: empty */
	uint32_t tag;
};

struct memo {
	struct memo_stats stats;
	uint64_t seed;
	size_t cap;	/* of the ring */
	size_t head;	/* where the next text goes */
	size_t tail;	/* the oldest */
	size_t end;	/* behind the last one, while the ring is wrapped */
	bool wrapped;	/* the head stands before the tail */
	size_t buckets; /* a power of two */
	struct memo_slot *slots;
	uint8_t *ring;
};

static size_t rounded(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

size_t memo_token_words(size_t len)
{
	return len * TOKEN_BITS / 64 + 1;
}

struct memo *memo_new(size_t max, uint64_t seed)
{
	struct memo *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->seed = seed;
	for (m->buckets = 1; m->buckets * 2 <= max / BYTES_PER_SLOT / WAYS;)
		m->buckets *= 2;
	m->cap = max / ALIGN * ALIGN;
	if (m->cap / ALIGN >= UINT32_MAX)
		m->cap = (size_t)(UINT32_MAX - 1) * ALIGN;
	m->cap -= m->cap < m->buckets * WAYS * sizeof(*m->slots)
			  ? m->cap
			  : rounded(m->buckets * WAYS * sizeof(*m->slots));
	/* Zeroed memory is taken from the kernel page by page, as it is used. */
	m->slots = calloc(m->buckets * WAYS, sizeof(*m->slots));
	m->ring = calloc(1, m->cap ? m->cap : 1);
	if (!m->slots || !m->ring) {
		memo_free(m);
		return NULL;
	}
	return m;
}

/* The texts' own places hold nothing unwiped; what the ring never reached is not touched. */
void memo_free(struct memo *m)
{
	if (!m)
		return;
	if (m->ring)
		explicit_bzero(m->ring, m->wrapped ? m->end : m->head);
	free(m->ring);
	free(m->slots);
	free(m);
}

const struct memo_stats *memo_stats(const struct memo *m)
{
	return &m->stats;
}

/* ---- a text's own bytes */

static struct memo_text *text_at(const struct memo *m, size_t place)
{
	return (struct memo_text *)(void *)(m->ring + place);
}

static uint64_t *words_of(const struct memo_text *t)
{
	return (uint64_t *)(void *)(t + 1);
}

static struct kept_span *rules_of(const struct memo_text *t)
{
	return (struct kept_span *)(words_of(t) + memo_token_words(t->len));
}

static uint32_t *places_of(const struct memo_text *t)
{
	return (uint32_t *)(rules_of(t) + t->rules);
}

static uint8_t *bytes_of(const struct memo_text *t)
{
	return (uint8_t *)(places_of(t) + t->room);
}

size_t memo_rule_count(const struct memo_text *t)
{
	return t->rules;
}

struct span memo_rule(const struct memo_text *t, size_t i)
{
	const struct kept_span *s = &rules_of(t)[i];

	return (struct span){s->start, s->end, (enum mask_type)s->type, s->rule};
}

const uint32_t *memo_places(const struct memo_text *t, size_t *n)
{
	*n = t->places;
	return places_of(t);
}

struct known_tokens memo_tokens(const struct memo_text *t)
{
	return (struct known_tokens){words_of(t), memo_token_words(t->len)};
}

uint64_t memo_lists(const struct memo_text *t)
{
	return t->lists;
}

size_t memo_known(const struct memo_text *t)
{
	return t->known;
}

void memo_knows(struct memo_text *t, size_t known)
{
	t->known = known;
}

/* ---- where it is */

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word_at(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* Four lanes, so that no multiplication waits for the one before. */
static void hash_on(uint64_t lane[static 4], const uint8_t *p)
{
	for (unsigned i = 0; i < 4; i++)
		lane[i] = mix(word_at(p + 16 * i) ^ lane[i],
			      word_at(p + 16 * i + 8) ^ 0x589965cc75374cc3u);
}

static uint64_t text_hash(const struct memo *m, const struct memo_key *key)
{
	const uint8_t *p = key->text;
	uint64_t lane[4] = {m->seed, m->seed ^ 0xa0761d6478bd642fu, m->seed ^ 0xe7037ed1a0b428dbu,
			    m->seed ^ 0x8ebc6af09c88c6e3u};
	uint64_t extra = key->len ^ (uint64_t)key->skip << 32 ^ (uint64_t)key->escaped << 63;

	if (key->len < HASHED) {
		uint8_t copy[HASHED] = {0};

		memcpy(copy, p, key->len);
		hash_on(lane, copy);
	} else {
		for (size_t left = key->len; left > HASHED; left -= HASHED, p += HASHED)
			hash_on(lane, p);
		hash_on(lane, key->text + key->len - HASHED); /* some bytes twice */
	}
	lane[0] ^= mix(lane[1] ^ extra, lane[2] ^ m->seed);
	return mix(lane[0] ^ (uintptr_t)key->owner, lane[3] ^ 0x1d8e4e27c47d124fu);
}

static struct memo_slot *bucket_of(const struct memo *m, uint64_t hash)
{
	return m->slots + (hash & (m->buckets - 1)) * WAYS;
}

static struct memo_text *slot_text(const struct memo *m, const struct memo_slot *slot)
{
	return text_at(m, (size_t)(slot->place - 1) * ALIGN);
}

static bool text_is(const struct memo_text *t, const struct memo_key *key)
{
	return t->hash == key->hash && t->owner == key->owner && t->len == key->len &&
	       t->skip == key->skip && t->escaped == key->escaped &&
	       !memcmp(bytes_of(t), key->text, key->len);
}

static struct memo_slot *slot_find(const struct memo *m, const struct memo_key *key)
{
	struct memo_slot *bucket = bucket_of(m, key->hash);

	for (unsigned i = 0; i < WAYS; i++)
		if (bucket[i].tag == (uint32_t)(key->hash >> 32) && bucket[i].place &&
		    text_is(slot_text(m, &bucket[i]), key))
			return &bucket[i];
	return NULL;
}

bool memo_fits(const struct memo *m, size_t len)
{
	return len >= MEMO_TEXT_MIN && len <= m->cap / SHARE && len <= UINT32_MAX;
}

struct memo_text *memo_recall(struct memo *m, struct memo_key *key)
{
	struct memo_slot *slot;
	struct memo_text *t;

	key->hash = text_hash(m, key);
	slot = slot_find(m, key);
	if (!slot) {
		m->stats.missed++;
		m->stats.missed_bytes += key->len;
		return NULL;
	}
	t = slot_text(m, slot);
	t->used = true;
	m->stats.recalled++;
	m->stats.recalled_bytes += key->len;
	return t;
}

/* ---- the ring */

/* Wiped; its room is free when all that is older has gone. */
static void text_forget(struct memo *m, struct memo_text *t, struct memo_slot *slot)
{
	*slot = (struct memo_slot){0};
	t->alive = false;
	m->stats.held -= t->size;
	explicit_bzero(t + 1, t->size - sizeof(*t));
}

static struct memo_slot *slot_of(const struct memo *m, const struct memo_text *t)
{
	uint32_t place = (uint32_t)((size_t)((const uint8_t *)t - m->ring) / ALIGN) + 1;
	struct memo_slot *slot = bucket_of(m, t->hash);

	while (slot->place != place)
		slot++;
	return slot;
}

static void drop_oldest(struct memo *m)
{
	struct memo_text *t = text_at(m, m->tail);

	if (t->alive)
		text_forget(m, t, slot_of(m, t));
	m->tail += t->size;
	if (m->wrapped && m->tail == m->end) {
		m->tail = 0;
		m->wrapped = false;
	}
}

/* Room at the head for so many bytes, which the ring can hold. */
static void make_room(struct memo *m, size_t size)
{
	for (;;) {
		if (!m->wrapped && m->tail == m->head)
			m->tail = m->head = 0;
		if (m->wrapped ? m->tail - m->head >= size : m->cap - m->head >= size)
			return;
		if (!m->wrapped && m->tail > 0) {
			m->end = m->head;
			m->head = 0;
			m->wrapped = true;
		} else {
			drop_oldest(m);
		}
	}
}

/* A free slot, or that of the text in the bucket which came first. */
static struct memo_slot *slot_take(struct memo *m, uint64_t hash)
{
	struct memo_slot *bucket = bucket_of(m, hash);
	unsigned oldest = 0;
	size_t most = 0;

	for (unsigned i = 0; i < WAYS; i++) {
		size_t place = (size_t)(bucket[i].place - 1) * ALIGN, age;

		if (!bucket[i].place)
			return &bucket[i];
		/* How far behind the head, going back. */
		age = place < m->head ? m->head - place : m->head + m->cap - place;
		if (age > most) {
			most = age;
			oldest = i;
		}
	}
	text_forget(m, slot_text(m, &bucket[oldest]), &bucket[oldest]);
	return &bucket[oldest];
}

static void text_fill(struct memo_text *t, const struct memo_key *key, const struct memo_found *f)
{
	memcpy(words_of(t), f->tokens.words, f->tokens.n * sizeof(*f->tokens.words));
	for (size_t i = 0; i < f->n_rules; i++) {
		const struct span *s = &f->rules[i];

		rules_of(t)[i] = (struct kept_span){(uint32_t)s->start, (uint32_t)s->end,
						    (uint16_t)s->type, s->rule};
	}
	if (f->n_places)
		memcpy(places_of(t), f->places, f->n_places * sizeof(*f->places));
	memcpy(bytes_of(t), key->text, key->len);
}

/* 0: it is too large. */
static size_t text_size(const struct memo *m, const struct memo_key *key,
			const struct memo_found *f, size_t room)
{
	size_t most = m->cap / SHARE, size;

	if (f->n_rules > most / sizeof(struct kept_span) || room > most / sizeof(uint32_t))
		return 0;
	size = rounded(sizeof(struct memo_text) + memo_token_words(key->len) * sizeof(uint64_t) +
		       f->n_rules * sizeof(struct kept_span) + room * sizeof(uint32_t) + key->len);
	return size <= most && size <= UINT32_MAX ? size : 0;
}

/* The same text, in which other values are known now. */
static bool text_renew(struct memo_text *t, const struct memo_found *f)
{
	if (f->n_places > t->room)
		return false;
	if (f->n_places)
		memcpy(places_of(t), f->places, f->n_places * sizeof(*f->places));
	t->places = (uint32_t)f->n_places;
	t->lists = f->lists;
	t->known = f->known;
	return true;
}

void memo_keep(struct memo *m, const struct memo_key *key, const struct memo_found *f)
{
	size_t room = f->n_places + f->n_places / 4 + 4, size = text_size(m, key, f, room);
	struct memo_slot *slot = slot_find(m, key);
	struct memo_text *t;

	if (slot) {
		t = slot_text(m, slot);
		if (text_renew(t, f))
			return;
		text_forget(m, t, slot);
	}
	if (!size)
		return;
	make_room(m, size);
	slot = slot_take(m, key->hash);
	t = text_at(m, m->head);
	*t = (struct memo_text){.hash = key->hash,
				.lists = f->lists,
				.owner = key->owner,
				.known = f->known,
				.size = (uint32_t)size,
				.len = (uint32_t)key->len,
				.skip = (uint32_t)key->skip,
				.rules = (uint32_t)f->n_rules,
				.places = (uint32_t)f->n_places,
				.room = (uint32_t)room,
				.escaped = key->escaped,
				.alive = true,
				.used = true};
	text_fill(t, key, f);
	*slot = (struct memo_slot){(uint32_t)(m->head / ALIGN) + 1, (uint32_t)(key->hash >> 32)};
	m->head += size;
	m->stats.held += size;
}

void memo_age(struct memo *m)
{
	size_t at = m->tail;
	bool wrapped = m->wrapped;

	while (wrapped || at != m->head) {
		struct memo_text *t = text_at(m, at);

		if (t->alive && !t->used)
			text_forget(m, t, slot_of(m, t));
		t->used = false;
		at += t->size;
		if (wrapped && at == m->end) {
			at = 0;
			wrapped = false;
		}
	}
	while ((m->wrapped || m->tail != m->head) && !text_at(m, m->tail)->alive)
		drop_oldest(m);
}
