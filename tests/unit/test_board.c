/* SPDX-License-Identifier: Apache-2.0 */
/* Flows on the board: what one process puts there another reads, whatever becomes of the first. */
#include "../../user/daemon/board.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int made(void)
{
	int fd = board_make();

	cr_assert_geq(fd, 0);
	return fd;
}

static struct board_text text_of(const char *comm, uint32_t pid)
{
	struct board_text t = {.uid = 1000, .pid = pid, .port = 443, .accepted_ms = 5};

	snprintf(t.comm, sizeof(t.comm), "%s", comm);
	return t;
}

static unsigned enter(struct board *b, const char *comm, uint32_t pid)
{
	struct board_text t = text_of(comm, pid);
	struct board_motion m = {.doing = BOARD_SNIFF, .since_ms = 7};

	return board_enter(b, &t, &m);
}

/* All that can be read, by pids; the number of them. */
static unsigned read_all(const struct board *b, uint32_t *pids)
{
	struct board_worker workers[BOARD_WORKERS];
	struct board_flow f;
	unsigned n = 0;

	board_workers(b, workers);
	for (unsigned at = 0; board_read(b, workers, &at, &f); at++)
		pids[n++] = f.text.pid;
	cr_expect_eq(board_tally(b, workers), n);
	return n;
}

Test(board, a_flow_is_shown_until_it_leaves)
{
	struct board *b = board_open(made(), 3);
	struct board_worker workers[BOARD_WORKERS];
	struct board_motion m = {.doing = BOARD_STREAM, .answer_bytes = 99, .masked = 4};
	struct board_flow f;
	unsigned place = enter(b, "agent", 41), at = 0;

	cr_assert_gt(place, 0u);
	board_workers(b, workers);
	cr_assert(board_read(b, workers, &at, &f));
	cr_expect_str_eq(f.text.comm, "agent");
	cr_expect_str_eq(f.text.target, "");
	cr_expect_eq(f.text.pid, 41u);
	cr_expect_eq(f.text.id, 1u);
	cr_expect_eq(workers[f.text.worker].pid, getpid());
	cr_expect_eq(workers[f.text.worker].started_ms, 3u);
	cr_expect_eq(f.motion.doing, (uint32_t)BOARD_SNIFF);
	board_target(b, place, "api.anthropic.com");
	board_move(b, place, &m);
	cr_assert(board_read(b, workers, &at, &f));
	cr_expect_str_eq(f.text.target, "api.anthropic.com");
	cr_expect_str_eq(f.text.comm, "agent");
	cr_expect_eq(f.motion.answer_bytes, 99u);
	cr_expect_eq(f.motion.masked, 4u);
	board_leave(b, place);
	at = 0;
	cr_expect_not(board_read(b, workers, &at, &f));
	cr_expect_eq(enter(b, "next", 42), place, "places are used again, the lowest first");
	cr_assert(board_read(b, workers, &at, &f));
	cr_expect_eq(f.text.id, 2u, "numbers are not");
	board_close(b);
}

Test(board, without_one_nothing_is_shown)
{
	struct board_text t = text_of("agent", 1);
	struct board_motion m = {.doing = BOARD_IDLE};

	cr_expect_eq(board_enter(NULL, &t, &m), 0u);
	board_target(NULL, 0, "host");
	board_move(NULL, 0, &m);
	board_leave(NULL, 0);
	board_drain(NULL);
	board_close(NULL);
}

Test(board, more_than_fit_are_not_shown_and_harm_nobody)
{
	struct board *b = board_open(made(), 0);
	struct board_worker workers[BOARD_WORKERS];

	for (unsigned i = 0; i < BOARD_FLOWS; i++)
		cr_assert_eq(enter(b, "many", i), i + 1);
	cr_expect_eq(enter(b, "one more", 1), 0u);
	board_workers(b, workers);
	cr_expect_eq(board_tally(b, workers), (unsigned)BOARD_FLOWS);
	board_leave(b, 4711);
	cr_expect_eq(enter(b, "one more", 1), 4711u);
	board_close(b);
}

/* A worker of its own that shows one flow, and waits to be told to end. */
static pid_t other_worker(int fd, const char *comm, bool drains, int *hold)
{
	int ready[2], end[2];
	char byte;
	pid_t pid;

	cr_assert_eq(pipe(ready) | pipe(end), 0);
	pid = fork();
	if (pid == 0) {
		struct board *b = board_open(fd, 9);

		close(end[1]);
		if (!b || !enter(b, comm, (uint32_t)getpid()))
			_exit(1);
		if (drains)
			board_drain(b);
		if (write(ready[1], "x", 1) == 1)
			(void)!read(end[0], &byte, 1);
		_exit(0);
	}
	close(end[0]);
	close(ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1, "the other worker found no room");
	close(ready[0]);
	*hold = end[1];
	return pid;
}

Test(board, flows_of_all_workers_are_read_and_of_none_that_died)
{
	int fd = made(), hold_old, hold_new;
	struct board *b = board_open(fd, 1);
	pid_t old = other_worker(fd, "old", true, &hold_old);
	pid_t young = other_worker(fd, "young", false, &hold_new);
	struct board_worker workers[BOARD_WORKERS];
	uint32_t pids[8];
	unsigned draining = 0;

	enter(b, "mine", 1);
	cr_expect_eq(read_all(b, pids), 3u);
	board_workers(b, workers);
	for (unsigned i = 0; i < BOARD_WORKERS; i++)
		if (workers[i].pid == old)
			draining += workers[i].draining;
		else
			cr_expect(!workers[i].pid || !workers[i].draining);
	cr_expect_eq(draining, 1u);
	kill(old, SIGKILL);
	waitpid(old, NULL, 0);
	cr_expect_eq(read_all(b, pids), 2u, "what a dead worker left is shown");
	cr_expect(pids[0] != (uint32_t)old && pids[1] != (uint32_t)old);
	close(hold_new);
	waitpid(young, NULL, 0);
	/* Who comes into the place of the dead takes their flows off. */
	young = other_worker(fd, "newest", false, &hold_new);
	cr_expect_eq(read_all(b, pids), 2u);
	cr_expect(pids[0] == (uint32_t)young || pids[1] == (uint32_t)young);
	kill(young, SIGKILL);
	waitpid(young, NULL, 0);
	board_close(b);
}

_Static_assert(offsetof(struct board_text, pid) % 8 == 0, "before an edge it must be aligned");

/* A worker that dies in board_enter() where it reads what cannot be read: the motion, or the rest of the text. */
static void die_entering(int fd, bool in_text)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct board_text text = text_of("half", 1);
	struct board_motion motion = {.doing = BOARD_SNIFF};
	uint8_t *edge;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct board *b = board_open(fd, 0);

		signal(SIGSEGV, SIG_DFL);
		edge = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
		if (!b || edge == MAP_FAILED || mprotect(edge + page, page, PROT_NONE))
			_exit(1);
		if (in_text)
			board_enter(b, (void *)(edge + page - offsetof(struct board_text, pid)),
				    &motion);
		else
			board_enter(b, &text, (void *)(edge + page));
		_exit(2);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status), "it was to die: %d", status);
}

Test(board, what_was_half_written_by_the_dead_is_free_again)
{
	int fd = made(), hold;
	pid_t other = other_worker(fd, "other", false, &hold);
	struct board *b;
	uint32_t pids[8];

	die_entering(fd, false);
	die_entering(fd, true);
	die_entering(fd, true);
	b = board_open(fd, 0);
	cr_expect_eq(enter(b, "mine", 7), 2u, "the other's is the first");
	cr_expect_eq(read_all(b, pids), 2u);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	board_close(b);
}

/* All of them come here, or none goes on. */
static void meet(_Atomic unsigned *came, unsigned count)
{
	atomic_fetch_add(came, 1);
	while (atomic_load(came) < count)
		sched_yield();
}

/* One of several that start at once; 0: its flow is shown once all of them stand. */
static int start_at_once(int fd, _Atomic unsigned *came, unsigned count)
{
	uint32_t pids[16] = {0};
	struct board *b;
	unsigned n;

	alarm(10);
	meet(&came[0], count);
	b = board_open(fd, 0);
	if (!b || !enter(b, "young", (uint32_t)getpid()))
		return 1;
	meet(&came[1], count);
	n = read_all(b, pids);
	meet(&came[2], count);
	for (unsigned i = 0; i < n; i++)
		if (pids[i] == (uint32_t)getpid())
			return n != count;
	return 2;
}

Test(board, workers_that_start_at_once_take_off_what_the_dead_left_alone)
{
	enum { COUNT = 3, ROUNDS = 60 };
	_Atomic unsigned *came =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = made(), status;

	cr_assert_neq(came, MAP_FAILED);
	/* Each round begins with what the one before left. */
	for (unsigned round = 0; round < ROUNDS; round++) {
		memset((void *)came, 0, 4096);
		for (unsigned i = 0; i < COUNT; i++)
			if (fork() == 0)
				_exit(start_at_once(fd, came, COUNT));
		for (unsigned i = 0; i < COUNT; i++) {
			cr_assert_gt(wait(&status), 0);
			cr_assert_eq(status, 0, "round %u: %x", round, (unsigned)status);
		}
	}
	munmap((void *)came, 4096);
	close(fd);
}

Test(board, who_finds_no_place_among_the_workers_does_without)
{
	int fd = made();
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = BOARD_WORKERS};
	pid_t pid;
	int status;

	cr_assert_eq(fcntl(fd, F_SETLK, &all), 0);
	pid = fork(); /* locks are not inherited */
	if (pid == 0)
		_exit(board_open(fd, 0) ? 1 : 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
	close(fd);
}

/* Whatever a worker that is somebody else's writes there: the reader ends, within its bounds. */
Test(board, hostile_memory_is_read_within_bounds)
{
	int fd = made();
	struct board *b = board_open(fd, 0);
	struct board_worker workers[BOARD_WORKERS];
	struct board_flow f;
	off_t size = lseek(fd, 0, SEEK_END);
	uint8_t *raw = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint64_t seed = 88172645463325252u;

	cr_assert_neq(raw, MAP_FAILED);
	for (unsigned round = 0; round < 3; round++) {
		for (off_t i = 8; i + 8 <= size; i += 8) {
			seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
			memcpy(raw + i, &seed, 8);
			if (round == 1)
				memset(raw + i, 0xff, 8);
			if (round == 2) /* even versions, small numbers, and no NUL far and wide */
				memset(raw + i, i % 512 ? 2 : 0, 8);
		}
		board_workers(b, workers);
		board_tally(b, workers);
		for (unsigned at = 0; board_read(b, workers, &at, &f); at++) {
			cr_assert_lt(strlen(f.text.comm), sizeof(f.text.comm));
			cr_assert_lt(strlen(f.text.cgroup), sizeof(f.text.cgroup));
			cr_assert_lt(strlen(f.text.target), sizeof(f.text.target));
			cr_assert_lt(strlen(f.text.container), sizeof(f.text.container));
			cr_assert_not_null(board_word((enum board_doing)f.motion.doing));
		}
	}
	munmap(raw, (size_t)size);
	board_close(b);
}

static void *writer(void *arg)
{
	struct board *b = arg;
	char comm[16];

	for (unsigned i = 0; i < 20000; i++) {
		memset(comm, 'a' + i % 26, 15);
		comm[15] = 0;
		board_leave(b, enter(b, comm, i % 26));
	}
	return NULL;
}

/* What is read while it changes is one flow's, never half of two. */
Test(board, a_text_is_whole_or_not_read)
{
	struct board *b = board_open(made(), 0);
	struct board_worker workers[BOARD_WORKERS];
	struct board_flow f;
	pthread_t threads[2];

	board_workers(b, workers);
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, writer, b);
	for (unsigned rounds = 0; rounds < 300; rounds++)
		for (unsigned at = 0; board_read(b, workers, &at, &f); at++)
			for (unsigned k = 0; k < 15; k++)
				cr_assert_eq(f.text.comm[k], (char)('a' + f.text.pid));
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(board_tally(b, workers), 0u);
	board_close(b);
}

Test(board, memory_of_another_version_is_not_ours)
{
	int fd = made(), other = memfd_create("other", MFD_CLOEXEC);
	const uint64_t wrong = 1;

	cr_expect(board_is_ours(fd));
	cr_expect_not(board_is_ours(other));
	cr_assert_eq(pwrite(fd, &wrong, sizeof(wrong), 0), (ssize_t)sizeof(wrong));
	cr_expect_not(board_is_ours(fd));
	cr_expect_eq(ftruncate(fd, 0), -1);
	close(fd);
	close(other);
}
