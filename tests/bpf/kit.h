/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BPF_KIT_H
#define TESTS_BPF_KIT_H
/*
 * Each case runs in a process, a network namespace, a cgroup and a pin directory of its own, with
 * an origin that listens on everything and listeners such as the daemon has; clients are processes
 * in cgroups below.
 */
#include "../../user/daemon/cgroup.h"
#include "../../user/daemon/redirect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ORIGIN4 "198.51.100.7"
#define ORIGIN6 "2001:db8::7"
#define ORIGIN_MAPPED "::ffff:198.51.100.7"
#define EXCLUDED4 "203.0.113.9"
#define EXCLUDED6 "2001:db8:e::9"
#define MASKED 443
#define PROXY 3128
#define UNMASKED 8443

struct world {
	char dir[128];	  /* pins */
	char cgroup[512]; /* enrolled, enforce, closed */
	uint64_t cgroup_id;
	uint64_t netns;
	struct redirect *r;
	struct config config;
	int listener4, listener6; /* marked, as the daemon's */
	struct listener ports;
	int origin[3];	  /* MASKED, PROXY, UNMASKED */
	int datagrams[2]; /* MASKED, UNMASKED */
};

struct test_case {
	const char *name;
	void (*run)(struct world *w);
};

/* Arrays that end with a NULL name, one per file of cases. */
extern const struct test_case stream_cases[], datagram_cases[], life_cases[], netns_cases[],
	program_cases[];

/* Ends the case. */
void check_failed(const char *file, int line, const char *what) __attribute__((noreturn));
void check_equal(long got, long wanted, const char *what, const char *file, int line);
#define check(x) ((x) ? (void)0 : check_failed(__FILE__, __LINE__, #x))
#define check_is(got, wanted) check_equal((long)(got), (long)(wanted), #got, __FILE__, __LINE__)

enum how {
	HOW_CONNECT,
	HOW_NONBLOCK,	      /* poll() for the end of a non-blocking connect */
	HOW_FASTOPEN_SENDTO,  /* sendto(MSG_FASTOPEN) */
	HOW_FASTOPEN_CONNECT, /* TCP_FASTOPEN_CONNECT, then send() */
	HOW_SEND,	      /* connect(), then send() */
	HOW_SENDTO,	      /* no connect() */
	HOW_RECONNECT,	      /* to `dst`, connect(AF_UNSPEC), then to `then` on UNMASKED */
	HOW_TWO_DATAGRAMS,    /* connect() and send(), then sendto() `then` on UNMASKED */
	HOW_FILL,	      /* 64 non-blocking connects, all closed again */
	HOW_URING,	      /* connect() by an io_uring worker */
	HOW_RAW,	      /* sendto() of a header that begins with two ports, on a raw socket */
};

struct plan {
	enum how how;
	int family, type, protocol;
	const char *dst, *then;
	uint16_t port;
	const char *netns;   /* the network namespace to enter; NULL: none */
	bool own_netns;	     /* a network namespace of the client's own */
	bool socket_before;  /* made before the process enters the cgroup */
	bool connect_before; /* datagrams: connected before, too */
	bool in_two;	     /* HOW_SEND: connect, and send when client_go() says so */
	bool v4_sockaddr;    /* AF_INET address on an AF_INET6 socket */
	bool bind_origin;    /* to ORIGIN4 */
	bool extension;	     /* an IPv6 destination-options header on each packet */
	uid_t uid;
	struct world *squat; /* have a marked listener in the client's own namespace */
	struct world *world; /* with `mark`: whose programs it is of */
	uint32_t mark;	     /* run as this program */
};

struct outcome {
	int error;	   /* errno of connect() or the last send, 0 */
	int connect_error; /* of connect() alone */
	uint64_t netns;
	struct sockaddr_storage peer, local; /* as the client sees them */
};

struct client {
	pid_t pid;
	int from, to;
	struct outcome out;
};

/* Start a client in the cgroup, wait until it has done its plan; it keeps its socket open. */
struct client client_start(const char *cgroup, const struct plan *plan);
/* Let a client of two steps take the second; its outcome replaces the first. */
void client_go(struct client *c);
void client_end(struct client *c);
/* Both, for those of which only the outcome counts. */
struct outcome client_run(const char *cgroup, const struct plan *plan);

enum place { NOWHERE, LISTENER4, LISTENER6, ORIGIN };
/* Who has a connection to accept; *fd (may be NULL) is the accepted one. */
enum place landed(const struct world *w, int *fd);
/* A datagram has come to MASKED (0) or UNMASKED (1). */
bool datagram_came(const struct world *w, int which);

/* The key of an accepted connection, as the daemon makes it. */
struct flow_key key_of(const struct world *w, int accepted);
/* As the monitor takes it: redirect_flow_find(), and it is had once. */
int flow_take(struct world *w, const struct flow_key *key, struct flow_record *record);
/* How many flows the map holds. */
int flow_count(const struct world *w);
void flows_clear(int fd); /* of the map behind this descriptor */
long seconds_up(void);	  /* since this machine was switched on */
uint64_t count_of(struct world *w, enum reason reason);
/* 0 or a negative errno; -ENOSYS: there is no io_uring. */
int uring_connect(int fd, const struct sockaddr *to, socklen_t size);
/* "address port" */
const char *address_text(const struct sockaddr_storage *a, char text[static 64]);

int listener_make(int family, const char *addr, uint16_t port, uint32_t mark);
uint16_t port_of(int fd);
/* A cgroup below the world's; returns `path`. */
char *cgroup_below(const struct world *w, const char *name, char path[static 512]);
uint64_t id_of(const char *cgroup);
void enroll(struct world *w, const char *cgroup, uint32_t mode, uint32_t flags);
void listeners_close(struct world *w);
void listeners_open(struct world *w); /* on the same ports */
uint64_t netns_cookie(void);
void world_reopen(struct world *w);
int pin_open(const struct world *w, const char *name);
/* The programs as a kernel gets them that lacks every helper that is probed for; `task_read`: but may
 * read its own structures. */
void programs_replace(struct world *w, bool task_read);

void world_make(struct world *w, const char *name);
/* What a case left behind, however it ended. */
void world_remove(const char *name);

#endif
