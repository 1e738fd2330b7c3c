/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_seal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <limits.h>
#include <string.h>

#define NONCE_SIZE 12
#define TAG_SIZE 16
#define LABEL_MAX 64
#define BOUND_MAX (VAULT_HASH_SIZE + 4 + LABEL_MAX)

static int derive(const uint8_t *host_key, size_t len, const char *use, uint8_t out[static 32])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)host_key, len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)use, strlen(use)),
		OSSL_PARAM_construct_end(),
	};
	int rc = ctx && EVP_KDF_derive(ctx, out, 32, params) == 1 ? 0 : -1;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return rc;
}

int vault_keys_derive(struct vault_keys *keys, const uint8_t *host_key, size_t len)
{
	struct vault_keys k = {0};
	int rc = -1;

	if (derive(host_key, len, "awsmask vault 1: sealing", k.seal) == 0 &&
	    derive(host_key, len, "awsmask vault 1: finding values", k.value) == 0 &&
	    derive(host_key, len, "awsmask vault 1: finding scopes", k.scope) == 0) {
		*keys = k;
		rc = 0;
	}
	OPENSSL_cleanse(&k, sizeof(k));
	return rc;
}

void vault_keys_wipe(struct vault_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}

struct part {
	const void *bytes;
	size_t len;
};

static int hmac(const uint8_t key[static 32], const struct part *parts, size_t n,
		uint8_t hash[static VAULT_HASH_SIZE])
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};
	uint8_t out[VAULT_HASH_SIZE];
	size_t len;
	int rc = -1;

	if (!ctx || EVP_MAC_init(ctx, key, 32, params) != 1)
		goto out;
	for (size_t i = 0; i < n; i++)
		if (EVP_MAC_update(ctx, parts[i].bytes, parts[i].len) != 1)
			goto out;
	if (EVP_MAC_final(ctx, out, &len, sizeof(out)) != 1 || len != sizeof(out))
		goto out;
	memcpy(hash, out, sizeof(out));
	rc = 0;
out:
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return rc;
}

int vault_scope_hash(const struct vault_keys *keys, const char *name,
		     uint8_t hash[static VAULT_HASH_SIZE])
{
	const struct part part = {name, strlen(name)};

	return hmac(keys->scope, &part, 1, hash);
}

int vault_value_hash(const struct vault_keys *keys, const struct vault_place *place,
		     const uint8_t *value, size_t len, uint8_t hash[static VAULT_HASH_SIZE])
{
	/* The label's NUL ends it, so no label and value can be told as another pair. */
	const struct part parts[] = {
		{place->scope, VAULT_HASH_SIZE},
		{place->label, strlen(place->label) + 1},
		{value, len},
	};

	return hmac(keys->value, parts, 3, hash);
}

/* The row as authenticated data. Returns its length, or -1. */
static int bind_place(const struct vault_place *p, uint8_t out[static BOUND_MAX])
{
	size_t len = strlen(p->label);

	if (len > LABEL_MAX)
		return -1;
	memcpy(out, p->scope, VAULT_HASH_SIZE);
	for (int i = 0; i < 4; i++)
		out[VAULT_HASH_SIZE + i] = (uint8_t)(p->number >> (24 - 8 * i));
	memcpy(out + VAULT_HASH_SIZE + 4, p->label, len);
	return (int)(VAULT_HASH_SIZE + 4 + len);
}

int vault_seal(const struct vault_keys *keys, const struct vault_place *place, const uint8_t *value,
	       size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t bound[BOUND_MAX], *sealed = out + NONCE_SIZE;
	int n, bound_len = bind_place(place, bound), rc = -1;

	if (!ctx || bound_len < 0 || len > INT_MAX || RAND_bytes(out, NONCE_SIZE) != 1)
		goto out;
	if (EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), keys->seal, out, NULL) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &n, bound, bound_len) != 1 ||
	    (len && EVP_EncryptUpdate(ctx, sealed, &n, value, (int)len) != 1) ||
	    EVP_EncryptFinal_ex(ctx, sealed + len, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, sealed + len) != 1)
		goto out;
	rc = 0;
out:
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

int vault_unseal(const struct vault_keys *keys, const struct vault_place *place,
		 const uint8_t *sealed, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx;
	uint8_t bound[BOUND_MAX];
	const uint8_t *body = sealed + NONCE_SIZE;
	int n, bound_len = bind_place(place, bound), rc = -1;
	size_t value_len;

	if (bound_len < 0 || len < VAULT_SEAL_OVERHEAD || len > INT_MAX)
		return -1;
	value_len = len - VAULT_SEAL_OVERHEAD;
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx || EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), keys->seal, sealed, NULL) != 1 ||
	    EVP_DecryptUpdate(ctx, NULL, &n, bound, bound_len) != 1 ||
	    (value_len && EVP_DecryptUpdate(ctx, out, &n, body, (int)value_len) != 1) ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, (void *)(body + value_len)) !=
		    1 ||
	    EVP_DecryptFinal_ex(ctx, out + value_len, &n) != 1)
		goto out;
	rc = 0;
out:
	if (rc)
		OPENSSL_cleanse(out, value_len);
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}
