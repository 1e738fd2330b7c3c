/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_SHEET_H
#define AWSMASKCTL_SHEET_H
/* Lines of text with a tone each, as they are shown on a screen or printed; and how things are written in them. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lines say in words what their tones say. */
enum tone { TONE_PLAIN, TONE_HEAD, TONE_GOOD, TONE_WARN, TONE_BAD, TONE_FAINT };

struct histogram;

struct sheet_line {
	enum tone tone;
	char *text;
};

/* Zero-initialised is empty. What does not fit into memory is missing. */
struct sheet {
	struct sheet_line *lines;
	size_t count, room;
	size_t head; /* the first ones, which stay when the rest is moved */
};

__attribute__((format(printf, 3, 4))) void sheet_add(struct sheet *s, enum tone tone,
						     const char *format, ...);
/* What was added so far stays. */
void sheet_head_ends(struct sheet *s);
/* Keep of the lines behind the head those that hold this. */
void sheet_filter(struct sheet *s, const char *text);
void sheet_clear(struct sheet *s);

/* How many columns of a terminal a harmless text takes. */
int text_columns(const char *text);
/* As many bytes of it as fit into so many columns. */
size_t text_cut(const char *text, int columns);
/* Append it, cut or filled to so many columns (negative: the text to the right); `to` has `size` bytes. */
void text_cell(char *to, size_t size, const char *text, int columns);

#define SHORT_MAX 24
/* "14", "1,203", "56.2k", "1.1M" ... in at most five columns. */
const char *short_count(char out[static SHORT_MAX], double n);
/* "512 B", "13.1 kB" */
const char *short_bytes(char out[static SHORT_MAX], double n);
/* "4s", "12m", "3h", "5d" */
const char *short_age(char out[static SHORT_MAX], uint64_t ms);
/* "0.05 ms", "1.2 s"; < 0: "-" */
const char *short_time(char out[static SHORT_MAX], double seconds, bool beyond);
/* The same of the time within which the share q of a histogram (rates.h) was. */
const char *short_quantile(char out[static SHORT_MAX], const struct histogram *h, double q);

#endif
