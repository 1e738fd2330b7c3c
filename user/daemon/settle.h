/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SETTLE_H
#define AWSMASK_SETTLE_H

/*
 * A process has started and will now wait, perhaps for days: give back what only starting needed. That is
 * free memory, and the pages of the program and its libraries that hold code and constants: those
 * that are used again come back at a touch, for the kernel has them still.
 */
void settle(void);

/*
 * Buffers are made and freed with each request; memory that goes back to the kernel each time costs
 * a page fault for every 4 KB of the next one.
 */
void settle_keep_memory(void);

#endif
