/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_POLICIES_H
#define AWSMASK_POLICIES_H
/*
 * The policies of all targets, made of the configuration and the content of its lists' files. They
 * are exchanged whole when such a file changes; whoever still masks by the old ones keeps them for
 * as long. Any thread.
 */
#include "config_list.h"
#include "config_types.h"

struct policies;

/*
 * `content`: as list_read_all() gave it. Configuration and types stay the caller's and outlive
 * this. NULL and a sentence.
 */
struct policies *policies_new(const struct config *c, const struct types *types,
			      const struct buf *content, struct err *e);
void policies_free(struct policies *p);

/* Exchange the lists. 0, or -1 and a sentence: then all is as it was. */
__attribute__((warn_unused_result)) int policies_reload(struct policies *p,
							const struct buf *content, struct err *e);

/* For struct exchange_config, and for whoever masks without an exchange. */
struct policy_source *policies_source(struct policies *p);

/* The catalogue with the configuration's own rules. 0, or -1 and a sentence. */
__attribute__((warn_unused_result)) int policies_extend(struct catalogue *catalogue,
							const struct config *c,
							const struct types *types, struct err *e);

#endif
