/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TARGET_ADDR_H
#define AWSMASK_TARGET_ADDR_H
/*
 * The addresses at which targets live: those that their names lead to, and those at which clients
 * have reached them. A connection that hides where it goes (no server name, an encrypted one, no
 * protocol that we know) is taken for another host's only when it goes elsewhere (I1).
 */
#include "config.h"

#include <uv.h>

#define TARGET_ADDRS_MAX 1024 /* remembered; then the longest known gives way */

struct target_addrs;

/* NULL: memory is out. */
__attribute__((warn_unused_result)) struct target_addrs *target_addrs_new(void);
void target_addrs_free(struct target_addrs *t);

/* v4 as v4-mapped, here and below. Any thread. */
void target_addrs_add(struct target_addrs *t, const uint8_t addr[static 16]);
bool target_addrs_has(struct target_addrs *t, const uint8_t addr[static 16]);

/*
 * Looks the targets' names up, one after another, now and every ten minutes. Names that lead nowhere
 * are asked for again the next time.
 */
struct target_lookup;
__attribute__((warn_unused_result)) struct target_lookup *
target_lookup_new(uv_loop_t *loop, const struct config *config, struct target_addrs *addrs);
void target_lookup_close(struct target_lookup *l); /* freed by the loop; NULL is nothing */

#endif
