/* SPDX-License-Identifier: Apache-2.0 */
/* The intake's insides. */
#ifndef TRB_HOST_INTAKE_FILE_H
#define TRB_HOST_INTAKE_FILE_H

#include <openssl/evp.h>

#include "core/io.h"
#include "format/control.h"
#include "host/intake.h"
#include "host/stream.h"

#define TRB_UNATTESTED "unattested"

#define TRB_KINDS 2 /* enum trb_file_kind */

struct intake_file {
	uint64_t kind, size;
	char *name;
	int fd;          /* -1: dropped */
	char *temporary; /* its name in the output directory, where the file system cannot do
			    without */
	uint8_t digest[TRB_SHA256_LEN];
	bool whole;
	bool program; /* of an artifact: as attested */
	int parent;   /* the directory that it goes into, open while it is installed; else 0 */
	char *staged; /* its name there before the last step */
};

struct intake_stream {
	int fd;
	struct trb_reader head;
	EVP_MD_CTX *hash; /* NULL until the head was read */
	size_t file;      /* index into files */
	uint64_t left;
};

struct trb_intake {
	int dirfd;
	bool open[TRB_KINDS];
	uint64_t bytes;
	size_t n_files;
	struct intake_file files[TRB_KINDS * TRB_ARTIFACTS_MAX];
	struct intake_stream streams[TRB_INTAKE_STREAMS];
};

/* A file without a name in the file system of dirfd. */
int trb_intake_file_open(int dirfd, struct intake_file *file, trb_error **err);
void trb_intake_file_clear(int dirfd, struct intake_file *file);

#endif
