/* SPDX-License-Identifier: Apache-2.0 */
#include "http_chunk.h"

#define SIZE_DIGITS_MAX 15 /* so that a size never comes near 2^63 */

enum {
	CHUNK_SIZE,
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER_START,
	CHUNK_TRAILER,
	CHUNK_TRAILER_LF,
	CHUNK_LAST_LF,
};

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_text(uint8_t c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

/* Each step says whether the byte may stand here. */
static bool step_size(struct chunk_watch *w, uint8_t c)
{
	int d = hex_digit(c);

	if (d >= 0) {
		if (w->digits++ == SIZE_DIGITS_MAX)
			return false;
		w->left = w->left << 4 | (unsigned)d;
		return true;
	}
	if (w->digits == 0)
		return false;
	if (c == ';') {
		w->state = CHUNK_EXTENSION;
		return true;
	}
	w->state = CHUNK_SIZE_LF;
	return c == '\r';
}

static bool step_extension(struct chunk_watch *w, uint8_t c)
{
	if (c == '\r') {
		w->state = CHUNK_SIZE_LF;
		return true;
	}
	return is_text(c) && c < 0x80 && ++w->extensions <= CHUNK_EXTENSIONS_MAX;
}

static bool step_size_lf(struct chunk_watch *w, uint8_t c)
{
	w->state = w->left ? CHUNK_DATA : CHUNK_TRAILER_START;
	w->digits = 0;
	return c == '\n';
}

static bool step_trailer(struct chunk_watch *w, uint8_t c)
{
	if (++w->trailers > w->trailers_max)
		return false;
	switch (w->state) {
	case CHUNK_TRAILER_START:
		w->state = c == '\r' ? CHUNK_LAST_LF : CHUNK_TRAILER;
		/* No obs-fold, no line without a name (RFC 9112 section 5.2). */
		return c == '\r' || (is_text(c) && c != ' ' && c != '\t' && c != ':');
	case CHUNK_TRAILER:
		if (c == '\r')
			w->state = CHUNK_TRAILER_LF;
		return c == '\r' || is_text(c);
	default:
		w->state = CHUNK_TRAILER_START;
		return c == '\n';
	}
}

static bool step(struct chunk_watch *w, uint8_t c)
{
	switch (w->state) {
	case CHUNK_SIZE:
		return step_size(w, c);
	case CHUNK_EXTENSION:
		return step_extension(w, c);
	case CHUNK_SIZE_LF:
		return step_size_lf(w, c);
	case CHUNK_DATA_CR:
		w->state = CHUNK_DATA_LF;
		return c == '\r';
	case CHUNK_DATA_LF:
		w->state = CHUNK_SIZE;
		return c == '\n';
	case CHUNK_LAST_LF:
		w->done = c == '\n';
		return w->done;
	default:
		return step_trailer(w, c);
	}
}

/* The next byte is one of an extension, from its semicolon on. */
static bool in_extension(const struct chunk_watch *w, uint8_t c)
{
	return w->state == CHUNK_EXTENSION ? c != '\r'
					   : w->state == CHUNK_SIZE && w->digits && c == ';';
}

size_t chunk_watch_run(struct chunk_watch *w, const uint8_t *in, size_t n, size_t *data)
{
	size_t at = 0;

	*data = 0;
	w->extension = n && in_extension(w, in[0]);
	while (at < n && !w->bad && !w->done) {
		if (w->state == CHUNK_DATA) {
			*data = n - at < w->left ? n - at : (size_t)w->left;
			w->left -= *data;
			if (w->left == 0)
				w->state = CHUNK_DATA_CR;
			return at + *data;
		}
		if (in_extension(w, in[at]) != w->extension)
			break;
		if (!step(w, in[at])) {
			w->bad = true;
			break;
		}
		at++;
	}
	return at;
}
