/* SPDX-License-Identifier: Apache-2.0 */
/* The n-th allocation of the whole process fails; and what was not given back. */
#ifndef TRB_TESTS_ALLOC_H
#define TRB_TESTS_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* Of the allocations that libcrypto makes, only each n-th counts from now on; of all others every
 * one does.  1: all count. */
void alloc_stride(unsigned n);
/* The n-th allocation from now on fails, n from 1; forever: and each one after it. */
void alloc_arm(unsigned n, bool forever);
/* Whether one has failed; no more will. */
bool alloc_disarm(void);

/* Between the two, blocks that are made and not freed are counted; frames: with where they were
 * made, for alloc_show_left(). */
void alloc_watch(bool frames);
size_t alloc_unwatch(void);
/* Shows, on standard output, those that are not OpenSSL's own matter; how many they are. */
size_t alloc_show_left(void);

#endif
