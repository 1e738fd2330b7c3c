/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_known.h"

#include <stdatomic.h>
#include <stdlib.h>

struct vault_known {
	struct known known; /* first */
	atomic_size_t holders;
};

static bool brings_any(const struct vault_known *old, const struct vault_value *list)
{
	for (; list; list = list->next)
		if (known_learns(list->type, list->bytes, list->len) &&
		    !(old && known_has(&old->known, list->type, list->bytes, list->len)))
			return true;
	return false;
}

int vault_known_with(struct vault_known *old, const struct vault_value *list,
		     struct vault_known **out)
{
	struct vault_known *vk;

	if (!brings_any(old, list)) {
		vault_known_take(old);
		*out = old;
		return 0;
	}
	vk = calloc(1, sizeof(*vk));
	if (!vk)
		return -1;
	known_init(&vk->known, SIZE_MAX / 2);
	vk->holders = 1;
	if (old && known_copy(&vk->known, &old->known))
		goto fail;
	for (; list; list = list->next)
		if (known_learns(list->type, list->bytes, list->len) &&
		    known_add(&vk->known, list->type, list->bytes, list->len))
			goto fail;
	*out = vk;
	return 0;
fail:
	vault_known_drop(vk);
	return -1;
}

const struct known *vault_known_take(struct vault_known *vk)
{
	if (!vk)
		return NULL;
	atomic_fetch_add_explicit(&vk->holders, 1, memory_order_relaxed);
	return &vk->known;
}

void vault_known_drop(struct vault_known *vk)
{
	if (!vk || atomic_fetch_sub_explicit(&vk->holders, 1, memory_order_acq_rel) != 1)
		return;
	known_free(&vk->known);
	free(vk);
}

void vault_known_done(const struct known *k)
{
	vault_known_drop((struct vault_known *)k); /* it is the first member */
}
