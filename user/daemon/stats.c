/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

#include "shared.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

_Static_assert(offsetof(struct stats, layout) == 0, "shared memory begins with its layout");

const struct stats_histogram_info stats_histograms[HISTOGRAM_COUNT] = {
#define X(name, word, meaning, ...) {word, meaning, {__VA_ARGS__}},
	STATS_HISTOGRAMS(X)
#undef X
};

void stats_observe(struct stats *s, enum stats_histogram_name name, uint64_t ns)
{
	struct stats_histogram *h = &s->histograms[name];
	unsigned i = 0;

	while (i < STATS_BUCKETS && ns > stats_histograms[name].bounds_us[i] * 1000)
		i++;
	stat_add(&h->buckets[i], 1);
	stat_add(&h->sum_ns, ns);
}

/* The narrowest range that it is in stands before its class. */
void stats_answer(struct stats *s, unsigned status)
{
	static const struct {
		unsigned low, high;
	} ranges[STATS_ANSWER_COUNT] = {
#define X(name, word, from, to) {from, to},
		STATS_ANSWERS(X)
#undef X
	};
	int best = -1;

	for (int i = 0; i < STATS_ANSWER_COUNT; i++) {
		if (status < ranges[i].low || status > ranges[i].high)
			continue;
		if (best < 0 || ranges[i].low == ranges[i].high)
			best = i;
	}
	if (best >= 0)
		stat_add(&s->answers[best], 1);
}

/* ---- types */

const char *stats_slot_label(const struct stats *s, unsigned slot)
{
	uint32_t own = atomic_load_explicit(&s->own_count, memory_order_acquire);

	if (slot < TYPE_COUNT)
		return type_table[slot].label;
	if (slot == STATS_SLOTS - 1)
		return "other";
	return slot - TYPE_COUNT < own ? s->own_labels[slot - TYPE_COUNT] : NULL;
}

static uint16_t slot_of(struct stats *s, const char *label)
{
	uint32_t n = atomic_load_explicit(&s->own_count, memory_order_acquire);

	if (n > TYPES_OWN_MAX)
		n = TYPES_OWN_MAX;
	for (uint32_t i = 0; i < n; i++)
		if (strncmp(s->own_labels[i], label, sizeof(s->own_labels[i])) == 0)
			return (uint16_t)(TYPE_COUNT + i);
	if (n == TYPES_OWN_MAX)
		return STATS_SLOTS - 1;
	snprintf(s->own_labels[n], sizeof(s->own_labels[n]), "%s", label);
	atomic_store_explicit(&s->own_count, n + 1, memory_order_release);
	return (uint16_t)(TYPE_COUNT + n);
}

void stats_find_slots(struct stats *s, const struct types *types, struct stats_slots *slots)
{
	for (unsigned i = 0; i < types->own_count; i++)
		slots->own[i] = slot_of(s, types->own[i].info.label);
}

/* ---- memory */

/* What stands where: by all names, in their order. */
static uint64_t layout(void)
{
	static const char *const names[] = {
#define X(name, ...) #name,
		STATS_COUNTERS(X) STATS_SUMS(X) STATS_ANSWERS(X)
#undef X
#define X(name, word, meaning, ...) word #__VA_ARGS__,
			STATS_HISTOGRAMS(X)
#undef X
	};
	uint64_t hash = 0xcbf29ce484222325ull ^ sizeof(struct stats);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		hash = shared_mix(hash, names[i]);
	for (int i = 0; i < REFUSAL_COUNT; i++)
		hash = shared_mix(hash, refusal_word((enum refusal)i));
	for (int i = 0; i < TYPE_COUNT; i++)
		hash = shared_mix(hash, type_table[i].label);
	return hash;
}

int stats_make(void)
{
	return shared_make("awsmask stats", sizeof(struct stats), layout());
}

bool stats_is_ours(int fd)
{
	return shared_is_ours(fd, sizeof(struct stats), layout());
}

struct stats *stats_map(int fd)
{
	return shared_map(fd, sizeof(struct stats));
}

void stats_unmap(struct stats *s)
{
	if (s)
		munmap(s, sizeof(*s));
}
