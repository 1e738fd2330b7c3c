/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_TOP_PRIVATE_H
#define AWSMASKCTL_TOP_PRIVATE_H
/* What the views share: top_views.c, top_flows.c. */
#include "top.h"

#define WIDE 512 /* bytes of a line that is made of cells */

/* A member of what the daemon says, harmless; "" when it is missing. */
static inline const char *text(const json_t *j, const char *key)
{
	return harmless(json_string_value(json_object_get(j, key)));
}

static inline json_int_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

void top_show_flows(struct sheet *s, const struct top *t, int columns);

#endif
