/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_FUZZ_H
#define AWSMASK_FUZZ_H
/* What all fuzzers are: an entry point, and properties that must hold. */
#include "../must.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
