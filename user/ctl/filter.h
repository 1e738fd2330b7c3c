/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_FILTER_H
#define AWSMASKCTL_FILTER_H
/* Masking and restoring one text, start to end, without a daemon. */
#include "../mask/mask.h"
#include "../mask/unmask.h"
#include "command.h"
#include "masking.h"
#include "progress.h"

#define FILTER_IN_MAX ((size_t)64 << 20)
#define FILTER_OUT_MAX ((size_t)1 << 30)

/* `json`: the text is the body of a Messages API request. Append the result to out. 0, or -1 and a
 * sentence. */
int filter_mask(const struct masking *by, struct vault_scope *scope, const struct buf *in,
		bool json, struct buf *out, struct err *e);
int filter_unmask(const struct masking *by, struct vault_scope *scope, const struct buf *in,
		  bool json, struct buf *out, struct err *e);

/* All of standard input, at most FILTER_IN_MAX. 0, or -1 and a sentence. `p` may be NULL. */
int filter_read(struct buf *in, struct progress *p, struct err *e);

typedef int (*filter_fn)(const struct masking *by, struct vault_scope *scope, const struct buf *in,
			 bool json, struct buf *out, struct err *e);
/* masking_open(), or as much of it as `fn` needs. */
typedef int (*masking_fn)(struct masking *m, const struct config *c, struct vault *vault,
			  struct err *e);
/* Standard input through `fn` to standard output, with the vault that --vault names. exit_status */
int filter_run(struct ctl *c, masking_fn open, filter_fn fn);

#endif
