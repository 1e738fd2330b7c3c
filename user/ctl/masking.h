/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_MASKING_H
#define AWSMASKCTL_MASKING_H
/* Types, rules and policy as the daemon would have them by a configuration. */
#include "../daemon/policies.h"
#include "../daemon/vault_sqlite.h"

struct masking {
	struct types *types;
	struct catalogue *catalogue;
	struct policies *policies;
};

/*
 * The types alone, which is all that restoring needs; compiling the rules takes a tenth of a second.
 * `vault` (may be NULL): no scope of it is open yet; it must be closed before the masking, as the
 * configuration must stay until then. 0, or -1 and a sentence; masking_close() in either case.
 */
__attribute__((warn_unused_result)) int
masking_open_types(struct masking *m, const struct config *c, struct vault *vault, struct err *e);
/* The same with rules and policy. */
__attribute__((warn_unused_result)) int masking_open(struct masking *m, const struct config *c,
						     struct vault *vault, struct err *e);
void masking_close(struct masking *m);

#endif
