/* SPDX-License-Identifier: Apache-2.0 */
/* The format, from aws-nitro-enclaves-image-format (README and src/defs); all numbers big-endian.
 */
#ifndef TRB_FORMAT_EIF_H
#define TRB_FORMAT_EIF_H

#include <openssl/evp.h>
#include <trustbuild/eif.h>

#include "core/buffer.h"
#include "core/cleanup.h"
#include "core/error.h"

#define EIF_HEADER_SIZE      548u
#define EIF_CRC_OFFSET       544u
#define EIF_SECTION_HEADER   12u
#define EIF_MAX_SECTIONS     32u
#define EIF_MAX_SIZE         (4ull << 30)
#define EIF_MAX_CMDLINE      (64u << 10)
#define EIF_MAX_METADATA     (1u << 20)
#define EIF_MAX_SIGNATURE    32768u
#define EIF_DEFAULT_MEMORY   (1ull << 30)
#define EIF_DEFAULT_CPUS     2u
#define EIF_VERSION_SIGNED   3u
#define EIF_VERSION_METADATA 4u
#define EIF_VERSION_MIN      2u
#define EIF_VERSION_MAX      4u
#define SHA384_SIZE          48u

struct eif_section {
	unsigned type;
	uint64_t offset; /* of the data */
	uint64_t size;
};

struct eif_layout {
	uint8_t raw[EIF_HEADER_SIZE];
	unsigned version, flags;
	uint64_t default_memory, default_cpus;
	uint32_t crc;
	size_t n_sections;
	struct eif_section sections[EIF_MAX_SECTIONS];
};

struct eif_measurement {
	uint8_t pcr[3][SHA384_SIZE];
	uint32_t crc;
};

/* An image's bytes, wherever they are. */
struct eif_source {
	uint64_t size;
	/* All n bytes from at on. */
	int (*read)(void *user, void *to, size_t n, uint64_t at, trb_error **err);
	void *user;
};

/* Reads header and section headers, and checks every rule that needs no data. */
int trb_eif_read_layout(const struct eif_source *source, struct eif_layout *ret_layout,
			trb_error **err);
void trb_eif_section_head(const struct eif_section *section, uint8_t out[EIF_SECTION_HEADER]);
const char *trb_eif_type_name(unsigned type);

/* Every ramdisk byte is hashed twice: this takes one of the two off the caller's hands, where there
 * is a thread for it (image/eif_thread.c). */
struct eif_helper {
	/* Hashes data into md until wait() returns; what was given before is done then, too. */
	void (*give)(struct eif_helper *helper, EVP_MD_CTX *md, trb_bytes data);
	/* false: a hash has failed. */
	bool (*wait)(struct eif_helper *helper);
	void (*free)(struct eif_helper *helper);
};

/* One pass over the image: CRC and PCR0-2.  The helper may be NULL, and is taken over. */
int trb_eif_measure(const struct eif_source *source, const struct eif_layout *layout,
		    struct eif_helper *helper, struct eif_measurement *ret, trb_error **err);

/* Measuring while the sections are written or read, in the image's order.  With a helper, which is
 * taken over, bytes given to trb_eif_meter_data must stay as they are until the next call of it has
 * returned, or the next section has begun. */
struct eif_meter;
int trb_eif_meter_new(struct eif_helper *helper, struct eif_meter **ret_meter, trb_error **err);
void trb_eif_meter_section(struct eif_meter *meter, unsigned type);
void trb_eif_meter_data(struct eif_meter *meter, trb_bytes data);
int trb_eif_meter_finish(struct eif_meter *meter, uint8_t ret_pcr[3][SHA384_SIZE], trb_error **err);
void trb_eif_meter_free(struct eif_meter *meter);
TRB_DEFINE_CLEANUP(struct eif_meter *, trb_eif_meter_free);
TRB_DEFINE_CLEANUP(trb_eif *, trb_eif_unref);

/* The object for an image.  measured: what measuring it would give, where that is known, or NULL.
 * The helper may be NULL, and is taken over. */
int trb_eif_open_source(const struct eif_source *source, const struct eif_measurement *measured,
			struct eif_helper *helper, trb_eif **ret_eif, trb_error **err);

/* Checks the signature section over pcr0; gives PCR8 and the signer's subject. */
int trb_eif_check_signature(trb_bytes section, const uint8_t pcr0[SHA384_SIZE],
			    uint8_t ret_pcr8[SHA384_SIZE], char **ret_subject, trb_error **err);

/* The subject of the certificate that signed, or NULL.  Borrowed. */
const char *trb_eif_signer(const trb_eif *eif);

/* SHA-384 of 48 zero bytes and the SHA-384 of data's hash: the last step of every measurement. */
int trb_eif_extend(const uint8_t digest[SHA384_SIZE], uint8_t ret_pcr[SHA384_SIZE],
		   trb_error **err);

static inline uint64_t eif_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

static inline void eif_put_be(uint8_t *p, uint64_t v, size_t n)
{
	while (n-- > 0) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

#endif
