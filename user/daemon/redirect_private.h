/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_REDIRECT_PRIVATE_H
#define AWSMASK_REDIRECT_PRIVATE_H
/* What redirect.c and redirect_program.c share. */
#include "redirect.h"

#include "awsmask.skel.h"

struct redirect {
	struct awsmask *skel;
	int cores;
	struct err no_programs; /* why no process can be marked; "": it can */
};

#endif
