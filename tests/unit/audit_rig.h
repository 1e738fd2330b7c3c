/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_TESTS_AUDIT_RIG_H
#define AWSMASK_TESTS_AUDIT_RIG_H
/* Records of an audit log, made up, and files of it read whole. */
#include "../../user/daemon/audit_file.h"
#include "tempdir.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define A_TIME 1790000000123ull /* 2026-09-21T14:13:20.123Z */

static inline struct audit_record a_record(unsigned n)
{
	struct audit_record r;

	audit_begin(&r, AUDIT_REQUEST, AUDIT_MASKED);
	r.time_ms = A_TIME + n;
	audit_number(&r, AUDIT_UID, 1000 + n);
	audit_text(r.target, sizeof(r.target), "api.example.com");
	audit_count(r.masked, &r.masked_count, "EC2_INSTANCE", n + 1);
	return r;
}

static inline struct audit_file *a_file(const char *path, size_t size, unsigned keep)
{
	struct audit_file_options o = {.size = size, .keep = keep};
	struct audit_file *f;

	snprintf(o.path, sizeof(o.path), "%s", path);
	f = audit_file_new(&o);
	cr_assert_not_null(f);
	return f;
}

/* So many records, from number `from` on; all are written. */
static inline void write_records(struct audit_file *f, unsigned from, unsigned n)
{
	struct err e;

	for (unsigned i = 0; i < n; i++) {
		struct audit_record r = a_record(from + i);

		cr_assert_eq(audit_file_append(f, &r, 1, 0, &e), 1u, "%s", e.text);
	}
}

/* A log of so many records at this path. */
static inline void make_log(const char *path, unsigned n)
{
	struct audit_file *f = a_file(path, 1 << 20, 4);

	write_records(f, 0, n);
	audit_file_free(f);
}

static inline char *read_whole(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	cr_assert(f && text, "%s", path);
	*len = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	return text;
}

static inline void write_whole(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(text, 1, len, f), len);
	cr_assert_eq(fclose(f), 0);
}

static inline void append_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "a");

	cr_assert_not_null(f);
	cr_assert(fputs(text, f) >= 0);
	cr_assert_eq(fclose(f), 0);
}

#endif
