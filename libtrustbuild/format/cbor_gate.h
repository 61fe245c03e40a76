/* SPDX-License-Identifier: Apache-2.0 */
/* The gate before libcbor: walks the bytes once, allocates nothing. */
#ifndef TRB_FORMAT_CBOR_GATE_H
#define TRB_FORMAT_CBOR_GATE_H

#include "format/cbor.h"

/* Exactly one well-formed item under rules.  Errors: TRB_E_FORMAT, TRB_E_LIMIT. */
int trb_cbor_gate(trb_bytes in, enum trb_cbor_rules rules, const char *what, trb_error **err);

#endif
