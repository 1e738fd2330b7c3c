/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch.h"
#include "../daemon/cgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Below our own, so that its limits hold for the command, too; where that cannot have children below the root. */
static int make_below(struct scratch *s, const char *parent, const char *name, struct err *e)
{
	int n = snprintf(s->path, sizeof(s->path), "%s/%s", parent, name);

	if (n < 0 || (size_t)n >= sizeof(s->path))
		return err_set(e, "the path %s is too long", parent);
	return cgroup_create(s->path, e);
}

int scratch_make(struct scratch *s, const char *word, struct err *e)
{
	char own[PATH_MAX], mount[PATH_MAX], name[64];
	uint32_t random;

	if (cgroup_mount(mount, sizeof(mount), e) < 0)
		return -1;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_set(e, "no random numbers: %s", strerror(errno));
	snprintf(name, sizeof(name), "awsmask-%s-%d-%08" PRIx32, word, (int)getpid(), random);
	if (cgroup_of(0, own, sizeof(own), e) == 0 && make_below(s, own, name, e) == 0)
		return 0;
	return make_below(s, mount, name, e);
}

int scratch_begin(struct scratch *s, struct ctl *c, const char *word, struct err *e)
{
	struct err ignored;
	json_t *answer;

	if (scratch_make(s, word, e) < 0)
		return -1;
	if (client_enroll(c, s->path, &answer, e) != CLIENT_DONE) {
		cgroup_remove(s->path, &ignored);
		return -1;
	}
	json_decref(answer);
	return 0;
}

int scratch_end(struct scratch *s, struct ctl *c, struct err *e)
{
	json_t *answer;

	if (cgroup_empty(s->path, e) < 0)
		return -1;
	if (client_unenroll(c, s->path, &answer, e) != CLIENT_DONE)
		return -1;
	json_decref(answer);
	return cgroup_remove(s->path, e);
}

int scratch_destroy(const struct scratch *s, struct err *e)
{
	if (access(s->path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (cgroup_empty(s->path, e) < 0)
		return -1;
	return cgroup_remove(s->path, e);
}
