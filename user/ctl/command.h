/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWSMASKCTL_COMMAND_H
#define AWSMASKCTL_COMMAND_H
/*
 * What the commands of awsmaskctl share: the tables of commands and options, from which usage is
 * printed and arguments are checked, the configuration, and how results and errors are said.
 */
#include "../daemon/config.h"
#include "../daemon/err.h"
#include "colour.h"
#include "harmless.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum exit_status { STATUS_DONE = 0, STATUS_REFUSED = 1, STATUS_USAGE = 2 };

#define OPTIONS(X)                                                                                 \
	/* name, word, what it takes (NULL: nothing; a|b: one of these), meaning */                \
	X(CONFIG, "config", "FILE", "read this configuration instead of " CONFIG_PATH)             \
	X(SOCKET, "socket", "PATH", "the daemon's control socket instead of the configured one")   \
	X(HELP, "help", NULL, "say how the command is used")                                       \
	X(COLOR, "color", "always|never|auto", "colours; auto, the default: on a terminal")        \
	X(VERSION, "version", NULL, "print the version")                                           \
	X(JSON, "json", NULL, "print facts as JSON")                                               \
	X(MODE, "mode", "enforce|observe", "default: as configured")                               \
	X(FAIL, "fail", "closed|open", "default: as configured")                                   \
	X(TARGET, "target", "HOST", "as on the way to this one of the configured targets")         \
	X(BODY, "body", NULL, "the text is the body of a Messages API request")                    \
	X(VERBOSE, "verbose", NULL, "say more on stderr; also -v")                                 \
	X(VAULT, "vault", "FILE", "the vault's file; its key is FILE.key, made at first")          \
	X(SINCE, "since", "WHEN",                                                                  \
	  "so many days with today, or from this date on; all that is kept")                       \
	X(BY, "by", "COLUMN,...", "one table by type, cgroup, day, target, or several of them")    \
	X(EXE, "exe", NULL, "the arguments are paths of programs, or patterns of such")            \
	X(DRY_RUN, "dry-run", NULL, "say what would be covered, and change nothing")               \
	X(HERE, "here", NULL, "only whether a connection of this very process is masked")          \
	X(DB, "db", "FILE", "read this report's file; no daemon is needed")                        \
	X(HTML, "html", "FILE", "write a page for a review; - is standard output")                 \
	X(BYPASS, "bypass", NULL, "try the ways round, too")                                       \
	X(PROGRESS, "progress", NULL,                                                              \
	  "say on stderr how far it is, also where that is no terminal")                           \
	X(DELAY, "delay", "SECONDS", "look again after so long, 2 by default")                     \
	X(BATCH, "batch", "COUNT", "print plain text so many times; 0: again and again")           \
	X(ONCE, "once", NULL, "print plain text, once")                                            \
	X(SORT, "sort", "COLUMN", "which flows come first")                                        \
	X(FILTER, "filter", "TEXT", "only lines that hold this")                                   \
	X(CLAUDE_CODE, "claude-code", NULL, "also by a drop-in of Claude Code's managed settings") \
	X(UNTIL, "until", "WHEN", "up to then; as --since")                                        \
	X(USER, "user", "USER", "of this user alone, by name or number")                           \
	X(CGROUP, "cgroup", "TEXT", "of cgroups alone in whose path this stands")                  \
	X(VERDICT, "verdict", "masked|passed|spliced|refused|done", "what became of it")           \
	X(TYPE, "type", "TYPE", "where values of this type were found")                            \
	X(EVENT, "event", "EVENT",                                                                 \
	  "request, flow, enroll, unenroll, reload, ca-reload, start ...")                         \
	X(PLACEHOLDER, "placeholder", "NAME", "requests in which it went out")                     \
	X(HEAD, "head", "HASH", "a head of the chain that must be in it")

enum option_name {
#define X(name, word, takes, meaning) OPTION_##name,
	OPTIONS(X)
#undef X
		OPTION_COUNT
};
#define OPTION_BIT(name) (UINT64_C(1) << OPTION_##name)

/* Every command knows these. */
#define OPTIONS_COMMON                                                                             \
	(OPTION_BIT(CONFIG) | OPTION_BIT(SOCKET) | OPTION_BIT(HELP) | OPTION_BIT(COLOR))

struct ctl {
	const struct command *command;
	const char *option[OPTION_COUNT]; /* NULL: not given; "" for one that takes nothing */
	struct config *config;		  /* by ctl_config() */
};

struct command {
	const char *name;
	int (*run)(struct ctl *c, int argc, char **argv); /* operands only; returns exit_status */
	const char *operands;
	int min, max; /* operands; max -1: a command line follows */
	uint64_t options;
	const char *summary, *help;
};

/* One source file each. */
int cmd_enroll(struct ctl *c, int argc, char **argv);
int cmd_reload(struct ctl *c, int argc, char **argv);
int cmd_unenroll(struct ctl *c, int argc, char **argv);
int cmd_metrics(struct ctl *c, int argc, char **argv);
int cmd_list(struct ctl *c, int argc, char **argv);
int cmd_status(struct ctl *c, int argc, char **argv);
int cmd_top(struct ctl *c, int argc, char **argv);
int cmd_report(struct ctl *c, int argc, char **argv);
int cmd_run(struct ctl *c, int argc, char **argv);
int cmd_mask(struct ctl *c, int argc, char **argv);
int cmd_unmask(struct ctl *c, int argc, char **argv);
int cmd_catalogue(struct ctl *c, int argc, char **argv);
int cmd_test(struct ctl *c, int argc, char **argv);
int cmd_check(struct ctl *c, int argc, char **argv);
int cmd_ca(struct ctl *c, int argc, char **argv);
int cmd_audit(struct ctl *c, int argc, char **argv);
int cmd_config(struct ctl *c, int argc, char **argv);
int cmd_vault(struct ctl *c, int argc, char **argv);
int cmd_version(struct ctl *c, int argc, char **argv);

/* The configuration, read once. NULL and a sentence. */
const struct config *ctl_config(struct ctl *c, struct err *e);

/* Where it is read from, and whether there is such a file (the defaults alone hold if not). */
const char *ctl_config_path(const struct ctl *c, bool *exists);

/* Say why it did not work: on stderr, and with --json as an object on stdout too. STATUS_REFUSED */
int ctl_refuse(const struct ctl *c, const struct err *e);
/* Say on stderr what is wrong with the arguments and where help is. STATUS_USAGE */
__attribute__((format(printf, 2, 3))) int ctl_usage_error(const struct ctl *c, const char *format,
							  ...);
/* A line on stderr for what is worth knowing and no failure. */
__attribute__((format(printf, 1, 2))) void ctl_note(const char *format, ...);

/* Print it on one line and drop the reference. STATUS_DONE, or STATUS_REFUSED when `j` is NULL. */
int ctl_print_json(json_t *j);

#endif
