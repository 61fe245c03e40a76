/* SPDX-License-Identifier: Apache-2.0 */
/* What the rooms of the facts share. */
#ifndef TRB_FORMAT_FACT_CBOR_H
#define TRB_FORMAT_FACT_CBOR_H

#include "format/cbor.h"
#include "format/facts.h"

/* trb_cbor_load() by the deterministic rules, for at most max bytes. */
int trb_fact_load(trb_bytes in, size_t max, const char *what, cbor_item_t **ret_item,
		  trb_error **err);

/* commit = [1, bstr .size 20] / [2, bstr .size 32] */
int trb_cbor_commit(const cbor_item_t *item, const char *what, struct trb_commit *ret,
		    trb_error **err);
void trb_cbor_put_commit(struct trb_buf *b, const struct trb_commit *commit);

/* Turns a sentence of the grammar into an error; TRB_OK for NULL. */
int trb_fact_fault(const char *what, const char *fault, trb_error **err);

#endif
