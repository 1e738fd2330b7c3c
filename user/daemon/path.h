/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PATH_H
#define AWSMASK_PATH_H
#include <limits.h>

/* Three pieces, one behind the other, as they are. 0; -1: that is too long, and what stands there is cut. */
__attribute__((warn_unused_result)) int path_put(char path[static PATH_MAX], const char *first,
						 const char *second, const char *third);
/* A name in a directory. The same. */
__attribute__((warn_unused_result)) int path_join(char path[static PATH_MAX], const char *dir,
						  const char *name);

#endif
