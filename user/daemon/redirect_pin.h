/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_REDIRECT_PIN_H
#define AWSMASK_REDIRECT_PIN_H
/* The pin directory of one redirection: maps by their names, links as "link_<program>". */
#include "err.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdbool.h>

/* Make `dir`, below a bpf file system; /sys/fs/bpf is mounted when it is not. 0 or -1. */
int pin_prepare(const char *dir, struct err *e);
/* Refuse what another version of awsmask left in `dir`. 0 (also when nothing is there) or -1. */
int pin_check_abi(const char *dir, struct err *e);
/* Attach each program at the cgroup `fd`, or put it into the link that is pinned already. 0 or -1.
 */
int pin_links(const char *dir, const struct bpf_object *object, int cgroup_fd, struct err *e);
/* Detach, unpin, remove the directory. 0 (also when nothing is there) or -1. */
int pin_remove(const char *dir, struct err *e);
/* Whether a link is pinned there. */
bool pin_present(const char *dir);

#endif
