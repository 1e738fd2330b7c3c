/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_REPORT_HTML_H
#define AWSMASKCTL_REPORT_HTML_H
/* `report --html`: the page (page.h), from the daemon or from files, into a file. */
#include "command.h"

/* `paths`: reports' files; none: the daemon's. exit_status */
int report_html(struct ctl *c, int64_t since, const char *const *paths, size_t n);

#endif
