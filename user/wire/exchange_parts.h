/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_EXCHANGE_PARTS_H
#define AWSMASK_EXCHANGE_PARTS_H
/* What the files of the exchange share; nobody else includes it. */
#include "../mask/sse.h"
#include "coding.h"
#include "exchange.h"

/*
 * READ -> SCAN | RESERVE | ORIGIN | READ (refused, connection kept) | CLOSE
 * SCAN -> RESERVE | ORIGIN | READ | CLOSE
 * RESERVE -> ORIGIN | READ | CLOSE
 * ORIGIN -> READ | CLOSE
 */
enum exchange_state { STATE_READ, STATE_SCAN, STATE_RESERVE, STATE_ORIGIN, STATE_CLOSE };

/* What a request's body is for the mask. */
enum body_kind {
	BODY_OPAQUE, /* empty, or passes unseen by policy */
	BODY_JSON,
	BODY_JSON_LINES,
	BODY_FORM,
	BODY_MULTIPART,
	BODY_TEXT,
};

/* A JSON body that is scanned in several steps. */
struct scanning {
	bool begun; /* else the next step is the first one */
	bool waits; /* for the body's end: something was wrong with it, or other things hold than before */
	size_t there;	 /* so much of the body there was when all of it was scanned */
	size_t recalled; /* of it */
	/* What holds for all of it. */
	size_t known;
	struct mask_policy policy;
};

struct request {
	bool begun, headed, whole; /* a byte, the head, all of it has come */
	const char *path; /* origin-form of the target (RFC 9112 section 3.2.1), in the head */
	size_t path_len;
	size_t prefix_len; /* of an absolute-form target: what stands before the path */
	struct buf body;   /* as it came, chunks joined */
	struct buf plain;  /* decoded, when it is coded */
	enum coding coding;
	bool coded;    /* by it, and can be undone */
	bool familiar; /* most of it came before, and was remembered */
	enum body_kind kind;
	size_t scan_size; /* with STATE_SCAN */
	struct scanning scanning;
};

/* The body that goes to the origin, a piece at a time. */
struct outgoing {
	bool spliced;	     /* it is the request's body, whose spans are replaced on the way */
	struct buf made;     /* it is neither that nor the body as it came: what goes instead */
	struct mask_cut cut; /* how far it has gone into to_origin */
	size_t left;	     /* what has not gone there */
};

enum answer_mode {
	ANSWER_EMPTY,	 /* no body */
	ANSWER_VERBATIM, /* bytes pass as they are */
	ANSWER_TEXT,	 /* restored as a stream of text */
	ANSWER_EVENTS,	 /* ... of events */
	ANSWER_LINES,	 /* ... of JSON documents, a line each: a batch's results */
	ANSWER_JSON,	 /* restored whole */
};

enum answer_framing { FRAMED_NONE, FRAMED_LENGTH, FRAMED_CHUNKED, FRAMED_CLOSE };

struct answer {
	bool begun;    /* a byte has come */
	bool headed;   /* the final head is in to_client */
	bool stays;    /* ... and the client's connection behind the answer, as that says */
	bool interim;  /* the message at hand is a 1xx */
	bool reusable; /* the origin's connection is as good as new */
	enum answer_mode mode;
	enum answer_framing framing;
	struct inflater *inflater;
	int inflated;
	struct buf plain; /* a decoded piece */
	struct buf whole; /* of ANSWER_JSON; the line at hand of ANSWER_LINES */
	struct buf piece; /* restored, to be framed */
	struct unmask_text text;
	struct sse *sse;
	size_t line; /* of the events that go to the client: bytes of the line at hand */
};

struct exchange {
	struct exchange_config config;
	struct vault_scope *scope;
	char host[256], origin_name[264]; /* the latter "" for the client's own */
	enum exchange_state state;
	bool client_gone, keep_absolute, last;
	struct http_parser *client, *origin; /* origin: NULL but for STATE_ORIGIN */
	struct mask *mask;
	struct request request;
	struct outgoing outgoing;
	struct answer answer;
	struct buf to_client, to_origin;
	struct exchange_facts facts;
};

#define NOT_REFUSED (-1)
#define NOT_SCANNED (-2) /* request_scan() */

/* ---- exchange.c */

/* Put the error answer into to_client and go on to the next request, or to the connection's end. */
void exchange_answer_refusal(struct exchange *x, enum refusal why);
/* The request was answered: to the next one, or to the connection's end. */
void exchange_next(struct exchange *x, bool keep_alive);
/* The answer cannot be finished: what it has so far goes out, then the connection is closed. */
void exchange_cut(struct exchange *x);

/* ---- exchange_facts.c */

/* Another request begins; `h`: its head, or NULL. */
void facts_begin(struct exchange *x, const struct http_head *h);
/* It is in to_origin now. */
void facts_sent(struct exchange *x);
/* It does not go there, or got no answer. */
void facts_refused(struct exchange *x);

/* ---- exchange_request.c, exchange_scan.c: an enum refusal, or NOT_REFUSED */

int request_headed(struct exchange *x);
int request_data(struct exchange *x, const uint8_t *p, size_t n);
/* exchange_body_space() */
uint8_t *request_space(struct exchange *x, size_t *n);
/* The body is complete: how much of it there is to scan, as exchange_scan_size(). */
size_t request_scan_size(struct exchange *x);
/* ... and scan everything. NOT_SCANNED: more than so many bytes are new. */
int request_scan(struct exchange *x, size_t most);
/* The body still comes, as exchange_scan_ahead(). */
bool request_scan_ahead(struct exchange *x, size_t most);
/* ... and came, and all but so much of it was scanned meanwhile; nor is it much. */
bool request_is_scanned(const struct exchange *x, size_t but);
static inline bool request_has_body(const struct http_head *h)
{
	return h->body == HTTP_BODY_CHUNKED ||
	       (h->body == HTTP_BODY_LENGTH && h->content_length > 0);
}
/* In absolute-form, and stays so. */
static inline bool request_is_proxied(const struct exchange *x)
{
	return x->keep_absolute && x->request.prefix_len > 0;
}
/* What is kept of the request, but for its head, is not needed any more. */
void request_release(struct exchange *x);

/* ---- exchange_send.c */

/* Make the scanned request ready to go, and put its beginning into to_origin. 0, or -1: memory, or a limit. */
__attribute__((warn_unused_result)) int request_build(struct exchange *x);
/* Begin once more. */
__attribute__((warn_unused_result)) int request_rewind(struct exchange *x);
/* The next piece into to_origin, which is empty. */
void request_put_more(struct exchange *x);
/* Lines of a body (json-lines): the next one from *at on, without its end. false: no more. */
bool request_line(const struct buf *body, size_t *at, const uint8_t **line, size_t *len);
enum { PART_TARGET, PART_FIELDS, PART_BODY = PART_FIELDS + HTTP_FIELDS_MAX };
/* The schema of its JSON body. */
enum schema request_schema(const struct exchange *x);
/* The bytes that are scanned and spliced. */
const struct buf *request_text(const struct exchange *x);

/* ---- exchange_answer.c */

void answer_headed(struct exchange *x);
void answer_data(struct exchange *x, const uint8_t *p, size_t n);
void answer_ended(struct exchange *x);
/* The origin broke off or broke the rules. */
void answer_broken(struct exchange *x);
void answer_release(struct exchange *x);

/* ---- exchange_head.c: 0, or -1 when out is full */

__attribute__((warn_unused_result)) int put_number(struct buf *out, size_t v, unsigned base);
__attribute__((warn_unused_result)) int put_request_head(struct exchange *x, bool body_masked,
							 size_t length, struct buf *out);
/* `length`: with FRAMED_LENGTH. */
__attribute__((warn_unused_result)) int put_answer_head(struct exchange *x, bool close,
							size_t length, struct buf *out);
__attribute__((warn_unused_result)) int put_interim_head(struct exchange *x, struct buf *out);

#endif
