/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a filter refuses a system call, whatever rights the process has and whatever filters the
 * machine has put around it: with a first argument that nobody uses otherwise, each call is first
 * made to fail with a number that it never gives.  The kernel asks the newest filter first, so
 * that what is loaded afterwards, and only that, changes the number. */
#ifndef TRB_TESTS_MARKED_H
#define TRB_TESTS_MARKED_H

#include <stdbool.h>
#include <stddef.h>

#include <errno.h>

#define MARKED        EXDEV
#define MARK_ARGUMENT 0x5eed0001L

/* From now on, for this process: calls (NULL ends the list) with the argument fail as MARKED. */
bool marked_begin(const char *const *calls);
/* How many of them there are on this machine. */
size_t marked_known(const char *const *calls);
/* How many of them fail with this errno now; the others are named on standard error. */
size_t marked_count(const char *const *calls, int wanted);

#endif
