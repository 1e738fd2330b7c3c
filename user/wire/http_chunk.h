/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_HTTP_CHUNK_H
#define AWSMASK_HTTP_CHUNK_H
/*
 * The chunked coding (RFC 9112 section 7.1), byte by byte and to the letter: each line ends with
 * CRLF, sizes are plain hex, extensions and trailers are bounded. It watches what llhttp is given:
 * not the extensions, of which llhttp takes fewer forms than there are, and which mean nothing to us.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNK_EXTENSIONS_MAX 4096 /* bytes of a message */

struct chunk_watch {
	unsigned char state; /* private; 0 is the start */
	bool bad;
	bool done;	/* the last byte of the message was passed */
	bool extension; /* what was passed is an extension, or a part of one, and nothing else */
	unsigned digits;
	uint64_t left; /* of the chunk at hand */
	size_t extensions, trailers, trailers_max;
};

/*
 * Pass bytes until the end of `in`, of a run of data, of an extension or what stands before it, or
 * of the message. Returns how many; the last *data of them are chunk data. Fewer than n and neither data nor done: w->bad is set.
 */
size_t chunk_watch_run(struct chunk_watch *w, const uint8_t *in, size_t n, size_t *data);

#endif
