/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox writes. */
#include <stdlib.h>

#include "enclave/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool wanted(const char *name, void *user)
{
	(void)user;
	return name[0] != 'n';
}

static void command(uint32_t index, void *user)
{
	*(uint32_t *)user = index;
}

/* The same outcome however the bytes are cut. */
static int feed(trb_bytes in, size_t piece, size_t *ret_files)
{
	uint32_t last = 0;
	struct trb_records r = {
		.max_bytes = 1 << 16, .wanted = wanted, .command = command, .user = &last
	};
	int code = trb_records_init(&r, NULL);

	while (code == TRB_OK && in.len > 0)
		code = trb_records_feed(&r, trb_bytes_take(&in, in.len < piece ? in.len : piece),
					NULL);
	for (size_t i = 0; i < r.n_files; i++)
		if (trb_artifact_name_fault(trb_bytes_str(r.files[i].name)) != NULL ||
		    r.files[i].size > r.max_bytes)
			abort();
	*ret_files = r.n_files;
	trb_records_clear(&r);
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t whole, cut;
	trb_bytes in = TRB_BYTES(data, size);

	if (size > 1 << 16)
		return 0;
	if (feed(in, size + 1, &whole) != feed(in, 7, &cut) || whole != cut)
		abort();
	return 0;
}
