/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CODING_H
#define AWSMASK_CODING_H
/* Content codings (RFC 9110 section 8.4) that can be undone: gzip and deflate, within
 * bounds: whole bodies with libdeflate, what comes in pieces with zlib. Whole bodies are coded by ISA-L. */
#include "../mask/buf.h"
#include "../mask/memo.h"

enum coding {
	CODING_IDENTITY,
	CODING_GZIP,
	CODING_DEFLATE, /* zlib wrapped (RFC 1950) */
	CODING_UNKNOWN, /* br, zstd, a list of codings ... */
};

/* The coding that a Content-Encoding value names; empty and "identity" are CODING_IDENTITY. */
enum coding coding_of(const char *value, size_t len);

/* zlib's memory comes from one bounded arena inside. */
struct inflater;
__attribute__((warn_unused_result)) struct inflater *inflater_new(enum coding c);
void inflater_free(struct inflater *i);
/*
 * Append what `in` decodes to. 1: the coded stream ended with these bytes; trailing bytes after it
 * are an error (one gzip member is what clients send; several are accepted). 0: needs more. -1:
 * corrupt, or `out` would grow over its max (a bomb). Sticky.
 */
__attribute__((warn_unused_result)) int inflater_feed(struct inflater *i, const uint8_t *in,
						      size_t n, struct buf *out);

/*
 * Append what `in` decodes to, all of a coded stream, to the same end as an inflater that is fed
 * with it. 0, or -1: corrupt, cut off, followed by something else, or `out` would grow over its
 * max.
 */
__attribute__((warn_unused_result)) int inflate_all(enum coding c, const uint8_t *in, size_t n,
						    struct buf *out);

/*
 * Append `in`, coded, as one stream: quickly rather than small. With a memo each 64 KiB of it are coded for themselves, and
 * what comes of them is remembered as this owner's: two per cent more bytes, and much less work the next time. NULL: nothing is.
 * 0, or -1: out is full, memory is out, or `in` has 4 GiB.
 */
__attribute__((warn_unused_result)) int deflate_all(enum coding c, const uint8_t *in, size_t n,
						    struct memo *memo, const void *owner,
						    struct buf *out);
#endif
