/* SPDX-License-Identifier: Apache-2.0 */
/* Standard, padded base64 (RFC 4648 section 4); only the canonical spelling is read. */
#ifndef TRB_FORMAT_BASE64_H
#define TRB_FORMAT_BASE64_H

#include "core/buffer.h"

void trb_base64_put(struct trb_buf *b, trb_bytes bytes);
/* At most max bytes.  Errors: TRB_E_FORMAT where text is not canonical, TRB_E_LIMIT, TRB_E_NOMEM.
 */
int trb_base64_decode(trb_bytes text, size_t max, trb_blob **ret, trb_error **err);
/* Exactly n bytes into out. */
bool trb_base64_decode_exact(trb_bytes text, uint8_t *out, size_t n);

#endif
