/* SPDX-License-Identifier: Apache-2.0 */
/* What tb-sandbox-init writes (docs/spec/sandbox.md): from inside the sandbox, so hostile. */
#ifndef TRB_ENCLAVE_RECORDS_H
#define TRB_ENCLAVE_RECORDS_H

#include "enclave/sandbox_wire.h"
#include "format/facts.h"

struct trb_build_file {
	char *name;
	uint64_t size;
	int fd; /* sealed memory file */
	bool program;
};

struct trb_records {
	/* set by the owner */
	uint64_t max_bytes; /* of all files together */
	bool (*wanted)(const char *name, void *user);
	void (*command)(uint32_t index, void *user);
	void *user;
	/* what came */
	size_t n_files;
	struct trb_build_file *files; /* malloc()ed, TRB_ARTIFACTS_MAX */
	uint8_t last;                 /* the last record's type, 0: none yet */
	uint32_t index;
	uint64_t value;
	char text[512];
	/* private */
	uint8_t head[TRB_RECORD_HEAD];
	size_t have;
	uint64_t body, left, total;
	struct trb_buf name;
	struct trb_build_file file;
};
int trb_records_init(struct trb_records *r, trb_error **err);
void trb_records_clear(struct trb_records *r);
/* Errors: TRB_E_FORMAT for what tb-sandbox-init does not write, TRB_E_LIMIT, TRB_E_IO. */
int trb_records_feed(struct trb_records *r, trb_bytes in, trb_error **err);
/* Whether the stream ended between two records, after a last one. */
bool trb_records_whole(const struct trb_records *r);

#endif
