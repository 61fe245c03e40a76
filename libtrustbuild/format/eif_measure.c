/* SPDX-License-Identifier: Apache-2.0 */
/* Measurements: with X(c) = SHA384(0^48 || SHA384(c)) over the sections' data in the file's order,
 * PCR0 = X(kernel, cmdline, all ramdisks), PCR1 = X(kernel, cmdline, first ramdisk),
 * PCR2 = X(all other ramdisks). */
#include <string.h>

#include <openssl/evp.h>
#include <zlib.h>

#include "format/crypto.h"
#include "format/eif.h"

#define CHUNK (512u << 10)

struct eif_meter {
	EVP_MD_CTX *md[3];
	unsigned type;
	size_t ramdisks;
	bool failed;
	struct eif_helper *helper; /* NULL: PCR0 is hashed here, too */
};

int trb_eif_meter_new(struct eif_helper *helper, struct eif_meter **ret_meter, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(trb_eif_meter_freep) struct eif_meter *m = calloc(1, sizeof(*m));

	if (m == NULL && helper != NULL)
		helper->free(helper);
	if (m == NULL)
		return trb_fail_nomem(err);
	m->helper = helper;
	for (int i = 0; i < 3; i++) {
		m->md[i] = EVP_MD_CTX_new();
		if (m->md[i] == NULL || EVP_DigestInit_ex(m->md[i], EVP_sha384(), NULL) != 1)
			return trb_fail_nomem(err);
	}
	*ret_meter = steal_ptr(&m);
	return TRB_OK;
}

static void wait_idle(struct eif_meter *m)
{
	if (m->helper != NULL && !m->helper->wait(m->helper))
		m->failed = true;
}

void trb_eif_meter_section(struct eif_meter *m, unsigned type)
{
	wait_idle(m);
	m->type = type;
	m->ramdisks += type == TRB_EIF_RAMDISK;
}

static void update(struct eif_meter *m, int index, trb_bytes data)
{
	TRB_CRYPTO_SCOPE;
	if (EVP_DigestUpdate(m->md[index], data.ptr, data.len) != 1)
		m->failed = true;
}

void trb_eif_meter_data(struct eif_meter *m, trb_bytes data)
{
	bool image = m->type == TRB_EIF_KERNEL || m->type == TRB_EIF_CMDLINE;

	if ((!image && m->type != TRB_EIF_RAMDISK) || data.len == 0)
		return;
	if (m->helper != NULL)
		m->helper->give(m->helper, m->md[0], data);
	else
		update(m, 0, data);
	update(m, image || m->ramdisks == 1 ? 1 : 2, data);
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

	wait_idle(m);
	if (m->failed)
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
	if (m->helper != NULL)
		m->helper->free(m->helper);
	for (int i = 0; i < 3; i++)
		EVP_MD_CTX_free(m->md[i]);
	free(m);
}

/* Two chunks in turn: one is hashed by the helper while the next is read. */
static int measure_section(const struct eif_source *source, const struct eif_section *s,
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
		int r = source->read(source->user, chunk, n, s->offset + done, err);

		if (r < 0)
			return r;
		*crc = crc32(*crc, chunk, (uInt)n);
		trb_eif_meter_data(m, TRB_BYTES(chunk, n));
		done += n;
	}
	return TRB_OK;
}

int trb_eif_measure(const struct eif_source *source, const struct eif_layout *l,
		    struct eif_helper *helper, struct eif_measurement *ret, trb_error **err)
{
	_cleanup_free_ uint8_t *first = malloc(CHUNK), *second = malloc(CHUNK);
	_cleanup_(trb_eif_meter_freep) struct eif_meter *m = NULL;
	uLong crc = crc32(0, l->raw, EIF_CRC_OFFSET);
	int r = trb_eif_meter_new(helper, &m, err);

	if (r == TRB_OK && (first == NULL || second == NULL))
		r = trb_fail_nomem(err);
	for (size_t i = 0; r == TRB_OK && i < l->n_sections; i++)
		r = measure_section(source, &l->sections[i], (uint8_t *[]){ first, second }, &crc,
				    m, err);
	if (r < 0)
		return r;
	ret->crc = (uint32_t)crc;
	return trb_eif_meter_finish(m, ret->pcr, err);
}
