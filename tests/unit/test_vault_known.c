/* SPDX-License-Identifier: Apache-2.0 */
/* What the vault knows: snapshots of a scope that nobody can change under their reader. */
#include "tempdir.h"
#include "../../user/daemon/vault_sqlite.h"
#include "../known_search.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

#define NAME "corvid-ledger-archive"

static const uint8_t key[VAULT_KEY_SIZE] = "0123456789abcdef0123456789abcde";
static struct err e;

TestSuite(vault_known, .init = tempdir_make, .fini = tempdir_remove, .timeout = 120);

static struct vault_scope *open_scope(struct vault **v, const char *name)
{
	struct vault_scope *s;

	if (!*v)
		*v = vault_open(in_tempdir("vault.db"), key, &e);
	cr_assert(*v != NULL, "%s", e.text);
	s = vault_scope(*v, name, &e);
	cr_assert(s != NULL, "%s", e.text);
	return s;
}

static void reserve(struct vault_scope *s, enum mask_type type, const char *value)
{
	struct vault_entry entry = {type, 0, (const uint8_t *)value, strlen(value)};

	cr_assert_eq(s->ops->reserve(s, &entry, 1), 0);
}

static bool has(const struct known *k, const char *value)
{
	return k && known_has(k, TYPE_S3_BUCKET, (const uint8_t *)value, strlen(value));
}

static bool knows(struct vault_scope *s, const char *value)
{
	const struct known *k = s->ops->known(s);
	bool there = has(k, value);

	if (k)
		s->ops->known_done(s, k);
	return there;
}

/* The type under which the scope knows the name. */
static enum mask_type type_of(struct vault_scope *s, const char *value)
{
	const struct known *k = s->ops->known(s);
	enum mask_type type;
	struct buf spans;

	buf_init(&spans, 1024);
	cr_assert_not_null(k);
	cr_assert_eq(known_search(&k, 1, (const uint8_t *)value, strlen(value), &spans), 0);
	cr_assert_eq(buf_len(&spans), sizeof(struct span));
	type = ((const struct span *)buf_bytes(&spans))->type;
	buf_free(&spans);
	s->ops->known_done(s, k);
	return type;
}

Test(vault_known, what_is_learned)
{
	struct vault *v = NULL;
	struct vault_scope *s = open_scope(&v, "uid:1"), *other = open_scope(&v, "uid:2");

	cr_expect_null(s->ops->known(s), "nothing at first");
	reserve(s, TYPE_EC2_INSTANCE, "i-0d4c8a1f93b27e65a");
	reserve(s, TYPE_S3_BUCKET, "my-bucket");
	cr_expect_null(s->ops->known(s), "nothing that is learned");
	reserve(s, TYPE_S3_BUCKET, NAME);
	cr_expect(knows(s, NAME));
	cr_expect(!knows(s, "my-bucket") && !knows(s, "i-0d4c8a1f93b27e65a"));
	cr_expect(!knows(other, NAME), "I6");
	vault_close(v);
}

Test(vault_known, survives_a_restart_and_names_by_the_first_type)
{
	struct vault *v = NULL;
	struct vault_scope *s = open_scope(&v, "uid:1");
	struct vault_entry both[] = {
		{TYPE_SQS_QUEUE, 0, (const uint8_t *)"tide-jobs", 9},
		{TYPE_S3_BUCKET, 0, (const uint8_t *)"tide-jobs", 9},
	};

	reserve(s, TYPE_ARN_RESOURCE, NAME);
	reserve(s, TYPE_S3_BUCKET, NAME);
	cr_assert_eq(s->ops->reserve(s, both, 2), 0);
	for (int life = 0; life < 2; life++) {
		cr_expect_eq(type_of(s, NAME), TYPE_ARN_RESOURCE);
		cr_expect_eq(type_of(s, "tide-jobs"), TYPE_SQS_QUEUE);
		vault_close(v);
		v = NULL;
		s = open_scope(&v, "uid:1");
	}
	vault_close(v);
}

Test(vault_known, a_snapshot_does_not_change)
{
	struct vault *v = NULL;
	struct vault_scope *s = open_scope(&v, "uid:1");
	const struct known *before, *after;

	reserve(s, TYPE_S3_BUCKET, NAME);
	before = s->ops->known(s);
	reserve(s, TYPE_S3_BUCKET, NAME "-2");
	after = s->ops->known(s);
	cr_expect(has(before, NAME) && !has(before, NAME "-2"));
	cr_expect(has(after, NAME) && has(after, NAME "-2"));
	s->ops->known_done(s, after);
	cr_expect(has(before, NAME) && !has(before, NAME "-2"));
	s->ops->known_done(s, before);
	vault_close(v);
}

/* What another opener of the file reserved comes along with one's own next reservation. */
Test(vault_known, from_another_process)
{
	struct vault *a = NULL, *b = NULL;
	struct vault_scope *one = open_scope(&a, "uid:1"), *two = open_scope(&b, "uid:1");

	reserve(one, TYPE_S3_BUCKET, NAME);
	reserve(two, TYPE_S3_BUCKET, "tide-jobs");
	cr_expect(knows(two, NAME) && knows(two, "tide-jobs"));
	cr_expect(knows(one, NAME) && !knows(one, "tide-jobs"));
	vault_close(a);
	vault_close(b);
}

#define NAMES 300

static atomic_bool over;

/* Each snapshot has a beginning of the names, and never less than the one before. */
static void *read_snapshots(void *arg)
{
	struct vault_scope *s = arg;
	size_t least = 0, wrong = 0;

	while (!over) {
		const struct known *k = s->ops->known(s);
		size_t n = k ? known_count(k) : 0;
		char name[32];

		for (size_t i = 0; i < n; i += 1 + n / 8) {
			snprintf(name, sizeof(name), "corvid-%zu", i);
			wrong += !has(k, name);
		}
		wrong += n < least;
		least = n;
		if (k)
			s->ops->known_done(s, k);
	}
	return (void *)wrong;
}

Test(vault_known, readers_beside_a_writer)
{
	struct vault *v = NULL;
	struct vault_scope *s = open_scope(&v, "uid:1");
	pthread_t readers[2];
	void *wrong;

	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&readers[i], NULL, read_snapshots, s), 0);
	for (size_t i = 0; i < NAMES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "corvid-%zu", i);
		reserve(s, TYPE_S3_BUCKET, name);
	}
	over = true;
	for (size_t i = 0; i < 2; i++) {
		pthread_join(readers[i], &wrong);
		cr_expect_eq((size_t)wrong, 0u);
	}
	vault_close(v);
}
