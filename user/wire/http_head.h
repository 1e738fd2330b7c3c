/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_HTTP_HEAD_H
#define AWSMASK_HTTP_HEAD_H
/* Our own, strict reading of one head: what llhttp says about framing is compared with it. */
#include "http.h"

#include <strings.h>

/*
 * `p`: a whole head, its empty line included; each LF in it follows a CR and each CR precedes an
 * LF. `no_body`: whatever the fields say, no body follows (an answer to HEAD). NULL: *h is filled
 * and points into `p`. Else a sentence that says what is wrong; *h is then unspecified.
 */
__attribute__((warn_unused_result)) const char *
http_head_parse(struct http_head *h, enum http_kind kind, const char *p, size_t len, bool no_body);

/* tchar of RFC 9110 section 5.6.2 */
bool http_is_tchar(unsigned char c);

/* Whether the comma-separated value (RFC 9110 section 5.6.1) of a field of this name, of any where there are several, holds
 * this token; case-insensitive. */
bool http_find_token(const struct http_head *h, const char *name, const char *token);

/* Case-insensitive comparison with a NUL-terminated word. Mostly its length says that it is another one. */
static inline bool http_is_word(const char *p, size_t len, const char *word)
{
	return strlen(word) == len && !strncasecmp(p, word, len);
}

/* How many fields have this name. */
size_t http_count(const struct http_head *h, const char *name);

#endif
