/* SPDX-License-Identifier: Apache-2.0 */
#include "config_list.h"
#include "crew_host.h"
#include "monitor.h"
#include "own_cgroup.h"
#include "spawn.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: awsmaskd [--config FILE] [--user NAME] [--replace] [--worker-socket PATH]\n"
	"       awsmaskd --check-config | --release | --help | --version\n"
	"\n"
	"Masks AWS identifiers in what enrolled cgroups send to their model. Runs in the "
	"foreground.\n"
	"\n"
	"  --config FILE    read FILE instead of " CONFIG_PATH "\n"
	"  --user NAME      the unprivileged user (or uid) that handles traffic; awsmask\n"
	"  --replace        take over from the awsmaskd that runs here, if one does: no stream is\n"
	"                   cut, no connect refused\n"
	"  --worker-socket PATH\n"
	"                   have traffic handled by the unit that listens there; else by\n"
	"                   processes of our own\n"
	"  --check-config   say whether the configuration is right, and end\n"
	"  --release        take everything of awsmask out of the kernel: enrolled cgroups are\n"
	"                   no longer redirected, nor masked; needs no running daemon\n";

enum {
	OPT_CONFIG = 1,
	OPT_USER,
	OPT_CHECK,
	OPT_RELEASE,
	OPT_HELP,
	OPT_VERSION,
	OPT_WORKER,
	OPT_HOST,
	OPT_REPLACE,
	OPT_WORKER_SOCKET,
	OPT_COMMAND
};

static const struct option options[] = {
	{"config", required_argument, NULL, OPT_CONFIG},
	{"user", required_argument, NULL, OPT_USER},
	{"check-config", no_argument, NULL, OPT_CHECK},
	{"release", no_argument, NULL, OPT_RELEASE},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{"replace", no_argument, NULL, OPT_REPLACE},
	{"worker-socket", required_argument, NULL, OPT_WORKER_SOCKET},
	{"command-cgroup", required_argument, NULL, OPT_COMMAND}, /* for awsmaskctl run */
	{"worker", required_argument, NULL, OPT_WORKER},
	{"worker-host", required_argument, NULL, OPT_HOST},
	{NULL, 0, NULL, 0},
};

static int wrong_usage(void)
{
	fputs(usage, stderr);
	return 2;
}

static int check_config(const struct monitor_options *o)
{
	struct err e;
	struct config *c = config_load(o->config_path, o->config_optional, &e);
	struct buf content;
	int status;

	if (!c) {
		fprintf(stderr, "awsmaskd: %s\n", e.text);
		return 1;
	}
	buf_init(&content, LIST_FILE_MAX * LIST_FILES_MAX);
	status = list_read_all(c, &content, &e);
	if (status < 0)
		fprintf(stderr, "awsmaskd: %s\n", e.text);
	buf_free(&content);
	config_free(c);
	return -status;
}

static int release(void)
{
	struct err e;

	own_cgroup_remove();
	if (redirect_remove(&e) == 0)
		return 0;
	fprintf(stderr, "awsmaskd: %s\n", e.text);
	return 1;
}

static int run_worker(const char *argument)
{
	struct worker_boot boot;

	if (spawn_receive(argument, &boot) < 0) {
		fputs("awsmaskd: --worker is for the monitor's own use\n", stderr);
		return 2;
	}
	return worker_main(&boot);
}

static int run_host(const char *argument)
{
	char *rest;
	long fd = strtol(argument, &rest, 10);

	if (!*argument || *rest || fd < 3 || fd > 65535) {
		fputs("awsmaskd: --worker-host is for awsmask-worker.service and the monitor\n",
		      stderr);
		return 2;
	}
	return crew_host_main((int)fd);
}

int main(int argc, char **argv)
{
	struct monitor_options o = {
		.config_path = CONFIG_PATH, .config_optional = true, .user = "awsmask"};
	int c, mode = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case OPT_CONFIG:
			o.config_path = optarg;
			o.config_optional = false;
			break;
		case OPT_USER:
			o.user = optarg;
			break;
		case OPT_REPLACE:
			o.replace = true;
			break;
		case OPT_WORKER_SOCKET:
			o.worker_socket = optarg;
			break;
		case OPT_COMMAND:
			o.command_cgroup = optarg;
			break;
		case OPT_WORKER:
			return run_worker(optarg);
		case OPT_HOST:
			return run_host(optarg);
		case '?':
			return wrong_usage();
		default:
			mode = c;
		}
	}
	if (optind < argc)
		return wrong_usage();
	switch (mode) {
	case OPT_HELP:
		return fputs(usage, stdout) < 0;
	case OPT_VERSION:
		return puts("awsmaskd " AWSMASK_VERSION) < 0;
	case OPT_CHECK:
		return check_config(&o);
	case OPT_RELEASE:
		return release();
	default:
		break;
	}
	if (geteuid() != 0) {
		fputs("awsmaskd: it must be started by root; it gives root up where it reads the "
		      "network\n",
		      stderr);
		return 1;
	}
	return monitor_main(&o);
}
