/* SPDX-License-Identifier: Apache-2.0 */
/* An NSM document: parsed, and judged under a root that nobody has, so that nothing verifies. */
#include <stdlib.h>

#include "verifier/nitro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sum;

static void touch(trb_bytes bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		sum += bytes.ptr[i];
}

static void touch_all(const trb_attestation *a)
{
	touch(trb_attestation_get_document(a));
	touch(trb_attestation_get_module_id(a));
	touch(trb_attestation_get_certificate(a));
	touch(trb_attestation_get_public_key(a));
	touch(trb_attestation_get_user_data(a));
	touch(trb_attestation_get_nonce(a));
	for (unsigned i = 0; i <= TRB_NSM_PCRS; i++)
		touch(trb_attestation_get_pcr(a, i));
	for (size_t i = 0; i <= trb_attestation_count_cabundle(a); i++)
		touch(trb_attestation_get_cabundle(a, i));
	sum += (unsigned)trb_attestation_get_timestamp_ms(a) + trb_attestation_is_debug(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct trb_nitro_root nobodys = { .sha256 = { 1 } };
	static struct trb_nitro *nitro;
	struct trb_nitro_verdict verdict = { 0 };
	trb_error *err = NULL;
	int r;

	if (nitro == NULL && trb_nitro_new(&nitro, NULL) < 0)
		abort();
	r = trb_nitro_judge(nitro, TRB_BYTES(data, size), TRB_NITRO_TIME_DOCUMENT, &nobodys, 1, 0,
			    &verdict, &err);
	if (r != TRB_E_EVIDENCE || trb_error_check(err) == NULL || verdict.assurance != 0)
		abort();
	if (verdict.attestation != NULL)
		touch_all(verdict.attestation);
	trb_nitro_verdict_clear(&verdict);
	trb_error_unref(err);
	return 0;
}
