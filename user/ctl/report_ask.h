/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_REPORT_ASK_H
#define AWSMASKCTL_REPORT_ASK_H
/* A report's rows, of the daemon or of a file. */
#include "../daemon/report.h"
#include "client.h"
#include "progress.h"

struct report_source {
	struct ctl *ctl;
	struct report_db *db;	   /* NULL: the daemon's */
	struct progress *progress; /* told of rows; NULL: nobody is */
};

/* All of them in one answer (awsmask/ctl.h), the caller's. NULL and a sentence. */
json_t *report_ask_all(const struct report_source *from, const struct report_query *q,
		       struct err *e);

/* The words of these columns (bits of enum report_column). */
json_t *report_columns_json(unsigned by);

#endif
