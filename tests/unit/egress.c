/* SPDX-License-Identifier: Apache-2.0 */
/* The egress proxy: what it parses and where it connects. */
#include "support.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>

#include "core/cleanup.h"
#include "egress/egress.h"

/* In place of the C library's: a host with one public address, or one that cannot be asked. */
static bool unknown_host;

int getifaddrs(struct ifaddrs **ret)
{
	static struct sockaddr_in public = { .sin_family = AF_INET };
	static struct ifaddrs one = { .ifa_addr = (struct sockaddr *)&public };

	if (unknown_host)
		return -1;
	ck_assert_int_eq(inet_pton(AF_INET, "9.9.9.9", &public.sin_addr), 1);
	*ret = &one;
	return 0;
}

void freeifaddrs(struct ifaddrs *ifa)
{
	(void)ifa;
}

static enum trb_address_kind kind_of(const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return trb_address_kind((struct sockaddr *)&v4);
	ck_assert_int_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return trb_address_kind((struct sockaddr *)&v6);
}

/* threats.md: a build or submodule reaches 169.254.169.254 through the proxy */
START_TEST(every_denied_class_is_denied)
{
	static const struct {
		const char *address;
		enum trb_address_kind kind;
	} rows[] = {
		{ "127.0.0.1", TRB_ADDRESS_PRIVATE },
		{ "127.255.255.254", TRB_ADDRESS_PRIVATE },
		{ "10.0.0.1", TRB_ADDRESS_PRIVATE },
		{ "172.16.0.1", TRB_ADDRESS_PRIVATE },
		{ "172.31.255.255", TRB_ADDRESS_PRIVATE },
		{ "192.168.1.1", TRB_ADDRESS_PRIVATE },
		{ "100.64.0.1", TRB_ADDRESS_PRIVATE },
		{ "100.127.255.255", TRB_ADDRESS_PRIVATE },
		{ "198.18.0.1", TRB_ADDRESS_PRIVATE },
		{ "169.254.169.254", TRB_ADDRESS_LINK },
		{ "0.0.0.0", TRB_ADDRESS_RESERVED },
		{ "192.0.0.8", TRB_ADDRESS_RESERVED },
		{ "192.0.2.1", TRB_ADDRESS_RESERVED },
		{ "224.0.0.1", TRB_ADDRESS_RESERVED },
		{ "239.255.255.255", TRB_ADDRESS_RESERVED },
		{ "255.255.255.255", TRB_ADDRESS_RESERVED },
		{ "::1", TRB_ADDRESS_PRIVATE },
		{ "fd00:ec2::254", TRB_ADDRESS_PRIVATE },
		{ "fe80::1", TRB_ADDRESS_LINK },
		{ "::", TRB_ADDRESS_RESERVED },
		{ "::ffff:127.0.0.1", TRB_ADDRESS_RESERVED },
		{ "::ffff:8.8.8.8", TRB_ADDRESS_RESERVED },
		{ "::127.0.0.1", TRB_ADDRESS_RESERVED },
		{ "64:ff9b::169.254.169.254", TRB_ADDRESS_LINK },
		{ "64:ff9b::10.0.0.1", TRB_ADDRESS_PRIVATE },
		{ "2002:7f00:1::", TRB_ADDRESS_RESERVED },
		{ "2001:0:1::", TRB_ADDRESS_RESERVED },
		{ "2001:db8::1", TRB_ADDRESS_RESERVED },
		{ "ff02::1", TRB_ADDRESS_RESERVED },
		{ "8.8.8.8", TRB_ADDRESS_PUBLIC },
		{ "172.32.0.1", TRB_ADDRESS_PUBLIC },
		{ "100.128.0.1", TRB_ADDRESS_PUBLIC },
		{ "2606:4700::1", TRB_ADDRESS_PUBLIC },
		{ "64:ff9b::8.8.8.8", TRB_ADDRESS_PUBLIC },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(kind_of(rows[i].address) == rows[i].kind, "%s", rows[i].address);
}
END_TEST

/* What listens on all of the host's addresses is reached on its public one, too. */
START_TEST(the_hosts_own_addresses_are_private)
{
	ck_assert_int_eq(kind_of("9.9.9.9"), TRB_ADDRESS_PRIVATE);
	ck_assert_int_eq(kind_of("9.9.9.8"), TRB_ADDRESS_PUBLIC);
	unknown_host = true;
	ck_assert_int_eq(kind_of("9.9.9.8"), TRB_ADDRESS_PRIVATE);
	unknown_host = false;
}
END_TEST

START_TEST(requests_are_parsed_strictly)
{
	static const char *const bad[] = {
		"GET http://a/ HTTP/1.1\r\n\r\n",
		"CONNECT a:443 HTTP/2.0\r\n\r\n",
		"CONNECT a:443 HTTP/1.1\r\n",
		"CONNECT a HTTP/1.1\r\n\r\n",
		"CONNECT a: HTTP/1.1\r\n\r\n",
		"CONNECT a:0443 HTTP/1.1\r\n\r\n",
		"CONNECT a:65536 HTTP/1.1\r\n\r\n",
		"CONNECT a:44x HTTP/1.1\r\n\r\n",
		"CONNECT :443 HTTP/1.1\r\n\r\n",
		"CONNECT u@a:443 HTTP/1.1\r\n\r\n",
		"CONNECT a/b:443 HTTP/1.1\r\n\r\n",
		"CONNECT -a:443 HTTP/1.1\r\n\r\n",
		"CONNECT [::1:443 HTTP/1.1\r\n\r\n",
		"CONNECT [a.b]:443 HTTP/1.1\r\n\r\n",
		"CONNECT a:443\r\n\r\n",
		"\r\n\r\n",
		"",
	};
	char host[256];
	uint16_t port;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(trb_egress_parse(trb_bytes_str(bad[i]), host, &port) != NULL,
			      "row %zu", i);
	ck_assert(trb_egress_parse(TRB_BYTES_LIT("CONNECT a\0b:443 HTTP/1.1\r\n\r\n"), host,
				   &port) != NULL);
	ck_assert(trb_egress_parse(trb_bytes_str("CONNECT Git.Example:8443 HTTP/1.1\r\n"
						 "Host: x\r\n\r\n"),
				   host, &port) == NULL);
	ck_assert_str_eq(host, "git.example");
	ck_assert_uint_eq(port, 8443);
	ck_assert(trb_egress_parse(trb_bytes_str("CONNECT [::1]:443 HTTP/1.0\r\n\r\n"), host,
				   &port) == NULL);
	ck_assert_str_eq(host, "::1");
}
END_TEST

/* A server on loopback that sends what it gets back. */
static int echo_server(uint16_t *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(at);

	ck_assert(bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, 1) == 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*ret_port = ntohs(at.sin_port);
	if (fork() == 0) {
		int conn = accept(fd, NULL, NULL);
		char buf[1000];
		ssize_t got;

		while ((got = recv(conn, buf, sizeof(buf), 0)) > 0)
			send(conn, buf, (size_t)got, MSG_NOSIGNAL);
		_exit(0);
	}
	return fd;
}

/* Sends head through the proxy, then closes our direction; the whole answer. */
static const char *ask(const struct trb_egress *egress, const char *head)
{
	static char answer[8192];
	size_t len = 0;
	ssize_t got;
	int pair[2];
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		trb_egress_connection(pair[1], egress);
		_exit(0);
	}
	close(pair[1]);
	ck_assert_int_eq(send(pair[0], head, strlen(head), MSG_NOSIGNAL), (ssize_t)strlen(head));
	shutdown(pair[0], SHUT_WR);
	while ((got = recv(pair[0], answer + len, sizeof(answer) - 1 - len, 0)) > 0)
		len += (size_t)got;
	answer[len] = '\0';
	close(pair[0]);
	waitpid(pid, NULL, 0);
	return answer;
}

static void ck_begins(const char *text, const char *with)
{
	ck_assert_msg(strncmp(text, with, strlen(with)) == 0, "%s", text);
}

START_TEST(loopback_is_denied_unless_allowed)
{
	struct trb_egress egress = { .n_ports = 1 };
	char head[256];
	int server = echo_server(&egress.ports[0]);

	snprintf(head, sizeof(head), "CONNECT localhost:%u HTTP/1.1\r\n\r\nearly bytes",
		 egress.ports[0]);
	ck_begins(ask(&egress, head), "HTTP/1.1 403");
	snprintf(head, sizeof(head), "CONNECT 127.0.0.1:%u HTTP/1.1\r\n\r\nx", egress.ports[0]);
	egress.n_private = 1;
	egress.private[0].host = "localhost";
	egress.private[0].port = egress.ports[0];
	ck_begins(ask(&egress, head), "HTTP/1.1 403");
	snprintf(head, sizeof(head), "CONNECT LocalHost:%u HTTP/1.1\r\n\r\nearly bytes",
		 egress.ports[0]);
	/* allowed for another URL of the same host: on another port */
	egress.private[0].port = 443;
	ck_begins(ask(&egress, head), "HTTP/1.1 403");
	egress.private[0].port = egress.ports[0];
	ck_assert_str_eq(ask(&egress, head), "HTTP/1.1 200 Connected\r\n\r\nearly bytes");
	close(server);
}
END_TEST

START_TEST(only_named_ports_are_reached)
{
	struct trb_egress egress = {
		.n_ports = 1, .ports = { 443 }, .n_private = 1, .private = { { 22, "localhost" } }
	};

	ck_begins(ask(&egress, "CONNECT localhost:22 HTTP/1.1\r\n\r\n"), "HTTP/1.1 403");
}
END_TEST

START_TEST(metadata_service_needs_its_address)
{
	struct trb_egress egress = { .n_ports = 1, .ports = { 443 } };

	ck_begins(ask(&egress, "CONNECT 169.254.169.254:443 HTTP/1.1\r\n\r\n"), "HTTP/1.1 403");
	/* other spellings of the same address */
	ck_begins(ask(&egress, "CONNECT 2852039166:443 HTTP/1.1\r\n\r\n"), "HTTP/1.1 403");
	ck_begins(ask(&egress, "CONNECT 0xa9fea9fe:443 HTTP/1.1\r\n\r\n"), "HTTP/1.1 403");
	ck_begins(ask(&egress, "CONNECT [::ffff:a9fe:a9fe]:443 HTTP/1.1\r\n\r\n"), "HTTP/1.1 403");
	/* private addresses were allowed for the name that leads there */
	egress.private[egress.n_private].port = 443;
	egress.private[egress.n_private++].host = "2852039166";
	ck_begins(ask(&egress, "CONNECT 2852039166:443 HTTP/1.1\r\n\r\n"), "HTTP/1.1 403");
}
END_TEST

/* A proxy on loopback: says what it was asked, as the first bytes of the connection. */
static int upstream_server(uint16_t *ret_port, const char *answer)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(at);

	ck_assert(bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, 1) == 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*ret_port = ntohs(at.sin_port);
	if (fork() == 0) {
		int conn = accept(fd, NULL, NULL);
		char buf[1000] = "";
		size_t n = 0;

		while (strstr(buf, "\r\n\r\n") == NULL && n < sizeof(buf) - 1 &&
		       recv(conn, buf + n, 1, 0) == 1)
			n++;
		send(conn, answer, strlen(answer), MSG_NOSIGNAL);
		send(conn, buf, n, MSG_NOSIGNAL);
		_exit(0);
	}
	return fd;
}

static void set_upstream(struct trb_egress *egress, const char *format, uint16_t port)
{
	char url[64];

	snprintf(url, sizeof(url), format, port);
	setenv("https_proxy", url, 1);
	ck_assert_int_eq(trb_upstream_from_env(&egress->upstream, NULL), TRB_OK);
}

START_TEST(the_hosts_own_proxy_is_asked)
{
	static const char ask_far[] = "CONNECT far.invalid:443 HTTP/1.1\r\n\r\n";
	struct trb_egress egress = { .n_ports = 1, .ports = { 443 } };
	uint16_t port;
	int server;

	unsetenv("no_proxy");
	server = upstream_server(&port, "HTTP/1.1 200 OK\r\n\r\n");
	set_upstream(&egress, "http://me:a%%40b@127.0.0.1:%u/", port);
	ck_assert_str_eq(ask(&egress, ask_far),
			 "HTTP/1.1 200 Connected\r\n\r\n"
			 "CONNECT far.invalid:443 HTTP/1.1\r\nHost: far.invalid:443\r\n"
			 "Proxy-Authorization: Basic bWU6YUBi\r\n\r\n");
	close(server);
	trb_upstream_clear(&egress.upstream);
	server = upstream_server(&port, "HTTP/1.1 407 no\r\n\r\n");
	set_upstream(&egress, "127.0.0.1:%u", port);
	ck_begins(ask(&egress, ask_far), "HTTP/1.1 502 the proxy of the host's https_proxy");
	/* what is private here is not asked of it */
	ck_begins(ask(&egress, "CONNECT localhost:443 HTTP/1.1\r\n\r\n"), "HTTP/1.1 403");
	ck_begins(ask(&egress, "CONNECT 169.254.169.254:443 HTTP/1.1\r\n\r\n"), "HTTP/1.1 403");
	trb_upstream_clear(&egress.upstream);
	setenv("no_proxy", "example.org, .invalid", 1);
	set_upstream(&egress, "http://127.0.0.1:%u", port);
	ck_begins(ask(&egress, ask_far), "HTTP/1.1 502 host name does not resolve");
	trb_upstream_clear(&egress.upstream);
	close(server);
	unsetenv("no_proxy");
	unsetenv("https_proxy");
}
END_TEST

START_TEST(proxies_that_are_none)
{
	static const char *const bad[] = { "https://a:1",  "socks5://a:1",
					   "http://",      "http://a:",
					   "http://:1",    "http://a/b",
					   "http://x%4@a", "@" };
	struct trb_upstream u = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;

		setenv("https_proxy", bad[i], 1);
		ck_assert_msg(trb_upstream_from_env(&u, &err) == TRB_E_INVAL, "%s", bad[i]);
		ck_assert(strstr(trb_error_message(err), "https_proxy") != NULL);
	}
	setenv("https_proxy", "http://[::1]:8080", 1);
	ck_assert_int_eq(trb_upstream_from_env(&u, NULL), TRB_OK);
	ck_assert_str_eq(u.host, "::1");
	ck_assert_str_eq(u.port, "8080");
	trb_upstream_clear(&u);
	unsetenv("https_proxy");
	ck_assert_int_eq(trb_upstream_from_env(&u, NULL), TRB_OK);
	ck_assert(!trb_upstream_is_for(&u, "a"));
	trb_upstream_clear(&u);
}
END_TEST

START_TEST(a_head_without_end_is_cut)
{
	static char head[TRB_EGRESS_HEAD + 100];
	struct trb_egress egress = { .n_ports = 1, .ports = { 443 } };

	memset(head, 'a', sizeof(head) - 1);
	memcpy(head, "CONNECT a:443 HTTP/1.1\r\nX: ", 27);
	ck_begins(ask(&egress, head), "HTTP/1.1 400");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("egress");
	TCase *tc = tcase_create("egress");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, every_denied_class_is_denied);
	tcase_add_test(tc, the_hosts_own_addresses_are_private);
	tcase_add_test(tc, the_hosts_own_proxy_is_asked);
	tcase_add_test(tc, proxies_that_are_none);
	tcase_add_test(tc, requests_are_parsed_strictly);
	tcase_add_test(tc, loopback_is_denied_unless_allowed);
	tcase_add_test(tc, only_named_ports_are_reached);
	tcase_add_test(tc, metadata_service_needs_its_address);
	tcase_add_test(tc, a_head_without_end_is_cut);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
