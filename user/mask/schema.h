/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_SCHEMA_H
#define AWSMASK_SCHEMA_H
/*
 * What the API defines about the strings of a JSON document, by full path: which keys are the API's
 * own, which strings pass verbatim, how deep a string is escaped. Everything not named is
 * free-form: keys and values are masked alike. Source: Anthropic's Messages API reference (request,
 * answer and event shapes).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schema {
	SCHEMA_NONE,	 /* free-form throughout */
	SCHEMA_MESSAGES, /* POST /v1/messages and /v1/messages/count_tokens */
	SCHEMA_BATCHES,	 /* POST /v1/messages/batches: requests[].params is a SCHEMA_MESSAGES */
	SCHEMA_ANSWER,	 /* a message, as answered */
	SCHEMA_EVENT,	 /* the data of one event of a streamed message */
	SCHEMA_RESULT,	 /* one line of a batch's results: result.message is a SCHEMA_ANSWER */
};

/* A place in a document, below SCHEMA_NODES. 0 is free-form; others are private to schema.c. */
typedef uint16_t schema_node;
#define SCHEMA_NODES 64

enum schema_rule {
	SCHEMA_MASK,	 /* a value: masked, restored */
	SCHEMA_VERBATIM, /* never touched */
	SCHEMA_SIGNED,	 /* verbatim if its object has a non-empty `signature` beside it */
	SCHEMA_BASE64,	 /* verbatim if its object's `type` is "base64" and the bytes are base64 */
	SCHEMA_BILLING,	 /* verbatim if it is the client's billing header: schema_is_billing() */
	SCHEMA_NESTED_JSON, /* a piece of JSON text (partial_json): values are two strings deep */
	SCHEMA_OPAQUE,	    /* verbatim if its objects have the types that schema_place() names */
};

/*
 * SCHEMA_SIGNED, _BASE64, _BILLING and _OPAQUE occur in requests only, where passing a string
 * verbatim takes more than its path: a client that puts ordinary text there must not escape
 * masking. What they ask for is the `type` of the object that holds the string and of the object
 * around that. These are bits, for one text may be several.
 */
enum schema_type {
	SCHEMA_TYPE_BASE64 = 1 << 0,
	SCHEMA_TYPE_MEDIA = 1 << 1, /* image, document */
	SCHEMA_TYPE_THINKING = 1 << 2,
	SCHEMA_TYPE_REDACTED = 1 << 3,
	SCHEMA_TYPE_TOOL_USE = 1 << 4,	      /* server_tool_use and the like too */
	SCHEMA_TYPE_TOOL_RESULT = 1 << 5,     /* web_search_tool_result and the like too */
	SCHEMA_TYPE_SEARCH_RESULT = 1 << 6,   /* web_search_tool_result only */
	SCHEMA_TYPE_SEARCH_HIT = 1 << 7,      /* web_search_result */
	SCHEMA_TYPE_SEARCH_CITATION = 1 << 8, /* web_search_result_location */
	SCHEMA_TYPE_COMPACTION = 1 << 9,
};

/* What a string means for the object that holds it. */
enum schema_role { SCHEMA_PLAIN, SCHEMA_TYPE, SCHEMA_SIGNATURE };

#define SCHEMA_LEVELS 2

struct schema_place {
	enum schema_rule rule;
	enum schema_role role;
	uint16_t types[SCHEMA_LEVELS]; /* of its object, of the one around: any of these; 0: any */
};

schema_node schema_root(enum schema s);
/* The place of the value under `key` of an object at `n`; *known tells whether the key is the API's
 * own. */
schema_node schema_key(schema_node n, const uint8_t *key, size_t len, bool *known);
/* The key as the API writes it (static), or NULL when the API names none such there, also for a
 * place that does not exist. */
const char *schema_word(schema_node n, const uint8_t *key, size_t len);
/* The place of the elements of an array at `n`. */
schema_node schema_element(schema_node n);
/* What to do with a string at `n`. */
enum schema_rule schema_rule(schema_node n);

/* The rule with its conditions; static. */
const struct schema_place *schema_place(schema_node n);
/* Whether each string and key below `n` fares as `n` itself does: nothing there is told apart. */
bool schema_uniform(schema_node n);

/* The bits of enum schema_type that this text of a `type` stands for; 0: none of them. */
unsigned schema_type_of(const uint8_t *text, size_t len);
/*
 * Whether a decoded text at SCHEMA_BILLING is the client's own header line; it must also be the
 * first of its array.
 */
bool schema_is_billing(const uint8_t *text, size_t len);
/* Whether it is all base64 (RFC 4648, section 4), padding at the end only. */
bool schema_is_base64(const uint8_t *text, size_t len);

/* The schema of a request to this path (query cut off) and of its answer. */
enum schema schema_of_request(const uint8_t *path, size_t len);
enum schema schema_of_answer(const uint8_t *path, size_t len);

#endif
