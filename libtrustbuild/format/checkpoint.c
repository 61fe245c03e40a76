/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of logs, and proofs of inclusion as text. */
#include "core/cleanup.h"
#include "core/error.h"
#include "format/base64.h"
#include "format/note.h"

#define PROOF_HEAD "c2sp.org/tlog-proof@v1"

/* The next line without its newline; false at the end or where it does not end. */
static bool take_line(trb_bytes *text, trb_bytes *ret)
{
	const uint8_t *end = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;

	if (end == NULL)
		return false;
	*ret = trb_bytes_take(text, (size_t)(end - text->ptr));
	trb_bytes_take(text, 1);
	return true;
}

static bool read_decimal(trb_bytes text, uint64_t *ret)
{
	uint64_t value = 0;

	if (text.len == 0 || (text.len > 1 && text.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(text.ptr[i] - '0');

		if (text.ptr[i] < '0' || digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

int trb_checkpoint_parse(trb_bytes text, struct trb_checkpoint *ret, trb_error **err)
{
	struct trb_checkpoint made = { .size = 0 };
	trb_bytes line, rest;

	if (!take_line(&text, &made.origin) || made.origin.len == 0)
		return trb_fail(err, TRB_E_FORMAT, "malformed checkpoint: no origin");
	if (!take_line(&text, &line) || !read_decimal(line, &made.size))
		return trb_fail(err, TRB_E_FORMAT, "malformed checkpoint: no size");
	if (!take_line(&text, &line) || !trb_base64_decode_exact(line, made.root, 32))
		return trb_fail(err, TRB_E_FORMAT, "malformed checkpoint: no root hash");
	made.extensions = rest = text;
	while (rest.len > 0)
		if (!take_line(&rest, &line) || line.len == 0)
			return trb_fail(err, TRB_E_FORMAT,
					"malformed checkpoint: bad extension line");
	*ret = made;
	return TRB_OK;
}

void trb_checkpoint_put(struct trb_buf *b, const struct trb_checkpoint *checkpoint)
{
	trb_buf_add(b, checkpoint->origin);
	trb_buf_addf(b, "\n%llu\n", (unsigned long long)checkpoint->size);
	trb_base64_put(b, TRB_BYTES(checkpoint->root, 32));
	trb_buf_add_byte(b, '\n');
	trb_buf_add(b, checkpoint->extensions);
}

static int fail_checkpoint(trb_error **err, int code, trb_error *why)
{
	return code == TRB_E_NOMEM ? trb_fail_nomem(err)
				   : trb_fail_check(err, TRB_E_LOG, "log.checkpoint", "%s",
						    trb_error_message(why));
}

int trb_checkpoint_open(trb_bytes in, const struct trb_vkey *log, struct trb_note *ret_note,
			struct trb_checkpoint *ret, trb_error **err)
{
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	_cleanup_(trb_note_clear) struct trb_note note = { .n = 0 };
	struct trb_checkpoint checkpoint;
	int r = trb_note_parse(in, &note, &why);

	if (r == TRB_OK)
		r = trb_note_verify(&note, log, NULL, &why);
	if (r == TRB_OK)
		r = trb_checkpoint_parse(note.text, &checkpoint, &why);
	if (r < 0)
		return fail_checkpoint(err, r, why);
	if (!trb_bytes_eq_str(checkpoint.origin, log->name))
		return trb_fail_check(err, TRB_E_LOG, "log.checkpoint",
				      "the checkpoint's origin is not the log '%s'", log->name);
	*ret_note = note;
	note.owner = NULL;
	*ret = checkpoint;
	return TRB_OK;
}

static bool take_word(trb_bytes *line, const char *word)
{
	size_t n = strlen(word);

	if (line->len < n || memcmp(line->ptr, word, n) != 0)
		return false;
	trb_bytes_take(line, n);
	return true;
}

static const char *read_proof(trb_bytes text, struct trb_tlog_proof *ret)
{
	trb_bytes line;

	if (!take_line(&text, &line) || !trb_bytes_eq_str(line, PROOF_HEAD))
		return "the first line is not " PROOF_HEAD;
	if (!take_line(&text, &line))
		return "no index";
	if (take_word(&line, "extra ")) {
		_cleanup_(trb_blob_unrefp) trb_blob *extra = NULL;

		if (trb_base64_decode(line, TRB_NOTE_MAX, &extra, NULL) < 0)
			return "extra is not canonical base64";
		if (!take_line(&text, &line))
			return "no index";
	}
	if (!take_word(&line, "index ") || !read_decimal(line, &ret->index))
		return "no index";
	for (;;) {
		if (!take_line(&text, &line))
			return "no blank line behind the hashes";
		if (line.len == 0)
			break;
		if (ret->n == 64)
			return "more than 64 hashes";
		if (!trb_base64_decode_exact(line, ret->hashes[ret->n++], 32))
			return "a hash is not canonical base64 of 32 bytes";
	}
	ret->checkpoint = text;
	return text.len > 0 ? NULL : "no checkpoint";
}

int trb_tlog_proof_parse(trb_bytes text, struct trb_tlog_proof *ret, trb_error **err)
{
	struct trb_tlog_proof made = { .n = 0 };
	const char *why;

	if (text.len > 3 * TRB_NOTE_MAX)
		return trb_fail(err, TRB_E_LIMIT, "the proof is larger than %u bytes",
				3 * TRB_NOTE_MAX);
	why = read_proof(text, &made);
	if (why != NULL)
		return trb_fail(err, TRB_E_FORMAT, "malformed proof: %s", why);
	*ret = made;
	return TRB_OK;
}

void trb_tlog_proof_put(struct trb_buf *b, const struct trb_tlog_proof *proof)
{
	trb_buf_addf(b, "%s\nindex %llu\n", PROOF_HEAD, (unsigned long long)proof->index);
	for (size_t i = 0; i < proof->n; i++) {
		trb_base64_put(b, TRB_BYTES(proof->hashes[i], 32));
		trb_buf_add_byte(b, '\n');
	}
	trb_buf_add_byte(b, '\n');
	trb_buf_add(b, proof->checkpoint);
}
