/* SPDX-License-Identifier: Apache-2.0 */
#include "../daemon/redirect.h"
#include "ephemeral_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void ephemeral_path(char path[static PATH_MAX], const char *dir, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", dir, name);
}

/* What the keeper has said last. 0: it is ready; -1 and a sentence. */
static int hear(const struct ephemeral *ep, int flags, struct err *e)
{
	char text[sizeof(e->text)];
	ssize_t n;

	do
		n = recv(ep->line, text, sizeof(text) - 1, flags);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return err_set(e, "the process that keeps the command's awsmaskd was killed");
	text[n] = 0;
	return strcmp(text, EPHEMERAL_READY) == 0 ? 0 : err_set(e, "%s", text);
}

static int start_keeper(struct ephemeral *ep, struct err *e)
{
	char root[64];
	int line[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0)
		return err_set(e, "no socket could be made: %s", strerror(errno));
	fflush(NULL);
	ep->keeper = fork();
	if (ep->keeper == 0) {
		close(line[0]);
		ephemeral_keep(ep, line[1]);
	}
	close(line[1]);
	ep->line = line[0];
	if (ep->keeper < 0)
		return err_set(e, "no process could be made: %s", strerror(errno));
	if (hear(ep, 0, e) < 0)
		return -1;
	snprintf(root, sizeof(root), "/proc/%d/root/sys/fs/bpf", (int)ep->keeper);
	ep->pins = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ep->pins < 0 ? err_set(e, "%s: %s", root, strerror(errno)) : 0;
}

static int enroll(struct ephemeral *ep, struct ctl *c, struct err *e)
{
	char *path = NULL;
	json_t *answer;

	if (asprintf(&path, "%s/" EPHEMERAL_SOCKET, ep->dir) < 0)
		return err_set(e, "memory is out");
	c->option[OPTION_SOCKET] = path; /* for as long as the process lives */
	if (client_enroll(c, ep->scratch.path, &answer, e) != CLIENT_DONE)
		return -1;
	json_decref(answer);
	return 0;
}

int ephemeral_begin(struct ephemeral *ep, struct ctl *c, struct err *e)
{
	struct err ignored;

	*ep = (struct ephemeral){.keeper = -1, .log = -1, .line = -1, .pins = -1};
	if (redirect_pinned())
		return err_set(e,
			       "awsmaskd is not running, but what it had enrolled is still guarded "
			       "(" AWSMASK_PIN_DIR
			       "): start it with `systemctl start awsmaskd`, or release this host "
			       "with `awsmaskd --release`");
	if (ephemeral_rights(e) < 0)
		return -1;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (ephemeral_prepare(ep, c, e) == 0 && scratch_make(&ep->scratch, "run", e) == 0 &&
	    ephemeral_remember(ep, e) == 0 && start_keeper(ep, e) == 0 && enroll(ep, c, e) == 0)
		return 0;
	(void)ephemeral_end(ep, &ignored);
	return -1;
}

int ephemeral_end(struct ephemeral *ep, struct err *e)
{
	struct err left;
	int status = 0, rc = 0;

	if (ep->keeper > 0) {
		shutdown(ep->line, SHUT_WR);
		while (waitpid(ep->keeper, &status, 0) < 0 && errno == EINTR)
			;
		if (status)
			rc = hear(ep, MSG_DONTWAIT, e) < 0 ? -1 : err_set(e, "it was killed");
	}
	/* The keeper has done all of this, unless it was killed. */
	if (*ep->scratch.path && scratch_destroy(&ep->scratch, &left) < 0)
		rc = err_set(e, "%s", left.text);
	/* The daemon that a killed keeper has left ends by itself: ours since then, and still writing. */
	while (status && (waitpid(-1, NULL, 0) > 0 || errno == EINTR))
		;
	if (*ep->dir && ephemeral_remove(ep->dir, &left) < 0)
		rc = err_set(e, "%s", left.text);
	if (ep->log >= 0)
		close(ep->log);
	if (ep->line >= 0)
		close(ep->line);
	if (ep->pins >= 0)
		close(ep->pins);
	return rc;
}
