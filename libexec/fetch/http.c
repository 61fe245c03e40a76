/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP and TLS, by libcurl.  It makes no connection and looks up no name: its socket is the
 * broker's, its address a number, and its certificates are held against the enclave's time. */
#include "fetch/http.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "core/clock.h"
#include "fetch/fetch.h"
#include "format/git_wire.h"
#include "format/times.h"

#define STALL_S       60L
#define HEADERS_MAX   (UINT64_C(1) << 20)
#define REFS_MAX      (UINT64_C(64) << 20) /* bytes before a pack begins */
#define WIRE_OVERHEAD (UINT64_C(8) << 20)  /* packets, progress of the other side */
#define PEEK_MAX      512u
#define LINE_MAX_SEEN 512u
/* Never connected to: the broker's socket stands for both. */
#define PROXY_URL   "http://127.0.0.1:5001"
#define NO_LOOKUP   "::127.0.0.1:"
#define USER_AGENT  "git/2.0 (libtrustbuild)" /* servers look for "git/" */
#define GIT_VERSION "Git-Protocol: version=2"

struct fetch_http_state {
	CURL *curl;
	X509_STORE *anchors;
	char why[CURL_ERROR_SIZE];
	/* of the exchange under way */
	struct fetch *f;
	struct fetch_exchange *x;
	trb_error *stopped; /* why a callback said no */
	uint64_t header_bytes;
	char first[LINE_MAX_SEEN]; /* the last answer's status line */
	char media[LINE_MAX_SEEN];
	char peek[PEEK_MAX + 1]; /* the beginning of what is no git server's answer */
	size_t n_peek;
};

static bool is_our_answer(const struct fetch_http_state *h, long status)
{
	size_t n = strcspn(h->media, "; \t");

	return status == 200 && strlen(h->x->media) == n &&
	       strncasecmp(h->media, h->x->media, n) == 0;
}

/* The ceiling is on what is unpacked: libcurl inflates what a server compressed. */
static int count_bytes(struct fetch *f, size_t n, trb_error **err)
{
	uint64_t max = f->receiving ? f->limits.pack_bytes + f->limits.pack_bytes / 16 + REFS_MAX +
					      WIRE_OVERHEAD
				    : REFS_MAX;

	f->wire_bytes += n;
	if (f->wire_bytes <= max)
		return TRB_OK;
	return trb_fail_check(err, TRB_E_LIMIT, TRB_CHECK_LIMIT, "%s sent more than %llu bytes%s",
			      f->url, (unsigned long long)max,
			      f->receiving ? "" : " before any object");
}

static size_t on_body(char *bytes, size_t one, size_t n, void *user)
{
	struct fetch_http_state *h = user;
	long status = 0;

	(void)one;
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	if (count_bytes(h->f, n, &h->stopped) < 0)
		return 0;
	if (is_our_answer(h, status))
		return h->x->sink(h->x->user, TRB_BYTES(bytes, n), &h->stopped) == TRB_OK ? n : 0;
	for (size_t i = 0; i < n && h->n_peek < PEEK_MAX; i++)
		h->peek[h->n_peek++] = bytes[i];
	return status != 200 || h->n_peek < PEEK_MAX ? n : 0;
}

static void keep_line(char *out, const char *text, size_t n)
{
	while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL)
		n--;
	n = n < LINE_MAX_SEEN ? n : LINE_MAX_SEEN - 1;
	memcpy(out, text, n);
	out[n] = '\0';
}

static size_t on_header(char *bytes, size_t one, size_t n, void *user)
{
	static const char type[] = "content-type:";
	struct fetch_http_state *h = user;

	(void)one;
	h->header_bytes += n;
	if (h->header_bytes > HEADERS_MAX) {
		trb_fail_check(&h->stopped, TRB_E_LIMIT, TRB_CHECK_LIMIT,
			       "%s sends headers without end", h->f->url);
		return 0;
	}
	if (n > 5 && memcmp(bytes, "HTTP/", 5) == 0) {
		keep_line(h->first, bytes, n);
		h->media[0] = '\0';
	} else if (n >= sizeof(type) - 1 && strncasecmp(bytes, type, sizeof(type) - 1) == 0) {
		size_t at = sizeof(type) - 1;

		while (at < n && (bytes[at] == ' ' || bytes[at] == '\t'))
			at++;
		keep_line(h->media, bytes + at, n - at);
	}
	return n;
}

/* Ends the exchange where its time is over, or where nobody waits for it any more. */
static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct fetch_http_state *h = user;

	(void)a, (void)b, (void)c, (void)d;
	return h->stopped == NULL && fetch_still_wanted(h->f, &h->stopped) < 0;
}

static curl_socket_t on_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct fetch_http_state *h = user;
	int fd = -1;

	(void)purpose;
	(void)address;
	if (fetch_broker_connect(h->f, h->f->host, h->f->port, &fd, &h->stopped) < 0)
		return CURL_SOCKET_BAD;
	return fd;
}

static int on_socket_made(void *user, curl_socket_t fd, curlsocktype purpose)
{
	(void)user;
	(void)fd;
	(void)purpose;
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static time_t time_now(const struct fetch *f)
{
	if (f->now == 0)
		return (time_t)(trb_now_ms(CLOCK_REALTIME) / 1000);
	return (time_t)(f->now + (trb_now_ms(CLOCK_MONOTONIC) - f->now_at_ms) / 1000);
}

static CURLcode on_tls(CURL *curl, void *context, void *user)
{
	struct fetch_http_state *h = user;
	SSL_CTX *tls = context;

	(void)curl;
	SSL_CTX_set1_cert_store(tls, h->anchors);
	X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(tls), time_now(h->f));
	/* a pack and a list of refs say themselves where they end */
	SSL_CTX_set_options(tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
	return CURLE_OK;
}

static bool set_numbers(CURL *c)
{
	static const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{ CURLOPT_HTTPPROXYTUNNEL, 1 },
		{ CURLOPT_SSL_VERIFYPEER, 1 },
		{ CURLOPT_SSL_VERIFYHOST, 2 },
		{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
		{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS },
		{ CURLOPT_FOLLOWLOCATION, 0 },
		{ CURLOPT_HTTPAUTH, CURLAUTH_BASIC },
		{ CURLOPT_NOSIGNAL, 1 },
		{ CURLOPT_NOPROGRESS, 0 },
		{ CURLOPT_LOW_SPEED_LIMIT, 1 },
		{ CURLOPT_LOW_SPEED_TIME, STALL_S },
		{ CURLOPT_BUFFERSIZE, 131072 },
	};
	bool ok = true;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ok &= curl_easy_setopt(c, numbers[i].option, numbers[i].value) == CURLE_OK;
	return ok;
}

static bool set_texts(CURL *c, const char *proxy)
{
	const struct {
		CURLoption option;
		const char *value;
	} texts[] = {
		{ CURLOPT_PROTOCOLS_STR, "https" },
		{ CURLOPT_PROXY, proxy },
		{ CURLOPT_NOPROXY, "" },
		{ CURLOPT_CAINFO, NULL },
		{ CURLOPT_CAPATH, NULL },
		{ CURLOPT_USERAGENT, USER_AGENT },
		{ CURLOPT_ACCEPT_ENCODING, "gzip" },
	};
	bool ok = true;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ok &= curl_easy_setopt(c, texts[i].option, texts[i].value) == CURLE_OK;
	return ok;
}

static bool set_callbacks(struct fetch_http_state *h, CURL *c)
{
	bool ok = true;

	ok &= curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket) == CURLE_OK;
	ok &= curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, h) == CURLE_OK;
	ok &= curl_easy_setopt(c, CURLOPT_SOCKOPTFUNCTION, on_socket_made) == CURLE_OK;
	ok &= curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_tls) == CURLE_OK;
	ok &= curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, h) == CURLE_OK;
	ok &= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->why) == CURLE_OK;
	ok &= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
	ok &= curl_easy_setopt(c, CURLOPT_WRITEDATA, h) == CURLE_OK;
	ok &= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK;
	ok &= curl_easy_setopt(c, CURLOPT_HEADERDATA, h) == CURLE_OK;
	ok &= curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK;
	ok &= curl_easy_setopt(c, CURLOPT_XFERINFODATA, h) == CURLE_OK;
	return ok;
}

/* Who is spoken to, and how: where one of these does not take, nobody is. */
static bool set_up(struct fetch_http_state *h, CURL *c)
{
	static struct curl_slist connect_to = { (char *)NO_LOOKUP, NULL };
	bool direct = h->f->egress == NULL;

	if (direct && curl_easy_setopt(c, CURLOPT_CONNECT_TO, &connect_to) != CURLE_OK)
		return false;
	return set_numbers(c) && set_texts(c, direct ? "" : PROXY_URL) && set_callbacks(h, c);
}

int fetch_http_start(struct fetch *f, trb_error **err)
{
	struct fetch_http_state *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return trb_fail_nomem(err);
	f->http = h;
	h->f = f;
	/* no configuration but ours, OpenSSL's neither */
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	h->anchors = X509_STORE_new();
	if (h->anchors == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return trb_fail_nomem(err);
	h->curl = curl_easy_init();
	if (h->curl == NULL)
		return trb_fail_nomem(err);
	if (X509_STORE_load_file(h->anchors, f->ca) != 1)
		return trb_fail_check(err, TRB_E_IO, TRB_CHECK_REPOSITORY,
				      "'%s' holds no certificates of authorities in PEM", f->ca);
	if (!set_up(h, h->curl))
		return trb_fail(err, TRB_E_UNSUPPORTED,
				"libcurl %s lacks something that the fetcher needs",
				curl_version_info(CURLVERSION_NOW)->version);
	return TRB_OK;
}

void fetch_http_stop(struct fetch *f)
{
	if (f->http == NULL)
		return;
	curl_easy_cleanup(f->http->curl);
	X509_STORE_free(f->http->anchors);
	free(f->http);
	f->http = NULL;
}

/* What went wrong. */

static int fail_certificate(const struct fetch_http_state *h, trb_error **err)
{
	char now[TRB_TIME_TEXT];

	if (!trb_time_format((uint64_t)time_now(h->f), now))
		snprintf(now, sizeof(now), "after 9999");
	return trb_fail_check(err, TRB_E_IO, TRB_CHECK_REPOSITORY,
			      "%s: the server's TLS certificate is not accepted: %s (the time here "
			      "is %s: if that is wrong, set the host's clock)",
			      h->f->url, h->why, now);
}

/* The egress proxy said no: its own words, from its status line. */
static int fail_proxy(const struct fetch_http_state *h, trb_error **err)
{
	const char *space = strchr(h->first, ' ');
	int r = trb_git_fail_said(err, TRB_E_IO, "the egress proxy",
				  trb_bytes_str(space != NULL ? space + 1 : "nothing"));

	return trb_wrap(err, r, "%s", h->f->url);
}

static bool is_broken(CURLcode c)
{
	switch (c) {
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_SSL_CONNECT_ERROR:
		return true;
	default:
		return false;
	}
}

static int fail_curl(struct fetch_http_state *h, CURLcode c, trb_error **err)
{
	long connected = 0;

	curl_easy_getinfo(h->curl, CURLINFO_HTTP_CONNECTCODE, &connected);
	if (c == CURLE_OUT_OF_MEMORY)
		return trb_fail_nomem(err);
	if (c == CURLE_PEER_FAILED_VERIFICATION)
		return fail_certificate(h, err);
	if (connected != 0 && connected != 200)
		return fail_proxy(h, err);
	if (c == CURLE_OPERATION_TIMEDOUT)
		return trb_fail_check(err, TRB_E_TIMEOUT, TRB_CHECK_REPOSITORY,
				      "%s sends nothing any more", h->f->url);
	h->f->again = is_broken(c);
	return trb_fail_check(err, TRB_E_IO, TRB_CHECK_REPOSITORY, "%s: the connection broke: %s",
			      h->f->url, h->why[0] != '\0' ? h->why : curl_easy_strerror(c));
}

static const struct {
	long status;
	bool again;
	const char *meaning;
} meanings[] = {
	{ 403, false, "the server forbids it: a token may be missing, or lack the right to read" },
	{ 404, false,
	  "the server has no repository there, or hides it from whoever comes without a token" },
	{ 410, false, "the server has no repository there any more" },
	{ 429, true, "the server had too many requests" },
	{ 502, true, "the server's gateway does not reach it" },
	{ 503, true, "the server is busy or in maintenance" },
};

static int fail_status(struct fetch_http_state *h, long status, trb_error **err)
{
	const char *meaning = "no answer of a git server";
	curl_off_t after = 0;

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].status == status) {
			meaning = meanings[i].meaning;
			h->f->again = meanings[i].again;
		}
	curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &after);
	h->f->again_after_s = after > 0 ? (uint64_t)after : 0;
	return trb_fail_check(err, TRB_E_IO, TRB_CHECK_REPOSITORY, "%s: status %ld: %s", h->f->url,
			      status, meaning);
}

/* A list of refs as files have it: "ID, tab, name". */
static bool is_dumb(const char *peek)
{
	return strspn(peek, "0123456789abcdef") >= 40 &&
	       peek[strspn(peek, "0123456789abcdef")] == '\t';
}

static int fail_media(struct fetch_http_state *h, trb_error **err)
{
	_cleanup_(trb_error_unrefp) trb_error *type = NULL;

	h->peek[h->n_peek] = '\0';
	if (is_dumb(h->peek))
		return trb_fail_check(
			err, TRB_E_UNSUPPORTED, TRB_CHECK_REPOSITORY,
			"%s: the server speaks only git's dumb protocol, plain files: "
			"name a server that runs git's http-backend or a forge",
			h->f->url);
	trb_git_fail_said(&type, TRB_E_IO, "the server", trb_bytes_str(h->media));
	return trb_fail_check(err, TRB_E_IO, TRB_CHECK_REPOSITORY,
			      "%s: no git server answers there, but a page of another type than %s "
			      "(%s): a sign-in page, or no repository's URL",
			      h->f->url, h->x->media, trb_error_message(type));
}

static int judge(struct fetch_http_state *h, CURLcode c, trb_error **err)
{
	char *to = NULL;

	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &h->x->status);
	curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &to);
	if (c != CURLE_OK && !(c == CURLE_WRITE_ERROR && h->x->status == 200))
		return fail_curl(h, c, err);
	if (h->x->status == 401)
		return TRB_OK;
	if (h->x->status >= 300 && h->x->status < 400 && to != NULL) {
		if (strlen(to) > FETCH_URL_MAX)
			return trb_fail_check(err, TRB_E_IO, TRB_CHECK_REPOSITORY,
					      "%s: a redirect to an URL that is too long",
					      h->f->url);
		h->x->location = strdup(to);
		return h->x->location != NULL ? TRB_OK : trb_fail_nomem(err);
	}
	if (h->x->status != 200)
		return fail_status(h, h->x->status, err);
	return is_our_answer(h, 200) ? TRB_OK : fail_media(h, err);
}

/* The exchange. */

static void set_token(struct fetch_http_state *h, bool with_token)
{
	const char *secret = h->f->token != NULL ? strchr(h->f->token, ':') : NULL;
	_cleanup_free_ char *name =
		secret != NULL ? strndup(h->f->token, (size_t)(secret - h->f->token)) : NULL;

	if (!with_token || (secret != NULL && name == NULL)) {
		curl_easy_setopt(h->curl, CURLOPT_USERNAME, NULL);
		curl_easy_setopt(h->curl, CURLOPT_PASSWORD, NULL);
		return;
	}
	curl_easy_setopt(h->curl, CURLOPT_USERNAME, name != NULL ? name : "x-access-token");
	curl_easy_setopt(h->curl, CURLOPT_PASSWORD, secret != NULL ? secret + 1 : h->f->token);
}

static struct curl_slist *make_headers(const struct fetch_exchange *x)
{
	struct curl_slist *list = curl_slist_append(NULL, GIT_VERSION), *longer;
	_cleanup_free_ char *type = NULL, *accept = NULL;

	if (asprintf(&accept, "Accept: %s", x->media) < 0)
		accept = NULL;
	if (x->body_type != NULL && asprintf(&type, "Content-Type: %s", x->body_type) < 0)
		type = NULL;
	longer = list != NULL && accept != NULL ? curl_slist_append(list, accept) : NULL;
	if (longer != NULL && x->body_type != NULL)
		longer = type != NULL ? curl_slist_append(list, type) : NULL;
	if (longer == NULL)
		curl_slist_free_all(list);
	return longer;
}

static CURLcode perform(struct fetch_http_state *h)
{
	struct curl_slist *headers = make_headers(h->x);
	int left = trb_deadline_left(h->f->deadline);
	CURLcode c = headers != NULL ? CURLE_OK : CURLE_OUT_OF_MEMORY;

	if (c == CURLE_OK)
		c = curl_easy_setopt(h->curl, CURLOPT_URL, h->x->url);
	if (c == CURLE_OK)
		c = curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
	if (c == CURLE_OK && h->x->body_type != NULL) {
		curl_easy_setopt(h->curl, CURLOPT_POST, 1L);
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, (const char *)h->x->body.ptr);
		c = curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE,
				     (curl_off_t)h->x->body.len);
	} else if (c == CURLE_OK) {
		c = curl_easy_setopt(h->curl, CURLOPT_HTTPGET, 1L);
	}
	/* beyond the deadline, which on_progress() knows a reason for */
	curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, left >= 0 ? (long)left + 5000L : 0L);
	set_token(h, h->x->with_token);
	if (c == CURLE_OK)
		c = curl_easy_perform(h->curl);
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return c;
}

int fetch_http(struct fetch *f, struct fetch_exchange *x, trb_error **err)
{
	struct fetch_http_state *h = f->http;
	CURLcode c;
	int r;

	h->x = x;
	h->stopped = trb_error_unref(h->stopped);
	h->header_bytes = h->n_peek = 0;
	h->why[0] = h->first[0] = h->media[0] = '\0';
	x->status = 0;
	x->location = NULL;
	f->again = false;
	f->again_after_s = 0;
	c = perform(h);
	if (h->stopped == NULL)
		return judge(h, c, err);
	r = trb_error_code(h->stopped);
	if (err != NULL && *err == NULL)
		*err = trb_error_ref(h->stopped);
	h->stopped = trb_error_unref(h->stopped);
	return r;
}
