/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the kinds of logs (log_kind.h). */
#include "format/log_kind.h"

#include "format/merkle.h"

static int tlog_leaf(const struct trb_bundle_parts *p, trb_blob **ret, trb_error **err)
{
	const struct trb_leaf leaf = { .request = p->request,
				       .environment = p->environment,
				       .artifacts = p->artifacts,
				       .attestation = p->attestation,
				       .statement = p->statement };

	return trb_leaf_encode(&leaf, ret, err);
}

static int tlog_prove(const struct trb_bundle_log *entry, const struct trb_checkpoint *checkpoint,
		      trb_bytes leaf, trb_error **err)
{
	uint8_t hash[32];
	int r = trb_merkle_leaf(leaf, hash, err);

	return r < 0 ? r
		     : trb_merkle_check_inclusion(entry->index, checkpoint->size, hash,
						  entry->proof, entry->n_proof, checkpoint->root,
						  err);
}

const struct trb_log_kind trb_log_kind_tlog = { "tlog", tlog_leaf, tlog_prove };

static const struct trb_log_kind *const kinds[] = { &trb_log_kind_tlog };

const struct trb_log_kind *trb_log_kind_find(trb_bytes name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (trb_bytes_eq_str(name, kinds[i]->name))
			return kinds[i];
	return NULL;
}

const char *trb_log_kinds(void)
{
	return "tlog";
}
