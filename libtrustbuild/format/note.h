/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes (c2sp.org/signed-note v1.0.0), cosignatures (c2sp.org/tlog-cosignature v1.0.1) and
 * checkpoints (c2sp.org/tlog-checkpoint v1.0.0). */
#ifndef TRB_FORMAT_NOTE_H
#define TRB_FORMAT_NOTE_H

#include <openssl/evp.h>

#include "core/buffer.h"

#define TRB_NOTE_MAX        (16u * 1024)
#define TRB_NOTE_SIGNATURES 100u
#define TRB_KEY_NAME        255u
#define TRB_VKEY_MAX        4096u
#define TRB_VKEY_BYTES      128u

enum trb_key_type {
	TRB_KEY_ED25519 = 0x01,
	TRB_KEY_ECDSA = 0x02,      /* SHA-256, key is an SPKI: what Rekor's logs use */
	TRB_KEY_COSIGNATURE = 0x04 /* Ed25519 cosignature/v1 with a time */
};

/* A verifier key: "name+id+base64(type, key)". */
struct trb_vkey {
	char name[TRB_KEY_NAME + 1];
	uint32_t id;
	enum trb_key_type type;
	size_t len;
	uint8_t key[TRB_VKEY_BYTES];
};
/* Errors: TRB_E_FORMAT; TRB_E_UNSUPPORTED for a well-formed key of a type that is not above. */
int trb_vkey_parse(trb_bytes text, struct trb_vkey *ret, trb_error **err);
int trb_vkey_make(const char *name, enum trb_key_type type, trb_bytes key, struct trb_vkey *ret,
		  trb_error **err);
void trb_vkey_put(struct trb_buf *b, const struct trb_vkey *key);
bool trb_vkey_eq(const struct trb_vkey *a, const struct trb_vkey *b);
/* NULL where name is good as a key's name, else a static sentence. */
const char *trb_key_name_fault(trb_bytes name);

struct trb_note_signature {
	trb_bytes name;
	uint32_t id;
	trb_bytes bytes; /* behind the id */
};
struct trb_note {
	trb_bytes text; /* with its last newline; a view into what was parsed */
	size_t n;
	struct trb_note_signature signatures[TRB_NOTE_SIGNATURES];
	uint8_t *owner;
};
/* The form alone; nothing is verified.  Errors: TRB_E_FORMAT, TRB_E_LIMIT, TRB_E_NOMEM. */
int trb_note_parse(trb_bytes in, struct trb_note *ret, trb_error **err);
void trb_note_clear(struct trb_note *note);
/* All signatures of the note that carry the key's name and id must be its own; others are not
 * looked at.  ret_time (may be NULL) is a cosignature's earliest time, 0 for the other types.
 * Errors: TRB_E_NOTFOUND where the key has not signed; TRB_E_LOG where a signature is bad. */
int trb_note_verify(const struct trb_note *note, const struct trb_vkey *key, uint64_t *ret_time,
		    trb_error **err);
/* text, a blank line and the Ed25519 signature. */
int trb_note_sign(trb_bytes text, const char *name, EVP_PKEY *key, trb_blob **ret, trb_error **err);

struct trb_checkpoint {
	trb_bytes origin;
	uint64_t size;
	uint8_t root[32];
	trb_bytes extensions; /* the lines behind the root, each with its newline */
};
/* A note's text.  Errors: TRB_E_FORMAT. */
int trb_checkpoint_parse(trb_bytes text, struct trb_checkpoint *ret, trb_error **err);
void trb_checkpoint_put(struct trb_buf *b, const struct trb_checkpoint *checkpoint);
/* Parses note, verifies the log's signature, parses the checkpoint, and demands that its origin is
 * the key's name.  The caller clears ret_note.  Errors: TRB_E_LOG with check id "log.checkpoint",
 * TRB_E_NOMEM. */
int trb_checkpoint_open(trb_bytes in, const struct trb_vkey *log, struct trb_note *ret_note,
			struct trb_checkpoint *ret, trb_error **err);

/* c2sp.org/tlog-proof@v1: index, hashes, checkpoint in one text.  What extra says is not bound by
 * anything. */
struct trb_tlog_proof {
	uint64_t index;
	size_t n;
	uint8_t hashes[64][32];
	trb_bytes checkpoint;
};
int trb_tlog_proof_parse(trb_bytes text, struct trb_tlog_proof *ret, trb_error **err);
void trb_tlog_proof_put(struct trb_buf *b, const struct trb_tlog_proof *proof);

#endif
