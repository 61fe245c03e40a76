/* SPDX-License-Identifier: Apache-2.0 */
/* Control messages of the channel: [type, body] in deterministic CBOR, one a frame of u32be length
 * (docs/spec/channel.md). */
#ifndef TRB_FORMAT_CONTROL_H
#define TRB_FORMAT_CONTROL_H

#include "format/facts.h"

#define TRB_CONTROL_VERSION 2u
#define TRB_CONTROL_CHUNK   (32u * 1024) /* bytes of a result or of progress in one message */
#define TRB_CONTROL_TEXT    4096u        /* of an error */
#define TRB_CONTROL_CHECK   64u
#define TRB_CREDENTIAL_MAX  8192u
#define TRB_CREDENTIALS     16u
#define TRB_HOST_LIMITS     5u /* limits of the source that a host may set */

enum trb_port {
	TRB_PORT_CONTROL = 5000,
	TRB_PORT_EGRESS = 5001,
	TRB_PORT_NSM = 5002,
	TRB_PORT_ARTIFACT = 5003,
	TRB_PORT_CONTENT = 5004,
};

enum trb_control_type {
	TRB_MSG_HELLO = 1,      /* both ways: version */
	TRB_MSG_REQUEST = 2,    /* host: request bytes */
	TRB_MSG_CREDENTIAL = 3, /* host: URL prefix and token bytes, before the request */
	TRB_MSG_STATE = 4,      /* enclave: state; READY and COMMITTED carry facts */
	TRB_MSG_PROGRESS = 5,   /* enclave: stream and text, never truth */
	TRB_MSG_RESULT = 6,     /* enclave: the parts of the bundle */
	TRB_MSG_ERROR = 7,      /* enclave: code, check, text; FAILED for good */
	TRB_MSG_CANCEL = 8,     /* host */
	TRB_MSG_LIMITS = 9,     /* host: limits of the source, once, before the request */
};

enum trb_enclave_state {
	TRB_STATE_READY = 0,
	TRB_STATE_FETCHING = 1,
	TRB_STATE_COMMITTED = 2,
	TRB_STATE_BUILDING = 3,
	TRB_STATE_BUILT = 4,
	TRB_STATE_ATTESTED = 5,
	TRB_STATE_DONE = 6,
	TRB_STATE_FAILED = 7,
};
const char *trb_enclave_state_name(unsigned state);

enum trb_progress_stream {
	TRB_STREAM_CLIENT = 0, /* the enclave client's own words */
	TRB_STREAM_STDOUT = 1, /* the build's */
	TRB_STREAM_STDERR = 2,
};

struct trb_control {
	enum trb_control_type type;
	union {
		uint64_t version; /* HELLO */
		trb_bytes bytes;  /* REQUEST */
		struct {
			trb_bytes prefix; /* empty: the request's repository */
			trb_bytes token;
		} credential;
		struct {
			uint64_t state;
			struct trb_machine machine; /* READY */
			struct trb_commit commit;   /* COMMITTED, and the rest */
			struct trb_history history;
			trb_bytes location;
		} state;
		struct {
			uint64_t stream;
			trb_bytes text; /* <= 32 KiB, any bytes */
		} progress;
		/* RESULT: several frames, one a part, since the parts together pass a frame */
		struct {
			uint64_t part; /* enum trb_result_part */
			bool last;     /* of this part */
			trb_bytes bytes;
		} result;
		struct {
			int64_t code;    /* < 0 */
			trb_bytes check; /* <= 64, UTF-8, may be empty */
			trb_bytes text;  /* <= 4096, any bytes */
		} error;
		struct {
			size_t n; /* sorted where they were read */
			struct trb_limit limits[TRB_HOST_LIMITS];
		} limits;
	} u;
};

enum trb_result_part {
	TRB_PART_ENVIRONMENT = 1,
	TRB_PART_ARTIFACTS = 2,
	TRB_PART_ATTESTATION = 3,
	TRB_PART_STATEMENT = 4,
	TRB_PART_SIGNATURE = 5, /* DSSE, DER */
	TRB_PART_MATERIALS = 6, /* absent where there are none */
};

/* NULL where a host may set this limit of the source, else a static sentence. */
const char *trb_host_limit_fault(trb_bytes name);

/* Views live as long as the owner.  Errors: TRB_E_FORMAT, TRB_E_LIMIT, TRB_E_NOMEM. */
int trb_control_decode(trb_bytes in, struct trb_control *ret, trb_blob **ret_owner,
		       trb_error **err);
/* Errors: TRB_E_LIMIT where the message is larger than a frame, TRB_E_FORMAT where the peer would
 * refuse it, TRB_E_INVAL, TRB_E_NOMEM. */
int trb_control_encode(const struct trb_control *msg, trb_blob **ret, trb_error **err);

/* The first frame of a stream to TRB_PORT_ARTIFACT; size raw bytes follow it, and the host answers
 * TRB_FILE_STORED. */
#define TRB_FILE_HEAD_MAX 512u
#define TRB_FILE_STORED   0x06

enum trb_file_kind {
	TRB_FILE_ARTIFACT = 0,
	TRB_FILE_UNATTESTED = 1,
};
struct trb_file_head {
	uint64_t kind;
	trb_bytes name; /* by the grammar of artifact names */
	uint64_t size;
};
int trb_file_head_decode(trb_bytes in, struct trb_file_head *ret, trb_blob **ret_owner,
			 trb_error **err);
int trb_file_head_encode(const struct trb_file_head *head, trb_blob **ret, trb_error **err);

/* Port 5004: the enclave asks for bytes by their digest, the host answers with their size, after
 * which they follow, or that it has none.  What arrives is hashed. */
#define TRB_CONTENT_ASK_MAX    64u
#define TRB_CONTENT_ANSWER_MAX 16u

struct trb_content_ask {
	uint8_t sha256[32];
	uint64_t ceiling; /* bytes that are taken at most */
};
int trb_content_ask_decode(trb_bytes in, struct trb_content_ask *ret, trb_error **err);
int trb_content_ask_encode(const struct trb_content_ask *ask, trb_blob **ret, trb_error **err);

struct trb_content_answer {
	bool there;
	uint64_t size;
};
int trb_content_answer_decode(trb_bytes in, struct trb_content_answer *ret, trb_error **err);
int trb_content_answer_encode(const struct trb_content_answer *answer, trb_blob **ret,
			      trb_error **err);

#endif
