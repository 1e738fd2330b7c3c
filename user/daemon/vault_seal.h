/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_VAULT_SEAL_H
#define AWSMASK_VAULT_SEAL_H
/*
 * The vault's cryptography: keys by HKDF-SHA-256 (RFC 5869) from the host key, one per use; values
 * sealed by AES-256-GCM under a random nonce, bound to the row that they stand in; scopes and
 * values found by HMAC-SHA-256. Functions return 0 or -1; outputs are untouched on failure unless
 * said otherwise.
 */
#include <stddef.h>
#include <stdint.h>

#define VAULT_HASH_SIZE 32
#define VAULT_SEAL_OVERHEAD 28 /* nonce 12, tag 16 */

struct vault_keys {
	uint8_t seal[32], value[32], scope[32];
};

/* Where a value stands; a sealed value unseals nowhere else. */
struct vault_place {
	const uint8_t *scope; /* VAULT_HASH_SIZE bytes */
	const char *label;    /* of the type */
	uint32_t number;
};

int vault_keys_derive(struct vault_keys *keys, const uint8_t *host_key, size_t len);
void vault_keys_wipe(struct vault_keys *keys);

int vault_scope_hash(const struct vault_keys *keys, const char *name,
		     uint8_t hash[static VAULT_HASH_SIZE]);
/* Of the value in this scope and type: equal values of two scopes have nothing in common. */
int vault_value_hash(const struct vault_keys *keys, const struct vault_place *place,
		     const uint8_t *value, size_t len, uint8_t hash[static VAULT_HASH_SIZE]);

/* out: len + VAULT_SEAL_OVERHEAD bytes */
int vault_seal(const struct vault_keys *keys, const struct vault_place *place, const uint8_t *value,
	       size_t len, uint8_t *out);
/* out: len - VAULT_SEAL_OVERHEAD bytes, zeroed on failure. -1: another key, or not what was sealed
 * here. */
int vault_unseal(const struct vault_keys *keys, const struct vault_place *place,
		 const uint8_t *sealed, size_t len, uint8_t *out);

#endif
