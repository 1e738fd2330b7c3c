/* SPDX-License-Identifier: Apache-2.0 */
#include "memo_policy.h"

static bool policy_is(const struct mask_policy *a, const struct mask_policy *b)
{
	for (size_t i = 0; i < POLICY_LITERALS; i++)
		if (a->literals[i] != b->literals[i])
			return false;
	return a->edition == b->edition && a->allow == b->allow &&
	       a->keep_examples == b->keep_examples &&
	       !memcmp(a->actions, b->actions, sizeof(a->actions));
}

uint64_t memo_policies_number(struct memo_policies *m, const struct mask_policy *p)
{
	bool lists = p->allow != NULL;
	uint64_t number;

	for (size_t i = 0; i < POLICY_LITERALS; i++)
		lists |= p->literals[i] != NULL;
	if (lists && !p->edition)
		return 0;
	for (size_t i = 0; i < MEMO_POLICIES; i++)
		if (m->list[i].number && policy_is(&m->list[i].policy, p))
			return m->list[i].number;
	number = ++m->n;
	m->list[number % MEMO_POLICIES].number = number;
	m->list[number % MEMO_POLICIES].policy = *p;
	return number;
}
