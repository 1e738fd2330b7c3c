/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that run an enrolled program, and what becomes of their connections. */
#include "kit.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define AGENT "agent"

/* A directory for programs, and one cgroup that is not enrolled. */
struct bench {
	char dir[64], outside[512];
	char agent[96]; /* a program that sleeps */
};

/* There may be no cp and no chmod where this runs. */
static void put_file(const char *path, const char *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	check(fd >= 0);
	check(write(fd, bytes, n) == (ssize_t)n);
	close(fd);
}

static void copy(const char *from, const char *to)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *bytes;

	check(fd >= 0 && !fstat(fd, &st));
	bytes = malloc((size_t)st.st_size);
	check(bytes && read(fd, bytes, (size_t)st.st_size) == st.st_size);
	close(fd);
	put_file(to, bytes, (size_t)st.st_size);
	free(bytes);
}

static void put_script(const char *path, const char *text)
{
	put_file(path, text, strlen(text));
}

static void bench_make(struct world *w, struct bench *b)
{
	struct err e;

	if (redirect_no_programs(w->r))
		check_failed(__FILE__, __LINE__, redirect_no_programs(w->r));
	check(!unshare(CLONE_NEWNS));
	check(!mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	check(!mount("tmpfs", "/tmp", "tmpfs", 0, NULL));
	strcpy(b->dir, "/tmp/bin");
	check(!mkdir(b->dir, 0755));
	snprintf(b->agent, sizeof(b->agent), "%s/" AGENT, b->dir);
	copy("/bin/sleep", b->agent);
	check(!redirect_unenroll(w->r, w->cgroup_id, &e));
	cgroup_below(w, "outside", b->outside);
}

static uint32_t program(struct world *w, const char *path, uint32_t mode, uint32_t flags)
{
	struct program p = {.policy = {mode, flags}};
	uint32_t id;
	bool fresh;
	struct err e;

	snprintf(p.path, sizeof(p.path), "%s", path);
	check(!redirect_program_enroll(w->r, &p, &id, &fresh, &e));
	return id;
}

/* tmpfs: what stat(2) says is what the kernel has. */
static struct program_file file_of(const char *path)
{
	struct stat st;

	check(!stat(path, &st));
	return (struct program_file){.dev = major(st.st_dev) << 20 | minor(st.st_dev),
				     .inode = st.st_ino};
}

static void give_file(struct world *w, const char *path, uint32_t id)
{
	struct redirect_program_file f = {file_of(path), id};
	struct err e;

	check(!redirect_program_files(w->r, &f, 1, &e));
}

static void give_path(struct world *w, const char *from, const char *path, uint32_t id)
{
	struct redirect_program_path p = {.id = id};
	struct err e;

	if (from)
		p.path.from = file_of(from);
	snprintf(p.path.path, sizeof(p.path.path), "%s", path);
	check(!redirect_program_paths(w->r, &p, 1, &e));
}

/* Until the first thread sleeps (S) or has ended (Z). */
static void await_state(pid_t pid, char wanted)
{
	char path[64], line[512], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)pid);
	for (int i = 0; i < 2000 && state != wanted; i++) {
		FILE *f = fopen(path, "re");

		check(f && fgets(line, sizeof(line), f));
		fclose(f);
		check(sscanf(strrchr(line, ')'), ") %c", &state) == 1);
		usleep(2000);
	}
	check_is(state, wanted);
}

/* Start it in `dir`; it sleeps on return, so its exec is over. */
static pid_t start(const char *dir, const char *path, const char *argument)
{
	int ready[2];
	char byte;
	pid_t pid;

	check(!pipe2(ready, O_CLOEXEC));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (chdir(dir) == 0)
			execl(path, path, argument, NULL);
		_exit(127);
	}
	close(ready[1]);
	check(read(ready[0], &byte, 1) == 0); /* closed in the middle of the exec */
	close(ready[0]);
	await_state(pid, 'S');
	return pid;
}

static uint32_t mark_of(struct world *w, pid_t pid)
{
	return redirect_program_of(w->r, pid);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	check(waitpid(pid, NULL, 0) == pid);
}

/* Start, look at the mark, end. */
static uint32_t marked(struct world *w, const char *dir, const char *path)
{
	pid_t pid = start(dir, path, "1000");
	uint32_t id = mark_of(w, pid);

	end(pid);
	return id;
}

static void by_file(struct world *w)
{
	struct bench b;
	uint32_t id;
	char link[96];

	bench_make(w, &b);
	id = program(w, b.agent, POLICY_ENFORCE, 0);
	check(id);
	check_is(marked(w, "/", b.agent), 0);
	give_file(w, b.agent, id);
	check_is(marked(w, "/", b.agent), id);
	check_is(marked(w, b.dir, "../bin/" AGENT), id);
	check_is(marked(w, "/", "/bin/sleep"), 0);
	snprintf(link, sizeof(link), "%s/link", b.dir);
	check(!symlink(AGENT, link));
	check_is(marked(w, "/", link), id);
}

static void by_path(struct world *w)
{
	struct bench b;
	uint32_t id;

	bench_make(w, &b);
	id = program(w, b.agent, POLICY_ENFORCE, 0);
	give_path(w, NULL, b.agent, id);
	check_is(marked(w, "/", b.agent), id);
	check_is(marked(w, b.dir, "./" AGENT), 0);
	give_path(w, b.dir, AGENT, id);
	check_is(marked(w, "/", b.agent), 0);
	check_is(marked(w, b.dir, "./" AGENT), id);
	check_is(marked(w, b.dir, AGENT), id);
	check_is(marked(w, "/tmp", "bin/" AGENT), 0);
	give_path(w, "/tmp", "bin/" AGENT, id);
	check_is(marked(w, "/tmp", "./bin/" AGENT), id);
}

/* By the time that the kernel says so, a script's file is forgotten; its name is not. */
static void script(struct world *w)
{
	struct bench b;
	char path[96];
	uint32_t id;

	bench_make(w, &b);
	snprintf(path, sizeof(path), "%s/script", b.dir);
	put_script(path, "#!/bin/sh\nexec sleep 1000\n");
	id = program(w, path, POLICY_ENFORCE, 0);
	give_path(w, NULL, path, id);
	check_is(marked(w, "/", path), id);
	check_is(marked(w, "/", b.agent), 0);
}

/* The longest name that can be enrolled, and one that begins with it. */
static void long_path(struct world *w)
{
	char dir[AWSMASK_PROGRAM_PATH] = "/tmp/", path[AWSMASK_PROGRAM_PATH] = "", longer[300];
	struct bench b;
	uint32_t id;

	bench_make(w, &b);
	memset(dir + 5, 'd', 180);
	check(!mkdir(dir, 0755));
	strcat(strcpy(path, dir), "/");
	memset(path + strlen(path), 'p', AWSMASK_PROGRAM_PATH - 2 - strlen(path));
	check_is(strlen(path), AWSMASK_PROGRAM_PATH - 2);
	snprintf(longer, sizeof(longer), "%s77", path);
	copy("/bin/sleep", path);
	copy("/bin/sleep", longer);
	id = program(w, path, POLICY_ENFORCE, 0);
	give_path(w, NULL, path, id);
	check_is(marked(w, "/", path), id);
	check_is(marked(w, "/", longer), 0);
}

/* The children of one that is marked, over a later exec, and of its threads. */
static void inherited(struct world *w)
{
	struct bench b;
	char shell[96], command[512];
	uint32_t id;
	FILE *out;
	int child;
	pid_t pid;

	bench_make(w, &b);
	snprintf(shell, sizeof(shell), "%s/shell", b.dir);
	copy("/bin/sh", shell);
	id = program(w, shell, POLICY_ENFORCE, 0);
	give_path(w, NULL, shell, id);
	snprintf(command, sizeof(command), "%s -c 'sh -c \"sleep 1000 >/dev/null & echo \\$!\"; :'",
		 shell);
	out = popen(command, "re");
	check(out && fscanf(out, "%d", &child) == 1);
	pclose(out);
	check_is(mark_of(w, child), id);
	kill(child, SIGKILL);
	/* Its parent, this process, is not concerned. */
	check_is(mark_of(w, getpid()), 0);
	pid = start("/", b.agent, "1000");
	check_is(mark_of(w, pid), 0);
	end(pid);
}

static void *sleep_on(void *arg)
{
	(void)arg;
	pause();
	return NULL;
}

/* How many entries the map has, whatever they say. */
static int marks(const struct world *w)
{
	char path[256];
	uint32_t pid, next;
	int fd, n = 0;

	snprintf(path, sizeof(path), "%s/marks", w->dir);
	fd = bpf_obj_get(path);
	check(fd >= 0);
	for (bool more = !bpf_map_get_next_key(fd, NULL, &next); more;
	     more = !bpf_map_get_next_key(fd, &pid, &next)) {
		pid = next;
		n++;
	}
	close(fd);
	return n;
}

/* With the process, whichever thread of it is the last, and a number begins anew. */
static void gone_with_the_process(struct world *w)
{
	struct bench b;
	uint32_t id;
	pid_t pid;

	bench_make(w, &b);
	id = program(w, b.agent, POLICY_ENFORCE, 0);
	give_path(w, NULL, b.agent, id);
	pid = start("/", b.agent, "1000");
	check_is(marks(w), 1);
	end(pid);
	check_is(marks(w), 0);
	check_is(redirect_program_mark(w->r, getpid(), id), 1);
	check_is(redirect_program_mark(w->r, getpid(), id), 0);
	pid = fork();
	if (!pid) {
		/* The first thread ends, and one goes on. (pthread_exit() looks for libgcc, which a virtual
		 * machine without any system has not.) */
		pthread_t thread;

		check(!pthread_create(&thread, NULL, sleep_on, NULL));
		syscall(SYS_exit, 0);
	}
	await_state(pid, 'Z');
	check_is(mark_of(w, pid), id);
	end(pid);
	check_is(marks(w), 1);
	redirect_program_unmark(w->r, getpid());
	/* An old mark of the next process's number. */
	for (pid_t next = getpid() + 1; next < getpid() + 2000; next++)
		redirect_program_mark(w->r, next, id);
	pid = fork();
	if (!pid)
		pause();
	check_is(mark_of(w, pid), 0);
	end(pid);
}

static void void_when_unenrolled(struct world *w)
{
	struct bench b;
	uint32_t id, next;
	struct err e;
	pid_t pid;

	bench_make(w, &b);
	id = program(w, b.agent, POLICY_ENFORCE, 0);
	give_path(w, NULL, b.agent, id);
	pid = start("/", b.agent, "1000");
	check_is(mark_of(w, pid), id);
	check_is(redirect_program_unenroll(w->r, id, &e), 1);
	check_is(redirect_program_unenroll(w->r, id, &e), 0);
	check_is(mark_of(w, pid), 0);
	check_is(marked(w, "/", b.agent), 0);
	/* Nor does the next one inherit it. */
	next = program(w, b.agent, POLICY_ENFORCE, 0);
	check(next > id);
	check_is(mark_of(w, pid), 0);
	end(pid);
}

/* Numbers and marks outlive the daemon. */
static void taken_over(struct world *w)
{
	struct program p[2];
	uint32_t id, ids[2];
	struct bench b;
	pid_t pid;

	bench_make(w, &b);
	id = program(w, b.agent, POLICY_OBSERVE, POLICY_FAIL_OPEN);
	give_path(w, NULL, b.agent, id);
	pid = start("/", b.agent, "1000");
	redirect_close(w->r);
	world_reopen(w);
	check_is(mark_of(w, pid), id);
	end(pid);
	check_is(marked(w, "/", b.agent), id);
	check_is(redirect_program_list(w->r, ids, p, 2), 1);
	check_is(ids[0], id);
	check(!strcmp(p[0].path, b.agent));
	check_is(p[0].policy.mode, POLICY_OBSERVE);
	check_is(p[0].policy.flags, POLICY_FAIL_OPEN);
	/* The same path keeps its number and takes the policy. */
	check_is(program(w, b.agent, POLICY_ENFORCE, 0), id);
	check_is(redirect_program_list(w->r, ids, p, 2), 1);
	check_is(p[0].policy.mode, POLICY_ENFORCE);
	check(program(w, "/another", POLICY_ENFORCE, 0) > id);
	check_is(redirect_program_list(w->r, ids, p, 1), 2);
}

/* Another enrolled program takes the mark over, but not from enforce to observe. */
static void program_in_program(struct world *w)
{
	uint32_t enforced, observed;
	struct redirect_program_path paths[2] = {0};
	char outer[96], command[512];
	struct bench b;
	struct err e;

	bench_make(w, &b);
	snprintf(outer, sizeof(outer), "%s/outer", b.dir);
	snprintf(command, sizeof(command), "#!/bin/sh\nexec %s 1000\n", b.agent);
	put_script(outer, command);
	for (int turn = 0; turn < 2; turn++) {
		pid_t pid;
		uint32_t now = 0;

		enforced = program(w, turn ? outer : b.agent, POLICY_ENFORCE, 0);
		observed = program(w, turn ? b.agent : outer, POLICY_OBSERVE, 0);
		snprintf(paths[0].path.path, sizeof(paths[0].path.path), "%s", outer);
		paths[0].id = turn ? enforced : observed;
		snprintf(paths[1].path.path, sizeof(paths[1].path.path), "%s", b.agent);
		paths[1].id = turn ? observed : enforced;
		check(!redirect_program_paths(w->r, paths, 2, &e));
		pid = start("/", outer, NULL);
		/* The shell execs in its own time. */
		for (int i = 0; i < 200 && now != enforced; i++) {
			now = mark_of(w, pid);
			usleep(5000);
		}
		check_is(now, enforced);
		end(pid);
	}
}

static struct client start_marked(struct world *w, const struct bench *b, uint32_t id)
{
	struct plan p = {.family = AF_INET, .dst = ORIGIN4, .port = MASKED, .mark = id, .world = w};

	return client_start(b->outside, &p);
}

static void redirected(struct world *w)
{
	struct flow_record record;
	struct flow_key key;
	struct client c;
	struct bench b;
	struct err e;
	uint32_t id;
	int accepted;

	bench_make(w, &b);
	id = program(w, b.agent, POLICY_OBSERVE, 0);
	c = start_marked(w, &b, id);
	check_is(landed(w, &accepted), LISTENER4);
	key = key_of(w, accepted);
	check_is(flow_take(w, &key, &record), 1);
	check_is(record.program, id);
	check_is(record.mode, POLICY_OBSERVE);
	check_is(record.cgroup_id, id_of(b.outside));
	check_is(record.pid, c.pid);
	close(accepted);
	client_end(&c);
	c = start_marked(w, &b, 0);
	check_is(landed(w, NULL), ORIGIN);
	client_end(&c);
	/* A mark that is void. */
	check_is(redirect_program_unenroll(w->r, id, &e), 1);
	c = start_marked(w, &b, id);
	check_is(landed(w, NULL), ORIGIN);
	client_end(&c);
}

static void refused_without_listener(struct world *w)
{
	struct client c;
	struct bench b;
	uint32_t id;

	bench_make(w, &b);
	id = program(w, b.agent, POLICY_ENFORCE, 0);
	listeners_close(w);
	c = start_marked(w, &b, id);
	check_is(c.out.error, ECONNREFUSED);
	client_end(&c);
	id = program(w, b.agent, POLICY_ENFORCE, POLICY_FAIL_OPEN);
	c = start_marked(w, &b, id);
	check_is(landed(w, NULL), ORIGIN);
	client_end(&c);
}

/* By a cgroup and by a program: the stricter of both. */
static void with_cgroup(struct world *w)
{
	struct flow_record record;
	struct flow_key key;
	struct client c;
	struct bench b;
	uint32_t id;
	int accepted;

	bench_make(w, &b);
	for (uint32_t bits = 0; bits < 4; bits++) {
		uint32_t of_cgroup = bits & 1, of_program = bits >> 1;

		enroll(w, b.outside, of_cgroup, 0);
		id = program(w, b.agent, of_program, 0);
		c = start_marked(w, &b, id);
		check_is(landed(w, &accepted), LISTENER4);
		key = key_of(w, accepted);
		check_is(flow_take(w, &key, &record), 1);
		check_is(record.mode, of_cgroup & of_program);
		check_is(record.cgroup_id, id_of(b.outside));
		check_is(record.program, id);
		close(accepted);
		client_end(&c);
	}
	listeners_close(w);
	for (uint32_t bits = 0; bits < 4; bits++) {
		enroll(w, b.outside, POLICY_ENFORCE, bits & 1 ? POLICY_FAIL_OPEN : 0);
		id = program(w, b.agent, POLICY_ENFORCE, bits & 2 ? POLICY_FAIL_OPEN : 0);
		c = start_marked(w, &b, id);
		check_is(c.out.error, bits == 3 ? 0 : ECONNREFUSED);
		client_end(&c);
	}
}

/* I9, whatever runs there. */
static void not_the_daemon(struct world *w)
{
	struct client c;
	struct bench b;
	struct err e;

	bench_make(w, &b);
	check(!redirect_set_own_cgroup(w->r, id_of(b.outside), &e));
	c = start_marked(w, &b, program(w, b.agent, POLICY_ENFORCE, 0));
	check_is(landed(w, NULL), ORIGIN);
	client_end(&c);
}

static void datagrams(struct world *w)
{
	struct plan p = {.type = SOCK_DGRAM, .family = AF_INET, .dst = ORIGIN4, .port = MASKED};
	struct bench b;
	struct err e;
	uint32_t id;

	bench_make(w, &b);
	id = program(w, b.agent, POLICY_ENFORCE, 0);
	p.world = w;
	p.mark = id;
	for (int how = HOW_SEND; how <= HOW_SENDTO; how++) {
		p.how = (enum how)how;
		check_is(client_run(b.outside, &p).error, EPERM);
	}
	check(!datagram_came(w, 0));
	check_is(redirect_program_unenroll(w->r, id, &e), 1);
	p.how = HOW_SEND;
	check_is(client_run(b.outside, &p).error, 0);
	check(datagram_came(w, 0));
}

/* I9 above: everything is enrolled but the daemon's own cgroup. */
static void ancestors_of_the_daemon(struct world *w)
{
	const struct plan p = {.family = AF_INET, .dst = ORIGIN4, .port = MASKED};
	char own[512], below[512], sibling[512];
	struct client c;
	struct err e;

	cgroup_below(w, "own", own);
	cgroup_below(w, "own/worker", below);
	cgroup_below(w, "sibling", sibling);
	check(!redirect_set_own_cgroup(w->r, id_of(own), &e));
	enroll(w, w->cgroup, POLICY_ENFORCE, 0);
	check(!redirect_set_own_cgroup(w->r, id_of(own), &e));
	for (int i = 0; i < 2; i++) {
		c = client_start(i ? below : own, &p);
		check_is(landed(w, NULL), ORIGIN);
		client_end(&c);
	}
	c = client_start(sibling, &p);
	check_is(landed(w, NULL), LISTENER4);
	client_end(&c);
}

/* The root as well; on a port that nobody else on this host connects to. */
static void root_of_all(struct world *w)
{
	struct plan p = {.family = AF_INET, .dst = ORIGIN4, .port = 47113};
	uint16_t port = 47113;
	struct policy policy = {0};
	uint64_t owns, root;
	char own[512], mount[256];
	struct client c;
	struct err e;

	w->config.ports = &port;
	w->config.port_count = 1;
	w->config.proxy_port_count = 0;
	check(!redirect_configure(w->r, &w->config, &e));
	check(!cgroup_mount(mount, sizeof(mount), &e) && !cgroup_id(mount, &root, &e));
	cgroup_below(w, "own", own);
	check(!redirect_set_own_cgroup(w->r, id_of(own), &e));
	check(!redirect_unenroll(w->r, w->cgroup_id, &e));
	check(!redirect_enroll(w->r, root, &policy, &e));
	check(!redirect_set_own_cgroup(w->r, id_of(own), &e));
	owns = count_of(w, REASON_OWN);
	check_is(client_run(own, &p).error, ECONNREFUSED); /* nobody listens there */
	check_is(count_of(w, REASON_OWN), owns + 1);
	c = client_start(w->cgroup, &p);
	check_is(landed(w, NULL), LISTENER4);
	client_end(&c);
	check(!redirect_unenroll(w->r, root, &e));
}

const struct test_case program_cases[] = {
	{"program: by its file", by_file},
	{"program: by what execve is given", by_path},
	{"program: a script", script},
	{"program: a long path", long_path},
	{"program: children keep the mark", inherited},
	{"program: marks go with their process", gone_with_the_process},
	{"program: marks are void when it is unenrolled", void_when_unenrolled},
	{"program: taken over", taken_over},
	{"program: one in another", program_in_program},
	{"program: redirected", redirected},
	{"program: refused without a listener", refused_without_listener},
	{"program: and a cgroup", with_cgroup},
	{"program: the daemon itself is not concerned", not_the_daemon},
	{"program: datagrams", datagrams},
	{"own cgroup: below one that is enrolled", ancestors_of_the_daemon},
	{"own cgroup: below the root, which is enrolled", root_of_all},
	{NULL, NULL},
};
