/* SPDX-License-Identifier: Apache-2.0 */
/* What was found and what was demanded, as a row of the report says it. */
#include "verifier/run.h"

struct trb_row_text trb_row_view(trb_bytes text)
{
	struct trb_row_text t;
	size_t n = text.len < sizeof(t.text) - 4 ? text.len : sizeof(t.text) - 4;

	if (n > 0)
		memcpy(t.text, text.ptr, n);
	t.text[n] = '\0';
	/* A cut text says so, and ends with a whole character. */
	if (n < text.len) {
		while (n > 0 && (text.ptr[n] & 0xc0) == 0x80)
			n--;
		memcpy(t.text + n, "...", 4);
	}
	return t;
}

struct trb_row_text trb_row_hex(trb_bytes bytes)
{
	struct trb_row_text t;

	if (bytes.len == 0)
		return trb_row_view(TRB_BYTES_LIT("(absent)"));
	trb_hex_encode(TRB_BYTES(bytes.ptr, bytes.len < 140 ? bytes.len : 140), t.text);
	return t;
}

struct trb_row_text trb_row_commit(const struct trb_commit *commit)
{
	return trb_row_hex(TRB_BYTES(commit->id, trb_commit_len(commit)));
}

struct trb_row_text trb_row_list(const struct trb_texts *texts)
{
	_cleanup_buf_ struct trb_buf b = { 0 };
	struct trb_row_text t;

	trb_buf_init(&b, 8192);
	for (size_t i = 0; i < texts->n && b.len < sizeof(t.text); i++)
		trb_buf_addf(&b, "%s%s", i > 0 ? ", " : "", texts->list[i]);
	return trb_row_view(trb_buf_bytes(&b));
}
