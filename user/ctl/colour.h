/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_COLOUR_H
#define AWSMASKCTL_COLOUR_H
/* Whether there are colours, decided here and nowhere else. No meaning is carried by colour alone. */
#include <stdbool.h>
#include <stdio.h>

enum colour { COLOUR_PLAIN, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_BOLD, COLOUR_FAINT };

/*
 * `choice`: what --color says, NULL: nothing. It wins; else NO_COLOR (no-color.org), then a terminal that can do
 * nothing of it, then whether it is a terminal at all.
 */
bool colour_wanted(const char *choice, bool terminal, const char *no_color, const char *term);

/* From now on as --color says. */
void colour_choose(const char *choice);
/* Whether this stream gets colours. */
bool colour_on(FILE *f);
/* An SGR sequence for it, or "". */
const char *colour_of(FILE *f, enum colour colour);

#endif
