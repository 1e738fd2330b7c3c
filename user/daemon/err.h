/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_ERR_H
#define AWSMASK_ERR_H
/* A sentence for the operator: what was wrong, with which value, and what to do. Never payload. */
struct err {
	char text[512];
};
__attribute__((format(printf, 2, 3))) int err_set(struct err *e, const char *format,
						  ...); /* returns -1 */
#endif
