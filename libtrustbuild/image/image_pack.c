/* SPDX-License-Identifier: Apache-2.0 */
/* Parts put together into an EIF. */
#include "image/image_pack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include <trustbuild/version.h>

#include "core/io.h"
#include "format/json.h"
#include "image/eif_write.h"

/* No bootloader, console first; the enclave program is init.  Like nitro-cli's, so that one line
 * serves Nitro, QEMU and the simulated enclave, which ignores it. */
#define DEFAULT_CMDLINE "reboot=k panic=30 pci=off nomodules console=ttyS0 random.trust_cpu=on"
#define RUNSC_NAME      "usr/libexec/trustbuild/runsc"
#define ROOTFS_NAME     "rootfs.erofs"
#define FACTS_DIR       "etc/trustbuild"

int trb_image_lock_state(trb_image *image, trb_error **err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&path, "%s/busy", image->state) < 0) {
		path = NULL;
		return trb_fail_nomem(err);
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return trb_fail_errno(err, errno, "open '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		trb_tell(image->context, TRB_LOG_NOTICE, "waiting for another image build");
		r = trb_lock_fd(image->context, fd, err);
		if (r < 0)
			return trb_wrap(err, r, "lock '%s'", path);
	}
	image->lock = steal_fd(&fd);
	return TRB_OK;
}

/* What is packed, as files; owned. */
struct pack {
	char *kernel, *runsc, *rootfs, *tree;
	char rootfs_hex[SHA256_HEX], runsc_hex[SHA256_HEX];
	char inputs[SHA256_HEX];
	trb_blob *cert, *key, *metadata;
	struct cpio_plan *ramdisks[2];
};

static void pack_done(struct pack *p)
{
	free(p->kernel);
	free(p->runsc);
	free(p->rootfs);
	free(p->tree);
	trb_blob_unref(p->cert);
	trb_blob_unref(p->key);
	trb_blob_unref(p->metadata);
	for (size_t i = 0; i < 2; i++)
		if (p->ramdisks[i] != NULL)
			trb_cpio_plan_free(p->ramdisks[i]);
}

static const char *value_or(const trb_image *image, enum image_key key, const char *otherwise)
{
	const char *value = trb_image_value(image, key);

	return value != NULL ? value : otherwise;
}

/* The fields of nitro-cli, in its order. */
static int make_metadata(const trb_image *image, trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b;
	struct trb_json_out out = { .buf = &b };
	time_t when = image->epoch;
	char text[40];
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S+00:00", &tm);
	trb_buf_init(&b, 64 << 10);
	trb_json_open(&out, '{');
	trb_json_member_str(&out, "ImageName", value_or(image, IMAGE_NAME, "trustbuild"));
	trb_json_member_str(&out, "ImageVersion",
			    value_or(image, IMAGE_VERSION, TRB_VERSION_STRING));
	trb_json_member_open(&out, "BuildMetadata", '{');
	trb_json_member_str(&out, "BuildTime", text);
	trb_json_member_str(&out, "BuildTool", "libtrustbuild");
	trb_json_member_str(&out, "BuildToolVersion", TRB_VERSION_STRING);
	trb_json_member_str(&out, "OperatingSystem", "Linux");
	trb_json_member_str(&out, "KernelVersion", "");
	trb_json_close(&out, '}');
	trb_json_put_name(&out, "DockerInfo");
	trb_json_put_null(&out);
	trb_json_put_name(&out, "CustomMetadata");
	trb_json_put_null(&out);
	trb_json_close(&out, '}');
	return trb_buf_to_blob(&b, "image metadata", ret, err);
}

static int load_signer(const trb_image *image, struct pack *p, trb_error **err)
{
	const char *cert = trb_image_value(image, IMAGE_SIGN_CERT);
	const char *key = trb_image_value(image, IMAGE_SIGN_KEY);
	int r;

	if (cert == NULL)
		return TRB_OK;
	r = trb_read_file(AT_FDCWD, cert, MAX_PEM_FILE, &p->cert, err);
	return r < 0 ? r : trb_read_file(AT_FDCWD, key, MAX_PEM_FILE, &p->key, err);
}

static int digest_parts(const trb_image *image, struct pack *p, struct image_digest *d,
			trb_error **err)
{
	_cleanup_free_ char *files = NULL;
	int r = trb_image_file_hex(p->rootfs, p->rootfs_hex, err);

	if (r == TRB_OK)
		r = trb_image_file_hex(p->runsc, p->runsc_hex, err);
	if (r == TRB_OK)
		r = trb_image_digest_text(d, "rootfs", p->rootfs_hex, err);
	if (r == TRB_OK)
		r = trb_image_digest_text(d, "runsc", p->runsc_hex, err);
	if (r == TRB_OK)
		r = trb_image_part_path(image, PART_USERLAND, "files", &files, err);
	return r < 0 ? r : trb_image_digest_file(d, "userland", files, err);
}

/* One digest over everything that the image's bytes depend on. */
static int digest_inputs(const trb_image *image, struct pack *p, trb_error **err)
{
	const char *cert = trb_image_value(image, IMAGE_SIGN_CERT);
	const struct image_values *ramdisks = &image->values[IMAGE_RAMDISK];
	_cleanup_(trb_image_digest_freep) struct image_digest *d = NULL;
	char epoch[24];
	int r = trb_image_digest_new("image " TRB_VERSION_STRING, &d, err);

	snprintf(epoch, sizeof(epoch), "%u", image->epoch);
	if (r == TRB_OK)
		r = trb_image_digest_text(d, "epoch", epoch, err);
	if (r == TRB_OK)
		r = trb_image_digest_text(d, "cmdline",
					  value_or(image, IMAGE_CMDLINE, DEFAULT_CMDLINE), err);
	if (r == TRB_OK)
		r = trb_image_digest_text(d, "name", trb_image_value(image, IMAGE_NAME), err);
	if (r == TRB_OK)
		r = trb_image_digest_text(d, "version", trb_image_value(image, IMAGE_VERSION), err);
	if (r == TRB_OK)
		r = trb_image_digest_file(d, "kernel", p->kernel, err);
	if (r == TRB_OK && ramdisks->n == 0)
		r = digest_parts(image, p, d, err);
	for (size_t i = 0; r == TRB_OK && i < ramdisks->n; i++)
		r = trb_image_digest_file(d, "ramdisk", ramdisks->items[i], err);
	if (r == TRB_OK && cert != NULL)
		r = trb_image_digest_file(d, "signer", cert, err);
	return r < 0 ? r : trb_image_digest_hex(d, p->inputs, err);
}

static int add_facts(struct cpio_plan *plan, const struct pack *p, trb_error **err)
{
	char line[SHA256_HEX + 1];
	int r;

	snprintf(line, sizeof(line), "%s\n", p->rootfs_hex);
	r = trb_cpio_add_data(plan, FACTS_DIR "/rootfs.sha256", 0444, trb_bytes_str(line), err);
	if (r < 0)
		return r;
	snprintf(line, sizeof(line), "%s\n", p->runsc_hex);
	return trb_cpio_add_data(plan, FACTS_DIR "/runsc.sha256", 0444, trb_bytes_str(line), err);
}

static int plan_ramdisks(const trb_image *image, struct pack *p, trb_error **err)
{
	int r = trb_cpio_plan_new(image->epoch, &p->ramdisks[0], err);

	if (r == TRB_OK)
		r = trb_cpio_plan_new(image->epoch, &p->ramdisks[1], err);
	if (r == TRB_OK)
		r = trb_cpio_add_tree(p->ramdisks[0], p->tree, err);
	if (r == TRB_OK)
		r = trb_cpio_add_file(p->ramdisks[0], RUNSC_NAME, 0755, p->runsc, err);
	if (r == TRB_OK)
		r = add_facts(p->ramdisks[0], p, err);
	if (r == TRB_OK)
		r = trb_cpio_add_file(p->ramdisks[1], ROOTFS_NAME, 0444, p->rootfs, err);
	return r;
}

static int gather(const trb_image *image, struct pack *p, trb_error **err)
{
	bool recipe = image->values[IMAGE_RAMDISK].n == 0;
	int r = trb_image_part_path(image, PART_ROOTFS, "vmlinuz", &p->kernel, err);

	if (r == TRB_OK && recipe)
		r = trb_image_part_path(image, PART_ROOTFS, "rootfs.erofs", &p->rootfs, err);
	if (r == TRB_OK && recipe)
		r = trb_image_part_path(image, PART_RUNSC, "runsc", &p->runsc, err);
	if (r == TRB_OK && recipe)
		r = trb_image_part_path(image, PART_USERLAND, "tree", &p->tree, err);
	if (r == TRB_OK)
		r = digest_inputs(image, p, err);
	if (r == TRB_OK)
		r = load_signer(image, p, err);
	if (r == TRB_OK)
		r = make_metadata(image, &p->metadata, err);
	if (r == TRB_OK && recipe)
		r = plan_ramdisks(image, p, err);
	return r;
}

static void fill_parts(const trb_image *image, const struct pack *p, struct eif_parts *parts)
{
	const struct image_values *ready = &image->values[IMAGE_RAMDISK];

	*parts = (struct eif_parts){
		.kernel = p->kernel,
		.cmdline = trb_bytes_str(value_or(image, IMAGE_CMDLINE, DEFAULT_CMDLINE)),
		.metadata = trb_blob_bytes(p->metadata),
		.n_ramdisks = ready->n > 0 ? ready->n : 2,
	};
	for (size_t i = 0; i < parts->n_ramdisks; i++) {
		parts->ramdisks[i].plan = ready->n > 0 ? NULL : p->ramdisks[i];
		parts->ramdisks[i].file = ready->n > 0 ? ready->items[i] : NULL;
	}
	if (p->cert != NULL) {
		parts->cert_pem = trb_blob_bytes(p->cert);
		parts->key_pem = trb_blob_bytes(p->key);
	}
}

/* One writer at a time, whichever state directory it has; what a killed one left is written over.
 * While we wait for the other one its file gets the final name: then ours is another. */
static int open_temporary(const trb_image *image, const char *path, int *ret_fd, trb_error **err)
{
	for (;;) {
		_cleanup_close_ int fd =
			open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
		struct stat mine, named;
		int r;

		if (fd < 0)
			return trb_fail_errno(err, errno, "create '%s'", path);
		r = trb_lock_fd(image->context, fd, err);
		if (r < 0)
			return trb_wrap(err, r, "lock '%s'", path);
		if (fstat(fd, &mine) < 0 || lstat(path, &named) < 0 ||
		    mine.st_dev != named.st_dev || mine.st_ino != named.st_ino)
			continue;
		if (ftruncate(fd, 0) < 0)
			return trb_fail_errno(err, errno, "empty '%s'", path);
		*ret_fd = steal_fd(&fd);
		return TRB_OK;
	}
}

/* Under a temporary name until it is complete and flushed. */
static int write_image(const trb_image *image, const struct pack *p, const char *out,
		       trb_eif **ret_eif, trb_error **err)
{
	_cleanup_(trb_eif_unrefp) trb_eif *eif = NULL;
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int fd = -1;
	struct eif_measurement measured;
	struct eif_parts parts;
	int r;

	if (asprintf(&temporary, "%s.new", out) < 0) {
		temporary = NULL;
		return trb_fail_nomem(err);
	}
	r = open_temporary(image, temporary, &fd, err);
	if (r < 0)
		return r;
	fill_parts(image, p, &parts);
	r = trb_eif_write(fd, &parts, &measured, err);
	if (r == TRB_OK)
		r = trb_eif_open_measured(fd, &measured, &eif, err);
	if (r == TRB_OK && (trb_sync_fd(fd) < 0 || rename(temporary, out) < 0))
		r = trb_fail_errno(err, errno, "write '%s'", out);
	if (r < 0) {
		unlink(temporary);
		return trb_wrap(err, r, "pack the image '%s'", out);
	}
	*ret_eif = steal_ptr(&eif);
	return TRB_OK;
}

/* The image that is there, if its lock names these inputs and it still measures as the lock says.
 */
static bool reuse(const trb_image *image, const struct pack *p, const char *out, const char *lock,
		  trb_eif **ret_eif)
{
	_cleanup_(trb_eif_unrefp) trb_eif *eif = NULL;
	char wanted[97], found[97];

	if (trb_image_value(image, IMAGE_FRESH) != NULL ||
	    !trb_image_lock_matches(lock, p->inputs, wanted) ||
	    trb_eif_open(image->context, out, &eif, NULL) < 0)
		return false;
	trb_hex_encode(trb_eif_get_pcr(eif, 0), found);
	if (strcmp(wanted, found) != 0)
		return false;
	*ret_eif = steal_ptr(&eif);
	return true;
}

static int pack_at(trb_image *image, const struct pack *p, const char *out, trb_eif **ret_eif,
		   trb_error **err)
{
	_cleanup_(trb_eif_unrefp) trb_eif *eif = NULL;
	_cleanup_free_ char *lock = NULL;
	int r = trb_image_lock_path(out, &lock, err);

	if (r < 0)
		return r;
	if (reuse(image, p, out, lock, ret_eif)) {
		trb_tell(image->context, TRB_LOG_NOTICE, "image: unchanged");
		return TRB_OK;
	}
	trb_tell(image->context, TRB_LOG_NOTICE, "image: packing and measuring");
	/* an image without its lock is made anew, a lock without its image says nothing */
	unlink(lock);
	r = write_image(image, p, out, &eif, err);
	if (r == TRB_OK)
		r = trb_image_write_lock(image, lock, p->inputs, eif, err);
	if (r == TRB_OK)
		*ret_eif = steal_ptr(&eif);
	return r;
}

int trb_image_pack(trb_image *image, trb_eif **ret_eif, trb_error **err)
{
	const char *out = trb_image_get_path(image);
	struct pack p = { 0 };
	int r;

	if (image->values[IMAGE_RAMDISK].n > EIF_MAX_RAMDISKS)
		return trb_fail(err, TRB_E_LIMIT, "image: at most %u ramdisks", EIF_MAX_RAMDISKS);
	r = gather(image, &p, err);
	if (r == TRB_OK && out == NULL)
		r = trb_fail(err, TRB_E_NOTFOUND, "image: nowhere to write to");
	if (r == TRB_OK)
		r = pack_at(image, &p, out, ret_eif, err);
	pack_done(&p);
	return r;
}
