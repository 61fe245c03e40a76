/* SPDX-License-Identifier: Apache-2.0 */
/* Notes, checkpoints, keys and tlog-proofs. */
#include <stdlib.h>

#include "core/cleanup.h"
#include "format/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char known[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

static void try_note(trb_bytes in)
{
	struct trb_checkpoint checkpoint;
	struct trb_note note;
	struct trb_vkey key;

	if (trb_note_parse(in, &note, NULL) < 0)
		return;
	if (note.n == 0 || note.n > TRB_NOTE_SIGNATURES || note.text.len == 0 ||
	    note.text.ptr[note.text.len - 1] != '\n')
		abort();
	if (trb_vkey_parse(trb_bytes_str(known), &key, NULL) < 0)
		abort();
	trb_note_verify(&note, &key, NULL, NULL);
	if (trb_checkpoint_parse(note.text, &checkpoint, NULL) == TRB_OK) {
		struct trb_buf again;

		trb_buf_init(&again, TRB_NOTE_MAX + 64);
		trb_checkpoint_put(&again, &checkpoint);
		if (!trb_bytes_eq(trb_buf_bytes(&again), note.text))
			abort();
		trb_buf_clear(&again);
	}
	trb_note_clear(&note);
}

static void try_key(trb_bytes in)
{
	struct trb_vkey key;
	struct trb_buf again;

	if (trb_vkey_parse(in, &key, NULL) < 0)
		return;
	trb_buf_init(&again, TRB_VKEY_MAX + 64);
	trb_vkey_put(&again, &key);
	if (!trb_bytes_eq(trb_buf_bytes(&again), in))
		abort();
	trb_buf_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	trb_bytes in = TRB_BYTES(data, size);
	struct trb_tlog_proof proof;

	if (size > 3 * TRB_NOTE_MAX + 1)
		return 0;
	try_note(in);
	try_key(in);
	if (trb_tlog_proof_parse(in, &proof, NULL) == TRB_OK)
		try_note(proof.checkpoint);
	return 0;
}
