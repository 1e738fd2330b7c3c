/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_BOARD_H
#define AWSMASK_BOARD_H
/*
 * Which flows there are, and what each is doing: for people who look at a running awsmask. Facts and counts,
 * never values (I8).
 *
 * It stands in memory that every worker maps (shared.h): each writes its own flows there as it goes along, and the
 * one that answers awsmaskctl reads all of them, those of workers that drain included, without asking anybody or
 * making anybody wait. Who reads takes nothing for granted: a worker may be somebody else's by now.
 *
 * A worker holds a lock on its byte of the memory's file for as long as it lives, so the kernel tells who is
 * there: what a dead one left is not read, and is taken off when its place is taken.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BOARD_FLOWS 16384 /* beyond, they are just not shown */
#define BOARD_WORKERS 64

#define BOARD_DOINGS(X)                                                                            \
	/* name, word: what a flow is doing */                                                     \
	X(SNIFF, "sniffing")	  /* the first bytes are awaited */                                \
	X(TUNNEL, "tunnelling")	  /* the client's own proxy is asked */                            \
	X(CONNECT, "connecting")  /* to where it is passed through */                              \
	X(PASS, "passing")	  /* bytes go through unopened */                                  \
	X(PREPARE, "preparing")	  /* its vault is opened, its certificate made */                  \
	X(HANDSHAKE, "handshake") /* TLS with the client */                                        \
	X(IDLE, "idle")		  /* between two requests */                                       \
	X(READ, "reading")	  /* a request comes */                                            \
	X(MASK, "masking")	  /* it is scanned */                                              \
	X(STORE, "storing")	  /* new placeholders are being committed */                       \
	X(WAIT, "waiting")	  /* for the origin's answer */                                    \
	X(STREAM, "streaming")	  /* events of the answer come */                                  \
	X(ANSWER, "answering")	  /* the answer comes, or goes to the client */                    \
	X(CLOSE, "closing")	  /* last words are on their way */

enum board_doing {
#define X(name, word) BOARD_##name,
	BOARD_DOINGS(X)
#undef X
		BOARD_DOING_COUNT
};
const char *board_word(enum board_doing doing);

/* What seldom changes. Texts end with a NUL, and are cut where they do not fit. */
struct board_text {
	uint64_t id;	      /* given by board_enter(); never twice */
	uint64_t accepted_ms; /* CLOCK_MONOTONIC */
	uint32_t worker;      /* index; given by board_enter() */
	uint32_t uid, pid, program, port, observe;
	char comm[16], container[64];
	char cgroup[160]; /* a longer path's end */
	char target[128]; /* "": not known yet */
};

/* What changes all the time. */
struct board_motion {
	uint32_t doing;	   /* enum board_doing */
	uint64_t since_ms; /* it has been doing that */
	uint64_t request_bytes, answer_bytes, spliced_bytes;
	uint64_t requests, masked, restored;
};

struct board_flow {
	struct board_text text;
	struct board_motion motion;
};

struct board_worker {
	pid_t pid;
	bool draining;
	uint64_t started_ms; /* CLOCK_MONOTONIC */
	unsigned flows;
};

/* The monitor's: a descriptor, or -1 and errno; and whether it is one of this version. */
__attribute__((warn_unused_result)) int board_make(void);
bool board_is_ours(int fd);

/* A worker's. */
struct board;

/* Map it, and take a place among the workers. fd is owned from now on; it must be the only one of its kind in this
 * process. NULL: memory is out, or the places are. */
__attribute__((warn_unused_result)) struct board *board_open(int fd, uint64_t now_ms);
void board_close(struct board *b); /* may be NULL */
/* This worker accepts no more. */
void board_drain(struct board *b);

/* Any thread. Put a flow there; the id and the worker of `text` are filled in. Its place, or 0 when there is none, or
 * no board (NULL); 0 is a place of which nothing is shown. */
unsigned board_enter(struct board *b, struct board_text *text, const struct board_motion *motion);
/* It is known now where it goes. */
void board_target(struct board *b, unsigned place, const char *target);
void board_move(struct board *b, unsigned place, const struct board_motion *motion);
void board_leave(struct board *b, unsigned place);

/* Any thread: who is there. Index i is that of a flow's worker, pid 0: nobody. `flows` is not counted yet. */
void board_workers(const struct board *b, struct board_worker out[static BOARD_WORKERS]);
/* Count each worker's flows. Returns how many there are. */
unsigned board_tally(const struct board *b, struct board_worker workers[static BOARD_WORKERS]);
/* The first flow of one of these at *at or behind it; false: there is none. *at is where it stood, from 0 on. Texts
 * end with a NUL; numbers may be anything. */
bool board_read(const struct board *b, const struct board_worker workers[static BOARD_WORKERS],
		unsigned *at, struct board_flow *out);

#endif
