/* SPDX-License-Identifier: Apache-2.0 */
/* What must not outlive its use: the key of a build, and a token.  Both are looked for, not taken
 * on trust: in the memory of the enclave client, and in everything that anybody else gets to see.
 * Started by run, as enclave.c is. */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/mman.h>

#include "core/io.h"
#include "enclave/build.h"
#include "format/dsse.h"
#include "hosts.h"

#define MASK      0xa5
#define CHUNK     (1u << 20)
#define HALF      16u
#define NEEDLES   8u
#define TOKEN_MAX 128u

/* What is looked for is kept masked, so that the search does not find itself. */
struct needles {
	size_t n;
	size_t len[NEEDLES];
	uint8_t masked[NEEDLES][TOKEN_MAX];
};
static struct {
	struct needles key;
	unsigned keys, while_signing, before_the_step_after;
	bool step_after;
} * shared;
static struct host h;

static void add_needle(struct needles *all, const void *bytes, size_t n)
{
	ck_assert(all->n < NEEDLES && n <= TOKEN_MAX);
	for (size_t i = 0; i < n; i++)
		all->masked[all->n][i] = ((const uint8_t *)bytes)[i] ^ MASK;
	all->len[all->n++] = n;
}

static unsigned count_in(const struct needles *all, uint8_t *bytes, size_t n)
{
	unsigned found = 0;

	for (size_t i = 0; i < n; i++)
		bytes[i] ^= MASK;
	for (size_t k = 0; k < all->n; k++)
		for (uint8_t *at = bytes; (at = memmem(at, n - (size_t)(at - bytes), all->masked[k],
						       all->len[k])) != NULL;
		     at++)
			found++;
	return found;
}

static unsigned count_in_range(const struct needles *all, int mem, uint64_t from, uint64_t to,
			       uint8_t *chunk)
{
	unsigned found = 0;
	ssize_t got;

	for (; from < to &&
	       (got = pread(mem, chunk, to - from < CHUNK ? to - from : CHUNK, (off_t)from)) > 0;
	     from += (uint64_t)got < to - from ? (uint64_t)got - TOKEN_MAX : (uint64_t)got)
		found += count_in(all, chunk, (size_t)got);
	return found;
}

/* In everything that process may write, its stack and its heap among it. */
static unsigned count_in_memory(const struct needles *all, const char *pid)
{
	uint8_t *chunk =
		mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char path[64], line[512], rights[8];
	unsigned long long from, to;
	unsigned found = 0;
	FILE *maps;
	int mem;

	snprintf(path, sizeof(path), "/proc/%s/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "re");
	if (chunk == MAP_FAILED || mem < 0 || maps == NULL)
		abort();
	while (fgets(line, sizeof(line), maps) != NULL) {
		ck_assert_int_eq(sscanf(line, "%llx-%llx %7s", &from, &to, rights), 3);
		if (rights[1] != 'w' || from == (uintptr_t)chunk)
			continue;
		/* the kernel joins neighbours: the chunk may be a part of one */
		if (from <= (uintptr_t)chunk && (uintptr_t)chunk < to && strcmp(pid, "self") == 0) {
			found += count_in_range(all, mem, from, (uintptr_t)chunk, chunk);
			from = (uintptr_t)chunk + CHUNK;
		}
		found += count_in_range(all, mem, from, to, chunk);
	}
	fclose(maps);
	close(mem);
	munmap(chunk, CHUNK);
	return found;
}

/* --- the key --- */

/* Halves, so that a part of it is found, too; as numbers are written, and as they are kept. */
static void add_key(struct needles *all, EVP_PKEY *key)
{
	uint8_t bytes[32], turned[32];
	BIGNUM *d = NULL;

	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d) != 1 ||
	    BN_bn2binpad(d, bytes, sizeof(bytes)) != sizeof(bytes))
		abort();
	for (size_t i = 0; i < sizeof(bytes); i++)
		turned[i] = bytes[sizeof(bytes) - 1 - i];
	add_needle(all, bytes, HALF);
	add_needle(all, bytes + HALF, HALF);
	add_needle(all, turned, HALF);
	add_needle(all, turned + HALF, HALF);
	BN_clear_free(d);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(turned, sizeof(turned));
}

int __real_trb_dsse_key_new(EVP_PKEY **ret, trb_error **err);
int __wrap_trb_dsse_key_new(EVP_PKEY **ret, trb_error **err);
int __wrap_trb_dsse_key_new(EVP_PKEY **ret, trb_error **err)
{
	int r = __real_trb_dsse_key_new(ret, err);

	shared->keys++;
	if (r == TRB_OK)
		add_key(&shared->key, *ret);
	return r;
}

int __real_trb_dsse_sign(EVP_PKEY *key, trb_bytes payload, trb_blob **ret, trb_error **err);
int __wrap_trb_dsse_sign(EVP_PKEY *key, trb_bytes payload, trb_blob **ret, trb_error **err);
int __wrap_trb_dsse_sign(EVP_PKEY *key, trb_bytes payload, trb_blob **ret, trb_error **err)
{
	int r = __real_trb_dsse_sign(key, payload, ret, err);

	shared->while_signing = count_in_memory(&shared->key, "self");
	return r;
}

int __real_trb_build_new_after(trb_build *build, trb_bytes attestation, trb_bytes statement,
			       trb_build **ret, trb_error **err);
int __wrap_trb_build_new_after(trb_build *build, trb_bytes attestation, trb_bytes statement,
			       trb_build **ret, trb_error **err);
int __wrap_trb_build_new_after(trb_build *build, trb_bytes attestation, trb_bytes statement,
			       trb_build **ret, trb_error **err)
{
	shared->step_after = true;
	shared->before_the_step_after = count_in_memory(&shared->key, "self");
	return __real_trb_build_new_after(build, attestation, statement, ret, err);
}

static void fresh(void)
{
	memset(&h, 0, sizeof(h));
	shared = host_share(sizeof(*shared));
}

START_TEST(the_key_is_gone_before_the_step_after)
{
	host_begin(&h);
	host_send_request(&h, NULL);
	host_reach(&h, TRB_STATE_DONE);
	ck_assert_uint_eq(shared->keys, 1);
	ck_assert_uint_gt(shared->while_signing, 0); /* the search finds what is there */
	ck_assert(shared->step_after);
	ck_assert_uint_eq(shared->before_the_step_after, 0);
	ck_assert_int_eq(host_stop(&h).code, TRB_OK);
}
END_TEST

/* --- the token --- */

static size_t read_token(char token[TOKEN_MAX])
{
	int fd = open(getenv("TRB_TEST_TOKEN_FILE"), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, token, TOKEN_MAX) : -1;

	ck_assert_int_gt(n, 4 * HALF - 8);
	close(fd);
	return (size_t)n;
}

/* The token itself, its secret part, and both as HTTP and JSON carry them: in base64, whose letters
 * depend on where in three bytes it begins. */
static void add_token(struct needles *all, const char *token, size_t n)
{
	const char *secret = memchr(token, ':', n);
	size_t len;

	ck_assert_ptr_nonnull(secret);
	secret++;
	len = n - (size_t)(secret - token);
	/* who frees memory without wiping it may see its beginning overwritten, and its end not */
	add_needle(all, secret, HALF);
	add_needle(all, secret + len - HALF, HALF);
	for (size_t shift = 0; shift < 3; shift++) {
		uint8_t text[TOKEN_MAX] = { 0 }, letters[2 * TOKEN_MAX];
		int m;

		memcpy(text + shift, secret, len);
		m = EVP_EncodeBlock(letters, text, (int)(shift + len));
		/* the first and the last letters depend on the neighbours */
		add_needle(all, letters + 4, (size_t)m - 8);
	}
}

static void nowhere_in(const struct needles *all, trb_bytes bytes, const char *where)
{
	uint8_t *copy = malloc(bytes.len + 1);

	ck_assert_ptr_nonnull(copy);
	if (bytes.len > 0)
		memcpy(copy, bytes.ptr, bytes.len);
	ck_assert_msg(count_in(all, copy, bytes.len) == 0, "the token is in %s", where);
	free(copy);
}

static void nowhere_in_file(const struct needles *all, int dirfd, const char *path)
{
	_cleanup_(trb_blob_unrefp) trb_blob *bytes = NULL;
	_cleanup_buf_ struct trb_buf all_of_it = { 0 };
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t block[4096];
	ssize_t got;

	trb_buf_init(&all_of_it, 64u << 20);
	while (fd >= 0 && (got = read(fd, block, sizeof(block))) > 0)
		ck_assert_int_eq(trb_buf_add(&all_of_it, TRB_BYTES(block, got)), TRB_OK);
	nowhere_in(all, trb_buf_bytes(&all_of_it), path);
}

static long parent_of(const char *pid)
{
	char path[64], line[512] = "";
	long parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	f = fopen(path, "re");
	if (f != NULL && fgets(line, sizeof(line), f) != NULL && strrchr(line, ')') != NULL)
		sscanf(strrchr(line, ')') + 1, " %*c %ld", &parent);
	if (f != NULL)
		fclose(f);
	return parent;
}

static bool is_inside(const char *pid)
{
	char number[24];

	snprintf(number, sizeof(number), "%.20s", pid);
	for (long p = atol(pid); p > 1; p = parent_of(number)) {
		if (p == (long)h.enclave)
			return true;
		snprintf(number, sizeof(number), "%ld", p);
	}
	return false;
}

/* The enclave's processes: their arguments and environments.  How many there were. */
static unsigned nowhere_in_processes(const struct needles *all)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	unsigned n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		char path[300];

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !is_inside(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/cmdline", entry->d_name);
		nowhere_in_file(all, dirfd(dir), path);
		snprintf(path, sizeof(path), "%s/environ", entry->d_name);
		nowhere_in_file(all, dirfd(dir), path);
		n++;
	}
	closedir(dir);
	return n;
}

static void nowhere_in_files(const struct needles *all, const char *path, unsigned *ret_n)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		_cleanup_free_ char *below = NULL;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		ck_assert_int_gt(asprintf(&below, "%s/%s", path, entry->d_name), 0);
		if (entry->d_type == DT_DIR)
			nowhere_in_files(all, below, ret_n);
		if (entry->d_type != DT_REG)
			continue;
		nowhere_in_file(all, AT_FDCWD, below);
		++*ret_n;
	}
	if (dir != NULL)
		closedir(dir);
}

static void nowhere_in_results(const struct needles *all, trb_bytes request)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = host_bundle(&h, request);
	_cleanup_(trb_blob_unrefp) trb_blob *json = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_status(trb_bundle_encode(bundle, &json, &err), TRB_OK, err);
	nowhere_in(all, trb_blob_bytes(json), "the bundle");
	for (size_t i = TRB_PART_ENVIRONMENT; i < 6; i++) {
		ck_assert_uint_gt(h.parts[i].len, 0);
		nowhere_in(all, trb_buf_bytes(&h.parts[i]), "a part of the result");
	}
	for (size_t i = 0; i < 3; i++)
		nowhere_in(all, trb_buf_bytes(&h.printed[i]), "what was printed");
}

static void wait_for_memory(const struct needles *all, const char *pid)
{
	int64_t deadline = 200;

	while (count_in_memory(all, pid) == 0 && --deadline > 0)
		usleep(10000);
	ck_assert_msg(deadline > 0, "the search does not find the token where it is");
}

/* The enclave's own, and none that the way there has left: nothing happens now that could write
 * over what was freed. */
static void one_copy_only(const struct needles *all, const char *pid)
{
	unsigned n = 0;

	/* both halves of it; more for as long as the message is being taken */
	for (int i = 0; i < 100 && (n = count_in_memory(all, pid)) != 2; i++)
		usleep(10000);
	ck_assert_msg(n == 2, "%u halves of the token are in memory, not 2", n);
}

/* Sends the token and a request for the repository that it opens. */
static trb_blob *request_private(struct needles *all, char pid[24])
{
	char token[TOKEN_MAX];
	trb_blob *bytes;
	size_t len;

	setenv("TRB_TEST_REPOSITORY", getenv("TRB_TEST_PRIVATE"), 1);
	setenv("TRB_TEST_COMMIT", getenv("TRB_TEST_PRIVATE_COMMIT"), 1);
	bytes = host_request(NULL);
	host_begin(&h);
	len = read_token(token); /* now: what was forked before does not have it from us */
	add_token(all, token, len);
	snprintf(pid, 24, "%ld", (long)h.enclave);
	ck_assert_uint_eq(count_in_memory(all, pid), 0);
	host_send_bytes(&h, TRB_MSG_CREDENTIAL, TRB_BYTES(token, len));
	wait_for_memory(all, pid);
	one_copy_only(all, pid);
	host_send_bytes(&h, TRB_MSG_REQUEST, trb_blob_bytes(bytes));
	return bytes;
}

/* The fetch does not get far; a submodule below the repository would need it again. */
START_TEST(a_token_is_kept_once_while_it_is_needed)
{
	struct trb_control msg = { .type = TRB_MSG_CANCEL };
	struct needles all = { 0 };
	char pid[24];

	h.egress = EGRESS_SILENT;
	trb_blob_unref(request_private(&all, pid));
	host_reach(&h, TRB_STATE_FETCHING);
	one_copy_only(&all, pid);
	ck_assert_uint_ge(nowhere_in_processes(&all), 3);
	host_send(&h, &msg);
	ck_assert_int_eq(host_stop(&h).code, TRB_E_CANCELED);
}
END_TEST

START_TEST(a_token_is_nowhere_but_on_its_way)
{
	_cleanup_(trb_blob_unrefp) trb_blob *bytes = NULL;
	struct needles all = { 0 };
	unsigned n = 0;
	char pid[24];

	bytes = request_private(&all, pid);
	host_reach(&h, TRB_STATE_BUILDING);
	usleep(500000); /* the sandbox has begun, and lives for two seconds */
	ck_assert_uint_ge(nowhere_in_processes(&all), 3);
	ck_assert_uint_eq(count_in_memory(&all, pid), 0);
	nowhere_in_files(&all, h.work, &n);
	ck_assert_uint_ge(n, 4); /* the tree, the job, the specification */
	host_reach(&h, TRB_STATE_DONE);
	nowhere_in_results(&all, trb_blob_bytes(bytes));
	ck_assert_uint_gt(h.printed[1].len, 1000); /* the build did look around */
	n = 0;
	nowhere_in_files(&all, h.out, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(host_stop(&h).code, TRB_OK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("secrets");
	TCase *t = tcase_create("secrets");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, fresh, NULL);
	tcase_add_test(t, the_key_is_gone_before_the_step_after);
	tcase_add_test(t, a_token_is_kept_once_while_it_is_needed);
	tcase_add_test(t, a_token_is_nowhere_but_on_its_way);
	suite_add_tcase(s, t);
	return test_run(s);
}
