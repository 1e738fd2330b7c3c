/* SPDX-License-Identifier: Apache-2.0 */
#include "path.h"

#include <stdio.h>

int path_put(char path[static PATH_MAX], const char *first, const char *second, const char *third)
{
	int n = snprintf(path, PATH_MAX, "%s%s%s", first, second, third);

	return n > 0 && n < PATH_MAX ? 0 : -1;
}

int path_join(char path[static PATH_MAX], const char *dir, const char *name)
{
	return path_put(path, dir, "/", name);
}
