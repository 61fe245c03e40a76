/* SPDX-License-Identifier: Apache-2.0 */
/* What the build will see of the machine: the host chooses it, so it is a fact. */
#ifndef TRB_ENCLAVE_MACHINE_H
#define TRB_ENCLAVE_MACHINE_H

#include "format/facts.h"

struct trb_machine_read {
	uint64_t cpus, memory_mib;
	char model[TRB_WORD_MAX + 1];
};
/* CPUs that this process and its children may run on, memory that the system has or this control
 * group may use, whichever is less, and the first CPU's model.  Errors: TRB_E_IO, TRB_E_NOMEM. */
int trb_machine_read(struct trb_machine_read *ret, trb_error **err);
struct trb_machine trb_machine_view(const struct trb_machine_read *machine);

/* "model name" of /proc/cpuinfo as a word of the facts; "unknown" where there is none. */
void trb_cpu_model(trb_bytes cpuinfo, char ret[TRB_WORD_MAX + 1]);

#endif
