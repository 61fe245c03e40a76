/* SPDX-License-Identifier: Apache-2.0 */
/* Speaks through tb-http for tests/e2e/http: LIBEXEC CA-FILE CEILING TIMEOUT METHOD URL [BODY]…;
 * each METHOD URL BODY after the first goes through the same child. */
#include <stdio.h>

#include "core/error.h"
#include "log/http.h"

static void show(const struct trb_http_answer *answer)
{
	printf("%u", (unsigned)answer->status);
	for (size_t i = 0; i < answer->n_headers; i++)
		if (trb_bytes_eq_str(answer->headers[i].name, "location") ||
		    trb_bytes_eq_str(answer->headers[i].name, "x-log-index"))
			printf(" %.*s=%.*s", (int)answer->headers[i].name.len,
			       (const char *)answer->headers[i].name.ptr,
			       (int)answer->headers[i].value.len,
			       (const char *)answer->headers[i].value.ptr);
	printf(" body=%.*s\n", (int)answer->body.len, (const char *)answer->body.ptr);
}

static void one(struct trb_http *http, struct trb_http_request *request, char **argv)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_http_answer answer;

	request->post = strcmp(argv[0], "POST") == 0;
	request->url = trb_bytes_str(argv[1]);
	request->body = request->post ? trb_bytes_str(argv[2]) : TRB_BYTES_NULL;
	if (trb_http_exchange(http, request, &answer, &owner, &err) == TRB_OK)
		show(&answer);
	else
		printf("%s: %s\n", trb_status_name(trb_error_code(err)), trb_error_message(err));
}

int main(int argc, char **argv)
{
	_cleanup_(trb_context_unrefp) trb_context *context = NULL;
	_cleanup_(trb_http_freep) struct trb_http *http = NULL;
	struct trb_http_request request = { .n_headers = 1 };

	if (argc < 8 || (argc - 5) % 3 != 0 || trb_context_new(&context, NULL) < 0 ||
	    trb_context_set_libexec_dir(context, argv[1], NULL) < 0 ||
	    trb_http_new(context, &http, NULL) < 0)
		return 2;
	request.headers[0] =
		(struct trb_http_header){ TRB_BYTES_LIT("X-Test"), TRB_BYTES_LIT("here") };
	request.ca_file = trb_bytes_str(argv[2]);
	request.ceiling = strtoull(argv[3], NULL, 10);
	request.timeout_s = strtoull(argv[4], NULL, 10);
	for (int i = 5; i < argc; i += 3)
		one(http, &request, argv + i);
	return 0;
}
