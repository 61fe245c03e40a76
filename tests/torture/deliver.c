/* SPDX-License-Identifier: Apache-2.0 */
/* A build's files, from the sandbox's records to the host, with the n-th allocation or system call
 * failing: each is recorded with the digest of its own bytes, and the host has these, or none is.
 */
#include "../unit/support.h"

#include <openssl/sha.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/channel.h"
#include "core/error.h"
#include "enclave/client.h"
#include "torture.h"

#define FILES 3
#define BIG   70001u /* more than one block */

static struct {
	const char *name;
	size_t size;
	uint8_t *bytes, digest[32];
} files[FILES] = { { .name = "big", .size = BIG },
		   { .name = "dir/small", .size = 5 },
		   { .name = "empty", .size = 0 } };

static char folder[] = "/tmp/torture-deliver-XXXXXX";
static char transport[64];
static struct trb_buf stream;
static int control[2] = { -1, -1 };
static pid_t host;
/* What the host stored; shared with it. */
static struct stored {
	uint8_t digest[FILES][32];
} * stored;

/* --- the host: a process of its own, in which nothing fails --- */

static bool read_all(int fd, uint8_t *p, size_t n)
{
	for (ssize_t got; n > 0; p += got, n -= (size_t)got)
		if ((got = read(fd, p, n)) <= 0)
			return false;
	return true;
}

static void store_one(int fd)
{
	static uint8_t room[BIG];
	trb_blob *frame = NULL, *owner = NULL;
	struct trb_file_head head = { 0 };
	size_t i = 0;

	if (trb_frame_recv(fd, TRB_FILE_HEAD_MAX, 5000, &frame, NULL) == TRB_OK &&
	    trb_file_head_decode(trb_blob_bytes(frame), &head, &owner, NULL) == TRB_OK) {
		while (i < FILES && !trb_bytes_eq(head.name, trb_bytes_str(files[i].name)))
			i++;
		if (i < FILES && head.size <= BIG && read_all(fd, room, head.size)) {
			SHA256(room, head.size, stored->digest[i]);
			send(fd, &(uint8_t){ TRB_FILE_STORED }, 1, MSG_NOSIGNAL);
		}
	}
	trb_blob_unref(owner);
	trb_blob_unref(frame);
}

static void serve(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	while (poll(&p, 1, -1) > 0) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		store_one(fd);
		close(fd);
	}
	_exit(1);
}

/* --- the sandbox's records --- */

static void put_record(char type, size_t n, uint64_t v)
{
	uint8_t head[TRB_RECORD_HEAD] = { (uint8_t)type };

	for (int i = 0; i < 4; i++)
		head[4 + i] = (uint8_t)(n >> (24 - 8 * i));
	for (int i = 0; i < 8; i++)
		head[8 + i] = (uint8_t)(v >> (56 - 8 * i));
	trb_buf_add(&stream, TRB_BYTES(head, sizeof(head)));
}

static void make_stream(void)
{
	trb_buf_init(&stream, 1 << 20);
	for (size_t i = 0; i < FILES; i++) {
		files[i].bytes = malloc(files[i].size + 1);
		for (size_t k = 0; k < files[i].size; k++)
			files[i].bytes[k] = (uint8_t)(k * 7 + (k >> 8) + i);
		SHA256(files[i].bytes, files[i].size, files[i].digest);
		put_record('F', strlen(files[i].name), files[i].size);
		trb_buf_add_str(&stream, files[i].name);
		trb_buf_add(&stream, TRB_BYTES(files[i].bytes, files[i].size));
	}
	put_record('Z', 0, 0);
	ck_assert_int_eq(stream.status, TRB_OK);
}

static void set_up(void)
{
	int listener = -1;

	ck_assert(mkdtemp(folder) != NULL);
	snprintf(transport, sizeof(transport), "unix:%s", folder);
	make_stream();
	stored = mmap(NULL, sizeof(*stored), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ck_assert(stored != MAP_FAILED);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control), 0);
	ck_assert_int_eq(trb_stream_listen(transport, TRB_PORT_ARTIFACT, &listener, NULL), TRB_OK);
	host = fork();
	ck_assert_int_ge(host, 0);
	if (host == 0)
		serve(listener);
	close(listener);
}

static void tear_down(void)
{
	kill(host, SIGKILL);
	waitpid(host, NULL, 0);
	unlink(test_path(folder, "5003"));
	rmdir(folder);
	trb_buf_clear(&stream);
	for (size_t i = 0; i < FILES; i++)
		free(files[i].bytes);
}

static void forget(void)
{
	memset(stored->digest, 0, sizeof(stored->digest));
}

static bool wanted(const char *name, void *user)
{
	(void)name;
	(void)user;
	return true;
}

static void command(uint32_t index, void *user)
{
	(void)index;
	(void)user;
}

static void compare(const struct trb_artifacts *all)
{
	torture_note(all->n != FILES, "not all files");
	for (size_t i = 0; i < all->n && i < FILES; i++) {
		const struct trb_artifact *a = &all->entries[i];

		torture_note(!trb_bytes_eq(a->name, trb_bytes_str(files[i].name)) ||
				     a->size != files[i].size,
			     "another name or size");
		torture_note(memcmp(a->digest, files[i].digest, 32) != 0,
			     "recorded with a digest that is not its bytes'");
		torture_note(memcmp(stored->digest[i], files[i].digest, 32) != 0,
			     "the host has other bytes");
	}
}

static int deliver(const char **ret_check)
{
	struct trb_enclave e = { .transport = transport, .control = control[0] };
	struct trb_build build = { .state = TRB_BUILD_DONE };
	struct trb_artifacts all = { 0 };
	trb_blob *encoded = NULL;
	trb_error *err = NULL;
	int r;

	build.records.max_bytes = 1 << 20;
	build.records.wanted = wanted;
	build.records.command = command;
	r = trb_records_init(&build.records, &err);
	if (r == TRB_OK)
		r = trb_records_feed(&build.records, trb_buf_bytes(&stream), &err);
	if (r == TRB_OK && !trb_records_whole(&build.records))
		r = trb_fail(&err, TRB_E_STATE, "the records have not ended");
	if (r == TRB_OK)
		r = trb_enclave_stream_files(&e, &build, TRB_FILE_ARTIFACT, &all, &err);
	torture_note(r < 0 && all.entries != NULL, "artifacts in spite of a failure");
	if (r == TRB_OK) {
		compare(&all);
		r = trb_artifacts_encode(&all, &encoded, &err);
	}
	torture_stop();
	trb_blob_unref(encoded);
	trb_artifacts_clear(&all);
	trb_records_clear(&build.records);
	return torture_end(r, err, ret_check);
}

static const struct torture rows[] = {
	{ "hand out artifacts", deliver, TRB_OK, NULL, 15, forget },
};
TORTURE_MAIN("deliver", rows, set_up, tear_down)
