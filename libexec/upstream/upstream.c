/* SPDX-License-Identifier: Apache-2.0 */
/* CONNECT through the proxy that the host itself must use. */
#include "upstream/upstream.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "core/bytes.h"
#include "core/channel.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "format/base64.h"

#define HEAD_MAX     8192u
#define DEFAULT_PORT "3128"

static const char *variable(const char *lower, const char *upper)
{
	const char *value = getenv(lower);

	if (value == NULL || value[0] == '\0')
		value = getenv(upper);
	return value != NULL && value[0] != '\0' ? value : NULL;
}

static int fail_form(trb_error **err)
{
	return trb_fail(err, TRB_E_INVAL,
			"the environment's https_proxy is no http://[user:password@]host[:port]");
}

/* "user:password", in which bytes may be written as %XX. */
static int take_authorization(struct trb_upstream *u, trb_bytes text, trb_error **err)
{
	_cleanup_buf_ struct trb_buf plain, encoded = { 0 };
	uint8_t byte;

	trb_buf_init(&plain, 1024);
	while (text.len > 0) {
		trb_bytes c = trb_bytes_take(&text, 1);

		if (c.ptr[0] != '%') {
			trb_buf_add_byte(&plain, c.ptr[0]);
			continue;
		}
		c = trb_bytes_take(&text, 2);
		if (c.len != 2 || !trb_hex_decode(c, &byte, 1))
			return fail_form(err);
		trb_buf_add_byte(&plain, byte);
	}
	if (trb_buf_check(&plain, "the proxy's password", err) < 0)
		return TRB_E_INVAL;
	trb_buf_init(&encoded, 2048);
	trb_base64_put(&encoded, trb_buf_bytes(&plain));
	return trb_buf_to_str(&encoded, "the proxy's password", &u->authorization, err);
}

/* "host", "host:port", "[address]:port" */
static int take_authority(struct trb_upstream *u, trb_bytes text, trb_error **err)
{
	const uint8_t *colon = text.len > 0 ? memrchr(text.ptr, ':', text.len) : NULL;
	trb_bytes host = text, port = TRB_BYTES_LIT(DEFAULT_PORT);

	/* else it is inside an address in brackets */
	if (colon != NULL && memchr(colon, ']', text.len - (size_t)(colon - text.ptr)) == NULL) {
		host = TRB_BYTES(text.ptr, colon - text.ptr);
		port = TRB_BYTES(colon + 1, text.len - host.len - 1);
	}
	if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = TRB_BYTES(host.ptr + 1, host.len - 2);
	if (host.len == 0 || port.len == 0)
		return fail_form(err);
	u->host = strndup((const char *)host.ptr, host.len);
	u->port = strndup((const char *)port.ptr, port.len);
	return u->host != NULL && u->port != NULL ? TRB_OK : trb_fail_nomem(err);
}

static int parse(struct trb_upstream *u, const char *text, trb_error **err)
{
	const char *at, *end;
	int r = TRB_OK;

	if (strncasecmp(text, "http://", 7) == 0)
		text += 7;
	else if (strstr(text, "://") != NULL)
		return fail_form(err);
	end = text + strcspn(text, "/");
	if (end[0] == '/' && end[1] != '\0')
		return fail_form(err);
	at = memrchr(text, '@', (size_t)(end - text));
	if (at != NULL)
		r = take_authorization(u, TRB_BYTES(text, at - text), err);
	text = at != NULL ? at + 1 : text;
	return r == TRB_OK ? take_authority(u, TRB_BYTES(text, end - text), err) : r;
}

int trb_upstream_from_env(struct trb_upstream *ret, trb_error **err)
{
	const char *proxy = variable("https_proxy", "HTTPS_PROXY");
	const char *none = variable("no_proxy", "NO_PROXY");
	struct trb_upstream u = { 0 };
	int r = proxy != NULL ? parse(&u, proxy, err) : TRB_OK;

	if (r == TRB_OK && none != NULL) {
		u.no_proxy = strdup(none);
		r = u.no_proxy != NULL ? TRB_OK : trb_fail_nomem(err);
	}
	if (r < 0) {
		trb_upstream_clear(&u);
		return r;
	}
	*ret = u;
	return TRB_OK;
}

void trb_upstream_clear(struct trb_upstream *u)
{
	free(u->host);
	free(u->port);
	free(u->authorization);
	free(u->no_proxy);
	*u = (struct trb_upstream){ 0 };
}

/* "*", a name, or the end of names, with or without the dot before it. */
static bool entry_fits(trb_bytes entry, const char *host)
{
	size_t n = strlen(host);

	if (trb_bytes_eq_str(entry, "*"))
		return true;
	if (entry.len > 0 && entry.ptr[0] == '.')
		trb_bytes_take(&entry, 1);
	if (entry.len == 0 || entry.len > n ||
	    strncasecmp(host + n - entry.len, (const char *)entry.ptr, entry.len) != 0)
		return false;
	return entry.len == n || host[n - entry.len - 1] == '.';
}

bool trb_upstream_is_for(const struct trb_upstream *u, const char *host)
{
	const char *p = u->no_proxy;

	if (u->host == NULL)
		return false;
	while (p != NULL && *p != '\0') {
		size_t n = strcspn(p, ", ");

		if (entry_fits(TRB_BYTES(p, n), host))
			return false;
		p += n + strspn(p + n, ", ");
	}
	return true;
}

/* Connections. */

static int connect_one(const struct addrinfo *a, int64_t deadline)
{
	_cleanup_close_ int fd =
		socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	socklen_t len = sizeof(int);
	int code = 0, on = 1;

	if (fd < 0)
		return -1;
	/* whoever speaks over it decides what goes into a packet */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		if (errno != EINPROGRESS)
			return -1;
		if (trb_wait_fd(fd, POLLOUT, deadline, NULL) < 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0 || code != 0) {
			errno = code;
			return -1;
		}
	}
	return steal_fd(&fd);
}

int trb_upstream_connect_direct(const char *host, const char *port, int timeout_ms, int *ret_fd,
				trb_error **err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	int64_t deadline = trb_deadline(timeout_ms);
	int fd = -1, r = getaddrinfo(host, port, &hints, &list);

	if (r != 0)
		return trb_fail(err, TRB_E_IO, "find the address of '%s': %s", host,
				gai_strerror(r));
	for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next)
		fd = connect_one(a, deadline);
	freeaddrinfo(list);
	if (fd < 0)
		return trb_fail_errno(err, errno, "connect to %s:%s", host, port);
	*ret_fd = fd;
	return TRB_OK;
}

static int send_all(int fd, const char *text, int64_t deadline, trb_error **err)
{
	size_t left = strlen(text);

	while (left > 0) {
		int r = trb_wait_fd(fd, POLLOUT, deadline, err);
		ssize_t n = r < 0 ? -1 : send(fd, text, left, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r < 0)
			return r;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return trb_fail_errno(err, errno, "ask the proxy");
		text += n > 0 ? n : 0;
		left -= n > 0 ? (size_t)n : 0;
	}
	return TRB_OK;
}

/* Byte by byte, so that nothing of what comes behind the head is taken. */
static int read_head(int fd, int64_t deadline, char head[HEAD_MAX], trb_error **err)
{
	size_t n = 0;

	while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0) {
		int r = trb_wait_fd(fd, POLLIN, deadline, err);
		ssize_t got;

		if (r < 0)
			return r;
		got = recv(fd, head + n, 1, MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0 || ++n == HEAD_MAX - 1)
			return trb_fail(err, TRB_E_IO, "the proxy does not answer");
	}
	head[n] = '\0';
	return TRB_OK;
}

static int ask(const struct trb_upstream *u, int fd, const char *host, const char *port,
	       int64_t deadline, trb_error **err)
{
	const char *open = strchr(host, ':') != NULL ? "[" : "", *shut = *open != '\0' ? "]" : "";
	char head[HEAD_MAX];
	int n, r;

	n = snprintf(head, sizeof(head),
		     "CONNECT %s%s%s:%s HTTP/1.1\r\nHost: %s%s%s:%s\r\n%s%s%s\r\n", open, host,
		     shut, port, open, host, shut, port,
		     u->authorization != NULL ? "Proxy-Authorization: Basic " : "",
		     u->authorization != NULL ? u->authorization : "",
		     u->authorization != NULL ? "\r\n" : "");
	if (n < 0 || (size_t)n >= sizeof(head))
		return trb_fail(err, TRB_E_LIMIT, "the request to the proxy is too long");
	r = send_all(fd, head, deadline, err);
	if (r == TRB_OK)
		r = read_head(fd, deadline, head, err);
	if (r < 0)
		return r;
	if (strncmp(head, "HTTP/1.", 7) != 0 || strncmp(head + 8, " 200", 4) != 0)
		return trb_fail(err, TRB_E_IO, "the proxy of https_proxy says: %.*s",
				(int)strcspn(head, "\r\n"), head);
	return TRB_OK;
}

int trb_upstream_connect(const struct trb_upstream *u, const char *host, const char *port,
			 int timeout_ms, int *ret_fd, trb_error **err)
{
	int64_t deadline = trb_deadline(timeout_ms);
	_cleanup_close_ int fd = -1;
	int r = trb_upstream_connect_direct(u->host, u->port, timeout_ms, &fd, err);

	if (r == TRB_OK)
		r = ask(u, fd, host, port, deadline, err);
	if (r == TRB_OK)
		*ret_fd = steal_fd(&fd);
	return r;
}
