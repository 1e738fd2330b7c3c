/* SPDX-License-Identifier: Apache-2.0 */
#include "inherit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

int inherit_add(struct inheritance *in, const char *name, int fd)
{
	struct heirloom *more = reallocarray(in->all, in->count + 1, sizeof(*more));

	if (!more) {
		close(fd);
		return -1;
	}
	in->all = more;
	more[in->count] = (struct heirloom){.fd = fd};
	snprintf(more[in->count].name, sizeof(more->name), "%s", name);
	in->count++;
	return 0;
}

int inherit_from_systemd(struct inheritance *in, struct err *e)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names), failed = 0;

	if (n < 0)
		return err_set(e, "what systemd has kept of an earlier run cannot be had: %s",
			       strerror(-n));
	for (int i = 0; i < n; i++) {
		failed |= inherit_add(in, names[i], SD_LISTEN_FDS_START + i);
		free(names[i]);
	}
	free(names);
	return failed ? err_set(e, "memory is out") : 0;
}

static struct heirloom *find(const struct inheritance *in, const char *name)
{
	for (size_t i = 0; i < in->count; i++)
		if (in->all[i].fd >= 0 && strcmp(in->all[i].name, name) == 0)
			return &in->all[i];
	return NULL;
}

bool inherit_has(const struct inheritance *in, const char *name)
{
	return find(in, name) != NULL;
}

int inherit_take(struct inheritance *in, const char *name)
{
	struct heirloom *h = find(in, name);
	int fd = h ? h->fd : -1;

	if (h)
		h->fd = -1;
	return fd;
}

void inherit_drop(struct inheritance *in)
{
	for (size_t i = 0; i < in->count; i++) {
		if (in->all[i].fd < 0)
			continue;
		inherit_forget(in->all[i].name);
		close(in->all[i].fd);
	}
	free(in->all);
	*in = (struct inheritance){.all = NULL};
}

void inherit_keep(const char *name, int fd)
{
	char text[INHERIT_NAME_MAX + sizeof("FDSTORE=1\nFDNAME=")];

	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", name);
	sd_pid_notify_with_fds(0, 0, text, &fd, 1);
}

void inherit_forget(const char *name)
{
	char text[INHERIT_NAME_MAX + sizeof("FDSTOREREMOVE=1\nFDNAME=")];

	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	sd_notify(0, text);
}
