/* SPDX-License-Identifier: Apache-2.0 */
/* The recipe's logic, with small programs in place of the real ones: what is made, what is cached,
 * what is made again.  The real ones run in the slow test image-twice. */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "core/cleanup.h"
#include "core/io.h"
#include "image/cpio.h"
#include "image/image.h"

static char folder[64];
static char path[256];

static const char *in_folder(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
	ck_assert_int_eq(trb_write_file(AT_FDCWD, in_folder(name), trb_bytes_str(text), mode, NULL),
			 TRB_OK);
}

/* Each adds a line to calls, so that a test can say what ran. */
static const char rootfs_script[] =
	"#!/bin/sh\nset -e\necho rootfs >>\"$HOME/calls\"\n"
	"echo \"erofs $SOURCE_DATE_EPOCH $TRB_PACKAGES\" >\"$1/rootfs.erofs\"\n"
	"echo kernel >\"$1/vmlinuz\"\n"
	"echo CA >\"$1/ca-certificates.crt\"\n"
	"echo 'deb http://mirror/debian bookworm main' >\"$1/sources.list\"\n"
	"printf 'gcc\\t1\\tamd64\\tabc\\nmake\\t2\\tall\\tdef\\n' >\"$1/packages.tsv\"\n"
	"printf 'linux\\t6\\tamd64\\t123\\n' >\"$1/kernel.tsv\"\n";
static const char runsc_script[] = "#!/bin/sh\nset -e\necho runsc >>\"$HOME/calls\"\n"
				   "echo runsc >\"$1/runsc\"\n"
				   "printf 'module\\tv1\\tgo1\\tx\\n' >\"$1/runsc.tsv\"\n";
static const char userland_script[] =
	"#!/bin/sh\nset -e\necho userland >>\"$HOME/calls\"\n"
	"mkdir -p \"$1/tree/usr/bin\" \"$1/tree/usr/libexec/trustbuild\" "
	"\"$1/tree/etc/trustbuild\"\n"
	"cp \"$3\" \"$1/tree/usr/bin/tb-enclave\"\n"
	"ln -s usr/bin/tb-enclave \"$1/tree/init\"\n"
	"printf 'libc6\\t2\\tamd64\\tfff\\n' >\"$1/packages.tsv\"\n"
	"(cd \"$1/tree\" && sha256sum usr/bin/tb-enclave) >\"$1/files\"\n"
	"sha256sum \"$HOME/library\" >\"$1/inputs\"\n";

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/trb-image-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(mkdir(in_folder("libexec"), 0700), 0);
	put("libexec/image-rootfs", rootfs_script, 0700);
	put("libexec/image-runsc", runsc_script, 0700);
	put("libexec/image-userland", userland_script, 0700);
	put("libexec/tb-digest", "d", 0700);
	put("libexec/tb-fetch", "f", 0700);
	put("libexec/tb-sandbox", "s", 0700);
	put("libexec/tb-sandbox-init", "i", 0700);
	put("enclave", "the enclave program", 0700);
	put("library", "a library", 0600);
	setenv("HOME", folder, 1);
	unsetenv("SOURCE_DATE_EPOCH");
	setenv("TRUSTBUILD_ENCLAVE_PROGRAM", in_folder("enclave"), 1);
}

static void teardown(void)
{
	trb_remove_tree(AT_FDCWD, folder, NULL);
}

/* Builds with up to two inputs set; gives PCR0 in hexadecimal, or the code where it fails. */
static int build(const char *const sets[][2], char ret_pcr0[97], trb_error **err)
{
	_cleanup_(trb_context_unrefp) trb_context *context = NULL;
	_cleanup_(trb_image_unrefp) trb_image *image = NULL;
	_cleanup_(trb_eif_unrefp) trb_eif *eif = NULL, *again = NULL;
	int r;

	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	ck_assert_int_eq(trb_context_set_state_dir(context, in_folder("state"), NULL), TRB_OK);
	ck_assert_int_eq(trb_context_set_libexec_dir(context, in_folder("libexec"), NULL), TRB_OK);
	ck_assert_int_eq(trb_image_new(context, &image, NULL), TRB_OK);
	for (size_t i = 0; sets != NULL && sets[i][0] != NULL; i++)
		ck_assert_int_eq(trb_image_set(image, sets[i][0], sets[i][1], NULL), TRB_OK);
	r = trb_image_build(image, &eif, err);
	if (r < 0)
		return r;
	trb_hex_encode(trb_eif_get_pcr(eif, 0), ret_pcr0);
	/* what was measured while writing is what a reader measures */
	ck_status(trb_eif_open(context, trb_image_get_path(image), &again, err), TRB_OK, *err);
	ck_assert(trb_bytes_eq(trb_eif_get_pcr(eif, 0), trb_eif_get_pcr(again, 0)));
	return TRB_OK;
}

static void build_ok(const char *const sets[][2], char ret_pcr0[97])
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = build(sets, ret_pcr0, &err);

	ck_status(r, TRB_OK, err);
}

/* What ran since the last time, sorted: rootfs and runsc run side by side. */
static void check_calls(const char *wanted)
{
	trb_blob *blob = NULL;
	char calls[256] = "";

	if (trb_read_file(AT_FDCWD, in_folder("calls"), sizeof(calls), &blob, NULL) == TRB_OK) {
		static const char *const names[] = { "rootfs", "runsc", "userland" };

		for (size_t i = 0; i < 3; i++)
			if (memmem(trb_blob_bytes(blob).ptr, trb_blob_bytes(blob).len, names[i],
				   strlen(names[i])) != NULL) {
				strncat(calls, names[i], sizeof(calls) - strlen(calls) - 1);
				strncat(calls, " ", sizeof(calls) - strlen(calls) - 1);
			}
	}
	trb_blob_unref(blob);
	unlink(in_folder("calls"));
	ck_assert_str_eq(calls, wanted);
}

START_TEST(everything_is_made_once)
{
	char first[97], second[97];

	build_ok(NULL, first);
	check_calls("rootfs runsc userland ");
	build_ok(NULL, second);
	check_calls("");
	ck_assert_str_eq(first, second);
}
END_TEST

START_TEST(building_anew_gives_the_same)
{
	static const char *const fresh[][2] = { { "fresh", "yes" }, { NULL, NULL } };
	char first[97], second[97];
	struct stat before, after;

	build_ok(NULL, first);
	ck_assert_int_eq(stat(in_folder("state/image/enclave.eif"), &before), 0);
	check_calls("rootfs runsc userland ");
	build_ok(fresh, second);
	check_calls("rootfs runsc userland ");
	ck_assert_str_eq(first, second);
	ck_assert_int_eq(stat(in_folder("state/image/enclave.eif"), &after), 0);
	ck_assert(before.st_ino != after.st_ino);
}
END_TEST

START_TEST(a_changed_program_repacks_only)
{
	char first[97], second[97], third[97];

	build_ok(NULL, first);
	check_calls("rootfs runsc userland ");
	put("enclave", "another enclave program", 0700);
	build_ok(NULL, second);
	check_calls("userland ");
	ck_assert_str_ne(first, second);
	put("enclave", "the enclave program", 0700);
	build_ok(NULL, third);
	check_calls("");
	ck_assert_str_eq(first, third);
}
END_TEST

START_TEST(a_changed_library_or_helper_is_noticed)
{
	char pcr0[97];

	build_ok(NULL, pcr0);
	check_calls("rootfs runsc userland ");
	put("library", "another library", 0600);
	build_ok(NULL, pcr0);
	check_calls("userland ");
	put("libexec/tb-fetch", "another", 0700);
	build_ok(NULL, pcr0);
	check_calls("userland ");
}
END_TEST

START_TEST(packages_and_epoch_make_another_root)
{
	static const char *const package[][2] = { { "package", "cmake" },
						  { "package", "bison" },
						  { NULL, NULL } };
	static const char *const epoch[][2] = { { "epoch", "7" }, { NULL, NULL } };
	char first[97], second[97], third[97];

	build_ok(NULL, first);
	check_calls("rootfs runsc userland ");
	build_ok(package, second);
	check_calls("rootfs ");
	build_ok(epoch, third);
	check_calls("rootfs ");
	ck_assert_str_ne(first, second);
	ck_assert_str_ne(first, third);
	ck_assert_str_ne(second, third);
}
END_TEST

START_TEST(a_changed_recipe_is_made_again)
{
	char text[2048], pcr0[97];

	build_ok(NULL, pcr0);
	check_calls("rootfs runsc userland ");
	snprintf(text, sizeof(text), "%s# changed\n", runsc_script);
	put("libexec/image-runsc", text, 0700);
	build_ok(NULL, pcr0);
	check_calls("runsc ");
}
END_TEST

START_TEST(a_damaged_image_is_packed_again)
{
	char first[97], second[97];
	int fd;

	build_ok(NULL, first);
	fd = open(in_folder("state/image/enclave.eif"), O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(pwrite(fd, "X", 1, 700), 1);
	close(fd);
	build_ok(NULL, second);
	ck_assert_str_eq(first, second);
}
END_TEST

static size_t count_parts(const char *prefix)
{
	DIR *dir = opendir(in_folder("state/image"));
	const struct dirent *entry;
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(dir);
	return n;
}

START_TEST(a_failing_program_is_named_with_its_last_line)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char pcr0[97];

	put("libexec/image-rootfs", "#!/bin/sh\necho line one\necho 'no network' >&2\nexit 3\n",
	    0700);
	ck_assert_int_eq(build(NULL, pcr0, &err), TRB_E_IO);
	ck_assert_msg(strstr(trb_error_message(err), "exit status 3: no network") != NULL, "%s",
		      trb_error_message(err));
	ck_assert_ptr_nonnull(strstr(trb_error_message(err), "rootfs.log"));
	ck_assert_int_ne(access(in_folder("state/image/enclave.eif"), F_OK), 0);
	/* what the other program made is kept, and no halves */
	ck_assert_uint_eq(count_parts(".new-"), 0);
	unlink(in_folder("calls"));
	put("libexec/image-rootfs", rootfs_script, 0700);
	build_ok(NULL, pcr0);
	check_calls("rootfs userland ");
}
END_TEST

static void wait_for(const char *name)
{
	for (int i = 0; i < 200 && access(in_folder(name), F_OK) != 0; i++)
		usleep(50000);
	ck_assert_int_eq(access(in_folder(name), F_OK), 0);
}

/* Kills a build while it waits for this script, which makes "calls" first, and "gone" last. */
static void kill_a_build(const char *script)
{
	char pcr0[97];
	pid_t pid;

	put("libexec/image-rootfs", script, 0700);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(build(NULL, pcr0, NULL) == TRB_OK);
	wait_for("calls");
	ck_assert_int_ne(access(in_folder("gone"), F_OK), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Whoever built was killed: the scripts notice, and end. */
START_TEST(an_abandoned_script_ends)
{
	kill_a_build("#!/bin/sh\necho rootfs >\"$HOME/calls\"\ncat >/dev/null\n"
		     "echo gone >\"$HOME/gone\"\n");
	wait_for("gone");
}
END_TEST

/* Nobody starts to make a part again while the script of whoever was killed is still ending. */
START_TEST(an_abandoned_script_is_waited_for)
{
	char pcr0[97];

	kill_a_build("#!/bin/sh\necho rootfs >\"$HOME/calls\"\ncat >/dev/null\nsleep 0.5\n"
		     "echo late >\"$1/late\"\necho gone >\"$HOME/gone\"\n");
	put("libexec/image-rootfs", rootfs_script, 0700);
	build_ok(NULL, pcr0);
	ck_assert_int_eq(access(in_folder("gone"), F_OK), 0);
	ck_assert_int_ne(access(in_folder("state/image/.new-rootfs"), F_OK), 0);
}
END_TEST

/* With a ceiling of nothing the parts of the image at hand are all that stays. */
START_TEST(unused_parts_make_room)
{
	static const char *const epoch[][2] = { { "epoch", "7" }, { NULL, NULL } };
	char pcr0[97];

	build_ok(NULL, pcr0);
	put("enclave", "another enclave program", 0700);
	build_ok(epoch, pcr0);
	ck_assert_uint_eq(count_parts("rootfs-"), 2);
	ck_assert_uint_eq(count_parts("runsc-"), 1);
	ck_assert_uint_eq(count_parts("userland-"), 2);
	check_calls("rootfs runsc userland ");
	ck_assert_int_eq(mkdir(in_folder("state/image/.new-rootfs"), 0700), 0);
	ck_assert_int_eq(mkdir(in_folder("state/image/mine"), 0700), 0);
	setenv("TRUSTBUILD_CACHE_MIB", "0", 1);
	build_ok(epoch, pcr0);
	unsetenv("TRUSTBUILD_CACHE_MIB");
	check_calls("");
	ck_assert_uint_eq(count_parts("rootfs-"), 1);
	ck_assert_uint_eq(count_parts("runsc-"), 1);
	ck_assert_uint_eq(count_parts("userland-"), 1);
	ck_assert_uint_eq(count_parts(".new-"), 0);
	ck_assert_uint_eq(count_parts("mine"), 1);
	build_ok(epoch, pcr0);
	check_calls("");
}
END_TEST

START_TEST(missing_inputs_are_named)
{
	static const char *const rows[][2] = {
		{ "enclave", "/nonexistent/tb-enclave" }, { "helper", "/nonexistent/helper" },
		{ "kernel", "/nonexistent/kernel" },      { "extra-ca", "/nonexistent/ca.pem" },
		{ "sources", "/nonexistent/sources" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;
		const char *const set[][2] = { { rows[i][0], rows[i][1] }, { NULL, NULL } };
		char pcr0[97];

		ck_assert_msg(build(set, pcr0, &err) == TRB_E_NOTFOUND, "%s: %s", rows[i][0],
			      trb_error_message(err));
		ck_assert_msg(strstr(trb_error_message(err), rows[i][1]) != NULL, "%s",
			      trb_error_message(err));
	}
}
END_TEST

START_TEST(inputs_are_checked)
{
	static const char *const bad[][2] = { { "nonsense", "x" },  { "kernel", "" },
					      { "epoch", "-1" },    { "epoch", "4294967296" },
					      { "epoch", "1e3" },   { "package", "gcc; rm" },
					      { "package", "a,b" }, { "fresh", "no" },
					      { "runtime", "sh" },  { "runtime", "runsc" } };
	_cleanup_(trb_context_unrefp) trb_context *context = NULL;
	_cleanup_(trb_image_unrefp) trb_image *image = NULL;

	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	ck_assert_int_eq(trb_image_new(NULL, &image, NULL), TRB_E_INVAL);
	ck_assert_ptr_null(image);
	ck_assert_int_eq(trb_image_new(context, &image, NULL), TRB_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(trb_image_set(image, bad[i][0], bad[i][1], NULL) == TRB_E_INVAL,
			      "%s=%s", bad[i][0], bad[i][1]);
	ck_assert_int_eq(trb_image_set(image, "kernel", "a", NULL), TRB_OK);
	ck_assert_int_eq(trb_image_set(image, "kernel", "b", NULL), TRB_E_INVAL);
}
END_TEST

START_TEST(signer_needs_both_files)
{
	static const char *const set[][2] = { { "sign-cert", "x" }, { NULL, NULL } };
	char pcr0[97];

	ck_assert_int_eq(build(set, pcr0, NULL), TRB_E_INVAL);
}
END_TEST

/* Another state directory's build of the same image: waited for, and not written into. */
START_TEST(one_writes_an_image_at_a_time)
{
	char pcr0[97], text[16] = "", done[256];
	int other, status;
	pid_t pid;

	build_ok(NULL, pcr0);
	put("enclave", "another enclave program", 0700);
	put("state/image/enclave.eif.new", "half an image", 0600);
	other = open(in_folder("state/image/enclave.eif.new"), O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(flock(other, LOCK_EX), 0);
	pid = fork();
	if (pid == 0) {
		close(other);
		_exit(build(NULL, pcr0, NULL) != TRB_OK);
	}
	usleep(700000);
	ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
	snprintf(done, sizeof(done), "%s", in_folder("done"));
	ck_assert_int_eq(rename(in_folder("state/image/enclave.eif.new"), done), 0);
	ck_assert_int_eq(pread(other, text, sizeof(text) - 1, 0), 13);
	ck_assert_str_eq(text, "half an image");
	close(other);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(ready_made_ramdisks_need_no_recipe)
{
	char ramdisk[256], kernel[256], out[256], pcr0[97];
	const char *const set[][2] = { { "kernel", kernel },
				       { "ramdisk", ramdisk },
				       { "ramdisk", ramdisk },
				       { "out", out },
				       { NULL, NULL } };
	const char *const no_kernel[][2] = { { "ramdisk", ramdisk }, { NULL, NULL } };

	put("ramdisk", "ramdisk", 0600);
	snprintf(ramdisk, sizeof(ramdisk), "%s", in_folder("ramdisk"));
	snprintf(kernel, sizeof(kernel), "%s", in_folder("library"));
	snprintf(out, sizeof(out), "%s", in_folder("out.eif"));
	ck_assert_int_eq(build(no_kernel, pcr0, NULL), TRB_E_INVAL);
	build_ok(set, pcr0);
	check_calls("");
	ck_assert_int_eq(access(in_folder("out.lock"), F_OK), 0);
}
END_TEST

/* The lock names what the parts' tables name. */
START_TEST(the_lock_lists_packages_and_digests)
{
	const cJSON *rootfs, *first;
	char pcr0[97];
	cJSON *lock;

	build_ok(NULL, pcr0);
	lock = test_json(in_folder("state/image/enclave.lock"));
	ck_assert_str_eq(
		cJSON_GetObjectItem(cJSON_GetObjectItem(lock, "measurements"), "PCR0")->valuestring,
		pcr0);
	rootfs = cJSON_GetObjectItem(lock, "rootfs");
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(rootfs, "packages")), 2);
	first = cJSON_GetArrayItem(cJSON_GetObjectItem(rootfs, "packages"), 0);
	ck_assert_str_eq(cJSON_GetObjectItem(first, "name")->valuestring, "gcc");
	ck_assert_str_eq(cJSON_GetObjectItem(first, "sha256")->valuestring, "abc");
	ck_assert_uint_eq(strlen(cJSON_GetObjectItem(rootfs, "sha256")->valuestring), 64);
	ck_assert_ptr_nonnull(cJSON_GetObjectItem(
		cJSON_GetObjectItem(cJSON_GetObjectItem(lock, "userland"), "files"),
		"usr/bin/tb-enclave"));
	ck_assert_str_eq(
		cJSON_GetObjectItem(cJSON_GetObjectItem(lock, "runsc"), "version")->valuestring,
		"v1");
	cJSON_Delete(lock);
}
END_TEST

/* What the process backend will do: the ramdisks out of the file that was measured. */
START_TEST(ramdisks_can_be_extracted)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_(trb_eif_unrefp) trb_eif *eif = NULL;
	_cleanup_(trb_blob_unrefp) trb_blob *init = NULL, *root = NULL;
	_cleanup_close_ int fd = -1, dirfd = -1;
	char pcr0[97];

	build_ok(NULL, pcr0);
	fd = open(in_folder("state/image/enclave.eif"), O_RDONLY | O_CLOEXEC);
	ck_status(trb_eif_open_fd(NULL, fd, &eif, &err), TRB_OK, err);
	ck_assert_int_eq(mkdir(in_folder("root"), 0700), 0);
	dirfd = open(in_folder("root"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < trb_eif_count_sections(eif); i++) {
		uint64_t offset, size;
		unsigned type;

		ck_status(trb_eif_get_section(eif, i, &type, &offset, &size, &err), TRB_OK, err);
		if (type == TRB_EIF_RAMDISK)
			ck_status(trb_cpio_extract(fd, offset, size, dirfd, &err), TRB_OK, err);
	}
	init = test_file(in_folder("root/init"));
	ck_assert(trb_bytes_eq_str(trb_blob_bytes(init), "the enclave program"));
	root = test_file(in_folder("root/rootfs.erofs"));
	ck_assert(memcmp(trb_blob_bytes(root).ptr, "erofs ", 6) == 0);
	ck_assert_int_eq(access(in_folder("root/usr/libexec/trustbuild/runsc"), X_OK), 0);
	ck_assert_int_eq(access(in_folder("root/etc/trustbuild/rootfs.sha256"), R_OK), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image");
	TCase *tc = tcase_create("image");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, everything_is_made_once);
	tcase_add_test(tc, building_anew_gives_the_same);
	tcase_add_test(tc, a_changed_program_repacks_only);
	tcase_add_test(tc, a_changed_library_or_helper_is_noticed);
	tcase_add_test(tc, packages_and_epoch_make_another_root);
	tcase_add_test(tc, a_changed_recipe_is_made_again);
	tcase_add_test(tc, a_damaged_image_is_packed_again);
	tcase_add_test(tc, a_failing_program_is_named_with_its_last_line);
	tcase_add_test(tc, an_abandoned_script_ends);
	tcase_add_test(tc, an_abandoned_script_is_waited_for);
	tcase_add_test(tc, unused_parts_make_room);
	tcase_add_test(tc, missing_inputs_are_named);
	tcase_add_test(tc, inputs_are_checked);
	tcase_add_test(tc, signer_needs_both_files);
	tcase_add_test(tc, one_writes_an_image_at_a_time);
	tcase_add_test(tc, ready_made_ramdisks_need_no_recipe);
	tcase_add_test(tc, the_lock_lists_packages_and_digests);
	tcase_add_test(tc, ramdisks_can_be_extracted);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
