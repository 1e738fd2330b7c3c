/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_REQUESTS_H
#define AWSMASK_REQUESTS_H
/*
 * The client's bytes on a plain HTTP/1 connection that is passed through: they stay as they are, but
 * no byte of a head goes on before its owner has seen the whole of it. A connection that began with
 * one host may name another one in any later request.
 */
#include "http.h"

struct requests;

__attribute__((warn_unused_result)) struct requests *requests_new(size_t head_max);
void requests_free(struct requests *r);

enum requests_event {
	REQUESTS_MORE, /* everything given was taken */
	REQUESTS_HEAD, /* a head is whole, and withheld: judge requests_head(), then requests_pass() */
	REQUESTS_END,	      /* that request is complete: the next byte begins another */
	REQUESTS_BROKEN = -1, /* its framing could be argued about, or memory is out; sticky */
};

/*
 * Take bytes; what may go on is appended to `out`. Returns at the first event; *used says how many
 * bytes were taken. Any split of the input gives the same events and the same bytes.
 */
enum requests_event requests_feed(struct requests *r, const uint8_t *in, size_t n, size_t *used,
				  struct buf *out);
/* From REQUESTS_HEAD until its REQUESTS_END. */
const struct http_head *requests_head(const struct requests *r);
/* The head may go on. 0, or -1: memory is out. */
__attribute__((warn_unused_result)) int requests_pass(struct requests *r, struct buf *out);

#endif
