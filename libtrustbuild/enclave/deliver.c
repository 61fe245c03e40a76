/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves the enclave: files, one a stream, and the parts of the bundle. */
#include <openssl/evp.h>
#include <poll.h>
#include <sys/socket.h>

#include "core/channel.h"
#include "core/io.h"
#include "enclave/talk.h"
#include "format/crypto.h"
#include "format/dsse.h"

#define BLOCK 65536u

/* Sends while the host is listened to, so that a cancel is not lost behind a big file. */
static int send_block(struct trb_enclave *e, int fd, trb_bytes block, trb_error **err)
{
	while (block.len > 0) {
		ssize_t n;
		int r = trb_enclave_wait(e, fd, POLLOUT, err);

		if (r < 0)
			return r;
		n = send(fd, block.ptr, block.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return trb_fail_errno(err, errno, "send a file");
		if (n > 0)
			trb_bytes_take(&block, (size_t)n);
	}
	return TRB_OK;
}

/* The digest is of the bytes that are sent, read once. */
static int send_content(struct trb_enclave *e, int fd, int file, uint64_t size, uint8_t digest[32],
			trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *md = EVP_MD_CTX_new();
	_cleanup_free_ uint8_t *block = malloc(BLOCK);
	int r = TRB_OK;

	if (md == NULL || block == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		return trb_fail_nomem(err);
	for (uint64_t done = 0; done < size && r == TRB_OK;) {
		size_t n = size - done < BLOCK ? (size_t)(size - done) : BLOCK;

		r = trb_pread_full(file, block, n, done, err);
		if (r == TRB_OK && EVP_DigestUpdate(md, block, n) != 1)
			r = trb_fail_nomem(err);
		if (r == TRB_OK)
			r = send_block(e, fd, TRB_BYTES(block, n), err);
		done += n;
	}
	if (r == TRB_OK && EVP_DigestFinal_ex(md, digest, NULL) != 1)
		r = trb_fail_nomem(err);
	return r;
}

static int wait_stored(struct trb_enclave *e, int fd, trb_error **err)
{
	uint8_t answer = 0;
	ssize_t n;
	int r = trb_enclave_wait(e, fd, POLLIN, err);

	if (r < 0)
		return r;
	do
		n = read(fd, &answer, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1 || answer != TRB_FILE_STORED)
		return trb_fail(err, TRB_E_IO, "the host did not store the file");
	return TRB_OK;
}

static int stream_file(struct trb_enclave *e, const struct trb_file_head *head, int file,
		       uint8_t digest[32], trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *frame = NULL;
	_cleanup_close_ int fd = -1;
	int r = trb_file_head_encode(head, &frame, err);

	if (r == TRB_OK)
		r = trb_stream_connect(e->transport, TRB_PORT_ARTIFACT, TRB_ENCLAVE_WAIT_MS, &fd,
				       err);
	if (r == TRB_OK)
		r = trb_frame_send(fd, trb_blob_bytes(frame), TRB_FILE_HEAD_MAX,
				   TRB_ENCLAVE_WAIT_MS, err);
	if (r == TRB_OK)
		r = send_content(e, fd, file, head->size, digest, err);
	return r == TRB_OK ? wait_stored(e, fd, err) : r;
}

int trb_enclave_stream_files(struct trb_enclave *e, const trb_build *build, unsigned kind,
			     struct trb_artifacts *ret, trb_error **err)
{
	size_t n = trb_build_count_files(build);
	_cleanup_free_ struct trb_artifact *all = calloc(n + 1, sizeof(*all));

	if (all == NULL)
		return trb_fail_nomem(err);
	for (size_t i = 0; i < n; i++) {
		const char *name = trb_build_get_file_name(build, i);
		const struct trb_file_head head = { kind, trb_bytes_str(name),
						    trb_build_get_file_size(build, i) };
		int r = stream_file(e, &head, trb_build_get_file_fd(build, i), all[i].digest, err);

		if (r < 0)
			return trb_wrap(err, r, "hand out '%s'", name);
		all[i].name = head.name;
		all[i].size = head.size;
		all[i].mode = trb_build_is_program(build, i) ? TRB_MODE_PROGRAM : TRB_MODE_PLAIN;
	}
	if (ret != NULL)
		*ret = (struct trb_artifacts){ .n = n, .entries = steal_ptr(&all) };
	return TRB_OK;
}

static int send_part(struct trb_enclave *e, enum trb_result_part part, const trb_blob *blob,
		     trb_error **err)
{
	trb_bytes left = trb_blob_bytes(blob);
	int r;

	do {
		size_t n = left.len < TRB_CONTROL_CHUNK ? left.len : TRB_CONTROL_CHUNK;
		struct trb_control msg = { .type = TRB_MSG_RESULT };

		msg.u.result.part = part;
		msg.u.result.bytes = trb_bytes_take(&left, n);
		msg.u.result.last = left.len == 0;
		r = trb_enclave_send(e, &msg, err);
	} while (r == TRB_OK && left.len > 0);
	return r;
}

int trb_enclave_send_result(struct trb_enclave *e, trb_error **err)
{
	const struct trb_evidence *ev = &e->evidence;
	const struct {
		enum trb_result_part part;
		const trb_blob *blob;
	} parts[] = {
		{ TRB_PART_ENVIRONMENT, ev->environment }, { TRB_PART_ARTIFACTS, ev->artifacts },
		{ TRB_PART_ATTESTATION, ev->attestation }, { TRB_PART_STATEMENT, ev->statement },
		{ TRB_PART_SIGNATURE, ev->signature },     { TRB_PART_MATERIALS, ev->materials },
	};
	int r = TRB_OK;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && r == TRB_OK; i++)
		if (parts[i].blob != NULL)
			r = send_part(e, parts[i].part, parts[i].blob, err);
	return r;
}
