/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONN_PRIVATE_H
#define AWSMASK_CONN_PRIVATE_H
/* What the parts of a connection share: conn.c (life), conn_flow.c and identity.h (whose), conn_route.c (what,
 * where to), conn_watch.c (plain HTTP that is passed through), conn_prepare.c (vault, certificate and TLS),
 * conn_open.c (requests), conn_count.c (what is counted of them), conn_audit.c (what is recorded),
 * conn_show.c (what is shown of all that). */
#include "conn.h"
#include "identity.h"
#include "log.h"
#include "splice.h"

#include "../wire/requests.h"

#define CONN_SNIFF_MS 15000
#define CONN_IN_MAX (128 * 1024) /* client bytes that wait to be taken */

/* A plain HTTP connection that is passed through (conn_watch.c). */
enum watch_state {
	WATCH_NONE,	/* this connection is none */
	WATCH_REQUESTS, /* each head is judged before it goes on */
	WATCH_ASKING,	/* the first request wants another protocol and is on its way */
	WATCH_WAITING,	/* ... has gone whole; nothing more goes before its answer has begun */
	WATCH_SWITCHED, /* ... and got it: no more requests, this host's bytes */
	WATCH_REFUSED,	/* a request is not for here: answers that are due, then our words */
};

struct conn_watch {
	enum watch_state state;
	struct requests *requests;
	uint64_t passed;    /* heads that went on */
	uint8_t answer[12]; /* its first bytes, up to the status */
	size_t answer_len;
};

struct conn {
	struct conn *next, *previous; /* of the thread */
	struct worker_thread *thread;
	enum conn_state state;
	enum conn_door door;
	struct stream client;
	uv_timer_t deadline;
	uint64_t due_ms, wait_ms; /* its time, and how long that was ... */
	uint64_t rings_ms;	  /* ... and when the loop looks at it: not later; 0: never */
	uv_timer_t soon;	  /* the pump has more to do, after others */
	unsigned handles;	  /* open ones: client, deadline, soon, work */

	struct flow_record flow;
	uint32_t ticket; /* of the question to the monitor, 0: none */
	struct leaf_wait leaf;
	uv_work_t work; /* opening the scope, scanning, reserving */
	void (*after_work)(struct conn *c);
	bool working;		/* the exchange is another thread's */
	bool left;		/* so is the connection: another process's */
	struct conn *next_scan; /* who waits behind it */
	struct vault_scope *scope;
	struct scope_use *use; /* the scope's account; NULL: it has too many connections */
	size_t held;	       /* what of it is ours */
	struct identity who;   /* from CONN_SNIFF on */
	bool known;	       /* it could be made */
	int reserved;	       /* what reserve() said */

	char host[256];	     /* lower case; as routed */
	char authority[256]; /* of CONNECT; "": none */
	uint16_t port;	     /* the same; 0: the flow's */
	bool tls;	     /* the client speaks TLS to us */
	bool tunnelled;	     /* inside a CONNECT whose authority was a target */
	bool connect_done;
	struct buf connect_head; /* repeated towards the client's proxy; empty: none */

	struct buf in; /* client bytes read and not yet taken */
	bool ended;    /* the client sends no more; it may still listen */
	struct exchange *exchange;
	struct origin *origin;
	bool origin_needs_tls; /* a tunnel, still plain */
	bool origin_waited;   /* it stood before there was a request: its proxy may have ended it */
	uint64_t asked_ms;    /* when the request that is being read began; 0: none is */
	uint64_t complete_ns; /* when the request had come whole; 0: it has not, or has gone on */
	uint64_t awaited_ns; /* the same, until the first event of its answer; 0: none is awaited */
	uint64_t counted;    /* requests whose facts went into the counters */
	uint64_t events;     /* of the answer at hand that were counted */
	uint64_t told;	     /* requests whose findings went into the log, if there was reason */
	bool fresh;	     /* the pool has disappointed this request once */
	bool on_origin;	     /* the exchange was waiting for the origin when last looked at */
	bool idle;	     /* nobody has asked for anything */
	bool rested;	     /* ... for a while */
	unsigned place;	     /* on the board; 0: none */
	bool target_shown;   /* there */
	bool storing;	     /* what another thread does: new placeholders are committed */
	uint64_t accepted_ns;
	uint64_t begun_ns; /* when the first byte of the request was read; 0: none is begun */
	uint64_t added_ns; /* between its last byte and its first one to the origin; 0: not known */
	bool told_flow;	   /* it has a record of its own */
	struct board_motion shown; /* there; the sums are of requests that were counted */
	struct splicer *splicer;
	uint64_t moved, moved_before; /* bytes passed through; until conn_cut_silent() looked */
	struct conn_watch watch;
};

/* The one pump: goes as far as the state allows; called after every event. */
void conn_pump(void *arg);
void conn_move(struct conn *c, enum conn_state to);
void conn_close(struct conn *c, bool abort);
void conn_deadline(struct conn *c, uint64_t ms); /* 0: none */
/* Its exchange is not needed any more. */
void conn_forget_exchange(struct conn *c);
/* Nobody has asked for anything for a while. */
void conn_rest(struct conn *c);
/* Read what fits into c->in. As stream_read(): > 0 something came. */
ssize_t conn_fill(struct conn *c);
void conn_refused(struct conn *c, const char *why); /* count and say it; why: static */

/* Each returns true when something happened, so that the pump goes round again. */
bool conn_sniff(struct conn *c);
bool conn_tunnel(struct conn *c);
bool conn_dial(struct conn *c);
bool conn_splice(struct conn *c);
bool conn_handshake(struct conn *c);
bool conn_exchange(struct conn *c);

/* The client's last words from us, in its own protocol; then LINGER. Each returns true. */
bool conn_refuse_tls(struct conn *c, const char *why);
bool conn_refuse_http(struct conn *c, const char *why);

/* From now on a plain HTTP connection: what is passed through is watched. -1: memory is out. */
__attribute__((warn_unused_result)) int conn_watch_begin(struct conn *c);
void conn_watch_end(struct conn *c);
/* The splicer between client and origin, with gates where the connection is watched. */
struct splicer *conn_splicer(struct conn *c);
/* Does this head name a target, or a model's host that is not masked, in its request-target or in its Host? 1, 0,
 * or -1: it names no host that could be read. `host`: the one it names; it decides when both are none. */
int conn_head_host(const struct conn *c, const struct http_head *h, char host[static 256]);

/* Of an accepted connection; whatever follows closes it. NULL: it was refused, and is closed. */
struct conn *conn_new(struct worker_thread *t, int fd, enum conn_door door, uint64_t netns_cookie);
void conn_ask_flow(struct conn *c);
/* While draining: what its next request needs of the monitor is asked for now. */
void conn_reserve_origin(struct conn *c);
/* c->flow is known. */
void conn_flow_known(struct conn *c);
/* The monitor is gone and had not answered: another worker gets it, or its client hears that there is none. */
void conn_unanswered(struct conn *c);
/* A line of the log about this connection: who it is, and then these fields. */
#define conn_log(c, level, event, ...)                                                             \
	identity_log(&(c)->who, level, event, (const struct log_field[]){__VA_ARGS__},             \
		     sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
/* Whether requests are only looked at. */
bool conn_observes(const struct conn *c);
/* Events of a stream are counted while it lasts. */
void conn_count_events(struct conn *c);
/* The request at hand has come to its end: into the counters, the report and the log. */
void conn_count(struct conn *c);
/* What became of a connection, into the report; why: static. */
void conn_count_connection(struct conn *c, enum report_outcome outcome, const char *why);
/* It goes to the origin: what was observed in it into the log, once. */
void conn_tell(struct conn *c);
/* Its records (audit_send.h): of the request that has come to its end; of the connection, once. */
void conn_audit_request(struct conn *c);
void conn_audit_flow(struct conn *c, enum audit_verdict verdict, const char *why);
void conn_prepare(struct conn *c); /* c->host is a target: open it */
void conn_place(const struct conn *c, struct origin_place *place);
/* What c->host is called where others may read it (config_host_name()), or "other". */
const char *conn_host_name(const struct conn *c);
/* How things stand, for who looks at the board. */
void conn_show(struct conn *c);
/* A request was counted: add it to what is shown. */
void conn_show_counted(struct conn *c, uint64_t masked);
/* It is no more. */
void conn_hide(struct conn *c);
/* Run work on another thread; `after` in the loop, unless the connection was closed meanwhile. */
void conn_work(struct conn *c, uv_work_cb work, void (*after)(struct conn *c));

/* Nothing more of its request has come: meanwhile what has, if nobody waits for that. */
void conn_scan_ahead(struct conn *c);
/* A request is to be scanned when it is its turn. The pump goes on after it. */
void conn_scan(struct conn *c);
/* It does not wait for that any more. */
void conn_scan_forget(struct conn *c);
/* Its work on another thread is over: if that was a scan, the next one's turn has come. */
void conn_scan_over(struct conn *c);

#endif
