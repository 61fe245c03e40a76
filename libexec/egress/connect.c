/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the proxy: CONNECT, resolve, check, connect to what was checked, relay. */
#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>

#include "core/channel.h"
#include "core/cleanup.h"
#include "core/clock.h"
#include "egress/egress.h"

#define HOST_MAX     253
#define HEAD_MS      10000
#define CONNECT_MS   10000
#define IDLE_MS      300000
#define RELAY_BUFFER 65536

/* Letters, digits, "-", "_" and ".". */
static bool name_ok(trb_bytes name)
{
	if (name.len == 0 || name.len > HOST_MAX || name.ptr[0] == '-' || name.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!isalnum(name.ptr[i]) && strchr("-_.", name.ptr[i]) == NULL)
			return false;
	return true;
}

/* What stands in brackets. */
static bool literal_ok(trb_bytes literal)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (literal.len >= sizeof(text))
		return false;
	memcpy(text, literal.ptr, literal.len);
	text[literal.len] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1;
}

static bool parse_port(trb_bytes text, uint16_t *ret)
{
	unsigned long port = 0;

	if (text.len == 0 || text.len > 5 || text.ptr[0] == '0')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (!isdigit(text.ptr[i]))
			return false;
		port = port * 10 + (unsigned long)(text.ptr[i] - '0');
	}
	*ret = (uint16_t)port;
	return port <= 65535;
}

static bool parse_authority(trb_bytes authority, char *ret_host, uint16_t *ret_port)
{
	bool literal = authority.len > 0 && authority.ptr[0] == '[';
	const uint8_t *colon =
		authority.len > 0 ? memrchr(authority.ptr, ':', authority.len) : NULL;
	trb_bytes host, port;

	if (colon == NULL)
		return false;
	host = TRB_BYTES(authority.ptr, colon - authority.ptr);
	port = TRB_BYTES(colon + 1, authority.len - host.len - 1);
	if (literal) {
		if (host.len < 2 || host.ptr[host.len - 1] != ']')
			return false;
		host = TRB_BYTES(host.ptr + 1, host.len - 2);
	}
	if (!(literal ? literal_ok(host) : name_ok(host)) || !parse_port(port, ret_port))
		return false;
	for (size_t i = 0; i < host.len; i++)
		ret_host[i] = (char)tolower(host.ptr[i]);
	ret_host[host.len] = '\0';
	return true;
}

const char *trb_egress_parse(trb_bytes head, char *ret_host, uint16_t *ret_port)
{
	static const char method[] = "CONNECT ", version[] = " HTTP/1.";
	trb_bytes rest = head, authority;
	const uint8_t *end;

	if (head.len < 4 || memcmp(head.ptr + head.len - 4, "\r\n\r\n", 4) != 0)
		return "the request has no end";
	if (memchr(head.ptr, '\0', head.len) != NULL)
		return "the request holds a NUL byte";
	if (head.len < sizeof(method) || memcmp(head.ptr, method, sizeof(method) - 1) != 0)
		return "only CONNECT is understood";
	trb_bytes_take(&rest, sizeof(method) - 1);
	end = memchr(rest.ptr, ' ', rest.len);
	if (end == NULL)
		return "the request line is not whole";
	authority = trb_bytes_take(&rest, (size_t)(end - rest.ptr));
	if (rest.len < sizeof(version) + 2 || memcmp(rest.ptr, version, sizeof(version) - 1) != 0 ||
	    (rest.ptr[8] != '0' && rest.ptr[8] != '1') || memcmp(rest.ptr + 9, "\r\n", 2) != 0)
		return "only HTTP/1.0 and 1.1 are understood";
	return parse_authority(authority, ret_host, ret_port) ? NULL : "host or port is malformed";
}

static void send_text(int fd, const char *text)
{
	size_t n = strlen(text);

	if (send(fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		shutdown(fd, SHUT_RDWR);
}

/* host is NULL where the request named none.  Standard error is the session's log. */
static void refuse(int fd, const char *status, const char *why, const char *host, unsigned port)
{
	char text[512];

	if (host != NULL)
		dprintf(STDERR_FILENO, "proxy refuses %s port %u: %s\n", host, port, why);
	snprintf(text, sizeof(text), "HTTP/1.1 %s %s\r\nContent-Length: 0\r\n\r\n", status, why);
	send_text(fd, text);
}

/* Reads up to the empty line; what came after it stays in buf from *ret_head on. */
static bool read_head(int fd, uint8_t *buf, size_t *ret_len, size_t *ret_head)
{
	int64_t deadline = trb_deadline(HEAD_MS);
	size_t len = 0;

	while (len < TRB_EGRESS_HEAD) {
		const uint8_t *end;
		ssize_t got;

		if (trb_wait_fd(fd, POLLIN, deadline, NULL) < 0)
			return false;
		got = recv(fd, buf + len, TRB_EGRESS_HEAD - len, MSG_DONTWAIT);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return false;
		len += (size_t)got;
		end = memmem(buf, len, "\r\n\r\n", 4);
		if (end != NULL) {
			*ret_len = len;
			*ret_head = (size_t)(end - buf) + 4;
			return true;
		}
	}
	return false;
}

static bool port_allowed(const struct trb_egress *egress, uint16_t port)
{
	for (size_t i = 0; i < egress->n_ports; i++)
		if (egress->ports[i] == port)
			return true;
	return false;
}

static bool private_allowed(const struct trb_egress *egress, const char *host, uint16_t port)
{
	for (size_t i = 0; i < egress->n_private; i++)
		if (egress->private[i].port == port &&
		    strcasecmp(egress->private[i].host, host) == 0)
			return true;
	return false;
}

static bool is_literal(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

/* A name that was allowed private addresses may still not lead to the metadata service: that
 * needs the address itself. */
static bool address_allowed(const struct sockaddr *address, const char *host, bool private)
{
	switch (trb_address_kind(address)) {
	case TRB_ADDRESS_PUBLIC:
		return true;
	case TRB_ADDRESS_PRIVATE:
		return private;
	case TRB_ADDRESS_LINK:
		return private && is_literal(host);
	case TRB_ADDRESS_RESERVED:
		break;
	}
	return false;
}

static int connect_one(const struct addrinfo *at)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(int);
	int error = 0, on = 1;

	if (fd < 0)
		return -1;
	/* whoever is behind the proxy decides what goes into a packet */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
		return fd;
	if (errno == EINPROGRESS && trb_wait_fd(fd, POLLOUT, trb_deadline(CONNECT_MS), NULL) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0)
		return fd;
	close(fd);
	return -1;
}

struct way {
	const struct trb_egress *egress;
	const char *host;
	uint16_t port;
	const char *status, *why; /* where it leads nowhere */
};

/* What may not be reached directly may not be reached through the host's own proxy; what has no
 * address here, it may know. */
static bool may_go_upstream(const struct way *w, const struct addrinfo *found)
{
	bool private = private_allowed(w->egress, w->host, w->port);

	for (const struct addrinfo *at = found; at != NULL; at = at->ai_next)
		if (!address_allowed(at->ai_addr, w->host, private))
			return false;
	return true;
}

static int go_upstream(struct way *w, const struct addrinfo *found, const char *service)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int fd = -1;

	if (!may_go_upstream(w, found)) {
		w->status = "403";
		w->why = "its address is not public; --allow-private would allow it";
	} else if (trb_upstream_connect(&w->egress->upstream, w->host, service, CONNECT_MS, &fd,
					&err) < 0) {
		dprintf(STDERR_FILENO, "%s\n", trb_error_message(err));
		w->status = "502";
		w->why = "the proxy of the host's https_proxy does not connect to it";
	}
	return fd;
}

/* The address that is connected to is the one that was checked: the name is not looked up again. */
static int go_directly(struct way *w, const struct addrinfo *found)
{
	bool private = private_allowed(w->egress, w->host, w->port), denied = false;
	int fd = -1;

	for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
		if (address_allowed(at->ai_addr, w->host, private))
			fd = connect_one(at);
		else
			denied = true;
	}
	w->status = denied ? "403" : "502";
	w->why = denied ? "its address is not public; --allow-private would allow it"
			: "host does not answer";
	return fd;
}

static int reach(struct way *w)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	char service[8];
	int fd = -1, r;

	snprintf(service, sizeof(service), "%u", w->port);
	r = getaddrinfo(w->host, service, &hints, &found);
	if (trb_upstream_is_for(&w->egress->upstream, w->host)) {
		fd = go_upstream(w, r == 0 ? found : NULL, service);
	} else if (r != 0) {
		w->status = "502";
		w->why = "host name does not resolve";
	} else {
		fd = go_directly(w, found);
	}
	if (r == 0)
		freeaddrinfo(found);
	return fd;
}

/* Both ways until both ends are closed; false where nothing moves any more. */
struct flow {
	int from, to;
	uint8_t buf[RELAY_BUFFER];
	size_t at, len;
	bool eof;
};

static bool flow_read(struct flow *flow)
{
	ssize_t got = recv(flow->from, flow->buf, sizeof(flow->buf), MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	flow->eof = got == 0;
	flow->at = 0;
	flow->len = (size_t)got;
	if (flow->eof)
		shutdown(flow->to, SHUT_WR);
	return true;
}

static bool flow_write(struct flow *flow)
{
	ssize_t put = send(flow->to, flow->buf + flow->at, flow->len - flow->at,
			   MSG_DONTWAIT | MSG_NOSIGNAL);

	if (put < 0)
		return errno == EAGAIN || errno == EINTR;
	flow->at += (size_t)put;
	return true;
}

static void relay(struct flow flows[2])
{
	while (!flows[0].eof || !flows[1].eof) {
		struct pollfd p[2];

		for (int i = 0; i < 2; i++) {
			bool full = flows[i].at < flows[i].len;

			p[i] = (struct pollfd){ .fd = full           ? flows[i].to
						      : flows[i].eof ? -1
								     : flows[i].from,
						.events = full ? POLLOUT : POLLIN };
		}
		if (poll(p, 2, IDLE_MS) <= 0)
			return;
		for (int i = 0; i < 2; i++)
			if (p[i].revents != 0 &&
			    !(flows[i].at < flows[i].len ? flow_write(&flows[i])
							 : flow_read(&flows[i])))
				return;
	}
}

static void relay_between(int inside, int outside, trb_bytes early)
{
	struct flow *flows = calloc(2, sizeof(*flows));

	if (flows == NULL)
		return;
	flows[0].from = flows[1].to = inside;
	flows[0].to = flows[1].from = outside;
	memcpy(flows[0].buf, early.ptr, early.len);
	flows[0].len = early.len;
	relay(flows);
	free(flows);
}

void trb_egress_connection(int fd, const struct trb_egress *egress)
{
	const char *fault;
	struct way way;
	uint8_t buf[TRB_EGRESS_HEAD];
	_cleanup_close_ int out = -1;
	char host[HOST_MAX + 1];
	size_t len, head;
	uint16_t port;

	if (!read_head(fd, buf, &len, &head)) {
		refuse(fd, "400", "the request is too long or too slow", NULL, 0);
		return;
	}
	fault = trb_egress_parse(TRB_BYTES(buf, head), host, &port);
	if (fault != NULL) {
		refuse(fd, "400", fault, NULL, 0);
		return;
	}
	if (!port_allowed(egress, port)) {
		refuse(fd, "403", "port is not one that the request needs", host, port);
		return;
	}
	way = (struct way){ .egress = egress, .host = host, .port = port };
	out = reach(&way);
	if (out < 0) {
		refuse(fd, way.status, way.why, host, port);
		return;
	}
	send_text(fd, "HTTP/1.1 200 Connected\r\n\r\n");
	relay_between(fd, out, TRB_BYTES(buf + head, len - head));
}
