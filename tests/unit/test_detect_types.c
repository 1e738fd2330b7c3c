/* SPDX-License-Identifier: Apache-2.0 */
/* Every type, found in all surroundings that its context allows, and missed where it must be. */
#include "detect_marks.h"
#include "detect_samples.h"
#include "detect_samples_found.h"

#define EACH 3 /* positives and near misses that a type has at least */

TestSuite(detect_types, .init = setup, .fini = teardown, .timeout = 120);

static const struct {
	const char *before, *after;
} surroundings[] = {
	{"", ""},
	{"", " y"},
	{"x ", ""},
	{"\"", "\""},
	{"{\"k\": \"", "\"}"},
	{"{\\\"k\\\": \\\"", "\\\"}"},
	{"{\\\\\\\"k\\\\\\\":\\\\\\\"", "\\\\\\\"}"},
	{"\\\\\\\\\\\\\\\"", "\\\\\\\\\\\\\\\""},
	{"\n", "\n"},
	{"a\\n", "\\nb"},
	{"a\\\\n", "\\\\nb"},
	{"a\\t", "\\tb"},
	{"\\u0022", "\\u0022"},
	{"\x1b[31m", "\x1b[0m"},
	{"\\u001b[1;32m", "\\u001b[0m"},
	{"%22", "%22"},
	{"`", "`"},
	{"| ", " |"},
	{"2031-05-01T10:00:00Z INFO saw ", " there"},
	{"- ", "\n"},
	{"x = \"", "\"\n"},
	{"export X='", "'\n"},
	{"[a]\nx=", "\n"},
	{"f('", "')"},
	{"a,", ",b"},
	{"<v>", "</v>"},
	{"x_", ""},
	{"https://x.example/?q=", "&r=1"},
	{"(", ")"},
};

struct tally {
	size_t found[TYPE_COUNT], missed[TYPE_COUNT];
};

static size_t occurrences(const char *text, const char *opening)
{
	size_t n = 0;

	while ((text = strstr(text, opening))) {
		text += strlen(opening);
		n++;
	}
	return n;
}

static void count_found(struct tally *t, const char *marked)
{
	char opening[50];

	for (int type = 0; type < TYPE_COUNT; type++) {
		snprintf(opening, sizeof(opening), "<<%s:", type_table[type].label);
		t->found[type] += occurrences(marked, opening);
	}
}

/* What may stand in a value ends none. */
static bool goes_on(const char *marked, const char *after)
{
	return (strstr(marked, "<<EXTERNAL_ID:") && *after == ',') ||
	       (strstr(marked, "<<BEDROCK_KEY:bedrock") && *after == '%');
}

static void expect_everywhere(struct tally *t, const char *marked)
{
	count_found(t, marked);
	for (size_t i = 0; i < COUNT(surroundings); i++)
		if (!goes_on(marked, surroundings[i].after))
			expect_within(surroundings[i].before, marked, surroundings[i].after);
}

static void expect_none_of(struct tally *t, enum mask_type type, const char *text)
{
	char found[TEXT_MAX * 2], opening[50];

	snprintf(opening, sizeof(opening), "<<%s:", type_table[type].label);
	find_and_mark(text, found);
	cr_expect_eq(strstr(found, opening), NULL, "%s", found);
	t->missed[type]++;
}

/* The same with other digits: a digit is one in every alphabet that has any, but for 2 to 7. */
static void vary(char *id, unsigned by)
{
	static const char few[] = "234567", rest[] = "0189";

	for (; *id; id++) {
		const char *f = strchr(few, *id), *r = strchr(rest, *id);

		if (f)
			*id = few[(f - few + by) % 6];
		else if (r)
			*id = rest[(r - rest + by) % 4];
	}
}

/* A prefix and hexadecimal digits, seventeen, and eight where the type has them. */
static void hex_id(struct tally *t, size_t i)
{
	static const char *const digits[] = {"0123456789abcdef0", "0a1b2c3d4e5f60718",
					     "f00dface00c0ffee7", "0a1b2c3d", "12345678"};
	static const struct {
		const char *before, *digits, *after;
	} misses[] = {{"", "0a1b2c3", ""},  {"", "0a1b2c3d4", ""}, {"", "0a1b2c3d4e5f6071", ""},
		      {"", "0A1B2C3D", ""}, {"", "0a1b2c3g", ""},  {"", "0a1b2c3d4e5f60718a", ""}};
	char text[200];

	for (size_t k = 0; k < (hex_ids[i].short_too ? 5 : 3); k++) {
		snprintf(text, sizeof(text), "<<%s:%s%s>>", type_table[hex_ids[i].type].label,
			 hex_ids[i].prefix, digits[k]);
		expect_everywhere(t, text);
	}
	for (size_t k = 0; k < COUNT(misses); k++) {
		snprintf(text, sizeof(text), "%s%s%s%s", misses[k].before, hex_ids[i].prefix,
			 misses[k].digits, misses[k].after);
		expect_none_of(t, hex_ids[i].type, text);
	}
}

static void prefixed_id(struct tally *t, size_t i)
{
	enum mask_type type = prefixed_ids[i].type;
	char id[100], text[200];

	snprintf(id, sizeof(id), "%s", prefixed_ids[i].value);
	for (unsigned k = 0; k < EACH; k++, vary(id, 1)) {
		snprintf(text, sizeof(text), "<<%s:%s>>", type_table[type].label, id);
		expect_everywhere(t, text);
	}
	snprintf(text, sizeof(text), "%.*s", (int)strlen(id) - 1, id);
	expect_none_of(t, type, text);
	snprintf(text, sizeof(text), "q%s", id);
	expect_none_of(t, type, text);
	snprintf(text, sizeof(text), "a-%s", id);
	expect_none_of(t, type, text);
}

static void expect_all(struct tally *t, const char *const *marked, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect_everywhere(t, marked[i]);
}

static void tables_of_found(struct tally *t)
{
	expect_all(t, samples, COUNT(samples));
	expect_all(t, found_hosts, COUNT(found_hosts));
	expect_all(t, found_keys, COUNT(found_keys));
	expect_all(t, found_services, COUNT(found_services));
	expect_all(t, found_places, COUNT(found_places));
	for (size_t i = 0; i < COUNT(hex_ids); i++)
		hex_id(t, i);
	for (size_t i = 0; i < COUNT(prefixed_ids); i++)
		prefixed_id(t, i);
}

static void tables_of_missed(struct tally *t)
{
	for (size_t i = 0; i < COUNT(near_misses); i++)
		expect_none_of(t, near_misses[i].type, near_misses[i].text);
	for (size_t i = 0; i < COUNT(missed_hosts); i++)
		for (size_t k = 0; k < COUNT(missed_hosts[i].texts); k++)
			expect_none_of(t, missed_hosts[i].type, missed_hosts[i].texts[k]);
	for (size_t i = 0; i < COUNT(missed_keys); i++)
		for (size_t k = 0; k < COUNT(missed_keys[i].texts); k++)
			expect_none_of(t, missed_keys[i].type, missed_keys[i].texts[k]);
	for (size_t i = 0; i < COUNT(missed_services); i++)
		for (size_t k = 0; k < COUNT(missed_services[i].texts); k++)
			expect_none_of(t, missed_services[i].type, missed_services[i].texts[k]);
	for (size_t i = 0; i < COUNT(missed_places); i++)
		for (size_t k = 0; k < COUNT(missed_places[i].texts); k++)
			expect_none_of(t, missed_places[i].type, missed_places[i].texts[k]);
}

Test(detect_types, each_is_found_and_missed)
{
	static struct tally t;

	tables_of_found(&t);
	tables_of_missed(&t);
	for (int type = 0; type < TYPE_COUNT; type++)
		cr_expect(t.found[type] >= EACH && t.missed[type] >= EACH,
			  "%s: %zu to be found, %zu to be missed", type_table[type].label,
			  t.found[type], t.missed[type]);
}

/* What AWS gives everybody stays, wherever it stands. */
Test(detect_types, what_is_everybodys_is_kept)
{
	for (size_t i = 0; i < COUNT(kept); i++)
		for (size_t k = 0; k < COUNT(surroundings); k++)
			expect_within(surroundings[k].before, kept[i], surroundings[k].after);
}
