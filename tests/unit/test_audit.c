/* SPDX-License-Identifier: Apache-2.0 */
/* From a worker's loop to the file: handed over, held while nobody takes it, counted when there is no room. */
#include "../../user/daemon/audit.h"
#include "../../user/daemon/audit_send.h"
#include "audit_rig.h"

#include <sys/socket.h>
#include <sys/un.h>

struct world {
	uv_loop_t loop;
	struct config *config;
	struct stats stats;
	struct inheritance none;
	struct audit_owner owner;
	struct audit *audit;
	struct audit_sender *sender;
};

static struct world w;

static void begin(void)
{
	tempdir_make();
	w = (struct world){.owner = {.worker = getuid(), .group = getgid()}};
	w.config = config_default();
	uv_loop_init(&w.loop);
	snprintf(w.config->control_socket, sizeof(w.config->control_socket), "%s",
		 in_tempdir("control"));
	snprintf(w.config->audit.file, sizeof(w.config->audit.file), "%s", in_tempdir("a.jsonl"));
}

static void end(void)
{
	audit_sender_close(&w.sender);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	config_free(w.config);
	tempdir_remove();
}

TestSuite(audit, .init = begin, .fini = end, .timeout = 60);

static void open_audit(void)
{
	struct err e;

	w.audit = audit_open(&w.loop, w.config, &w.owner, &w.stats, &w.none, &e);
	cr_assert_not_null(w.audit, "%s", e.text);
	audit_serve(w.audit);
}

/* All is written then; the poll's handle is closed by going round once more. */
static void close_audit(bool left)
{
	audit_close(w.audit, NULL, left);
	w.audit = NULL;
	uv_run(&w.loop, UV_RUN_NOWAIT);
}

static void open_sender(void)
{
	cr_assert_eq(audit_sender_open(&w.sender, &w.loop, w.config, &w.stats), 0);
	cr_assert_not_null(w.sender);
}

static void send_records(unsigned from, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct audit_record r = a_record(from + i);

		audit_send(w.sender, &r);
	}
}

/* Until the sender holds nothing more. */
static void go_round(void)
{
	for (int i = 0; i < 10000 && audit_sender_waits(w.sender); i++)
		uv_run(&w.loop, UV_RUN_ONCE);
	uv_run(&w.loop, UV_RUN_NOWAIT);
}

static unsigned lines(void)
{
	size_t len;
	char *text = read_whole(in_tempdir("a.jsonl"), &len);
	unsigned n = 0;

	for (char *p = text; *p; p++)
		n += *p == '\n';
	free(text);
	return n;
}

Test(audit, what_is_handed_over_is_written)
{
	open_audit();
	open_sender();
	send_records(0, 20);
	go_round();
	close_audit(false);
	cr_assert_eq(lines(), 20u);
	cr_assert_eq(stat_get(&w.stats.audit_records), 20u);
	cr_assert_eq(stat_get(&w.stats.audit_lost), 0u);
	cr_assert_eq(access(in_tempdir("control.audit"), F_OK), -1);
}

Test(audit, where_none_is_written_nothing_is_handed_over)
{
	w.config->audit.file[0] = 0;
	cr_assert_eq(audit_sender_open(&w.sender, &w.loop, w.config, &w.stats), 0);
	cr_assert_null(w.sender);
	send_records(0, 1);
	cr_assert(!audit_sender_waits(w.sender));
}

/* Nobody is there yet, or no more: it waits, and goes to the next one. */
Test(audit, what_nobody_takes_is_held)
{
	open_sender();
	send_records(0, 9);
	cr_assert(audit_sender_waits(w.sender));
	open_audit();
	go_round();
	close_audit(false);
	send_records(9, 9);
	uv_run(&w.loop, UV_RUN_NOWAIT);
	cr_assert(audit_sender_waits(w.sender));
	open_audit();
	go_round();
	close_audit(false);
	cr_assert_eq(lines(), 18u);
	cr_assert_eq(stat_get(&w.stats.audit_lost), 0u);
}

/* As many as one datagram may have would be too long for it: they go in several. */
Test(audit, long_records_go_too)
{
	cr_assert_gt(AUDIT_BATCH * AUDIT_PACKED_MAX, AUDIT_BATCH_BYTES);
	open_audit();
	open_sender();
	for (unsigned i = 0; i < 3 * AUDIT_BATCH; i++) {
		struct audit_record r = a_record(i);

		r.placeholder_count = i % 3 ? 0 : AUDIT_PLACEHOLDERS_MAX;
		r.masked_count = r.observed_count = i % 3 ? 0 : AUDIT_TYPES_MAX;
		audit_send(w.sender, &r);
	}
	go_round();
	close_audit(false);
	cr_assert_eq(lines(), 3u * AUDIT_BATCH);
	cr_assert_eq(stat_get(&w.stats.audit_lost), 0u);
}

/* What stands in the socket is the next one's who gets it. */
Test(audit, a_socket_that_is_left_keeps_what_is_in_it)
{
	int fd;

	open_audit();
	open_sender();
	fd = dup(audit_door(w.audit));
	close_audit(true);
	send_records(0, 3);
	go_round();
	cr_assert_eq(inherit_add(&w.none, AUDIT_DOOR, fd), 0);
	open_audit();
	uv_run(&w.loop, UV_RUN_NOWAIT);
	close_audit(false);
	cr_assert_eq(lines(), 3u);
	inherit_drop(&w.none);
}

Test(audit, there_is_an_end_to_what_is_held_and_it_is_told)
{
	size_t len;
	char *text;

	open_sender();
	send_records(0, AUDIT_HOLD_MAX + 5);
	cr_assert_eq(stat_get(&w.stats.audit_lost), 5u);
	open_audit();
	go_round();
	close_audit(false);
	cr_assert_eq(lines(), (unsigned)AUDIT_HOLD_MAX);
	text = read_whole(in_tempdir("a.jsonl"), &len);
	cr_assert_not_null(strstr(text, "\"lost\":5,"));
	cr_assert_lt(strstr(text, "\"lost\":5,"), strchr(text, '\n'));
	free(text);
}

/* A file that cannot be made: records wait in the monitor, then count as lost. */
Test(audit, there_is_an_end_to_what_waits_for_the_file)
{
	struct audit_record r = a_record(0);

	snprintf(w.config->audit.file, sizeof(w.config->audit.file), "%s", tempdir);
	open_audit();
	for (unsigned i = 0; i < AUDIT_WAIT_MAX + 100; i++)
		audit_add(w.audit, &r);
	close_audit(false);
	cr_assert_eq(stat_get(&w.stats.audit_lost), (uint64_t)AUDIT_WAIT_MAX + 100);
	cr_assert_geq(stat_get(&w.stats.audit_failures), 1u);
	cr_assert_eq(atomic_load(&w.stats.audit_broken), 1u);
}

Test(audit, other_settings_take_another_file)
{
	struct audit_record r = a_record(0);
	size_t len;
	char *text;

	open_audit();
	audit_add(w.audit, &r);
	while (!stat_get(&w.stats.audit_records))
		usleep(1000);
	snprintf(w.config->audit.file, sizeof(w.config->audit.file), "%s", in_tempdir("b.jsonl"));
	audit_configure(w.audit, w.config);
	audit_add(w.audit, &r);
	close_audit(false);
	cr_assert_eq(lines(), 1u);
	text = read_whole(in_tempdir("b.jsonl"), &len);
	cr_assert_eq(strncmp(text, "{\"v\":1,\"seq\":1,", 15), 0);
	free(text);
}

/* ---- who may */

static void tell(const void *p, size_t n)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	strcpy(addr.sun_path, in_tempdir("control.audit"));
	cr_assert_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_assert_eq(send(fd, p, n, 0), (ssize_t)n);
	close(fd);
}

/* So many bytes more or less than these records have. */
static void tell_records(const struct audit_record *r, unsigned n, int more)
{
	const struct audit_head head = {.layout = audit_layout(), .count = n};
	uint8_t bytes[sizeof(head) + (AUDIT_BATCH + 1) * AUDIT_PACKED_MAX] = {0};
	size_t size = sizeof(head);

	memcpy(bytes, &head, sizeof(head));

	for (unsigned i = 0; i < n; i++)
		size += audit_pack(&r[i], bytes + size);
	tell(bytes, size + (size_t)(ptrdiff_t)more);
}

Test(audit, only_workers_are_believed)
{
	struct audit_record r = a_record(0);

	w.owner.worker = getuid() + 1;
	open_audit();
	tell_records(&r, 1, 0);
	uv_run(&w.loop, UV_RUN_NOWAIT);
	close_audit(false);
	cr_assert_eq(access(in_tempdir("a.jsonl"), F_OK), -1);
}

/* Of what a worker may say, changes and the daemon's own life are none; nor is half a record, nor too much. */
Test(audit, a_worker_may_not_say_everything)
{
	struct audit_record r[AUDIT_BATCH + 1];

	for (unsigned i = 0; i <= AUDIT_BATCH; i++)
		r[i] = a_record(i);
	r[0].event = AUDIT_ENROLL;
	r[1].event = AUDIT_STOP;
	r[3].event = 77;
	open_audit();
	tell_records(r, AUDIT_BATCH + 1, 0);
	tell_records(r, 1, 1);
	tell_records(r, 1, -1);
	tell_records(r, 3, -40);
	tell_records(r, 0, 0);
	tell_records(r, 4, 0);
	uv_run(&w.loop, UV_RUN_NOWAIT);
	close_audit(false);
	cr_assert_eq(lines(), 2u, "the third, and the fourth as a request");
}

/* It may be an older worker that has its streams to finish, or a newer one before which this monitor was put back. */
Test(audit, records_of_another_version_are_counted_and_told_by_the_next)
{
	struct audit_head head = {.layout = audit_layout() + 1, .count = 3};
	uint8_t bytes[2 * AUDIT_DATAGRAM_MAX] = {0};
	struct audit_record r = a_record(0);
	size_t len;
	char *text, lost[32];

	memcpy(bytes, &head, sizeof(head));
	audit_pack(&r, bytes + sizeof(head));
	open_audit();
	tell(bytes, sizeof(head));
	tell(bytes, sizeof(head) + AUDIT_PACKED_MAX);
	tell(bytes, sizeof(bytes)); /* theirs may be longer */
	uv_run(&w.loop, UV_RUN_NOWAIT);
	cr_expect_eq(stat_get(&w.stats.audit_lost), 9u);
	head.count = 1ull << 60;
	memcpy(bytes, &head, sizeof(head));
	tell(bytes, sizeof(bytes));
	head.count = 0; /* from before there was a head */
	memcpy(bytes, &head, sizeof(head));
	tell(bytes, sizeof(bytes));
	tell_records(&r, 1, 0);
	uv_run(&w.loop, UV_RUN_NOWAIT);
	cr_expect_eq(stat_get(&w.stats.audit_lost), 9u + AUDIT_BATCH + 1);
	close_audit(false);
	cr_assert_eq(lines(), 1u);
	text = read_whole(in_tempdir("a.jsonl"), &len);
	snprintf(lost, sizeof(lost), "\"lost\":%d,", 9 + AUDIT_BATCH + 1);
	cr_expect_not_null(strstr(text, lost));
	free(text);
}
