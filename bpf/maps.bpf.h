/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef AWSMASK_MAPS_BPF_H
#define AWSMASK_MAPS_BPF_H
/*
 * Every map, pinned by its name: policy outlives the daemon. A change of any of them, or of
 * struct flow_note, is a change of AWSMASK_ABI. Not so the last two, which are of use to a running
 * daemon alone.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "awsmask/abi.h"

/* What a redirected socket carries from connect() until it is destroyed. */
struct flow_note {
	struct flow_record record;
	struct flow_key key; /* under which it was published; port 0: not yet */
	__u16 listener_port; /* where it was sent */
	__u16 pad[3];
};

_Static_assert(sizeof(struct flow_note) == 120, "abi");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32); /* AWSMASK_ABI */
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} abi SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, AWSMASK_MAX_CGROUPS);
	__type(key, __u64);
	__type(value, struct policy);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} enrolled SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, AWSMASK_MAX_LISTENERS);
	__type(key, __u64); /* netns cookie */
	__type(value, struct listener);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} listeners SEC(".maps");

/* Twice the limit: while a configuration is replaced the old set and the new one are both in. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * AWSMASK_MAX_PORTS);
	__type(key, __u16); /* host order */
	__type(value, __u8);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 2 * AWSMASK_MAX_EXCLUDES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct exclude_key);
	__type(value, __u8);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} excluded SEC(".maps");

/* Not an LRU: under load that would evict flows which wait for accept(). Entries go when they are
 * taken or when the client's socket closes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, AWSMASK_MAX_FLOWS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct flow_key);
	__type(value, struct flow_record);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AWSMASK_MAX_REASONS);
	__type(key, __u32); /* enum reason */
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} counters SEC(".maps");

/* Socket storage (5.2; from cgroup/connect 5.3) goes with its socket, so a connect that fails
 * leaves nothing behind and nobody's note can be evicted. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct flow_note);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} notes SEC(".maps");

/* Datagram sockets that an enrolled task connected to a masked port: the enrolled cgroup. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} watched SEC(".maps");

/* The daemon is told where it should listen, too. Full while it is not running: nothing is lost. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF); /* 5.8 */
	__uint(max_entries, 64 * 1024);	    /* whole pages, of whatever size */
} wanted SEC(".maps");

/* When it was last told, by netns cookie. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, AWSMASK_MAX_LISTENERS);
	__type(key, __u64);
	__type(value, __u64); /* CLOCK_MONOTONIC, ns */
} told SEC(".maps");

#endif
