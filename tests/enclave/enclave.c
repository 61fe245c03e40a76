/* SPDX-License-Identifier: Apache-2.0 */
/* The enclave client against an honest host and against hostile ones.  Started by run, which serves
 * the repository. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include <trustbuild/policy.h>
#include <trustbuild/verify.h>

#include "core/io.h"
#include "format/dsse.h"
#include "hosts.h"

#define SLEEPER                                                          \
	"{\"recipe\": 1, \"commands\": [[\"sh\", \"-c\", \"echo begun; " \
	"sleep 600\"]], \"artifacts\": [\"a\"]}"

static struct host h;

static void fresh(void)
{
	memset(&h, 0, sizeof(h));
}

/* The enclave must end FAILED, for this reason, and give away no part of a result. */
static void expect_failure(int code, const char *check)
{
	struct verdict v;

	ck_assert_msg(host_follow(&h, TRB_STATE_FAILED), "the enclave does not say that it failed");
	ck_assert(!host_follow(&h, TRB_STATE_DONE));
	for (size_t i = 0; i < 6; i++)
		ck_assert_uint_eq(h.parts[i].len, 0);
	v = host_stop(&h);
	ck_assert_msg(v.code == code && strcmp(v.check, check) == 0, "%s '%s': %s",
		      trb_status_name(v.code), v.check, v.message);
}

/* --- the honest host --- */

static trb_policy *policy(const char *recipe)
{
	char text[4096], root[65];
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	trb_policy *ret = NULL;

	host_root(&h, root);
	snprintf(text, sizeof(text),
		 "{\"policy\": 2, \"roots\": [{\"simulated\": \"%s\"}], \"measurements\": "
		 "[{\"name\": \"test\", \"pcrs\": {\"0\": \"01%094d\", \"1\": \"02%094d\", \"2\": "
		 "\"03%094d\"}}], \"source\": {\"repositories\": [\"%s\"], \"refs\": "
		 "[\"refs/heads/main\"], \"commits\": \"any\"}, \"recipe\": %s, \"artifacts\": "
		 "\"any\", \"time\": {\"mode\": \"archival\", \"bound\": \"none\"}, \"log\": "
		 "\"none\"}",
		 root, 0, 0, 0, getenv("TRB_TEST_REPOSITORY"), recipe);
	ck_status(trb_policy_parse(trb_bytes_str(text), &ret, &err), TRB_OK, err);
	return ret;
}

static int verify(const trb_bundle *bundle, const char *recipe, trb_error **err)
{
	trb_policy *p = policy(recipe);
	trb_verifier *verifier = NULL;
	char path[128];
	int fd, r;

	snprintf(path, sizeof(path), "%s/0-out_hello", h.out);
	fd = open(path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(trb_verifier_new(NULL, p, &verifier, NULL), TRB_OK);
	r = trb_verifier_check_fd(verifier, bundle, fd, "hello", NULL, NULL, err);
	close(fd);
	trb_verifier_unref(verifier);
	trb_policy_unref(p);
	return r;
}

START_TEST(an_honest_host_gets_what_verifies)
{
	static const unsigned wanted[] = { TRB_STATE_READY,     TRB_STATE_FETCHING,
					   TRB_STATE_COMMITTED, TRB_STATE_BUILDING,
					   TRB_STATE_BUILT,     TRB_STATE_ATTESTED,
					   TRB_STATE_DONE };
	_cleanup_(trb_blob_unrefp) trb_blob *bytes = host_request(NULL);
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_commit asked;
	char path[128];
	struct verdict v;

	host_begin(&h);
	host_send_bytes(&h, TRB_MSG_REQUEST, trb_blob_bytes(bytes));
	if (!host_follow(&h, TRB_STATE_DONE)) {
		v = host_stop(&h);
		ck_abort_msg("%s: %s", trb_status_name(v.code), v.message);
	}
	ck_assert_uint_eq(h.n_states, 7);
	ck_assert_mem_eq(h.states, wanted, sizeof(wanted));
	ck_assert(trb_commit_from_hex(trb_bytes_str(getenv("TRB_TEST_COMMIT")), &asked));
	ck_assert(trb_commit_eq(&asked, &h.commit));
	bundle = host_bundle(&h, trb_blob_bytes(bytes));
	/* the build rewrote trustbuild.json: the recipe is the tree's all the same */
	ck_status(verify(bundle, "\"source\"", &err), TRB_OK, err);
	/* the step after the attestation */
	snprintf(path, sizeof(path), "%s/1-note", h.out);
	ck_assert_int_eq(access(path, F_OK), 0);
	v = host_stop(&h);
	ck_assert_msg(v.code == TRB_OK, "%s", v.message);
}
END_TEST

START_TEST(a_recipe_of_the_host_is_seen_as_such)
{
	const char *recipe =
		"{\"recipe\": 1, \"commands\": [[\"sh\", \"-c\", \"mkdir out; echo evil "
		">out/hello\"]], \"artifacts\": [\"out/hello\"]}";
	_cleanup_(trb_blob_unrefp) trb_blob *bytes = host_request(recipe);
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL, *other = NULL;

	host_begin(&h);
	host_send_bytes(&h, TRB_MSG_REQUEST, trb_blob_bytes(bytes));
	ck_assert(host_follow(&h, TRB_STATE_DONE));
	bundle = host_bundle(&h, trb_blob_bytes(bytes));
	ck_status(verify(bundle, "\"source\"", &err), TRB_E_SOURCE, err);
	ck_assert_str_eq(trb_error_check(err), "recipe.origin");
	ck_status(verify(bundle, "\"any\"", &other), TRB_OK, other);
	ck_assert_int_eq(host_stop(&h).code, TRB_OK);
}
END_TEST

/* --- order --- */

START_TEST(another_version_is_not_negotiated)
{
	host_start(&h);
	host_hello(&h, TRB_CONTROL_VERSION + 1);
	expect_failure(TRB_E_STATE, "channel.version");
}
END_TEST

START_TEST(a_request_instead_of_hello_is_refused)
{
	host_start(&h);
	host_send_request(&h, NULL);
	expect_failure(TRB_E_STATE, "channel.version");
}
END_TEST

START_TEST(hello_twice_is_refused)
{
	struct trb_control msg = { .type = TRB_MSG_HELLO, .u.version = TRB_CONTROL_VERSION };

	host_begin(&h);
	host_send(&h, &msg);
	expect_failure(TRB_E_STATE, "channel.order");
}
END_TEST

START_TEST(a_second_request_is_refused)
{
	host_begin(&h);
	host_send_request(&h, NULL);
	host_send_request(&h, SLEEPER);
	expect_failure(TRB_E_STATE, "channel.order");
}
END_TEST

/* In every state that waits: the request again, its credential, and the enclave's own messages. */
START_TEST(nothing_but_cancel_comes_after_the_request)
{
	static const unsigned states[] = { TRB_STATE_FETCHING, TRB_STATE_BUILDING };
	const unsigned state = states[_i % 2];
	struct trb_control msg = { .type = TRB_MSG_STATE };

	h.egress = state == TRB_STATE_FETCHING ? EGRESS_SILENT : EGRESS_HONEST;
	host_begin(&h);
	host_send_request(&h, SLEEPER);
	ck_assert(host_follow(&h, state));
	switch (_i / 2) {
	case 0:
		host_send_request(&h, NULL);
		break;
	case 1:
		host_send_bytes(&h, TRB_MSG_CREDENTIAL, TRB_BYTES_LIT("token"));
		break;
	case 2:
		msg.u.state.state = TRB_STATE_ATTESTED;
		host_send(&h, &msg);
		break;
	default:
		msg.type = TRB_MSG_RESULT;
		msg.u.result.part = TRB_PART_ARTIFACTS;
		msg.u.result.last = true;
		msg.u.result.bytes = TRB_BYTES_LIT("x");
		host_send(&h, &msg);
	}
	expect_failure(TRB_E_STATE, "channel.order");
}
END_TEST

/* In the same breath: the enclave has not yet said that it begins to fetch. */
START_TEST(a_credential_behind_the_request_is_refused)
{
	h.egress = EGRESS_SILENT;
	host_begin(&h);
	host_send_request(&h, SLEEPER);
	host_send_bytes(&h, TRB_MSG_CREDENTIAL, TRB_BYTES_LIT("token"));
	expect_failure(TRB_E_STATE, "channel.order");
}
END_TEST

START_TEST(two_credentials_are_refused)
{
	host_begin(&h);
	host_send_bytes(&h, TRB_MSG_CREDENTIAL, TRB_BYTES_LIT("token"));
	host_send_bytes(&h, TRB_MSG_CREDENTIAL, TRB_BYTES_LIT("token"));
	expect_failure(TRB_E_STATE, "channel.order");
}
END_TEST

static void send_limit(const char *name, uint64_t value)
{
	const struct trb_control msg = { .type = TRB_MSG_LIMITS,
					 .u.limits = { 1, { { trb_bytes_str(name), value } } } };

	host_send(&h, &msg);
}

START_TEST(limits_come_once_and_before_the_request)
{
	h.egress = EGRESS_SILENT;
	host_begin(&h);
	if (_i == 0)
		send_limit("files", 1000);
	else
		host_send_request(&h, SLEEPER);
	send_limit("files", 1000);
	expect_failure(TRB_E_STATE, "channel.order");
}
END_TEST

/* The host may set them within their maxima, and then they hold. */
START_TEST(a_limit_of_the_host_holds)
{
	host_begin(&h);
	send_limit("object_bytes", _i == 0 ? 1 : (UINT64_C(1) << 30) + 1);
	host_send_request(&h, NULL);
	if (_i == 0)
		expect_failure(TRB_E_LIMIT, "source.limit");
	else
		expect_failure(TRB_E_INVAL, "");
}
END_TEST

/* --- form --- */

START_TEST(a_truncated_message_is_refused)
{
	host_begin(&h);
	host_send_raw(&h, TRB_BYTES("\0\0\1\0half", 8));
	shutdown(h.control, SHUT_WR);
	expect_failure(TRB_E_IO, "");
}
END_TEST

START_TEST(a_huge_message_is_refused_before_it_is_read)
{
	host_begin(&h);
	host_send_raw(&h, TRB_BYTES("\377\377\377\377x", 5));
	expect_failure(TRB_E_LIMIT, "");
}
END_TEST

START_TEST(what_is_no_message_is_refused)
{
	host_begin(&h);
	host_send_raw(&h, TRB_BYTES("\0\0\0\3abc", 7));
	expect_failure(TRB_E_FORMAT, "");
}
END_TEST

START_TEST(a_flood_is_refused_at_once)
{
	static const uint8_t frame[] = { 0, 0, 0, 3, 0x82, 1, 1 };

	host_begin(&h);
	host_send_request(&h, SLEEPER);
	ck_assert(host_follow(&h, TRB_STATE_BUILDING));
	for (int i = 0; i < 100000; i++)
		if (send(h.control, frame, sizeof(frame), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
	(void)host_follow(&h, TRB_STATE_FAILED);
	ck_assert_int_eq(host_stop(&h).code, TRB_E_STATE);
	ck_assert_uint_eq(h.parts[TRB_PART_ATTESTATION].len, 0);
}
END_TEST

START_TEST(a_bad_request_is_refused)
{
	host_begin(&h);
	host_send_bytes(&h, TRB_MSG_REQUEST, TRB_BYTES_LIT("\xa0"));
	expect_failure(TRB_E_FORMAT, "");
}
END_TEST

/* --- ends --- */

START_TEST(cancel_ends_everything)
{
	static const unsigned states[] = { TRB_STATE_READY, TRB_STATE_FETCHING,
					   TRB_STATE_BUILDING };
	const unsigned state = states[_i];
	struct trb_control msg = { .type = TRB_MSG_CANCEL };

	h.egress = state == TRB_STATE_FETCHING ? EGRESS_SILENT : EGRESS_HONEST;
	host_begin(&h);
	if (state != TRB_STATE_READY) {
		host_send_request(&h, SLEEPER);
		ck_assert(host_follow(&h, state));
	}
	host_send(&h, &msg);
	expect_failure(TRB_E_CANCELED, "");
}
END_TEST

START_TEST(a_lost_host_ends_everything)
{
	static const unsigned states[] = { TRB_STATE_READY, TRB_STATE_FETCHING,
					   TRB_STATE_BUILDING };
	const unsigned state = states[_i];
	struct verdict v;

	h.egress = state == TRB_STATE_FETCHING ? EGRESS_SILENT : EGRESS_HONEST;
	host_begin(&h);
	if (state != TRB_STATE_READY) {
		host_send_request(&h, SLEEPER);
		ck_assert(host_follow(&h, state));
	}
	v = host_stop(&h); /* closes the stream first */
	ck_assert_msg(v.code == TRB_E_IO, "%s: %s", trb_status_name(v.code), v.message);
}
END_TEST

START_TEST(a_build_beyond_its_time_is_not_attested)
{
	host_begin(&h);
	host_send_request(
		&h, "{\"recipe\": 1, \"commands\": [[\"sleep\", \"600\"]], \"artifacts\": [\"a\"], "
		    "\"limits\": {\"wall_s\": 1}}");
	expect_failure(TRB_E_TIMEOUT, "build.wall");
}
END_TEST

START_TEST(a_failing_command_is_not_attested)
{
	host_begin(&h);
	host_send_request(&h,
			  "{\"recipe\": 1, \"commands\": [[\"sh\", \"-c\", \"touch a; exit 4\"]], "
			  "\"artifacts\": [\"a\"]}");
	expect_failure(TRB_E_BUILD, "build.command");
}
END_TEST

START_TEST(a_failing_step_after_gives_no_result)
{
	host_begin(&h);
	host_send_request(
		&h, "{\"recipe\": 1, \"commands\": [[\"touch\", \"a\"]], \"artifacts\": [\"a\"], "
		    "\"after_attestation\": [[\"false\"]]}");
	expect_failure(TRB_E_BUILD, "build.command");
}
END_TEST

/* --- the machine's lies --- */

START_TEST(a_store_that_stores_nothing_gets_no_document)
{
	h.store = STORE_CLOSING;
	host_begin(&h);
	host_send_request(
		&h, "{\"recipe\": 1, \"commands\": [[\"touch\", \"a\"]], \"artifacts\": [\"a\"]}");
	expect_failure(TRB_E_IO, "");
}
END_TEST

START_TEST(a_pcr_that_was_extended_before_is_refused)
{
	h.nsm = NSM_EXTENDED;
	host_begin(&h);
	host_send_request(&h, NULL);
	expect_failure(TRB_E_MEASUREMENT, "");
	ck_assert(!h.has_commit);
}
END_TEST

START_TEST(a_pcr_that_does_not_lock_is_refused)
{
	h.nsm = NSM_FORGETFUL;
	host_begin(&h);
	host_send_request(&h, NULL);
	expect_failure(TRB_E_MEASUREMENT, "");
}
END_TEST

START_TEST(a_document_of_another_claim_is_refused)
{
	h.nsm = NSM_LYING;
	host_begin(&h);
	host_send_request(
		&h, "{\"recipe\": 1, \"commands\": [[\"touch\", \"a\"]], \"artifacts\": [\"a\"]}");
	expect_failure(TRB_E_EVIDENCE, "");
}
END_TEST

START_TEST(another_root_file_system_is_refused)
{
	h.wrong_digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";
	host_begin(&h);
	host_send_request(
		&h, "{\"recipe\": 1, \"commands\": [[\"touch\", \"a\"]], \"artifacts\": [\"a\"]}");
	expect_failure(TRB_E_MEASUREMENT, "");
}
END_TEST

/* --- a process inside the enclave that asks the NSM itself --- */

struct forgery {
	trb_blob *request, *claim, *document, *signature;
	EVP_PKEY *key;
	uint8_t spki[TRB_DSSE_SPKI_LEN];
};

/* A document over a claim of one's own, with a key of one's own, and everything else that goes
 * with it. */
static void forge(struct forgery *f, const struct trb_claim *claim, trb_bytes statement)
{
	struct trb_nsm_request ask = { .op = TRB_NSM_ATTESTATION,
				       .nonce = TRB_BYTES_LIT("a nonce of 32 bytes, as is usual") };
	struct trb_nsm_response answer;
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;

	ck_assert_int_eq(trb_dsse_key_new(&f->key, NULL), TRB_OK);
	ck_assert_int_eq(trb_dsse_key_spki(f->key, f->spki, NULL), TRB_OK);
	ck_assert_int_eq(trb_claim_encode(claim, &f->claim, NULL), TRB_OK);
	ask.user_data = trb_blob_bytes(f->claim);
	ask.public_key = TRB_BYTES(f->spki, sizeof(f->spki));
	owner = host_ask_nsm(&h, &ask, &answer);
	ck_assert_int_eq(answer.error, TRB_NSM_SUCCESS);
	ck_assert_int_eq(trb_blob_new(answer.data, &f->document, NULL), TRB_OK);
	ck_assert_int_eq(trb_dsse_sign(f->key, statement, &f->signature, NULL), TRB_OK);
}

static void forgery_clear(struct forgery *f)
{
	trb_blob_unref(f->request);
	trb_blob_unref(f->claim);
	trb_blob_unref(f->document);
	trb_blob_unref(f->signature);
	EVP_PKEY_free(f->key);
}

/* Neither PCR can be moved any more. */
static void expect_locked(unsigned index)
{
	struct trb_nsm_request ask = { .op = TRB_NSM_EXTEND_PCR,
				       .index = index,
				       .data = TRB_BYTES_LIT("x") };
	struct trb_nsm_response answer;

	trb_blob_unref(host_ask_nsm(&h, &ask, &answer));
	ck_assert_int_eq(answer.error, TRB_NSM_READ_ONLY_INDEX);
}

/* The genuine result is taken as the model: only commit (and where asked, the request) is the
 * forger's. */
static void judge_forgery(trb_bytes genuine, bool other_request, const char *check)
{
	struct forgery f = { 0 };
	struct trb_claim claim;
	struct trb_request_facts facts;
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_bundle_parts parts = {
		.environment = trb_buf_bytes(&h.parts[TRB_PART_ENVIRONMENT]),
		.artifacts = trb_buf_bytes(&h.parts[TRB_PART_ARTIFACTS]),
		.statement = trb_buf_bytes(&h.parts[TRB_PART_STATEMENT]),
	};

	ck_assert_int_eq(trb_request_facts_decode(genuine, &facts, &owner, NULL), TRB_OK);
	facts.commit.id[0] ^= 1;
	claim = (struct trb_claim){ .commit = facts.commit };
	ck_assert_int_eq(trb_sha256(parts.artifacts, claim.artifacts, NULL), TRB_OK);
	ck_assert_int_eq(trb_sha256(parts.environment, claim.environment, NULL), TRB_OK);
	ck_assert_int_eq(trb_sha256(parts.statement, claim.statement, NULL), TRB_OK);
	forge(&f, &claim, parts.statement);
	ck_assert_int_eq(trb_request_facts_encode(&facts, &f.request, NULL), TRB_OK);
	parts.request = other_request ? trb_blob_bytes(f.request) : genuine;
	parts.attestation = trb_blob_bytes(f.document);
	parts.signature = trb_blob_bytes(f.signature);
	ck_assert_int_eq(trb_bundle_new(&parts, &bundle, NULL), TRB_OK);
	ck_status(verify(bundle, "\"source\"", &err), TRB_E_MEASUREMENT, err);
	ck_assert_str_eq(trb_error_check(err), check);
	forgery_clear(&f);
}

START_TEST(whoever_asks_the_nsm_after_committed_gets_no_other_commit)
{
	_cleanup_(trb_blob_unrefp) trb_blob *bytes = host_request(NULL);

	host_begin(&h);
	host_send_bytes(&h, TRB_MSG_REQUEST, trb_blob_bytes(bytes));
	ck_assert(host_follow(&h, TRB_STATE_COMMITTED));
	expect_locked(16);
	expect_locked(17);
	ck_assert(host_follow(&h, TRB_STATE_DONE));
	judge_forgery(trb_blob_bytes(bytes), true, "pcr16.request");
	judge_forgery(trb_blob_bytes(bytes), false, "pcr17.commit");
	ck_assert_int_eq(host_stop(&h).code, TRB_OK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("enclave");
	TCase *honest = tcase_create("honest"), *order = tcase_create("order"),
	      *form = tcase_create("form"), *ends = tcase_create("ends"),
	      *lies = tcase_create("lies");
	TCase *all[] = { honest, order, form, ends, lies };

	tcase_add_test(honest, an_honest_host_gets_what_verifies);
	tcase_add_test(honest, a_recipe_of_the_host_is_seen_as_such);
	tcase_add_test(order, another_version_is_not_negotiated);
	tcase_add_test(order, a_request_instead_of_hello_is_refused);
	tcase_add_test(order, hello_twice_is_refused);
	tcase_add_test(order, a_second_request_is_refused);
	tcase_add_loop_test(order, nothing_but_cancel_comes_after_the_request, 0, 8);
	tcase_add_test(order, a_credential_behind_the_request_is_refused);
	tcase_add_test(order, two_credentials_are_refused);
	tcase_add_loop_test(order, limits_come_once_and_before_the_request, 0, 2);
	tcase_add_loop_test(order, a_limit_of_the_host_holds, 0, 2);
	tcase_add_test(form, a_truncated_message_is_refused);
	tcase_add_test(form, a_huge_message_is_refused_before_it_is_read);
	tcase_add_test(form, what_is_no_message_is_refused);
	tcase_add_test(form, a_flood_is_refused_at_once);
	tcase_add_test(form, a_bad_request_is_refused);
	tcase_add_loop_test(ends, cancel_ends_everything, 0, 3);
	tcase_add_loop_test(ends, a_lost_host_ends_everything, 0, 3);
	tcase_add_test(ends, a_build_beyond_its_time_is_not_attested);
	tcase_add_test(ends, a_failing_command_is_not_attested);
	tcase_add_test(ends, a_failing_step_after_gives_no_result);
	tcase_add_test(lies, a_store_that_stores_nothing_gets_no_document);
	tcase_add_test(lies, a_pcr_that_was_extended_before_is_refused);
	tcase_add_test(lies, a_pcr_that_does_not_lock_is_refused);
	tcase_add_test(lies, a_document_of_another_claim_is_refused);
	tcase_add_test(lies, another_root_file_system_is_refused);
	tcase_add_test(lies, whoever_asks_the_nsm_after_committed_gets_no_other_commit);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		tcase_set_timeout(all[i], 120);
		tcase_add_checked_fixture(all[i], fresh, NULL);
		suite_add_tcase(s, all[i]);
	}
	return test_run(s);
}
