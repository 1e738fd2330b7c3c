/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_RULES_READY_H
#define AWSMASK_RULES_READY_H
#include "../mask/detect.h"
#include "err.h"

/*
 * Compile all of the catalogue, by as many threads as there are processors for: nothing is masked, and
 * nobody answered, before a new worker has done so. The threads are gone when it returns.
 */
__attribute__((warn_unused_result)) int rules_ready(struct catalogue *c, struct err *e);

#endif
