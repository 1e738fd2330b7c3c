/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AWSMASK_ABI_H
#define AWSMASK_ABI_H
/*
 * What the kernel side (bpf/) and the daemon say to each other: map keys and values, verdicts.
 * Compiled by both; every struct has a fixed size, no implicit padding, and asserts that hold it.
 *
 * Addresses are 16 bytes in network order; IPv4 stands as ::ffff:a.b.c.d (RFC 4291
 * section 2.5.5.2). Ports are host order unless a name ends in _be.
 */
#include <linux/types.h>

#define AWSMASK_ABI 2 /* counts every change in layout or meaning of a pinned map */
#define AWSMASK_PIN_DIR "/sys/fs/bpf/awsmask"
#define AWSMASK_LISTENER_MARK                                                                      \
	0x61776d6b		  /* SO_MARK ("awmk") of our listeners: see listener_alive() */
#define AWSMASK_MAX_PORTS 64	  /* masked ports, proxy ports included */
#define AWSMASK_MAX_EXCLUDES 1024 /* per address family */
#define AWSMASK_MAX_CGROUPS 4096  /* enrolled at once */
#define AWSMASK_MAX_PROGRAMS 256  /* enrolled by their paths, at once */
#define AWSMASK_MAX_PROGRAM_FILES 4096
#define AWSMASK_MAX_MARKS 262144 /* processes that run programs, or descend from them */
#define AWSMASK_PROGRAM_PATH 240 /* bytes of a program's path, its NUL included */
#define AWSMASK_MAX_FLOWS 65536
#define AWSMASK_MAX_CGROUP_DEPTH 32
#define AWSMASK_MAX_LISTENERS 1024 /* network namespaces */
#define AWSMASK_MAX_REASONS 32	   /* room in the counters, so that a new reason keeps the abi */

/* What becomes of a connection. The only vocabulary for it, in bpf and in the daemon. */
#define AWSMASK_VERDICTS(X)                                                                        \
	X(PASS, "pass", "not ours: left alone")                                                    \
	X(REDIRECT, "redirect", "sent to the daemon, which masks or splices it")                   \
	X(DENY, "deny", "refused")

enum verdict {
#define X(name, word, meaning) VERDICT_##name,
	AWSMASK_VERDICTS(X)
#undef X
};

/* Why; also the index of the kernel's counters. */
#define AWSMASK_REASONS(X)                                                                         \
	X(NOT_ENROLLED, "not-enrolled")                                                            \
	X(OWN, "own") /* the daemon's own cgroup (I9) */                                           \
	X(PORT, "port-not-masked")                                                                 \
	X(EXCLUDED, "excluded") /* a configured exclusion */                                       \
	X(REDIRECTED, "redirected")                                                                \
	X(NO_LISTENER, "no-listener") /* nobody of ours listens in this network namespace */       \
	X(FAIL_OPEN, "fail-open")     /* the same, and the policy says `fail: open` */             \
	X(UDP, "udp")		      /* datagrams to a masked port */                             \
	X(NO_ROOM, "no-room")	      /* a flow, or a process of a program, was not remembered */  \
	X(UDP_CONNECT, "udp-connect") /* let be: it sends nothing, and name look-ups do it */

enum reason {
#define X(name, word) REASON_##name,
	AWSMASK_REASONS(X)
#undef X
		REASON_COUNT
};

enum policy_mode { POLICY_ENFORCE = 0, POLICY_OBSERVE = 1 };
/* Wherever people or files have a word for it. */
#define POLICY_ENFORCE_WORD "enforce"
#define POLICY_OBSERVE_WORD "observe"
static inline const char *policy_mode_word(__u32 mode)
{
	return mode == POLICY_OBSERVE ? POLICY_OBSERVE_WORD : POLICY_ENFORCE_WORD;
}

enum policy_flags { POLICY_FAIL_OPEN = 1 };

/* map `enrolled`: cgroup id -> this */
struct policy {
	__u32 mode;  /* enum policy_mode */
	__u32 flags; /* enum policy_flags */
};

/* map `programs`: a number never used twice -> this. A mark with any other number is void. */
struct program {
	struct policy policy;
	char path[AWSMASK_PROGRAM_PATH]; /* as it was enrolled; may be a pattern */
};

/* map `program_files`: a file as the kernel knows it -> the program's number */
struct program_file {
	__u32 dev; /* of the super block: major << 20 | minor, not always what stat(2) says */
	__u32 pad;
	__u64 inode;
};

/* map `program_paths`: what execve(2) was given -> the program's number */
struct program_path {
	struct program_file from; /* the directory that it is relative to; all 0: none, absolute */
	char path[AWSMASK_PROGRAM_PATH]; /* without a leading ./; the rest is 0 */
};

/* map `marks`: a process, by its number in the initial pid namespace, that runs a program or descends
 * from one -> this */
struct program_mark {
	__u32 program;
};

/* map `listeners`: netns cookie -> this; 0: none for that family */
struct listener {
	__u16 port4; /* on 127.0.0.1 */
	__u16 port6; /* on ::1 */
	__u32 pad;
};

/* map `settings`, index 0 */
struct settings {
	__u64 own_cgroup; /* the daemon's; 0 while none runs */
};

/* map `excluded`, LPM trie over v4-mapped and v6 addresses alike */
struct exclude_key {
	__u32 prefixlen; /* 0..128; an IPv4 prefix counts its 96 leading bits too */
	__u8 addr[16];
};

/* map `flows`: who connected from this address and port. Taken (looked up and deleted) once, at
 * accept. */
struct flow_key {
	__u64 netns_cookie;
	__u8 addr[16];
	__u16 port;
	__u16 pad[3];
};

struct flow_record {
	__u8 addr[16]; /* the destination that the client asked for */
	__u16 port;
	__u16 family;	 /* AF_INET or AF_INET6: the family of the client's connect(); v4-mapped is
			    AF_INET */
	__u32 uid;	 /* as the initial user namespace sees it */
	__u32 pid;	 /* thread group, initial pid namespace */
	__u32 mode;	 /* enum policy_mode of what it is enrolled by: the stricter, if by both */
	__u64 cgroup_id; /* the nearest enrolled cgroup; without one, the process's own */
	__u64 task_cgroup_id; /* the one in which the process itself is */
	__u64 netns_cookie;
	__u64 connected_ns; /* CLOCK_MONOTONIC */
	char comm[16];	    /* NUL-terminated */
	__u32 program;	    /* its number; 0: enrolled by the cgroup alone */
	__u32 pad;
};

/* ring buffer `wanted`: somebody enrolled is going to connect, or has tried to, where nobody of ours
 * listens. Not pinned. */
struct netns_wanted {
	__u64 netns_cookie;
	__u64 cgroup_id; /* the enrolled one; 0: only its program is */
	__u32 task;	 /* the thread that does, initial pid namespace */
	__u32 pad;
};

_Static_assert(REASON_COUNT <= AWSMASK_MAX_REASONS, "abi");
_Static_assert(sizeof(struct policy) == 8, "abi");
_Static_assert(sizeof(struct listener) == 8, "abi");
_Static_assert(sizeof(struct settings) == 8, "abi");
_Static_assert(sizeof(struct exclude_key) == 20, "abi");
_Static_assert(sizeof(struct flow_key) == 32, "abi");
_Static_assert(sizeof(struct flow_record) == 88, "abi");
_Static_assert(sizeof(struct program) == 248, "abi");
_Static_assert(sizeof(struct program_file) == 16, "abi");
_Static_assert(sizeof(struct program_path) == 256, "abi");
_Static_assert(sizeof(struct program_mark) == 4, "abi");
_Static_assert(sizeof(struct netns_wanted) == 24, "abi");

#endif
