/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_KNOWN_SEARCH_H
#define AWSMASK_KNOWN_SEARCH_H
/* Both steps of looking for known values, for their tests. As known_find(). */
#include "../user/mask/known.h"

static inline int known_search(const struct known *const *sets, size_t n, const uint8_t *text,
			       size_t len, struct buf *spans)
{
	struct buf places;
	int rc;

	buf_init(&places, SIZE_MAX / 2);
	rc = known_places(sets, n, text, len, NULL, &places);
	if (rc == 0)
		rc = known_find(sets, n, NULL, text, len, &places, spans);
	buf_free(&places);
	return rc;
}

#endif
