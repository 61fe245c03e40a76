/* SPDX-License-Identifier: Apache-2.0 */
/* Base64, in its one spelling. */
#include "format/base64.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/error.h"

/* What one call of EVP_EncodeBlock() gets: its length is an int, its input a multiple of 3. */
#define CHUNK (3u << 20)

void trb_base64_put(struct trb_buf *b, trb_bytes bytes)
{
	while (bytes.len > 0) {
		trb_bytes chunk = trb_bytes_take(&bytes, bytes.len < CHUNK ? bytes.len : CHUNK);
		size_t n = (chunk.len + 2) / 3 * 4;
		/* EVP_EncodeBlock() writes a NUL behind the text */
		uint8_t *out = trb_buf_grow(b, n + 1);

		if (out == NULL)
			return;
		EVP_EncodeBlock(out, chunk.ptr, (int)chunk.len);
		b->len--;
	}
}

static int sextet(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The decoded length where text has the form of padded base64, else SIZE_MAX. */
static size_t decoded_len(trb_bytes text)
{
	size_t pad = 0;

	if (text.len % 4 != 0)
		return SIZE_MAX;
	while (pad < 2 && pad < text.len && text.ptr[text.len - 1 - pad] == '=')
		pad++;
	return text.len / 4 * 3 - pad;
}

/* OpenSSL's decoder skips blanks and forgives padding bits: one value would have many spellings. */
static bool decode(trb_bytes text, uint8_t *out, size_t n)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t done = 0;

	for (size_t i = 0; i < text.len && done < n; i++) {
		int v = sextet(text.ptr[i]);

		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		out[done++] = (uint8_t)(bits >> have);
		bits &= (1u << have) - 1;
	}
	return done == n && bits == 0;
}

bool trb_base64_decode_exact(trb_bytes text, uint8_t *out, size_t n)
{
	return decoded_len(text) == n && decode(text, out, n);
}

int trb_base64_decode(trb_bytes text, size_t max, trb_blob **ret, trb_error **err)
{
	_cleanup_free_ uint8_t *out = NULL;
	size_t n = decoded_len(text);

	if (n == SIZE_MAX)
		return trb_fail(err, TRB_E_FORMAT, "not padded base64");
	if (n > max)
		return trb_fail(err, TRB_E_LIMIT, "more than %zu bytes in base64", max);
	out = malloc(n > 0 ? n : 1);
	if (out == NULL)
		return trb_fail_nomem(err);
	if (!decode(text, out, n))
		return trb_fail(err, TRB_E_FORMAT, "not canonical base64");
	return trb_blob_adopt(steal_ptr(&out), n, ret, err);
}
