/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONFIG_TYPES_H
#define AWSMASK_CONFIG_TYPES_H
/* What the configuration says about types. */
#include "config.h"

/* The own types, numbered in the order of their lines. NULL: memory is out. */
__attribute__((warn_unused_result)) struct types *config_own_types(const struct config *c);

/* The rule of a line with an expression, whose anchors are put into the array. */
struct own_rule config_rule(const struct config_type *t, enum mask_type type,
			    const char *anchors[static OWN_ANCHORS_MAX + 1]);

/* The line that says what is done with a type on the way to a host; NULL: none, the default holds. */
const struct config_type *config_action_line(const struct config *c, const struct types *types,
					     enum mask_type type, const char *host);

/* What is done with a type on the way to a host ("": any): its own line wins over its class's. */
enum action config_action(const struct config *c, const struct types *types, enum mask_type type,
			  const char *host);

#endif
