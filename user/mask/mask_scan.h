/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_MASK_SCAN_H
#define AWSMASK_MASK_SCAN_H
/*
 * What the scanners of mask.h share, private to mask*.c: the spans and values found so far, and how
 * a piece of text gets there. `off` is always an offset in the part that is being scanned.
 */
#include "jstr.h"
#include "mask.h"

struct mask_span {
	size_t start, end; /* of the part */
	uint32_t value;	   /* index in mask.values */
	bool quoted;	   /* a JSON number: what stands for it is a string */
	uint16_t rule;	   /* as in struct span */
};

struct mask_value {
	uint64_t hash;
	size_t off, len; /* in mask.bytes */
	enum mask_type type;
	uint32_t number; /* 0: not known yet */
	bool settled;	 /* it is in the snapshot, or never learned */
};

struct mask_part {
	unsigned name;
	size_t first, n; /* its spans */
};

/* What was scanned, to scan it again. */
enum source_kind { SOURCE_TEXT, SOURCE_JSON, SOURCE_QUERY, SOURCE_MULTIPART };

struct mask_source {
	const uint8_t *p;
	size_t len;
	const char *boundary; /* SOURCE_MULTIPART */
	unsigned part;
	uint8_t kind;	/* enum source_kind */
	uint8_t schema; /* SOURCE_JSON */
	bool allow_binary;
};

/* What is done with what was found: in a request that remembers, the same is done again (mask_memo.c). */
enum effect_kind {
	EFFECT_SPAN,	 /* a value stands there */
	EFFECT_OBSERVED, /* ... of this type, and is only counted */
	EFFECT_BLOCKED,	 /* ... for which the request is refused */
	EFFECT_SIGNED,	 /* ... in a signed block */
};

struct mask_effect {
	int64_t start;	/* of the part; remembered: counted from where the piece begins */
	uint32_t width; /* in the part */
	uint32_t len;	/* of the value */
	uint16_t type;
	uint16_t rule; /* as in struct span */
	uint8_t kind;  /* enum effect_kind */
	bool quoted;   /* a JSON number: what stands for it is a string */
	uint16_t zero;
	/* Of a span, from the memo: what the vault said of the value when so many were known; 0: nothing. */
	uint32_t number, known;
};
_Static_assert(sizeof(struct mask_effect) == 32, "nothing in it is undefined");

/* The piece that is read (memo.h). */
struct mask_record {
	bool asks;		 /* pieces are looked for */
	bool on;		 /* this one is to be remembered ... */
	const struct memo *memo; /* ... here */
	uint64_t policy;
	struct memo_key key;
	size_t from;	    /* of the part */
	size_t scanned;	    /* bytes of texts so far */
	struct buf state;   /* of whoever reads */
	struct buf begun;   /* ... as it was where the piece begins */
	struct buf rules;   /* what detect_all() said of text after text */
	struct buf given;   /* the same, from the memo: what it will say */
	struct buf effects; /* struct mask_effect, its value behind it */
	struct buf words;   /* of known_tokens, a power of two */
	bool noted;	    /* the last text has tokens that are among them */
};

/*
 * Keys and the words of schemas come again and again. Of short texts in which nothing is the last ones are kept, for
 * as long as a source is read: in that time what is looked for stays the same.
 */
#define BARE_MAX 48
#define BARE_SLOTS 64 /* a power of two */

struct mask_bare {
	uint32_t epoch; /* mask.epoch, else it is none */
	uint8_t len, skip;
	bool noted; /* it has tokens (known.h): in each piece they must be noted */
	uint8_t text[BARE_MAX];
};

struct walk;

struct mask {
	const struct types *types;
	struct detector *detector;
	size_t max_memory;
	size_t read_left;  /* mask_read_most() */
	struct walk *walk; /* over a JSON document, which may still come; its ... */
	unsigned walked;   /* ... part ... */
	enum schema walked_schema;
	size_t walked_from; /* ... and where its spans begin */
	/* Kept until the reset. */
	struct buf spans;   /* struct mask_span, part by part */
	struct buf parts;   /* struct mask_part, by name; those with spans */
	struct buf values;  /* struct mask_value, each once */
	struct buf bytes;   /* theirs */
	struct buf slots;   /* uint32_t, index in values + 1: an open hash table */
	struct buf holds;   /* mask_json.c's */
	struct buf sources; /* struct mask_source */
	struct buf
		entries; /* struct vault_entry, room for each value: mask_pending() cannot fail */
	/* Of one text at a time. */
	struct buf text;
	struct buf marks;  /* struct text_mark */
	struct buf found;  /* struct span, of the rules */
	struct buf places; /* uint32_t, where known values may stand (known.h) */
	struct buf hits;   /* struct span, of known values */
	struct buf seen;   /* struct span, of known values that are only counted */
	const struct mask_policy *policy;
	bool observes;		   /* some type is only counted */
	struct vault_scope *scope; /* whose snapshot is held, or NULL */
	const struct known *snapshot;
	struct known local; /* what this request revealed and the snapshot has not */
	struct memo *memo;  /* or NULL */
	struct mask_record record;
	uint32_t epoch; /* sources that were read */
	struct mask_bare bare[BARE_SLOTS];
	struct mask_counts counts;
};

/* Bytes in all kept buffers. */
size_t mask_kept(const struct mask *m);
/* Append to one of the kept buffers, if all of them together stay within max_memory. 0 or -1. */
__attribute__((warn_unused_result)) int mask_keep(struct mask *m, struct buf *b, const void *p,
						  size_t n);

/* The index of the value in m->values, kept now if it was not before. 0, or -1: memory. */
__attribute__((warn_unused_result)) int mask_value(struct mask *m, enum mask_type type,
						   const uint8_t *p, size_t len, uint32_t *index);
/* What stands for it, and its length; 0: its number is not known yet. */
size_t mask_placeholder(const struct mask *m, uint32_t index, char out[static PLACEHOLDER_MAX]);

/* The spans of a text, one after another: those of rules, and those that only knowledge finds. */
struct mask_merge {
	const struct span *rules, *hits;
	size_t n_rules, n_hits;
};

/*
 * Look in text[skip..len); what precedes is context for the rules. MASK_OK: *g is ready. `counts`:
 * what is found and not masked is counted, or, if it is blocked, remembered.
 */
enum mask_error mask_find(struct mask *m, const uint8_t *text, size_t len, size_t skip, bool counts,
			  struct mask_merge *g);

/* What was found in a part, by place. */
const struct mask_span *mask_spans(const struct mask *m, unsigned part, size_t *n);

/* What is done with what was found is done by these; they remember it. `value` has e->len bytes. */
enum mask_error mask_do_span(struct mask *m, const struct mask_effect *e, const uint8_t *value);
void mask_note(struct mask *m, enum effect_kind kind, enum mask_type type); /* no span */

/* ---- mask_memo.c */

/* A source begins, or goes on: are its pieces remembered? */
void mask_pieces(struct mask *m);
/*
 * A piece begins at `off` of the part; `ahead` is all there is from there on, `more` will come; m->record.state
 * says in what state. If it is remembered, all is done that was done then, *len is its length and the state that
 * behind it. Else, with m->record.key.cut, it is to be asked for once more with more of its bytes. Else it is to
 * be read, up to mask_piece_keep().
 */
enum mask_error mask_piece_recall(struct mask *m, struct memo_bytes ahead, bool more, size_t off,
				  size_t *len);
/* It ends here; the state is that behind it, and empty if nothing follows. */
void mask_piece_keep(struct mask *m, struct memo_bytes bytes, bool last);

/* All that rules find in a text to m->found, ready for spans_resolve(). `none`: they find nothing, as is known. */
enum mask_error mask_find_rules(struct mask *m, const uint8_t *text, size_t len, bool none);
/* Where any value of these sets stands, to m->places; m->record.noted: tokens of it were noted. */
enum mask_error mask_find_places(struct mask *m, const struct known *const *sets, size_t n,
				 const uint8_t *text, size_t len);
void mask_remember_effect(struct mask *m, const struct mask_effect *e, const uint8_t *value);

/* ---- mask_bare.c */

/* Where such a text may be kept; NULL: it is too long. */
struct mask_bare *mask_bare_at(struct mask *m, const uint8_t *text, size_t len);
/* Is it there? */
bool mask_bare_is(const struct mask *m, const struct mask_bare *b, const uint8_t *text, size_t len,
		  size_t skip);
/* Nothing was found in it, just now. */
void mask_bare_keep(const struct mask *m, struct mask_bare *b, const uint8_t *text, size_t len,
		    size_t skip);

/* ---- mask_policy.c */

/* A value that is replaced, or for which the request is refused, rather. */
bool mask_wants(const struct mask *m, enum mask_type type, const uint8_t *value, size_t len);
/* Drop what policy leaves alone of the rules' spans in m->found, before they are made disjoint. */
void mask_drop_spans(struct mask *m, const uint8_t *text, size_t skip, bool counts);
/* Count the known values of text[skip..len) that are only counted. */
enum mask_error mask_count_known(struct mask *m, const struct known *const *sets, size_t n,
				 const uint8_t *text, size_t len, size_t skip);
/* Remember the hits that are blocked. */
void mask_note_blocked(struct mask *m, const struct span *hits, size_t n);
/* The next one that reaches beyond `done`, perhaps beginning before it. False: there is none. */
bool mask_merge_next(struct mask_merge *g, size_t done, struct span *s);

/* Scan a source and keep its spans; mask.c. */
enum mask_error mask_source_scan(struct mask *m, const struct mask_source *s);
/* Another text's buffers may use what is left of max_memory, now that something else was kept or let go. */
void mask_text_room(struct mask *m);
/* Forget the last text. */
void mask_text_begin(struct mask *m);

/*
 * Keep the spans of text[skip..len); what precedes is only context. text[skip] came from offset
 * `off`, and m->marks (relative to skip) say from where the rest did.
 */
enum mask_error mask_text_scan(struct mask *m, const uint8_t *text, size_t len, size_t skip,
			       size_t off);

/* The same for a JSON number, kept only if it is a value as a whole. */
enum mask_error mask_number_scan(struct mask *m, const uint8_t *text, size_t len, size_t skip,
				 size_t off);

/* The same for bytes that stand in the part as they are. */
enum mask_error mask_raw_scan(struct mask *m, const uint8_t *p, size_t off, size_t len);
/* For percent-encoded ones (RFC 3986, section 2.1). */
enum mask_error mask_percent_scan(struct mask *m, const uint8_t *p, size_t off, size_t len);
/* For a JSON document; mask_json.c. */
enum mask_error mask_json_scan(struct mask *m, const uint8_t *p, size_t off, size_t len,
			       enum schema schema);
/* The same step by step; all that there is of it begins at p + off. */
enum mask_error mask_walk_begin(struct mask *m, size_t off, enum schema schema);
enum mask_error mask_walk_on(struct mask *m, const uint8_t *p, size_t len, bool last);
/* For the body of a multipart; mask_multipart.c. */
enum mask_error mask_multipart_scan(struct mask *m, const uint8_t *p, size_t len,
				    const char *boundary, bool allow_binary);

/* Count what is in a text that passes verbatim. Placeholders are not counted: they leave as they
 * came. */
enum mask_error mask_signed_scan(struct mask *m, const uint8_t *text, size_t len);

#endif
