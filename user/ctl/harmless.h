/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_HARMLESS_H
#define AWSMASKCTL_HARMLESS_H
/*
 * Text from outside (names of processes, cgroups and hosts, sentences of the daemon) as it may go to a terminal.
 * Whoever names a process could otherwise move the cursor, change the colours or the keyboard, or write over
 * what stands there. Whatever awsmaskctl prints and has not written itself goes through here, but for what
 * `mask`, `unmask` and `metrics` put out, and --json, which has escapes of its own.
 */
#include <stddef.h>
#include <stdint.h>

/* How long the UTF-8 character at p is; 0: it is none. len > 0. */
size_t utf8_character(const uint8_t *p, size_t len);
/* The same; 0 also: it would move the cursor or ring, turn the direction of writing, cannot be seen, or this terminal
 * would not take it for UTF-8. */
size_t harmless_character(const uint8_t *p, size_t len);
/* A question mark for each byte of what is not harmless; a tab or a line's end is not. Stays as it is until the
 * eighth call after. Never NULL; NULL is "". */
const char *harmless(const char *text);

#endif
