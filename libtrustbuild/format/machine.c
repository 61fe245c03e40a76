/* SPDX-License-Identifier: Apache-2.0 */
/* What the build sees of the machine: its form. */
#include "core/error.h"
#include "format/fact_cbor.h"

enum { CPUS, MEMORY, MODEL, FIELDS };

int trb_machine_check(const struct trb_machine *m, const char *what, trb_error **err)
{
	if (m->cpus < 1 || m->cpus > TRB_MACHINE_CPUS)
		return trb_fail(err, TRB_E_FORMAT, "%s: no build has %llu CPUs, but 1 to %u", what,
				(unsigned long long)m->cpus, TRB_MACHINE_CPUS);
	if (m->memory_mib < 1 || m->memory_mib > TRB_AMOUNT_MAX)
		return trb_fail(err, TRB_E_FORMAT, "%s: no build has %llu MiB of memory", what,
				(unsigned long long)m->memory_mib);
	return trb_fact_fault(what, trb_word_fault(m->model), err);
}

int trb_machine_suffices(uint64_t memory_mib, uint64_t wanted_mib, trb_error **err)
{
	if (memory_mib >= wanted_mib)
		return TRB_OK;
	return trb_fail_check(
		err, TRB_E_LIMIT, "sandbox.machine",
		"the build sees %llu MiB of memory, and the recipe's limits.memory_mib "
		"is %llu: give the enclave more memory, or set the limit lower",
		(unsigned long long)memory_mib, (unsigned long long)wanted_mib);
}

int trb_cbor_machine(const cbor_item_t *item, const char *what, struct trb_machine *ret,
		     trb_error **err)
{
	struct trb_machine m;
	cbor_item_t **v;
	size_t n;
	int r = trb_cbor_array(item, FIELDS, FIELDS, what, &v, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_uint(v[CPUS], TRB_MACHINE_CPUS, what, &m.cpus, err);
	if (r == TRB_OK)
		r = trb_cbor_uint(v[MEMORY], TRB_AMOUNT_MAX, what, &m.memory_mib, err);
	if (r == TRB_OK)
		r = trb_cbor_tstr(v[MODEL], 1, 128, what, &m.model, err);
	if (r == TRB_OK)
		r = trb_machine_check(&m, what, err);
	if (r == TRB_OK)
		*ret = m;
	return r;
}

void trb_cbor_put_machine(struct trb_buf *b, const struct trb_machine *m)
{
	trb_cbor_put_array(b, FIELDS);
	trb_cbor_put_uint(b, m->cpus);
	trb_cbor_put_uint(b, m->memory_mib);
	trb_cbor_put_tstr(b, m->model);
}
