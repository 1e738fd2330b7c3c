/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SHARED_H
#define AWSMASK_SHARED_H
/*
 * Memory that the monitor makes and every worker maps, and that one monitor leaves to the next. Its first word says
 * what stands where in it, so that another version's is not taken for ours.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a layout's number is made of: begin with the size, then all names in their order. */
uint64_t shared_mix(uint64_t hash, const char *text);

/* Memory of that size which starts at zero but for its layout, and cannot be made smaller by those who have it.
 * A descriptor, or -1 and errno. */
__attribute__((warn_unused_result)) int shared_make(const char *name, size_t size, uint64_t layout);
/* Whether it is such memory. */
bool shared_is_ours(int fd, size_t size, uint64_t layout);
/* NULL and errno. */
__attribute__((warn_unused_result)) void *shared_map(int fd, size_t size);

#endif
