/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_POLICY_H
#define AWSMASK_POLICY_H
/*
 * What is done with what is found, on the way to one target: by its type, and by exact values that
 * are left alone whatever their type. Restoring knows no policy.
 *
 * What is not masked is as if it were not there: it never hides, by overlapping it, what is. Text
 * that looks like a placeholder (TYPE_LITERAL) is always masked, else it could not be told from one.
 */
#include "known.h"

enum action {
	ACTION_MASK,	/* replaced by its placeholder */
	ACTION_BLOCK,	/* the whole request is refused */
	ACTION_OBSERVE, /* counted, and left as it is */
	ACTION_ALLOW,	/* left as it is */
	ACTION_COUNT
};

/* Values that the configuration lists: of own types, and those that are left alone. */
#define POLICY_LITERALS 2

struct mask_policy {
	uint8_t actions[TYPE_MAX]; /* enum action */
	bool keep_examples;	   /* values of AWS's own documentation are left alone */
	const struct known *literals[POLICY_LITERALS]; /* NULL: none */
	uint64_t edition;	   /* of all lists: no others have this number. 0: they have none */
	const struct known *allow; /* NULL: none; their types mean nothing */
};

/* Each type masked but the optional ones, examples kept, no lists. */
extern const struct mask_policy policy_default;

/* The action for a value of this type. */
enum action policy_action(const struct mask_policy *p, enum mask_type type, const uint8_t *value,
			  size_t len);

/* Do they say the same? Of lists without an edition nobody knows: false. */
bool policy_same(const struct mask_policy *a, const struct mask_policy *b);

/* Does any type have this action? */
bool policy_has(const struct mask_policy *p, const struct types *types, enum action action);

/*
 * Where the policy of a connection comes from: asked at the beginning of each request, for lists
 * change. What take() gives does not change, and stays until it is given back with done(). `host`:
 * the target's name, or what is known instead of it; "": nothing is.
 */
struct policy_source {
	const struct mask_policy *(*take)(struct policy_source *s, const char *host);
	void (*done)(struct policy_source *s, const struct mask_policy *p);
};

#endif
