/* SPDX-License-Identifier: Apache-2.0 */
/* The median of some measurements. */
#ifndef TRB_BENCH_MEDIAN_H
#define TRB_BENCH_MEDIAN_H

#include <stddef.h>

/* Sorts the values. */
double median(double *values, size_t n);

#endif
