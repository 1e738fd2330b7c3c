/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_REDIRECT_SET_H
#define AWSMASK_REDIRECT_SET_H
/* A map used as a set: fixed-size keys, values of one byte that mean nothing. */
#include <stddef.h>

struct set {
	const char *keys; /* count of them, key_size bytes each */
	size_t count;
	size_t key_size;
};

/* Put all of the keys in; those that are there stay. 0 or -1 with errno. */
int set_add(int map_fd, const struct set *wanted);
/* Take out every key that is not wanted. 0 or -1 with errno. */
int set_prune(int map_fd, const struct set *wanted);

#endif
