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
};

/* A place in a document. 0 is free-form; others are private to schema.c. */
typedef uint16_t schema_node;

enum schema_rule {
	SCHEMA_MASK,	 /* a value: masked, restored */
	SCHEMA_VERBATIM, /* never touched */
	SCHEMA_SIGNED,	 /* verbatim if its object has a non-empty `signature` beside it */
	SCHEMA_BASE64,	 /* verbatim if its object's `type` is "base64" and the bytes are base64 */
	SCHEMA_BILLING,	 /* verbatim if it begins with the client's billing header */
	SCHEMA_NESTED_JSON, /* a piece of JSON text (partial_json): values are two strings deep */
};

schema_node schema_root(enum schema s);
/* The place of the value under `key` of an object at `n`; *known tells whether the key is the API's
 * own. */
schema_node schema_key(schema_node n, const uint8_t *key, size_t len, bool *known);
/* The place of the elements of an array at `n`. */
schema_node schema_element(schema_node n);
/* What to do with a string at `n`. */
enum schema_rule schema_rule(schema_node n);

/* The schema of a request to this path (query cut off) and of its answer. */
enum schema schema_of_request(const uint8_t *path, size_t len);
enum schema schema_of_answer(const uint8_t *path, size_t len);

#endif
