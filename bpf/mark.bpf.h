/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AWSMASK_MARK_BPF_H
#define AWSMASK_MARK_BPF_H
/* Which enrolled program a process runs, or descends from. */
#include "maps.bpf.h"

static __always_inline struct program_mark *mark_of_current(void)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32; /* 5.7 */

	return bpf_map_lookup_elem(&marks, &pid);
}

#endif
