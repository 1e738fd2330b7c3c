/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_CLAUDE_CODE_H
#define AWSMASKCTL_CLAUDE_CODE_H
/*
 * A drop-in of Claude Code's managed settings that has it trust the CA by NODE_EXTRA_CA_CERTS, for its builds that do not
 * read the system's store. It costs those that do the compression of what they send.
 */
#include "../daemon/err.h"

#define CLAUDE_CODE_DIR "/etc/claude-code"
#define CLAUDE_CODE_DROP_IN CLAUDE_CODE_DIR "/managed-settings.d/awsmask.json"

/* Write it below `dir`, naming the CA in `ca_dir`. 0, or -1 and a sentence. */
int claude_code_install(const char *dir, const char *ca_dir, struct err *e);
/* Remove it, and its directories when nothing else is in them. 0, also when it is not there, or -1. */
int claude_code_remove(const char *dir, struct err *e);

#endif
