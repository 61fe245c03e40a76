/* SPDX-License-Identifier: Apache-2.0 */
/* What a running enclave is seen by on the host. */
#ifndef TRB_TESTS_TRACES_H
#define TRB_TESTS_TRACES_H

#include <stddef.h>

size_t trace_matches(const char *pattern);
/* Processes whose root is the userland of this state directory's cache, and its launchers. */
size_t trace_processes(const char *state_dir);
/* Cgroups of this process's launchers, and of those that are gone: others' may be running. */
size_t trace_groups(void);
/* What a file of this process's enclave's cgroup says, in whichever layout; 0: there is none. */
unsigned long long trace_group(const char *file);

#endif
