/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of DER (X.690 section 10): single-byte tags, definite and shortest lengths. */
#ifndef TRB_FORMAT_DER_H
#define TRB_FORMAT_DER_H

#include "core/bytes.h"

enum {
	TRB_DER_BOOLEAN = 0x01,
	TRB_DER_INTEGER = 0x02,
	TRB_DER_BIT_STRING = 0x03,
	TRB_DER_OCTET_STRING = 0x04,
	TRB_DER_OID = 0x06,
	TRB_DER_UTF8_STRING = 0x0c,
	TRB_DER_PRINTABLE_STRING = 0x13,
	TRB_DER_UTC_TIME = 0x17,
	TRB_DER_GENERALIZED_TIME = 0x18,
	TRB_DER_SEQUENCE = 0x30,
	TRB_DER_SET = 0x31,
};

/* Takes one element off in: its tag and contents, and in *ret_whole (may be NULL) the element with
 * its head.  False, and in untouched, where there is no well-formed element. */
bool trb_der_next(trb_bytes *in, uint8_t *ret_tag, trb_bytes *ret_contents, trb_bytes *ret_whole);
/* The same, where the tag must be this one. */
bool trb_der_take(trb_bytes *in, uint8_t tag, trb_bytes *ret_contents);
/* in is exactly one element of this tag. */
bool trb_der_only(trb_bytes in, uint8_t tag, trb_bytes *ret_contents);
/* The next element of in, if any, has this tag. */
bool trb_der_peek(trb_bytes in, uint8_t tag);

/* Contents of an INTEGER: non-negative, shortest, at most max. */
bool trb_der_uint(trb_bytes contents, uint64_t max, uint64_t *ret);
/* Contents of a BIT STRING of whole bytes. */
bool trb_der_bit_bytes(trb_bytes contents, trb_bytes *ret);
/* Contents of UTCTime or GeneralizedTime in the forms of RFC 5280 section 4.1.2.5, to seconds
 * since 1970.  False for a time before 1970, and for one through 2049 as GeneralizedTime. */
bool trb_der_time(uint8_t tag, trb_bytes contents, uint64_t *ret_unix_s);

#endif
