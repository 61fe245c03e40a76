/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-1 that notices collision attacks. */
#include "format/sha1.h"

#include <stdalign.h>

#include "format/fetch.h"

int trb_sha1(trb_bytes head, trb_bytes body, uint8_t ret[20], trb_error **err)
{
	alignas(16) uint8_t state[TRB_SHA1DC_ROOM];
	uint8_t digest[20];

	SHA1DCInit(state);
	if (head.len > 0)
		SHA1DCUpdate(state, (const char *)head.ptr, head.len);
	if (body.len > 0)
		SHA1DCUpdate(state, (const char *)body.ptr, body.len);
	if (SHA1DCFinal(digest, state) != 0)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_OBJECT,
				      "SHA-1 shows the marks of a collision attack");
	memcpy(ret, digest, sizeof(digest));
	return TRB_OK;
}
