/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_STREAM_PRIVATE_H
#define AWSMASK_STREAM_PRIVATE_H
/* What stream.c (its contract) and stream_bio.c (its socket, as TLS sees it) share. */
#include "stream.h"

#define STREAM_RECORD SSL3_RT_MAX_PLAIN_LENGTH
#define GATHER_PLAIN                                                                               \
	(4 * STREAM_RECORD) /* about what one segment takes on its way through the kernel */
#define GATHER_MAX (GATHER_PLAIN + 4096)

/* Records, so that several go by one system call. */
struct gathered {
	size_t n;
	uint8_t bytes[GATHER_MAX];
};

/* As stream_read() and stream_write(), but of the socket itself, and of what was put back. */
ssize_t stream_raw_read(struct stream *s, uint8_t *p, size_t n);
ssize_t stream_raw_write(struct stream *s, const uint8_t *p, size_t n);
/* What could not be sent before: nothing may overtake it. 1, or as stream_write(). */
int stream_send_unsent(struct stream *s);

/* Records that came are ahead of TLS. */
bool stream_has_ahead(const struct stream *s);
/* Room is kept only for what is in it. */
void stream_settle_ahead(struct stream *s);
void stream_drop_ahead(struct stream *s);
/* This thread has one stream more; or less: with the last one goes what they share. */
void stream_count_in(void);
void stream_count_out(void);

/* Over the stream's own reading and writing, so that bytes put back are seen by TLS too. NULL: memory is out. */
BIO *stream_bio(struct stream *s);

#endif
