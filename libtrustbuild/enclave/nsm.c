/* SPDX-License-Identifier: Apache-2.0 */
/* The NSM, real or simulated, as the client asks it. */
#include "enclave/nsm.h"

#include <fcntl.h>
#include <linux/random.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "core/channel.h"
#include "core/error.h"
#include "core/io.h"
#include "format/control.h"

/* linux/nsm.h (Linux 6.8 and later): the same layout wherever pointers have 64 bits. */
struct nsm_iovec {
	uint64_t addr, len;
};
struct nsm_raw {
	struct nsm_iovec request, response;
};
#define NSM_IOCTL_RAW _IOWR(0x0A, 0x0, struct nsm_raw)
_Static_assert(NSM_IOCTL_RAW == 0xC0200A00, "the kernel's number");

#define STREAM_WAIT_MS 30000
#define SEED_CALLS     64

struct trb_nsm {
	int fd;
	int (*exchange)(struct trb_nsm *nsm, trb_bytes request, trb_blob **ret, trb_error **err);
};

static int exchange_device(struct trb_nsm *nsm, trb_bytes request, trb_blob **ret, trb_error **err)
{
	uint8_t buf[TRB_NSM_RESPONSE_MAX];
	struct nsm_raw raw = { { (uint64_t)(uintptr_t)request.ptr, request.len },
			       { (uint64_t)(uintptr_t)buf, sizeof(buf) } };

	if (ioctl(nsm->fd, NSM_IOCTL_RAW, &raw) < 0)
		return trb_fail_errno(err, errno, "ask the NSM");
	/* the kernel cuts silently: an answer that fills the buffer may have been longer, and is
	 * more than any NSM sends */
	if (raw.response.len >= sizeof(buf))
		return trb_fail(err, TRB_E_LIMIT, "the NSM's answer is too long");
	return trb_blob_new(TRB_BYTES(buf, raw.response.len), ret, err);
}

static int exchange_stream(struct trb_nsm *nsm, trb_bytes request, trb_blob **ret, trb_error **err)
{
	int r = trb_frame_send(nsm->fd, request, TRB_NSM_REQUEST_MAX, STREAM_WAIT_MS, err);

	if (r == TRB_OK)
		r = trb_frame_recv(nsm->fd, TRB_NSM_RESPONSE_MAX, STREAM_WAIT_MS, ret, err);
	return r == TRB_E_DONE ? TRB_E_IO : r;
}

static int open_device(struct trb_nsm *nsm, const char *path, trb_error **err)
{
	nsm->exchange = exchange_device;
	nsm->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (nsm->fd < 0)
		return trb_fail_errno(err, errno, "open the NSM '%s'", path);
	/* the driver makes it 0666: nobody but this process is to have it */
	if (fchmod(nsm->fd, 0600) < 0)
		return trb_fail_errno(err, errno, "close the NSM '%s' to others", path);
	return TRB_OK;
}

int trb_nsm_open(const char *name, const char *transport, struct trb_nsm **ret, trb_error **err)
{
	_cleanup_(trb_nsm_freep) struct trb_nsm *nsm = calloc(1, sizeof(*nsm));
	int r;

	if (nsm == NULL)
		return trb_fail_nomem(err);
	nsm->fd = -1;
	if (name[0] == '/') {
		r = open_device(nsm, name, err);
	} else if (strcmp(name, "softnsm") == 0) {
		nsm->exchange = exchange_stream;
		r = trb_stream_connect(transport, TRB_PORT_NSM, STREAM_WAIT_MS, &nsm->fd, err);
	} else {
		r = trb_fail(err, TRB_E_INVAL, "nsm '%s' is neither a device nor softnsm", name);
	}
	if (r == TRB_OK)
		*ret = steal_ptr(&nsm);
	return r;
}

struct trb_nsm *trb_nsm_free(struct trb_nsm *nsm)
{
	if (nsm != NULL && nsm->fd >= 0)
		close(nsm->fd);
	free(nsm);
	return NULL;
}

int trb_nsm_call(struct trb_nsm *nsm, const struct trb_nsm_request *request,
		 struct trb_nsm_response *ret, trb_blob **ret_owner, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *asked = NULL, *answer = NULL, *owner = NULL;
	struct trb_nsm_response response;
	int r = trb_nsm_request_encode(request, &asked, err);

	if (r == TRB_OK)
		r = nsm->exchange(nsm, trb_blob_bytes(asked), &answer, err);
	if (r == TRB_OK)
		r = trb_nsm_response_decode(trb_blob_bytes(answer), request->op, &response, &owner,
					    err);
	if (r < 0)
		return trb_wrap(err, r, "the NSM does not answer");
	if (response.error != TRB_NSM_SUCCESS)
		return trb_fail(err, TRB_E_IO, "the NSM refuses with %s",
				trb_nsm_error_name(response.error));
	*ret = response;
	*ret_owner = steal_ptr(&owner);
	return TRB_OK;
}

static int take_random(struct trb_nsm *nsm, int pool, size_t *got, trb_error **err)
{
	const struct trb_nsm_request request = { .op = TRB_NSM_GET_RANDOM };
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_nsm_response response;
	int r = trb_nsm_call(nsm, &request, &response, &owner, err);

	if (r < 0)
		return r;
	RAND_add(response.data.ptr, (int)response.data.len, (double)response.data.len);
	r = trb_write_full(pool, response.data, err);
	*got += response.data.len;
	OPENSSL_cleanse((void *)(uintptr_t)response.data.ptr, response.data.len);
	return r;
}

int trb_nsm_seed(struct trb_nsm *nsm, const char *pool, size_t n, trb_error **err)
{
	_cleanup_close_ int fd = open(pool, O_WRONLY | O_CLOEXEC);
	size_t got = 0;
	int r = TRB_OK;

	if (fd < 0)
		return trb_fail_errno(err, errno, "open the random pool '%s'", pool);
	for (unsigned i = 0; i < SEED_CALLS && got < n && r == TRB_OK; i++)
		r = take_random(nsm, fd, &got, err);
	if (r < 0)
		return r;
	/* in force at once; who is not the machine's root waits until the kernel does it itself */
	ioctl(fd, RNDRESEEDCRNG);
	return got >= n ? TRB_OK
			: trb_fail(err, TRB_E_IO, "the NSM gives %zu random bytes of %zu", got, n);
}

static int locked_value(struct trb_nsm *nsm, unsigned index, const uint8_t wanted[48],
			trb_error **err)
{
	const struct trb_nsm_request request = { .op = TRB_NSM_DESCRIBE_PCR, .index = index };
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_nsm_response response;
	int r = trb_nsm_call(nsm, &request, &response, &owner, err);

	if (r < 0)
		return r;
	if (!response.lock || !trb_bytes_eq(response.data, TRB_BYTES(wanted, TRB_SHA384_LEN)))
		return trb_fail(err, TRB_E_MEASUREMENT,
				"PCR%u does not hold this build alone: it was extended before",
				index);
	return TRB_OK;
}

int trb_nsm_lock_to(struct trb_nsm *nsm, unsigned index, const uint8_t data[32], trb_error **err)
{
	const struct trb_nsm_request steps[] = {
		{ .op = TRB_NSM_EXTEND_PCR, .index = index, .data = TRB_BYTES(data, 32) },
		{ .op = TRB_NSM_LOCK_PCR, .index = index },
	};
	uint8_t wanted[TRB_SHA384_LEN];
	int r = trb_pcr_extend_once(data, wanted, err);

	for (size_t i = 0; i < 2 && r == TRB_OK; i++) {
		_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
		struct trb_nsm_response response;

		r = trb_nsm_call(nsm, &steps[i], &response, &owner, err);
		if (r < 0)
			return trb_wrap(err, r, "%s PCR%u", i == 0 ? "extend" : "lock", index);
	}
	return r == TRB_OK ? locked_value(nsm, index, wanted, err) : r;
}

int trb_nsm_attest(struct trb_nsm *nsm, trb_bytes user_data, trb_bytes nonce, trb_bytes public_key,
		   trb_blob **ret_document, trb_error **err)
{
	const struct trb_nsm_request request = {
		.op = TRB_NSM_ATTESTATION,
		.user_data = user_data,
		.nonce = nonce,
		.public_key = public_key,
	};
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_nsm_response response;
	int r = trb_nsm_call(nsm, &request, &response, &owner, err);

	if (r < 0)
		return trb_wrap(err, r, "attest");
	return trb_blob_new(response.data, ret_document, err);
}
