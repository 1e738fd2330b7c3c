/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_JSON_PATH_H
#define AWSMASK_JSON_PATH_H
/*
 * Places in a JSON document in words that give nothing away: a path is made of the keys that the
 * schema itself names, of indices, and of `*` for every other key, for that one is the client's.
 *
 *	$.messages[2].content[0].input.*	the value of a free-form key
 *	$.messages[2].content[0].input.*#key	the key itself
 */
#include "schema.h"

#define JSON_PATH_MAX 128

struct json_path {
	size_t off; /* of the document */
	char text[JSON_PATH_MAX];
};

/*
 * Say where the offsets lie; they must ascend. One that lies in no string has the text "". A path
 * that is too deep or too long ends in "..".
 */
void json_paths(const uint8_t *p, size_t len, enum schema schema, struct json_path *paths,
		size_t n);

#endif
