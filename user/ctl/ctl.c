/* SPDX-License-Identifier: Apache-2.0 */
/* awsmaskctl: the command table, and the arguments checked against it. */
#include "command.h"

#include <ctype.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define LONG_OPTIONS 256 /* no character */
#define POLICY_OPTIONS (OPTION_BIT(MODE) | OPTION_BIT(FAIL))

static const struct command commands[] = {
	{"enroll", cmd_enroll, "CGROUP|--exe PROGRAM...", 1, INT_MAX,
	 POLICY_OPTIONS | OPTION_BIT(EXE) | OPTION_BIT(DRY_RUN) | OPTION_BIT(JSON),
	 "put a cgroup or a program under awsmask",
	 "CGROUP is a path below the cgroup2 mount, an absolute path, or the name of a systemd "
	 "unit\n"
	 "or slice. Everything in it and below it is masked from its next connection on.\n"
	 "PROGRAM is the absolute path of a program or script. Whoever runs it is masked, with all "
	 "that\n"
	 "it starts, in whichever cgroup; what takes its place at that path is too.\n"
	 "With --dry-run, CGROUP may be a pattern, as in the configuration.\n"},
	{"unenroll", cmd_unenroll, "CGROUP|ID|--exe PROGRAM...", 1, INT_MAX,
	 OPTION_BIT(EXE) | OPTION_BIT(JSON), "release a cgroup or a program",
	 "ID is the number that `awsmaskctl list` shows, for a cgroup that is gone.\n"},
	{"list", cmd_list, "", 0, 0, OPTION_BIT(JSON), "show the enrolled cgroups and programs",
	 ""},
	{"status", cmd_status, "", 0, 0, OPTION_BIT(JSON), "show what the daemon does and has done",
	 "Works without a daemon too: it then says what remains in the kernel.\n"},
	{"top", cmd_top, "", 0, 0,
	 OPTION_BIT(DELAY) | OPTION_BIT(BATCH) | OPTION_BIT(ONCE) | OPTION_BIT(SORT) |
		 OPTION_BIT(FILTER),
	 "watch it work: flows, rates, types, latencies",
	 "Which client's connections are open, what each is doing, how much was masked and "
	 "restored.\n"
	 "Keys: 1 to 4 or tab for another view, s to sort, / to filter, p to pause, q to quit, ? "
	 "for\n"
	 "the rest. COLUMN is one of rate, bytes, age, masked, requests, doing, program, target, "
	 "cgroup.\n"
	 "With --once or --batch all views are printed, with the rates of one delay.\n"},
	{"metrics", cmd_metrics, "", 0, 0, 0, "print what is counted, as Prometheus reads it",
	 "For a host without a scraper: node_exporter takes it as a file of its textfile "
	 "collector.\n"},
	{"report", cmd_report, "[FILE...]", 0, INT_MAX,
	 OPTION_BIT(SINCE) | OPTION_BIT(BY) | OPTION_BIT(DB) | OPTION_BIT(HTML) | OPTION_BIT(JSON) |
		 OPTION_BIT(PROGRESS),
	 "sum up what was found, by type, cgroup and day",
	 "Counts of what was masked, or in observe mode would have been. Says nothing of "
	 "values.\n"
	 "With --html it is one page with plots; each FILE is the report's file of a host, and "
	 "all\n"
	 "are on the page together. Without any, the page is of the daemon that runs here.\n"},
	{"audit", cmd_audit, "verify|show|follow [FILE...]", 1, INT_MAX,
	 OPTION_BIT(SINCE) | OPTION_BIT(UNTIL) | OPTION_BIT(USER) | OPTION_BIT(CGROUP) |
		 OPTION_BIT(VERDICT) | OPTION_BIT(TYPE) | OPTION_BIT(EVENT) |
		 OPTION_BIT(PLACEHOLDER) | OPTION_BIT(HEAD) | OPTION_BIT(JSON),
	 "read the audit log, and prove that nobody has changed it",
	 "verify   go through the chain of all its files, and name the first line that is not as "
	 "it\n"
	 "         was written; with --head also that the chain leads through this head, as the\n"
	 "         daemon's log has it (audit-head)\n"
	 "show     print records, those that all options let through\n"
	 "follow   print what comes from now on, over changes of the file\n"
	 "The log is the configured one, or the FILEs, in their order. WHEN is a date, a time such "
	 "as\n"
	 "2026-11-01T08:30:00Z, or so long ago: 90m, 6h, 7d.\n"},
	{"run", cmd_run, "[--] COMMAND...", 1, -1, POLICY_OPTIONS | OPTION_BIT(VERBOSE),
	 "run a command in a fresh, enrolled cgroup",
	 "Where no awsmaskd runs one is started for this command alone, and all of it is gone "
	 "when\nthe command ends; it trusts this one's CA by variables such as "
	 "NODE_EXTRA_CA_CERTS.\n"
	 "The command runs as the caller's user, root as a rule; to run it as another, say\n"
	 "`awsmaskctl run -- runuser -u NAME -- COMMAND`. Its exit status is passed on, 128 and "
	 "the\n"
	 "signal's number when a signal ended it. What it leaves running is killed. With -v it is\n"
	 "said on stderr what is enrolled, and at the end how much was masked.\n"},
	{"mask", cmd_mask, "", 0, 0,
	 OPTION_BIT(VAULT) | OPTION_BIT(JSON) | OPTION_BIT(VERBOSE) | OPTION_BIT(PROGRESS),
	 "mask standard input to standard output",
	 "Needs --vault, and no daemon. With --json the input is the body of a Messages API "
	 "request;\n"
	 "without, it is text. At most 64 MiB. What is masked, blocked or left alone is as the\n"
	 "configuration has it; -v says which one that is.\n"},
	{"unmask", cmd_unmask, "", 0, 0,
	 OPTION_BIT(VAULT) | OPTION_BIT(JSON) | OPTION_BIT(VERBOSE) | OPTION_BIT(PROGRESS),
	 "restore what `mask` masked with the same vault",
	 "Needs --vault, and no daemon. Give --json if `mask` had it.\n"},
	{"test", cmd_test, "[TEXT|-]", 0, 1,
	 OPTION_BIT(TARGET) | OPTION_BIT(BODY) | OPTION_BIT(JSON),
	 "show what would happen to a text, and why",
	 "TEXT, or standard input, is masked as the daemon would mask it; nothing is sent or "
	 "stored.\n"
	 "Then each place that is masked is explained, and each that one might have expected to "
	 "be.\n"
	 "At most 1 MiB. The policy is the one of the configuration, for any target or for the "
	 "one\n"
	 "that --target names. With --body the input is the body of a Messages API request.\n"},
	{"catalogue", cmd_catalogue, "[TYPE...]", 0, INT_MAX, OPTION_BIT(JSON),
	 "show the types of identifiers that are masked",
	 "TYPE is what a placeholder begins with, such as EC2_INSTANCE. KIND is the class that\n"
	 "`types:` of the configuration knows it by, ACTION what happens to it by default; what "
	 "is\n"
	 "learned is masked wherever it stands once it was found. With a TYPE, the address of its\n"
	 "documentation too. All of it is also in awsmask-catalogue(7).\n"},
	{"check", cmd_check, "", 0, 0, OPTION_BIT(HERE) | OPTION_BIT(BYPASS) | OPTION_BIT(JSON),
	 "prove that masking works on this host",
	 "One line for each check, with what to do if it is not ok. Run it as root, in the\n"
	 "environment of the client: it looks at proxy and CA variables too. With --bypass it\n"
	 "tries from an enrolled cgroup to get past awsmaskd, to addresses that nobody has.\n"},
	{"ca", cmd_ca, "show|install|remove|rotate", 1, 1,
	 OPTION_BIT(CLAUDE_CODE) | OPTION_BIT(JSON), "this host's certificate authority",
	 "show     print it\n"
	 "install  put it into the system's trust store, making it at first; --claude-code is for\n"
	 "         Claude Code's builds on Node, which do not read that store\n"
	 "remove   take it out of both\n"
	 "rotate   make a new one, in place of the old one also in the store; clients that trust "
	 "the\n"
	 "         old one need no restart until it would have expired\n"},
	{"vault", cmd_vault, "check|repair", 1, 1,
	 OPTION_BIT(VAULT) | OPTION_BIT(JSON) | OPTION_BIT(PROGRESS),
	 "look a vault through, or save what can be read of a damaged one",
	 "check    read all of it, and change nothing\n"
	 "repair   put a new file in the place of a damaged one, with every mapping that can still "
	 "be\n"
	 "         proven; the damaged one is kept beside it. No placeholder that was used, also "
	 "for "
	 "a\n"
	 "         value that is lost, is used for another. awsmaskd must not be running.\n"
	 "The vault is the configured one, or the one that --vault names.\n"},
	{"config", cmd_config, "check|show [FILE]", 1, 2, OPTION_BIT(JSON),
	 "check the configuration, or show it with all defaults", ""},
	{"reload", cmd_reload, "", 0, 0, OPTION_BIT(JSON),
	 "have the daemon read its configuration again",
	 "Connections that are open go on as they were; a configuration with an error is refused "
	 "and\nthe earlier one stays.\n"},
	{"version", cmd_version, "", 0, 0, OPTION_BIT(JSON), "print the version", ""},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct {
	const char *word, *takes, *meaning;
} options[OPTION_COUNT] = {
#define X(name, word, takes, meaning) {word, takes, meaning},
	OPTIONS(X)
#undef X
};

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void print_options(uint64_t which)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		char left[40];

		if (!(which >> i & 1))
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", options[i].word,
			 options[i].takes ? " " : "", options[i].takes ? options[i].takes : "");
		printf("  %-24s %s\n", left, options[i].meaning);
	}
}

static int print_usage(void)
{
	printf("usage: awsmaskctl [OPTION...] COMMAND [ARGUMENT...]\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	printf("\n");
	print_options(OPTIONS_COMMON | OPTION_BIT(VERSION));
	printf("\n`awsmaskctl help COMMAND` says more. Exit status: 0 done, 1 refused or not so, "
	       "2 wrong usage.\n");
	return STATUS_DONE;
}

static int print_command_help(const struct command *command)
{
	printf("usage: awsmaskctl %s [OPTION...]%s%s\n\n%s: %s\n%s\n", command->name,
	       *command->operands ? " " : "", command->operands, command->name, command->summary,
	       command->help);
	print_options(command->options | OPTIONS_COMMON);
	return STATUS_DONE;
}

static bool is_choice(const char *choices, const char *value)
{
	size_t len = strlen(value);

	for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
		if (strcspn(at, "|") == len && memcmp(at, value, len) == 0)
			return true;
	return false;
}

static int option_set(struct ctl *c, int which, const char *value)
{
	const char *takes = options[which].takes;

	if (takes && strchr(takes, '|') && !is_choice(takes, value)) {
		ctl_usage_error(c, "--%s is '%s', and can be %s", options[which].word, value,
				takes);
		return -1;
	}
	c->option[which] = value ? value : "";
	return 0;
}

/*
 * Take the options in `allowed` from argv. Returns the index of the first operand, or -1 after
 * saying what is wrong.
 */
static int options_take(struct ctl *c, int argc, char **argv, uint64_t allowed, bool stop_early)
{
	struct option table[OPTION_COUNT + 1] = {0};
	char shorts[4] = ":";
	int n = 0, found;

	if (stop_early)
		strcpy(shorts, "+:");
	if (allowed & OPTION_BIT(VERBOSE))
		strcat(shorts, "v");
	for (int i = 0; i < OPTION_COUNT; i++)
		if (allowed >> i & 1)
			table[n++] = (struct option){
				options[i].word, options[i].takes ? required_argument : no_argument,
				NULL, LONG_OPTIONS + i};
	optind = 0; /* glibc: begin anew, with another table */
	opterr = 0;
	while ((found = getopt_long(argc, argv, shorts, table, NULL)) != -1) {
		if (found == 'v')
			found = LONG_OPTIONS + OPTION_VERBOSE;
		if (found == ':')
			ctl_usage_error(c, "%s needs a value", argv[optind - 1]);
		else if (found == '?' && optopt < LONG_OPTIONS &&
			 isgraph(optopt)) /* else argv still holds the place */
			ctl_usage_error(c, "-%c is not an option", optopt);
		else if (found == '?')
			ctl_usage_error(c, "%s is not an option here", argv[optind - 1]);
		if (found == ':' || found == '?' || option_set(c, found - LONG_OPTIONS, optarg) < 0)
			return -1;
	}
	colour_choose(c->option[OPTION_COLOR]);
	return optind;
}

static int help(struct ctl *c, int argc, char **argv)
{
	const struct command *about;

	if (argc == 0)
		return print_usage();
	about = command_find(argv[0]);
	return about ? print_command_help(about)
		     : ctl_usage_error(c, "there is no command '%s'", argv[0]);
}

static int dispatch(struct ctl *c, int argc, char **argv)
{
	const struct command *command;
	int first;

	if (strcmp(argv[0], "help") == 0)
		return help(c, argc - 1, argv + 1);
	command = command_find(argv[0]);
	if (!command)
		return ctl_usage_error(c, "there is no command '%s'", argv[0]);
	c->command = command;
	first = options_take(c, argc, argv, command->options | OPTIONS_COMMON, command->max < 0);
	if (first < 0)
		return STATUS_USAGE;
	if (c->option[OPTION_HELP])
		return print_command_help(command);
	argc -= first;
	argv += first;
	if (argc < command->min)
		return ctl_usage_error(c, "%s is missing", command->operands);
	if (command->max >= 0 && argc > command->max)
		return ctl_usage_error(c, "'%s' is one argument too many", argv[command->max]);
	return command->run(c, argc, argv);
}

/* What is opened later is not to be taken for one of them; written to, these fail as if they were closed. */
static void keep_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct ctl c = {0};
	int first, status;

	keep_standard();
	signal(SIGPIPE, SIG_IGN);
	setlocale(LC_CTYPE, ""); /* whether the terminal knows UTF-8 */
	first = options_take(&c, argc, argv, OPTIONS_COMMON | OPTION_BIT(VERSION), true);
	if (first < 0)
		return STATUS_USAGE;
	if (c.option[OPTION_VERSION])
		status = cmd_version(&c, 0, NULL);
	else if (c.option[OPTION_HELP])
		status = help(&c, argc - first, argv + first);
	else if (first == argc)
		status = ctl_usage_error(&c, "a command is missing");
	else
		status = dispatch(&c, argc - first, argv + first);
	config_free(c.config);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		ctl_note("standard output could not be written");
		return STATUS_REFUSED;
	}
	return status;
}
