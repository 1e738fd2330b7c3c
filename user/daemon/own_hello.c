/* SPDX-License-Identifier: Apache-2.0 */
#include "own_hello.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HELLOS_MAX 1024 /* handshakes at a time */
#define RECORD_HEADER 5 /* RFC 8446 section 5.1 */

struct own_hellos {
	pthread_mutex_t lock;
	size_t count;
	uint8_t digests[HELLOS_MAX][OWN_HELLO_SIZE];
};

_Static_assert(OWN_HELLO_SIZE == SHA256_DIGEST_LENGTH, "digest");

struct own_hellos *own_hellos_new(void)
{
	struct own_hellos *h = calloc(1, sizeof(*h));

	if (h)
		pthread_mutex_init(&h->lock, NULL);
	return h;
}

void own_hellos_free(struct own_hellos *h)
{
	if (h)
		pthread_mutex_destroy(&h->lock);
	free(h);
}

void own_hello_digest(const void *message, size_t len, uint8_t digest[static OWN_HELLO_SIZE])
{
	SHA256(message, len, digest);
}

static size_t find(const struct own_hellos *h, const uint8_t *digest)
{
	size_t i = 0;

	while (i < h->count && memcmp(h->digests[i], digest, OWN_HELLO_SIZE) != 0)
		i++;
	return i;
}

void own_hellos_add(struct own_hellos *h, const uint8_t digest[static OWN_HELLO_SIZE])
{
	pthread_mutex_lock(&h->lock);
	if (h->count < HELLOS_MAX)
		memcpy(h->digests[h->count++], digest, OWN_HELLO_SIZE);
	pthread_mutex_unlock(&h->lock);
}

void own_hellos_drop(struct own_hellos *h, const uint8_t digest[static OWN_HELLO_SIZE])
{
	size_t i;

	pthread_mutex_lock(&h->lock);
	i = find(h, digest);
	if (i < h->count)
		memmove(h->digests[i], h->digests[--h->count], OWN_HELLO_SIZE);
	pthread_mutex_unlock(&h->lock);
}

bool own_hellos_has(struct own_hellos *h, const uint8_t *record, size_t len)
{
	uint8_t digest[OWN_HELLO_SIZE];
	bool has;

	if (len <= RECORD_HEADER || len != RECORD_HEADER + (size_t)(record[3] << 8 | record[4]))
		return false;
	own_hello_digest(record + RECORD_HEADER, len - RECORD_HEADER, digest);
	pthread_mutex_lock(&h->lock);
	has = find(h, digest) < h->count;
	pthread_mutex_unlock(&h->lock);
	return has;
}
