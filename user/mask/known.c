/* SPDX-License-Identifier: Apache-2.0 */
#include "known.h"
#include "edge.h"

/*
 * A value is cut at its stops: behind each run of letters, digits and what joins them, and behind
 * each byte outside of such runs. The table has the hash of the value up to each stop, so that a look-up goes on from stop to stop
 * only as long as some value does. In the text the same stops are the ends that a token may have.
 */

#define STOPS_MIN 64
#define BITS_MIN 4096
#define BITS_PER_VALUE 16
#define ACCOUNT_LEN 12
/* No escape reaches further behind the byte that begins it (a colour's parameters). */
#define ESCAPE_MAX 20
/* A longer row of dashes is a line that was drawn; nor may many looks at one cost much. */
#define JOINERS_MAX 64
#define KEEP_STORAGE (1u << 20)

struct known_value {
	size_t off;
	uint32_t len;
	enum mask_type type;
};

struct known_stop {
	uint64_t hash;	 /* of the bytes up to here; 0: the slot is empty */
	uint32_t value;	 /* that ends here, its index + 1 */
	uint32_t longer; /* some value goes on */
};

enum { ALNUM = 1, JOINER = 2, ESCAPE = 4, DIGIT = 8 };

static const uint8_t classes[256] = {
	['0' ... '9'] = ALNUM | DIGIT,
	['A' ... 'Z'] = ALNUM,
	['a' ... 'z'] = ALNUM,
	['-'] = JOINER,
	['_'] = JOINER,
	['\\'] = ESCAPE,
	['%'] = ESCAPE,
	['$'] = ESCAPE,
	['['] = ESCAPE,
};

static bool goes_on(uint8_t c)
{
	return classes[c] & (ALNUM | JOINER);
}

static bool is_digit(uint8_t c)
{
	return classes[c] & DIGIT;
}

/* ---- what is learned ---- */

static const bool learned[TYPE_COUNT] = {
#define TYPE(...)
#define RULE(...)
#define LEARNED(name) [TYPE_##name] = true,
#include "catalogue.def"
#undef TYPE
#undef RULE
};

#define COMMON(word) word,
static const char *const common[] = {
#include "known.def"
};
#undef COMMON

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool is_letter(uint8_t c)
{
	return (uint8_t)((c | 0x20) - 'a') < 26;
}

/* As strcmp() would, the value in lower case. */
static int compare_word(const char *word, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int diff = (uint8_t)word[i] - lower(p[i]);

		if (diff)
			return diff;
	}
	return word[len] != 0;
}

static bool is_common(const uint8_t *p, size_t len)
{
	size_t low = 0, high = sizeof(common) / sizeof(common[0]);

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int diff = compare_word(common[mid], p, len);

		if (!diff)
			return true;
		if (diff < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static size_t letters(const uint8_t *p, size_t len)
{
	size_t n = 0;

	while (n < len && p[n] >= 'a' && p[n] <= 'z')
		n++;
	return n;
}

static bool is_direction(const uint8_t *p, size_t len)
{
	static const char *const directions[] = {"north",     "south",	   "east",
						 "west",      "central",   "northeast",
						 "northwest", "southeast", "southwest"};

	for (size_t i = 0; i < sizeof(directions) / sizeof(directions[0]); i++)
		if (strlen(directions[i]) == len && !memcmp(directions[i], p, len))
			return true;
	return false;
}

/* eu-west-1, us-gov-east-1; an availability zone has a letter behind it */
static bool is_region(const uint8_t *p, size_t len)
{
	size_t at = letters(p, len), n;
	bool direction = false;

	if (at < 2 || at > 4)
		return false;
	while (!direction && at < len && p[at] == '-') {
		n = letters(p + at + 1, len - at - 1);
		direction = is_direction(p + at + 1, n);
		at += 1 + n;
	}
	if (!direction || len - at < 2 || p[at] != '-' || !is_digit(p[at + 1]))
		return false;
	at += 2;
	return at == len || (at + 1 == len && letters(p + at, 1) == 1);
}

/* Letters only, small ones but perhaps the first, or capitals throughout. */
static bool is_plain_word(const uint8_t *p, size_t len)
{
	size_t small = letters(p + 1, len - 1), n = 0;

	while (n < len && p[n] >= 'A' && p[n] <= 'Z')
		n++;
	return n == len || (small == len - 1 && is_letter(*p));
}

/* sqs.amazonaws.com and the paths under it: a service, which is Amazon's */
static bool is_service(const uint8_t *p, size_t len)
{
	static const char domain[] = "amazonaws.com";

	return memmem(p, len, domain, sizeof(domain) - 1) != NULL;
}

static bool is_account(const uint8_t *p, size_t len)
{
	size_t n = 0;

	while (n < len && is_digit(p[n]))
		n++;
	return n == len && len == ACCOUNT_LEN;
}

/* The first stop behind `at`: the end of the run that begins there, joiners at its end left out. */
static inline size_t next_stop(const uint8_t *p, size_t at, size_t len)
{
	size_t end = at + 1;

	for (; at < len && goes_on(p[at]); at++)
		if (classes[p[at]] & ALNUM)
			end = at + 1;
	return end;
}

static size_t count_stops(const uint8_t *p, size_t len)
{
	size_t n = 0;

	for (size_t at = 0; at < len; n++)
		at = next_stop(p, at, len);
	return n;
}

bool known_learns(enum mask_type type, const uint8_t *value, size_t len)
{
	size_t i = 0;

	if (!learned[type] || len < KNOWN_MIN || len > KNOWN_MAX)
		return false;
	if (type == TYPE_AWS_ACCOUNT)
		return true;
	while (i < len && !is_letter(value[i]))
		i++;
	if (i == len || is_common(value, len) || is_region(value, len) || is_service(value, len))
		return false;
	return (len >= 12 || !is_plain_word(value, len)) && count_stops(value, len) <= KNOWN_STOPS;
}

/* ---- the table ---- */

static struct known_value *value_list(const struct known *k)
{
	return (struct known_value *)buf_bytes(&k->values);
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
	bufs[3] = &k->bits;
}

void known_init(struct known *k, size_t max)
{
	struct buf *bufs[4];

	*k = (struct known){.seed = (uintptr_t)k * 0x9e3779b97f4a7c15u};
	known_bufs(k, bufs);
	for (size_t i = 0; i < 4; i++)
		buf_init(bufs[i], max);
}

void known_free(struct known *k)
{
	struct buf *bufs[4];

	known_bufs(k, bufs);
	for (size_t i = 0; i < 4; i++)
		buf_free(bufs[i]);
	k->used = k->longest = 0;
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
	k->used = k->longest = 0;
}

size_t known_count(const struct known *k)
{
	return buf_len(&k->values) / sizeof(struct known_value);
}

size_t known_memory(const struct known *k)
{
	return k->bytes.cap + k->values.cap + k->stops.cap + k->bits.cap;
}

/* Never 0, which marks an empty slot. */
static uint64_t hash_on(uint64_t h, const uint8_t *p, size_t len)
{
	h ^= len;
	while (len) {
		size_t n = len < 8 ? len : 8;
		uint64_t word = 0;
		unsigned __int128 product;

		memcpy(&word, p, n);
		product = (unsigned __int128)(h ^ word ^ 0xa0761d6478bd642fu) * 0xe7037ed1a0b428dbu;
		h = (uint64_t)product ^ (uint64_t)(product >> 64);
		p += n;
		len -= n;
	}
	return h | 1;
}

static inline uint64_t first_hash(const struct known *k, const uint8_t *p)
{
	uint32_t four;
	uint16_t two;

	memcpy(&four, p, 4);
	memcpy(&two, p + 4, 2);
	return ((uint64_t)two << 32 | four) * 0x9e3779b97f4a7c15u >> 20 &
	       (buf_len(&k->bits) * 8 - 1);
}

static inline bool first_occurs(const struct known *k, const uint8_t *p)
{
	uint64_t at = first_hash(k, p);

	return buf_bytes(&k->bits)[at / 8] >> (at % 8) & 1;
}

static void first_set(struct known *k, const uint8_t *p)
{
	uint64_t at = first_hash(k, p);

	((uint8_t *)buf_bytes(&k->bits))[at / 8] |= 1u << (at % 8);
}

static bool value_is(const struct known *k, uint32_t index, const uint8_t *p, size_t len)
{
	const struct known_value *v = &value_list(k)[index];

	return v->len == len && !memcmp(buf_bytes(&k->bytes) + v->off, p, len);
}

/* The slot of the stop at `len` of p, or the empty one where it would be put. */
static struct known_stop *stop_slot(const struct known *k, uint64_t hash, const uint8_t *p,
				    size_t len, bool ends)
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

/* There is room. */
static void stops_put(struct known *k, uint32_t index)
{
	const struct known_value *v = &value_list(k)[index];
	const uint8_t *p = buf_bytes(&k->bytes) + v->off;
	uint64_t h = k->seed;
	size_t at = 0;

	first_set(k, p);
	while (at < v->len) {
		size_t stop = next_stop(p, at, v->len);
		struct known_stop *slot;

		h = hash_on(h, p + at, stop - at);
		slot = stop_slot(k, h, p, stop, stop == v->len);
		k->used += !slot->hash;
		slot->hash = h;
		if (stop == v->len)
			slot->value = index + 1;
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
	size_t n = known_count(k), slots = stop_slots(k), bits = buf_len(&k->bits) * 8;
	size_t want = slots ? slots : STOPS_MIN, want_bits = bits ? bits : BITS_MIN;
	struct buf new_stops, new_bits;

	if (n >= UINT32_MAX - 1)
		return -1;
	while (want < (k->used + more) * 2)
		want *= 2;
	while (want_bits < (n + 1) * BITS_PER_VALUE)
		want_bits *= 2;
	if (want == slots && want_bits == bits)
		return 0;
	if (!table_new(&new_stops, k->stops.max, want * sizeof(struct known_stop)))
		return -1;
	if (!table_new(&new_bits, k->bits.max, want_bits / 8)) {
		buf_free(&new_stops);
		return -1;
	}
	buf_free(&k->stops);
	buf_free(&k->bits);
	k->stops = new_stops;
	k->bits = new_bits;
	k->used = 0;
	for (size_t i = 0; i < n; i++)
		stops_put(k, (uint32_t)i);
	return 0;
}

int known_add(struct known *k, enum mask_type type, const uint8_t *value, size_t len)
{
	struct known_value v = {.off = buf_len(&k->bytes), .len = (uint32_t)len, .type = type};

	if (known_has(k, value, len))
		return 0;
	if (tables_grow(k, count_stops(value, len)) || buf_append(&k->bytes, value, len))
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
	const struct buf *source[] = {&from->bytes, &from->values, &from->stops, &from->bits};
	struct buf *bufs[4];

	known_bufs(to, bufs);
	for (size_t i = 0; i < 4; i++)
		if (buf_append(bufs[i], buf_bytes(source[i]), buf_len(source[i])))
			return -1;
	to->used = from->used;
	to->longest = from->longest;
	to->seed = from->seed;
	return 0;
}

/* ---- finding ---- */

struct candidate {
	uint64_t hash;
	size_t len;
};

/* The value of these bytes, or NULL. */
static const struct known_value *value_at(const struct known *k, uint64_t hash, const uint8_t *p,
					  size_t len)
{
	const struct known_stop *stop = stop_slot(k, hash, p, len, true);

	return stop->hash && stop->value ? &value_list(k)[stop->value - 1] : NULL;
}

/* The longest value that p begins with and after which the token ends. */
static const struct known_value *longest_at(const struct known *k, const uint8_t *p, size_t len)
{
	struct candidate ends[KNOWN_STOPS];
	size_t n = 0, at = 0;
	const struct known_stop *slot;
	uint64_t h = k->seed;

	for (size_t stops = 0; stops < KNOWN_STOPS && at < len; stops++) {
		size_t stop = next_stop(p, at, len);

		if (stop > k->longest)
			break;
		h = hash_on(h, p + at, stop - at);
		at = stop;
		slot = stop_slot(k, h, p, at, false);
		if (!slot->hash)
			break;
		/* A stop inside a run stands before the joiners at its end. */
		if (at == len || !goes_on(p[at]) || goes_on(p[at - 1]))
			ends[n++] = (struct candidate){h, at};
		if (!slot->longer)
			break;
	}
	while (n--) {
		const struct known_value *v = value_at(k, ends[n].hash, p, ends[n].len);

		if (v)
			return v;
	}
	return NULL;
}

bool known_has(const struct known *k, const uint8_t *value, size_t len)
{
	uint64_t h = k->seed;
	size_t at = 0;

	if (!known_count(k))
		return false;
	while (at < len) {
		size_t stop = next_stop(value, at, len);

		h = hash_on(h, value + at, stop - at);
		at = stop;
	}
	return value_at(k, h, value, len) != NULL;
}

/* Twelve digits, whatever joins them to what follows. */
static const struct known_value *account_at(const struct known *k, const uint8_t *p, size_t len)
{
	if (len < ACCOUNT_LEN || !is_account(p, ACCOUNT_LEN) ||
	    (len > ACCOUNT_LEN && classes[p[ACCOUNT_LEN]] & ALNUM))
		return NULL;
	return value_at(k, hash_on(k->seed, p, ACCOUNT_LEN), p, ACCOUNT_LEN);
}

/* `joined`: only an account may begin here. */
static const struct known_value *find_at(const struct known *const *sets, size_t n_sets,
					 const uint8_t *text, size_t len, bool joined)
{
	const struct known_value *best = NULL, *v;

	for (size_t i = 0; i < n_sets; i++) {
		const struct known *k = sets[i];

		if (!known_count(k) || !first_occurs(k, text))
			continue;
		v = joined ? NULL : longest_at(k, text, len);
		if (!v && is_digit(*text))
			v = account_at(k, text, len);
		if (v && (!best || v->len > best->len))
			best = v;
	}
	return best;
}

static inline bool any_first_occurs(const struct known *const *sets, size_t n_sets,
				    const uint8_t *p)
{
	for (size_t i = 0; i < n_sets; i++)
		if (known_count(sets[i]) && first_occurs(sets[i], p))
			return true;
	return false;
}

/* Does nothing but a few dashes and underscores stand before `at` in its run? */
static bool run_begins(const uint8_t *text, size_t at)
{
	size_t least = at > JOINERS_MAX ? at - JOINERS_MAX : 0;

	while (at > least && (classes[text[at - 1]] & JOINER))
		at--;
	return !at || !goes_on(text[at - 1]) || escape_ends(text, at);
}

int known_find(const struct known *const *sets, size_t n_sets, const uint8_t *text, size_t len,
	       struct buf *spans)
{
	size_t watch = 0, at = 0;

	while (at + KNOWN_MIN <= len) {
		unsigned before = at ? classes[text[at - 1]] : 0;
		const struct known_value *v = NULL;
		struct span s;

		if (before & ESCAPE)
			watch = at + ESCAPE_MAX;
		if ((!(before & ALNUM) || at < watch) &&
		    any_first_occurs(sets, n_sets, text + at)) {
			bool begins = run_begins(text, at);

			if (begins || (before & JOINER))
				v = find_at(sets, n_sets, text + at, len - at, !begins);
		}
		if (!v) {
			at++;
			continue;
		}
		s = (struct span){.start = at, .end = at + v->len, .type = v->type};
		if (buf_append(spans, &s, sizeof(s)))
			return -1;
		at = s.end;
	}
	return 0;
}
