/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect_set.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int set_add(int map_fd, const struct set *wanted)
{
	const uint8_t present = 1;

	for (size_t i = 0; i < wanted->count; i++)
		if (bpf_map_update_elem(map_fd, wanted->keys + i * wanted->key_size, &present,
					BPF_ANY))
			return -1;
	return 0;
}

static bool set_has(const struct set *s, const char *key)
{
	for (size_t i = 0; i < s->count; i++)
		if (!memcmp(s->keys + i * s->key_size, key, s->key_size))
			return true;
	return false;
}

/* Every key of the map, found before any is deleted: deleting restarts an iteration. */
static int set_read(int map_fd, size_t key_size, struct set *s, char **storage)
{
	size_t cap = 0;
	char *keys = NULL, *grown;

	*s = (struct set){.key_size = key_size};
	for (;;) {
		if (s->count == cap) {
			cap = cap ? 2 * cap : 64;
			grown = realloc(keys, cap * key_size);
			if (!grown)
				goto fail;
			keys = grown;
		}
		if (bpf_map_get_next_key(map_fd, s->count ? keys + (s->count - 1) * key_size : NULL,
					 keys + s->count * key_size))
			break;
		s->count++;
	}
	if (errno != ENOENT)
		goto fail;
	s->keys = *storage = keys;
	return 0;
fail:
	free(keys);
	return -1;
}

int set_prune(int map_fd, const struct set *wanted)
{
	struct set present;
	char *storage;
	int rc = 0;

	if (set_read(map_fd, wanted->key_size, &present, &storage))
		return -1;
	for (size_t i = 0; i < present.count && !rc; i++) {
		const char *key = present.keys + i * present.key_size;

		if (!set_has(wanted, key) && bpf_map_delete_elem(map_fd, key) && errno != ENOENT)
			rc = -1;
	}
	free(storage);
	return rc;
}
