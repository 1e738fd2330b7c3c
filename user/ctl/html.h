/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_HTML_H
#define AWSMASKCTL_HTML_H
/*
 * Writing a page that is well-formed both as HTML and as XML. Every text that this program did not
 * write itself goes through html_text() or html_name(). What could not be written shows in ferror().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Into content, or an attribute in quotes. Controls, what is no UTF-8, and what turns text round or
 * hides in it come out as U+FFFD. */
void html_text(FILE *out, const char *text);
/* The same, in at most so many characters: the middle is left out, for a name's end tells more. */
void html_name(FILE *out, const char *text, size_t most);

void html_count(FILE *out, uint64_t n);			/* 1,234,567 */
void html_share(FILE *out, uint64_t part, uint64_t of); /* 12.3%; never 0 or 100 if it is not */
/* At most five characters: 999, 1.2k, 34M. */
const char *html_compact(uint64_t n, char text[static 8]);
/* "1 request", "2,000 requests" */
void html_many(FILE *out, uint64_t n, const char *one, const char *many);

/* A table: its caption, its heads ("name|#count|...": # for numbers, which stand on the right), cells,
 * rows. `id` may be NULL. */
void html_table(FILE *out, const char *id, const char *caption, const char *heads);
/* One more head of a number, whatever its name holds. */
void html_head_add(char *heads, size_t size, const char *name);
void html_row(FILE *out, const char *name);		     /* begins one; the name is its head */
void html_row_others(FILE *out, size_t n, const char *many); /* the head says: n others */
void html_cell_count(FILE *out, uint64_t n);
void html_cell_share(FILE *out, uint64_t part, uint64_t of);
void html_cell_text(FILE *out, const char *text);
void html_row_end(FILE *out);
void html_table_end(FILE *out);

/* A table behind a plot, folded: what is written between them is inside. */
void html_fold(FILE *out, const char *summary);
void html_fold_end(FILE *out);

#endif
