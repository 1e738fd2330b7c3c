/* SPDX-License-Identifier: Apache-2.0 */
#include "memo_policy.h"

uint64_t memo_policies_number(struct memo_policies *m, const struct mask_policy *p)
{
	uint64_t number;

	if (!policy_same(p, p))
		return 0;
	for (size_t i = 0; i < MEMO_POLICIES; i++)
		if (m->list[i].number && policy_same(&m->list[i].policy, p))
			return m->list[i].number;
	number = ++m->n;
	m->list[number % MEMO_POLICIES].number = number;
	m->list[number % MEMO_POLICIES].policy = *p;
	return number;
}
