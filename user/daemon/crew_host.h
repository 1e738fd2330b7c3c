/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CREW_HOST_H
#define AWSMASK_CREW_HOST_H
/*
 * The parent of the workers: an unprivileged process that starts one whenever a monitor asks for it
 * and says when it has ended. So workers outlive the monitor that had them started, and finish what
 * they have. What they execute and hold is the monitor's choice; nothing here changes with them.
 *
 *	monitor -> host    START id + descriptors   SIGNAL id
 *	host -> monitor    HELLO   STARTED id pid   ENDED id
 *
 * Over a SOCK_SEQPACKET connection. The host ends when nobody is connected and no worker is left.
 */
#include <stdint.h>

#define CREW_HOST_PROTOCOL 1
#define CREW_HOST_FIRST_FD 3 /* in the worker: the first descriptor behind the program's */
#define CREW_HOST_KEPT_MAX 4 /* environment variables that a worker gets */

enum crew_host_kind {
	CREW_HOST_HELLO, /* value: CREW_HOST_PROTOCOL; sent with the host's credentials */
	CREW_HOST_START, /* beside it the program to execute, then the worker's descriptors */
	CREW_HOST_STARTED,
	CREW_HOST_SIGNAL, /* value: which one */
	CREW_HOST_ENDED, /* value: as of waitpid(), or an errno, negative: it could not be started */
};

struct crew_host_message {
	uint32_t kind; /* enum crew_host_kind */
	uint32_t id;   /* of the worker, chosen by the monitor, unique in its connection */
	int32_t pid;
	int32_t value;
};

/* The process's main. fd: a connection, or a listening socket for root alone. Exit status. */
int crew_host_main(int fd);

/* Those of our own environment that an unprivileged process gets: how to log, how to report. */
void crew_host_environment(char *envp[static CREW_HOST_KEPT_MAX + 1]);

#endif
