/* SPDX-License-Identifier: Apache-2.0 */
/* The NSM's requests and responses in CBOR, both directions (docs/spec/nsm.md): the enclave encodes
 * requests and decodes responses, the simulated NSM the other way round. */
#ifndef TRB_FORMAT_NSM_H
#define TRB_FORMAT_NSM_H

#include "format/facts.h"

#define TRB_NSM_REQUEST_MAX  0x1000u
#define TRB_NSM_RESPONSE_MAX 0x3000u
#define TRB_NSM_PCRS         32u

enum trb_nsm_op {
	TRB_NSM_DESCRIBE_NSM = 1,
	TRB_NSM_GET_RANDOM,
	TRB_NSM_DESCRIBE_PCR,
	TRB_NSM_EXTEND_PCR,
	TRB_NSM_LOCK_PCR,
	TRB_NSM_LOCK_PCRS,
	TRB_NSM_ATTESTATION,
};
enum trb_nsm_error {
	TRB_NSM_SUCCESS = 0,
	TRB_NSM_INVALID_ARGUMENT,
	TRB_NSM_INVALID_INDEX,
	TRB_NSM_INVALID_RESPONSE,
	TRB_NSM_READ_ONLY_INDEX,
	TRB_NSM_INVALID_OPERATION,
	TRB_NSM_BUFFER_TOO_SMALL,
	TRB_NSM_INPUT_TOO_LARGE,
	TRB_NSM_INTERNAL_ERROR,
};
const char *trb_nsm_error_name(enum trb_nsm_error error);

struct trb_nsm_request {
	enum trb_nsm_op op;
	uint64_t index;                         /* PCR; for LOCK_PCRS the range */
	trb_bytes data;                         /* EXTEND_PCR */
	trb_bytes user_data, nonce, public_key; /* ATTESTATION; ptr == NULL: null */
};
struct trb_nsm_response {
	enum trb_nsm_op op;
	enum trb_nsm_error error; /* != SUCCESS: nothing else is set */
	bool lock;
	trb_bytes data; /* DESCRIBE_PCR, EXTEND_PCR, GET_RANDOM, ATTESTATION's document */
	uint64_t version_major, version_minor, version_patch, max_pcrs;
	trb_bytes module_id, digest;
	uint32_t locked_pcrs; /* bit i: PCR i */
};
int trb_nsm_request_encode(const struct trb_nsm_request *req, trb_blob **ret, trb_error **err);
/* What a real NSM answers to a bad request, as an enum; TRB_NSM_SUCCESS where ret is set. */
enum trb_nsm_error trb_nsm_request_decode(trb_bytes in, struct trb_nsm_request *ret,
					  trb_blob **ret_owner);
int trb_nsm_response_encode(const struct trb_nsm_response *rsp, trb_blob **ret, trb_error **err);
/* Decodes the answer to op. */
int trb_nsm_response_decode(trb_bytes in, enum trb_nsm_op op, struct trb_nsm_response *ret,
			    trb_blob **ret_owner, trb_error **err);

#endif
