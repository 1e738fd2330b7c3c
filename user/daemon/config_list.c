/* SPDX-License-Identifier: Apache-2.0 */
#include "config_list.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)64 * 1024)

bool list_value_fits(const uint8_t *value, size_t len)
{
	return len >= KNOWN_LEAST && len <= KNOWN_MAX && known_stops(value, len) <= KNOWN_STOPS;
}

size_t list_files(const struct config *c, const struct config_list *files[static LIST_FILES_MAX])
{
	size_t n = 0;

	if (c->allow.file[0])
		files[n++] = &c->allow;
	for (size_t i = 0; i < c->type_count && n < LIST_FILES_MAX; i++)
		if (c->types[i].list.file[0])
			files[n++] = &c->types[i].list;
	return n;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int wrong_line(const char *path, size_t line, const uint8_t *p, size_t len, struct err *e)
{
	if (memchr(p, 0, len))
		return err_set(e, "%s:%zu: the line holds a NUL byte; write text, a value a line",
			       path, line);
	return err_set(
		e,
		"%s:%zu: the value has %zu bytes; write %d to %d bytes and at most %d words, "
		"or put a # before it",
		path, line, len, KNOWN_LEAST, KNOWN_MAX, KNOWN_STOPS);
}

int list_parse(const char *path, const uint8_t *text, size_t len,
	       int (*each)(void *arg, const uint8_t *value, size_t len), void *arg, struct err *e)
{
	const uint8_t *end = text + len, *lf;

	for (size_t line = 1; text < end; line++, text = lf + 1) {
		const uint8_t *from = text, *to;

		lf = memchr(text, '\n', (size_t)(end - text));
		if (!lf)
			lf = end;
		for (to = lf; from < to && is_blank(*from);)
			from++;
		while (to > from && is_blank(to[-1]))
			to--;
		len = (size_t)(to - from);
		if (!len || *from == '#')
			continue;
		if (memchr(from, 0, len) || !list_value_fits(from, len))
			return wrong_line(path, line, from, len, e);
		if (each && each(arg, from, len) < 0)
			return err_set(e, "%s: memory is out", path);
		if (lf == end)
			break;
	}
	return 0;
}

static int read_file(const char *path, struct buf *out, struct err *e)
{
	size_t before = buf_len(out);
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return err_set(e, "%s: cannot be opened: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(e, "%s: is not a regular file; write one, with a value a line",
			       path);
	}
	for (;;) {
		uint8_t *room = buf_reserve(out, PIECE);
		ssize_t n = room ? read(fd, room, PIECE) : -1;

		if (n < 0 && room && errno == EINTR)
			continue;
		if (n < 0)
			err_set(e, "%s: cannot be read: %s", path,
				room ? strerror(errno) : "memory is out");
		if (n <= 0) {
			close(fd);
			return n < 0 ? -1 : 0;
		}
		buf_grew(out, (size_t)n);
		if (buf_len(out) - before > LIST_FILE_MAX) {
			close(fd);
			return err_set(e, "%s: is larger than 16 MiB; write fewer values", path);
		}
	}
}

/* Its length, then its bytes. */
static int append_file(const char *path, struct buf *out, struct err *e)
{
	size_t before = buf_len(out);
	uint64_t len = 0;

	if (buf_append(out, &len, sizeof(len)) < 0)
		return err_set(e, "%s: memory is out", path);
	if (read_file(path, out, e) < 0)
		return -1;
	len = buf_len(out) - before - sizeof(len);
	memcpy(out->data + out->head + before, &len, sizeof(len));
	return list_parse(path, buf_bytes(out) + before + sizeof(len), len, NULL, NULL, e);
}

int list_read_all(const struct config *c, struct buf *out, struct err *e)
{
	const struct config_list *files[LIST_FILES_MAX];
	size_t n = list_files(c, files), before = buf_len(out);

	for (size_t i = 0; i < n; i++) {
		if (append_file(files[i]->file, out, e) < 0) {
			buf_truncate(out, before);
			return -1;
		}
	}
	return 0;
}

int list_next(const struct buf *content, size_t *at, const uint8_t **text, size_t *len)
{
	size_t left = buf_len(content) - *at;
	uint64_t size;

	if (!left)
		return 0;
	if (left < sizeof(size))
		return -1;
	memcpy(&size, buf_bytes(content) + *at, sizeof(size));
	if (size > left - sizeof(size))
		return -1;
	*text = buf_bytes(content) + *at + sizeof(size);
	*len = size;
	*at += sizeof(size) + size;
	return 1;
}
