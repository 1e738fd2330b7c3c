/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_PAGE_H
#define AWSMASKCTL_PAGE_H
/*
 * The report as one page for a review. page_gather_*() bring the data, page_settle() orders it,
 * page_write() writes. The same data, and the same time of making, give the same bytes. However much
 * there is, only so much of it is named; the rest is summed up as others.
 */
#include "page_data.h"
#include "report_ask.h"

#include <stdio.h>
#include <time.h>

#define PAGE_SERIES 8	  /* in a stack of bars; with the others */
#define PAGE_HEAT_ROWS 20 /* without the others */
#define PAGE_HEAT_COLUMNS 10
#define PAGE_ROWS_MAX 40 /* of a table; without the others */

struct page_host {
	const char *name;    /* as it signed the file; else the file's */
	const char *version; /* of awsmask; "": an older one, which does not say */
	struct page_sums sums;
	int64_t first, last; /* days on which something was counted; last < first: none */
	size_t days;	     /* so many of them */
	uint64_t unwritten, lost;
};

struct page_enrolled {
	const char *name, *mode, *fail;
	bool program; /* by its path; else a cgroup */
};

struct page {
	/* What is asked for. */
	int64_t since; /* day; 0: from the beginning */
	int64_t until; /* day up to which the sources would have counted */
	time_t made;
	bool from_daemon;
	/* What came. */
	json_t *rows[PAGE_QUERY_COUNT];
	struct page_enrolled *enrolled; /* of the daemon */
	size_t enrolled_count;
	struct page_host *host;
	size_t hosts;
	json_t *kept; /* texts that others point to */
	/* page_settle() */
	struct page_list days, types, cgroups, targets;
	struct page_list reasons; /* of requests: refused, and unmaskable */
	struct page_list denials; /* of connections */
	struct page_sums all;
	struct page_time time;
	size_t masked_names; /* in which there was an identifier */
};

void page_free(struct page *p);
/* What the daemon has, and what is enrolled now. 0, or -1 and a sentence. */
int page_gather_daemon(struct page *p, struct ctl *c, struct err *e);
/* What these files have, one for each host. 0, or -1 and a sentence. */
int page_gather_files(struct page *p, struct ctl *c, const char *const *paths, size_t n,
		      struct err *e);
/* 0, or -1 and a sentence. */
int page_settle(struct page *p, const struct config *config, struct err *e);
/* Identifiers in names are masked: a page travels. 0, or -1 and a sentence. */
int page_mask_names(struct page *p, const struct config *config, struct err *e);
void page_write(const struct page *p, FILE *out);

#endif
