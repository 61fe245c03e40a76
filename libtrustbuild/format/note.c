/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes. */
#include "format/note.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "format/base64.h"
#include "format/crypto.h"
#include "format/dsse.h"
#include "format/facts.h"

#define ED25519_SIGNATURE 64

static const char dash[] = "\xe2\x80\x94 "; /* em dash, space */

void trb_note_clear(struct trb_note *note)
{
	free(note->owner);
	note->owner = NULL;
	note->n = 0;
}

/* "— name base64\n" without the newline; decoded bytes go to *to. */
static const char *read_signature(trb_bytes line, struct trb_note_signature *ret, uint8_t **to)
{
	const size_t head = sizeof(dash) - 1;
	const uint8_t *space;
	size_t n;

	if (line.len < head || memcmp(line.ptr, dash, head) != 0)
		return "a signature line must begin with an em dash and a space";
	trb_bytes_take(&line, head);
	space = line.len > 0 ? memchr(line.ptr, ' ', line.len) : NULL;
	if (space == NULL)
		return "a signature line must have a name and a signature";
	ret->name = trb_bytes_take(&line, (size_t)(space - line.ptr));
	if (trb_key_name_fault(ret->name) != NULL)
		return trb_key_name_fault(ret->name);
	trb_bytes_take(&line, 1);
	n = line.len / 4 * 3;
	for (size_t i = 1; i <= 2 && i <= line.len && line.ptr[line.len - i] == '='; i++)
		n--;
	if (line.len % 4 != 0 || n < 5 || !trb_base64_decode_exact(line, *to, n))
		return "a signature must be canonical base64 of a key id and more";
	ret->id = (uint32_t)(*to)[0] << 24 | (uint32_t)(*to)[1] << 16 | (uint32_t)(*to)[2] << 8 |
		  (*to)[3];
	ret->bytes = TRB_BYTES(*to + 4, n - 4);
	*to += n;
	return NULL;
}

static const char *read_signatures(trb_bytes lines, struct trb_note *note)
{
	uint8_t *to = note->owner;

	while (lines.len > 0) {
		const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
		const char *why;
		trb_bytes line;

		if (end == NULL)
			return "the last line does not end";
		if (note->n == TRB_NOTE_SIGNATURES)
			return "more than 100 signatures";
		line = trb_bytes_take(&lines, (size_t)(end - lines.ptr));
		trb_bytes_take(&lines, 1);
		why = read_signature(line, &note->signatures[note->n++], &to);
		if (why != NULL)
			return why;
	}
	return note->n > 0 ? NULL : "no signature";
}

/* The last blank line ends the text: what stands before it may have blank lines, too. */
static bool split_note(trb_bytes in, trb_bytes *text, trb_bytes *signatures)
{
	for (size_t i = in.len; i-- > 1;)
		if (in.ptr[i] == '\n' && in.ptr[i - 1] == '\n') {
			*text = TRB_BYTES(in.ptr, i);
			*signatures = TRB_BYTES(in.ptr + i + 1, in.len - i - 1);
			return true;
		}
	return false;
}

static const char *characters_fault(trb_bytes in)
{
	if (!trb_utf8_valid(in))
		return "not UTF-8";
	for (size_t i = 0; i < in.len; i++)
		if (in.ptr[i] < 0x20 && in.ptr[i] != '\n')
			return "control character";
	return NULL;
}

int trb_note_parse(trb_bytes in, struct trb_note *ret, trb_error **err)
{
	struct trb_note note = { .n = 0 };
	trb_bytes signatures = TRB_BYTES_NULL;
	const char *why;

	if (in.len > TRB_NOTE_MAX)
		return trb_fail(err, TRB_E_LIMIT, "the note is larger than %u bytes", TRB_NOTE_MAX);
	why = characters_fault(in);
	if (why == NULL && !split_note(in, &note.text, &signatures))
		why = "no blank line before the signatures";
	if (why != NULL)
		return trb_fail(err, TRB_E_FORMAT, "malformed note: %s", why);
	note.owner = malloc(in.len);
	if (note.owner == NULL)
		return trb_fail_nomem(err);
	why = read_signatures(signatures, &note);
	if (why != NULL) {
		trb_note_clear(&note);
		return trb_fail(err, TRB_E_FORMAT, "malformed note: %s", why);
	}
	*ret = note;
	return TRB_OK;
}

static int verify_ed25519_once(trb_bytes public, trb_bytes message, trb_bytes signature)
{
	EVP_PKEY *key;
	EVP_MD_CTX *ctx;
	int good = -1;

	trb_crypto_begin();
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public.ptr, public.len);
	ctx = EVP_MD_CTX_new();
	if (key != NULL && ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1)
		good = EVP_DigestVerify(ctx, signature.ptr, signature.len, message.ptr,
					message.len);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	trb_crypto_end();
	return good == 1 ? TRB_OK : good == 0 ? TRB_E_EVIDENCE : TRB_E_NOMEM;
}

/* OpenSSL gives 0 both for a signature that is not the key's and for want of memory, and what
 * errors it leaves tells nothing (3.0 leaves none, 3.5 the same for both): it has to refuse twice,
 * and has first to get memory again. */
static int verify_ed25519(trb_bytes public, trb_bytes message, trb_bytes signature)
{
	int r;

	if (signature.len != ED25519_SIGNATURE)
		return TRB_E_EVIDENCE;
	r = verify_ed25519_once(public, message, signature);
	return r == TRB_E_EVIDENCE ? verify_ed25519_once(public, message, signature) : r;
}

/* Out of memory is no verdict. */
static int verify_bytes(const struct trb_vkey *key, trb_bytes message, trb_bytes signature,
			bool *ret_good, trb_error **err)
{
	trb_bytes public = TRB_BYTES(key->key, key->len);
	uint8_t digest[32];
	int r;

	if (key->type != TRB_KEY_ECDSA) {
		r = verify_ed25519(public, message, signature);
	} else {
		r = trb_sha256(message, digest, err);
		if (r == TRB_OK)
			r = trb_p256_verify_der(public, digest, signature);
	}
	if (r == TRB_E_NOMEM)
		return trb_fail_nomem(err);
	*ret_good = r == TRB_OK;
	return TRB_OK;
}

/* u64be time, then Ed25519 over "cosignature/v1\ntime N\n" and the whole text. */
static int verify_cosignature(const struct trb_vkey *key, trb_bytes text, trb_bytes signature,
			      bool *ret_good, uint64_t *ret_time, trb_error **err)
{
	_cleanup_buf_ struct trb_buf message = { 0 };
	uint64_t time = 0;
	int r;

	*ret_good = false;
	if (signature.len != 8 + 64)
		return TRB_OK;
	for (size_t i = 0; i < 8; i++)
		time = time << 8 | signature.ptr[i];
	trb_buf_init(&message, TRB_NOTE_MAX + 64);
	trb_buf_addf(&message, "cosignature/v1\ntime %llu\n", (unsigned long long)time);
	trb_buf_add(&message, text);
	r = trb_buf_check(&message, "a cosigned note", err);
	if (r < 0)
		return r;
	*ret_time = time;
	return verify_bytes(key, trb_buf_bytes(&message),
			    TRB_BYTES(signature.ptr + 8, signature.len - 8), ret_good, err);
}

static bool is_of(const struct trb_note_signature *s, const struct trb_vkey *key)
{
	return s->id == key->id && trb_bytes_eq_str(s->name, key->name);
}

/* A line that stood there before says nothing new: a hundred of them cost one verification. */
static bool is_repeated(const struct trb_note *note, size_t i, const struct trb_vkey *key)
{
	for (size_t k = 0; k < i; k++)
		if (is_of(&note->signatures[k], key) &&
		    trb_bytes_eq(note->signatures[k].bytes, note->signatures[i].bytes))
			return true;
	return false;
}

int trb_note_verify(const struct trb_note *note, const struct trb_vkey *key, uint64_t *ret_time,
		    trb_error **err)
{
	uint64_t earliest = UINT64_MAX;
	bool found = false;

	for (size_t i = 0; i < note->n; i++) {
		const struct trb_note_signature *s = &note->signatures[i];
		uint64_t time = 0;
		bool good;
		int r;

		if (!is_of(s, key) || is_repeated(note, i, key))
			continue;
		r = key->type == TRB_KEY_COSIGNATURE
			    ? verify_cosignature(key, note->text, s->bytes, &good, &time, err)
			    : verify_bytes(key, note->text, s->bytes, &good, err);
		if (r < 0)
			return r;
		if (!good)
			return trb_fail(err, TRB_E_LOG, "bad signature of '%s'", key->name);
		found = true;
		earliest = time < earliest ? time : earliest;
	}
	if (!found)
		return trb_fail(err, TRB_E_NOTFOUND, "no signature of '%s'", key->name);
	if (ret_time != NULL)
		*ret_time = earliest;
	return TRB_OK;
}

int trb_note_sign(trb_bytes text, const char *name, EVP_PKEY *key, trb_blob **ret, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	_cleanup_buf_ struct trb_buf note = { 0 };
	uint8_t line[4 + 64], public[32];
	size_t n = 64, n_public = sizeof(public);
	struct trb_vkey vkey;
	int r;

	if (ctx == NULL || EVP_PKEY_get_raw_public_key(key, public, &n_public) != 1 ||
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(ctx, line + 4, &n, text.ptr, text.len) != 1 || n != 64)
		return trb_fail(err, TRB_E_NOMEM, "libcrypto cannot sign the note");
	r = trb_vkey_make(name, TRB_KEY_ED25519, TRB_BYTES(public, n_public), &vkey, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < 4; i++)
		line[i] = (uint8_t)(vkey.id >> (24 - 8 * i));
	trb_buf_init(&note, TRB_NOTE_MAX);
	trb_buf_add(&note, text);
	trb_buf_addf(&note, "\n%s%s ", dash, name);
	trb_base64_put(&note, TRB_BYTES(line, sizeof(line)));
	trb_buf_add_byte(&note, '\n');
	return trb_buf_to_blob(&note, "the note", ret, err);
}
