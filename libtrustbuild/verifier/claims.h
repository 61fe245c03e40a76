/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of a verified build.  Made by verify.c alone, after the last check. */
#ifndef TRB_VERIFIER_CLAIMS_H
#define TRB_VERIFIER_CLAIMS_H

#include <stdatomic.h>

#include <trustbuild/verify.h>

#include "format/facts.h"

struct trb_claims {
	atomic_uint refs;
	int assurance;
	char *artifact, *repository, *ref, *runtime, *measurement, *log, *module_id;
	char *location; /* NULL: the repository was not redirected */
	char *cpu_model;
	char commit[65], tip[65], tag[65]; /* empty where there is none */
	uint64_t size, relation, steps, cpus, memory_mib, n_materials;
	uint8_t materials[32];
	uint8_t digest[32], source[32], recipe[32];
	bool recipe_from_tree;
	trb_attestation *attestation;
	uint64_t time_s, witnessed_s, log_index;
	size_t n_witnesses; /* that vouched and were asked for */
};

#endif
