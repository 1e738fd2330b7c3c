/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SETTLE_H
#define AWSMASK_SETTLE_H

/*
 * A process has started and will now wait, perhaps for days: give back what only starting needed. That is
 * free memory, and the pages of the program and its libraries that hold code and constants: those
 * that are used again come back at a touch, for the kernel has them still.
 */
void settle(void);

#endif
