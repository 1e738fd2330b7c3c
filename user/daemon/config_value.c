/* SPDX-License-Identifier: Apache-2.0 */
#include "config_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PORT_MAX 65535
#define V4_MAPPED_BITS 96

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static const struct {
	const char *unit;
	unsigned shift;
} units[] = {{"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"", 0}};

/* Digits alone, no sign, no blank; *rest is what follows them. */
static int read_digits(const char *text, size_t *n, const char **rest)
{
	size_t value = 0;

	if (!isdigit((unsigned char)*text))
		return -1;
	for (; isdigit((unsigned char)*text); text++) {
		size_t digit = (size_t)(*text - '0');
		if (value > (SIZE_MAX - digit) / 10)
			return -1;
		value = value * 10 + digit;
	}
	*n = value;
	*rest = text;
	return 0;
}

int config_number(const char *text, size_t min, size_t max, size_t *n)
{
	const char *rest;
	size_t value;

	if (read_digits(text, &value, &rest) || *rest || value < min || value > max)
		return -1;
	*n = value;
	return 0;
}

int config_port(const char *text, uint16_t *port)
{
	size_t n;

	if (config_number(text, 1, PORT_MAX, &n))
		return -1;
	*port = (uint16_t)n;
	return 0;
}

int config_size(const char *text, size_t min, size_t max, size_t *n)
{
	const char *rest;
	size_t value;

	if (read_digits(text, &value, &rest))
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(rest, units[i].unit))
			continue;
		if (value > SIZE_MAX >> units[i].shift)
			return -1;
		value <<= units[i].shift;
		if (value < min || value > max)
			return -1;
		*n = value;
		return 0;
	}
	return -1;
}

int config_days(const char *text, size_t min, size_t max, size_t *n)
{
	const char *rest;
	size_t value;

	if (read_digits(text, &value, &rest) || strcmp(rest, "d") || value < min || value > max)
		return -1;
	*n = value;
	return 0;
}

void config_size_text(size_t n, char text[static 32])
{
	size_t i = 0;

	while (units[i].shift && (!n || n & (((size_t)1 << units[i].shift) - 1)))
		i++;
	snprintf(text, 32, "%zu%s", n >> units[i].shift, units[i].unit);
}

static bool host_bits_clear(const struct config_net *net)
{
	for (unsigned bit = net->prefixlen; bit < 128; bit++)
		if (net->addr[bit / 8] & (0x80 >> bit % 8))
			return false;
	return true;
}

/* IPv4 lives inside IPv6 here, so a short IPv6 prefix of zeros would exclude all of it unseen. */
static bool swallows_v4(const struct config_net *net)
{
	for (unsigned bit = 0; bit < net->prefixlen; bit++)
		if ((net->addr[bit / 8] ^ v4_prefix[bit / 8]) & (0x80 >> bit % 8))
			return false;
	return true;
}

int config_net(const char *text, struct config_net *net)
{
	const char *slash = strchr(text, '/');
	struct config_net n = {0};
	char address[INET6_ADDRSTRLEN];
	size_t bits;

	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return -1;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = 0;
	if (inet_pton(AF_INET, address, n.addr + sizeof(v4_prefix)) == 1) {
		if (config_number(slash + 1, 1, 32, &bits))
			return -1;
		memcpy(n.addr, v4_prefix, sizeof(v4_prefix));
		n.prefixlen = V4_MAPPED_BITS + (unsigned)bits;
	} else if (inet_pton(AF_INET6, address, n.addr) == 1) {
		if (config_number(slash + 1, 1, 128, &bits))
			return -1;
		n.prefixlen = (unsigned)bits;
		if (n.prefixlen <= V4_MAPPED_BITS && swallows_v4(&n))
			return -1;
	} else {
		return -1;
	}
	if (!host_bits_clear(&n))
		return -1;
	*net = n;
	return 0;
}

void config_net_text(const struct config_net *net, char text[static 64])
{
	char address[INET6_ADDRSTRLEN];

	if (net->prefixlen > V4_MAPPED_BITS && !memcmp(net->addr, v4_prefix, sizeof(v4_prefix))) {
		inet_ntop(AF_INET, net->addr + sizeof(v4_prefix), address, sizeof(address));
		snprintf(text, 64, "%s/%u", address, net->prefixlen - V4_MAPPED_BITS);
	} else {
		inet_ntop(AF_INET6, net->addr, address, sizeof(address));
		snprintf(text, 64, "%s/%u", address, net->prefixlen);
	}
}

/* One label of a host name; *end is where it ends. */
static int read_label(const char *text, const char **end)
{
	const char *p = text;

	while (isalnum((unsigned char)*p) || *p == '-')
		p++;
	if (p == text || p - text > 63 || *text == '-' || p[-1] == '-')
		return -1;
	*end = p;
	return 0;
}

int config_host(const char *text, char host[static HOST_MAX])
{
	size_t len = strlen(text);
	const char *p = text, *label;

	if (len == 0 || len >= HOST_MAX)
		return -1;
	for (;;) {
		label = p;
		if (read_label(label, &p))
			return -1;
		if (!*p)
			break;
		if (*p++ != '.')
			return -1;
	}
	/* Names that end in a number are IPv4 addresses to many programs, "1.2.3.0x4" too. */
	if (isdigit((unsigned char)*label))
		return -1;
	for (size_t i = 0; i <= len; i++)
		host[i] = (char)tolower((unsigned char)text[i]);
	return 0;
}

static bool is_address(int family, const char *text)
{
	struct in6_addr ignored;

	return inet_pton(family, text, &ignored) == 1;
}

int config_endpoint(const char *text, bool names)
{
	const char *colon = strrchr(text, ':');
	char host[HOST_MAX + 2], lower[HOST_MAX];
	uint16_t port;
	size_t len;

	if (!colon || config_port(colon + 1, &port))
		return -1;
	len = (size_t)(colon - text);
	if (len == 0 || len >= sizeof(host))
		return -1;
	memcpy(host, text, len);
	host[len] = 0;
	if (*host == '[' && host[len - 1] == ']') {
		host[len - 1] = 0;
		return is_address(AF_INET6, host + 1) ? 0 : -1;
	}
	if (is_address(AF_INET, host))
		return 0;
	return names && !config_host(host, lower) ? 0 : -1;
}

int config_loopback(const char *text)
{
	return !config_endpoint(text, false) &&
			       (!strncmp(text, "127.", 4) || !strncmp(text, "[::1]:", 6))
		       ? 0
		       : -1;
}
