/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "config_value.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const uint16_t default_ports[] = {443, 80};
static const uint16_t default_proxy_ports[] = {3128, 8080, 8888};
static const char *const default_excludes[] = {"127.0.0.0/8", "::1/128", "169.254.0.0/16",
					       "fe80::/10"};
static const char *const default_targets[] = {"api.anthropic.com", "mcp-proxy.anthropic.com",
					      "statsig.anthropic.com", "claude.ai",
					      "platform.claude.com"};

/* Hosts that answer for models in protocols that are not opened yet; `*` spans dots. */
static const char *const unmasked_models[] = {
	"bedrock*.amazonaws.com",
	"bedrock*.amazonaws.com.cn",
	"bedrock*.api.aws",
	"*.bedrock*.vpce.amazonaws.com",
	"runtime.sagemaker*.amazonaws.com",
	"aiplatform.googleapis.com",
	"*-aiplatform.googleapis.com",
	"aiplatform.*.rep.googleapis.com",
	"generativelanguage.googleapis.com",
	"cloudcode-pa.googleapis.com",
	"api.openai.com",
	"*.api.openai.com",
	"chatgpt.com",
	"*.chatgpt.com",
	"*.openai.azure.com",
	"*.cognitiveservices.azure.com",
	"*.services.ai.azure.com",
	"*.models.ai.azure.com",
	"models.inference.ai.azure.com",
	"models.github.ai",
	"*.githubcopilot.com",
	"copilot-proxy.githubusercontent.com",
	"*.cursor.sh",
	"server.codeium.com",
	"*.codeium.com",
	"api.mistral.ai",
	"codestral.mistral.ai",
	"api.cohere.com",
	"api.cohere.ai",
	"api.groq.com",
	"openrouter.ai",
	"*.openrouter.ai",
	"api.together.xyz",
	"api.together.ai",
	"api.fireworks.ai",
	"api.deepseek.com",
	"api.x.ai",
	"*.api.x.ai",
	"api.perplexity.ai",
	"api.cerebras.ai",
	"api.sambanova.ai",
	"api.deepinfra.com",
	"api.replicate.com",
	"router.huggingface.co",
	"api-inference.huggingface.co",
	"integrate.api.nvidia.com",
	"ai-gateway.vercel.sh",
	"gateway.ai.cloudflare.com",
	"dashscope*.aliyuncs.com",
	"api.moonshot.ai",
	"api.moonshot.cn",
	"api.minimax.io",
	"api.z.ai",
	"open.bigmodel.cn",
	"ark.*.volces.com",
};

static int copy_ports(const uint16_t *from, size_t n, uint16_t **to, size_t *count)
{
	*to = malloc(n * sizeof(**to));
	if (!*to)
		return -1;
	memcpy(*to, from, n * sizeof(**to));
	*count = n;
	return 0;
}

static int default_lists(struct config *c)
{
	if (copy_ports(default_ports, COUNT(default_ports), &c->ports, &c->port_count) ||
	    copy_ports(default_proxy_ports, COUNT(default_proxy_ports), &c->proxy_ports,
		       &c->proxy_port_count))
		return -1;
	c->exclude = calloc(COUNT(default_excludes), sizeof(*c->exclude));
	c->targets = calloc(COUNT(default_targets), sizeof(*c->targets));
	if (!c->exclude || !c->targets)
		return -1;
	for (size_t i = 0; i < COUNT(default_excludes); i++)
		if (config_net(default_excludes[i], &c->exclude[c->exclude_count++]))
			return -1;
	for (size_t i = 0; i < COUNT(default_targets); i++) {
		c->targets[i] = strdup(default_targets[i]);
		if (!c->targets[i])
			return -1;
		c->target_count++;
	}
	return 0;
}

struct config *config_default(void)
{
	struct config *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	if (default_lists(c)) {
		config_free(c);
		return NULL;
	}
	c->listen_transparent = 15443;
	strcpy(c->vault_sqlite, "/var/lib/awsmask/vault.db");
	strcpy(c->report_sqlite, "/var/lib/awsmask/report.db");
	c->report_keep = 90;
	strcpy(c->audit.file, "/var/log/awsmask/audit.jsonl");
	c->audit.size = (size_t)64 << 20;
	c->audit.keep = 16;
	c->log_level = LOG_INFO - LOG_ERR;
	strcpy(c->ca_dir, "/var/lib/awsmask/ca");
	strcpy(c->control_socket, "/run/awsmask/control.sock");
	strcpy(c->metrics.socket, "/run/awsmask/metrics.sock");
	c->limit_body = (size_t)64 << 20;
	c->limit_memo = (size_t)32 << 20;
	c->limits = (struct scope_limits){.connections = 10000,
					  .scope_connections = 5000,
					  .memory = (size_t)1 << 30,
					  .scope_memory = (size_t)512 << 20};
	c->keep_examples = true;
	return c;
}

static void list_free(struct config_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->literals[i]);
	free(l->literals);
}

static void types_lines_free(struct config *c)
{
	for (size_t i = 0; i < c->type_count; i++) {
		struct config_type *t = &c->types[i];

		for (size_t j = 0; j < t->target_count; j++)
			free(t->targets[j].host);
		for (size_t j = 0; j < t->anchor_count; j++)
			free(t->anchors[j]);
		free(t->targets);
		free(t->anchors);
		list_free(&t->list);
	}
	free(c->types);
}

void config_free(struct config *c)
{
	if (!c)
		return;
	types_lines_free(c);
	list_free(&c->allow);
	for (size_t i = 0; i < c->target_count; i++)
		free(c->targets[i]);
	for (size_t i = 0; i < c->enroll_count; i++)
		free(c->enroll[i]);
	free(c->targets);
	free(c->enroll);
	free(c->ports);
	free(c->proxy_ports);
	free(c->exclude);
	free(c);
}

/* Returns bytes read, at most max; -1 and errno. */
static ssize_t read_some(int fd, char *text, size_t max)
{
	size_t len = 0;

	while (len < max) {
		ssize_t n = read(fd, text + len, max - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

struct config *config_load(const char *path, bool optional, struct err *e)
{
	struct config *c = NULL;
	char *text = NULL;
	ssize_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 && errno == ENOENT && optional) {
		c = config_default();
		if (!c)
			err_set(e, "%s: out of memory", path);
		return c;
	}
	if (fd < 0) {
		err_set(e, "%s: cannot be opened: %s", path, strerror(errno));
		return NULL;
	}
	text = malloc(FILE_MAX + 1);
	len = text ? read_some(fd, text, FILE_MAX + 1) : -1;
	if (len < 0)
		err_set(e, "%s: cannot be read: %s", path, strerror(errno));
	else if ((size_t)len > FILE_MAX)
		err_set(e, "%s: is larger than 1MiB; this is not awsmask's configuration", path);
	else
		c = config_parse(path, text, (size_t)len, e);
	free(text);
	close(fd);
	return c;
}

/* The name without one trailing dot, which means the same host. False: longer than any name. */
static bool plain_name(const char *host, char name[static HOST_MAX])
{
	size_t len = strlen(host);

	if (len && host[len - 1] == '.')
		len--;
	if (len >= HOST_MAX)
		return false;
	memcpy(name, host, len);
	name[len] = 0;
	return true;
}

/* As the configuration writes it; NULL: it is none. */
static const char *target_name(const struct config *c, const char *host)
{
	char name[HOST_MAX];

	if (!plain_name(host, name))
		return NULL;
	for (size_t i = 0; i < c->target_count; i++)
		if (!strcasecmp(c->targets[i], name))
			return c->targets[i];
	return NULL;
}

/* The pattern that it is known by; NULL: it is none. */
static const char *unmasked_model(const char *host)
{
	char name[HOST_MAX];

	if (!plain_name(host, name))
		return NULL;
	for (size_t i = 0; i < COUNT(unmasked_models); i++)
		if (!fnmatch(unmasked_models[i], name, FNM_CASEFOLD | FNM_NOESCAPE))
			return unmasked_models[i];
	return NULL;
}

bool config_is_target(const struct config *c, const char *host)
{
	return target_name(c, host) != NULL;
}

bool config_is_unmasked_model(const char *host)
{
	return unmasked_model(host) != NULL;
}

const char *config_host_name(const struct config *c, const char *host)
{
	const char *name = target_name(c, host);

	return name ? name : unmasked_model(host);
}

static bool net_holds(const struct config_net *net, const uint8_t addr[static 16])
{
	unsigned bytes = net->prefixlen / 8, bits = net->prefixlen % 8;

	return !memcmp(net->addr, addr, bytes) &&
	       (!bits || (net->addr[bytes] ^ addr[bytes]) >> (8 - bits) == 0);
}

bool config_excludes(const struct config *c, const uint8_t addr[static 16])
{
	for (size_t i = 0; i < c->exclude_count; i++)
		if (net_holds(&c->exclude[i], addr))
			return true;
	return false;
}

bool config_is_masked_port(const struct config *c, unsigned port)
{
	for (size_t i = 0; i < c->port_count; i++)
		if (c->ports[i] == port)
			return true;
	for (size_t i = 0; i < c->proxy_port_count; i++)
		if (c->proxy_ports[i] == port)
			return true;
	return false;
}
