/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_STREAM_H
#define AWSMASK_STREAM_H
/*
 * A non-blocking connection on one loop, plain or TLS. The owner pumps: on each event it reads and
 * writes until told STREAM_AGAIN, then says with stream_want() what it still waits for.
 */
#include "../mask/buf.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

enum {
	STREAM_END = 0,	   /* the peer closed its side in order */
	STREAM_AGAIN = -1, /* nothing now, nor before the event that stream_want() waits for */
	STREAM_BROKEN =
		-2, /* reset, truncated, or a TLS error; sticky. A peer that takes no more may
			       still be read: a broken write breaks no read by itself */
};

struct stream {
	uv_poll_t poll; /* private, as all below */
	int fd;
	SSL *ssl;
	struct buf first; /* bytes read before anybody knew what they were: read once more, before
			     fd */
	int read_needs, write_needs; /* what the last read (or handshake), the last write, of TLS
					waits for: UV_READABLE, UV_WRITABLE; 0: the obvious */
	int armed;		     /* what the loop looks for */
	int wanted;		     /* what of it is to be told */
	struct ahead *ahead; /* of TLS: what was read of fd and not yet taken; NULL: nothing */
	bool drained;	     /* TLS has read all that there was: no more without an event */
	bool more;	     /* what is being written has a sequel at hand */
	struct gathered
		*gathered;   /* where records that are made wait for each other; NULL: nowhere */
	struct buf unsent;   /* made, and no room for them ... */
	size_t unsent_plain; /* ... and so much of what is to be flushed they stand for */
	bool read_broken, write_broken, closing;
	void (*on_event)(void *arg);
	void (*on_closed)(void *arg);
	void *arg;
};

/*
 * fd: a connected or connecting non-blocking socket; owned from now on. `on_event` runs from the
 * loop. 0, or -1: fd is still the caller's.
 */
__attribute__((warn_unused_result)) int stream_open(struct stream *s, uv_loop_t *loop, int fd,
						    void (*on_event)(void *arg), void *arg);
/* Whom to tell from now on. */
void stream_owner(struct stream *s, void (*on_event)(void *arg), void *arg);

/* Put bytes back, to be read before anything else (also by TLS). 0, or -1: memory is out. */
__attribute__((warn_unused_result)) int stream_unread(struct stream *s, const uint8_t *p, size_t n);

/* Speak TLS from here on; `ssl` is owned. accept: as server. 0 or -1. */
__attribute__((warn_unused_result)) int stream_tls(struct stream *s, SSL *ssl, bool accept);
/* 1: done; STREAM_AGAIN; STREAM_BROKEN (SSL_get_verify_result() may tell why). */
int stream_handshake(struct stream *s);

/* > 0: bytes moved; else one of the enum above. Write never gives STREAM_END. */
ssize_t stream_read(struct stream *s, uint8_t *p, size_t n);
/* The next one would give STREAM_AGAIN: no need to have room for it. */
bool stream_is_dry(struct stream *s);
/* Of TLS: the kernel was asked, and nothing at all has come since. Else stream_read() tells what it means. */
bool stream_is_silent(struct stream *s);
/* The same as stream_read(), but all that is there: TLS gives no more than a record at a time. */
ssize_t stream_read_much(struct stream *s, uint8_t *p, size_t n);
ssize_t stream_write(struct stream *s, const uint8_t *p, size_t n);
/* Write from the front of b until it is empty (then 1) or as above; of much, a piece at a time, so that
 * other connections have their turn (then STREAM_AGAIN). Who was told so goes on with the same bytes. */
int stream_flush(struct stream *s, struct buf *b);

/* Nobody may have waited for events: let the next read ask the kernel. */
void stream_doubt(struct stream *s);

/* Of TLS, something has come and waits: for the rest of its record, or to be read. */
bool stream_has_part(const struct stream *s);

/* What to wait for: that the last read, or write, can go on. (TLS may have to write before it can
 * read.) */
void stream_want(struct stream *s, bool readable, bool writable);

/* Close in order (close_notify and FIN) or, `abort`, with a reset. `on_closed` runs later, from the
 * loop. */
void stream_close(struct stream *s, bool abort, void (*on_closed)(void *arg), void *arg);
/* The connection is somebody else's from now on, and hears nothing of our leaving. As stream_close() otherwise. */
void stream_leave(struct stream *s, void (*on_closed)(void *arg), void *arg);

#endif
