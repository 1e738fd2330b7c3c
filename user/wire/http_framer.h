/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_HTTP_FRAMER_H
#define AWSMASK_HTTP_FRAMER_H
/* llhttp behind a door of its own, for its names and ours collide. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_framer;

__attribute__((warn_unused_result)) struct http_framer *http_framer_new(bool response);
void http_framer_free(struct http_framer *f);

/* Begin a message. */
void http_framer_begin(struct http_framer *f);

/*
 * Give it bytes that hold at most one run of body data, at their end. *data is that run's length.
 * -1: llhttp does not accept them, or not all of them, or saw the data elsewhere.
 */
__attribute__((warn_unused_result)) int http_framer_run(struct http_framer *f, const uint8_t *in,
							size_t n, size_t *data);

/* Give it a whole head. `no_body`: whatever the head says, no body follows. 0, or -1 as above. */
__attribute__((warn_unused_result)) int http_framer_head(struct http_framer *f, const uint8_t *in,
							 size_t n, bool no_body);

/* After the head: how llhttp goes on. */
bool http_framer_ended(const struct http_framer *f);
bool http_framer_chunked(const struct http_framer *f);
uint64_t http_framer_length(const struct http_framer *f);

#endif
