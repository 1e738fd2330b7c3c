/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_CLIENT_FACTS_H
#define AWSMASKCTL_CLIENT_FACTS_H
/* What /proc says of a process of somebody else's: what it is, how it was started. Its bytes are hostile. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct client_facts {
	pid_t pid;
	uid_t uid;
	char name[32];	  /* printable */
	char program[64]; /* the last part of its path */
	char *arguments, *environment;
	size_t arguments_len, environment_len;
};

/* 0, or -1: it is gone, or a thread of the kernel. */
int client_facts_read(struct client_facts *f, pid_t pid);
void client_facts_free(struct client_facts *f);

/* NULL: it is not set. */
const char *client_variable(const struct client_facts *f, const char *name);
bool client_argument(const struct client_facts *f, const char *word);
/* Whether the file that the process means by this path has this text, white space apart. */
bool client_file_holds(const struct client_facts *f, const char *path, const char *squeezed);
/* A file of at most some megabytes without its white space. NULL: it cannot be read. The caller's. */
char *client_read_squeezed(const char *path);

#endif
