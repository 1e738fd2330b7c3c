/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_AUDIT_FILE_H
#define AWSMASK_AUDIT_FILE_H
/*
 * The audit log on disk: FILE, and behind it those that it was before, FILE.SEQ, after the number of their first
 * line (twelve digits, so that names sort as lines do). Only ever appended to; one process at a time writes, the one
 * that holds the lock on FILE.lock.
 *
 * What stands behind the last whole line, because a write came to no end, stays: the next line is a record "torn",
 * which says how many bytes it is, and their hash.
 */
#include "audit_line.h"
#include "err.h"

#include <sys/types.h>

#define AUDIT_SUFFIX_DIGITS 12
#define AUDIT_LOCK_SUFFIX ".lock"

struct audit_file;

struct audit_file_options {
	char path[256];
	size_t size;   /* bytes from which on another file is begun */
	unsigned keep; /* files besides FILE */
};

/* Nothing is opened yet. NULL: memory is out. */
struct audit_file *audit_file_new(const struct audit_file_options *options);
void audit_file_free(struct audit_file *f); /* the lock goes with it; may be NULL */

/*
 * Append a line for each record; `lost` is told in the first. Returns how many were written: fewer than n with a
 * sentence, and the next call begins with looking where the file ends. Waits for the disk as write(2) does.
 */
size_t audit_file_append(struct audit_file *f, const struct audit_record *records, size_t n,
			 uint64_t lost, struct err *e);
/* What was written is on the disk. 0, or -1 and a sentence. */
__attribute__((warn_unused_result)) int audit_file_sync(struct audit_file *f, struct err *e);

/* Where the chain stands, as far as it is known: the last line written, or found. */
const struct audit_chain *audit_file_chain(const struct audit_file *f);
/* Nothing was written because another process holds the lock: one that is being replaced does, for a moment. */
bool audit_file_busy(const struct audit_file *f);
/* Another file has been begun since this was last asked. */
bool audit_file_rotated(struct audit_file *f);
/* Lines written last, with their LFs, for whoever forwards them: until the next audit_file_append(). */
const struct buf *audit_file_lines(const struct audit_file *f);

/* The files of a log that is there, oldest first, FILE last. The caller frees each and the list. Returns how many, or
 * -1 and a sentence: the directory cannot be read. */
__attribute__((warn_unused_result)) ssize_t audit_files(const char *path, char ***names,
							struct err *e);
void audit_files_free(char **names, size_t n);

#endif
