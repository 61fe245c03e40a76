/* SPDX-License-Identifier: Apache-2.0 */
/* HTTPS for what the library does on the host's behalf (logs, reports): one request a frame on
 * standard input, one answer a frame on standard output, until the input ends (docs/spec/http.md).
 * A process of its own, so that libcurl and what it loads stay out of the programs that embed the
 * library.  Redirects are answers like any other; nothing but https is spoken. */
#include <curl/curl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "core/channel.h"
#include "core/cleanup.h"
#include "core/error.h"
#include "format/exchange.h"

#define CONNECT_S   30L
#define HEAD_MAX    (128u * 1024) /* bytes of an answer's headers, together */
#define USER_AGENT  "libtrustbuild"
#define SYSTEMS_CAS "/etc/ssl/certs/ca-certificates.crt"

/* What comes back; the views of headers point into head. */
struct reply {
	struct trb_http_answer answer;
	struct trb_buf head, body;
	struct {
		size_t name, name_len, value, value_len;
	} at[TRB_EXCHANGE_HEADERS];
	size_t n;
	bool over; /* more than was asked for */
};

static size_t on_body(char *bytes, size_t one, size_t n, void *user)
{
	struct reply *reply = user;

	(void)one;
	if (trb_buf_add(&reply->body, TRB_BYTES(bytes, n)) == TRB_OK)
		return n;
	reply->over = true;
	return 0;
}

static trb_bytes trimmed(trb_bytes text)
{
	while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL)
		text.len--;
	while (text.len > 0 && strchr(" \t", text.ptr[0]) != NULL)
		text = TRB_BYTES(text.ptr + 1, text.len - 1);
	return text;
}

static void keep(struct reply *reply, trb_bytes name, trb_bytes value)
{
	size_t at = reply->head.len;

	for (size_t i = 0; i < name.len; i++)
		trb_buf_add_byte(&reply->head, (uint8_t)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z'
								 ? name.ptr[i] + 32
								 : name.ptr[i]));
	trb_buf_add(&reply->head, value);
	reply->at[reply->n].name = at;
	reply->at[reply->n].name_len = name.len;
	reply->at[reply->n].value = at + name.len;
	reply->at[reply->n++].value_len = value.len;
}

/* Headers beyond the ceilings end the exchange: none is dropped in silence. */
static size_t on_header(char *bytes, size_t one, size_t n, void *user)
{
	struct reply *reply = user;
	const char *colon = memchr(bytes, ':', n);
	trb_bytes line = TRB_BYTES(bytes, n);

	(void)one;
	if (n > 5 && memcmp(bytes, "HTTP/", 5) == 0) { /* an interim answer's headers go */
		trb_buf_clear(&reply->head);
		reply->n = 0;
		return n;
	}
	if (colon == NULL)
		return n;
	if (reply->n == TRB_EXCHANGE_HEADERS || n > TRB_EXCHANGE_HEADER) {
		reply->over = true;
		return 0;
	}
	keep(reply, TRB_BYTES(bytes, colon - bytes),
	     trimmed(TRB_BYTES(colon + 1, line.len - (size_t)(colon + 1 - bytes))));
	return reply->head.status == TRB_OK ? n : 0;
}

static int code_of(CURLcode c)
{
	switch (c) {
	case CURLE_OPERATION_TIMEDOUT:
		return TRB_E_TIMEOUT;
	case CURLE_OUT_OF_MEMORY:
		return TRB_E_NOMEM;
	default:
		return TRB_E_IO;
	}
}

static struct curl_slist *add_header(struct curl_slist *list, const struct trb_http_header *h,
				     bool *bad)
{
	_cleanup_free_ char *line = NULL;
	struct curl_slist *longer;

	/* libcurl sends a header without a value only where it is written with a semicolon */
	if (asprintf(&line, h->value.len > 0 ? "%.*s: %.*s" : "%.*s;%.*s", (int)h->name.len,
		     (const char *)h->name.ptr, (int)h->value.len, (const char *)h->value.ptr) < 0)
		line = NULL;
	longer = line != NULL ? curl_slist_append(list, line) : NULL;
	*bad = *bad || longer == NULL;
	return longer != NULL ? longer : list;
}

static void set_text(CURL *curl, CURLoption option, trb_bytes text, bool *bad)
{
	_cleanup_free_ char *copy = strndup((const char *)text.ptr, text.len);

	if (copy == NULL || curl_easy_setopt(curl, option, copy) != CURLE_OK)
		*bad = true;
}

static bool set_up(CURL *curl, const struct trb_http_request *request, struct curl_slist *headers,
		   struct reply *reply)
{
	bool bad = false;

	set_text(curl, CURLOPT_URL, request->url, &bad);
	set_text(curl, CURLOPT_PROXY, request->proxy,
		 &bad); /* empty: none, whatever else says so */
	set_text(curl, CURLOPT_CAINFO,
		 request->ca_file.len > 0 ? request->ca_file : TRB_BYTES_LIT(SYSTEMS_CAS), &bad);
	if (request->post) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
				 request->body.len > 0 ? (const char *)request->body.ptr : "");
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)request->timeout_s);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, reply);
	curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	/* what decides who is spoken to, and how, fails closed */
	return !bad && curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) ==
		       CURLE_OK;
}

static void fail(struct reply *reply, int code, const char *text)
{
	reply->answer = (struct trb_http_answer){ .code = code, .text = trb_bytes_str(text) };
}

static void finish(CURL *curl, CURLcode c, const char *why, uint64_t ceiling, struct reply *reply)
{
	static char text[CURL_ERROR_SIZE + 64];
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (reply->over || reply->body.status != TRB_OK || reply->head.status != TRB_OK) {
		snprintf(text, sizeof(text),
			 "the answer has more than %llu bytes, or its headers "
			 "more than %u",
			 (unsigned long long)ceiling, HEAD_MAX);
		fail(reply, TRB_E_LIMIT, text);
	} else if (c != CURLE_OK) {
		snprintf(text, sizeof(text), "%s", why[0] != '\0' ? why : curl_easy_strerror(c));
		fail(reply, code_of(c), text);
	} else if (status < 100 || status > 999) {
		fail(reply, TRB_E_IO, "the server's answer has no status");
	} else {
		reply->answer = (struct trb_http_answer){ .status = (uint64_t)status,
							  .n_headers = reply->n,
							  .body = trb_buf_bytes(&reply->body) };
		for (size_t i = 0; i < reply->n; i++)
			reply->answer.headers[i] = (struct trb_http_header){
				TRB_BYTES(reply->head.ptr + reply->at[i].name,
					  reply->at[i].name_len),
				TRB_BYTES(reply->head.ptr + reply->at[i].value,
					  reply->at[i].value_len)
			};
	}
}

static void exchange(CURL *curl, const struct trb_http_request *request, struct reply *reply)
{
	char why[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	bool bad = false;

	for (size_t i = 0; i < request->n_headers; i++)
		headers = add_header(headers, &request->headers[i], &bad);
	curl_easy_reset(curl); /* connections, TLS sessions and names stay */
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	if (bad || !set_up(curl, request, headers, reply))
		fail(reply, TRB_E_NOMEM, "libcurl cannot be set up");
	else
		finish(curl, curl_easy_perform(curl), why, request->ceiling, reply);
	curl_slist_free_all(headers);
}

/* One request and its answer; TRB_E_DONE at the end of the input. */
static int serve(CURL *curl, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *in = NULL, *owner = NULL, *out = NULL;
	struct trb_http_request request;
	struct reply reply = { .n = 0 };
	int r = trb_frame_recv(0, TRB_EXCHANGE_REQUEST, -1, &in, err);

	if (r == TRB_OK)
		r = trb_http_request_decode(trb_blob_bytes(in), &request, &owner, err);
	if (r < 0)
		return r;
	trb_buf_init(&reply.head, HEAD_MAX);
	trb_buf_init(&reply.body, request.ceiling);
	exchange(curl, &request, &reply);
	r = trb_http_answer_encode(&reply.answer, &out, err);
	if (r == TRB_OK)
		r = trb_frame_send(1, trb_blob_bytes(out), TRB_EXCHANGE_ANSWER, -1, err);
	trb_buf_clear(&reply.head);
	trb_buf_clear(&reply.body);
	return r;
}

int main(void)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	CURL *curl;
	int r = TRB_OK;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a request may carry a credential */
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (curl = curl_easy_init()) == NULL)
		return 3;
	while (r == TRB_OK)
		r = serve(curl, &err);
	if (r != TRB_E_DONE)
		fprintf(stderr, "tb-http: %s\n", trb_error_message(err));
	curl_easy_cleanup(curl);
	curl_global_cleanup();
	return r == TRB_E_DONE ? 0 : 3;
}
