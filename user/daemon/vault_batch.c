/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_private.h"

#include <string.h>

void batch_drop(struct batch *b)
{
	vault_values_free(b->list);
	b->list = NULL;
	vault_known_drop(b->known);
	b->known = NULL;
}

static int batch_row(void *arg, const struct vault_row *row)
{
	struct batch *b = arg;
	struct vault_value *v;
	enum mask_type type =
		types_find(b->scope->scope.types, row->place.label, strlen(row->place.label));

	b->last_id = row->id;
	/* A type of another version: its rows rest in the file, its placeholders stay as they are.
	 */
	if (type == TYPE_NONE)
		return 0;
	b->why = VAULT_DAMAGED; /* or somebody has written to it */
	if (row->len < VAULT_SEAL_OVERHEAD || row->place.number > PLACEHOLDER_NUMBER_MAX)
		return -1;
	v = vault_value_new(type, row->place.number, row->len - VAULT_SEAL_OVERHEAD);
	if (!v) {
		b->why = "memory is out";
		return -1;
	}
	*b->tail = v;
	b->tail = &v->next;
	if (vault_unseal(&b->scope->vault->keys, &row->place, row->sealed, row->len, v->bytes))
		return -1;
	b->why = NULL;
	return 0;
}

int batch_read(struct batch *b, struct scope *s, const char **why)
{
	struct vault_db *db = s->vault->db;
	int rc;

	*b = (struct batch){.scope = s, .tail = &b->list, .last_id = s->last_id};
	/* The version first: what is written in between is read now, and once more looked for. */
	if (vault_db_version(db, &b->version) ||
	    vault_db_each(db, s->hash, s->last_id, batch_row, b)) {
		*why = b->why ? b->why : vault_db_why(db);
		goto fail;
	}
	pthread_rwlock_wrlock(&s->lock);
	rc = vault_index_room(&s->index, b->list);
	pthread_rwlock_unlock(&s->lock);
	/* Only the writer exchanges s->known. */
	if (rc == 0 && vault_known_with(s->known, b->list, &b->known) == 0)
		return 0;
	*why = "memory is out";
fail:
	batch_drop(b);
	return -1;
}

void batch_publish(struct batch *b)
{
	struct scope *s = b->scope;
	struct vault_known *old = s->known;

	pthread_rwlock_wrlock(&s->lock);
	for (const struct vault_value *v = b->list; v; v = v->next)
		type_set_add(&s->types, v->type);
	vault_index_put(&s->index, b->list);
	s->known = b->known;
	pthread_rwlock_unlock(&s->lock);
	vault_known_drop(old);
	s->last_id = b->last_id;
	s->version = b->version;
	b->list = NULL;
	b->known = NULL;
}
