/* SPDX-License-Identifier: Apache-2.0 */
/* The parsed document, for the judge. */
#ifndef TRB_FORMAT_ATTESTATION_H
#define TRB_FORMAT_ATTESTATION_H

#include <trustbuild/attestation.h>

#include "format/cose.h"

TRB_DEFINE_CLEANUP(trb_attestation *, trb_attestation_unref);

#define TRB_NSM_PCRS     32u
#define TRB_NSM_CABUNDLE 8

/* Limits of the fields, in bytes. */
#define TRB_NSM_CERTIFICATE_MAX 1024u
#define TRB_NSM_OPTIONAL_MAX    1024u
#define TRB_NSM_MODULE_ID_MAX   255u

/* The signed envelope, views into the document. */
const struct trb_cose_sign1 *trb_attestation_sign1(const trb_attestation *attestation);

/* The form "i-<17 hex>-enc<hex>", lower case: an enclave's NSM, not a NitroTPM. */
bool trb_module_id_valid(trb_bytes id);

#endif
