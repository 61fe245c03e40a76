/* SPDX-License-Identifier: Apache-2.0 */
/* Measurements: with X(c) = SHA384(0^48 || SHA384(c)) over the sections' data in the file's order,
 * PCR0 = X(kernel, cmdline, all ramdisks), PCR1 = X(kernel, cmdline, first ramdisk),
 * PCR2 = X(all other ramdisks).  Every ramdisk byte is hashed twice, so PCR0 has a thread. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <openssl/evp.h>
#include <zlib.h>

#include "core/context.h"
#include "core/io.h"
#include "format/crypto.h"
#include "image/eif.h"

#define CHUNK (512u << 10)

struct eif_meter {
	EVP_MD_CTX *md[3];
	unsigned type;
	size_t ramdisks;
	bool failed;
	/* the second thread; everything below is guarded by lock where it runs */
	bool threaded, busy, stop;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	trb_bytes job;
	bool job_failed;
};

static void *pcr0_thread(void *arg)
{
	struct eif_meter *m = arg;

	pthread_mutex_lock(&m->lock);
	for (;;) {
		while (!m->busy && !m->stop)
			pthread_cond_wait(&m->changed, &m->lock);
		if (!m->busy)
			break;
		pthread_mutex_unlock(&m->lock);
		bool ok = EVP_DigestUpdate(m->md[0], m->job.ptr, m->job.len) == 1;
		pthread_mutex_lock(&m->lock);
		m->job_failed |= !ok;
		m->busy = false;
		pthread_cond_broadcast(&m->changed);
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

static void wait_idle(struct eif_meter *m)
{
	while (m->busy)
		pthread_cond_wait(&m->changed, &m->lock);
}

/* The caller's signals stay the caller's: the thread takes none. */
static bool start_thread(struct eif_meter *m)
{
	sigset_t all, before;
	bool ok;

	sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return false;
	ok = pthread_create(&m->thread, NULL, pcr0_thread, m) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

int trb_eif_meter_new(bool with_thread, struct eif_meter **ret_meter, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(trb_eif_meter_freep) struct eif_meter *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return trb_fail_nomem(err);
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->changed, NULL);
	for (int i = 0; i < 3; i++) {
		m->md[i] = EVP_MD_CTX_new();
		if (m->md[i] == NULL || EVP_DigestInit_ex(m->md[i], EVP_sha384(), NULL) != 1)
			return trb_fail_nomem(err);
	}
	m->threaded = with_thread && start_thread(m); /* without one it is slower, not wrong */
	*ret_meter = steal_ptr(&m);
	return TRB_OK;
}

void trb_eif_meter_section(struct eif_meter *m, unsigned type)
{
	pthread_mutex_lock(&m->lock);
	wait_idle(m);
	pthread_mutex_unlock(&m->lock);
	m->type = type;
	m->ramdisks += type == TRB_EIF_RAMDISK;
}

static void update(struct eif_meter *m, int index, trb_bytes data)
{
	TRB_CRYPTO_SCOPE;
	if (EVP_DigestUpdate(m->md[index], data.ptr, data.len) != 1)
		m->failed = true;
}

static void update_pcr0(struct eif_meter *m, trb_bytes data)
{
	if (!m->threaded) {
		update(m, 0, data);
		return;
	}
	pthread_mutex_lock(&m->lock);
	wait_idle(m);
	m->job = data;
	m->busy = true;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}

void trb_eif_meter_data(struct eif_meter *m, trb_bytes data)
{
	bool image = m->type == TRB_EIF_KERNEL || m->type == TRB_EIF_CMDLINE;

	if ((!image && m->type != TRB_EIF_RAMDISK) || data.len == 0)
		return;
	update_pcr0(m, data);
	update(m, image || m->ramdisks == 1 ? 1 : 2, data);
}

static void stop_thread(struct eif_meter *m)
{
	if (!m->threaded)
		return;
	pthread_mutex_lock(&m->lock);
	wait_idle(m);
	m->stop = true;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	pthread_join(m->thread, NULL);
	m->threaded = false;
}

int trb_eif_extend(const uint8_t digest[SHA384_SIZE], uint8_t ret_pcr[SHA384_SIZE], trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	uint8_t input[2 * SHA384_SIZE] = { 0 };

	memcpy(input + SHA384_SIZE, digest, SHA384_SIZE);
	if (EVP_Digest(input, sizeof(input), ret_pcr, NULL, EVP_sha384(), NULL) != 1)
		return trb_fail_nomem(err);
	return TRB_OK;
}

int trb_eif_meter_finish(struct eif_meter *m, uint8_t ret_pcr[3][SHA384_SIZE], trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	uint8_t digest[SHA384_SIZE];

	stop_thread(m);
	if (m->failed || m->job_failed)
		return trb_fail(err, TRB_E_NOMEM, "SHA-384 failed in libcrypto");
	for (int i = 0; i < 3; i++) {
		int r = EVP_DigestFinal_ex(m->md[i], digest, NULL) == 1
				? trb_eif_extend(digest, ret_pcr[i], err)
				: trb_fail(err, TRB_E_NOMEM, "SHA-384 failed in libcrypto");

		if (r < 0)
			return r;
	}
	return TRB_OK;
}

void trb_eif_meter_free(struct eif_meter *m)
{
	stop_thread(m);
	for (int i = 0; i < 3; i++)
		EVP_MD_CTX_free(m->md[i]);
	pthread_cond_destroy(&m->changed);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

/* Two chunks in turn: one is hashed by the thread while the next is read. */
static int measure_section(trb_context *context, int fd, const struct eif_section *s,
			   uint8_t *chunks[2], uLong *crc, struct eif_meter *m, trb_error **err)
{
	uint8_t head[EIF_SECTION_HEADER];
	unsigned turn = 0;

	trb_eif_section_head(s, head);
	*crc = crc32(*crc, head, sizeof(head));
	trb_eif_meter_section(m, s->type);
	for (uint64_t done = 0; done < s->size;) {
		size_t n = s->size - done < CHUNK ? (size_t)(s->size - done) : CHUNK;
		uint8_t *chunk = chunks[turn++ % 2];
		int r = trb_check_canceled(context, err);

		if (r == TRB_OK)
			r = trb_pread_full(fd, chunk, n, s->offset + done, err);
		if (r < 0)
			return r;
		*crc = crc32(*crc, chunk, (uInt)n);
		trb_eif_meter_data(m, TRB_BYTES(chunk, n));
		done += n;
	}
	return TRB_OK;
}

static bool worth_a_thread(const struct eif_layout *l)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < l->n_sections; i++)
		sum += l->sections[i].size;
	return sum > 4 * CHUNK;
}

int trb_eif_measure(trb_context *context, int fd, const struct eif_layout *l,
		    struct eif_measurement *ret, trb_error **err)
{
	_cleanup_free_ uint8_t *first = malloc(CHUNK), *second = malloc(CHUNK);
	_cleanup_(trb_eif_meter_freep) struct eif_meter *m = NULL;
	uLong crc = crc32(0, l->raw, EIF_CRC_OFFSET);
	int r;

	if (first == NULL || second == NULL)
		return trb_fail_nomem(err);
	r = trb_eif_meter_new(worth_a_thread(l), &m, err);
	for (size_t i = 0; r == TRB_OK && i < l->n_sections; i++)
		r = measure_section(context, fd, &l->sections[i], (uint8_t *[]){ first, second },
				    &crc, m, err);
	if (r < 0)
		return r;
	ret->crc = (uint32_t)crc;
	return trb_eif_meter_finish(m, ret->pcr, err);
}
