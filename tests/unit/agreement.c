/* SPDX-License-Identifier: Apache-2.0 */
/* What enclave, host and verifier compare alike: each comparison holds, and each fails alone. */
#include "support.h"

#include "format/agree.h"

static const struct {
	const char *check;
	int code;
} rules[TRB_AGREES] = {
	[TRB_AGREE_NONCE] = { "nonce.match", TRB_E_FRESHNESS },
	[TRB_AGREE_COMMIT] = { "claim.commit", TRB_E_CLAIM },
	[TRB_AGREE_ARTIFACTS] = { "claim.artifacts", TRB_E_CLAIM },
	[TRB_AGREE_ENVIRONMENT] = { "claim.environment", TRB_E_CLAIM },
	[TRB_AGREE_STATEMENT] = { "claim.statement", TRB_E_CLAIM },
	[TRB_AGREE_PCR16] = { "pcr16.request", TRB_E_MEASUREMENT },
	[TRB_AGREE_PCR17] = { "pcr17.commit", TRB_E_MEASUREMENT },
};

static struct trb_request_facts facts;
static struct trb_claim claim;
static struct trb_agree_case parts;
static uint8_t pcr16[48], pcr17[48];

static void lock(void)
{
	uint8_t data[32];

	ck_assert_int_eq(trb_pcr16_data(parts.request, data, NULL), TRB_OK);
	ck_assert_int_eq(trb_pcr_extend_once(data, pcr16, NULL), TRB_OK);
	ck_assert_int_eq(trb_pcr17_data(&claim.commit, claim.source, claim.environment, data, NULL),
			 TRB_OK);
	ck_assert_int_eq(trb_pcr_extend_once(data, pcr17, NULL), TRB_OK);
}

static void set_up(void)
{
	facts = (struct trb_request_facts){ .commit = { .algorithm = 1, .id = { 1, 2, 3 } },
					    .nonce = TRB_BYTES_LIT("sixteen bytes...") };
	claim = (struct trb_claim){ .commit = facts.commit, .source = { 4, 5, 6 } };
	parts = (struct trb_agree_case){ .request = TRB_BYTES_LIT("request"),
					 .environment = TRB_BYTES_LIT("environment"),
					 .artifacts = TRB_BYTES_LIT("artifacts"),
					 .statement = TRB_BYTES_LIT("statement"),
					 .facts = &facts,
					 .claim = &claim,
					 .nonce = TRB_BYTES_LIT("sixteen bytes..."),
					 .pcr16 = TRB_BYTES(pcr16, 48),
					 .pcr17 = TRB_BYTES(pcr17, 48) };
	ck_assert_int_eq(trb_sha256(parts.environment, claim.environment, NULL), TRB_OK);
	ck_assert_int_eq(trb_sha256(parts.artifacts, claim.artifacts, NULL), TRB_OK);
	ck_assert_int_eq(trb_sha256(parts.statement, claim.statement, NULL), TRB_OK);
	lock();
}

/* Exactly one comparison fails, and all of them together say which. */
static void only(enum trb_agree wrong)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	for (enum trb_agree i = 0; i < TRB_AGREES; i++) {
		struct trb_agreement a;

		ck_assert_int_eq(trb_agree(&parts, i, &a, NULL), TRB_OK);
		ck_assert_msg(a.good == (i != wrong), "%s", rules[i].check);
		ck_assert(trb_bytes_eq(a.wanted, a.found) == a.good);
	}
	ck_assert_int_eq(trb_agree_all(&parts, &err), rules[wrong].code);
	ck_assert_str_eq(trb_error_check(err), rules[wrong].check);
	set_up();
}

START_TEST(parts_that_agree_agree)
{
	ck_assert_int_eq(trb_agree_all(&parts, NULL), TRB_OK);
}
END_TEST

START_TEST(each_comparison_fails_alone)
{
	parts.nonce = TRB_BYTES_LIT("sixteen bytes..,");
	only(TRB_AGREE_NONCE);
	parts.nonce = TRB_BYTES_LIT("sixteen bytes");
	only(TRB_AGREE_NONCE);
	facts.commit.id[19] ^= 1;
	only(TRB_AGREE_COMMIT);
	facts.commit.algorithm = 2;
	only(TRB_AGREE_COMMIT);
	parts.artifacts = TRB_BYTES_LIT("artifactt");
	only(TRB_AGREE_ARTIFACTS);
	parts.environment = TRB_BYTES_LIT("environmenu");
	only(TRB_AGREE_ENVIRONMENT);
	parts.statement = TRB_BYTES_LIT("statemenu");
	only(TRB_AGREE_STATEMENT);
	parts.request = TRB_BYTES_LIT("requesu");
	only(TRB_AGREE_PCR16);
	parts.pcr16 = TRB_BYTES_NULL;
	only(TRB_AGREE_PCR16);
	claim.source[31] ^= 1;
	only(TRB_AGREE_PCR17);
	parts.pcr17 = TRB_BYTES(pcr17, 47);
	only(TRB_AGREE_PCR17);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agreement");
	TCase *tc = tcase_create("agreement");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, parts_that_agree_agree);
	tcase_add_test(tc, each_comparison_fails_alone);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
