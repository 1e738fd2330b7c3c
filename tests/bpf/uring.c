/* SPDX-License-Identifier: Apache-2.0 */
/* connect() by io_uring's worker threads, without liburing. */
#include "kit.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

struct ring {
	int fd;
	struct io_uring_params params;
	char *sq, *cq;
	struct io_uring_sqe *entries;
};

/* -1: not on this kernel, or forbidden. */
static int ring_open(struct ring *r)
{
	size_t sq_size, cq_size;

	*r = (struct ring){0};
	r->fd = (int)syscall(__NR_io_uring_setup, 4, &r->params);
	if (r->fd < 0)
		return -1;
	sq_size = r->params.sq_off.array + r->params.sq_entries * sizeof(unsigned);
	cq_size = r->params.cq_off.cqes + r->params.cq_entries * sizeof(struct io_uring_cqe);
	r->sq = mmap(NULL, sq_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
		     IORING_OFF_SQ_RING);
	r->cq = mmap(NULL, cq_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd,
		     IORING_OFF_CQ_RING);
	r->entries =
		mmap(NULL, r->params.sq_entries * sizeof(struct io_uring_sqe),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQES);
	check(r->sq != MAP_FAILED && r->cq != MAP_FAILED && r->entries != MAP_FAILED);
	return 0;
}

int uring_connect(int fd, const struct sockaddr *to, socklen_t size)
{
	struct io_uring_cqe *done;
	struct ring r;

	if (ring_open(&r))
		return -ENOSYS;
	r.entries[0] = (struct io_uring_sqe){
		.opcode = IORING_OP_CONNECT,
		.flags = IOSQE_ASYNC, /* never in the submitter's own context */
		.fd = fd,
		.addr = (uintptr_t)to,
		.off = size,
	};
	*(unsigned *)(r.sq + r.params.sq_off.array) = 0;
	__atomic_store_n((unsigned *)(r.sq + r.params.sq_off.tail), 1, __ATOMIC_RELEASE);
	check_is(syscall(__NR_io_uring_enter, r.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), 1);
	done = (struct io_uring_cqe *)(r.cq + r.params.cq_off.cqes);
	close(r.fd);
	return done->res;
}
