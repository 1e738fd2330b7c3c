/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_MASK_H
#define AWSMASK_MASK_H
/*
 * Masking a request, in phases: scan each part (target, headers, body), learn from all of them,
 * resolve against the vault, let somebody reserve what is new, splice each part. Bytes outside the
 * spans are never touched (I3).
 *
 *	mask_reset(m);
 *	mask_follow(m, policy);
 *	mask_know(m, scope);
 *	mask_remember(m, memo);
 *	mask_scan_query(m, 0, ...); mask_scan_json(m, 1, ...);
 *	mask_learn(m);
 *	mask_resolve(m, scope);
 *	if (mask_pending(m, &n)) { ops->reserve(...); }      // may block: elsewhere
 *	mask_resolve(m, scope);                              // everything has its number now
 *	mask_splice(m, 1, body, len, out);
 */
#include "detect.h"
#include "memo.h"
#include "policy.h"
#include "schema.h"
#include "vault.h"

struct mask;

/* max_memory bounds spans and decoded values together, bytes. NULL: memory is out. */
__attribute__((warn_unused_result)) struct mask *mask_new(const struct catalogue *c,
							  size_t max_memory);
void mask_free(struct mask *m);
void mask_reset(struct mask *m); /* from here on policy_default holds */
/* What is masked, from here to the mask_learn(), until which it must stay. */
void mask_follow(struct mask *m, const struct mask_policy *p);

/* Why a scan failed: each is a refusal. */
enum mask_error {
	MASK_OK = 0,
	MASK_NOT_JSON, /* and the content type said JSON */
	MASK_NOT_MULTIPART,
	MASK_BINARY_PART, /* a multipart file that is no text; refused by default */
	MASK_MATCH_LIMIT,
	MASK_TOO_LARGE, /* more spans or decoded text than max_memory */
	MASK_TOO_NEW,	/* no refusal: it is to be scanned where that may take its time */
};
const char *
mask_error_text(enum mask_error e); /* a sentence for the person at the client, no values */

/*
 * Scan one part. `part` (any small number, each used once between resets) names it for
 * mask_splice(); the bytes must stay in place until then. MASK_OK, or why not (the mask must then
 * be reset).
 */
enum mask_error mask_scan_text(struct mask *m, unsigned part, const uint8_t *p, size_t len);
/*
 * Each string, and each key that the schema does not know, is a text. A short free-form string is
 * read beside its key ("accountId": "..."), which may be what gives it away; so is a number there,
 * which becomes a string when it is a value.
 */
enum mask_error mask_scan_json(struct mask *m, unsigned part, const uint8_t *p, size_t len,
			       enum schema schema);
/*
 * The same while the document still comes. After mask_json_begin() say again and again what there is of it so far,
 * which may move; `last`: that is all, and it stays in place. Between two steps another part may not be
 * scanned; the policy, the scope and the memo may be given back and said anew, if they say the same: else what was
 * scanned is of no use (mask_reset()). Whatever the steps, it comes to the same. MASK_OK: as far as it goes;
 * MASK_TOO_NEW: it can go on.
 */
enum mask_error mask_json_begin(struct mask *m, unsigned part, enum schema schema);
enum mask_error mask_json_more(struct mask *m, const uint8_t *p, size_t len, bool last);
/* So far it has come. */
size_t mask_json_done(const struct mask *m);
/* A request target's query, or anything percent-encoded: values are decoded, replaced, encoded
 * again. */
enum mask_error mask_scan_query(struct mask *m, unsigned part, const uint8_t *p, size_t len);
/*
 * multipart/form-data (RFC 7578) with this boundary: text parts and JSON parts as such, file names
 * and field names as text; other parts are refused, unless allow_binary passes them verbatim.
 */
enum mask_error mask_scan_multipart(struct mask *m, unsigned part, const uint8_t *p, size_t len,
				    const char *boundary, bool allow_binary);

/*
 * Known values (known.h). Between mask_know() and the mask_learn() after the scans, every whole
 * occurrence of what the scope knows is found too, whatever stands around it.
 *
 * mask_learn() looks at what the scans' rules found: when there is anything that the scope did not
 * know, all parts are scanned once more, for it may stand bare anywhere, also before the place that
 * revealed it. The scans' arguments must still be in place then. MASK_OK, or why not.
 *
 * Where a known value and a rule's span overlap, the one of the rule stays whole and of the known
 * value what lies beside it; but a known value with whole spans of rules inside, as a bucket named
 * after an account, is masked as one, so that it has the same placeholder everywhere.
 */
void mask_know(struct mask *m, struct vault_scope *scope);
/* What is known is given back, as by mask_learn(): between two steps of a document that still comes. */
void mask_unknow(struct mask *m);
/* So many values are known: as long as that is the same, so are they. */
size_t mask_known(const struct mask *m);
/*
 * What was scanned for this scope before need not be scanned again, until the mask_learn(). Nothing
 * else changes by it. The memo is for the mask's catalogue, and goes before the scope does. NULL: none.
 */
void mask_remember(struct mask *m, struct memo *memo);
enum mask_error mask_learn(struct mask *m);
/*
 * From here to the reset no more than so many bytes are read of what is not remembered; a scan that
 * would have to fails (MASK_TOO_NEW) before it does, and one of a JSON document, once that is whole, before more of
 * it is new than may be read. What it has read until then is remembered.
 */
void mask_read_most(struct mask *m, size_t bytes);

/* Ask the vault for the numbers not known yet. Returns how many remain unknown. */
size_t mask_resolve(struct mask *m, struct vault_scope *scope);

/* Those entries, each value once, ready for reserve(); valid until the next call on m. */
struct vault_entry *mask_pending(struct mask *m, size_t *n);

/* Whether any span was found in the part: if not, its bytes go as they came. */
bool mask_found(const struct mask *m, unsigned part);

/* What stands at one place of a part and will be replaced. */
struct mask_place {
	size_t start, end;    /* of the part */
	const uint8_t *value; /* decoded, valid until the next call on m */
	size_t len;
	enum mask_type type;
	uint32_t number; /* 0: not known yet */
	uint16_t rule;	 /* as in struct span */
};
/* The i-th of them, by place. False: there are no more. */
bool mask_place(const struct mask *m, unsigned part, size_t i, struct mask_place *place);

/* Append the part with its spans replaced. All must be resolved. 0, or -1 when out is full. */
__attribute__((warn_unused_result)) int mask_splice(const struct mask *m, unsigned part,
						    const uint8_t *p, size_t len, struct buf *out);

/* The same piece by piece, for what is too large to be held twice. */
struct mask_cut {    /* how far it has come; zero: nothing has gone yet */
	size_t at;   /* of the part */
	size_t span; /* the next one */
	size_t put;  /* of what stands for that */
};
/* How long the part, of len bytes, will be. 0, or -1: not all is resolved. *size is untouched then. */
__attribute__((warn_unused_result)) int mask_spliced_size(const struct mask *m, unsigned part,
							  size_t len, size_t *size);
/* The next ones of those bytes, at most `room`. Returns how many; 0: that was all. */
size_t mask_splice_some(const struct mask *m, unsigned part, const uint8_t *p, size_t len,
			struct mask_cut *cut, uint8_t *to, size_t room);

/* Bytes of storage that it holds. */
size_t mask_memory(const struct mask *m);

/* A placeholder, as a number of its type. */
struct mask_used {
	enum mask_type type;
	uint32_t number;
};
/* The first max that stand for values of the request, each once. Returns how many there are in all. */
size_t mask_used(const struct mask *m, struct mask_used *out, size_t max);

struct mask_counts {
	size_t by_type[TYPE_MAX]; /* spans that will be replaced */
	size_t by_knowledge;	  /* those of them that no rule found: known values */
	size_t known_by_type[TYPE_MAX];
	size_t observed[TYPE_MAX];   /* found, and left as they are by policy */
	size_t blocked;		     /* found, for which policy refuses the request ... */
	enum mask_type blocked_type; /* ... of this type the first */
	size_t blocked_by_type[TYPE_MAX];
	size_t signed_passed; /* found inside signed blocks, which pass verbatim (I5) */
	/* A bit for each type of which anything was found: the numbers are pages, and mostly zero. */
	uint64_t types[(TYPE_MAX + 63) / 64];
};
const struct mask_counts *mask_counts(const struct mask *m);

static inline void mask_counts_note(struct mask_counts *c, enum mask_type type)
{
	c->types[type / 64] |= 1ull << type % 64;
}

/* The first one from `from` on of which anything was found; TYPE_MAX: there is none. */
unsigned mask_counts_next(const struct mask_counts *c, unsigned from);
void mask_counts_clear(struct mask_counts *c);
void mask_counts_copy(struct mask_counts *to, const struct mask_counts *from);

/* Whatever is done with it. */
static inline size_t mask_counts_found(const struct mask_counts *c, enum mask_type type)
{
	return c->by_type[type] + c->observed[type] + c->blocked_by_type[type];
}

/* Where something was found; what it is does not show. */
struct mask_finding {
	enum mask_type type;
	bool known; /* no rule found it */
	unsigned part;
	size_t start, end; /* of the part */
};
/* The first max of them, by part and place. Returns how many were filled. */
size_t mask_findings(const struct mask *m, struct mask_finding *out, size_t max);

#endif
