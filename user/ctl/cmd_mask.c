/* SPDX-License-Identifier: Apache-2.0 */
#include "filter.h"

int cmd_mask(struct ctl *c, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return filter_run(c, masking_open, filter_mask);
}
