/* SPDX-License-Identifier: Apache-2.0 */
/* Our reader of certificates against OpenSSL's. */
#ifndef TRB_TESTS_AGREE_H
#define TRB_TESTS_AGREE_H

#include <openssl/x509.h>

#include "format/x509.h"

/* NULL where both read the same, or where ours refuses, which is then *ret_fault; else what they
 * read differently. */
const char *x509_disagreement(trb_bytes der, const char **ret_fault);
/* The same for what is already read, by either. */
const char *x509_compare(const struct trb_cert *ours, X509 *theirs);

#endif
