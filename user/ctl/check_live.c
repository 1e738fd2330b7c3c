/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof: from inside an enrolled cgroup, or by an enrolled program, a target's name must be
 * answered with a certificate of this host's CA. Only the handshake is done. When it is redirected as it should be, it never
 * leaves this host.
 */
#include "../daemon/ca.h"
#include "../daemon/cgroup.h"
#include "check.h"
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS 5
#define CHILD_SECONDS 30
#define NOWHERE "192.0.2.1" /* RFC 5737: nobody's. A redirect makes it this host all the same. */

struct finding {
	enum check_state state;
	char text[400];
};

__attribute__((format(printf, 3, 4))) static void
conclude(struct finding *v, enum check_state state, const char *format, ...)
{
	va_list args;

	v->state = state;
	va_start(args, format);
	vsnprintf(v->text, sizeof(v->text), format, args);
	va_end(args);
}

static int connect_to(const char *host)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const struct timeval patience = {.tv_sec = SECONDS};
	struct addrinfo *found = NULL, *a;
	int fd = -1, reason = EHOSTUNREACH;

	if (getaddrinfo(host, "443", &hints, &found) != 0 &&
	    getaddrinfo(NOWHERE, "443", &hints, &found) != 0)
		found = NULL;
	for (a = found; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			break;
		reason = errno;
		close(fd);
		fd = -1;
	}
	if (found)
		freeaddrinfo(found);
	errno = reason;
	return fd;
}

static void judge(SSL *ssl, const char *host, struct finding *v)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	long result = SSL_get_verify_result(ssl);
	char issuer[128] = "?";

	if (leaf)
		X509_NAME_get_text_by_NID(X509_get_issuer_name(leaf), NID_commonName, issuer,
					  sizeof(issuer));
	if (leaf && result == X509_V_OK)
		conclude(v, CHECK_OK, "a connection to %s is opened: %s issued its certificate",
			 host, issuer);
	else
		conclude(v, CHECK_FAILED, "a connection to %s got a certificate of '%s' (%s)", host,
			 issuer, X509_verify_cert_error_string(result));
}

/* Trusting nothing but this host's CA. */
static void shake_hands(int fd, const char *host, X509 *ca, struct finding *v)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;

	if (context && X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca) == 1)
		ssl = SSL_new(context);
	if (!ssl || !SSL_set1_host(ssl, host) || !SSL_set_tlsext_host_name(ssl, host) ||
	    !SSL_set_fd(ssl, fd)) {
		conclude(v, CHECK_FAILED, "no TLS connection can be made: memory is out");
		goto out;
	}
	/* Not to break off at a foreign certificate, but to name it. */
	SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	if (SSL_connect(ssl) == 1)
		judge(ssl, host, v);
	else
		conclude(v, CHECK_FAILED,
			 "a connection to %s was broken off before a "
			 "certificate came",
			 host);
out:
	SSL_free(ssl);
	SSL_CTX_free(context);
}

static void try_connection(const char *host, X509 *ca, struct finding *v)
{
	int fd = connect_to(host);

	if (fd < 0) {
		conclude(v, CHECK_FAILED, "a connection to %s was not made: %s", host,
			 strerror(errno));
		return;
	}
	shake_hands(fd, host, ca, v);
	close(fd);
}

/* The child's whole life: become what is to be tried, connect, tell. */
__attribute__((noreturn)) static void probe(const char *cgroup, const char *host, X509 *ca,
					    int tell)
{
	struct finding v = {.state = CHECK_FAILED};
	struct err e;

	alarm(CHILD_SECONDS);
	if (cgroup && cgroup_enter(cgroup, 0, &e) < 0)
		conclude(&v, CHECK_FAILED, "%s", e.text);
	else
		try_connection(host, ca, &v);
	_exit(write(tell, &v, sizeof(v)) == sizeof(v) ? 0 : 1);
}

/* `cgroup` NULL: from this one. */
static void run_probe(const char *cgroup, const char *host, X509 *ca, struct finding *v)
{
	int ends[2];
	pid_t child;

	conclude(v, CHECK_FAILED, "a connection was not answered in %d seconds", CHILD_SECONDS);
	if (pipe2(ends, O_CLOEXEC) < 0) {
		conclude(v, CHECK_FAILED, "no pipe can be made: %s", strerror(errno));
		return;
	}
	fflush(NULL);
	child = fork();
	if (child == 0)
		probe(cgroup, host, ca, ends[1]);
	close(ends[1]);
	if (child > 0) {
		struct finding said;

		if (read(ends[0], &said, sizeof(said)) == sizeof(said))
			*v = said;
		waitpid(child, NULL, 0);
	}
	close(ends[0]);
}

static void say(struct checks *k, const char *id, const char *from, const struct finding *v)
{
	check_say(k, id, v->state,
		  v->state == CHECK_OK ? "" : "look at awsmaskd's log and `awsmaskctl status`",
		  "from %s: %s", from, v->text);
}

static void check_cgroup(struct checks *k, X509 *ca)
{
	struct scratch scratch;
	struct finding v;
	struct err e;

	if (scratch_begin(&scratch, k->ctl, "check", &e) < 0) {
		check_say(k, "live", CHECK_FAILED, "", "%s", e.text);
		return;
	}
	run_probe(scratch.path, k->config->targets[0], ca, &v);
	say(k, "live", "an enrolled cgroup", &v);
	if (scratch_end(&scratch, k->ctl, &e) < 0)
		check_say(k, "cleanup", CHECK_WARNING, "see `awsmaskctl list`", "%s", e.text);
}

void check_live(struct checks *k)
{
	X509 *ca = NULL;
	struct err e;

	if (!k->daemon_answers)
		check_say(k, "live", CHECK_FAILED, "start awsmaskd first",
			  "nothing is proved without a daemon");
	else if (geteuid() != 0)
		check_say(k, "live", CHECK_FAILED, "run this as root",
			  "nothing is proved without the right to enroll a cgroup");
	else if (!(ca = ca_read_certificate(k->config->ca_dir, &e)))
		check_say(k, "live", CHECK_FAILED, "", "%s", e.text);
	else {
		check_cgroup(k, ca);
		check_program(k);
	}
	X509_free(ca);
}

void check_here(struct checks *k)
{
	struct finding v;
	struct err e;
	X509 *ca = ca_read_certificate(k->config->ca_dir, &e);

	if (ca) {
		run_probe(NULL, k->config->targets[0], ca, &v);
		say(k, "here", "this process", &v);
	} else {
		check_say(k, "here", CHECK_FAILED, "run this as root", "%s", e.text);
	}
	X509_free(ca);
}
