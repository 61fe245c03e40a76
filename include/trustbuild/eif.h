/* SPDX-License-Identifier: Apache-2.0 */
/* Enclave images (EIF): reading, measuring, packing, signing, and building one from a recipe.
 *
 * The format and its measurements are those of aws-nitro-enclaves-image-format; docs/spec/eif.md
 * says what this reader demands beyond them.  Reading is strict: the section headers in the file
 * and the table in its header must tell the same story, and nothing may be left over. */
#ifndef TRUSTBUILD_EIF_H
#define TRUSTBUILD_EIF_H

#include <trustbuild/bytes.h>
#include <trustbuild/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Section types, as in the file. */
enum {
	TRB_EIF_KERNEL = 1,
	TRB_EIF_CMDLINE = 2,
	TRB_EIF_RAMDISK = 3,
	TRB_EIF_SIGNATURE = 4,
	TRB_EIF_METADATA = 5
};

/* A measured image: immutable, may be shared between threads. */
typedef struct trb_eif trb_eif;

/* Reads the regular file behind fd from its start to its end (with pread: the file position stays),
 * checks its form, its CRC and, where there is one, its signature over PCR0, and measures it.  fd
 * is only borrowed during the call.  At most 4 GiB; memory use does not depend on the file's size.
 * context may be NULL; it gets no progress here, and trb_context_set_canceled() ends the reading.
 * Errors: TRB_E_FORMAT with what is wrong and at which byte; TRB_E_EVIDENCE with check
 * "eif.signature" where the signature is not one over this image's PCR0; TRB_E_LIMIT, TRB_E_IO,
 * TRB_E_CANCELED, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_eif_open_fd(trb_context *context, int fd, trb_eif **ret_eif,
				      trb_error **err);

/* The same for the file at path. */
TRB_API TRB_CHECK int trb_eif_open(trb_context *context, const char *path, trb_eif **ret_eif,
				   trb_error **err);

/* One more reference; returns eif.  NULL is a no-op. */
TRB_API trb_eif *trb_eif_ref(trb_eif *eif);

/* Drops a reference; always returns NULL.  NULL is a no-op. */
TRB_API trb_eif *trb_eif_unref(trb_eif *eif);

/* A measurement, 48 bytes (SHA-384), for index 0, 1, 2, and 8 of a signed image; {NULL, 0} for
 * every other index.  Borrowed. */
TRB_API trb_bytes trb_eif_get_pcr(const trb_eif *eif, unsigned index);

/* The version of the format, 2 to 4. */
TRB_API unsigned trb_eif_get_version(const trb_eif *eif);

/* "x86_64" or "aarch64"; a static string. */
TRB_API const char *trb_eif_get_architecture(const trb_eif *eif);

/* The header's flags, 16 bits: TRB_EIF_FLAG_* and bits that this release has no name for.  They are
 * shown, and change nothing else here.  The formula of the measurements does not cover them; a
 * platform that knows others than TRB_EIF_FLAG_AARCH64 may measure them into PCR0 all the same. */
enum {
	TRB_EIF_FLAG_AARCH64 = 0x0001,
	TRB_EIF_FLAG_PCIE = 0x0040,
	TRB_EIF_FLAG_PCIE_VIRTIO = 0x0200
};
TRB_API unsigned trb_eif_get_flags(const trb_eif *eif);

/* The kernel's command line, at most 64 KiB, as it is measured.  Borrowed; outside text. */
TRB_API trb_bytes trb_eif_get_cmdline(const trb_eif *eif);

/* The metadata section, a JSON object of at most 1 MiB; {NULL, 0} before version 4.  Not measured:
 * whoever hands over the file may have written anything there.  Borrowed. */
TRB_API trb_bytes trb_eif_get_metadata(const trb_eif *eif);

/* The number of sections, at most 32. */
TRB_API size_t trb_eif_count_sections(const trb_eif *eif);

/* Section index (from 0, in the file's order): its type (TRB_EIF_*), where its data begin, in bytes
 * from the file's start, and their size.  Errors: TRB_E_INVAL past the last one. */
TRB_API TRB_CHECK int trb_eif_get_section(const trb_eif *eif, size_t index, unsigned *ret_type,
					  uint64_t *ret_offset, uint64_t *ret_size,
					  trb_error **err);

/* As ASCII JSON in the form of nitro-cli: Measurements (HashAlgorithm, PCR0, PCR1, PCR2, PCR8 where
 * signed), Flags (names, or "bit 8", of all but the architecture) and Sections. */
TRB_API TRB_CHECK int trb_eif_measurements_json(const trb_eif *eif, trb_blob **ret_json,
						trb_error **err);

/* Everything as ASCII JSON: version, architecture, flags, command line, measurements, sections,
 * signer, metadata.  Of a command line that is no text Cmdline has each other byte as \xNN, and
 * CmdlineHex has all bytes. */
TRB_API TRB_CHECK int trb_eif_describe_json(const trb_eif *eif, trb_blob **ret_json,
					    trb_error **err);

#ifdef __cplusplus
}
#endif

#endif
