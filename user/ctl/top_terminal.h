/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_TOP_TERMINAL_H
#define AWSMASKCTL_TOP_TERMINAL_H
#include <stdbool.h>

/* Whether the terminal that ncurses works with has this capability, by terminfo(5)'s name for it. */
bool terminal_has(const char *capability);

#endif
