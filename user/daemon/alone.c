/* SPDX-License-Identifier: Apache-2.0 */
#include "alone.h"
#include "redirect_pin.h"
#include "unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool alone_answers(const char *path)
{
	struct sockaddr_un addr;
	bool answered;
	int fd;

	if (unix_address(&addr, path, "") < 0)
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	answered = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == EAGAIN;
	close(fd);
	return answered;
}

int alone_claim(const struct config *c, struct inheritance *in, struct err *e)
{
	/* Without redirection there is nothing to pin: the socket alone may be contended for. */
	const char *dir = c->listen_transparent ? AWSMASK_PIN_DIR : "/";
	int fd = inherit_take(in, "claim");

	if (fd >= 0)
		return fd;
	if (c->listen_transparent && pin_prepare(dir, e) < 0)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, "%s cannot be opened: %s", dir, strerror(errno));
	if (c->listen_transparent && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		err_set(e,
			"another awsmaskd is running here (it holds %s); stop it first, or ask it: "
			"awsmaskctl status",
			dir);
	} else if (!inherit_has(in, "control") && alone_answers(c->control_socket)) {
		err_set(e,
			"another awsmaskd is running here (it answers at %s); stop it first, or "
			"give this one a control.socket of its own",
			c->control_socket);
	} else {
		return fd;
	}
	close(fd);
	return -1;
}
