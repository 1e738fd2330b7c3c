/* SPDX-License-Identifier: Apache-2.0 */
#include "tempdir.h"
#include "../../user/daemon/config.h"

#include <sys/mman.h>

static struct err e;

TestSuite(config, .init = tempdir_make, .fini = tempdir_remove, .timeout = 60);

static struct config *parse(const char *text)
{
	struct config *c = config_parse("a.yaml", text, strlen(text), &e);

	cr_assert(c != NULL, "%s: %s", text, e.text);
	return c;
}

static void same_as_default(struct config *c)
{
	struct config *d = config_default();
	char *a = config_print(c), *b = config_print(d);

	cr_assert_str_eq(a, b);
	free(a);
	free(b);
	config_free(c);
	config_free(d);
}

/* The sentence begins with file and line and has each of the parts. */
struct wrong {
	const char *text;
	const char *start;
	const char *part;
};

static void refuses(const struct wrong *w)
{
	struct config *c;

	e.text[0] = 0;
	c = config_parse("a.yaml", w->text, strlen(w->text), &e);
	cr_assert(c == NULL, "taken: %s", w->text);
	cr_assert(!strncmp(e.text, w->start, strlen(w->start)), "%s -> %s", w->text, e.text);
	cr_assert(strstr(e.text, w->part), "%s -> %s", w->text, e.text);
	for (const char *p = e.text; *p; p++)
		cr_assert((unsigned char)*p >= 0x20, "%s", e.text);
}

#define REFUSE(...)                                                                                \
	do {                                                                                       \
		static const struct wrong wrongs[] = {__VA_ARGS__};                                \
		for (size_t i_ = 0; i_ < sizeof(wrongs) / sizeof(*wrongs); i_++)                   \
			refuses(&wrongs[i_]);                                                      \
	} while (0)

Test(config, the_shipped_file_is_the_default)
{
	struct config *c = config_load("deploy/awsmask.yaml", false, &e);

	cr_assert(c != NULL, "%s", e.text);
	same_as_default(c);
}

/* A key left out of the shipped file would still compare equal, by its default. */
Test(config, the_shipped_file_names_every_key)
{
	struct config *d = config_default();
	char *printed = config_print(d), *line, *save, *shipped = calloc(1, 1 << 16);
	FILE *f = fopen("deploy/awsmask.yaml", "r");

	cr_assert(f && fread(shipped, 1, (1 << 16) - 1, f) > 100);
	fclose(f);
	for (line = strtok_r(printed, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char at_line_start[512];
		snprintf(at_line_start, sizeof(at_line_start), "\n%s\n", line);
		cr_assert(strstr(shipped, at_line_start), "%s", line);
	}
	free(printed);
	free(shipped);
	config_free(d);
}

Test(config, nothing_is_the_default)
{
	static const char *const nothing[] = {"",
					      "\n\n",
					      "# words\n",
					      "---\n",
					      "{}",
					      "--- {}\n...\n",
					      "\xef\xbb\xbf# after a byte order mark\n"};

	for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++)
		same_as_default(parse(nothing[i]));
}

Test(config, the_defaults_are_these)
{
	struct config *c = config_default();

	cr_assert_eq(c->mode, POLICY_ENFORCE);
	cr_assert(!c->fail_open && !c->deny_other_hosts && !c->allow_binary);
	cr_assert_eq(c->scope, SCOPE_UID);
	cr_assert_eq(c->port_count, 2);
	cr_assert_eq(c->ports[0], 443);
	cr_assert_eq(c->exclude_count, 4);
	cr_assert_eq(c->exclude[0].prefixlen, 104);
	cr_assert_eq(c->exclude[0].addr[10], 0xff);
	cr_assert_eq(c->exclude[0].addr[12], 127);
	cr_assert_eq(c->exclude[3].prefixlen, 10);
	cr_assert_eq(c->exclude[3].addr[0], 0xfe);
	cr_assert_eq(c->target_count, 5);
	cr_assert_eq(c->limit_body, 67108864);
	cr_assert_eq(c->listen_transparent, 15443);
	cr_assert_str_eq(c->control_socket, "/run/awsmask/control.sock");
	cr_assert_str_eq(c->metrics.socket, "/run/awsmask/metrics.sock");
	cr_assert_str_eq(c->metrics.listen, "");
	cr_assert_str_eq(c->listen_explicit, "");
	cr_assert_str_eq(c->report_sqlite, "/var/lib/awsmask/report.db");
	cr_assert_eq(c->report_keep, 90);
	config_free(c);
}

static const char everything[] =
	"mode: observe\nfail: open\nscope: cgroup\nports: [8443, 65535, 1]\n"
	"exclude: [10.0.0.0/8, \"2001:db8::/32\", 192.0.2.7/32]\n"
	"targets:\n  - Gateway.Example\n  - llm\nother_hosts: deny\nproxy_ports: []\n"
	"enroll: [\"/sys/fs/cgroup/build*\", 'agent.service', \"with \\\"quotes\\\" and \\\\\"]\n"
	"types: {}\nlisten: {transparent: 1, explicit: \"[::1]:8082\"}\n"
	"origin: {address: gw.example:8443, ca_file: /etc/gw ca.pem}\n"
	"vault: {sqlite: '/srv/v: #1.db'}\nreport: {sqlite: /srv/r.db, keep: 7d}\nca: {dir: "
	"/srv/ca}\ncontrol:\n  socket: /tmp/c.sock\n"
	"metrics: {socket: \"\", listen: \"[::1]:9464\"}\n"
	"limits: {body: 1536KiB, connections: 1, scope_connections: 2, memory: 3GiB, scope_memory: "
	"2GiB, memo: 0}\nthreads: 4\nbinary: allow\n";

Test(config, every_key_is_read)
{
	struct config *c = parse(everything);

	cr_assert_eq(c->mode, POLICY_OBSERVE);
	cr_assert(c->fail_open && c->deny_other_hosts && c->allow_binary);
	cr_assert_eq(c->scope, SCOPE_CGROUP);
	cr_assert_eq(c->port_count, 3);
	cr_assert_eq(c->ports[1], 65535);
	cr_assert_eq(c->proxy_port_count, 0);
	cr_assert_eq(c->exclude_count, 3);
	cr_assert_eq(c->exclude[2].prefixlen, 128);
	cr_assert_str_eq(c->targets[0], "gateway.example");
	cr_assert_str_eq(c->targets[1], "llm");
	cr_assert_eq(c->enroll_count, 3);
	cr_assert_str_eq(c->enroll[2], "with \"quotes\" and \\");
	cr_assert_eq(c->listen_transparent, 1);
	cr_assert_str_eq(c->listen_explicit, "[::1]:8082");
	cr_assert_str_eq(c->origin.address, "gw.example:8443");
	cr_assert_str_eq(c->origin.ca_file, "/etc/gw ca.pem");
	cr_assert_str_eq(c->vault_sqlite, "/srv/v: #1.db");
	cr_assert_str_eq(c->report_sqlite, "/srv/r.db");
	cr_assert_eq(c->report_keep, 7);
	cr_assert_str_eq(c->ca_dir, "/srv/ca");
	cr_assert_str_eq(c->control_socket, "/tmp/c.sock");
	cr_assert_str_eq(c->metrics.socket, "");
	cr_assert_str_eq(c->metrics.listen, "[::1]:9464");
	cr_assert_eq(c->limit_body, 1536u << 10);
	cr_assert_eq(c->limits.connections, 1);
	cr_assert_eq(c->limits.memory, (size_t)3 << 30);
	cr_assert_eq(c->limits.scope_connections, 2);
	cr_assert_eq(c->limits.scope_memory, (size_t)2 << 30);
	cr_assert_eq(c->limit_memo, 0);
	cr_assert_eq(c->threads, 4);
	config_free(c);
}

Test(config, printing_is_read_back)
{
	struct config *c = parse(everything), *again;
	char *text = config_print(c), *second;

	again = parse(text);
	second = config_print(again);
	cr_assert_str_eq(text, second);
	cr_assert_str_eq(again->vault_sqlite, c->vault_sqlite);
	cr_assert_str_eq(again->enroll[2], c->enroll[2]);
	free(text);
	free(second);
	config_free(c);
	config_free(again);
}

Test(config, the_example_sentence)
{
	const char *text = "# one\n\nmode: enforced\n";

	cr_assert_null(config_parse("awsmask.yaml", text, strlen(text), &e));
	cr_assert_str_eq(e.text, "awsmask.yaml:3: mode is 'enforced'; write enforce or observe");
}

Test(config, wrong_words)
{
	REFUSE({"mode: Enforce", "a.yaml:1: mode is 'Enforce'", "enforce or observe"},
	       {"fail: close", "a.yaml:1: fail is 'close'", "closed or open"},
	       {"\nscope: user", "a.yaml:2: scope is 'user'", "uid, cgroup or host"},
	       {"other_hosts: ''", "a.yaml:1: other_hosts is ''", "splice or deny"},
	       {"binary: true", "a.yaml:1: binary is 'true'", "refuse or allow"},
	       {"mode:\n", "a.yaml:1: mode is ''", "enforce or observe"});
}

Test(config, wrong_keys)
{
	REFUSE({"modes: enforce", "a.yaml:1: there is no key 'modes'", "mode, fail"},
	       {"mode: enforce\n\nmode: observe", "a.yaml:3: mode stands here a second time", ""},
	       {"limits: {body: 1MiB,\n body: 2MiB}", "a.yaml:2: limits.body", "second time"},
	       {"limits: {bodies: 1}", "a.yaml:1: there is no key 'bodies' in limits",
		"body, connections, scope_connections, memory, scope_memory, memo"},
	       {"metrix: {socket: /x}", "a.yaml:1: there is no key 'metrix'", ""},
	       {"? [mode]\n: enforce", "a.yaml:1: a key is a list", ""},
	       {"? {a: b}\n: enforce", "a.yaml:1: a key is a mapping", ""},
	       {"\"mo\\0de\": enforce", "a.yaml:1: a value holds a NUL", ""},
	       {"'': enforce", "a.yaml:1: there is no key ''", ""});
}

Test(config, wrong_kinds)
{
	REFUSE({"mode: [enforce]", "a.yaml:1: mode is a list", "enforce or observe"},
	       {"ports: 443", "a.yaml:1: ports is a single value", "a list"},
	       {"ports: {a: b}", "a.yaml:1: ports is a mapping", "a list"},
	       {"ports:\n", "a.yaml:1: ports is empty", "leave the key out"},
	       {"ports: [[443]]", "a.yaml:1: ports is a list", "port numbers"},
	       {"limits: 5", "a.yaml:1: limits is a single value", "a mapping"},
	       {"limits: [body]", "a.yaml:1: limits is a list", "a mapping"},
	       {"vault: {sqlite: {path: /x}}", "a.yaml:1: vault.sqlite is a mapping", "path"},
	       {"[mode, enforce]", "a.yaml:1: the file is a list", "key: value"},
	       {"enforce", "a.yaml:1: the file is a single value", "key: value"},
	       {"types: {EC2_INSTANCE: [observe]}", "a.yaml:1: types.EC2_INSTANCE is a list",
		"mapping"},
	       {"types: []", "a.yaml:1: types is a list", "{ }"});
}

Test(config, wrong_ports_and_numbers)
{
	REFUSE({"ports: [443, 0]", "a.yaml:1: ports is '0'", "1 to 65535"},
	       {"ports: [65536]", "a.yaml:1: ports is '65536'", "1 to 65535"},
	       {"ports: [-1]", "a.yaml:1: ports is '-1'", ""},
	       {"ports: [https]", "a.yaml:1: ports is 'https'", ""},
	       {"ports: [4 43]", "a.yaml:1: ports is '4 43'", ""},
	       {"ports: [443,\n 443]", "a.yaml:2: ports names '443' twice", ""},
	       {"ports: [443, 0443]", "a.yaml:1: ports names '0443' twice", ""},
	       {"ports: []", "a.yaml:1: ports is an empty list", "at least one"},
	       {"ports: [18446744073709551617]", "a.yaml:1: ports is", ""},
	       {"proxy_ports: [443]", "a.yaml:1: 443 is in ports and in proxy_ports", ""},
	       {"listen: {transparent: -1}", "a.yaml:1: listen.transparent is '-1'", "0 for no"},
	       {"listen: {transparent: 0}", "a.yaml:1: listen names no listener", "explicit"},
	       {"threads: -1", "a.yaml:1: threads is '-1'", "0 to 64"},
	       {"threads: 65", "a.yaml:1: threads is '65'", "0 to 64"},
	       {"threads: 1e3", "a.yaml:1: threads is '1e3'", ""},
	       {"limits: {connections: 0}", "a.yaml:1: limits.connections is '0'", "1 to 1000000"});
}

Test(config, too_many_ports_together)
{
	char text[1024] = "proxy_ports: [1000]\nports: [1";
	struct config *c;

	for (int i = 2; i <= 63; i++)
		sprintf(text + strlen(text), ", %d", i);
	strcat(text, "]\n");
	c = config_parse("a.yaml", text, strlen(text), &e);
	cr_assert(c != NULL, "%s", e.text);
	config_free(c);
	strcpy(strchr(text, ']'), ", 1001]\nports: [1");
	for (int i = 2; i <= 63; i++)
		sprintf(text + strlen(text), ", %d", i);
	strcat(text, "]\n");
	refuses(&(struct wrong){text, "a.yaml:2: ports and proxy_ports hold 65", "at most 64"});
}

Test(config, wrong_sizes)
{
	REFUSE({"limits: {body: 64 MiB}", "a.yaml:1: limits.body is '64 MiB'", "64MiB"},
	       {"limits: {body: 64MB}", "a.yaml:1: limits.body is '64MB'", ""},
	       {"limits: {body: 0}", "a.yaml:1: limits.body is '0'", "from 1KiB to 1GiB"},
	       {"limits: {body: MiB}", "a.yaml:1: limits.body is 'MiB'", ""},
	       {"limits: {body: 1.5MiB}", "a.yaml:1: limits.body is '1.5MiB'", ""},
	       {"limits: {body: 17592186044416MiB}", "a.yaml:1: limits.body is", ""},
	       {"limits: {body: 99999999999999999999999}", "a.yaml:1: limits.body is", ""},
	       {"limits: {body: 18446744073709551615GiB}", "a.yaml:1: limits.body is", ""},
	       {"limits: {memory: 2MiB}", "a.yaml:1: limits.body is more than limits.memory", ""},
	       {"limits: {scope_memory: 2MiB}",
		"a.yaml:1: limits.body is more than limits.scope_memory", ""});
}

Test(config, wrong_networks)
{
	REFUSE({"exclude: [10.0.0.0]", "a.yaml:1: exclude is '10.0.0.0'", "10.0.0.0/8"},
	       {"exclude: [10.0.0.1/8]", "a.yaml:1: exclude is '10.0.0.1/8'", "no bits set"},
	       {"exclude: [10.0.0.0/33]", "a.yaml:1: exclude is", ""},
	       {"exclude: [10.0.0.0/]", "a.yaml:1: exclude is", ""},
	       {"exclude: [10.0.0/8]", "a.yaml:1: exclude is", ""},
	       {"exclude: [010.0.0.0/8]", "a.yaml:1: exclude is", ""},
	       {"exclude: [\"fe80::1/10\"]", "a.yaml:1: exclude is", ""},
	       {"exclude: [\"fe80::/129\"]", "a.yaml:1: exclude is", ""},
	       {"exclude: [\"fe80::/+10\"]", "a.yaml:1: exclude is", ""},
	       {"exclude: [0.0.0.0/0]", "a.yaml:1: exclude is", "at least 1"},
	       {"exclude: [\"::/0\"]", "a.yaml:1: exclude is", ""},
	       {"exclude: [\"::/64\"]", "a.yaml:1: exclude is", "all IPv4"},
	       {"exclude: [\"::ffff:0:0/96\"]", "a.yaml:1: exclude is", "all IPv4"},
	       {"exclude: [localhost/8]", "a.yaml:1: exclude is", ""},
	       {"exclude: [10.0.0.0/8, \"::ffff:10.0.0.0/104\"]", "a.yaml:1: exclude names",
		"twice"});
}

Test(config, wrong_hosts)
{
	REFUSE({"targets: []", "a.yaml:1: targets is an empty list", "at least one"},
	       {"targets: [\"*.anthropic.com\"]", "a.yaml:1: targets is '*.anthropic.com'",
		"wildcard"},
	       {"targets: [api.anthropic.com.]", "a.yaml:1: targets is", "final dot"},
	       {"targets: [api..com]", "a.yaml:1: targets is", ""},
	       {"targets: [.com]", "a.yaml:1: targets is", ""},
	       {"targets: [-a.com]", "a.yaml:1: targets is", ""},
	       {"targets: [a-.com]", "a.yaml:1: targets is", ""},
	       {"targets: [a_b.com]", "a.yaml:1: targets is", ""},
	       {"targets: [192.0.2.1]", "a.yaml:1: targets is", "no address"},
	       {"targets: [192.0.2.0x1]", "a.yaml:1: targets is", ""},
	       {"targets: [\"::1\"]", "a.yaml:1: targets is", ""},
	       {"targets: [\"a.com:443\"]", "a.yaml:1: targets is", "port"},
	       {"targets: [https://a.com]", "a.yaml:1: targets is", ""},
	       {"targets: [\"a.com\\n\"]", "a.yaml:1: targets is 'a.com?'", ""},
	       {"targets: [\"\"]", "a.yaml:1: targets is ''", ""},
	       {"targets: [b\xc3\xbc"
		"cher.example]",
		"a.yaml:1: targets is", ""},
	       {"targets: [a.com,\n A.COM]", "a.yaml:2: targets names 'A.COM' twice", ""});
}

Test(config, host_names_have_a_longest_form)
{
	char text[400], label[64];
	struct config *c;

	memset(label, 'a', 63);
	label[63] = 0;
	snprintf(text, sizeof(text), "targets: [%s.%s.%s.%.61s]", label, label, label, label);
	c = parse(text);
	cr_assert_eq(strlen(c->targets[0]), 253);
	config_free(c);
	snprintf(text, sizeof(text), "targets: [%s.%s.%s.%.62s]", label, label, label, label);
	refuses(&(struct wrong){text, "a.yaml:1: targets is", ""});
	snprintf(text, sizeof(text), "targets: [%sa.com]", label);
	refuses(&(struct wrong){text, "a.yaml:1: targets is", "..."});
}

Test(config, wrong_endpoints_and_paths)
{
	REFUSE({"listen: {explicit: 8082}", "a.yaml:1: listen.explicit is '8082'",
		"127.0.0.1:8082"},
	       {"listen: {explicit: \"localhost:8082\"}", "a.yaml:1: listen.explicit is", ""},
	       {"listen: {explicit: \"127.0.0.1:0\"}", "a.yaml:1: listen.explicit is", ""},
	       {"listen: {explicit: \"::1:8082\"}", "a.yaml:1: listen.explicit is", ""},
	       {"listen: {explicit: \"[127.0.0.1]:80\"}", "a.yaml:1: listen.explicit is", ""},
	       {"origin: {address: gw.example}", "a.yaml:1: origin.address is",
		"gateway.example:443"},
	       {"origin: {address: \"gw.example:65536\"}", "a.yaml:1: origin.address is", ""},
	       {"origin: {address: \"http://gw.example:80\"}", "a.yaml:1: origin.address is", ""},
	       {"origin: {address: \":80\"}", "a.yaml:1: origin.address is", ""},
	       {"origin: {ca_file: ca.pem}", "a.yaml:1: origin.ca_file is 'ca.pem'", "absolute"},
	       {"vault: {sqlite: \"\"}", "a.yaml:1: vault.sqlite is ''", "absolute"},
	       {"report: {sqlite: here.db}", "a.yaml:1: report.sqlite is 'here.db'",
		"absolute path"},
	       {"report:\n  keep: 90", "a.yaml:2: report.keep is '90'", "such as 30d"},
	       {"report: {keep: 0d}", "a.yaml:1: report.keep is '0d'", "from 1d to 3650d"},
	       {"report: {keep: 3651d}", "a.yaml:1: report.keep is '3651d'", "from 1d to 3650d"},
	       {"report: {keep: 1 d}", "a.yaml:1: report.keep is '1 d'", "such as 30d"},
	       {"report: {keep: 1w}", "a.yaml:1: report.keep is '1w'", "such as 30d"},
	       {"report: {days: 1d}", "a.yaml:1: there is no key", "sqlite, keep"},
	       {"ca: {dir: var/lib}", "a.yaml:1: ca.dir is 'var/lib'", "absolute"},
	       {"ca: {dir: \"/a\\tb\"}", "a.yaml:1: ca.dir is '/a?b'", ""},
	       {"enroll: [\"a\\nb\"]", "a.yaml:1: enroll is 'a?b'", ""},
	       {"enroll: ['']", "a.yaml:1: enroll is ''", ""});
}

Test(config, paths_have_a_longest_form)
{
	char path[300], text[400];
	struct config *c;

	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[107] = 0;
	snprintf(text, sizeof(text), "control: {socket: %s}", path);
	c = parse(text);
	cr_assert_str_eq(c->control_socket, path);
	config_free(c);
	path[107] = 'p';
	path[108] = 0;
	snprintf(text, sizeof(text), "control: {socket: %s}", path);
	refuses(&(struct wrong){text, "a.yaml:1: control.socket is", "shorter than 108"});
	path[108] = 'p';
	path[256] = 0;
	snprintf(text, sizeof(text), "ca: {dir: %s}", path);
	refuses(&(struct wrong){text, "a.yaml:1: ca.dir is", "shorter than 256"});
}

Test(config, yaml_that_is_none_or_too_clever)
{
	REFUSE({"mode: \"enforce", "a.yaml:", "not YAML"},
	       {"fail: open\nmode: 'enforce' now", "a.yaml:2: this is not YAML", ""},
	       {"\tmode: enforce", "a.yaml:1: this is not YAML", ""},
	       {"ports: [443", "a.yaml:", "not YAML"}, {"mode: \xff\xfe", "a.yaml:", "not YAML"},
	       {"mode: enforce\n---\nmode: observe", "a.yaml:2: a second document", ""},
	       {"mode: &m enforce", "a.yaml:1: anchors", "write the value itself"},
	       {"ports: &p [443]\nproxy_ports: *p", "a.yaml:1: anchors", ""},
	       {"mode: *m", "a.yaml:1: anchors", ""}, {"ports: [*p]", "a.yaml:1: anchors", ""},
	       {"&r {mode: enforce}", "a.yaml:1: anchors", ""},
	       {"mode: !!str enforce", "a.yaml:1: anchors, aliases and tags", ""},
	       {"threads: !int 4", "a.yaml:1: anchors, aliases and tags", ""},
	       {"<<: {mode: observe}", "a.yaml:1: there is no key '<<'", ""},
	       {"mode: \"enfo\\0rce\"", "a.yaml:1: a value holds a NUL", ""},
	       {"mode: \"\\u001b[31mred\"", "a.yaml:1: mode is '?[31mred'", ""});
}

Test(config, nul_bytes_in_the_file)
{
	static const char text[] = "mode: observe\n\0fail: open\n";

	cr_assert_null(config_parse("a.yaml", text, sizeof(text) - 1, &e));
	cr_assert(strstr(e.text, "not YAML"), "%s", e.text);
}

Test(config, deep_nesting_ends_early)
{
	size_t n = 200000;
	char *text = malloc(n + 16);

	strcpy(text, "ports: ");
	memset(text + 7, '[', n);
	cr_assert_null(config_parse("a.yaml", text, n + 7, &e));
	memset(text, '{', n);
	cr_assert_null(config_parse("a.yaml", text, n, &e));
	strcpy(text, "types: ");
	for (size_t i = 7; i + 3 < n; i += 3)
		memcpy(text + i, "{a:", 3);
	cr_assert_null(config_parse("a.yaml", text, n, &e));
	free(text);
}

/* Every beginning of a file, right before a page that must not be read. */
Test(config, cut_files_read_nothing_behind_their_end)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), len = sizeof(everything) - 1;
	char *map =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(map, MAP_FAILED);
	cr_assert_lt(len, page);
	cr_assert_eq(mprotect(map + page, page, PROT_NONE), 0);
	for (size_t n = 0; n <= len; n++) {
		memcpy(map + page - n, everything, n);
		struct config *c = config_parse("a.yaml", map + page - n, n, &e);
		cr_assert(c || e.text[0]);
		config_free(c);
	}
	munmap(map, 2 * page);
}

/* One changed byte: an answer or a sentence, and whatever is taken prints and reads back. */
Test(config, changed_bytes_are_taken_whole_or_not_at_all)
{
	static const char bytes[] = "\0\n\"'[]{}:,&*!#-%\x80 0~";
	char text[sizeof(everything)];

	for (size_t at = 0; at < sizeof(everything) - 1; at++)
		for (size_t k = 0; k < sizeof(bytes) - 1; k += 3) {
			memcpy(text, everything, sizeof(text));
			text[at] = bytes[(k + at) % (sizeof(bytes) - 1)];
			e.text[0] = 0;
			struct config *c = config_parse("a.yaml", text, sizeof(text) - 1, &e);
			if (!c) {
				cr_assert_eq(strncmp(e.text, "a.yaml:", 7), 0, "%s", e.text);
				continue;
			}
			char *printed = config_print(c);
			config_free(parse(printed));
			free(printed);
			config_free(c);
		}
}

Test(config, files)
{
	struct config *c;
	char *big = calloc(1, (1 << 20) + 2);

	cr_assert_null(config_load(in_tempdir("none"), false, &e));
	cr_assert(strstr(e.text, "No such file"), "%s", e.text);
	same_as_default(config_load(in_tempdir("none"), true, &e));
	cr_assert_null(config_load(tempdir, true, &e));
	cr_assert(strstr(e.text, "directory"), "%s", e.text);
	put_file(in_tempdir("a"), everything, sizeof(everything) - 1);
	c = config_load(in_tempdir("a"), false, &e);
	cr_assert(c != NULL, "%s", e.text);
	cr_assert_eq(c->threads, 4);
	config_free(c);
	memset(big, '#', (1 << 20) + 1);
	put_file(in_tempdir("big"), big, (1 << 20) + 1);
	cr_assert_null(config_load(in_tempdir("big"), true, &e));
	cr_assert(strstr(e.text, "larger than 1MiB"), "%s", e.text);
	put_file(in_tempdir("big"), big, 1 << 20);
	same_as_default(config_load(in_tempdir("big"), false, &e));
	free(big);
}

Test(config, targets_are_found_in_any_spelling)
{
	struct config *c = config_default();

	cr_assert(config_is_target(c, "api.anthropic.com"));
	cr_assert(config_is_target(c, "API.Anthropic.COM"));
	cr_assert(config_is_target(c, "api.anthropic.com."));
	cr_assert(!config_is_target(c, "api.anthropic.com.."));
	cr_assert(!config_is_target(c, "xapi.anthropic.com"));
	cr_assert(!config_is_target(c, "api.anthropic.com.evil.example"));
	cr_assert(!config_is_target(c, "anthropic.com"));
	cr_assert(!config_is_target(c, ""));
	cr_assert(!config_is_target(c, "."));
	cr_assert_str_eq(config_host_name(c, "API.Anthropic.COM."), "api.anthropic.com");
	cr_assert_str_eq(
		config_host_name(c, "vpce-0f-1.bedrock-runtime.us-east-1.vpce.amazonaws.com"),
		"*.bedrock*.vpce.amazonaws.com");
	cr_assert_str_eq(config_host_name(c, "corvid.openai.azure.com"), "*.openai.azure.com");
	cr_assert_null(config_host_name(c, "corvid-ledger.s3.amazonaws.com"));
	config_free(c);
}

Test(config, model_hosts_that_are_not_masked_yet)
{
	static const char *const models[] = {
		"bedrock-runtime.us-east-1.amazonaws.com",
		"bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
		"bedrock-agent-runtime.eu-west-1.amazonaws.com",
		"vpce-0f-1.bedrock-runtime.us-east-1.vpce.amazonaws.com",
		"aiplatform.googleapis.com",
		"europe-west1-aiplatform.googleapis.com",
		"generativelanguage.googleapis.com",
		"api.openai.com",
		"API.OPENAI.COM.",
		"eu.api.openai.com",
		"chatgpt.com",
		"acme.openai.azure.com",
		"acme.services.ai.azure.com",
		"api.mistral.ai",
		"api.cohere.com",
		"api.groq.com",
		"openrouter.ai",
		"api.together.xyz",
		"api.deepseek.com",
		"api.x.ai"};
	static const char *const others[] = {"s3.us-east-1.amazonaws.com",
					     "ec2.us-east-1.amazonaws.com",
					     "storage.googleapis.com",
					     "openai.com.evil.example",
					     "notchatgpt.com",
					     "api.anthropic.com",
					     "github.com",
					     "x.ai.example",
					     "",
					     "*"};

	for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++)
		cr_assert(config_is_unmasked_model(models[i]), "%s", models[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		cr_assert(!config_is_unmasked_model(others[i]), "%s", others[i]);
}

Test(config, metrics_are_for_this_host_alone)
{
	static const char *const wrong[] = {"0.0.0.0:9464",    "10.0.0.1:9464", "[::]:9464",
					    "localhost:9464",  "127.0.0.1",	"127.0.0.1:0",
					    "127.0.0.1:99999", "1270.0.1:9464", ":9464"};
	static const char *const right[] = {"127.0.0.1:9464", "127.9.9.9:1", "[::1]:65535"};
	char text[128];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		snprintf(text, sizeof(text), "metrics: {listen: \"%s\"}", wrong[i]);
		refuses(&(struct wrong){text, "a.yaml:1: metrics.listen is",
					"a loopback address and port such as 127.0.0.1:9464"});
	}
	refuses(&(struct wrong){"control: {socket: /run/awsmask/metrics.sock}",
				"a.yaml:1:", "control.socket and metrics.socket are both"});
	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++) {
		struct config *c;

		snprintf(text, sizeof(text), "metrics: {listen: \"%s\"}", right[i]);
		c = parse(text);
		cr_expect_str_eq(c->metrics.listen, right[i]);
		config_free(c);
	}
}
