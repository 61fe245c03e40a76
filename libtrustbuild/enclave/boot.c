/* SPDX-License-Identifier: Apache-2.0 */
/* What happens before the host is asked what it wants. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#include <trustbuild/attestation.h>

#include "core/channel.h"
#include "core/clock.h"
#include "core/io.h"
#include "enclave/client.h"

TRB_DEFINE_CLEANUP(trb_attestation *, trb_attestation_unref);

#define SEED_BYTES   512
#define HASH_WAIT_MS 120000
#define HEX_DIGEST   64

/* A document that is thrown away tells the time and PCR0. */
static int ask_time(struct trb_enclave *e, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *bytes = NULL;
	_cleanup_(trb_attestation_unrefp) trb_attestation *doc = NULL;
	trb_bytes pcr0;
	int r = trb_nsm_attest(e->nsm, TRB_BYTES_NULL, TRB_BYTES_NULL, TRB_BYTES_NULL, &bytes, err);

	if (r == TRB_OK)
		r = trb_attestation_parse(trb_blob_bytes(bytes), &doc, err);
	if (r < 0)
		return trb_wrap(err, r, "ask the NSM for the time");
	pcr0 = trb_attestation_get_pcr(doc, 0);
	if (pcr0.len != sizeof(e->pcr0))
		return trb_fail(err, TRB_E_FORMAT, "the NSM's document has no PCR0");
	memcpy(e->pcr0, pcr0.ptr, pcr0.len);
	return trb_clock_start(&e->clock, trb_attestation_get_timestamp_ms(doc), err);
}

/* --- the root file system's digest --- */

static int start_hasher(struct trb_enclave *e, trb_error **err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int input = open(e->rootfs, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *const argv[] = { (char *)"tb-digest", NULL }, *const envp[] = { NULL };
	int out[2], r;

	if (input < 0)
		return trb_fail_errno(err, errno, "open the root file system '%s'", e->rootfs);
	if (asprintf(&path, "%s/tb-digest", trb_context_get_libexec_dir(e->context)) < 0)
		return trb_fail_nomem(err);
	if (pipe2(out, O_CLOEXEC) < 0)
		return trb_fail_errno(err, errno, "pipe");
	r = trb_spawn(path, argv, envp, (const int[]){ input, out[1], -1 }, 3, &e->hasher, err);
	close(out[1]);
	e->hasher_out = out[0];
	return r;
}

static int read_claimed(struct trb_enclave *e, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;
	trb_error *cause = NULL;
	int r = trb_read_file(AT_FDCWD, e->rootfs_digest, 4096, &text, &cause);
	trb_bytes bytes;

	if (r == TRB_E_NOTFOUND) {
		trb_error_unref(cause);
		return TRB_OK;
	}
	if (r < 0) {
		if (err != NULL)
			*err = cause;
		return r;
	}
	bytes = trb_blob_bytes(text);
	if (bytes.len < HEX_DIGEST ||
	    !trb_hex_decode(trb_bytes_take(&bytes, HEX_DIGEST), e->digest, sizeof(e->digest)))
		return trb_fail(err, TRB_E_FORMAT, "'%s' holds no SHA-256", e->rootfs_digest);
	e->has_digest = true;
	return TRB_OK;
}

static int computed_digest(struct trb_enclave *e, uint8_t ret[32], trb_error **err)
{
	int64_t deadline = trb_deadline(HASH_WAIT_MS);
	char hex[HEX_DIGEST];
	size_t len = 0;

	while (len < sizeof(hex)) {
		ssize_t got;
		int r = trb_wait_fd(e->hasher_out, POLLIN, deadline, err);

		if (r < 0)
			return r;
		got = read(e->hasher_out, hex + len, sizeof(hex) - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return trb_fail(err, TRB_E_IO, "the root file system cannot be hashed");
		len += (size_t)got;
	}
	trb_child_kill(&e->hasher);
	if (!trb_hex_decode(TRB_BYTES(hex, sizeof(hex)), ret, 32))
		return trb_fail(err, TRB_E_IO, "the root file system cannot be hashed");
	return TRB_OK;
}

int trb_enclave_rootfs_digest(struct trb_enclave *e, uint8_t ret[32], trb_error **err)
{
	int r = TRB_OK;

	if (!e->has_digest)
		r = computed_digest(e, e->digest, err);
	if (r == TRB_OK)
		memcpy(ret, e->digest, sizeof(e->digest));
	return r;
}

int trb_enclave_rootfs_confirm(struct trb_enclave *e, trb_error **err)
{
	uint8_t computed[32];
	int r;

	if (e->hasher.pid <= 0)
		return TRB_OK; /* it was computed in the first place */
	r = computed_digest(e, computed, err);
	if (r == TRB_OK && memcmp(computed, e->digest, sizeof(computed)) != 0)
		r = trb_fail(err, TRB_E_MEASUREMENT,
			     "the root file system is not the one that '%s' names",
			     e->rootfs_digest);
	return r;
}

int trb_enclave_boot(struct trb_enclave *e, trb_error **err)
{
	int r = trb_machine_read(&e->machine, err);

	if (r == TRB_OK)
		r = start_hasher(e, err);
	if (r == TRB_OK)
		r = read_claimed(e, err);
	if (r == TRB_OK)
		r = trb_nsm_open(e->nsm_name, e->transport, &e->nsm, err);
	if (r == TRB_OK)
		r = trb_nsm_seed(e->nsm, e->pool, SEED_BYTES, err);
	return r == TRB_OK ? ask_time(e, err) : r;
}
