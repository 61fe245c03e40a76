/* SPDX-License-Identifier: Apache-2.0 */
/* Plays an enclave to a session. */
#include "peer.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sample.h"
#include "support.h"

#include "core/channel.h"
#include "core/io.h"
#include "format/control.h"
#include "format/nsm.h"

#define TIMEOUT_MS 10000

struct peer {
	enum peer_fault fault;
	char dir[64], address[80];
	pid_t pid;
	int end;
	int control, nsm;
	struct trb_request_facts request;
	trb_blob *request_bytes, *request_owner;
	trb_blob *artifacts;
	struct sample sample;
};

/* In the enclave's process: whatever goes wrong there ends it. */
static void need(bool good)
{
	if (!good)
		_exit(99);
}

static int stream(const struct peer *p, unsigned port)
{
	int fd = -1;

	need(trb_stream_connect(p->address, port, TIMEOUT_MS, &fd, NULL) == TRB_OK);
	return fd;
}

static void send_frame(int fd, trb_bytes bytes)
{
	/* a host that has had enough hangs up */
	if (trb_frame_send(fd, bytes, SIZE_MAX, TIMEOUT_MS, NULL) < 0)
		_exit(0);
}

static void say(const struct peer *p, const struct trb_control *msg)
{
	trb_blob *frame = NULL;

	need(trb_control_encode(msg, &frame, NULL) == TRB_OK);
	send_frame(p->control, trb_blob_bytes(frame));
	trb_blob_unref(frame);
}

static void hello(const struct peer *p, uint64_t version)
{
	say(p, &(struct trb_control){ .type = TRB_MSG_HELLO, .u.version = version });
}

static struct trb_history tip_of(const struct peer *p)
{
	return (struct trb_history){ .there = p->request.ref.len > 0, .tip = p->request.commit };
}

static void state(const struct peer *p, enum trb_enclave_state to)
{
	struct trb_control msg = { .type = TRB_MSG_STATE, .u.state.state = to };

	if (to == TRB_STATE_READY)
		msg.u.state.machine = (struct trb_machine){ 2, 4096, TRB_BYTES_LIT("unknown") };
	if (p->fault == PEER_OTHER_MACHINE)
		msg.u.state.machine.cpus++;
	if (to == TRB_STATE_COMMITTED) {
		msg.u.state.commit = p->request.commit;
		msg.u.state.history = tip_of(p);
		if (p->fault == PEER_OTHER_COMMIT)
			msg.u.state.commit.id[0] ^= 1;
	}
	say(p, &msg);
}

static void report(const struct peer *p, int64_t code, const char *check, const char *text)
{
	say(p, &(struct trb_control){
		       .type = TRB_MSG_ERROR,
		       .u.error = { code, trb_bytes_str(check), trb_bytes_str(text) } });
}

static void raw(const struct peer *p, trb_bytes bytes)
{
	if (send(p->control, bytes.ptr, bytes.len, MSG_NOSIGNAL) < 0)
		_exit(0);
}

static trb_blob *ask_nsm(const struct peer *p, const struct trb_nsm_request *req,
			 struct trb_nsm_response *ret)
{
	trb_blob *request = NULL, *answer = NULL, *owner = NULL;

	need(trb_nsm_request_encode(req, &request, NULL) == TRB_OK);
	send_frame(p->nsm, trb_blob_bytes(request));
	need(trb_frame_recv(p->nsm, TRB_NSM_RESPONSE_MAX, TIMEOUT_MS, &answer, NULL) == TRB_OK);
	need(trb_nsm_response_decode(trb_blob_bytes(answer), req->op, ret, &owner, NULL) == TRB_OK);
	need(ret->error == TRB_NSM_SUCCESS);
	trb_blob_unref(request);
	trb_blob_unref(answer);
	return owner;
}

static void lock_pcr(const struct peer *p, uint64_t index, const uint8_t data[32])
{
	struct trb_nsm_response rsp;

	trb_blob_unref(ask_nsm(p,
			       &(struct trb_nsm_request){ .op = TRB_NSM_EXTEND_PCR,
							  .index = index,
							  .data = TRB_BYTES(data, 32) },
			       &rsp));
	trb_blob_unref(ask_nsm(
		p, &(struct trb_nsm_request){ .op = TRB_NSM_LOCK_PCR, .index = index }, &rsp));
}

static void receive_request(struct peer *p)
{
	struct trb_control msg;
	trb_blob *frame = NULL, *owner = NULL;

	need(trb_frame_recv(p->control, TRB_FRAME_MAX, TIMEOUT_MS, &frame, NULL) == TRB_OK);
	need(trb_control_decode(trb_blob_bytes(frame), &msg, &owner, NULL) == TRB_OK);
	while (msg.type == TRB_MSG_CREDENTIAL) {
		bool own = msg.u.credential.prefix.len == 0;

		need(trb_bytes_eq_str(msg.u.credential.token, own ? PEER_TOKEN : PEER_OTHER_TOKEN));
		need(own || trb_bytes_eq_str(msg.u.credential.prefix, PEER_OTHER_URL));
		frame = NULL;
		need(trb_frame_recv(p->control, TRB_FRAME_MAX, TIMEOUT_MS, &frame, NULL) == TRB_OK);
		need(trb_control_decode(trb_blob_bytes(frame), &msg, &owner, NULL) == TRB_OK);
	}
	if (msg.type == TRB_MSG_LIMITS) {
		need(msg.u.limits.n == 2 &&
		     trb_bytes_eq_str(msg.u.limits.limits[0].name, "files") &&
		     msg.u.limits.limits[0].value == PEER_FILES);
		need(trb_frame_recv(p->control, TRB_FRAME_MAX, TIMEOUT_MS, &frame, NULL) == TRB_OK);
		need(trb_control_decode(trb_blob_bytes(frame), &msg, &owner, NULL) == TRB_OK);
	}
	need(msg.type == TRB_MSG_REQUEST);
	need(trb_blob_new(msg.u.bytes, &p->request_bytes, NULL) == TRB_OK);
	need(trb_request_facts_decode(trb_blob_bytes(p->request_bytes), &p->request,
				      &p->request_owner, NULL) == TRB_OK);
}

/* One file; sent < declared where the enclave lies about its size. */
static void send_file(const struct peer *p, uint64_t kind, const char *name, const char *content,
		      size_t declared)
{
	struct trb_buf b;
	int fd = stream(p, TRB_PORT_ARTIFACT);
	uint8_t ack = 0;

	/* by hand, since the encoder refuses bad names */
	trb_buf_init(&b, 1024);
	trb_buf_add_byte(&b, 0x83);
	trb_buf_add_byte(&b, (uint8_t)kind);
	trb_buf_add_byte(&b, (uint8_t)(0x60 + strlen(name)));
	trb_buf_add_str(&b, name);
	trb_buf_add_byte(&b, 0x18 + (declared < 24 ? -0x18 + (int)declared : 0));
	if (declared >= 24)
		trb_buf_add_byte(&b, (uint8_t)declared);
	send_frame(fd, trb_buf_bytes(&b));
	trb_buf_clear(&b);
	if (content[0] != '\0' && send(fd, content, strlen(content), MSG_NOSIGNAL) < 0)
		_exit(0);
	if (strlen(content) < declared)
		shutdown(fd, SHUT_WR);
	if (read(fd, &ack, 1) != 1 || ack != TRB_FILE_STORED)
		_exit(0);
	close(fd);
}

static void send_good(const struct peer *p, const char *name, const char *content)
{
	send_file(p, TRB_FILE_ARTIFACT, name, content, strlen(content));
}

static void send_artifacts(const struct peer *p)
{
	const char *name = PEER_ARTIFACT;

	if (p->fault == PEER_NAME_ESCAPES)
		name = "../tool";
	if (p->fault == PEER_NAME_ABSOLUTE)
		name = "/tmp/tool";
	if (p->fault == PEER_NAME_UNATTESTED)
		name = PEER_BELOW_UNATTESTED;
	if (p->fault == PEER_SHORT_ARTIFACT)
		send_file(p, TRB_FILE_ARTIFACT, name, "#!", strlen(PEER_CONTENT));
	else if (p->fault == PEER_OTHER_DIGEST)
		send_good(p, name, "#!/bin/sh\necho it w0rks\n");
	else if (p->fault == PEER_OTHER_SIZE)
		send_good(p, name, PEER_CONTENT "\n");
	else if (p->fault != PEER_NO_ARTIFACT)
		send_good(p, name, PEER_CONTENT);
	if (p->fault == PEER_NAME_TWICE)
		send_good(p, name, PEER_CONTENT);
	if (p->fault == PEER_EXTRA_ARTIFACT)
		send_good(p, "out/more", PEER_CONTENT);
	if (p->fault == PEER_EARLY_UNATTESTED)
		send_file(p, TRB_FILE_UNATTESTED, PEER_UNATTESTED, "tar", 3);
	if (p->fault == PEER_MANY_STREAMS)
		for (int i = 0; i < 20; i++)
			stream(p, TRB_PORT_ARTIFACT);
	send_good(p, PEER_SECOND, "");
}

static void list_artifacts(struct peer *p)
{
	struct trb_artifact entries[2] = {
		{ .name = TRB_BYTES_LIT(PEER_ARTIFACT),
		  .size = strlen(PEER_CONTENT),
		  .mode = TRB_MODE_PROGRAM },
		{ .name = TRB_BYTES_LIT(PEER_SECOND), .size = 0, .mode = TRB_MODE_PROGRAM },
	};
	struct trb_artifacts list = { 2, entries };

	need(trb_sha256(TRB_BYTES_LIT(PEER_CONTENT), entries[0].digest, NULL) == TRB_OK);
	need(trb_sha256(TRB_BYTES("", 0), entries[1].digest, NULL) == TRB_OK);
	/* nothing but its place is wrong with it; names are sorted */
	if (p->fault == PEER_NAME_UNATTESTED) {
		struct trb_artifact moved = entries[0];

		moved.name = TRB_BYTES_LIT(PEER_BELOW_UNATTESTED);
		entries[0] = entries[1];
		entries[1] = moved;
	}
	need(trb_artifacts_encode(&list, &p->artifacts, NULL) == TRB_OK);
}

/* The sample's, but for the history of the commit that was asked for. */
static void own_environment(struct peer *p)
{
	struct trb_environment env = p->sample.environment_facts;

	env.history = tip_of(p);
	trb_blob_unref(p->sample.environment);
	need(trb_environment_encode(&env, &p->sample.environment, NULL) == TRB_OK);
}

static struct trb_claim make_claim(const struct peer *p)
{
	struct trb_claim claim = { .commit = p->request.commit };

	memset(claim.source, 7, 32);
	need(trb_sha256(trb_blob_bytes(p->artifacts), claim.artifacts, NULL) == TRB_OK);
	need(trb_sha256(trb_blob_bytes(p->sample.environment), claim.environment, NULL) == TRB_OK);
	need(trb_sha256(trb_blob_bytes(p->sample.statement), claim.statement, NULL) == TRB_OK);
	claim.commit.id[0] ^= p->fault == PEER_CLAIMS_OTHER_COMMIT;
	claim.artifacts[0] ^= p->fault == PEER_CLAIMS_OTHER_ARTIFACTS;
	claim.environment[0] ^= p->fault == PEER_CLAIMS_OTHER_ENVIRONMENT;
	claim.statement[0] ^= p->fault == PEER_CLAIMS_OTHER_STATEMENT;
	return claim;
}

static trb_blob *attest(const struct peer *p, const struct trb_claim *claim, trb_bytes *ret)
{
	struct trb_nsm_request req = { .op = TRB_NSM_ATTESTATION,
				       .nonce = p->request.nonce,
				       .public_key = TRB_BYTES(p->sample.spki, 91) };
	struct trb_nsm_response rsp;
	trb_blob *user_data = NULL, *owner;

	need(trb_claim_encode(claim, &user_data, NULL) == TRB_OK);
	req.user_data = trb_blob_bytes(user_data);
	if (p->fault == PEER_OTHER_NONCE)
		req.nonce = TRB_BYTES_LIT("another nonce, as long as one has to be");
	owner = ask_nsm(p, &req, &rsp);
	*ret = p->fault == PEER_NO_DOCUMENT ? TRB_BYTES_LIT("no document") : rsp.data;
	return owner;
}

static void part(const struct peer *p, uint64_t number, trb_bytes bytes, bool last)
{
	say(p,
	    &(struct trb_control){ .type = TRB_MSG_RESULT, .u.result = { number, last, bytes } });
}

/* Those that the environment names, or not. */
static trb_bytes materials_of(const struct peer *p)
{
	static uint8_t other[4096];
	trb_bytes own = trb_blob_bytes(p->sample.materials);

	if (p->fault != PEER_OTHER_MATERIALS && p->fault != PEER_MORE_MATERIALS)
		return own;
	need(own.len > 0 && own.len < sizeof(other));
	memcpy(other, own.ptr, own.len);
	other[own.len - 1] ^= p->fault == PEER_OTHER_MATERIALS;
	return TRB_BYTES(other, own.len + (p->fault == PEER_MORE_MATERIALS));
}

static void send_result(const struct peer *p, trb_bytes document)
{
	const trb_bytes parts[] = { trb_blob_bytes(p->sample.environment),
				    trb_blob_bytes(p->artifacts),
				    document,
				    trb_blob_bytes(p->sample.statement),
				    trb_blob_bytes(p->sample.signature),
				    materials_of(p) };
	static const uint8_t large[TRB_CONTROL_CHUNK];

	if (p->fault == PEER_UNKNOWN_PART)
		raw(p, TRB_BYTES_LIT("\0\0\0\6\x82\6\x83\6\xf5\x40"));
	if (p->fault == PEER_MIXES_PARTS)
		part(p, TRB_PART_ENVIRONMENT, TRB_BYTES_LIT("x"), false);
	if (p->fault == PEER_LARGE_PART)
		part(p, TRB_PART_SIGNATURE, TRB_BYTES(large, sizeof(large)), true);
	for (uint64_t i = p->fault == PEER_MIXES_PARTS; i < TRB_PART_MATERIALS; i++)
		if ((p->fault != PEER_MISSING_PART || i != 2) &&
		    (p->fault != PEER_NO_MATERIALS || i + 1 != TRB_PART_MATERIALS))
			part(p, i + 1, parts[i], true);
	if (p->fault == PEER_REPEATS_PART)
		part(p, TRB_PART_STATEMENT, parts[3], true);
}

/* Faults that break off after FETCHING. */
static void misbehave(const struct peer *p)
{
	switch (p->fault) {
	case PEER_SPEAKS_AS_HOST:
		say(p, &(struct trb_control){ .type = TRB_MSG_CANCEL });
		break;
	case PEER_GARBAGE:
		send_frame(p->control, TRB_BYTES_LIT("\xff\xff\xff"));
		break;
	case PEER_LARGE_FRAME:
		raw(p, TRB_BYTES_LIT("\0\1\0\1"));
		break;
	case PEER_TRUNCATES:
		raw(p, TRB_BYTES_LIT("\0\0\0\x20\x82"));
		_exit(0);
	case PEER_HANGS_UP:
		close(p->control);
		pause();
		break;
	case PEER_DIES:
		raise(SIGKILL);
		break;
	case PEER_SECOND_CONTROL:
		stream(p, TRB_PORT_CONTROL);
		break;
	case PEER_FAILED_SILENTLY:
		state(p, TRB_STATE_FAILED);
		break;
	case PEER_BUILD_FAILED:
		report(p, TRB_E_BUILD, "build.command", "make: \033[31mno rule");
		break;
	case PEER_HOSTS_CODE:
		report(p, TRB_E_DONE, "no.such.check", "as if all were well");
		break;
	case PEER_EARLY_RESULT:
		part(p, TRB_PART_STATEMENT, TRB_BYTES_LIT("x"), true);
		break;
	case PEER_EARLY_ARTIFACT:
		send_good(p, PEER_ARTIFACT, PEER_CONTENT);
		break;
	case PEER_SLEEPS:
		pause();
		break;
	default:
		return;
	}
}

static void flood(const struct peer *p)
{
	static const uint8_t large[TRB_NSM_REQUEST_MAX + 1];
	const struct trb_nsm_request req = { .op = TRB_NSM_GET_RANDOM };
	trb_blob *request = NULL;
	int fd = stream(p, TRB_PORT_NSM);

	need(trb_nsm_request_encode(&req, &request, NULL) == TRB_OK);
	if (p->fault == PEER_FLOODS_NSM)
		for (int i = 0; i < 2000; i++) /* never reading an answer */
			if (trb_frame_send(fd, trb_blob_bytes(request), SIZE_MAX, TIMEOUT_MS,
					   NULL) < 0)
				break;
	if (p->fault == PEER_LARGE_NSM_REQUEST)
		trb_frame_send(fd, TRB_BYTES(large, sizeof(large)), SIZE_MAX, TIMEOUT_MS, NULL);
	for (int i = 0; p->fault == PEER_FLOODS_NSM && i < 40; i++)
		stream(p, TRB_PORT_NSM);
}

static void greet(const struct peer *p)
{
	trb_blob *frame = NULL;

	if (p->fault != PEER_NO_HELLO)
		hello(p, p->fault == PEER_VERSION ? 1 : TRB_CONTROL_VERSION);
	if (p->fault == PEER_HELLO_TWICE)
		hello(p, TRB_CONTROL_VERSION);
	if (p->fault == PEER_NO_HELLO)
		state(p, TRB_STATE_READY);
	need(trb_frame_recv(p->control, TRB_FRAME_MAX, TIMEOUT_MS, &frame, NULL) == TRB_OK);
	state(p, TRB_STATE_READY);
}

static void commit(const struct peer *p, const struct trb_claim *claim)
{
	uint8_t data[32];

	if (p->fault == PEER_REORDERS)
		state(p, TRB_STATE_BUILT);
	if (p->fault != PEER_SKIPS_COMMITTED)
		state(p, TRB_STATE_COMMITTED);
	if (p->fault == PEER_COMMITS_TWICE)
		state(p, TRB_STATE_COMMITTED);
	misbehave(p);
	need(trb_pcr17_data(&claim->commit, claim->source, claim->environment, data, NULL) ==
	     TRB_OK);
	if (p->fault != PEER_NO_PCR17)
		lock_pcr(p, 17, data);
}

/* A whole session. */
static _Noreturn void peer_run(struct peer *p)
{
	struct trb_claim claim;
	uint8_t data[32];
	trb_bytes document;

	p->control = stream(p, TRB_PORT_CONTROL);
	greet(p);
	if (p->fault == PEER_IMPATIENT)
		state(p, TRB_STATE_FETCHING);
	receive_request(p);
	sample_init(&p->sample, 1);
	own_environment(p);
	p->nsm = stream(p, TRB_PORT_NSM);
	flood(p);
	need(trb_pcr16_data(trb_blob_bytes(p->request_bytes), data, NULL) == TRB_OK);
	if (p->fault != PEER_NO_PCR16)
		lock_pcr(p, 16, data);
	state(p, TRB_STATE_FETCHING);
	list_artifacts(p);
	claim = make_claim(p);
	commit(p, &claim);
	state(p, TRB_STATE_BUILDING);
	say(p, &(struct trb_control){
		       .type = TRB_MSG_PROGRESS,
		       .u.progress = { TRB_STREAM_STDERR, TRB_BYTES_LIT("cc tool.c\n") } });
	send_artifacts(p);
	state(p, TRB_STATE_BUILT);
	attest(p, &claim, &document);
	state(p, TRB_STATE_ATTESTED);
	if (p->fault == PEER_LATE_ARTIFACT)
		send_good(p, "out/late", PEER_CONTENT);
	else
		send_file(p, TRB_FILE_UNATTESTED, PEER_UNATTESTED, "tar", 3);
	send_result(p, document);
	state(p, TRB_STATE_DONE);
	_exit(0);
}

/* The backend. */

static int peer_open(trb_context *context, const char *options, void **ret_self, trb_error **err)
{
	struct peer *p = calloc(1, sizeof(*p));

	(void)context;
	if (p == NULL)
		return trb_fail_nomem(err);
	p->fault = (enum peer_fault)strtol(options, NULL, 10);
	p->pid = -1;
	p->end = -1;
	strcpy(p->dir, "/tmp/trb-peer-XXXXXX");
	if (mkdtemp(p->dir) == NULL) {
		free(p);
		return trb_fail_errno(err, errno, "make a directory");
	}
	snprintf(p->address, sizeof(p->address), "unix:%s", p->dir);
	*ret_self = p;
	return TRB_OK;
}

static int peer_boot(void *self, trb_tee_run *run, trb_error **err)
{
	struct peer *p = self;
	int r;

	if ((r = trb_stream_listen(p->address, 5000, &run->control_fd, err)) < 0 ||
	    (r = trb_stream_listen(p->address, 5001, &run->egress_fd, err)) < 0 ||
	    (r = trb_stream_listen(p->address, 5002, &run->nsm_fd, err)) < 0 ||
	    (r = trb_stream_listen(p->address, 5003, &run->artifact_fd, err)) < 0)
		return r;
	for (int i = 0; i < 3; i++)
		memset(run->pcrs[i], i + 1, 48);
	p->pid = fork();
	if (p->pid == 0) {
		alarm(20);
		peer_run(p);
	}
	p->end = p->pid > 0 ? pidfd_open(p->pid, 0) : -1;
	run->end_fd = p->end;
	return p->end >= 0 ? TRB_OK : trb_fail_errno(err, errno, "start");
}

static int peer_explain(void *self, trb_error **err)
{
	struct peer *p = self;
	int status = 0;

	if (p->pid > 0 && waitpid(p->pid, &status, 0) == p->pid) {
		p->pid = -1;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
			return trb_fail(err, TRB_E_STATE, "the test's own enclave is confused");
	}
	return TRB_OK;
}

static void peer_kill(void *self)
{
	struct peer *p = self;

	if (p->pid > 0)
		kill(p->pid, SIGKILL);
}

static int peer_close(void *self, trb_error **err)
{
	struct peer *p = self;
	int r;

	peer_kill(p);
	if (p->pid > 0)
		waitpid(p->pid, NULL, 0);
	if (p->end >= 0)
		close(p->end);
	r = trb_remove_tree(AT_FDCWD, p->dir, err);
	free(p);
	return r;
}

static void peer_drop(void *self)
{
	peer_close(self, NULL);
}

const trb_tee_ops peer_ops = { .abi = TRB_BACKEND_ABI,
			       .size = sizeof(trb_tee_ops),
			       .name = "peer",
			       .help = "for tests",
			       .open = peer_open,
			       .boot = peer_boot,
			       .explain = peer_explain,
			       .kill = peer_kill,
			       .close = peer_close,
			       .drop = peer_drop };

void peer_host_set_up(struct peer_host *host)
{
	char libexec[4096];

	strcpy(host->top, "/tmp/trb-session-XXXXXX");
	ck_assert(mkdtemp(host->top) != NULL);
	snprintf(host->state, sizeof(host->state), "%s/state", host->top);
	snprintf(host->out, sizeof(host->out), "%s/out", host->top);
	snprintf(libexec, sizeof(libexec), "%s/libexec", getenv("TRB_BUILD_ROOT"));
	ck_assert_int_eq(trb_context_new(&host->context, NULL), TRB_OK);
	ck_assert_int_eq(trb_context_set_state_dir(host->context, host->state, NULL), TRB_OK);
	ck_assert_int_eq(trb_context_set_libexec_dir(host->context, libexec, NULL), TRB_OK);
	ck_assert_int_eq(
		trb_request_new(host->context, PEER_REPOSITORY, PEER_COMMIT, &host->request, NULL),
		TRB_OK);
}

void peer_host_tear_down(struct peer_host *host)
{
	host->request = trb_request_unref(host->request);
	host->context = trb_context_unref(host->context);
	ck_assert_int_eq(trb_remove_tree(AT_FDCWD, host->top, NULL), TRB_OK);
}
