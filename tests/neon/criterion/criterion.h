/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_NEON_CRITERION_H
#define TESTS_NEON_CRITERION_H
/*
 * As much of Criterion as the pure unit tests need, for a machine for which there is a compiler but no
 * libraries: run.sh. Tests run in one process, and the first that fails ends it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEON_TESTS_MAX 100

struct neon_test {
	const char *suite, *name;
	void (*run)(void);
};

static struct neon_test neon_tests[NEON_TESTS_MAX];
static size_t neon_count;

/* What Criterion would print besides is not. */
static inline void neon_check(bool holds, const char *what, const char *file, int line, ...)
{
	if (holds)
		return;
	printf("%s:%d: does not hold: %s\n", file, line, what);
	exit(1);
}

int main(void);
int main(void)
{
	for (size_t i = 0; i < neon_count; i++) {
		neon_tests[i].run();
		printf("ok      %s::%s\n", neon_tests[i].suite, neon_tests[i].name);
	}
	return neon_count ? 0 : 1;
}

#define Test(of, what)                                                                             \
	static void neon_##of##_##what(void);                                                      \
	__attribute__((constructor)) static void neon_##of##_##what##_add(void)                    \
	{                                                                                          \
		neon_check(neon_count < NEON_TESTS_MAX, "too many tests", __FILE__, __LINE__);     \
		neon_tests[neon_count++] = (struct neon_test){#of, #what, neon_##of##_##what};     \
	}                                                                                          \
	static void neon_##of##_##what(void)

#define NEON_CHECK(x, ...) neon_check((x), #x, __FILE__, __LINE__, ##__VA_ARGS__)
#define cr_assert(x, ...) NEON_CHECK(x, ##__VA_ARGS__)
#define cr_assert_eq(a, b, ...) NEON_CHECK((a) == (b), ##__VA_ARGS__)
#define cr_assert_neq(a, b, ...) NEON_CHECK((a) != (b), ##__VA_ARGS__)
#define cr_assert_lt(a, b, ...) NEON_CHECK((a) < (b), ##__VA_ARGS__)
#define cr_assert_leq(a, b, ...) NEON_CHECK((a) <= (b), ##__VA_ARGS__)
#define cr_assert_gt(a, b, ...) NEON_CHECK((a) > (b), ##__VA_ARGS__)
#define cr_assert_geq(a, b, ...) NEON_CHECK((a) >= (b), ##__VA_ARGS__)
#define cr_assert_null(p, ...) NEON_CHECK((p) == NULL, ##__VA_ARGS__)
#define cr_assert_not_null(p, ...) NEON_CHECK((p) != NULL, ##__VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) NEON_CHECK(!strcmp((a), (b)), ##__VA_ARGS__)
#define cr_assert_not(x, ...) NEON_CHECK(!(x), ##__VA_ARGS__)
#define cr_expect cr_assert
#define cr_expect_not cr_assert_not
#define cr_expect_eq cr_assert_eq
#define cr_expect_neq cr_assert_neq
#define cr_expect_lt cr_assert_lt
#define cr_expect_leq cr_assert_leq
#define cr_expect_gt cr_assert_gt
#define cr_expect_geq cr_assert_geq
#define cr_expect_null cr_assert_null
#define cr_expect_not_null cr_assert_not_null
#define cr_expect_str_eq cr_assert_str_eq

#endif
