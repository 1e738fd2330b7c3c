/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Property: once a prefix is decided, every longer one is decided alike; what is not decided yet
 * leaves the result alone; a name that comes out is a lower-case host name.
 */
#include "../../user/wire/clienthello.h"
#include "fuzz.h"

#include <string.h>

#define PREFIXES_MAX 2048

static void check_name(const char *sni)
{
	size_t n = strlen(sni);

	if (n && (sni[0] == '.' || sni[n - 1] == '.'))
		abort();
	for (size_t i = 0; i < n; i++) {
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", sni[i]))
			abort();
	}
}

static int parse_copy(const uint8_t *data, size_t n, struct clienthello *h)
{
	uint8_t *copy = malloc(n ? n : 1); /* its end is the sanitizer's to watch */
	int r;

	if (!copy)
		abort();
	memcpy(copy, data, n);
	memset(h, 0x5a, sizeof(*h));
	r = clienthello_parse(copy, n, h);
	free(copy);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct clienthello whole, part, untouched;
	int r = parse_copy(data, size, &whole);
	size_t step = size / PREFIXES_MAX + 1;
	int before = 0;

	memset(&untouched, 0x5a, sizeof(untouched));
	if (r != 1 && memcmp(&whole, &untouched, sizeof(whole)))
		abort();
	if (r == 1)
		check_name(whole.sni);
	for (size_t n = 0; n < size; n += step) {
		int now = parse_copy(data, n, &part);

		if ((before && now != before) || (now && now != r))
			abort();
		if (now == 1 && (strcmp(part.sni, whole.sni) || part.alpn_h2 != whole.alpn_h2 ||
				 part.alpn_http11 != whole.alpn_http11 || part.ech != whole.ech))
			abort();
		before = now;
	}
	return 0;
}
