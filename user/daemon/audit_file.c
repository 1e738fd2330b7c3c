/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_file.h"
#include "audit_files.h"
#include "state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH_MAX (64u << 20)

struct audit_file {
	struct audit_file_options options;
	char host[256];
	int fd, lock; /* -1: not open */
	bool known;   /* where the chain stands */
	bool rotated, busy;
	struct audit_chain chain;
	uint64_t first; /* seq of the file's first line; 0: it has none */
	off_t end;	/* bytes in the file */
	off_t torn;	/* of them, behind the last whole line; closed by the next one */
	char torn_hash[AUDIT_HASH_LEN + 1];
	struct buf lines;
};

struct audit_file *audit_file_new(const struct audit_file_options *options)
{
	struct audit_file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->options = *options;
	f->fd = f->lock = -1;
	buf_init(&f->lines, BATCH_MAX);
	audit_chain_begin(&f->chain);
	if (gethostname(f->host, sizeof(f->host) - 1) < 0)
		f->host[0] = 0;
	return f;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void audit_file_free(struct audit_file *f)
{
	if (!f)
		return;
	close_fd(&f->fd);
	close_fd(&f->lock);
	buf_free(&f->lines);
	free(f);
}

const struct audit_chain *audit_file_chain(const struct audit_file *f)
{
	return &f->chain;
}

const struct buf *audit_file_lines(const struct audit_file *f)
{
	return &f->lines;
}

bool audit_file_rotated(struct audit_file *f)
{
	bool rotated = f->rotated;

	f->rotated = false;
	return rotated;
}

bool audit_file_busy(const struct audit_file *f)
{
	return f->busy;
}

static int failed(const struct audit_file *f, const char *what, struct err *e)
{
	return err_set(e, "%s: the audit log cannot be %s: %s", f->options.path, what,
		       strerror(errno));
}

/* ---- opening: who holds the lock, and where the chain stands */

static int take_lock(struct audit_file *f, struct err *e)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[sizeof(f->options.path) + sizeof(AUDIT_LOCK_SUFFIX)];

	if (f->lock >= 0)
		return 0;
	if (state_dir_make(f->options.path, 0, 0700, e) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s%s", f->options.path, AUDIT_LOCK_SUFFIX);
	f->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->lock < 0)
		return failed(f, "locked", e);
	f->busy = fcntl(f->lock, F_OFD_SETLK, &whole) < 0;
	if (!f->busy)
		return 0;
	close_fd(&f->lock);
	return err_set(e, "%s: another awsmaskd still writes this audit log", f->options.path);
}

/* The last whole line of the one before FILE, or of FILE: 1, 0: it has none, -1. */
static int find_chain(const char *path, struct audit_tail *tail)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	r = audit_tail(fd, tail);
	close(fd);
	return r;
}

/* FILE is empty: the chain goes on from the youngest of those before it that has a line. */
static int find_earlier(struct audit_file *f, struct err *e)
{
	struct audit_tail tail = {.torn = 0};
	char **names;
	ssize_t n = audit_files(f->options.path, &names, e);
	int r = 0;

	if (n < 0)
		return -1;
	for (ssize_t i = n; i-- > 0 && r == 0;)
		r = find_chain(names[i], &tail);
	audit_files_free(names, (size_t)n);
	if (r < 0)
		return failed(f, "read", e);
	if (r == 1)
		f->chain = tail.chain;
	return 0;
}

static int find_end(struct audit_file *f, struct err *e)
{
	struct audit_tail tail = {.torn = 0};
	struct audit_chain before = f->chain;
	int r = audit_tail(f->fd, &tail);

	if (r < 0)
		return failed(f, "read", e);
	f->end = tail.end;
	f->torn = tail.torn;
	memcpy(f->torn_hash, tail.torn_hash, sizeof(f->torn_hash));
	f->first = tail.first;
	/* Of what was there before us we know nothing else; of our own we know it, whatever was done to the file. */
	if (f->known) {
		f->chain = before;
		return 0;
	}
	if (r == 1)
		f->chain = tail.chain;
	else if (find_earlier(f, e) < 0)
		return -1;
	f->known = true;
	return 0;
}

static bool is_there(const struct audit_file *f)
{
	struct stat ours, theirs;

	return f->fd >= 0 && fstat(f->fd, &ours) == 0 && stat(f->options.path, &theirs) == 0 &&
	       ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev &&
	       ours.st_size == f->end;
}

static int ready(struct audit_file *f, struct err *e)
{
	if (take_lock(f, e) < 0)
		return -1;
	if (is_there(f))
		return 0;
	close_fd(&f->fd);
	f->fd = open(f->options.path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd < 0)
		return failed(f, "opened", e);
	if (find_end(f, e) == 0)
		return 0;
	close_fd(&f->fd);
	return -1;
}

/* ---- another file */

static void prune(const struct audit_file *f)
{
	struct err ignored; /* they are looked for again after the next file */
	char **names;
	ssize_t n = audit_files(f->options.path, &names, &ignored);

	if (n < 0)
		return;
	/* The last one is FILE. */
	for (size_t i = 0; i + 1 + f->options.keep < (size_t)n; i++)
		unlink(names[i]);
	audit_files_free(names, (size_t)n);
}

/* Whether a file that is full can be moved or not, what comes is written: to it, if need be. */
static int rotate(struct audit_file *f, struct err *e)
{
	char to[sizeof(f->options.path) + 32];

	if ((size_t)f->end < f->options.size || !f->first || f->torn)
		return 0;
	snprintf(to, sizeof(to), "%s.%0*llu", f->options.path, AUDIT_SUFFIX_DIGITS,
		 (unsigned long long)f->first);
	if (fdatasync(f->fd) < 0 || rename(f->options.path, to) < 0)
		return failed(f, "moved aside", e);
	close_fd(&f->fd);
	f->rotated = true;
	if (ready(f, e) < 0)
		return -1;
	if (state_dir_sync(f->options.path) < 0)
		return failed(f, "moved aside", e);
	prune(f);
	return 0;
}

/* ---- appending */

static int compose(struct audit_file *f, struct audit_chain *c, const struct audit_record *records,
		   size_t n, uint64_t lost, size_t *ends)
{
	struct audit_line_facts facts = {.host = f->host};
	struct audit_record torn;

	buf_clear(&f->lines);
	if (f->torn) {
		audit_begin(&torn, AUDIT_TORN, AUDIT_NONE);
		audit_number(&torn, AUDIT_BYTES, (uint64_t)f->torn);
		facts.sha256 = f->torn_hash;
		if (buf_puts(&f->lines, "\n") < 0 || audit_line(c, &torn, &facts, &f->lines) < 0)
			return -1;
		facts.sha256 = NULL;
	}
	facts.lost = lost;
	for (size_t i = 0; i < n; i++) {
		if (audit_line(c, &records[i], &facts, &f->lines) < 0)
			return -1;
		ends[i] = buf_len(&f->lines);
		facts.lost = 0;
	}
	return 0;
}

static size_t write_lines(struct audit_file *f)
{
	size_t done = 0, len = buf_len(&f->lines);

	while (done < len) {
		ssize_t w = write(f->fd, buf_bytes(&f->lines) + done, len - done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			break;
		done += (size_t)w;
	}
	return done;
}

/* What went wrong is found in the file itself, and so is the chain's end. */
static size_t append_failed(struct audit_file *f, const size_t *ends, size_t n, size_t bytes,
			    struct err *e)
{
	size_t whole = 0;

	(void)failed(f, "written", e);
	while (whole < n && ends[whole] <= bytes)
		whole++;
	close_fd(&f->fd);
	f->known = false;
	buf_truncate(&f->lines, whole ? ends[whole - 1] : 0);
	return whole;
}

size_t audit_file_append(struct audit_file *f, const struct audit_record *records, size_t n,
			 uint64_t lost, struct err *e)
{
	size_t *ends = calloc(n ? n : 1, sizeof(*ends)), written = 0, bytes;
	struct audit_chain c;

	buf_clear(&f->lines);
	if (!ends) {
		err_set(e, "memory is out");
		return 0;
	}
	if (ready(f, e) < 0 || rotate(f, e) < 0)
		goto out;
	c = f->chain;
	if (compose(f, &c, records, n, lost, ends) < 0) {
		buf_clear(&f->lines);
		err_set(e, "memory is out");
		goto out;
	}
	bytes = write_lines(f);
	if (bytes < buf_len(&f->lines)) {
		written = append_failed(f, ends, n, bytes, e);
		goto out;
	}
	if (!f->first)
		f->first = f->chain.seq + 1;
	f->chain = c;
	f->end += (off_t)bytes;
	f->torn = 0;
	written = n;
out:
	free(ends);
	return written;
}

int audit_file_sync(struct audit_file *f, struct err *e)
{
	return f->fd < 0 || fdatasync(f->fd) == 0 ? 0 : failed(f, "synced", e);
}
