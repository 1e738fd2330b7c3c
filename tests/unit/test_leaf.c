/* SPDX-License-Identifier: Apache-2.0 */
#include "../../user/daemon/leaf.h"
#include "tls_rig.h"

#include <sys/socket.h>

#define FRESH_MS (12 * 60 * 60 * 1000ull)

/* A cache, and the monitor's end of its channel: the tests answer from there. */
struct bench {
	uv_loop_t loop;
	struct tls tls;
	struct privsep *privsep;
	struct leaf_cache *cache;
	_Atomic unsigned generation;
	int monitor;
	unsigned done;
	uint64_t done_at;	/* by the loop's clock, as the cache saw it */
	const struct leaf *got; /* by the last `done` */
	struct leaf_wait wait;
	long from, until; /* validity of what is signed, in s from now */
};

static void on_lost(void *arg)
{
	(void)arg;
	cr_assert_fail("the monitor is there");
}

static void set_up(struct bench *b)
{
	int pair[2];

	*b = (struct bench){.from = -3600, .until = 3600};
	tempdir_make();
	X509_free(rig_init(&b->tls, RIG_HOST));
	cr_assert_eq(uv_loop_init(&b->loop), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	b->monitor = pair[1];
	b->privsep = privsep_new(&b->loop, pair[0], on_lost, b);
	b->cache = leaf_cache_new(b->privsep, &b->tls, &b->generation);
	cr_assert(b->privsep && b->cache);
}

static void tear_down(struct bench *b)
{
	leaf_cache_free(b->cache);
	privsep_close(b->privsep);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&b->loop), 0);
	close(b->monitor);
	tls_free(&b->tls);
	tempdir_remove();
}

static void on_done(void *arg, const struct leaf *leaf)
{
	struct bench *b = arg;

	b->done++;
	b->done_at = uv_now(&b->loop);
	b->got = leaf;
}

static struct priv_request ask(struct bench *b, const char *host)
{
	struct priv_request r;

	b->wait =
		(struct leaf_wait){.cache = b->cache, .done = on_done, .arg = b, .loop = &b->loop};
	snprintf(b->wait.host, sizeof(b->wait.host), "%s", host);
	cr_assert_neq(leaf_request(&b->wait), 0);
	cr_assert_eq(recv(b->monitor, &r, sizeof(r), 0), (ssize_t)sizeof(r));
	cr_assert_eq(r.kind, (uint32_t)PRIV_LEAF);
	cr_assert_str_eq(r.u.leaf.host, host);
	return r;
}

static void answer(struct bench *b, const struct priv_reply *reply)
{
	unsigned before = b->done;

	cr_assert_eq(send(b->monitor, reply, sizeof(*reply), 0), (ssize_t)sizeof(*reply));
	while (b->done == before)
		uv_run(&b->loop, UV_RUN_ONCE);
}

static struct priv_reply certificate_for(struct bench *b, const struct priv_request *r)
{
	struct priv_reply reply = {.kind = r->kind, .id = r->id, .status = 1};
	X509 *x = rig_certificate(b->tls.leaf_key, r->u.leaf.host);
	unsigned char *der = reply.u.leaf.der;

	X509_gmtime_adj(X509_getm_notBefore(x), b->from);
	X509_gmtime_adj(X509_getm_notAfter(x), b->until);
	cr_assert(X509_sign(x, b->tls.leaf_key, EVP_sha256()) > 0);
	reply.u.leaf.len = (uint32_t)i2d_X509(x, NULL);
	cr_assert_leq(reply.u.leaf.len, PRIV_LEAF_MAX);
	i2d_X509(x, &der);
	X509_free(x);
	return reply;
}

static const struct leaf *fetch(struct bench *b, const char *host)
{
	struct priv_request r = ask(b, host);
	struct priv_reply reply = certificate_for(b, &r);

	answer(b, &reply);
	cr_assert_eq(X509_check_host(b->got->cert, host, 0, 0, NULL), 1);
	return b->got;
}

static const struct leaf *find(struct bench *b, const char *host)
{
	return leaf_find(b->cache, &b->loop, host);
}

/* The loop's clock stands still between its rounds, so a test may turn it. */
static void turn_clock(struct bench *b, uint64_t ms_after_the_last)
{
	b->loop.time = b->done_at + ms_after_the_last;
}

Test(leaf, a_leaf_is_found_by_its_name_alone)
{
	struct bench b;
	const struct leaf *leaf;

	set_up(&b);
	cr_assert_null(find(&b, RIG_HOST));
	leaf = fetch(&b, RIG_HOST);
	cr_assert_eq(find(&b, RIG_HOST), leaf);
	cr_assert_null(find(&b, "model.exampl"));
	cr_assert_null(find(&b, "model.example.org"));
	cr_assert_null(find(&b, ""));
	tear_down(&b);
}

Test(leaf, the_request_carries_the_workers_own_key)
{
	struct bench b;
	struct priv_request r;
	struct priv_reply reply;

	set_up(&b);
	r = ask(&b, RIG_HOST);
	cr_assert_eq(r.u.leaf.spki_len, b.tls.spki_len);
	cr_assert_eq(memcmp(r.u.leaf.spki, b.tls.spki, b.tls.spki_len), 0);
	reply = certificate_for(&b, &r);
	answer(&b, &reply);
	tear_down(&b);
}

Test(leaf, it_is_not_shown_for_longer_than_half_a_day)
{
	struct bench b;
	const struct leaf *leaf;

	set_up(&b);
	leaf = fetch(&b, RIG_HOST);
	turn_clock(&b, FRESH_MS - 1);
	cr_assert_eq(find(&b, RIG_HOST), leaf);
	turn_clock(&b, FRESH_MS);
	cr_assert_null(find(&b, RIG_HOST));
	fetch(&b, RIG_HOST); /* takes its own place again */
	cr_assert_eq(find(&b, RIG_HOST), b.got);
	tear_down(&b);
}

/* The host's clock was set back after it was made, or forward: clients would not take it. */
Test(leaf, one_that_is_not_valid_now_is_not_shown)
{
	struct bench b;

	set_up(&b);
	b.from = 60;
	fetch(&b, RIG_HOST);
	cr_assert_null(find(&b, RIG_HOST), "not yet");
	b.from = -3600;
	b.until = -60;
	fetch(&b, RIG_HOST);
	cr_assert_null(find(&b, RIG_HOST), "not any more");
	b.until = 60;
	fetch(&b, RIG_HOST);
	cr_assert_eq(find(&b, RIG_HOST), b.got);
	tear_down(&b);
}

Test(leaf, leaves_of_an_earlier_authority_are_not_shown)
{
	struct bench b;

	set_up(&b);
	fetch(&b, RIG_HOST);
	b.generation++;
	cr_assert_null(find(&b, RIG_HOST));
	fetch(&b, RIG_HOST);
	cr_assert_eq(find(&b, RIG_HOST), b.got);
	tear_down(&b);
}

Test(leaf, an_authority_that_changes_before_the_answer_comes_did_not_make_it)
{
	struct bench b;
	struct priv_request r;
	struct priv_reply reply;

	set_up(&b);
	r = ask(&b, RIG_HOST);
	b.generation++;
	reply = certificate_for(&b, &r);
	answer(&b, &reply);
	cr_assert_not_null(b.got, "who asked for it gets it: clients trust both for a while");
	cr_assert_null(find(&b, RIG_HOST));
	tear_down(&b);
}

Test(leaf, the_oldest_gives_way_when_all_places_are_taken)
{
	char host[32];
	struct bench b;

	set_up(&b);
	for (int i = 0; i < 17; i++) {
		snprintf(host, sizeof(host), "h%d.example", i);
		fetch(&b, host);
		turn_clock(&b, 1000);
	}
	cr_assert_null(find(&b, "h0.example"));
	for (int i = 1; i < 17; i++) {
		snprintf(host, sizeof(host), "h%d.example", i);
		cr_assert_not_null(find(&b, host), "%s", host);
	}
	tear_down(&b);
}

/* Behind it what the authority before this one says of this one. */
Test(leaf, what_vouches_for_its_authority_comes_with_it)
{
	struct bench b;
	struct priv_request r;
	struct priv_reply reply, other;
	size_t one;

	set_up(&b);
	cr_assert_null(fetch(&b, RIG_HOST)->cross);
	r = ask(&b, RIG_HOST);
	reply = certificate_for(&b, &r);
	snprintf(r.u.leaf.host, sizeof(r.u.leaf.host), "authority.example");
	other = certificate_for(&b, &r);
	one = reply.u.leaf.len;
	memcpy(reply.u.leaf.der + one, other.u.leaf.der, other.u.leaf.len);
	reply.u.leaf.len += other.u.leaf.len;
	answer(&b, &reply);
	cr_assert_eq(X509_check_host(b.got->cert, RIG_HOST, 0, 0, NULL), 1);
	cr_assert_eq(X509_check_host(b.got->cross, "authority.example", 0, 0, NULL), 1);
	cr_assert_eq(find(&b, RIG_HOST), b.got);
	/* torn, or with more behind it */
	for (size_t len = one + 1; len < reply.u.leaf.len; len += 97) {
		r = ask(&b, "torn.example");
		other = reply;
		other.id = r.id;
		other.u.leaf.len = (uint32_t)len;
		answer(&b, &other);
		cr_assert_null(b.got, "%zu", len);
	}
	r = ask(&b, "torn.example");
	reply.id = r.id;
	reply.u.leaf.der[reply.u.leaf.len++] = 0;
	answer(&b, &reply);
	cr_assert_null(b.got);
	tear_down(&b);
}

static void expect_none(struct bench *b, struct priv_reply *reply, const char *what)
{
	struct priv_request r = ask(b, RIG_HOST);

	reply->kind = r.kind;
	reply->id = r.id;
	answer(b, reply);
	cr_assert_null(b->got, "%s", what);
	cr_assert_null(find(b, RIG_HOST), "%s", what);
}

Test(leaf, a_refusal_or_nonsense_is_no_leaf)
{
	struct priv_reply refused = {.status = -1, .error = "no target"};
	struct priv_reply empty = {.status = 1};
	struct priv_reply nonsense = {.status = 1, .u.leaf = {.len = 100, .der = {0x30, 0x82}}};
	struct priv_reply too_long = {.status = 1, .u.leaf.len = PRIV_LEAF_MAX + 1};
	struct bench b;

	set_up(&b);
	expect_none(&b, &refused, "refused");
	expect_none(&b, &empty, "empty");
	expect_none(&b, &nonsense, "nonsense");
	expect_none(&b, &too_long, "too long");
	tear_down(&b);
}

Test(leaf, what_is_not_there_can_be_freed)
{
	leaf_cache_free(NULL);
}
