/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_PRIVSEP_H
#define AWSMASK_PRIVSEP_H
/*
 * What the unprivileged worker may ask of the monitor (I10): a handful of fixed-size requests over
 * a SOCK_SEQPACKET pair, one pair per worker thread. The monitor checks each as if an enemy had
 * sent it; privsep_serve() says beside each why granting it is safe.
 */
#include "awsmask/abi.h"
#include "sweep.h"

#include <stdbool.h>
#include <uv.h>

#define PRIV_LEAF_MAX 2048
#define PRIV_LIST_MAX 32    /* enrolments in one reply */
#define PRIV_PROGRAMS_MAX 7 /* programs */
#define PRIV_NETNS_MAX 64
#define PRIV_FDS_MAX 2 /* beside one reply */

enum priv_kind {
	PRIV_FLOW_TAKE, /* flow_key -> flow */
	PRIV_PEER, /* peer -> flow: who owns that local TCP socket (peer.h); all else of it is 0 */
	PRIV_LEAF, /* leaf -> certificate, signed after the monitor checked the name itself */
	/* Those that change something come with the connection of who wants it (control_judge.h). */
	PRIV_ENROLL,	/* cgroup: id, policy */
	PRIV_UNENROLL,	/* cgroup: id */
	PRIV_LIST,	/* list: offset -> ids and policies */
	PRIV_COUNTERS,	/* the kernel's counters, by enum reason */
	PRIV_CA_RELOAD, /* read ca.dir again */
	PRIV_READY,	/* the worker accepts connections */
	PRIV_ALIVE,	/* this thread's loop goes round */
	PRIV_RELOAD,	/* read the configuration again; answered once that is done, or refused */
	PRIV_QUIET,	/* the loop accepts no more, and nothing of it will need an answer again */
	PRIV_LISTS,	/* lists: generation -> a later one and its content, when there is one */
	PRIV_DOORS, /* doors: the last one -> the next, and its listening sockets (netns_doors.h) */
	PRIV_SOCKET,	     /* socket: netns cookie, family -> a TCP socket that was made there */
	PRIV_NETNS,	     /* list: offset -> network namespaces that are served */
	PRIV_PROGRAM_ENROLL, /* program: path, policy -> program */
	PRIV_PROGRAM_UNENROLL, /* program: path */
	PRIV_PROGRAMS,	       /* list: offset -> programs */
	PRIV_FACTS,	       /* what the monitor knows for the metrics */
};

struct program_enrolled {
	uint32_t id;
	uint32_t processes; /* that ran it already, with their descendants */
	struct sweep_result sweep;
};

/* Numbers for the metrics. */
struct priv_facts {
	uint64_t kernel[REASON_COUNT];
	uint64_t started; /* seconds since 1970, as the next */
	uint64_t ca_not_after;
	uint64_t restarts; /* workers that ended unasked */
	uint32_t cgroups, programs, namespaces;
	uint32_t draining; /* workers */
};

struct priv_request {
	uint32_t kind; /* enum priv_kind */
	uint32_t id;   /* of the request, chosen by the client side, echoed */
	union {
		struct flow_key flow;
		struct {
			uint8_t local[16],
				remote[16]; /* as the client's socket sees them; v4-mapped */
			uint16_t local_port, remote_port;
		} peer;
		struct {
			char host[256];
			uint8_t spki[128];
			uint32_t spki_len;
		} leaf;
		struct {
			uint64_t id;
			struct policy policy;
		} cgroup;
		struct {
			uint32_t offset;
		} list;
		struct {
			uint32_t generation; /* which the worker has */
		} lists;
		struct {
			struct policy policy;
			char path[AWSMASK_PROGRAM_PATH];
		} program;
		struct {
			uint64_t serial; /* which came last; 0: none yet */
			uint32_t failed; /* and nobody accepts there */
		} doors;
		struct {
			uint64_t netns_cookie;
			uint32_t family;
		} socket;
	} u;
};

struct priv_reply {
	uint32_t kind, id;
	int32_t status; /* 1: done; 0: no such thing; -1: refused or failed, see error */
	char error[512];
	uint32_t fd_count; /* these travel beside the message; the receiver's to close */
	int fds[PRIV_FDS_MAX];
	union {
		struct flow_record flow;
		struct {
			uint32_t len;
			uint8_t der[PRIV_LEAF_MAX];
		} leaf;
		struct {
			uint32_t total, count;
			uint64_t ids[PRIV_LIST_MAX];
			struct policy policies[PRIV_LIST_MAX];
		} list;
		struct program_enrolled program; /* of PRIV_PROGRAM_ENROLL; as with `sweep` below */
		struct {
			uint32_t total, count;
			uint32_t ids[PRIV_PROGRAMS_MAX];
			struct program programs[PRIV_PROGRAMS_MAX];
		} programs;
		uint64_t counters[REASON_COUNT];
		struct priv_facts facts;
		struct {
			uint32_t generation; /* and one descriptor */
		} lists;
		struct {
			uint64_t serial, netns_cookie;
			uint32_t count; /* of descriptors that were sent */
		} doors;
		struct {
			uint32_t total, count;
			struct {
				uint64_t cookie, inode;
				struct listener ports;
			} at[PRIV_NETNS_MAX];
		} netns;
		struct sweep_result sweep; /* of PRIV_ENROLL; `error` says what went wrong with it
					      though the cgroup is enrolled */
	} u;
};

/* Receive a request without waiting: as recv(), and *fd is what came beside it, the caller's to close; -1:
 * nothing did. */
ssize_t privsep_receive(int channel, struct priv_request *r, int *fd);
/* The monitor's end: answer on this channel. The descriptors stay open here. 0, or -1 and errno. */
__attribute__((warn_unused_result)) int privsep_answer(int channel, const struct priv_reply *reply);
/* Close what came, or went, beside it. */
void privsep_close_fds(const struct priv_reply *reply);

/* The worker's end, on one loop. */
struct privsep;
typedef void (*privsep_done)(void *arg, const struct priv_reply *reply);

/* fd: this thread's end of a pair; owned from now on. `lost` is called once when the monitor is
 * gone and all that it had answered has been heard; then calls without an answer get one with status -1. */
__attribute__((warn_unused_result)) struct privsep *privsep_new(uv_loop_t *loop, int fd,
								void (*lost)(void *arg), void *arg);
void privsep_close(struct privsep *p); /* closes its handle; pending calls are never answered */
/* Whether the monitor is gone, so that what failed failed for that. */
bool privsep_is_lost(const struct privsep *p);

/*
 * Send a request; `done` is called from the loop with the answer, never from inside this call.
 * Returns a ticket (not 0) for privsep_forget(), or 0 when it could not be sent.
 */
uint32_t privsep_call(struct privsep *p, struct priv_request *r, privsep_done done, void *arg);
/* The same with a descriptor beside it, which stays the caller's. */
uint32_t privsep_call_with(struct privsep *p, struct priv_request *r, int fd, privsep_done done,
			   void *arg);
/* The answer to this ticket is not wanted any more. */
void privsep_forget(struct privsep *p, uint32_t ticket);

#endif
