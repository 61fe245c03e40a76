/* SPDX-License-Identifier: Apache-2.0 */
/* A local log in a folder of its own. */
#ifndef TRB_TESTS_LOCAL_LOG_H
#define TRB_TESTS_LOCAL_LOG_H

#include <trustbuild/context.h>

#include "core/bytes.h"

/* The folder, the log below it, and how a backend is asked for it. */
extern char folder[64], *dir, *backend;
extern trb_context *context;

void local_log_set_up(void);
void local_log_tear_down(void);
/* Makes the log that backend names. */
void make_log(void);
/* Straight to the backend: any leaf will do. */
int append(trb_bytes leaf, uint64_t *ret_index, trb_error **err);
/* A leaf that has this number in it, at this index. */
uint64_t append_number(unsigned n);

#endif
