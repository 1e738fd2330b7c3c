/* SPDX-License-Identifier: Apache-2.0 */
#include "json_text.h"

#include <stdlib.h>
#include <string.h>

json_t *json_text_of(const char *name)
{
	json_t *j = json_string(name);
	char *plain;

	if (j)
		return j;
	plain = strdup(name);
	if (!plain)
		return NULL;
	for (char *at = plain; *at; at++)
		if (*at & 0x80)
			*at = '?';
	j = json_string(plain);
	free(plain);
	return j;
}
