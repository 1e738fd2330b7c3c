/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASK_CONFIG_H
#define AWSMASK_CONFIG_H
/*
 * /etc/awsmask/awsmask.yaml, read once into this; immutable afterwards. Every key has a default.
 */
#include "../mask/own_check.h"
#include "../mask/policy.h"
#include "awsmask/abi.h"
#include "err.h"
#include "scope_use.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_PATH "/etc/awsmask/awsmask.yaml"
#define CONFIG_THREADS_MAX 64 /* a worker's event loops */

struct config_net {
	uint8_t addr[16];   /* v4 as v4-mapped */
	unsigned prefixlen; /* 0..128, v4's 96 leading bits included */
};

enum config_scope { SCOPE_UID, SCOPE_CGROUP, SCOPE_HOST };

/* Exact values: those that stand in the configuration, and a file with one a line; "": none. */
struct config_list {
	char **literals;
	size_t count;
	char file[256];
};

struct config_target {
	char *host;
	enum action action;
};

#define CONFIG_NO_ACTION (-1)

/* One line of `types`. */
struct config_type {
	char name[LABEL_MAX + 1]; /* a type's label, or a class: id, network, name, secret */
	size_t line;		  /* where it stands */
	int action;		  /* enum action, or CONFIG_NO_ACTION: none is said */
	struct config_target *targets;
	size_t target_count;
	/* Of own types alone. */
	char expression[OWN_EXPRESSION_MAX + 1]; /* "": none */
	char **anchors;
	size_t anchor_count;
	struct config_list list;
	struct own_facts facts; /* of its expression */
};

struct config {
	enum policy_mode mode;
	bool fail_open;
	enum config_scope scope;
	uint16_t *ports;
	size_t port_count;
	uint16_t *proxy_ports;
	size_t proxy_port_count;
	struct config_net *exclude;
	size_t exclude_count;
	char **targets; /* lower case host names */
	size_t target_count;
	bool deny_other_hosts; /* other_hosts: deny */
	char **enroll;	       /* cgroup paths, systemd units, or exe: and a program's path */
	size_t enroll_count;
	uint16_t listen_transparent; /* port */
	char listen_explicit[64];    /* "127.0.0.1:8082", "[::1]:8082" or "" */
	struct {
		char address[256]; /* "host:port" or "address:port" to connect to instead; "": the
				      client's own destination */
		char ca_file[256]; /* PEM trusted for origins instead of the system's store; "":
				      system */
	} origin;
	char vault_sqlite[256];
	char report_sqlite[256]; /* "": none is kept */
	unsigned report_keep;	 /* days */
	struct {
		char file[256]; /* "": none is written */
		size_t size;	/* bytes, from which on another file is begun */
		unsigned keep;	/* files besides the one that is written */
		int forward;	/* enum audit_forward */
	} audit;
	char ca_dir[256];
	int log_level;		  /* LOG_ERR and this many more */
	char control_socket[256]; /* control: {socket: /run/awsmask/control.sock} */
	struct {
		char socket[108]; /* sun_path and its NUL; "": none */
		char listen[64];  /* on a loopback address; "" */
	} metrics;
	size_t limit_body; /* bytes */
	size_t limit_memo; /* bytes; 0: nothing is remembered */
	struct scope_limits limits;
	unsigned threads;  /* 0: one per core */
	bool allow_binary; /* binary: refuse | allow */
	struct config_type *types;
	size_t type_count;
	struct config_list allow; /* values that are left alone */
	bool keep_examples;
};

/* The defaults alone. NULL: memory is out. */
struct config *config_default(void);
/*
 * Read a file. NULL on any error: `e` names file, line, what was found and what to write instead.
 * Unknown keys are errors. A missing file is the defaults only if `optional`.
 */
__attribute__((warn_unused_result)) struct config *config_load(const char *path, bool optional,
							       struct err *e);
/* The same from memory; `name` stands for the file in sentences. `text` need not end with NUL. */
__attribute__((warn_unused_result)) struct config *config_parse(const char *name, const char *text,
								size_t len, struct err *e);
void config_free(struct config *c);

/* The program's path in an entry of `enroll`; NULL: the entry is a cgroup's. */
const char *config_enrolled_program(const char *entry);
/* 0, or -1 and a sentence: no program can be enrolled by this path. */
int config_program_check(const char *path, struct err *e);

/* Case and one trailing dot do not matter, here and below. */
bool config_is_target(const struct config *c, const char *host);
/* Model hosts that awsmask knows and does not yet mask (Bedrock, Vertex, OpenAI ...): refused, not
 * spliced. */
bool config_is_unmasked_model(const char *host);
/* Whether the address (v4 as v4-mapped) is in an excluded network, and whether the port is one of `ports` or
 * `proxy_ports`: what the kernel side asks, too. */
bool config_excludes(const struct config *c, const uint8_t addr[static 16]);
bool config_is_masked_port(const struct config *c, unsigned port);
/*
 * What such a host is called where others may read it: a target as the configuration writes it, a model by the
 * pattern that awsmask knows it by, for the rest of its name may be a value (an endpoint's id). NULL: it is
 * neither, and its name may be a value (a bucket's).
 */
const char *config_host_name(const struct config *c, const char *host);

/* Print every key with its value, as YAML that config_load() reads back to the same. Returns
 * malloc'd text. */
char *config_print(const struct config *c);

#endif
