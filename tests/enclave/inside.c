/* SPDX-License-Identifier: Apache-2.0 */
/* What the enclave client does inside: its clock, its random pool, its keys.  Started by run, as
 * enclave.c is.  The library's calls of clock_gettime(), clock_settime(), RAND_add() and
 * trb_dsse_key_new() come here first. */
#include "support.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "core/io.h"
#include "core/release.h"
#include "enclave/clock.h"
#include "format/dsse.h"
#include "hosts.h"

#define DAY_MS     (INT64_C(86400) * 1000)
#define EVENTS_MAX 128

/* Who did what, in the order in which it happened, whichever process did it. */
enum what { NSM_CALL, RAND_ADD, KEY_NEW, SET_CLOCK };
struct event {
	enum what what;
	enum trb_nsm_op op; /* NSM_CALL */
	bool anonymous;     /* a document without user data, nonce and key */
	uint8_t bytes[8];   /* the first ones of what the NSM gave or what was mixed in */
	int64_t pool;       /* bytes in the kernel's pool then */
	int64_t set_ms;     /* SET_CLOCK */
};
static struct {
	unsigned n;
	struct event events[EVENTS_MAX];
	bool clock_is_fixed; /* clock_settime() is refused */
	int64_t nsm_ms;      /* of the NSM's clock ahead of the machine's */
	int64_t later_ms;    /* of its clock for documents that name something */
} * shared;
static struct host h;
static int64_t ahead_ms; /* of this process's clock */

static struct event *add_event(enum what what)
{
	unsigned i = __atomic_fetch_add(&shared->n, 1, __ATOMIC_SEQ_CST);
	struct stat st;

	if (i >= EVENTS_MAX)
		abort();
	shared->events[i].what = what;
	shared->events[i].pool = stat(h.pool, &st) == 0 ? st.st_size : -1;
	return &shared->events[i];
}

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = __real_clock_gettime(clock, ret);

	if (clock == CLOCK_REALTIME)
		ret->tv_sec += ahead_ms / 1000;
	return r;
}

/* Nobody's clock is touched, the machine's least of all. */
int __wrap_clock_settime(clockid_t clock, const struct timespec *to);
int __wrap_clock_settime(clockid_t clock, const struct timespec *to)
{
	ck_assert_int_eq(clock, CLOCK_REALTIME);
	add_event(SET_CLOCK)->set_ms = (int64_t)to->tv_sec * 1000 + to->tv_nsec / 1000000;
	errno = EPERM;
	return shared->clock_is_fixed ? -1 : 0;
}

void __real_RAND_add(const void *bytes, int n, double randomness);
void __wrap_RAND_add(const void *bytes, int n, double randomness);
void __wrap_RAND_add(const void *bytes, int n, double randomness)
{
	if (n >= 8)
		memcpy(add_event(RAND_ADD)->bytes, bytes, 8);
	__real_RAND_add(bytes, n, randomness);
}

int __real_trb_dsse_key_new(EVP_PKEY **ret, trb_error **err);
int __wrap_trb_dsse_key_new(EVP_PKEY **ret, trb_error **err);
int __wrap_trb_dsse_key_new(EVP_PKEY **ret, trb_error **err)
{
	add_event(KEY_NEW);
	return __real_trb_dsse_key_new(ret, err);
}

static void in_nsm(void)
{
	ahead_ms = shared->nsm_ms;
}

static void on_nsm(const struct host *host, const struct trb_nsm_request *request, trb_bytes answer)
{
	struct event *e = add_event(NSM_CALL);
	struct trb_nsm_response response;
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;

	(void)host;
	e->op = request->op;
	e->anonymous = request->user_data.len + request->nonce.len + request->public_key.len == 0;
	if (request->op == TRB_NSM_ATTESTATION)
		ahead_ms = shared->nsm_ms + shared->later_ms; /* from the next one on */
	if (request->op == TRB_NSM_GET_RANDOM &&
	    trb_nsm_response_decode(answer, request->op, &response, &owner, NULL) == TRB_OK &&
	    response.data.len >= 8)
		memcpy(e->bytes, response.data.ptr, 8);
}

static void fresh(void)
{
	memset(&h, 0, sizeof(h));
	h.in_nsm = in_nsm;
	h.on_nsm = on_nsm;
	shared = host_share(sizeof(*shared));
}

static void begin(void)
{
	host_start(&h);
	host_hello(&h, TRB_CONTROL_VERSION);
}

#define TOUCH "{\"recipe\": 1, \"commands\": [[\"touch\", \"a\"]], \"artifacts\": [\"a\"]}"

/* The enclave fails for this reason; in answers, that there is a word of it. */
static void expect_failure(int code, const char *word)
{
	struct verdict v;

	ck_assert_msg(!host_follow(&h, TRB_STATE_DONE), "the enclave is done");
	for (size_t i = 0; i < 6; i++)
		ck_assert_uint_eq(h.parts[i].len, 0);
	v = host_stop(&h);
	ck_assert_msg(v.code == code && strstr(v.message, word) != NULL, "%s: %s",
		      trb_status_name(v.code), v.message);
}

/* --- the random pool --- */

/* The NSM's random bytes are in OpenSSL's pool and in the kernel's before it is asked anything
 * else, before the host may send a request, and so before any key. */
START_TEST(randomness_comes_before_everything)
{
	unsigned calls = 0, mixed = 0, booted;
	const struct event *e;

	begin();
	ck_assert(host_follow(&h, TRB_STATE_READY));
	booted = shared->n;
	host_send_request(&h, TOUCH);
	host_reach(&h, TRB_STATE_DONE);
	e = shared->events;
	for (; e->what != NSM_CALL || e->op == TRB_NSM_GET_RANDOM; e++)
		if (e->what == NSM_CALL) {
			/* what the NSM gave goes in, and nothing else does */
			ck_assert_int_eq(e[1].what, RAND_ADD);
			ck_assert_mem_eq(e[1].bytes, e->bytes, 8);
			calls++;
		} else {
			ck_assert_int_eq(e->what, RAND_ADD);
			mixed++;
		}
	ck_assert_uint_ge(calls, 2);
	ck_assert_uint_eq(mixed, calls);
	ck_assert_int_ge(e->pool, 512);
	/* then the document that is thrown away, and nothing more before READY */
	ck_assert_int_eq(e->op, TRB_NSM_ATTESTATION);
	ck_assert(e->anonymous);
	ck_assert_uint_eq(booted, (unsigned)(e - shared->events) + 1);
	/* the one key, after all that */
	for (e++; e->what != KEY_NEW; e++)
		ck_assert(e < shared->events + shared->n && e->op != TRB_NSM_GET_RANDOM);
	ck_assert_int_eq(e[1].op, TRB_NSM_ATTESTATION);
	ck_assert(!e[1].anonymous);
	ck_assert_int_eq(host_stop(&h).code, TRB_OK);
}
END_TEST

/* --- the clock --- */

static void expect_time(const char *name, int64_t wanted)
{
	char *at = memmem(h.parts[TRB_PART_STATEMENT].ptr, h.parts[TRB_PART_STATEMENT].len, name,
			  strlen(name));
	struct tm tm = { 0 };

	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_nonnull(strptime(at + strlen(name), "\":\"%Y-%m-%dT%H:%M:%SZ", &tm));
	ck_assert_int_le(llabs(timegm(&tm) - wanted), 60);
}

START_TEST(the_clock_is_the_nsms)
{
	int64_t wanted = time(NULL) + 10 * DAY_MS / 1000;
	const struct event *e = shared->events;

	shared->nsm_ms = 10 * DAY_MS;
	begin();
	host_send_request(&h, TOUCH);
	host_reach(&h, TRB_STATE_DONE);
	while (e->what != SET_CLOCK)
		ck_assert(e++ < shared->events + shared->n);
	ck_assert_int_le(llabs(e->set_ms / 1000 - wanted), 60);
	expect_time("startedOn", wanted);
	expect_time("finishedOn", wanted);
	ck_assert_int_eq(host_stop(&h).code, TRB_OK);
}
END_TEST

/* The host's clock is within the certificate's time, and the world's is past it: the same
 * certificate opened the way in the test above.  The machine's clock stays where the host wants it,
 * for all that the enclave sets it. */
START_TEST(a_host_that_turns_its_clock_back_revives_no_certificate)
{
	shared->nsm_ms = 400 * DAY_MS;
	begin();
	host_send_request(&h, TOUCH);
	expect_failure(TRB_E_IO, "ertificate");
	ck_assert(!h.has_commit);
}
END_TEST

START_TEST(a_clock_that_cannot_be_set_is_refused)
{
	shared->nsm_ms = DAY_MS / 24;
	shared->clock_is_fixed = true;
	begin();
	expect_failure(TRB_E_STATE, "cannot be set");
}
END_TEST

START_TEST(a_time_before_the_release_is_refused)
{
	shared->nsm_ms = ((int64_t)TRB_RELEASE_TIME - time(NULL) - 3600) * 1000;
	begin();
	expect_failure(TRB_E_STATE, "before this release");
	for (unsigned i = 0; i < shared->n; i++)
		ck_assert_int_ne(shared->events[i].what, SET_CLOCK);
}
END_TEST

START_TEST(a_clock_that_is_turned_back_later_gets_no_document)
{
	shared->later_ms = -DAY_MS / 24;
	begin();
	host_send_request(&h, TOUCH);
	expect_failure(TRB_E_EVIDENCE, "turned back");
}
END_TEST

START_TEST(a_later_time_follows_the_first)
{
	struct timespec now;
	struct trb_clock clock;
	const uint64_t first = (uint64_t)(TRB_RELEASE_TIME + 1000000) * 1000;

	ck_assert_int_eq(trb_clock_start(&clock, first, NULL), TRB_OK);
	ck_assert_int_eq(trb_clock_check(&clock, first, NULL), TRB_OK);
	ck_assert_int_eq(trb_clock_check(&clock, first + 1000, NULL), TRB_OK);
	ck_assert_int_eq(trb_clock_check(&clock, first - 1, NULL), TRB_E_EVIDENCE);
	/* an hour later it is an hour later, whatever the machine's clock says */
	ahead_ms = -30 * DAY_MS;
	__real_clock_gettime(CLOCK_MONOTONIC, &now);
	clock.mono_ms -= 3600 * 1000;
	ck_assert_int_le(llabs(trb_clock_now(&clock) - (int64_t)(first / 1000 + 3600)), 60);
	ck_assert_int_eq(trb_clock_check(&clock, first + 1000, NULL), TRB_E_EVIDENCE);
	ck_assert_int_eq(trb_clock_check(&clock, first + 3500 * 1000, NULL), TRB_OK);
	ahead_ms = 0;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("inside");
	TCase *t = tcase_create("clock");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, fresh, NULL);
	tcase_add_test(t, randomness_comes_before_everything);
	tcase_add_test(t, the_clock_is_the_nsms);
	tcase_add_test(t, a_host_that_turns_its_clock_back_revives_no_certificate);
	tcase_add_test(t, a_clock_that_cannot_be_set_is_refused);
	tcase_add_test(t, a_time_before_the_release_is_refused);
	tcase_add_test(t, a_clock_that_is_turned_back_later_gets_no_document);
	tcase_add_test(t, a_later_time_follows_the_first);
	suite_add_tcase(s, t);
	return test_run(s);
}
