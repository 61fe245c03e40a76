/* SPDX-License-Identifier: Apache-2.0 */
/* Names and public keys of logs and witnesses. */
#include "core/cleanup.h"
#include "core/error.h"
#include "format/base64.h"
#include "format/ec.h"
#include "format/facts.h"
#include "format/note.h"

/* Unicode's White_Space beyond ASCII, in UTF-8. */
static const char *const spaces[] = {
	"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
	"\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
	"\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
	"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
};

const char *trb_key_name_fault(trb_bytes name)
{
	if (name.len == 0)
		return "a key's name is empty";
	if (name.len > TRB_KEY_NAME)
		return "a key's name is longer than 255 bytes";
	if (!trb_utf8_valid(name))
		return "a key's name is not UTF-8";
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] <= 0x20 || name.ptr[i] == 0x7f || name.ptr[i] == '+')
			return "a key's name has a space, a control character or a plus sign";
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
		if (memmem(name.ptr, name.len, spaces[i], strlen(spaces[i])) != NULL)
			return "a key's name has a space";
	return NULL;
}

/* SHA-256 of name, newline, type and key; for ECDSA of the key alone (signed-note, "Signatures"
 * and Rekor's practice). */
static int key_id(const struct trb_vkey *key, uint32_t *ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf in = { 0 };
	uint8_t hash[32];
	int r;

	trb_buf_init(&in, TRB_VKEY_MAX);
	if (key->type != TRB_KEY_ECDSA) {
		trb_buf_add_str(&in, key->name);
		trb_buf_add_byte(&in, '\n');
		trb_buf_add_byte(&in, (uint8_t)key->type);
	}
	trb_buf_add(&in, TRB_BYTES(key->key, key->len));
	r = trb_buf_check(&in, "a key", err);
	if (r == TRB_OK)
		r = trb_sha256(trb_buf_bytes(&in), hash, err);
	if (r == TRB_OK)
		*ret = (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 |
		       hash[3];
	return r;
}

int trb_vkey_make(const char *name, enum trb_key_type type, trb_bytes key, struct trb_vkey *ret,
		  trb_error **err)
{
	const char *why = trb_key_name_fault(trb_bytes_str(name));
	struct trb_vkey made = { .type = type, .len = key.len };
	trb_bytes point;
	int r;

	if (why != NULL)
		return trb_fail(err, TRB_E_FORMAT, "%s", why);
	if (type == TRB_KEY_ECDSA && !trb_p256_spki_point(key, &point))
		return trb_fail(err, TRB_E_UNSUPPORTED,
				"the ECDSA key of '%s' is not an uncompressed one on P-256", name);
	if (type != TRB_KEY_ECDSA && key.len != 32)
		return trb_fail(err, TRB_E_FORMAT, "the key of '%s' has %zu bytes", name, key.len);
	memcpy(made.name, name, strlen(name) + 1);
	memcpy(made.key, key.ptr, key.len);
	r = key_id(&made, &made.id, err);
	if (r == TRB_OK)
		*ret = made;
	return r;
}

static bool split_vkey(trb_bytes text, trb_bytes *name, trb_bytes *id, trb_bytes *key)
{
	const uint8_t *plus = text.len > 0 ? memchr(text.ptr, '+', text.len) : NULL;

	if (plus == NULL)
		return false;
	*name = trb_bytes_take(&text, (size_t)(plus - text.ptr));
	trb_bytes_take(&text, 1);
	if (text.len < 9 || text.ptr[8] != '+')
		return false;
	*id = trb_bytes_take(&text, 8);
	trb_bytes_take(&text, 1);
	*key = text;
	return true;
}

static bool id_of_hex(trb_bytes hex, uint32_t *ret)
{
	uint8_t b[4];

	for (size_t i = 0; i < hex.len; i++)
		if (hex.ptr[i] >= 'A' && hex.ptr[i] <= 'F')
			return false;
	if (!trb_hex_decode(hex, b, 4))
		return false;
	*ret = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	return true;
}

int trb_vkey_parse(trb_bytes text, struct trb_vkey *ret, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *blob = NULL;
	trb_bytes name, hex, base64, key;
	char owned[TRB_KEY_NAME + 1] = "";
	struct trb_vkey made;
	const char *why;
	uint32_t id;
	int r;

	if (text.len > TRB_VKEY_MAX || !split_vkey(text, &name, &hex, &base64) ||
	    !id_of_hex(hex, &id))
		return trb_fail(err, TRB_E_FORMAT, "a key must have the form name+id+base64");
	why = trb_key_name_fault(name);
	if (why != NULL)
		return trb_fail(err, TRB_E_FORMAT, "%s", why);
	memcpy(owned, name.ptr, name.len);
	r = trb_base64_decode(base64, TRB_VKEY_MAX, &blob, err);
	if (r < 0)
		return trb_wrap(err, r, "the key of '%s'", owned);
	key = trb_blob_bytes(blob);
	if (key.len < 1)
		return trb_fail(err, TRB_E_FORMAT, "the key of '%s' is empty", owned);
	switch (key.ptr[0]) {
	case TRB_KEY_ED25519:
	case TRB_KEY_ECDSA:
	case TRB_KEY_COSIGNATURE:
		break;
	default:
		return trb_fail(err, TRB_E_UNSUPPORTED,
				"the key of '%s' has type %u; known are 1, 2 and 4", owned,
				key.ptr[0]);
	}
	r = trb_vkey_make(owned, (enum trb_key_type)key.ptr[0], TRB_BYTES(key.ptr + 1, key.len - 1),
			  &made, err);
	if (r < 0)
		return r;
	if (made.id != id)
		return trb_fail(err, TRB_E_FORMAT, "the id of the key of '%s' is not the key's",
				owned);
	*ret = made;
	return TRB_OK;
}

void trb_vkey_put(struct trb_buf *b, const struct trb_vkey *key)
{
	uint8_t bytes[1 + TRB_VKEY_BYTES] = { (uint8_t)key->type };

	memcpy(bytes + 1, key->key, key->len);
	trb_buf_addf(b, "%s+%08x+", key->name, (unsigned)key->id);
	trb_base64_put(b, TRB_BYTES(bytes, key->len + 1));
}

bool trb_vkey_eq(const struct trb_vkey *a, const struct trb_vkey *b)
{
	return a->type == b->type && strcmp(a->name, b->name) == 0 &&
	       trb_bytes_eq(TRB_BYTES(a->key, a->len), TRB_BYTES(b->key, b->len));
}
