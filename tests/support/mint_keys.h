/* SPDX-License-Identifier: Apache-2.0 */
/* The forge's own rooms. */
#ifndef TRB_TESTS_MINT_KEYS_H
#define TRB_TESTS_MINT_KEYS_H

#include "mint.h"

EVP_PKEY *mint_key_p384(void);
/* The certificate of the document's key, issued by the forge's authority. */
trb_blob *mint_leaf(const struct mint *f, EVP_PKEY *key);
/* Fills checkpoint and logs[]. */
void mint_log(const struct mint *f, struct mint_parts *parts);

#endif
