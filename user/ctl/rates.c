/* SPDX-License-Identifier: Apache-2.0 */
#include "rates.h"

static uint64_t counter_since(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

static uint64_t number_at(const json_t *status, const char *group, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(json_object_get(status, group), key));

	return n > 0 ? (uint64_t)n : 0;
}

double rate_of(const json_t *now, const json_t *before, double seconds, const char *group,
	       const char *key)
{
	if (!before || seconds <= 0)
		return 0;
	return (double)counter_since(number_at(now, group, key), number_at(before, group, key)) /
	       seconds;
}

static int read_numbers(const json_t *list, uint64_t *out, size_t max)
{
	size_t n = json_array_size(list);

	if (!n || n > max)
		return -1;
	for (size_t i = 0; i < n; i++) {
		json_int_t number = json_integer_value(json_array_get(list, i));

		out[i] = number > 0 ? (uint64_t)number : 0;
	}
	return (int)n;
}

int histogram_read(struct histogram *h, const json_t *j)
{
	struct histogram got = {.n = 0};
	int bounds =
		read_numbers(json_object_get(j, "bounds_us"), got.bounds_us, HISTOGRAM_BOUNDS_MAX);
	int counts =
		read_numbers(json_object_get(j, "counts"), got.counts, HISTOGRAM_BOUNDS_MAX + 1);

	if (bounds < 0 || counts != bounds + 1)
		return -1;
	for (int i = 1; i < bounds; i++)
		if (got.bounds_us[i] <= got.bounds_us[i - 1])
			return -1;
	got.n = (unsigned)bounds;
	*h = got;
	return 0;
}

void histogram_since(struct histogram *h, const struct histogram *before)
{
	if (h->n != before->n)
		return;
	for (unsigned i = 0; i <= h->n; i++)
		if (h->counts[i] < before->counts[i] ||
		    (i < h->n && h->bounds_us[i] != before->bounds_us[i]))
			return;
	for (unsigned i = 0; i <= h->n; i++)
		h->counts[i] -= before->counts[i];
}

uint64_t histogram_count(const struct histogram *h)
{
	uint64_t n = 0;

	for (unsigned i = 0; h->n && i <= h->n; i++)
		n += h->counts[i];
	return n;
}

double histogram_quantile(const struct histogram *h, double q, bool *beyond)
{
	double wanted = q * (double)histogram_count(h), before = 0;

	*beyond = false;
	if (!histogram_count(h))
		return -1;
	for (unsigned i = 0; i < h->n; i++) {
		double low = i ? (double)h->bounds_us[i - 1] : 0, high = (double)h->bounds_us[i];

		if (h->counts[i] && before + (double)h->counts[i] >= wanted)
			return (low + (high - low) * (wanted - before) / (double)h->counts[i]) /
			       1e6;
		before += (double)h->counts[i];
	}
	*beyond = true;
	return (double)h->bounds_us[h->n - 1] / 1e6;
}
