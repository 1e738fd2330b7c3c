/* SPDX-License-Identifier: Apache-2.0 */
#include "redirect_private.h"

#include "redirect_set.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const char *redirect_no_programs(const struct redirect *r)
{
	return *r->no_programs.text ? r->no_programs.text : NULL;
}

static int check(const struct redirect *r, struct err *e)
{
	if (!*r->no_programs.text)
		return 0;
	return err_set(e,
		       "programs cannot be enrolled on this kernel, but cgroups can: marking "
		       "processes takes bpf programs on tracepoints, and BTF (%s)",
		       r->no_programs.text);
}

static int compare_id(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* All numbers in their order; they are few. */
static size_t ids_read(const struct redirect *r, uint32_t ids[static AWSMASK_MAX_PROGRAMS])
{
	int fd = bpf_map__fd(r->skel->maps.programs);
	uint32_t next;
	size_t n = 0;
	int rc = bpf_map_get_next_key(fd, NULL, &next);

	while (!rc && n < AWSMASK_MAX_PROGRAMS) {
		ids[n++] = next;
		rc = bpf_map_get_next_key(fd, &ids[n - 1], &next);
	}
	qsort(ids, n, sizeof(*ids), compare_id);
	return n;
}

size_t redirect_program_list(struct redirect *r, uint32_t *ids, struct program *programs,
			     size_t max)
{
	int fd = bpf_map__fd(r->skel->maps.programs);
	uint32_t all[AWSMASK_MAX_PROGRAMS];
	size_t count = ids_read(r, all), n = 0;
	struct program p;

	for (size_t i = 0; i < count; i++) {
		if (bpf_map_lookup_elem(fd, &all[i], &p))
			continue;
		if (n < max) {
			ids[n] = all[i];
			programs[n] = p;
		}
		n++;
	}
	return n;
}

static uint32_t id_of(const struct redirect *r, const char *path)
{
	int fd = bpf_map__fd(r->skel->maps.programs);
	uint32_t all[AWSMASK_MAX_PROGRAMS];
	size_t count = ids_read(r, all);
	struct program p;

	for (size_t i = 0; i < count; i++)
		if (!bpf_map_lookup_elem(fd, &all[i], &p) && !strncmp(p.path, path, sizeof(p.path)))
			return all[i];
	return 0;
}

/* Written down before it is used: marks with it may outlive this process. */
static uint32_t id_make(const struct redirect *r)
{
	int fd = bpf_map__fd(r->skel->maps.program_last);
	uint32_t zero = 0, last;

	if (bpf_map_lookup_elem(fd, &zero, &last) || last == UINT32_MAX)
		return 0;
	last++;
	return bpf_map_update_elem(fd, &zero, &last, BPF_ANY) ? 0 : last;
}

int redirect_program_enroll(struct redirect *r, const struct program *p, uint32_t *id, bool *fresh,
			    struct err *e)
{
	uint32_t known;

	if (check(r, e))
		return -1;
	known = id_of(r, p->path);
	*fresh = !known;
	*id = known ? known : id_make(r);
	if (!*id)
		return err_set(e, "no number for a program can be made: %s", strerror(errno));
	if (!bpf_map_update_elem(bpf_map__fd(r->skel->maps.programs), id, p, BPF_ANY))
		return 0;
	if (errno == E2BIG)
		return err_set(e, "%d programs are enrolled, and no more fit: use a pattern",
			       AWSMASK_MAX_PROGRAMS);
	return err_set(e, "cannot enroll the program %s: %s", p->path, strerror(errno));
}

int redirect_program_unenroll(struct redirect *r, uint32_t id, struct err *e)
{
	if (!bpf_map_delete_elem(bpf_map__fd(r->skel->maps.programs), &id))
		return 1;
	if (errno == ENOENT)
		return 0;
	return err_set(e, "cannot unenroll the program %u: %s", id, strerror(errno));
}

/* Entries of a fixed size, each a key and the number behind it. */
static int entries_replace(int fd, const char *entries, size_t n, size_t key_size,
			   size_t entry_size)
{
	char *keys = malloc(n * key_size + 1);
	struct set wanted = {keys, n, key_size};
	int rc = keys ? 0 : -1;

	for (size_t i = 0; i < n && !rc; i++) {
		const char *entry = entries + i * entry_size;

		memcpy(keys + i * key_size, entry, key_size);
		rc = bpf_map_update_elem(fd, entry, entry + key_size, BPF_ANY);
	}
	if (!rc)
		rc = set_prune(fd, &wanted);
	free(keys);
	return rc;
}

_Static_assert(offsetof(struct redirect_program_file, id) == sizeof(struct program_file), "entry");
_Static_assert(offsetof(struct redirect_program_path, id) == sizeof(struct program_path), "entry");

int redirect_program_files(struct redirect *r, const struct redirect_program_file *files, size_t n,
			   struct err *e)
{
	if (check(r, e))
		return -1;
	if (!entries_replace(bpf_map__fd(r->skel->maps.program_files), (const char *)files, n,
			     sizeof(files->file), sizeof(*files)))
		return 0;
	return err_set(e, "cannot give programs' files to the kernel: %s", strerror(errno));
}

int redirect_program_paths(struct redirect *r, const struct redirect_program_path *paths, size_t n,
			   struct err *e)
{
	if (check(r, e))
		return -1;
	if (!entries_replace(bpf_map__fd(r->skel->maps.program_paths), (const char *)paths, n,
			     sizeof(paths->path), sizeof(*paths)))
		return 0;
	return err_set(e, "cannot give programs' paths to the kernel: %s", strerror(errno));
}

uint32_t redirect_program_of(struct redirect *r, pid_t pid)
{
	uint32_t number = (uint32_t)pid;
	struct program_mark mark;
	struct program p;

	if (bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.marks), &number, &mark) ||
	    bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.programs), &mark.program, &p))
		return 0;
	return mark.program;
}

int redirect_program_mark(struct redirect *r, pid_t pid, uint32_t id)
{
	const struct program_mark mark = {id};
	uint32_t number = (uint32_t)pid;

	if (*r->no_programs.text)
		return -1;
	if (redirect_program_of(r, pid))
		return 0;
	return bpf_map_update_elem(bpf_map__fd(r->skel->maps.marks), &number, &mark, BPF_ANY) ? -1
											      : 1;
}

void redirect_program_unmark(struct redirect *r, pid_t pid)
{
	uint32_t number = (uint32_t)pid;

	bpf_map_delete_elem(bpf_map__fd(r->skel->maps.marks), &number);
}

void redirect_program_each(struct redirect *r, void (*step)(pid_t pid, void *arg), void *arg)
{
	int fd = bpf_map__fd(r->skel->maps.marks);
	uint32_t pid, next;
	int rc = bpf_map_get_next_key(fd, NULL, &next);

	while (!rc) {
		pid = next;
		rc = bpf_map_get_next_key(fd, &pid, &next);
		if (redirect_program_of(r, (pid_t)pid))
			step((pid_t)pid, arg);
	}
}
