/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing an artifact against 'openssl dgst -sha256' of the same file. */
#ifndef TRB_BENCH_HASHING_H
#define TRB_BENCH_HASHING_H

#include <stddef.h>

/* openssl's CPU time over ours, the median over rounds: above 1 is faster.  Negative where
 * something failed. */
double hashing_ratio(size_t rounds);

#endif
