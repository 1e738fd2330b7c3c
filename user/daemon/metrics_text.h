/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_METRICS_TEXT_H
#define AWSMASK_METRICS_TEXT_H
/* What is counted, as Prometheus reads it (text format 0.0.4). Numbers, types and reasons, never values (I8). */
#include "config.h"
#include "privsep.h"
#include "report.h"
#include "stats.h"
#include "vault_sqlite.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_source {
	const struct config *config;
	const struct stats *stats;
	const struct stats_gauges *gauges;
	struct vault *vault;   /* NULL: nothing is told of it */
	struct report *report; /* likewise */
	uint64_t started;      /* this worker; seconds since 1970 */
};

/* malloc'd, ends with NUL. NULL: memory is out. */
char *metrics_text(const struct metrics_source *s, const struct priv_facts *facts);

#endif
