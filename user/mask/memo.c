/* SPDX-License-Identifier: Apache-2.0 */
#include "memo.h"
#include "memo_policy.h"

#include <stdlib.h>

/*
 * A ring of pieces, the oldest first, and a table of where each is. The table is one of small
 * buckets: a look-up reads one of them, whatever anybody sends.
 */
#define ALIGN 16
#define WAYS 8
#define BYTES_PER_SLOT 512 /* of the ring */
#define SHARE 4		   /* no piece takes more than this part of the ring */
#define CHEAP 16384 /* so long a piece is gone over in any case, to see whether it is the same */
#define SPARE_MAX (64u << 20)
#define FETCHED 6 /* lines of a piece, and what is read of it first */

/* Behind it in the ring, rounded each, what is in these parts, and words of tokens. What is read first stands first. */
enum part { END_STATE, EFFECTS, RULES, PARTS };

/* A piece, as long as it is in the ring. */
struct link {
	uint64_t born;
	uint32_t place; /* / ALIGN */
};

struct kept {
	struct fingerprint bytes, state; /* of the piece, and of the state where it begins */
	size_t len, state_len;
	uint64_t hash, policy;
	const void *owner;
	size_t known;
	uint64_t born;	  /* so many came before it, and one */
	struct link next; /* what was asked for behind it the last time */
	uint32_t size;	  /* of all, what stands behind it included */
	uint32_t words;
	uint32_t part_len[PARTS];
	bool last;
	bool alive; /* else wiped, and only waits for its turn to be passed over */
	bool used;  /* since memo_age() */
};

/* What a look-up reads first: of pieces with another hash, most are told by these bits of it. */
struct memo_slot {
	uint32_t place; /* / ALIGN + 1; 0: empty */
	uint32_t tag;
};

struct memo {
	struct memo_stats stats;
	struct fingerprint_key key;
	fingerprint_kernel *kernel;
	size_t cap;	/* of the ring */
	size_t head;	/* where the next piece goes */
	size_t tail;	/* the oldest */
	size_t end;	/* behind the last one, while the ring is wrapped */
	bool wrapped;	/* the head stands before the tail */
	size_t buckets; /* a power of two */
	struct memo_slot *slots;
	uint8_t *ring;
	/* So many bytes of long pieces may be gone over in vain; as many more as were not: it stays linear. */
	size_t spare;
	uint64_t born;	       /* so many pieces were kept */
	uint64_t oldest;       /* the number of the one at the tail, or of the next one */
	struct kept *recalled; /* what memo_recall() found last, or NULL */
	struct link last;      /* what was recalled or kept last */
	struct memo_policies policies;
};

static size_t rounded(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

struct memo *memo_new(size_t max, const struct fingerprint_key *key)
{
	struct memo *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->key = *key;
	m->kernel = fingerprint_best();
	m->oldest = 1;
	m->spare = SPARE_MAX;
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

/* The pieces' own places hold nothing unwiped; what the ring never reached is not touched. */
void memo_free(struct memo *m)
{
	if (!m)
		return;
	if (m->ring)
		explicit_bzero(m->ring, m->wrapped ? m->end : m->head);
	free(m->ring);
	free(m->slots);
	explicit_bzero(&m->key, sizeof(m->key));
	free(m);
}

const struct memo_stats *memo_stats(const struct memo *m)
{
	return &m->stats;
}

/* ---- a piece's own bytes */

static struct kept *kept_at(const struct memo *m, size_t place)
{
	return (struct kept *)(void *)(m->ring + place);
}

static struct memo_bytes part_of(const struct kept *k, enum part part)
{
	const uint8_t *p = (const uint8_t *)(k + 1);

	for (unsigned i = 0; i < part; i++)
		p += rounded(k->part_len[i]);
	return (struct memo_bytes){p, k->part_len[part]};
}

static uint64_t *words_of(const struct kept *k)
{
	return (uint64_t *)(void *)part_of(k, PARTS - 1).p + rounded(k->part_len[PARTS - 1]) / 8;
}

static void piece_of(const struct kept *k, const uint8_t *ahead, struct memo_piece *piece)
{
	*piece = (struct memo_piece){.bytes = {ahead, k->len},
				     .last = k->last,
				     .state = part_of(k, END_STATE),
				     .rules = part_of(k, RULES),
				     .effects = part_of(k, EFFECTS),
				     .policy = k->policy,
				     .known = k->known,
				     .tokens = {words_of(k), k->words}};
}

/* ---- where it is */

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static struct fingerprint print_of(const struct memo *m, struct memo_bytes b)
{
	return fingerprint(m->kernel, &m->key, b.p, b.len);
}

static bool prints_are_same(const struct fingerprint *a, const struct fingerprint *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* What begins in this state. */
static uint64_t key_hash(const struct memo *m, const struct memo_key *key,
			 const struct fingerprint *state)
{
	size_t len = key->ahead.len < MEMO_HEAD ? key->ahead.len : MEMO_HEAD;
	struct fingerprint head = print_of(m, (struct memo_bytes){key->ahead.p, len});

	return mix(head.sums[0] ^ state->sums[1] ^ (uintptr_t)key->owner,
		   head.sums[1] ^ state->sums[0] ^ len ^ (uint64_t)key->state.len << 32);
}

static struct memo_slot *bucket_of(const struct memo *m, uint64_t hash)
{
	return m->slots + (hash & (m->buckets - 1)) * WAYS;
}

static struct kept *slot_kept(const struct memo *m, const struct memo_slot *slot)
{
	return kept_at(m, (size_t)(slot->place - 1) * ALIGN);
}

static void spare_more(struct memo *m, size_t len)
{
	m->spare = len < SPARE_MAX - m->spare ? m->spare + len : SPARE_MAX;
}

/* Do these bytes begin with it? */
static bool kept_is(struct memo *m, const struct kept *k, struct memo_key *key,
		    const struct fingerprint *state)
{
	struct fingerprint bytes;

	if (k->owner != key->owner || k->state_len != key->state.len ||
	    !prints_are_same(&k->state, state) || (k->len > CHEAP && k->len > m->spare))
		return false;
	key->cut = key->more && k->len + k->last > key->ahead.len;
	if (key->cut || k->len > key->ahead.len || (k->last && k->len != key->ahead.len))
		return false;
	bytes = print_of(m, (struct memo_bytes){key->ahead.p, k->len});
	if (prints_are_same(&k->bytes, &bytes))
		return true;
	m->spare -= k->len < m->spare ? k->len : m->spare;
	m->stats.vain_bytes += k->len;
	return false;
}

static struct memo_slot *slot_find(struct memo *m, struct memo_key *key,
				   const struct fingerprint *state)
{
	struct memo_slot *bucket = bucket_of(m, key->hash);

	key->cut = false;
	for (unsigned i = 0; i < WAYS && !key->cut; i++)
		if (bucket[i].tag == (uint32_t)(key->hash >> 32) && bucket[i].place &&
		    slot_kept(m, &bucket[i])->hash == key->hash &&
		    kept_is(m, slot_kept(m, &bucket[i]), key, state))
			return &bucket[i];
	return NULL;
}

/* ---- what follows what: most of what is asked for was asked for before, in this order */

static struct link link_to(const struct memo *m, const struct kept *k)
{
	size_t place = (size_t)((const uint8_t *)k - m->ring);

	return (struct link){k->born, (uint32_t)(place / ALIGN)};
}

/* NULL: it is not there any more. */
static struct kept *linked(const struct memo *m, const struct link *l)
{
	struct kept *k;

	if (l->born < m->oldest)
		return NULL;
	k = kept_at(m, (size_t)l->place * ALIGN);
	return k->alive ? k : NULL;
}

/* What is read of the next one, while the bytes of this one are gone over. */
static void fetch(const struct memo *m, const struct link *l)
{
	const uint8_t *p = m->ring + (size_t)l->place * ALIGN;

	for (unsigned i = 0; i < FETCHED; i++)
		__builtin_prefetch(p + (size_t)i * 64);
}

/* This one comes behind the last one. */
static void follow(struct memo *m, const struct kept *k)
{
	struct kept *before = linked(m, &m->last);
	struct link to = link_to(m, k);

	if (before)
		before->next = to;
	m->last = to;
}

/* Is it what followed the last one before? */
static struct kept *find_next(struct memo *m, struct memo_key *key, const struct fingerprint *state)
{
	const struct kept *before = linked(m, &m->last);
	struct kept *k = before ? linked(m, &before->next) : NULL;

	if (!k)
		return NULL;
	fetch(m, &k->next);
	return kept_is(m, k, key, state) ? k : NULL;
}

bool memo_recall(struct memo *m, struct memo_key *key, struct memo_piece *piece)
{
	const struct fingerprint state = print_of(m, key->state);
	struct kept *k = find_next(m, key, &state);
	struct memo_slot *slot;

	if (k) {
		key->hash = k->hash;
		m->last = link_to(m, k);
	} else {
		key->hash = key_hash(m, key, &state);
		slot = slot_find(m, key, &state);
		k = slot ? slot_kept(m, slot) : NULL;
		if (k)
			follow(m, k);
	}
	m->recalled = k;
	if (!k) {
		m->stats.missed += !key->cut;
		return false;
	}
	k->used = true;
	m->stats.recalled++;
	m->stats.recalled_bytes += k->len;
	spare_more(m, k->len);
	piece_of(k, key->ahead.p, piece);
	return true;
}

uint8_t *memo_effects(struct memo *m)
{
	return (uint8_t *)(uintptr_t)part_of(m->recalled, EFFECTS).p;
}

void memo_knows(struct memo *m, size_t known)
{
	m->recalled->known = known;
}

uint64_t memo_policy(struct memo *m, const struct mask_policy *p)
{
	return memo_policies_number(&m->policies, p);
}

/* ---- the ring */

/* Wiped; its room is free when all that is older has gone. */
static void kept_forget(struct memo *m, struct kept *k, struct memo_slot *slot)
{
	*slot = (struct memo_slot){0};
	k->alive = false;
	m->stats.held -= k->size;
	explicit_bzero(k + 1, k->size - sizeof(*k));
}

static struct memo_slot *slot_of(const struct memo *m, const struct kept *k)
{
	uint32_t place = (uint32_t)((size_t)((const uint8_t *)k - m->ring) / ALIGN) + 1;
	struct memo_slot *slot = bucket_of(m, k->hash);

	while (slot->place != place)
		slot++;
	return slot;
}

static void drop_oldest(struct memo *m)
{
	struct kept *k = kept_at(m, m->tail);

	if (k->alive)
		kept_forget(m, k, slot_of(m, k));
	m->oldest = k->born + 1;
	m->tail += k->size;
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

/* A free slot, or that of the piece in the bucket which came first. */
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
	kept_forget(m, slot_kept(m, &bucket[oldest]), &bucket[oldest]);
	return &bucket[oldest];
}

static void kept_fill(struct kept *k, const struct memo_bytes parts[static PARTS],
		      const struct known_tokens *tokens)
{
	for (unsigned i = 0; i < PARTS; i++)
		k->part_len[i] = (uint32_t)parts[i].len;
	for (unsigned i = 0; i < PARTS; i++)
		if (parts[i].len)
			memcpy((uint8_t *)part_of(k, i).p, parts[i].p, parts[i].len);
	if (tokens->n)
		memcpy(words_of(k), tokens->words, tokens->n * sizeof(*tokens->words));
}

/* 0: it is too large. */
static size_t kept_size(const struct memo *m, const struct memo_bytes parts[static PARTS],
			const struct known_tokens *tokens)
{
	size_t most = m->cap / SHARE < UINT32_MAX ? m->cap / SHARE : UINT32_MAX;
	size_t size = sizeof(struct kept);

	if (tokens->n > most / sizeof(*tokens->words))
		return 0;
	size += tokens->n * sizeof(*tokens->words);
	for (unsigned i = 0; i < PARTS; i++) {
		if (parts[i].len > most)
			return 0;
		size += rounded(parts[i].len);
	}
	return rounded(size) <= most ? rounded(size) : 0;
}

void memo_keep(struct memo *m, const struct memo_key *key, const struct memo_piece *piece)
{
	const struct memo_bytes parts[PARTS] = {
		[END_STATE] = piece->state, [EFFECTS] = piece->effects, [RULES] = piece->rules};
	const struct fingerprint state = print_of(m, key->state);
	struct memo_key whole = {
		.owner = key->owner, .state = key->state, .ahead = piece->bytes, .hash = key->hash};
	size_t size = kept_size(m, parts, &piece->tokens);
	struct memo_slot *slot = slot_find(m, &whole, &state);
	struct kept *k;

	m->recalled = NULL;
	spare_more(m, piece->bytes.len);
	if (slot)
		kept_forget(m, slot_kept(m, slot), slot);
	if (!size || piece->bytes.len > FINGERPRINT_MAX)
		return;
	make_room(m, size);
	slot = slot_take(m, key->hash);
	k = kept_at(m, m->head);
	*k = (struct kept){.bytes = print_of(m, piece->bytes),
			   .state = state,
			   .len = piece->bytes.len,
			   .state_len = key->state.len,
			   .hash = key->hash,
			   .born = ++m->born,
			   .policy = piece->policy,
			   .owner = key->owner,
			   .known = piece->known,
			   .size = (uint32_t)size,
			   .words = (uint32_t)piece->tokens.n,
			   .last = piece->last,
			   .alive = true,
			   .used = true};
	kept_fill(k, parts, &piece->tokens);
	follow(m, k);
	*slot = (struct memo_slot){(uint32_t)(m->head / ALIGN) + 1, (uint32_t)(key->hash >> 32)};
	m->head += size;
	m->stats.held += size;
}

void memo_age(struct memo *m)
{
	size_t at = m->tail;
	bool wrapped = m->wrapped;

	while (wrapped || at != m->head) {
		struct kept *k = kept_at(m, at);

		if (k->alive && !k->used)
			kept_forget(m, k, slot_of(m, k));
		k->used = false;
		at += k->size;
		if (wrapped && at == m->end) {
			at = 0;
			wrapped = false;
		}
	}
	while ((m->wrapped || m->tail != m->head) && !kept_at(m, m->tail)->alive)
		drop_oldest(m);
}
