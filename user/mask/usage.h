/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_USAGE_H
#define AWSMASK_USAGE_H
/*
 * Which model answered and what it counted, as an answer of the Messages API says: in its `model` and `usage`, or
 * in those of a stream's message_start and message_delta, which come later and count. Numbers and a name, nothing
 * else of the answer.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USAGE_MODEL_MAX 64

/* What is counted: word in the answer, word in records. */
#define USAGE_COUNTS(X)                                                                            \
	X(INPUT, "input_tokens", "input")                                                          \
	X(OUTPUT, "output_tokens", "output")                                                       \
	X(CACHE_READ, "cache_read_input_tokens", "cache_read")                                     \
	X(CACHE_CREATION, "cache_creation_input_tokens", "cache_creation")

enum usage_count {
#define X(name, key, word) USAGE_##name,
	USAGE_COUNTS(X)
#undef X
		USAGE_COUNT
};

struct usage {			     /* all zero: nothing is known */
	char model[USAGE_MODEL_MAX]; /* "": not known, or not spelt like a model's name */
	unsigned known;		     /* a bit per enum usage_count */
	uint64_t counts[USAGE_COUNT];
};

/*
 * Add what this JSON document says: an answer, or the data of an event. What is said twice counts as it was said
 * last. Of a document that is not whole, or is no JSON, what stood before its fault counts.
 */
void usage_read(struct usage *u, const uint8_t *data, size_t len);

#endif
