/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONFIG_LIST_H
#define AWSMASK_CONFIG_LIST_H
/*
 * The files of the configuration's lists: a value a line, blanks around it left out; empty lines and
 * those that begin with # mean nothing. Errors name file and line, never what stands there.
 */
#include "../mask/buf.h"
#include "config.h"

#define LIST_FILE_MAX ((size_t)16 << 20)
/* Of one configuration: `allow` and each own type. */
#define LIST_FILES_MAX (1 + TYPES_CONFIGURED_MAX)

/* Can it be looked for? */
bool list_value_fits(const uint8_t *value, size_t len);

/* The lists that have a file, `allow` first; returns how many. */
size_t list_files(const struct config *c, const struct config_list *files[static LIST_FILES_MAX]);

/*
 * Call `each` (NULL: nobody) with every value of a file's content. 0, or -1: a line is wrong, or
 * `each` said so by -1, which means that memory is out.
 */
__attribute__((warn_unused_result)) int
list_parse(const char *path, const uint8_t *text, size_t len,
	   int (*each)(void *arg, const uint8_t *value, size_t len), void *arg, struct err *e);

/*
 * Append the content of all of the configuration's lists' files, each checked: what the monitor hands
 * to the worker. 0, or -1 and a sentence that names the file; then nothing was appended.
 */
__attribute__((warn_unused_result)) int list_read_all(const struct config *c, struct buf *out,
						      struct err *e);
/* The next file of such content. 1, 0: that was all, -1: it is not such content. */
int list_next(const struct buf *content, size_t *at, const uint8_t **text, size_t *len);

#endif
