/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request and its answer, as frames between the library and its helper tb-http:
 * deterministic CBOR (docs/spec/http.md).  The answer's bytes are a server's, thus hostile. */
#ifndef TRB_FORMAT_EXCHANGE_H
#define TRB_FORMAT_EXCHANGE_H

#include "core/buffer.h"

#define TRB_EXCHANGE_URL       2048u
#define TRB_EXCHANGE_HEADERS   64u
#define TRB_EXCHANGE_HEADER    4096u               /* bytes of a header's value */
#define TRB_EXCHANGE_SENT      (1024u * 1024)      /* bytes of a request's body */
#define TRB_EXCHANGE_BODY      (32u * 1024 * 1024) /* bytes of an answer's body, at most */
#define TRB_EXCHANGE_REQUEST   (2u * 1024 * 1024)  /* the whole frame */
#define TRB_EXCHANGE_ANSWER    (TRB_EXCHANGE_BODY + 512u * 1024)
#define TRB_EXCHANGE_TIMEOUT_S 3600u

struct trb_http_header {
	trb_bytes name; /* a token of RFC 9110; in answers in lower case */
	trb_bytes value;
};

struct trb_http_request {
	bool post;     /* else GET */
	trb_bytes url; /* https alone */
	size_t n_headers;
	struct trb_http_header headers[TRB_EXCHANGE_HEADERS];
	trb_bytes body;     /* of a POST */
	uint64_t ceiling;   /* bytes of the answer's body */
	uint64_t timeout_s; /* for the whole exchange, 1 .. TRB_EXCHANGE_TIMEOUT_S */
	trb_bytes ca_file;  /* PEM; empty: the system's */
	trb_bytes proxy;    /* "http://host:port"; empty: none */
};

struct trb_http_answer {
	int64_t code; /* TRB_OK, or why there is none: TRB_E_IO, TRB_E_TIMEOUT, TRB_E_LIMIT, … */
	trb_bytes text;  /* the reason, where there is no answer */
	uint64_t status; /* 100 .. 999 */
	size_t n_headers;
	struct trb_http_header headers[TRB_EXCHANGE_HEADERS];
	trb_bytes body;
};

/* Errors: TRB_E_INVAL where the request is of no use, TRB_E_LIMIT, TRB_E_NOMEM. */
int trb_http_request_encode(const struct trb_http_request *request, trb_blob **ret,
			    trb_error **err);
/* Errors: TRB_E_FORMAT, TRB_E_LIMIT, TRB_E_NOMEM.  Views into the owner. */
int trb_http_request_decode(trb_bytes in, struct trb_http_request *ret, trb_blob **ret_owner,
			    trb_error **err);
int trb_http_answer_encode(const struct trb_http_answer *answer, trb_blob **ret, trb_error **err);
int trb_http_answer_decode(trb_bytes in, struct trb_http_answer *ret, trb_blob **ret_owner,
			   trb_error **err);
/* The value of the header of this lower-case name, or an empty view; of several, the last. */
trb_bytes trb_http_answer_header(const struct trb_http_answer *answer, const char *name);

#endif
