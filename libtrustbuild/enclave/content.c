/* SPDX-License-Identifier: Apache-2.0 */
/* Content from the host, held against the digest that was asked for. */
#include "enclave/content.h"

#include <poll.h>

#include <openssl/evp.h>

#include "core/channel.h"
#include "core/clock.h"
#include "core/io.h"
#include "format/control.h"
#include "format/crypto.h"

#define CHUNK 65536u

static int ask(int stream, const uint8_t sha256[32], uint64_t ceiling, int wait_ms,
	       uint64_t *ret_size, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *question = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *frame = NULL;
	struct trb_content_ask what = { .ceiling = ceiling };
	struct trb_content_answer answer;
	int r;

	memcpy(what.sha256, sha256, sizeof(what.sha256));
	r = trb_content_ask_encode(&what, &question, err);
	if (r == TRB_OK)
		r = trb_frame_send(stream, trb_blob_bytes(question), TRB_CONTENT_ASK_MAX, wait_ms,
				   err);
	if (r == TRB_OK)
		r = trb_frame_recv(stream, TRB_CONTENT_ANSWER_MAX, wait_ms, &frame, err);
	if (r == TRB_E_DONE)
		return trb_wrap(err, TRB_E_IO, "the host gave no answer");
	if (r == TRB_OK)
		r = trb_content_answer_decode(trb_blob_bytes(frame), &answer, err);
	if (r < 0)
		return r;
	if (!answer.there)
		return trb_fail(err, TRB_E_NOTFOUND, "the host has them not");
	if (answer.size > ceiling)
		return trb_fail(err, TRB_E_LIMIT,
				"the host announces %llu bytes, at most %llu were asked for",
				(unsigned long long)answer.size, (unsigned long long)ceiling);
	*ret_size = answer.size;
	return TRB_OK;
}

static int receive(int stream, EVP_MD_CTX *hash, uint64_t size, int wait_ms, int fd,
		   trb_error **err)
{
	while (size > 0) {
		uint8_t chunk[CHUNK];
		int r = trb_wait_fd(stream, POLLIN, trb_deadline(wait_ms), err);
		ssize_t got;

		if (r < 0)
			return r;
		got = read(stream, chunk, size < CHUNK ? (size_t)size : CHUNK);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return trb_fail_errno(err, errno, "receive content");
		if (got == 0)
			return trb_fail(err, TRB_E_IO, "the host's content ends %llu bytes early",
					(unsigned long long)size);
		if (EVP_DigestUpdate(hash, chunk, (size_t)got) != 1)
			return trb_fail_nomem(err);
		r = trb_write_full(fd, TRB_BYTES(chunk, got), err);
		if (r < 0)
			return r;
		size -= (uint64_t)got;
	}
	return TRB_OK;
}

static int receive_and_check(int stream, const uint8_t sha256[32], uint64_t size, int wait_ms,
			     int fd, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	uint8_t digest[32];
	int r = TRB_OK;

	if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
		r = trb_fail_nomem(err);
	if (r == TRB_OK)
		r = receive(stream, hash, size, wait_ms, fd, err);
	if (r == TRB_OK && EVP_DigestFinal_ex(hash, digest, NULL) != 1)
		r = trb_fail_nomem(err);
	if (r == TRB_OK && memcmp(digest, sha256, sizeof(digest)) != 0)
		r = trb_fail(err, TRB_E_FORMAT, "the host sent other bytes than were asked for");
	EVP_MD_CTX_free(hash);
	return r;
}

int trb_content_get(const char *transport, const uint8_t sha256[32], uint64_t ceiling, int wait_ms,
		    int fd, uint64_t *ret_size, trb_error **err)
{
	_cleanup_close_ int stream = -1;
	char name[65];
	uint64_t size;
	int r = trb_stream_connect(transport, TRB_PORT_CONTENT, wait_ms, &stream, err);

	if (r == TRB_OK)
		r = ask(stream, sha256, ceiling, wait_ms, &size, err);
	if (r == TRB_OK) {
		r = receive_and_check(stream, sha256, size, wait_ms, fd, err);
		if (r < 0 && ftruncate(fd, 0) < 0)
			r = trb_wrap(err, r, "and what came could not be dropped");
	}
	if (r == TRB_OK) {
		*ret_size = size;
		return TRB_OK;
	}
	trb_hex_encode(TRB_BYTES(sha256, 32), name);
	return trb_wrap(err, r, "content %s", name);
}
