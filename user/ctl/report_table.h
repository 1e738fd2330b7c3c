/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_REPORT_TABLE_H
#define AWSMASKCTL_REPORT_TABLE_H
/* A report for people: what rows and sums of modes (awsmask/ctl.h) say. */
#include <jansson.h>

/* A sentence for each mode: what period, how much, and what was done about it. */
void report_summary_print(json_t *modes);
/* Rows told apart by these columns (bits of enum report_column), aligned, with a total for each mode.
 * Columns that are zero throughout are left out. */
void report_table_print(unsigned by, json_t *rows, json_t *modes);

#endif
