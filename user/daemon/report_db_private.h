/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_REPORT_DB_PRIVATE_H
#define AWSMASK_REPORT_DB_PRIVATE_H
/* What report_db.c (opening, writing) and report_query.c (reading) share. */
#include "report_db.h"

#include <sqlite3.h>
#include <sys/types.h>

struct report_db {
	sqlite3 *sqlite;
	sqlite3_stmt *add, *add_outcome;
	char *path;
	bool has_later; /* tables that an older version did not make */
	dev_t dev;	/* the file's, to notice when it is taken away */
	ino_t ino;
	const char *why;
};

/* Remember why. -1 */
int report_db_failed(struct report_db *db, int rc);

#endif
