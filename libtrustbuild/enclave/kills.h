/* SPDX-License-Identifier: Apache-2.0 */
/* Out-of-memory kills: a compiler that is killed inside a configure script only turns a feature
 * off, and makes another A without a word. */
#ifndef TRB_ENCLAVE_KILLS_H
#define TRB_ENCLAVE_KILLS_H

#include "core/bytes.h"
#include "core/error.h"

/* Where the kernel counts them: this control group's, and where there is none to be seen the
 * system's. */
#define TRB_KILLS_GROUP  "/sys/fs/cgroup/memory.events"
#define TRB_KILLS_SYSTEM "/proc/vmstat"

/* How many there were so far.  Errors: TRB_E_UNSUPPORTED where neither file counts them,
 * TRB_E_NOMEM. */
int trb_kills_count(const char *group, const char *system, uint64_t *ret, trb_error **err);

#endif
