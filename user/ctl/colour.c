/* SPDX-License-Identifier: Apache-2.0 */
#include "colour.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *chosen;

bool colour_wanted(const char *choice, bool terminal, const char *no_color, const char *term)
{
	if (choice && strcmp(choice, "auto") != 0)
		return strcmp(choice, "always") == 0;
	if (no_color && *no_color)
		return false;
	return terminal && term && *term && strcmp(term, "dumb") != 0;
}

void colour_choose(const char *choice)
{
	chosen = choice;
}

bool colour_on(FILE *f)
{
	return colour_wanted(chosen, isatty(fileno(f)), getenv("NO_COLOR"), getenv("TERM"));
}

const char *colour_of(FILE *f, enum colour colour)
{
	static const char *const sequences[] = {"\033[0m",  "\033[31m", "\033[32m",
						"\033[33m", "\033[1m",	"\033[2m"};

	return colour_on(f) ? sequences[colour] : "";
}
