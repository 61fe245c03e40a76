/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a CONNECT request from the enclave. */
#include <stdlib.h>
#include <string.h>

#include "egress/egress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char host[256];
	uint16_t port = 0;

	if (size > TRB_EGRESS_HEAD || trb_egress_parse(TRB_BYTES(data, size), host, &port) != NULL)
		return 0;
	/* what is handed to the resolver is a name or an address, and a port that is one */
	if (port == 0 || strlen(host) == 0 || strlen(host) > 253 ||
	    strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.:") != strlen(host))
		abort();
	return 0;
}
