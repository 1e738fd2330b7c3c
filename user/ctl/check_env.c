/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's environment is what a client started from the same place would see. */
#include "../daemon/ca.h"
#include "check.h"

#include <netdb.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

struct place {
	char host[256];
	unsigned port;
};

/*
 * [scheme://][user[:password]@]host[:port][/...] of RFC 3986 section 3.2. What stands before @ is
 * nobody's business here. False when there is no host.
 */
static bool place_parse(const char *url, struct place *p)
{
	const char *host = strstr(url, "://"), *end, *at, *colon;
	size_t len;

	p->port = strncasecmp(url, "https:", 6) == 0 ? 443 : 80;
	host = host ? host + 3 : url;
	end = host + strcspn(host, "/?#");
	at = memrchr(host, '@', (size_t)(end - host));
	host = at ? at + 1 : host;
	if (*host == '[') {
		const char *close = memchr(host, ']', (size_t)(end - host));

		if (!close)
			return false;
		host++;
		len = (size_t)(close - host);
		colon = close + 1;
	} else {
		colon = memchr(host, ':', (size_t)(end - host));
		len = (size_t)((colon ? colon : end) - host);
	}
	if (colon && colon < end && *colon == ':')
		p->port = (unsigned)strtoul(colon + 1, NULL, 10);
	if (len == 0 || len >= sizeof(p->host))
		return false;
	memcpy(p->host, host, len);
	p->host[len] = '\0';
	return true;
}

static bool is_excluded(const struct config *config, const struct sockaddr *address)
{
	uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};

	if (address->sa_family == AF_INET)
		memcpy(mapped + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
		       4);
	else if (address->sa_family == AF_INET6)
		memcpy(mapped, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
		       16);
	else
		return false;
	return config_excludes(config, mapped);
}

static bool host_excluded(const struct config *config, const char *host)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found, *a;
	bool excluded = false;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	for (a = found; a && !excluded; a = a->ai_next)
		excluded = is_excluded(config, a->ai_addr);
	freeaddrinfo(found);
	return excluded;
}

/* A proxy or gateway that awsmask would not see the traffic to. */
static void check_place(struct checks *k, const char *variable, bool is_proxy)
{
	const char *url = getenv(variable);
	struct place p;

	if (!url || !*url)
		return;
	if (!place_parse(url, &p))
		check_say(k, variable, CHECK_WARNING, "set it to a URL, or not at all",
			  "%s names no host", variable);
	else if (host_excluded(k->config, p.host))
		check_say(k, variable, CHECK_WARNING,
			  "let the client reach it by another address, or take the network out of "
			  "`exclude`",
			  "%s points to %s, in an excluded network: nothing sent there is masked",
			  variable, p.host);
	else if (!config_is_masked_port(k->config, p.port))
		check_say(k, variable, CHECK_WARNING, "add the port to `ports` or `proxy_ports`",
			  "%s points to port %u, which is not masked", variable, p.port);
	else if (!is_proxy && !config_is_target(k->config, p.host))
		check_say(k, variable, CHECK_WARNING, "add it to `targets`",
			  "%s points to %s, which is not a target: nothing sent there is masked",
			  variable, p.host);
	else
		check_say(k, variable, CHECK_OK, "", "%s points to %s, port %u, which is seen",
			  variable, p.host, p.port);
}

static void check_cloud(struct checks *k, const char *variable)
{
	const char *value = getenv(variable);

	if (value && *value && strcmp(value, "0") != 0)
		check_say(k, variable, CHECK_WARNING, "unset it",
			  "%s chooses a model host that awsmask does not mask yet, and so refuses",
			  variable);
}

static bool file_holds(const char *path, const X509 *wanted)
{
	FILE *f = fopen(path, "re");
	bool found = false;
	X509 *one;

	while (f && !found && (one = PEM_read_X509(f, NULL, NULL, NULL))) {
		found = X509_cmp(one, wanted) == 0;
		X509_free(one);
	}
	if (f)
		fclose(f);
	return found;
}

static void check_node(struct checks *k)
{
	static const char id[] = "NODE_EXTRA_CA_CERTS";
	const char *path = getenv(id);
	char advice[512];
	struct err e;
	X509 *ca = ca_read_certificate(k->config->ca_dir, &e);

	snprintf(advice, sizeof(advice),
		 "programs on Node that do not read the system's store need %s=%s/%s", id,
		 k->config->ca_dir, CA_CERT_FILE);
	if (!path || !*path)
		check_say(k, id, CHECK_OK, advice, "%s is not set", id);
	else if (ca && file_holds(path, ca))
		check_say(k, id, CHECK_OK, "", "%s names a file that holds the CA", id);
	else
		check_say(k, id, CHECK_WARNING, advice, "%s names a file without the CA", id);
	X509_free(ca);
}

static void check_cert_store(struct checks *k)
{
	static const char id[] = "CLAUDE_CODE_CERT_STORE";
	const char *value = getenv(id);

	if (value && *value && !strstr(value, "system"))
		check_say(k, id, CHECK_WARNING, "unset it, or have it name the system's store too",
			  "%s keeps the client from trusting the system's store", id);
}

void check_env(struct checks *k)
{
	static const char *const proxies[] = {"HTTPS_PROXY", "https_proxy", "HTTP_PROXY",
					      "http_proxy",  "ALL_PROXY",   "all_proxy"};

	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++)
		check_place(k, proxies[i], true);
	check_place(k, "ANTHROPIC_BASE_URL", false);
	check_cloud(k, "CLAUDE_CODE_USE_BEDROCK");
	check_cloud(k, "CLAUDE_CODE_USE_VERTEX");
	check_cert_store(k);
	check_node(k);
}
