/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy lists: whether something is in it. */
#include "verifier/policy.h"

bool trb_texts_have(const struct trb_texts *texts, trb_bytes text)
{
	for (size_t i = 0; i < texts->n; i++)
		if (trb_bytes_eq_str(text, texts->list[i]))
			return true;
	return false;
}

bool trb_digests_have(const struct trb_digests *digests, const uint8_t digest[32])
{
	for (size_t i = 0; i < digests->n; i++)
		if (memcmp(digests->list[i], digest, 32) == 0)
			return true;
	return false;
}
