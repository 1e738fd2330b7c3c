/* SPDX-License-Identifier: Apache-2.0 */
#include "features.h"

#include "confine.h"
#include "log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#define LEVEL_OF_SCOPES 6

static const struct feature_info infos[FEATURE_COUNT] = {
#define X(name, word, since, what, without) [FEATURE_##name] = {word, since, what, without, true},
	FEATURES_NEEDED(X)
#undef X
#define X(name, word, since, what, without) [FEATURE_##name] = {word, since, what, without, false},
		FEATURES_WANTED(X)
#undef X
};

static enum feature_state state_of(int there)
{
	return there ? FEATURE_PRESENT : FEATURE_ABSENT;
}

static enum feature_state has_program(enum bpf_prog_type type)
{
	return state_of(libbpf_probe_bpf_prog_type(type, NULL) == 1);
}

static enum feature_state has_helper(enum bpf_prog_type type, enum bpf_func_id helper)
{
	return state_of(libbpf_probe_bpf_helper(type, helper, NULL) == 1);
}

/* libbpf's own probe tries what some kernels forbid that allow this. */
static enum feature_state can_trace(void)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	int id = libbpf_find_vmlinux_btf_id("sched_process_exec", BPF_TRACE_RAW_TP), fd;

	if (id <= 0)
		return FEATURE_ABSENT;
	opts.attach_btf_id = (uint32_t)id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "probe", "GPL", code,
			   sizeof(code) / sizeof(*code), &opts);
	if (fd >= 0)
		close(fd);
	return state_of(fd >= 0);
}

static enum feature_state has_option(int family, int option)
{
	int ends[2] = {-1, -1}, there;
	uint64_t value;
	socklen_t size = option == SO_PEERPIDFD ? sizeof(int) : sizeof(value);

	if (family == AF_UNIX) {
		if (socketpair(family, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
			return FEATURE_UNKNOWN;
	} else if ((ends[0] = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0) {
		return FEATURE_UNKNOWN;
	}
	there = getsockopt(ends[0], SOL_SOCKET, option, &value, &size) == 0;
	if (there && option == SO_PEERPIDFD) {
		int pidfd;

		memcpy(&pidfd, &value, sizeof(pidfd));
		close(pidfd);
	}
	close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
	return state_of(there);
}

bool feature_task_helper(void)
{
	return has_helper(BPF_PROG_TYPE_CGROUP_SKB, BPF_FUNC_get_current_ancestor_cgroup_id) ==
	       FEATURE_PRESENT;
}

bool feature_pid_helper(void)
{
	return has_helper(BPF_PROG_TYPE_CGROUP_SKB, BPF_FUNC_get_current_pid_tgid) ==
	       FEATURE_PRESENT;
}

static bool can_read_task(void)
{
	return has_helper(BPF_PROG_TYPE_CGROUP_SKB, BPF_FUNC_get_current_task) == FEATURE_PRESENT &&
	       has_helper(BPF_PROG_TYPE_CGROUP_SKB, BPF_FUNC_probe_read_kernel) == FEATURE_PRESENT;
}

/* Asked to close a socket that nobody has: ENOENT says that it would have. */
static enum feature_state can_destroy(void)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} ask = {
		.head = {.nlmsg_len = sizeof(ask),
			 .nlmsg_type = SOCK_DESTROY,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.body = {.sdiag_family = AF_INET,
			 .sdiag_protocol = IPPROTO_TCP,
			 .id = {.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
	};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr body;
	} said = {.body = {.error = -EOPNOTSUPP}};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	ssize_t n = -1;

	if (fd < 0)
		return FEATURE_ABSENT;
	if (send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask))
		n = recv(fd, &said, sizeof(said), 0);
	close(fd);
	return state_of(n >= (ssize_t)sizeof(said) && said.head.nlmsg_type == NLMSG_ERROR &&
			(said.body.error == 0 || said.body.error == -ENOENT));
}

static enum feature_state has_filters(void)
{
	const unsigned action = SECCOMP_RET_KILL_PROCESS;

	return state_of(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0);
}

const struct feature_info *feature_info(enum feature f)
{
	return &infos[f];
}

enum feature_state feature_probe(enum feature f)
{
	switch (f) {
	case FEATURE_SO_NETNS_COOKIE:
		return has_option(AF_INET, SO_NETNS_COOKIE);
	case FEATURE_PEER_PIDFD:
		return has_option(AF_UNIX, SO_PEERPIDFD);
	case FEATURE_LANDLOCK:
		return state_of(confine_level() > 0);
	case FEATURE_LANDLOCK_SCOPES:
		return state_of(confine_level() >= LEVEL_OF_SCOPES);
	case FEATURE_SECCOMP:
		return has_filters();
	case FEATURE_BTF:
		return state_of(access("/sys/kernel/btf/vmlinux", R_OK) == 0);
	default:
		break;
	}
	if (geteuid() != 0)
		return FEATURE_UNKNOWN;
	switch (f) {
	case FEATURE_SOCK_ADDR:
		return has_program(BPF_PROG_TYPE_CGROUP_SOCK_ADDR);
	case FEATURE_SOCK_OPS:
		return has_program(BPF_PROG_TYPE_SOCK_OPS);
	case FEATURE_CGROUP_SKB:
		return has_program(BPF_PROG_TYPE_CGROUP_SKB);
	case FEATURE_SK_STORAGE:
		return has_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_sk_storage_get);
	case FEATURE_ANCESTOR:
		return has_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
				  BPF_FUNC_get_current_ancestor_cgroup_id);
	case FEATURE_SOCKET_ANCESTOR:
		return has_helper(BPF_PROG_TYPE_CGROUP_SKB, BPF_FUNC_sk_ancestor_cgroup_id);
	case FEATURE_NETNS_COOKIE:
		return has_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_get_netns_cookie);
	case FEATURE_SK_LOOKUP:
		return has_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_sk_lookup_tcp);
	case FEATURE_CGROUP_SOCK:
		return has_helper(BPF_PROG_TYPE_CGROUP_SOCK,
				  BPF_FUNC_get_current_ancestor_cgroup_id);
	case FEATURE_RINGBUF:
		return state_of(libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1);
	case FEATURE_SET_RETVAL:
		return has_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_set_retval);
	case FEATURE_MPTCP_SOCK:
		return has_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_skc_to_mptcp_sock);
	case FEATURE_TASK_IN_SKB:
		return state_of(feature_task_helper() || can_read_task());
	case FEATURE_TRACING:
		return can_trace();
	case FEATURE_SOCK_DESTROY:
		return can_destroy();
	default:
		return FEATURE_UNKNOWN;
	}
}

int features_require(struct err *e)
{
	struct utsname u = {.release = "?"};

	uname(&u);
	for (int f = 0; f < FEATURE_COUNT; f++)
		if (infos[f].needed && feature_probe((enum feature)f) == FEATURE_ABSENT)
			return err_set(e,
				       "this kernel (Linux %s) lacks %s (%s, in Linux since %s); "
				       "without it %s",
				       u.release, infos[f].what, infos[f].word, infos[f].since,
				       infos[f].without);
	return 0;
}

void features_log(void)
{
	for (int f = 0; f < FEATURE_COUNT; f++)
		if (feature_probe((enum feature)f) == FEATURE_ABSENT)
			log_event(LOG_WARNING, "kernel-lacks", log_word("feature", infos[f].word),
				  log_word("since", infos[f].since),
				  log_word("without", infos[f].without));
}
