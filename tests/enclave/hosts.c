/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts for the enclave client, honest and hostile. */
#include "hosts.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <trustbuild/sys/enclave.h>

#include "core/channel.h"
#include "core/io.h"
#include "egress/egress.h"
#include "format/cbor.h"
#include "host/softnsm/softnsm.h"
#include "support.h"

#define WAIT_MS 60000

static const unsigned ports[] = { TRB_PORT_CONTROL, TRB_PORT_EGRESS, TRB_PORT_NSM,
				  TRB_PORT_ARTIFACT };
static const uint8_t booted[3][TRB_SHA384_LEN] = { { 1 }, { 2 }, { 3 } };

static const char *need(const char *name)
{
	const char *value = getenv(name);

	ck_assert_msg(value != NULL, "%s is not set: run tests/enclave/run", name);
	return value;
}

/* --- the NSM --- */

static void extend_before(struct trb_softnsm *nsm)
{
	const struct trb_nsm_request request = { .op = TRB_NSM_EXTEND_PCR,
						 .index = 16,
						 .data = TRB_BYTES_LIT("x") };
	trb_blob *bytes = NULL, *answer = NULL;

	ck_assert_int_eq(trb_nsm_request_encode(&request, &bytes, NULL), TRB_OK);
	ck_assert_int_eq(trb_softnsm_answer(nsm, trb_blob_bytes(bytes), &answer, NULL), TRB_OK);
	trb_blob_unref(bytes);
	trb_blob_unref(answer);
}

/* Another request in place of the one that came; NULL: answer honestly. */
static trb_blob *twist(enum nsm_mood mood, trb_bytes bytes)
{
	struct trb_nsm_request request;
	trb_blob *owner = NULL, *other = NULL;
	static uint8_t claim[TRB_CLAIM_MAX];

	if (trb_nsm_request_decode(bytes, &request, &owner) != TRB_NSM_SUCCESS)
		return NULL;
	if (mood == NSM_LYING && request.op == TRB_NSM_ATTESTATION && request.user_data.len > 0) {
		memcpy(claim, request.user_data.ptr, request.user_data.len);
		claim[request.user_data.len - 1] ^= 1;
		request.user_data.ptr = claim;
		ck_assert_int_eq(trb_nsm_request_encode(&request, &other, NULL), TRB_OK);
	}
	if (mood == NSM_FORGETFUL && request.op == TRB_NSM_LOCK_PCR) {
		request.index = 30;
		ck_assert_int_eq(trb_nsm_request_encode(&request, &other, NULL), TRB_OK);
	}
	trb_blob_unref(owner);
	return other;
}

static void observe(const struct host *h, trb_bytes bytes, trb_bytes answer)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_nsm_request request;

	if (h->on_nsm != NULL && trb_nsm_request_decode(bytes, &request, &owner) == TRB_NSM_SUCCESS)
		h->on_nsm(h, &request, answer);
}

static bool answer_one(const struct host *h, struct trb_softnsm *nsm, int fd)
{
	trb_blob *request = NULL, *other = NULL, *answer = NULL;
	bool ok = trb_frame_recv(fd, TRB_NSM_REQUEST_MAX, WAIT_MS, &request, NULL) == TRB_OK;

	if (ok) {
		other = twist(h->nsm, trb_blob_bytes(request));
		ok = trb_softnsm_answer(nsm, trb_blob_bytes(other != NULL ? other : request),
					&answer, NULL) == TRB_OK;
	}
	if (ok) {
		observe(h, trb_blob_bytes(request), trb_blob_bytes(answer));
		ok = trb_frame_send(fd, trb_blob_bytes(answer), TRB_NSM_RESPONSE_MAX, WAIT_MS,
				    NULL) == TRB_OK;
	}
	trb_blob_unref(request);
	trb_blob_unref(other);
	trb_blob_unref(answer);
	return ok;
}

static void serve_nsm(const struct host *h)
{
	struct pollfd p[8] = { { .fd = h->listeners[2], .events = POLLIN } };
	struct trb_softnsm *nsm = NULL;
	nfds_t n = 1;

	if (h->in_nsm != NULL)
		h->in_nsm();
	ck_assert_int_eq(trb_softnsm_new(h->state, booted, &nsm, NULL), TRB_OK);
	if (h->nsm == NSM_EXTENDED)
		extend_before(nsm);
	for (;;) {
		poll(p, n, -1);
		for (nfds_t i = n - 1; i > 0; i--)
			if (p[i].revents != 0 && !answer_one(h, nsm, p[i].fd)) {
				close(p[i].fd);
				p[i] = p[--n];
			}
		if (p[0].revents != 0 && n < 8)
			p[n++] = (struct pollfd){ .fd = accept(p[0].fd, NULL, NULL),
						  .events = POLLIN };
	}
}

/* --- the network, the store --- */

static void serve_egress(const struct host *h, int lifeline)
{
	struct trb_egress egress = { .n_ports = 1, .n_private = 1 };

	egress.ports[0] = (uint16_t)atoi(need("TRB_TEST_PORT"));
	egress.private[0].host = "localhost";
	egress.private[0].port = egress.ports[0];
	if (h->egress == EGRESS_SILENT)
		for (;;)
			pause();
	trb_egress_serve(lifeline, h->listeners[1], &egress, NULL);
}

static void store_file(const struct host *h, int fd)
{
	trb_blob *head = NULL;
	cbor_item_t *item = NULL, **parts;
	trb_bytes name;
	uint64_t kind, size;
	size_t n;
	char path[512];
	int out;

	ck_assert_int_eq(trb_frame_recv(fd, 512, WAIT_MS, &head, NULL), TRB_OK);
	ck_assert_int_eq(
		trb_cbor_load(trb_blob_bytes(head), TRB_CBOR_DETERMINISTIC, "head", &item, NULL),
		TRB_OK);
	ck_assert_int_eq(trb_cbor_array(item, 3, 3, "head", &parts, &n, NULL), TRB_OK);
	ck_assert_int_eq(trb_cbor_uint(parts[0], 1, "kind", &kind, NULL), TRB_OK);
	ck_assert_int_eq(trb_cbor_tstr(parts[1], 1, 255, "name", &name, NULL), TRB_OK);
	ck_assert_int_eq(trb_cbor_uint(parts[2], UINT64_MAX, "size", &size, NULL), TRB_OK);
	snprintf(path, sizeof(path), "%s/%llu-%.*s", h->out, (unsigned long long)kind,
		 (int)name.len, name.ptr);
	for (char *p = path + strlen(h->out) + 1; *p != '\0'; p++)
		*p = *p == '/' ? '_' : *p;
	out = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ck_assert_int_ge(out, 0);
	while (size > 0) {
		char block[4096];
		ssize_t got = read(fd, block, size < sizeof(block) ? size : sizeof(block));

		ck_assert_int_gt(got, 0);
		ck_assert_int_eq(write(out, block, (size_t)got), got);
		size -= (uint64_t)got;
	}
	close(out);
	ck_assert_int_eq(write(fd, "\006", 1), 1);
	close(fd);
}

static void serve_store(const struct host *h)
{
	struct pollfd p = { .fd = h->listeners[3], .events = POLLIN };

	for (;;) {
		int fd;

		poll(&p, 1, -1);
		fd = accept(p.fd, NULL, NULL);
		if (h->store == STORE_HONEST)
			store_file(h, fd);
		else if (h->store == STORE_CLOSING)
			close(fd);
	}
}

static pid_t fork_server(struct host *h, int which, int lifeline)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0) {
		setpgid(pid, pid); /* whoever is first: a test may end before the child has begun */
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	if (which == 0)
		serve_nsm(h);
	else if (which == 1)
		serve_egress(h, lifeline);
	else
		serve_store(h);
	_exit(0);
}

/* --- the enclave --- */

static void copy_text(char *to, size_t room, const char *from)
{
	snprintf(to, room, "%s", from != NULL ? from : "");
}

static void serve_enclave(struct host *h, int verdict)
{
	struct verdict v = { 0 };
	trb_context *context = NULL;
	trb_error *err = NULL;
	char conf[1024], digest[64];

	for (size_t i = 0; i < 4; i++)
		close(h->listeners[i]);
	if (h->in_enclave != NULL)
		h->in_enclave();
	snprintf(digest, sizeof(digest), "%s/rootfs.sha256", h->dir);
	snprintf(conf, sizeof(conf),
		 "transport=%s,nsm=softnsm,work=%s,rootfs=%s,rootfs_digest=%s,ca=%s,pool=%s",
		 h->address, h->work, need("TRB_TEST_ROOTFS"), digest, need("TRB_TEST_CA"),
		 h->pool);
	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	ck_assert_int_eq(trb_context_set_libexec_dir(context, need("TRB_TEST_LIBEXEC"), NULL),
			 TRB_OK);
	v.code = trb_enclave_serve(context, conf, &err);
	copy_text(v.check, sizeof(v.check), trb_error_check(err));
	for (const trb_error *e = err; e != NULL; e = trb_error_cause(e)) {
		size_t len = strlen(v.message);

		snprintf(v.message + len, sizeof(v.message) - len, "%s; ", trb_error_message(e));
	}
	trb_error_unref(err);
	trb_context_unref(context);
	if (write(verdict, &v, sizeof(v)) != sizeof(v))
		_exit(1);
	exit(0); /* not _exit(): the leak checker looks now */
}

static void accept_control(struct host *h)
{
	struct pollfd p = { .fd = h->listeners[0], .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
	h->control = accept(p.fd, NULL, NULL);
	ck_assert_int_ge(h->control, 0);
}

static void make_places(struct host *h)
{
	int fd;

	copy_text(h->dir, sizeof(h->dir), "/tmp/trb-enclave-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(h->dir));
	snprintf(h->address, sizeof(h->address), "unix:%s/ports", h->dir);
	snprintf(h->work, sizeof(h->work), "%s/work", h->dir);
	snprintf(h->state, sizeof(h->state), "%s/state", h->dir);
	snprintf(h->out, sizeof(h->out), "%s/out", h->dir);
	snprintf(h->pool, sizeof(h->pool), "%s/pool", h->dir);
	fd = open(h->pool, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(mkdir(h->address + 5, 0755) | mkdir(h->state, 0700) | mkdir(h->out, 0700),
			 0);
	if (h->wrong_digest != NULL) {
		int dirfd = open(h->dir, O_PATH | O_DIRECTORY);

		ck_assert_int_eq(trb_write_file(dirfd, "rootfs.sha256",
						trb_bytes_str(h->wrong_digest), 0600, NULL),
				 TRB_OK);
		close(dirfd);
	}
}

void host_start(struct host *h)
{
	int lifeline[2], verdict[2];
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	make_places(h);
	for (size_t i = 0; i < 4; i++)
		ck_status(trb_stream_listen(h->address, ports[i], &h->listeners[i], &err), TRB_OK,
			  err);
	for (size_t i = 0; i < 6; i++)
		trb_buf_init(&h->parts[i], 1 << 20);
	for (size_t i = 0; i < 3; i++)
		trb_buf_init(&h->printed[i], 1 << 24);
	ck_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, lifeline) == 0 && pipe(verdict) == 0);
	fcntl(lifeline[1], F_SETFD, FD_CLOEXEC);
	for (int i = 0; i < 3; i++)
		h->servers[i] = fork_server(h, i, lifeline[0]);
	close(lifeline[0]);
	h->lifeline = lifeline[1];
	h->enclave = fork();
	ck_assert_int_ge(h->enclave, 0);
	if (h->enclave == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(verdict[0]);
		serve_enclave(h, verdict[1]);
	}
	close(verdict[1]);
	h->verdict = verdict[0];
	accept_control(h);
}

/* Processes that were told about the enclave's own directory. */
static int count_processes(const struct host *h)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		_cleanup_free_ char *path = NULL;
		char line[8192];
		ssize_t got;
		int fd;

		if (asprintf(&path, "/proc/%s/cmdline", entry->d_name) < 0)
			continue;
		fd = open(path, O_RDONLY);
		got = fd >= 0 ? read(fd, line, sizeof(line)) : 0;
		if (fd >= 0)
			close(fd);
		n += got > 0 && memmem(line, (size_t)got, h->work, strlen(h->work)) != NULL;
	}
	closedir(dir);
	return n;
}

struct verdict host_stop(struct host *h)
{
	struct pollfd p = { .fd = h->verdict, .events = POLLIN };
	struct verdict v = { 0 };
	int status;

	if (h->control >= 0)
		close(h->control);
	ck_assert_msg(poll(&p, 1, WAIT_MS) == 1, "the enclave hangs");
	ck_assert_int_eq(read(h->verdict, &v, sizeof(v)), sizeof(v));
	ck_assert_int_eq(waitpid(h->enclave, &status, 0), h->enclave);
	ck_assert_msg(status == 0, "the enclave's process ends with status %x", status);
	ck_assert_int_ne(access(h->work, F_OK), 0);
	ck_assert_int_eq(count_processes(h), 0);
	close(h->lifeline);
	for (int i = 0; i < 3; i++) {
		kill(-h->servers[i], SIGKILL);
		ck_assert_int_eq(waitpid(h->servers[i], &status, 0), h->servers[i]);
	}
	for (size_t i = 0; i < 4; i++)
		close(h->listeners[i]);
	close(h->verdict);
	for (size_t i = 0; i < 6; i++)
		trb_buf_clear(&h->parts[i]);
	for (size_t i = 0; i < 3; i++)
		trb_buf_clear(&h->printed[i]);
	ck_assert_int_eq(trb_remove_tree(AT_FDCWD, h->dir, NULL), TRB_OK);
	return v;
}

/* --- the channel --- */

void host_send_raw(struct host *h, trb_bytes bytes)
{
	while (bytes.len > 0) {
		ssize_t n = send(h->control, bytes.ptr, bytes.len, MSG_NOSIGNAL);

		if (n < 0)
			return; /* it may have closed already, which the verdict tells */
		trb_bytes_take(&bytes, (size_t)n);
	}
}

void host_send(struct host *h, const struct trb_control *msg)
{
	_cleanup_(trb_blob_unrefp) trb_blob *bytes = NULL;

	ck_assert_int_eq(trb_control_encode(msg, &bytes, NULL), TRB_OK);
	trb_frame_send(h->control, trb_blob_bytes(bytes), TRB_FRAME_MAX, WAIT_MS, NULL);
}

void host_send_bytes(struct host *h, enum trb_control_type type, trb_bytes bytes)
{
	struct trb_control msg = { .type = type };

	if (type == TRB_MSG_CREDENTIAL)
		msg.u.credential.token = bytes;
	else
		msg.u.bytes = bytes;
	host_send(h, &msg);
}

void host_hello(struct host *h, uint64_t version)
{
	struct trb_control msg;
	_cleanup_(trb_blob_unrefp) trb_blob *frame = NULL, *owner = NULL;

	ck_assert_int_eq(trb_frame_recv(h->control, TRB_FRAME_MAX, WAIT_MS, &frame, NULL), TRB_OK);
	ck_assert_int_eq(trb_control_decode(trb_blob_bytes(frame), &msg, &owner, NULL), TRB_OK);
	ck_assert_int_eq(msg.type, TRB_MSG_HELLO);
	ck_assert_uint_eq(msg.u.version, TRB_CONTROL_VERSION);
	msg.u.version = version;
	host_send(h, &msg);
}

static void keep(struct host *h, const struct trb_control *msg)
{
	if (msg->type == TRB_MSG_PROGRESS) {
		trb_buf_add(&h->printed[msg->u.progress.stream], msg->u.progress.text);
	} else if (msg->type == TRB_MSG_RESULT) {
		ck_assert(!h->done[msg->u.result.part]);
		trb_buf_add(&h->parts[msg->u.result.part], msg->u.result.bytes);
		h->done[msg->u.result.part] = msg->u.result.last;
	} else if (msg->type == TRB_MSG_STATE) {
		ck_assert_uint_lt(h->n_states, 16);
		h->states[h->n_states++] = (unsigned)msg->u.state.state;
		if (msg->u.state.state == TRB_STATE_COMMITTED) {
			ck_assert(!h->has_commit); /* one CT only */
			h->has_commit = true;
			h->commit = msg->u.state.commit;
			h->history = msg->u.state.history;
		}
	} else {
		ck_assert(msg->type == TRB_MSG_ERROR || msg->type == TRB_MSG_HELLO);
	}
}

bool host_follow(struct host *h, unsigned state)
{
	for (;;) {
		_cleanup_(trb_blob_unrefp) trb_blob *frame = NULL, *owner = NULL;
		struct trb_control msg;
		trb_error *err = NULL;
		int r = trb_frame_recv(h->control, TRB_FRAME_MAX, WAIT_MS, &frame, &err);

		trb_error_unref(err);
		if (r == TRB_E_DONE || r == TRB_E_IO)
			return false;
		ck_assert_int_eq(r, TRB_OK);
		ck_assert_int_eq(trb_control_decode(trb_blob_bytes(frame), &msg, &owner, NULL),
				 TRB_OK);
		keep(h, &msg);
		if (msg.type == TRB_MSG_STATE && msg.u.state.state == state)
			return true;
	}
}

void host_reach(struct host *h, unsigned state)
{
	struct verdict v;

	if (host_follow(h, state))
		return;
	v = host_stop(h);
	ck_abort_msg("%s: %s", trb_status_name(v.code), v.message);
}

void host_begin(struct host *h)
{
	host_start(h);
	host_hello(h, TRB_CONTROL_VERSION);
	host_reach(h, TRB_STATE_READY);
}

/* --- what a host has --- */

void *host_share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	return p;
}

trb_blob *host_request(const char *recipe)
{
	struct trb_request_facts facts = {
		.repository = trb_bytes_str(need("TRB_TEST_REPOSITORY")),
		.ref = TRB_BYTES_LIT("refs/heads/main"),
		.sandbox = TRB_BYTES_LIT("runsc"),
		.nonce = TRB_BYTES_LIT("a nonce of 32 bytes, as is usual"),
	};
	trb_blob *bytes = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	if (recipe != NULL)
		facts.recipe = trb_bytes_str(recipe);
	ck_assert(trb_commit_from_hex(trb_bytes_str(need("TRB_TEST_COMMIT")), &facts.commit));
	ck_status(trb_request_facts_encode(&facts, &bytes, &err), TRB_OK, err);
	return bytes;
}

void host_send_request(struct host *h, const char *recipe)
{
	_cleanup_(trb_blob_unrefp) trb_blob *bytes = host_request(recipe);

	host_send_bytes(h, TRB_MSG_REQUEST, trb_blob_bytes(bytes));
}

trb_bundle *host_bundle(struct host *h, trb_bytes request)
{
	const struct trb_bundle_parts parts = {
		.request = request,
		.environment = trb_buf_bytes(&h->parts[TRB_PART_ENVIRONMENT]),
		.artifacts = trb_buf_bytes(&h->parts[TRB_PART_ARTIFACTS]),
		.attestation = trb_buf_bytes(&h->parts[TRB_PART_ATTESTATION]),
		.statement = trb_buf_bytes(&h->parts[TRB_PART_STATEMENT]),
		.signature = trb_buf_bytes(&h->parts[TRB_PART_SIGNATURE]),
	};
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_bundle *bundle = NULL;

	ck_status(trb_bundle_new(&parts, &bundle, &err), TRB_OK, err);
	return bundle;
}

trb_blob *host_ask_nsm(struct host *h, const struct trb_nsm_request *request,
		       struct trb_nsm_response *ret)
{
	_cleanup_(trb_blob_unrefp) trb_blob *asked = NULL, *answer = NULL;
	_cleanup_close_ int fd = -1;
	trb_blob *owner = NULL;

	ck_assert_int_eq(trb_stream_connect(h->address, TRB_PORT_NSM, WAIT_MS, &fd, NULL), TRB_OK);
	ck_assert_int_eq(trb_nsm_request_encode(request, &asked, NULL), TRB_OK);
	ck_assert_int_eq(
		trb_frame_send(fd, trb_blob_bytes(asked), TRB_NSM_REQUEST_MAX, WAIT_MS, NULL),
		TRB_OK);
	ck_assert_int_eq(trb_frame_recv(fd, TRB_NSM_RESPONSE_MAX, WAIT_MS, &answer, NULL), TRB_OK);
	ck_assert_int_eq(
		trb_nsm_response_decode(trb_blob_bytes(answer), request->op, ret, &owner, NULL),
		TRB_OK);
	return owner;
}

void host_root(struct host *h, char digits[65])
{
	struct trb_softnsm *nsm = NULL;
	uint8_t digest[32];

	ck_assert_int_eq(trb_softnsm_new(h->state, booted, &nsm, NULL), TRB_OK);
	ck_assert_int_eq(trb_sha256(trb_softnsm_root(nsm), digest, NULL), TRB_OK);
	trb_hex_encode(TRB_BYTES(digest, sizeof(digest)), digits);
	trb_softnsm_free(nsm);
}
