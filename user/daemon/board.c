/* SPDX-License-Identifier: Apache-2.0 */
#include "board.h"
#include "log.h"
#include "shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORDS(type) ((sizeof(type) + 7) / 8)
#define OWNER_WORDS (BOARD_FLOWS / 8)
#define EACH_BYTE 0x0101010101010101ull

/* Words that several processes read and write need to be atomic, one by one; the version tells whether those of the
 * text belong together. */
struct slot {
	_Atomic uint64_t version; /* odd: the text is being written */
	_Atomic uint64_t text[WORDS(struct board_text)];
	_Atomic uint64_t motion[WORDS(struct board_motion)];
};

struct member {
	_Atomic uint64_t started_ms, draining;
};

struct memory {
	uint64_t layout;
	_Atomic uint64_t last_id;
	/* A byte for each slot: its worker's index + 1; 0: it is free. */
	_Atomic uint64_t owners[OWNER_WORDS];
	struct member members[BOARD_WORKERS];
	struct slot slots[BOARD_FLOWS];
};

struct board {
	struct memory *memory;
	int fd;
	unsigned index; /* of this worker */
};

_Static_assert(offsetof(struct memory, layout) == 0, "shared memory begins with its layout");
/* Words of the text are read, or written, alone. */
_Static_assert(offsetof(struct board_text, id) % 8 == 0 &&
		       offsetof(struct board_text, target) % 8 == 0 &&
		       offsetof(struct board_text, worker) % 8 == 0 &&
		       __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "a number stands at the beginning of its word");
_Static_assert(BOARD_FLOWS % 8 == 0, "all bytes of `owners` are slots'");
_Static_assert(BOARD_WORKERS < 255, "a worker fits into a byte");

const char *board_word(enum board_doing doing)
{
	static const char *const words[BOARD_DOING_COUNT] = {
#define X(name, word) word,
		BOARD_DOINGS(X)
#undef X
	};
	return doing < BOARD_DOING_COUNT ? words[doing] : "?";
}

/* ---- memory */

static uint64_t layout(void)
{
	uint64_t hash = 0xcbf29ce484222325ull ^ sizeof(struct memory);

	for (int i = 0; i < BOARD_DOING_COUNT; i++)
		hash = shared_mix(hash, board_word((enum board_doing)i));
	return hash;
}

int board_make(void)
{
	return shared_make("awsmask flows", sizeof(struct memory), layout());
}

bool board_is_ours(int fd)
{
	return shared_is_ours(fd, sizeof(struct memory), layout());
}

/* ---- a slot */

static void put(_Atomic uint64_t *to, const void *from, size_t size)
{
	for (size_t i = 0; i * 8 < size; i++) {
		uint64_t word = 0;

		memcpy(&word, (const char *)from + i * 8, size - i * 8 < 8 ? size - i * 8 : 8);
		/* Each one after the version that says that they change. */
		atomic_store_explicit(&to[i], word, memory_order_release);
	}
}

static void get(void *to, const _Atomic uint64_t *from, size_t size)
{
	for (size_t i = 0; i * 8 < size; i++) {
		/* Each one before the version that is looked at next. */
		uint64_t word = atomic_load_explicit(&from[i], memory_order_acquire);

		memcpy((char *)to + i * 8, &word, size - i * 8 < 8 ? size - i * 8 : 8);
	}
}

/* Who died while writing has left it odd. */
static uint64_t text_begin(struct slot *s)
{
	uint64_t odd = atomic_load_explicit(&s->version, memory_order_relaxed) | 1;

	atomic_store_explicit(&s->version, odd, memory_order_relaxed);
	return odd;
}

static void text_end(struct slot *s, uint64_t odd)
{
	atomic_store_explicit(&s->version, odd + 1, memory_order_release);
}

static void text_put(struct slot *s, const struct board_text *text)
{
	uint64_t odd = text_begin(s);

	put(s->text, text, sizeof(*text));
	text_end(s, odd);
}

/* false: it is being written, or nobody's. */
static bool text_get(const struct slot *s, struct board_text *text)
{
	uint64_t before = atomic_load_explicit(&s->version, memory_order_acquire);

	get(text, s->text, sizeof(*text));
	if (before & 1 || atomic_load_explicit(&s->version, memory_order_relaxed) != before)
		return false;
	text->comm[sizeof(text->comm) - 1] = text->container[sizeof(text->container) - 1] = 0;
	text->cgroup[sizeof(text->cgroup) - 1] = text->target[sizeof(text->target) - 1] = 0;
	return text->id && text->worker < BOARD_WORKERS;
}

static void clear(struct memory *m, unsigned slot)
{
	uint64_t odd = text_begin(&m->slots[slot]);

	atomic_store_explicit(&m->slots[slot].text[offsetof(struct board_text, id) / 8], 0,
			      memory_order_release);
	text_end(&m->slots[slot], odd);
	atomic_fetch_and_explicit(&m->owners[slot / 8], ~(0xffull << slot % 8 * 8),
				  memory_order_release);
}

/* Its worker's index + 1, or anything that a hostile one wrote; 0: it is free. */
static unsigned owner_of(const struct memory *m, unsigned slot)
{
	return atomic_load_explicit(&m->owners[slot / 8], memory_order_relaxed) >> slot % 8 * 8 &
	       0xff;
}

/*
 * The lowest one that is free, so that few pages are in use. Whose it is stands there from the first moment on: who is
 * killed before the text is whole leaves nothing that nobody dares to take off. -1: none.
 */
static int take_slot(struct board *b)
{
	_Atomic uint64_t *owners = b->memory->owners;

	for (unsigned i = 0; i < OWNER_WORDS; i++) {
		uint64_t word = atomic_load_explicit(&owners[i], memory_order_relaxed), zeros;

		/* The lowest bit that stays is that of the lowest byte which is 0. */
		while ((zeros = (word - EACH_BYTE) & ~word & EACH_BYTE << 7) != 0) {
			unsigned byte = (unsigned)__builtin_ctzll(zeros) / 8;

			if (atomic_compare_exchange_weak_explicit(
				    &owners[i], &word, word | (b->index + 1ull) << byte * 8,
				    memory_order_acquire, memory_order_relaxed))
				return (int)(i * 8 + byte);
		}
	}
	return -1;
}

/* ---- workers */

static struct flock lock_of(unsigned index, short type)
{
	return (struct flock){
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)index, .l_len = 1};
}

/* 0: nobody. One in another pid namespace counts, by a number that is none. */
static pid_t pid_at(const struct board *b, unsigned index)
{
	struct flock l = lock_of(index, F_WRLCK);

	if (index == b->index)
		return getpid();
	if (fcntl(b->fd, F_GETLK, &l) < 0 || l.l_type == F_UNLCK)
		return 0;
	return l.l_pid ? l.l_pid : -1;
}

static bool take_index(struct board *b)
{
	for (b->index = 0; b->index < BOARD_WORKERS; b->index++) {
		struct flock l = lock_of(b->index, F_WRLCK);

		if (fcntl(b->fd, F_SETLK, &l) == 0)
			return true;
	}
	return false;
}

/* Whose grave a slot lies in: a worker's, or the one of those that no worker can be. */
static unsigned grave_of(unsigned owner)
{
	return owner <= BOARD_WORKERS ? owner - 1 : BOARD_WORKERS;
}

static void clear_grave(struct memory *m, unsigned grave)
{
	for (unsigned i = 0; i < BOARD_FLOWS; i++) {
		unsigned owner = owner_of(m, i);

		if (owner && grave_of(owner) == grave)
			clear(m, i);
	}
}

/*
 * What the dead left, whoever had this place before included, and half of a text included. Who clears a dead one's slots
 * holds its place meanwhile: nobody begins to live there, and nobody else clears what has a new owner by then.
 */
static void bury(struct board *b)
{
	bool used[BOARD_WORKERS + 1] = {false};

	for (unsigned i = 0; i < BOARD_FLOWS; i++) {
		unsigned owner = owner_of(b->memory, i);

		if (owner)
			used[grave_of(owner)] = true;
	}
	for (unsigned i = 0; i <= BOARD_WORKERS; i++) {
		struct flock hold = lock_of(i, F_WRLCK), release = lock_of(i, F_UNLCK);

		if (!used[i] || fcntl(b->fd, F_SETLK, &hold) < 0)
			continue;
		clear_grave(b->memory, i);
		if (i != b->index)
			(void)fcntl(b->fd, F_SETLK, &release);
	}
}

struct board *board_open(int fd, uint64_t now_ms)
{
	struct board *b = calloc(1, sizeof(*b));

	if (!b) {
		close(fd);
		return NULL;
	}
	b->fd = fd;
	b->memory = shared_map(fd, sizeof(*b->memory));
	if (!b->memory || !take_index(b)) {
		/* Nothing is amiss but that its flows are not shown. */
		log_event(LOG_WARNING, "flows-not-shown",
			  log_word("why",
				   b->memory ? "there are too many workers" : strerror(errno)));
		board_close(b);
		return NULL;
	}
	bury(b);
	atomic_store(&b->memory->members[b->index].started_ms, now_ms);
	atomic_store(&b->memory->members[b->index].draining, 0);
	return b;
}

void board_close(struct board *b)
{
	if (!b)
		return;
	if (b->memory)
		munmap(b->memory, sizeof(*b->memory));
	close(b->fd);
	free(b);
}

void board_drain(struct board *b)
{
	if (b)
		atomic_store(&b->memory->members[b->index].draining, 1);
}

/* ---- flows */

unsigned board_enter(struct board *b, struct board_text *text, const struct board_motion *motion)
{
	int slot = b ? take_slot(b) : -1;

	if (slot < 0)
		return 0;
	text->id = atomic_fetch_add(&b->memory->last_id, 1) + 1;
	text->worker = b->index;
	put(b->memory->slots[slot].motion, motion, sizeof(*motion));
	text_put(&b->memory->slots[slot], text);
	return (unsigned)slot + 1;
}

void board_target(struct board *b, unsigned place, const char *target)
{
	char text[sizeof(((struct board_text *)NULL)->target)] = "";
	struct slot *s;
	uint64_t odd;

	if (!place)
		return;
	s = &b->memory->slots[place - 1];
	snprintf(text, sizeof(text), "%s", target);
	odd = text_begin(s);
	put(s->text + offsetof(struct board_text, target) / 8, text, sizeof(text));
	text_end(s, odd);
}

void board_move(struct board *b, unsigned place, const struct board_motion *motion)
{
	if (place)
		put(b->memory->slots[place - 1].motion, motion, sizeof(*motion));
}

void board_leave(struct board *b, unsigned place)
{
	if (place)
		clear(b->memory, place - 1);
}

/* ---- reading */

void board_workers(const struct board *b, struct board_worker out[static BOARD_WORKERS])
{
	for (unsigned i = 0; i < BOARD_WORKERS; i++) {
		const struct member *m = &b->memory->members[i];

		out[i] = (struct board_worker){.pid = pid_at(b, i),
					       .draining = atomic_load(&m->draining),
					       .started_ms = atomic_load(&m->started_ms)};
	}
}

/* Of thousands: no more is looked at of each than is needed. */
unsigned board_tally(const struct board *b, struct board_worker workers[static BOARD_WORKERS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < BOARD_FLOWS; i++) {
		const _Atomic uint64_t *text = b->memory->slots[i].text;
		uint32_t worker;

		if (!owner_of(b->memory, i) ||
		    !atomic_load_explicit(&text[offsetof(struct board_text, id) / 8],
					  memory_order_relaxed))
			continue;
		worker = (uint32_t)atomic_load_explicit(
			&text[offsetof(struct board_text, worker) / 8], memory_order_relaxed);
		if (worker >= BOARD_WORKERS || !workers[worker].pid)
			continue;
		workers[worker].flows++;
		n++;
	}
	return n;
}

bool board_read(const struct board *b, const struct board_worker workers[static BOARD_WORKERS],
		unsigned *at, struct board_flow *out)
{
	for (unsigned i = *at; i < BOARD_FLOWS; i++) {
		const struct slot *s = &b->memory->slots[i];

		if (!owner_of(b->memory, i) || !text_get(s, &out->text) ||
		    !workers[out->text.worker].pid)
			continue;
		get(&out->motion, s->motion, sizeof(out->motion));
		*at = i;
		return true;
	}
	return false;
}
