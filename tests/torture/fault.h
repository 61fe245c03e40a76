/* SPDX-License-Identifier: Apache-2.0 */
/* The n-th call fails: link-time wraps (--wrap) for what this project calls itself, hooks for
 * libcbor, cJSON and OpenSSL. */
#ifndef TRB_TESTS_FAULT_H
#define TRB_TESTS_FAULT_H

#include <stdbool.h>

enum fault {
	FAULT_MEMORY,  /* malloc() and its kin, in the library, libcbor and cJSON: they give NULL */
	FAULT_OPENSSL, /* OpenSSL's allocations */
	FAULT_READ,    /* read() and pread(): EIO */
	FAULT_EINTR,   /* the same: EINTR, once */
};

/* Before anything else in the process. */
void fault_init(void);
/* The n-th fallible call of this kind fails from now on, n from 1. */
void fault_arm(enum fault kind, unsigned n);
/* Whether one has failed; no more will. */
bool fault_disarm(void);

#endif
