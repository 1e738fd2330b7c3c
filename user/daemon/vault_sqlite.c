/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_private.h"

#include <stdlib.h>
#include <string.h>

#define VALUE_MAX (16u << 20)
#define CANARY_TEXT "awsmask"
#define CANARY_MAX 64

static struct scope *scope_of(struct vault_scope *s)
{
	return (struct scope *)s; /* it is the first member */
}

static int scope_number(struct vault_scope *scope, enum mask_type type, const uint8_t *value,
			size_t len, uint32_t *number)
{
	struct scope *s = scope_of(scope);
	const struct vault_value *v;

	pthread_rwlock_rdlock(&s->lock);
	v = vault_index_find(&s->index, type, value, len);
	pthread_rwlock_unlock(&s->lock);
	if (v)
		*number = v->number;
	return v != NULL;
}

static int scope_value(struct vault_scope *scope, enum mask_type type, uint32_t number,
		       const uint8_t **value, size_t *len)
{
	struct scope *s = scope_of(scope);
	const struct vault_value *v;

	pthread_rwlock_rdlock(&s->lock);
	v = vault_index_at(&s->index, type, number);
	pthread_rwlock_unlock(&s->lock);
	if (v) {
		*value = v->bytes;
		*len = v->len;
	}
	return v != NULL;
}

static void scope_types(struct vault_scope *scope, struct type_set *types)
{
	struct scope *s = scope_of(scope);

	pthread_rwlock_rdlock(&s->lock);
	*types = s->types;
	pthread_rwlock_unlock(&s->lock);
}

static bool all_known(struct scope *s, struct vault_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!scope_number(&s->scope, entries[i].type, entries[i].value, entries[i].len,
				  &entries[i].number))
			return false;
	return true;
}

static int insert_entry(struct scope *s, const struct vault_entry *en, struct vault_place *place,
			const uint8_t hash[static VAULT_HASH_SIZE])
{
	struct vault *v = s->vault;
	size_t size = en->len + VAULT_SEAL_OVERHEAD;
	uint8_t *sealed;
	int rc;

	if (vault_db_highest(v->db, place, &place->number)) {
		v->why = vault_db_why(v->db);
		return -1;
	}
	if (place->number >= PLACEHOLDER_NUMBER_MAX) {
		v->why = "a type has no numbers left";
		return -1;
	}
	place->number++;
	sealed = malloc(size);
	if (!sealed || vault_seal(&v->keys, place, en->value, en->len, sealed)) {
		v->why = "memory is out";
		free(sealed);
		return -1;
	}
	rc = vault_db_insert(v->db, place, hash, sealed, size);
	if (rc)
		v->why = vault_db_why(v->db);
	free(sealed);
	return rc;
}

/* Inside the transaction: the file decides, for another process may have been here first. */
static int number_entry(struct scope *s, struct vault_entry *en)
{
	struct vault *v = s->vault;
	struct vault_place place = {.scope = s->hash,
				    .label = types_info(s->scope.types, en->type)->label};
	uint8_t hash[VAULT_HASH_SIZE];
	int found;

	/* The index only holds what is committed, and does not change under `writer`. */
	if (scope_number(&s->scope, en->type, en->value, en->len, &en->number))
		return 0;
	if (en->len > VALUE_MAX) {
		v->why = "a value is too long for the vault";
		return -1;
	}
	if (vault_value_hash(&v->keys, &place, en->value, en->len, hash)) {
		v->why = "memory is out";
		return -1;
	}
	found = vault_db_number(v->db, &place, hash, &place.number);
	if (found < 0)
		v->why = vault_db_why(v->db);
	else if (found == 0)
		found = insert_entry(s, en, &place, hash) ? -1 : 1;
	if (found == 1)
		en->number = place.number;
	return found == 1 ? 0 : -1;
}

static int reserve_in_file(struct scope *s, struct vault_entry *entries, size_t n)
{
	struct vault *v = s->vault;
	struct batch b = {0};
	const char *why = NULL;

	if (vault_db_begin(v->db)) {
		v->why = vault_db_why(v->db);
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		if (number_entry(s, &entries[i]))
			goto fail;
	if (batch_read(&b, s, &why)) {
		v->why = why;
		goto fail;
	}
	if (vault_db_commit(v->db)) {
		v->why = vault_db_why(v->db);
		goto fail;
	}
	batch_publish(&b);
	return 0;
fail:
	vault_db_rollback(v->db);
	batch_drop(&b);
	return -1;
}

static int scope_reserve(struct vault_scope *scope, struct vault_entry *entries, size_t n)
{
	struct scope *s = scope_of(scope);
	int rc;

	if (all_known(s, entries, n))
		return 0;
	pthread_mutex_lock(&s->vault->writer);
	rc = reserve_in_file(s, entries, n);
	pthread_mutex_unlock(&s->vault->writer);
	return rc;
}

static const struct known *scope_known(struct vault_scope *scope)
{
	struct scope *s = scope_of(scope);
	const struct known *k;

	pthread_rwlock_rdlock(&s->lock);
	k = vault_known_take(s->known);
	pthread_rwlock_unlock(&s->lock);
	return k;
}

static void scope_known_done(struct vault_scope *scope, const struct known *k)
{
	(void)scope;
	vault_known_done(k);
}

static const struct vault_ops ops = {
	.number = scope_number,
	.value = scope_value,
	.types = scope_types,
	.reserve = scope_reserve,
	.known = scope_known,
	.known_done = scope_known_done,
};

static void scope_free(struct scope *s)
{
	if (!s)
		return;
	vault_index_free(&s->index);
	vault_known_drop(s->known);
	pthread_rwlock_destroy(&s->lock);
	free(s);
}

static struct scope *scope_new(struct vault *v, const char *name)
{
	struct scope *s = calloc(1, sizeof(*s) + strlen(name) + 1);

	if (!s)
		return NULL;
	s->scope.ops = &ops;
	s->scope.types = v->types;
	s->vault = v;
	strcpy(s->name, name);
	pthread_rwlock_init(&s->lock, NULL);
	if (vault_index_init(&s->index) == 0 && vault_scope_hash(&v->keys, name, s->hash) == 0)
		return s;
	scope_free(s);
	return NULL;
}

static struct scope *scope_find(struct vault *v, const char *name)
{
	struct scope *s;

	pthread_rwlock_rdlock(&v->names);
	for (s = v->scopes; s && strcmp(s->name, name);)
		s = s->next;
	pthread_rwlock_unlock(&v->names);
	return s;
}

/* Under `writer`. */
static struct scope *scope_load(struct vault *v, const char *name, struct err *e)
{
	struct scope *s = scope_new(v, name);
	const char *why = "memory is out";
	struct batch b;

	if (!s || batch_read(&b, s, &why)) {
		err_set(e, "the scope's values cannot be read: %s", why);
		scope_free(s);
		return NULL;
	}
	batch_publish(&b);
	pthread_rwlock_wrlock(&v->names);
	s->next = v->scopes;
	v->scopes = s;
	pthread_rwlock_unlock(&v->names);
	return s;
}

/* Another process (a worker before or after this one) may have learned what this one has not. */
static int scope_refresh(struct scope *s, struct err *e)
{
	const char *why = NULL;
	int64_t version;
	struct batch b;

	if (vault_db_version(s->vault->db, &version))
		return err_set(e, "the vault cannot be read: %s", vault_db_why(s->vault->db));
	if (version == s->version)
		return 0;
	if (batch_read(&b, s, &why))
		return err_set(e, "the scope's values cannot be read: %s", why);
	batch_publish(&b);
	return 0;
}

struct vault_scope *vault_scope(struct vault *v, const char *name, struct err *e)
{
	struct scope *s;

	pthread_mutex_lock(&v->writer);
	s = scope_find(v, name);
	if (!s)
		s = scope_load(v, name, e);
	else if (scope_refresh(s, e))
		s = NULL;
	pthread_mutex_unlock(&v->writer);
	return s ? &s->scope : NULL;
}

/* Prove the key by a row that only it unseals; a new file gets one. */
static int check_key(struct vault *v, const char *path, struct err *e)
{
	static const uint8_t nowhere[VAULT_HASH_SIZE];
	const struct vault_place place = {.scope = nowhere, .label = "canary"};
	uint8_t sealed[CANARY_MAX], text[CANARY_MAX];
	size_t len;
	int found = -1;

	if (vault_db_begin(v->db))
		goto out;
	found = vault_db_canary(v->db, sealed, sizeof(sealed), &len);
	if (found == 0) {
		len = sizeof(CANARY_TEXT) + VAULT_SEAL_OVERHEAD;
		found = -1;
		if (vault_seal(&v->keys, &place, (const uint8_t *)CANARY_TEXT, sizeof(CANARY_TEXT),
			       sealed) == 0 &&
		    vault_db_set_canary(v->db, sealed, len) == 0)
			found = 1;
	}
	if (found < 0 || vault_db_commit(v->db)) {
		found = -1;
		vault_db_rollback(v->db);
	}
out:
	if (found < 0)
		return err_set(e, "%s: %s", path, vault_db_why(v->db));
	if (vault_unseal(&v->keys, &place, sealed, len, text))
		return err_set(e,
			       "%s: sealed with another key, or damaged; put the key back that "
			       "it was made with, or move the file away to begin with new "
			       "placeholders",
			       path);
	return 0;
}

struct vault *vault_open(const char *path, const uint8_t key[static VAULT_KEY_SIZE], struct err *e)
{
	struct vault *v = calloc(1, sizeof(*v));

	if (!v) {
		err_set(e, "%s: memory is out", path);
		return NULL;
	}
	pthread_mutex_init(&v->writer, NULL);
	pthread_rwlock_init(&v->names, NULL);
	v->types = &types_builtin;
	v->why = VAULT_NO_ERROR;
	if (vault_keys_derive(&v->keys, key, VAULT_KEY_SIZE))
		err_set(e, "%s: the sealing keys cannot be derived: OpenSSL has no HKDF", path);
	else if ((v->db = vault_db_open(path, e)) && check_key(v, path, e) == 0)
		return v;
	vault_close(v);
	return NULL;
}

static void add_label(void *arg, const char *label)
{
	struct types *types = arg;
	enum mask_type type;
	char why[256];

	/* What cannot be a type, or not beside the others, stays a placeholder, as with rows of
	 * another version. */
	if (types_find(types, label, strlen(label)) == TYPE_NONE)
		(void)!types_add(types, label, &type, why, sizeof(why));
}

int vault_types(struct vault *v, struct types *types, struct err *e)
{
	int rc;

	pthread_mutex_lock(&v->writer);
	rc = vault_db_labels(v->db, add_label, types);
	if (rc == 0)
		v->types = types;
	else
		err_set(e, "the vault cannot be read: %s", vault_db_why(v->db));
	pthread_mutex_unlock(&v->writer);
	return rc;
}

void vault_close(struct vault *v)
{
	if (!v)
		return;
	vault_db_close(v->db);
	while (v->scopes) {
		struct scope *next = v->scopes->next;
		scope_free(v->scopes);
		v->scopes = next;
	}
	vault_keys_wipe(&v->keys);
	pthread_mutex_destroy(&v->writer);
	pthread_rwlock_destroy(&v->names);
	free(v);
}

void vault_stats(struct vault *v, struct vault_stats *st)
{
	struct vault_stats sum = {0};

	pthread_rwlock_rdlock(&v->names);
	for (struct scope *s = v->scopes; s; s = s->next) {
		pthread_rwlock_rdlock(&s->lock);
		sum.entries += s->index.count;
		pthread_rwlock_unlock(&s->lock);
		sum.scopes++;
	}
	pthread_rwlock_unlock(&v->names);
	sum.bytes = vault_db_bytes(v->db);
	*st = sum;
}

const char *vault_last_error(struct vault *v)
{
	return v->why;
}
