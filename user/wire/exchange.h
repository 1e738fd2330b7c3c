/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_EXCHANGE_H
#define AWSMASK_EXCHANGE_H
/*
 * One client connection to one target, bytes in and bytes out: requests are masked, answers
 * restored. No sockets, no clock, no threads. The owner moves bytes between here and its sockets,
 * does the one thing that may block (reserve), and is told by exchange_want() what the exchange
 * waits for.
 *
 * Life of one request:
 *	READ	 feed client bytes -> whole request, scanned; what has come of it, perhaps, before that
 *		 (exchange_scan_ahead())
 *	SCAN	 instead, of a large body: the owner calls exchange_scan() where it may take its time
 *	RESERVE	 the owner calls ops->reserve(exchange_pending()) where it may block, then
 *		 exchange_reserved()
 *	ORIGIN	 the owner gets an origin connection, writes exchange_to_origin() out, feeds origin
 *		 bytes (also before all is written), writes exchange_to_client() out
 *	READ	 again (keep-alive), or CLOSE once exchange_to_client() is written
 * Refusals put the error answer into exchange_to_client() and go to READ or CLOSE without an
 * origin.
 */
#include "../mask/json_path.h"
#include "../mask/mask.h"
#include "../mask/unmask.h"
#include "../mask/usage.h"
#include "http.h"

/* Why a request is refused: machine word, HTTP status, error type as in Anthropic's error JSON,
 * sentence, in which ${type} is the label of the type that policy blocks. */
#define EXCHANGE_REFUSALS(X)                                                                       \
	X(MALFORMED, "malformed", 400, "invalid_request_error",                                    \
	  "awsmask refused this request: it is not well-formed HTTP.")                             \
	X(HEAD_TOO_LARGE, "head-too-large", 431, "invalid_request_error",                          \
	  "awsmask refused this request: its header is larger than the limit of 64 KiB.")          \
	X(BODY_TOO_LARGE, "body-too-large", 413, "request_too_large",                              \
	  "awsmask refused this request: its body is larger than the configured limit "            \
	  "(limits.body).")                                                                        \
	X(CODING, "content-encoding", 400, "invalid_request_error",                                \
	  "awsmask refused this request: its Content-Encoding is none that awsmask can undo, so "  \
	  "nothing "                                                                               \
	  "in it could be masked. Send it uncompressed, or with gzip.")                            \
	X(NOT_JSON, "not-json", 400, "invalid_request_error",                                      \
	  "awsmask refused this request: its Content-Type says JSON but its body is not JSON.")    \
	X(NOT_MULTIPART, "not-multipart", 400, "invalid_request_error",                            \
	  "awsmask refused this request: its Content-Type says multipart but its body is not.")    \
	X(BINARY, "binary", 400, "invalid_request_error",                                          \
	  "awsmask refused this upload: it holds binary data in which AWS identifiers cannot be "  \
	  "masked. "                                                                               \
	  "Upload text, or ask your administrator about awsmask's policy for binary uploads.")     \
	X(MATCH_LIMIT, "match-limit", 400, "invalid_request_error",                                \
	  "awsmask refused this request: to look for identifiers in its text takes more steps "    \
	  "than it may, for the text repeats too often what identifiers begin with. Nothing was "  \
	  "sent. Send less of it at once.")                                                        \
	X(BLOCKED, "blocked", 400, "invalid_request_error",                                        \
	  "awsmask refused this request: it holds a value of the type ${type}, which by this "     \
	  "host's policy may not be sent, not even masked. Take it out of the conversation, or "   \
	  "begin a new one; your administrator finds the policy under `types` in "                 \
	  "/etc/awsmask/awsmask.yaml.")                                                            \
	X(WRONG_HOST, "wrong-host", 421, "invalid_request_error",                                  \
	  "awsmask refused this request: its Host is not the host that the connection was opened " \
	  "to.")                                                                                   \
	X(UPGRADE, "upgrade", 400, "invalid_request_error",                                        \
	  "awsmask refused this request: it wants to switch to a protocol that awsmask cannot "    \
	  "mask.")                                                                                 \
	X(VAULT, "vault", 400, "api_error",                                                        \
	  "awsmask refused this request: its vault could not store new identifiers (is the disk "  \
	  "full?). "                                                                               \
	  "Nothing was sent. Ask your administrator to look at `awsmaskctl status`.")              \
	X(TOO_SLOW, "too-slow", 408, "invalid_request_error",                                      \
	  "awsmask refused this request: it did not arrive in time. Nothing was sent.")            \
	X(CONNECTIONS, "connections", 529, "overloaded_error",                                     \
	  "awsmask has as many connections as it may (limits.connections and "                     \
	  "limits.scope_connections); nothing was sent. Try again later.")                         \
	X(MEMORY, "memory", 529, "overloaded_error",                                               \
	  "awsmask is out of memory for this request; nothing was sent. Try again later.")         \
	X(ORIGIN_UNREACHABLE, "origin-unreachable", 502, "api_error",                              \
	  "awsmask could not reach the origin; nothing was sent. Check this host's network.")      \
	X(ORIGIN_UNTRUSTED, "origin-untrusted", 400, "api_error",                                  \
	  "awsmask refused to send this request: the origin's certificate could not be verified.") \
	X(ORIGIN_BROKEN, "origin-broken", 502, "api_error",                                        \
	  "awsmask got no well-formed answer from the origin.")                                    \
	X(ORIGIN_TIMEOUT, "origin-timeout", 504, "api_error",                                      \
	  "awsmask got no answer from the origin in time.")

enum refusal {
#define X(name, word, status, type, text) REFUSAL_##name,
	EXCHANGE_REFUSALS(X)
#undef X
		REFUSAL_COUNT
};
const char *refusal_word(enum refusal r);

struct exchange_config {
	const struct catalogue *catalogue;
	struct policy_source *policies; /* NULL: policy_default for all */
	struct memo_source *memos;	/* NULL: nothing is remembered */
	size_t body_max;		/* bytes, decoded; default 64 MiB */
	size_t head_max;		/* bytes; HTTP_HEAD_MAX */
	size_t out_max;	   /* ceiling of each output buffer above what a masked body needs, bytes */
	bool observe;	   /* scan and count, change nothing */
	bool allow_binary; /* binary parts and bodies pass verbatim */
	size_t scan_apart; /* bodies of more bytes, once decoded, wait for exchange_scan(); 0: none does */
};

struct exchange;

/*
 * `host`: the target's name, lower case: requests for another Host are refused (NULL: none is).
 * `origin_name`: what the Host field says on the way out (NULL: as the client said). `scope` stays
 * the caller's and outlives it. NULL: memory is out.
 */
__attribute__((warn_unused_result)) struct exchange *
exchange_new(const struct exchange_config *config, struct vault_scope *scope, const char *host,
	     const char *origin_name);
void exchange_free(struct exchange *x);
/*
 * Requests in absolute-form (RFC 9112 section 3.2.2) go to the client's own proxy: they stay in that form,
 * and what the client and its proxy say to each other by Proxy-Authorization and Proxy-Authenticate passes.
 */
void exchange_keep_absolute(struct exchange *x);

/*
 * The connection is to end: the next answer whose head has not gone yet says so, and behind it the exchange wants
 * to close. One that was told otherwise finds its connection as before.
 */
void exchange_last(struct exchange *x);

enum exchange_want {
	WANT_CLIENT,  /* client bytes */
	WANT_SCAN,    /* exchange_scan(), on any thread; nothing else meanwhile */
	WANT_RESERVE, /* reserve exchange_pending(), then exchange_reserved() */
	WANT_ORIGIN,  /* an origin connection; to_origin to be written, origin bytes to be fed */
	WANT_CLOSE,   /* write to_client out, then close the client's connection */
};
enum exchange_want exchange_want(const struct exchange *x);
/* During WANT_CLIENT: a request has begun to come. */
bool exchange_is_begun(const struct exchange *x);

/*
 * Client bytes; returns how many were taken (0..n): fewer than n only when the request is complete
 * and the rest must be offered again once WANT_CLIENT comes back (pipelining), or when WANT_CLOSE.
 * Never fails: what is wrong becomes an answer.
 */
size_t exchange_client_bytes(struct exchange *x, const uint8_t *p, size_t n);
/*
 * Where the next bytes of a body may be put, so that they need not be copied: *n at most, none of them behind the body.
 * exchange_client_bytes() is then told of them, with this very place, before anything else. NULL: there is no such place.
 */
uint8_t *exchange_body_space(struct exchange *x, size_t *n);
/* The client closed its sending side. Inside a request that ends it; later it means nothing. */
void exchange_client_eof(struct exchange *x);

/*
 * During WANT_CLIENT, for who has a moment: scan what has come of a body, as far as that can be done now, but no more than
 * so many bytes that are not remembered. What comes of it is as if all were scanned in the end. true: there is more to do.
 */
bool exchange_scan_ahead(struct exchange *x, size_t most);
/* During WANT_SCAN: scan the request, and make it ready for what comes next. */
void exchange_scan(struct exchange *x);
/*
 * The same for who has little time: nothing is done, and false returned, if more than so many bytes of the request
 * would have to be read, for all the rest is remembered.
 */
bool exchange_scan_known(struct exchange *x, size_t most);
/*
 * How many bytes of body that is for; EXCHANGE_SCAN_MUCH: that is not yet known of a coded one, but more than scan_apart
 * many times; or exchange_scan_known() was too little.
 */
#define EXCHANGE_SCAN_MUCH SIZE_MAX
size_t exchange_scan_size(const struct exchange *x);

/* The entries for ops->reserve(), valid until exchange_reserved(). */
struct vault_entry *exchange_pending(struct exchange *x, size_t *n);
/* On any thread; nothing else meanwhile. */
void exchange_reserved(struct exchange *x, bool durable);

/*
 * Origin bytes (during WANT_ORIGIN); returns how many were taken. Fewer than n: the answer ended
 * before them, so the origin connection must not be reused.
 */
size_t exchange_origin_bytes(struct exchange *x, const uint8_t *p, size_t n);
void exchange_origin_eof(struct exchange *x);

/*
 * The origin failed. Before any byte of the answer went to the client this becomes an error answer;
 * afterwards the client's connection is cut (WANT_CLOSE), as the origin's was.
 */
void exchange_refuse(struct exchange *x, enum refusal why);

/* Whether the request may be sent a second time on a fresh connection: no byte of an answer has
 * come. */
bool exchange_can_retry(const struct exchange *x);
/* The whole request goes to to_origin once more. Only if exchange_can_retry(). */
void exchange_retry(struct exchange *x);

/* After an answer: whether the origin's connection may serve another request. */
bool exchange_origin_reusable(const struct exchange *x);

/*
 * Outputs: the owner writes from the front and drops what it wrote. A request goes to the origin in pieces: ask again
 * once the last one was written; an empty one says that all has gone.
 */
struct buf *exchange_to_client(struct exchange *x);
struct buf *exchange_to_origin(struct exchange *x);

/* Room for backpressure: read from the origin only while this is true. */
bool exchange_client_room(const struct exchange *x);

/* Bytes of storage that it holds now: bodies, outputs, what was found. */
size_t exchange_memory(const struct exchange *x);

#define EXCHANGE_PATH_MAX 256
#define EXCHANGE_USED_MAX 64

/* Facts of the request that just ended or is under way, for logs and metrics: counts, never values.
 */
struct exchange_facts {
	uint64_t requests; /* begun on this connection */
	unsigned status;   /* of the answer given to the client; 0: none yet */
	int refusal;	   /* enum refusal, or -1 */
	int unmaskable;	   /* observing: what enforcing would have refused it for, or -1 */
	bool passed_on;	   /* it was made ready for the origin, and that was reached */
	bool stream;	   /* the answer is an event stream */
	size_t events;	   /* of it, so far: not where it is only observed */
	size_t request_bytes, answer_bytes; /* bodies, as on the client's side */
	char method[16];
	/* The target as the origin gets it, without a query; cut, if it is longer. "": it did not go there, or what
	 * policy leaves as it is may stand in it. */
	char path[EXCHANGE_PATH_MAX];
	struct mask_used used[EXCHANGE_USED_MAX]; /* placeholders that went out, the first ones */
	size_t used_count;			  /* of all */
	struct usage usage;			  /* as far as the answer is read */
	struct unmask_counts unmasked;
	struct mask_counts masked; /* the last: it is large */
};
const struct exchange_facts *exchange_facts(const struct exchange *x);

/* Where something was found in a request: neither a value nor anything else that the client wrote.
 */
enum exchange_part { EXCHANGE_TARGET, EXCHANGE_HEADER, EXCHANGE_BODY, EXCHANGE_LINE };

struct exchange_finding {
	enum mask_type type;
	bool known; /* no rule found it */
	enum exchange_part part;
	size_t index; /* of the header field, or of the line of a body (json-lines), from 0 */
	struct json_path path; /* off: bytes from the part's begin; text: "" when it is no JSON */
};

#define EXCHANGE_FINDINGS_MAX 16
/*
 * The first ones, at most EXCHANGE_FINDINGS_MAX, of the request at hand: from when it was scanned
 * until the first byte of the answer; else there are none. Returns how many were filled. A JSON
 * body is read once more for it.
 */
size_t exchange_findings(const struct exchange *x, struct exchange_finding *out, size_t max);

#endif
