/* SPDX-License-Identifier: Apache-2.0 */
/* Apart, for term.h has macros for many common words. */
#include "top_terminal.h"

#include <curses.h>
#include <term.h>

bool terminal_has(const char *capability)
{
	const char *text = tigetstr(capability);

	return text && text != (const char *)-1;
}
