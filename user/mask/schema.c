/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

#include <string.h>

/*
 * The shapes as data. A node is a place; its edges are the keys that the API defines there, its
 * element is the place of an array's elements. What has no edge leads to NODE_FREE, from which
 * nothing leads away: below an unknown key everything is free-form. Places with the same meaning
 * share a node.
 */
enum {
	NODE_FREE,
	NODE_LEAF, /* one verbatim string; objects and arrays below are free-form */
	NODE_ALL,  /* verbatim throughout */
	NODE_TYPE,
	NODE_TYPE_MASKED,
	NODE_SIGNATURE,
	/* requests */
	NODE_BATCHES,
	NODE_BATCH_LIST,
	NODE_BATCH_ITEM,
	NODE_MESSAGES,
	NODE_SYSTEM,
	NODE_SYSTEM_BLOCK,
	NODE_SYSTEM_TEXT,
	NODE_TURNS,
	NODE_TURN,
	NODE_CONTENT,
	NODE_BLOCK,
	NODE_USE_ID,
	NODE_RESULT_ID,
	NODE_THOUGHT,
	NODE_REDACTED,
	NODE_COMPACTED,
	NODE_SOURCE,
	NODE_SOURCE_DATA,
	NODE_CITATIONS,
	NODE_CITATION,
	NODE_CITATION_INDEX,
	NODE_INNER, /* content of a tool's result, of a document */
	NODE_INNER_BLOCK,
	NODE_INNER_SOURCE,
	NODE_INNER_ENCRYPTED,
	NODE_TOOLS,
	NODE_TOOL,
	NODE_TOOL_CHOICE,
	NODE_METADATA,
	NODE_THINKING_CONFIG,
	NODE_OUTPUT_CONFIG,
	NODE_OUTPUT_FORMAT,
	NODE_CONTEXT,
	NODE_EDITS,
	NODE_EDIT,
	/* answers */
	NODE_ANSWER,
	NODE_ANSWER_CONTENT,
	NODE_ANSWER_BLOCK,
	NODE_ANSWER_INNER,
	NODE_ANSWER_INNER_BLOCK,
	NODE_ANSWER_CITATIONS,
	NODE_ANSWER_CITATION,
	NODE_ANSWER_ERROR,
	NODE_EVENT,
	NODE_DELTA,
	NODE_PARTIAL_JSON,
	NODE_RESULT_LINE,
	NODE_RESULT,
	NODE_COUNT
};
_Static_assert(NODE_COUNT <= SCHEMA_NODES, "users keep sets of nodes in a word");

struct edge {
	const char *key;
	uint8_t len, to;
};

#define KEY(name, to)                                                                              \
	{                                                                                          \
		name, sizeof(name) - 1, NODE_##to                                                  \
	}

static const struct edge batches_keys[] = {KEY("requests", BATCH_LIST)};
static const struct edge batch_item_keys[] = {KEY("custom_id", FREE), KEY("params", MESSAGES)};

static const struct edge messages_keys[] = {
	KEY("model", LEAF),
	KEY("messages", TURNS),
	KEY("system", SYSTEM),
	KEY("tools", TOOLS),
	KEY("tool_choice", TOOL_CHOICE),
	KEY("metadata", METADATA),
	KEY("diagnostics", ALL),
	KEY("context_management", CONTEXT),
	KEY("output_config", OUTPUT_CONFIG),
	KEY("cache_control", ALL),
	KEY("thinking", THINKING_CONFIG),
	KEY("service_tier", LEAF),
	KEY("stop_sequences", FREE),
	KEY("max_tokens", FREE),
	KEY("temperature", FREE),
	KEY("stream", FREE),
};
static const struct edge system_block_keys[] = {
	KEY("type", TYPE),
	KEY("text", SYSTEM_TEXT),
	KEY("cache_control", ALL),
	KEY("citations", CITATIONS),
};
static const struct edge turn_keys[] = {KEY("role", LEAF), KEY("content", CONTENT)};
static const struct edge block_keys[] = {
	KEY("type", TYPE),	     KEY("text", FREE),		KEY("id", USE_ID),
	KEY("name", FREE),	     KEY("input", FREE),	KEY("tool_use_id", RESULT_ID),
	KEY("content", INNER),	     KEY("is_error", FREE),	KEY("thinking", THOUGHT),
	KEY("signature", SIGNATURE), KEY("data", REDACTED),	KEY("encrypted_content", COMPACTED),
	KEY("source", SOURCE),	     KEY("title", FREE),	KEY("context", FREE),
	KEY("citations", CITATIONS), KEY("cache_control", ALL),
};
static const struct edge source_keys[] = {
	KEY("type", TYPE), KEY("media_type", LEAF), KEY("data", SOURCE_DATA),
	KEY("url", FREE),  KEY("content", INNER),
};
static const struct edge citations_keys[] = {KEY("enabled", FREE)};
static const struct edge citation_keys[] = {
	KEY("type", TYPE),
	KEY("encrypted_index", CITATION_INDEX),
	KEY("cited_text", FREE),
};
/* Masked like everything in a tool's result, but for the two strings that have a condition. */
static const struct edge inner_block_keys[] = {
	KEY("type", TYPE_MASKED),
	KEY("text", FREE),
	KEY("source", INNER_SOURCE),
	KEY("encrypted_content", INNER_ENCRYPTED),
};
static const struct edge inner_source_keys[] = {
	KEY("type", TYPE_MASKED),
	KEY("data", SOURCE_DATA),
	KEY("media_type", FREE),
};
static const struct edge tool_keys[] = {
	KEY("type", LEAF),	   KEY("name", FREE),	      KEY("description", FREE),
	KEY("input_schema", FREE), KEY("cache_control", ALL),
};
static const struct edge tool_choice_keys[] = {KEY("type", LEAF), KEY("name", FREE)};
static const struct edge metadata_keys[] = {KEY("user_id", LEAF)};
static const struct edge thinking_config_keys[] = {KEY("type", LEAF), KEY("display", LEAF)};
/* A schema that the user wrote says what users say: masked like a tool's. */
static const struct edge output_config_keys[] = {KEY("format", OUTPUT_FORMAT)};
static const struct edge output_format_keys[] = {KEY("schema", FREE)};

static const struct edge context_keys[] = {KEY("edits", EDITS)};
/* How to sum up is said in the user's words, and tools are named as they are declared. */
static const struct edge edit_keys[] = {
	KEY("type", LEAF),	    KEY("trigger", ALL),	KEY("keep", ALL),
	KEY("clear_at_least", ALL), KEY("exclude_tools", FREE), KEY("instructions", FREE),
};

static const struct edge answer_keys[] = {
	KEY("id", LEAF),
	KEY("type", LEAF),
	KEY("role", LEAF),
	KEY("model", LEAF),
	KEY("content", ANSWER_CONTENT),
	KEY("stop_reason", LEAF),
	KEY("stop_sequence", FREE),
	KEY("usage", ALL),
	KEY("context_management", ALL),
	KEY("error", ANSWER_ERROR),
	KEY("request_id", LEAF),
};
static const struct edge answer_block_keys[] = {
	KEY("type", LEAF),
	KEY("text", FREE),
	KEY("id", LEAF),
	KEY("name", FREE),
	KEY("input", FREE),
	KEY("tool_use_id", LEAF),
	KEY("thinking", LEAF),
	KEY("signature", LEAF),
	KEY("data", LEAF),
	KEY("encrypted_content", LEAF),
	KEY("citations", ANSWER_CITATIONS),
	KEY("content", ANSWER_INNER),
};
static const struct edge answer_inner_block_keys[] = {
	KEY("type", LEAF),
	KEY("text", FREE),
	KEY("encrypted_content", LEAF),
};
static const struct edge answer_citation_keys[] = {
	KEY("type", LEAF),
	KEY("encrypted_index", LEAF),
	KEY("cited_text", FREE),
};
static const struct edge answer_error_keys[] = {KEY("type", LEAF), KEY("message", FREE)};

static const struct edge event_keys[] = {
	KEY("type", LEAF),
	KEY("message", ANSWER),
	KEY("index", FREE),
	KEY("content_block", ANSWER_BLOCK),
	KEY("delta", DELTA),
	KEY("usage", ALL),
	KEY("context_management", ALL),
	KEY("error", ANSWER_ERROR),
	KEY("request_id", LEAF),
};
static const struct edge delta_keys[] = {
	KEY("type", LEAF),
	KEY("text", FREE),
	KEY("partial_json", PARTIAL_JSON),
	KEY("thinking", LEAF),
	KEY("signature", LEAF),
	KEY("citation", ANSWER_CITATION),
	KEY("encrypted_content", LEAF),
	KEY("stop_reason", LEAF),
	KEY("stop_sequence", FREE),
};
static const struct edge result_line_keys[] = {KEY("custom_id", FREE), KEY("result", RESULT)};
static const struct edge result_keys[] = {
	KEY("type", LEAF),
	KEY("message", ANSWER),
	KEY("error", ANSWER),
};

struct node {
	struct schema_place place;
	const struct edge *keys;
	uint8_t n_keys;
	uint8_t element; /* NODE_FREE: none */
	uint8_t other;	 /* where a key without an edge leads */
};

#define KEYS(table) .keys = table, .n_keys = sizeof(table) / sizeof((table)[0])
#define RULE(r) .place = {.rule = SCHEMA_##r}
#define RULE_IF(r, own, around) .place = {.rule = SCHEMA_##r, .types = {own, around}}

static const struct node nodes[NODE_COUNT] = {
	[NODE_FREE] = {RULE(MASK)},
	[NODE_LEAF] = {RULE(VERBATIM)},
	[NODE_ALL] = {RULE(VERBATIM), .element = NODE_ALL, .other = NODE_ALL},
	[NODE_TYPE] = {.place = {SCHEMA_VERBATIM, SCHEMA_TYPE, {0}}},
	[NODE_TYPE_MASKED] = {.place = {SCHEMA_MASK, SCHEMA_TYPE, {0}}},
	[NODE_SIGNATURE] = {.place = {SCHEMA_OPAQUE, SCHEMA_SIGNATURE, {SCHEMA_TYPE_THINKING}}},

	[NODE_BATCHES] = {KEYS(batches_keys)},
	[NODE_BATCH_LIST] = {.element = NODE_BATCH_ITEM},
	[NODE_BATCH_ITEM] = {KEYS(batch_item_keys)},
	[NODE_MESSAGES] = {KEYS(messages_keys)},
	[NODE_SYSTEM] = {.element = NODE_SYSTEM_BLOCK},
	[NODE_SYSTEM_BLOCK] = {KEYS(system_block_keys)},
	[NODE_SYSTEM_TEXT] = {RULE(BILLING)},
	[NODE_TURNS] = {.element = NODE_TURN},
	[NODE_TURN] = {KEYS(turn_keys)},
	[NODE_CONTENT] = {.element = NODE_BLOCK},
	[NODE_BLOCK] = {KEYS(block_keys)},
	[NODE_USE_ID] = {RULE_IF(OPAQUE, SCHEMA_TYPE_TOOL_USE, 0)},
	[NODE_RESULT_ID] = {RULE_IF(OPAQUE, SCHEMA_TYPE_TOOL_RESULT, 0)},
	[NODE_THOUGHT] = {RULE_IF(SIGNED, SCHEMA_TYPE_THINKING, 0)},
	[NODE_REDACTED] = {RULE_IF(OPAQUE, SCHEMA_TYPE_REDACTED, 0)},
	[NODE_COMPACTED] = {RULE_IF(OPAQUE, SCHEMA_TYPE_COMPACTION, 0)},
	[NODE_SOURCE] = {KEYS(source_keys)},
	[NODE_SOURCE_DATA] = {RULE_IF(BASE64, SCHEMA_TYPE_BASE64, SCHEMA_TYPE_MEDIA)},
	[NODE_CITATIONS] = {KEYS(citations_keys), .element = NODE_CITATION},
	[NODE_CITATION] = {KEYS(citation_keys)},
	[NODE_CITATION_INDEX] = {RULE_IF(OPAQUE, SCHEMA_TYPE_SEARCH_CITATION, 0)},
	[NODE_INNER] = {.element = NODE_INNER_BLOCK},
	[NODE_INNER_BLOCK] = {KEYS(inner_block_keys)},
	[NODE_INNER_SOURCE] = {KEYS(inner_source_keys)},
	[NODE_INNER_ENCRYPTED] = {RULE_IF(OPAQUE, SCHEMA_TYPE_SEARCH_HIT,
					  SCHEMA_TYPE_SEARCH_RESULT)},
	[NODE_TOOLS] = {.element = NODE_TOOL},
	[NODE_TOOL] = {KEYS(tool_keys)},
	[NODE_TOOL_CHOICE] = {KEYS(tool_choice_keys)},
	[NODE_METADATA] = {KEYS(metadata_keys)},
	[NODE_THINKING_CONFIG] = {KEYS(thinking_config_keys)},
	[NODE_OUTPUT_CONFIG] = {RULE(VERBATIM), KEYS(output_config_keys), .element = NODE_ALL,
				.other = NODE_ALL},
	[NODE_OUTPUT_FORMAT] = {RULE(VERBATIM), KEYS(output_format_keys), .element = NODE_ALL,
				.other = NODE_ALL},
	[NODE_CONTEXT] = {KEYS(context_keys)},
	[NODE_EDITS] = {.element = NODE_EDIT},
	[NODE_EDIT] = {KEYS(edit_keys)},

	[NODE_ANSWER] = {KEYS(answer_keys)},
	[NODE_ANSWER_CONTENT] = {.element = NODE_ANSWER_BLOCK},
	[NODE_ANSWER_BLOCK] = {KEYS(answer_block_keys)},
	[NODE_ANSWER_INNER] = {.element = NODE_ANSWER_INNER_BLOCK},
	[NODE_ANSWER_INNER_BLOCK] = {KEYS(answer_inner_block_keys)},
	[NODE_ANSWER_CITATIONS] = {.element = NODE_ANSWER_CITATION},
	[NODE_ANSWER_CITATION] = {KEYS(answer_citation_keys)},
	[NODE_ANSWER_ERROR] = {KEYS(answer_error_keys)},
	[NODE_EVENT] = {KEYS(event_keys)},
	[NODE_DELTA] = {KEYS(delta_keys)},
	[NODE_PARTIAL_JSON] = {RULE(NESTED_JSON)},
	[NODE_RESULT_LINE] = {KEYS(result_line_keys)},
	[NODE_RESULT] = {KEYS(result_keys)},
};

schema_node schema_root(enum schema s)
{
	static const uint8_t roots[] = {
		[SCHEMA_NONE] = NODE_FREE,	 [SCHEMA_MESSAGES] = NODE_MESSAGES,
		[SCHEMA_BATCHES] = NODE_BATCHES, [SCHEMA_ANSWER] = NODE_ANSWER,
		[SCHEMA_EVENT] = NODE_EVENT,	 [SCHEMA_RESULT] = NODE_RESULT_LINE,
	};

	return roots[s];
}

static const struct edge *edge_find(schema_node n, const uint8_t *key, size_t len)
{
	const struct node *at = &nodes[n];

	for (size_t i = 0; i < at->n_keys; i++) {
		if (at->keys[i].len == len && !memcmp(at->keys[i].key, key, len))
			return &at->keys[i];
	}
	return NULL;
}

schema_node schema_key(schema_node n, const uint8_t *key, size_t len, bool *known)
{
	const struct edge *found = edge_find(n, key, len);

	*known = found || nodes[n].other != NODE_FREE;
	return found ? found->to : nodes[n].other;
}

const char *schema_word(schema_node n, const uint8_t *key, size_t len)
{
	const struct edge *found = n < NODE_COUNT ? edge_find(n, key, len) : NULL;

	return found ? found->key : NULL;
}

schema_node schema_element(schema_node n)
{
	return nodes[n].element;
}

enum schema_rule schema_rule(schema_node n)
{
	return nodes[n].place.rule;
}

const struct schema_place *schema_place(schema_node n)
{
	return &nodes[n].place;
}

bool schema_uniform(schema_node n)
{
	return n == NODE_FREE || n == NODE_ALL;
}

static inline bool ends_with(const uint8_t *text, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && !memcmp(text + len - n, end, n);
}

unsigned schema_type_of(const uint8_t *text, size_t len)
{
#define OF(word, of)                                                                               \
	{                                                                                          \
		word, sizeof(word) - 1, of                                                         \
	}
	static const struct {
		const char *text;
		size_t len;
		unsigned bits;
	} types[] = {
		OF("base64", SCHEMA_TYPE_BASE64),
		OF("image", SCHEMA_TYPE_MEDIA),
		OF("document", SCHEMA_TYPE_MEDIA),
		OF("thinking", SCHEMA_TYPE_THINKING),
		OF("redacted_thinking", SCHEMA_TYPE_REDACTED),
		OF("web_search_tool_result", SCHEMA_TYPE_TOOL_RESULT | SCHEMA_TYPE_SEARCH_RESULT),
		OF("web_search_result", SCHEMA_TYPE_SEARCH_HIT),
		OF("web_search_result_location", SCHEMA_TYPE_SEARCH_CITATION),
		OF("compaction", SCHEMA_TYPE_COMPACTION),
	};
#undef OF

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].len == len && !memcmp(types[i].text, text, len))
			return types[i].bits;
	}
	if (ends_with(text, len, "tool_use"))
		return SCHEMA_TYPE_TOOL_USE;
	return ends_with(text, len, "tool_result") ? SCHEMA_TYPE_TOOL_RESULT : 0;
}

/* The header is one short line; text that only begins like it is somebody's text. */
#define BILLING_MAX 1024

bool schema_is_billing(const uint8_t *text, size_t len)
{
	static const char header[] = "x-anthropic-billing-header:";

	return len >= sizeof(header) - 1 && len <= BILLING_MAX &&
	       !memcmp(text, header, sizeof(header) - 1) && !memchr(text, '\n', len);
}

bool schema_is_base64(const uint8_t *text, size_t len)
{
	for (unsigned padding = 0; padding < 2 && len && text[len - 1] == '='; padding++)
		len--;
	for (size_t i = 0; i < len; i++) {
		uint8_t c = text[i], letter = c | 0x20;

		if ((letter < 'a' || letter > 'z') && (c < '0' || c > '9') && c != '+' && c != '/')
			return false;
	}
	return true;
}

enum schema schema_of_request(const uint8_t *path, size_t len)
{
	/* By its end: a gateway may serve the API below a path of its own. */
	if (ends_with(path, len, "/v1/messages") ||
	    ends_with(path, len, "/v1/messages/count_tokens"))
		return SCHEMA_MESSAGES;
	return ends_with(path, len, "/v1/messages/batches") ? SCHEMA_BATCHES : SCHEMA_NONE;
}

enum schema schema_of_answer(const uint8_t *path, size_t len)
{
	static const char batches[] = "/v1/messages/batches/", results[] = "/results";
	const uint8_t *at;

	if (ends_with(path, len, "/v1/messages"))
		return SCHEMA_ANSWER;
	at = memmem(path, len, batches, sizeof(batches) - 1);
	if (at && ends_with(at, len - (size_t)(at - path), results))
		return SCHEMA_RESULT;
	return SCHEMA_NONE;
}
