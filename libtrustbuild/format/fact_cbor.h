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

/* digest = [1, bstr .size 20] / [2 / 3, bstr .size 32] */
int trb_cbor_digest(const cbor_item_t *item, const char *what, struct trb_digest *ret,
		    trb_error **err);
void trb_cbor_put_digest(struct trb_buf *b, const struct trb_digest *digest);

/* history / null */
int trb_cbor_history(const cbor_item_t *item, const char *what, struct trb_history *ret,
		     trb_error **err);
void trb_cbor_put_history(struct trb_buf *b, const struct trb_history *history);
int trb_history_check(const struct trb_history *history, const char *what, trb_error **err);

int trb_cbor_machine(const cbor_item_t *item, const char *what, struct trb_machine *ret,
		     trb_error **err);
void trb_cbor_put_machine(struct trb_buf *b, const struct trb_machine *machine);
int trb_machine_check(const struct trb_machine *machine, const char *what, trb_error **err);

/* {limit-name => amount}, at most max: in deterministic order when read and when checked. */
int trb_cbor_limits(const cbor_item_t *item, size_t max, const char *what, struct trb_limit *ret,
		    size_t *ret_n, trb_error **err);
void trb_cbor_put_limits(struct trb_buf *b, const struct trb_limit *limits, size_t n);
int trb_limits_check(const struct trb_limit *limits, size_t n, const char *what, trb_error **err);
void trb_limits_sort(struct trb_limit *limits, size_t n);

/* A URL of the repository grammar, or null: then empty. */
int trb_cbor_location(const cbor_item_t *item, const char *what, trb_bytes *ret, trb_error **err);
void trb_cbor_put_text_or_null(struct trb_buf *b, trb_bytes text);

/* The formats' version: 2.  Version 1 was never released, and a later one needs a later release. */
#define TRB_FORMAT_VERSION 2u
int trb_fact_version(const cbor_item_t *item, const char *what, trb_error **err);
/* A field that later releases fill: null, and TRB_E_UNSUPPORTED for everything else. */
int trb_fact_reserved(const cbor_item_t *item, const char *what, trb_error **err);
/* The error of a value that only a later release reads. */
int trb_fact_later(const char *what, trb_error **err);

/* Turns a sentence of the grammar into an error; TRB_OK for NULL. */
int trb_fact_fault(const char *what, const char *fault, trb_error **err);

#endif
