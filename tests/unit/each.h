/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of y_ and n_ vectors (tests/vectors/make_facts writes them). */
#ifndef TRB_TESTS_EACH_H
#define TRB_TESTS_EACH_H

#include "support.h"

/* Calls take for each file of tests/vectors/KIND: y_* must give TRB_OK, n_* TRB_E_FORMAT or
 * TRB_E_LIMIT; an empty folder fails. */
void test_each_vector(const char *kind, int (*take)(const char *name, trb_bytes in));
/* For takers: x must have come back from decoding and encoding as it was. */
void test_same(const char *name, trb_bytes in, trb_blob *again);

#endif
