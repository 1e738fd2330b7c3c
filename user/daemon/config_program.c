/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <ctype.h>
#include <string.h>

#define PREFIX "exe:"

const char *config_enrolled_program(const char *entry)
{
	return strncmp(entry, PREFIX, strlen(PREFIX)) ? NULL : entry + strlen(PREFIX);
}

int config_program_check(const char *path, struct err *e)
{
	size_t len = strlen(path);

	if (*path != '/')
		return err_set(e, "'%s' is no absolute path: write the program's whole path", path);
	/* A byte less than there is room for: what execve() was given is compared cut. */
	if (len > AWSMASK_PROGRAM_PATH - 2)
		return err_set(e, "a program's path has %zu bytes, and can have %d", len,
			       AWSMASK_PROGRAM_PATH - 2);
	for (const char *p = path; *p; p++)
		if (iscntrl((unsigned char)*p))
			return err_set(e, "a program's path has a control character in it");
	if (strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../") || len < 2 ||
	    path[len - 1] == '/')
		return err_set(e,
			       "'%s' is not how a shell spells the path of a program: write it "
			       "without //, /./ and /../, and without a slash at its end",
			       path);
	return 0;
}
