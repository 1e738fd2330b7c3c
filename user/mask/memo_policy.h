/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_MEMO_POLICY_H
#define AWSMASK_MEMO_POLICY_H
/* Numbers for what policies say, private to memo*.c. */
#include "policy.h"

#define MEMO_POLICIES 8 /* so many are told apart */

struct memo_policies {
	uint64_t n; /* that there were */
	struct {
		uint64_t number;
		struct mask_policy policy;
	} list[MEMO_POLICIES];
};

/* As memo_policy(). */
uint64_t memo_policies_number(struct memo_policies *m, const struct mask_policy *p);

#endif
