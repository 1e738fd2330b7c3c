/* SPDX-License-Identifier: Apache-2.0 */
/* What was found, and stays because the policy says so. */
#include "explain_parts.h"

static void say_allowed(struct explain *x, const struct mask_place *place)
{
	const struct mask_policy *p = x->policy;
	const char *label = types_info(x->types, place->type)->label;

	if (p->allow && known_has(p->allow, TYPE_LITERAL, place->value, place->len)) {
		explain_say(x,
			    "It is one of the values that the configuration lists under `allow`.");
	} else if (p->actions[place->type] != ACTION_ALLOW) {
		explain_say(x, "It is a value of AWS's own documentation and nobody's secret; "
			       "`keep_examples: false` would mask it.");
	} else {
		explain_say(x, type_is_optional(place->type)
				       ? "The type is off unless `types:` names it: `"
				       : "The configuration leaves this type alone: `");
		explain_say(x, label);
		explain_say(x, ": mask` would mask it.");
	}
}

void explain_allowed(struct explain *x)
{
	struct mask_place place;

	for (size_t i = 0; !x->full && mask_place(x->all, 0, i, &place); i++) {
		struct explain_item item;

		if (explain_covered(x, place.start, place.end))
			continue;
		item = explain_begin(x, place.start, place.end, place.type, place.rule);
		item.action = policy_action(x->policy, place.type, place.value, place.len);
		if (item.action == ACTION_OBSERVE) {
			explain_say(x, "It is found and counted, but the configuration has "
				       "`observe` for its "
				       "type.");
		} else if (item.action == ACTION_ALLOW) {
			say_allowed(x, &place);
		} else {
			explain_say(x, "It would be masked if another value beside it or elsewhere "
				       "in this text "
				       "were, from which it is known.");
		}
		explain_end(x, item);
	}
}
