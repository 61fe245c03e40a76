/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule of document.chain, broken alone in an otherwise right document; and what the memory of
 * issuers must never change. */
#include "forge.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "verifier/issuers.h"
#include "verifier/nitro.h"

static struct trb_nitro_root pin(const trb_blob *der)
{
	struct trb_nitro_root root = { 0 };

	ck_assert_int_eq(trb_sha256(trb_blob_bytes(der), root.sha256, NULL), TRB_OK);
	return root;
}

/* The id of the check that failed, or "" where the document is verified. */
static const char *judge_at(struct trb_nitro *nitro, trb_bytes document,
			    const struct trb_nitro_root *root, uint64_t at_s)
{
	_cleanup_(trb_nitro_verdict_clear) struct trb_nitro_verdict verdict = { 0 };
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	int r = trb_nitro_judge(nitro, document, at_s, root, 1, 0, &verdict, &err);

	if (r == TRB_OK) {
		ck_assert_int_eq(verdict.assurance, TRB_ASSURANCE_SIMULATED);
		return "";
	}
	ck_status(r, TRB_E_EVIDENCE, err);
	ck_assert_int_eq(verdict.assurance, 0);
	return trb_error_check(err);
}

static const char *judge(struct forge *f)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = forge_document(f);
	struct trb_nitro_root root = pin(f->der[0]);
	struct trb_nitro *nitro = NULL;
	const char *cold, *again;

	ck_assert_int_eq(trb_nitro_new(&nitro, NULL), TRB_OK);
	cold = judge_at(nitro, trb_blob_bytes(document), &root, TRB_NITRO_TIME_DOCUMENT);
	again = judge_at(nitro, trb_blob_bytes(document), &root, TRB_NITRO_TIME_DOCUMENT);
	ck_assert_str_eq(cold, again);
	trb_nitro_free(nitro);
	return cold;
}

static void leaf_is_ca(struct forge *f)
{
	f->certs[4].basic_constraints = "critical,CA:TRUE";
}

static void leaf_without_constraints(struct forge *f)
{
	f->certs[4].basic_constraints = NULL;
}

static void instance_is_no_ca(struct forge *f)
{
	f->certs[3].basic_constraints = "critical,CA:FALSE";
}

static void zonal_without_constraints(struct forge *f)
{
	f->certs[2].basic_constraints = NULL;
}

static void zonal_constraints_not_critical(struct forge *f)
{
	f->certs[2].basic_constraints = "CA:TRUE,pathlen:1";
}

static void regional_path_too_short(struct forge *f)
{
	f->certs[1].basic_constraints = "critical,CA:TRUE,pathlen:1";
}

static void root_path_too_short(struct forge *f)
{
	f->certs[0].basic_constraints = "critical,CA:TRUE,pathlen:0";
}

static void zonal_may_not_sign(struct forge *f)
{
	f->certs[2].key_usage = "critical,digitalSignature,cRLSign";
}

static void zonal_without_usage(struct forge *f)
{
	f->certs[2].key_usage = NULL;
}

static void leaf_may_not_sign(struct forge *f)
{
	f->certs[4].key_usage = "nonRepudiation";
}

static void leaf_without_usage(struct forge *f)
{
	f->certs[4].key_usage = NULL;
}

static void wrong_issuer_name(struct forge *f)
{
	f->certs[3].issuer = "another.zonal.SIMULATED";
}

static void wrong_leaf_issuer_name(struct forge *f)
{
	f->certs[4].issuer = "i-00000000000000000.us-east-1.SIMULATED";
}

static void foreign_authority(struct forge *f)
{
	f->certs[3].foreign_authority = true;
}

static void leaf_of_another_module(struct forge *f)
{
	f->certs[4].name = "i-0123456789abcdef0-enc0000000000000000.us-east-1.aws";
}

static void leaf_name_goes_on(struct forge *f)
{
	f->certs[4].name = FORGE_MODULE "0.us-east-1.aws";
}

static void root_expired(struct forge *f)
{
	f->certs[0].not_after = FORGE_TIME - 1;
}

static void root_not_yet(struct forge *f)
{
	f->certs[0].not_before = FORGE_TIME + 1;
}

static void zonal_expired(struct forge *f)
{
	f->certs[2].not_after = FORGE_TIME - 1;
}

static void leaf_expired(struct forge *f)
{
	f->certs[4].not_after = FORGE_TIME - 1;
}

static void leaf_not_yet(struct forge *f)
{
	f->certs[4].not_before = FORGE_TIME + 1;
}

static void last_second(struct forge *f)
{
	f->certs[4].not_after = f->certs[4].not_before = FORGE_TIME;
}

static void unknown_critical(struct forge *f)
{
	f->certs[2].more = "critical 1.3.6.1.4.1.99999.1";
}

static void unknown_not_critical(struct forge *f)
{
	f->certs[2].more = "1.3.6.1.4.1.99999.1";
}

static void name_constraints(struct forge *f)
{
	f->certs[1].more = "critical 2.5.29.30";
}

static void name_constraints_not_critical(struct forge *f)
{
	f->certs[1].more = "2.5.29.30";
}

static void extended_usage(struct forge *f)
{
	f->certs[3].more = "2.5.29.37";
}

static void twice_unknown(struct forge *f)
{
	unknown_not_critical(f);
	f->certs[2].twice = true;
}

static void zonal_on_p256(struct forge *f)
{
	f->certs[2].curve = "P-256";
}

static void zonal_on_p521(struct forge *f)
{
	f->certs[2].curve = "P-521";
}

static void zonal_with_rsa(struct forge *f)
{
	f->certs[2].curve = "RSA";
}

static void sha256_signature(struct forge *f)
{
	f->certs[3].digest = "SHA256";
}

static void zonal_signed_by_itself(struct forge *f)
{
	f->certs[2].signer = 2;
}

static void instance_signed_by_regional(struct forge *f)
{
	f->certs[3].signer = 1;
}

static void leaf_signed_by_zonal(struct forge *f)
{
	f->certs[4].signer = 2;
}

static void spoiled_zonal(struct forge *f)
{
	f->certs[2].spoiled = true;
}

static void spoiled_leaf(struct forge *f)
{
	f->certs[4].spoiled = true;
}

static void nothing(struct forge *f)
{
	(void)f;
}

#define ROW(spoil, check)            \
	{                            \
#spoil, spoil, check \
	}
static const struct {
	const char *name;
	void (*spoil)(struct forge *f);
	const char *check;
} rows[] = {
	ROW(nothing, ""),
	ROW(last_second, ""),
	ROW(unknown_not_critical, ""),
	ROW(leaf_without_constraints, ""),
	ROW(leaf_is_ca, "document.chain"),
	ROW(instance_is_no_ca, "document.chain"),
	ROW(zonal_without_constraints, "document.chain"),
	ROW(zonal_constraints_not_critical, "document.chain"),
	ROW(regional_path_too_short, "document.chain"),
	ROW(root_path_too_short, "document.chain"),
	ROW(zonal_may_not_sign, "document.chain"),
	ROW(zonal_without_usage, "document.chain"),
	ROW(leaf_may_not_sign, "document.chain"),
	ROW(leaf_without_usage, "document.chain"),
	ROW(wrong_issuer_name, "document.chain"),
	ROW(wrong_leaf_issuer_name, "document.chain"),
	ROW(foreign_authority, "document.chain"),
	ROW(leaf_of_another_module, "document.chain"),
	ROW(leaf_name_goes_on, "document.chain"),
	ROW(root_expired, "document.chain"),
	ROW(root_not_yet, "document.chain"),
	ROW(zonal_expired, "document.chain"),
	ROW(leaf_expired, "document.chain"),
	ROW(leaf_not_yet, "document.chain"),
	ROW(unknown_critical, "document.chain"),
	ROW(name_constraints, "document.chain"),
	ROW(name_constraints_not_critical, "document.chain"),
	ROW(extended_usage, "document.chain"),
	ROW(twice_unknown, "document.chain"),
	ROW(zonal_on_p256, "document.chain"),
	ROW(zonal_on_p521, "document.chain"),
	ROW(zonal_with_rsa, "document.chain"),
	ROW(sha256_signature, "document.chain"),
	ROW(zonal_signed_by_itself, "document.chain"),
	ROW(instance_signed_by_regional, "document.chain"),
	ROW(leaf_signed_by_zonal, "document.chain"),
	ROW(spoiled_zonal, "document.chain"),
	ROW(spoiled_leaf, "document.chain"),
};
#define N_ROWS ((int)(sizeof(rows) / sizeof(rows[0])))

START_TEST(each_rule_holds_alone)
{
	struct forge f;

	forge_init(&f);
	rows[_i].spoil(&f);
	forge_make(&f);
	ck_assert_msg(strcmp(judge(&f), rows[_i].check) == 0, "%s: '%s' instead of '%s'",
		      rows[_i].name, judge(&f), rows[_i].check);
	forge_clear(&f);
}
END_TEST

static const struct {
	size_t n;
	int order[8];
	const char *check;
} bundles[] = {
	{ 4, { 0, 1, 2, 3 }, "" },
	{ 4, { 1, 0, 2, 3 }, "document.chain" }, /* not root first */
	{ 4, { 3, 2, 1, 0 }, "document.chain" },
	{ 3, { 0, 1, 3 }, "document.chain" }, /* one is missing */
	{ 3, { 1, 2, 3 }, "document.chain" }, /* the root is missing */
	{ 3, { 0, 1, 2 }, "document.chain" },
	{ 1, { 0 }, "document.chain" },
	{ 5, { 0, 1, 2, 3, 3 }, "document.chain" },
	{ 5, { 0, 1, 2, 3, 4 }, "document.chain" }, /* the leaf as its own issuer */
	{ 4, { 0, 2, 1, 3 }, "document.chain" },
	{ 8, { 0, 1, 2, 3, 3, 3, 3, 3 }, "document.chain" },
};

START_TEST(bundle_is_root_first_and_whole)
{
	struct forge f;

	forge_init(&f);
	forge_make(&f);
	forge_cabundle(&f, bundles[_i].order, bundles[_i].n);
	ck_assert_str_eq(judge(&f), bundles[_i].check);
	forge_clear(&f);
}
END_TEST

/* A root of the same name and with the same contents, but for its key, is another root. */
START_TEST(impostor_root_is_refused)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = NULL;
	struct trb_nitro_root roots[2] = { { .name = TRB_NITRO_ROOT_AWS } };
	struct trb_nitro *nitro = NULL;
	struct forge f, other;

	forge_init(&f);
	f.certs[0].name = "aws.nitro-enclaves";
	forge_make(&f);
	forge_init(&other);
	other.certs[0].name = "aws.nitro-enclaves";
	forge_make(&other);
	roots[1] = pin(other.der[0]);
	document = forge_document(&f);
	ck_assert_int_eq(trb_nitro_new(&nitro, NULL), TRB_OK);
	for (size_t i = 0; i < 2; i++)
		ck_assert_str_eq(judge_at(nitro, trb_blob_bytes(document), &roots[i],
					  TRB_NITRO_TIME_DOCUMENT),
				 "document.chain");
	trb_nitro_free(nitro);
	forge_clear(&f);
	forge_clear(&other);
}
END_TEST

START_TEST(no_root_is_a_mistake_not_a_pass)
{
	_cleanup_(trb_nitro_verdict_clear) struct trb_nitro_verdict verdict = { 0 };
	struct trb_nitro_root odd = { .name = "aws-nitro-gov" };
	struct trb_nitro *nitro = NULL;

	ck_assert_int_eq(trb_nitro_new(&nitro, NULL), TRB_OK);
	ck_assert_int_eq(trb_nitro_judge(nitro, TRB_BYTES_NULL, TRB_NITRO_TIME_DOCUMENT, NULL, 0, 0,
					 &verdict, NULL),
			 TRB_E_INVAL);
	ck_assert_int_eq(trb_nitro_judge(nitro, TRB_BYTES_NULL, TRB_NITRO_TIME_DOCUMENT, &odd, 1, 0,
					 &verdict, NULL),
			 TRB_E_INVAL);
	trb_nitro_free(nitro);
}
END_TEST

/* What is remembered is judged anew: at a time outside an issuer's validity it is refused. */
START_TEST(remembered_issuers_still_expire)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = NULL;
	struct trb_nitro_root root;
	struct trb_nitro *nitro = NULL;
	struct forge f;

	forge_init(&f);
	f.certs[4].not_before -= 86400;
	f.certs[4].not_after += 86400;
	forge_make(&f);
	root = pin(f.der[0]);
	document = forge_document(&f);
	ck_assert_int_eq(trb_nitro_new(&nitro, NULL), TRB_OK);
	ck_assert_str_eq(judge_at(nitro, trb_blob_bytes(document), &root, FORGE_TIME), "");
	ck_assert_str_eq(judge_at(nitro, trb_blob_bytes(document), &root, FORGE_TIME + 80000),
			 "document.chain");
	ck_assert_str_eq(judge_at(nitro, trb_blob_bytes(document), &root, FORGE_TIME - 80000),
			 "document.chain");
	ck_assert_str_eq(judge_at(nitro, trb_blob_bytes(document), &root, FORGE_TIME), "");
	trb_nitro_free(nitro);
	forge_clear(&f);
}
END_TEST

/* Issuers remembered under one root count for nothing under another. */
START_TEST(remembered_issuers_need_their_root)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = NULL;
	struct trb_nitro_root root, aws = { .name = TRB_NITRO_ROOT_AWS };
	struct trb_nitro *nitro = NULL;
	struct forge f;

	forge_init(&f);
	forge_make(&f);
	root = pin(f.der[0]);
	document = forge_document(&f);
	ck_assert_int_eq(trb_nitro_new(&nitro, NULL), TRB_OK);
	ck_assert_str_eq(judge_at(nitro, trb_blob_bytes(document), &root, FORGE_TIME), "");
	ck_assert_str_eq(judge_at(nitro, trb_blob_bytes(document), &aws, FORGE_TIME),
			 "document.chain");
	trb_nitro_free(nitro);
	forge_clear(&f);
}
END_TEST

/* An issuer that another chain remembers, behind one of the same name that did not sign it. */
START_TEST(remembered_issuers_need_their_parent)
{
	_cleanup_(trb_blob_unrefp) trb_blob *document = NULL, *mixed = NULL;
	struct trb_nitro_root root;
	struct trb_nitro *nitro = NULL;
	struct forge f, other;
	trb_blob *regional;

	forge_init(&f);
	forge_make(&f);
	forge_init(&other);
	other.certs[1].key_ids = other.certs[2].key_ids = other.certs[3].key_ids = false;
	forge_share_key(&other, 0, &f);
	forge_make(&other);
	root = pin(f.der[0]);
	document = forge_document(&f);
	ck_assert_int_eq(trb_nitro_new(&nitro, NULL), TRB_OK);
	ck_assert_str_eq(judge_at(nitro, trb_blob_bytes(document), &root, FORGE_TIME), "");
	regional = f.der[1];
	f.der[1] = other.der[1];
	forge_cabundle(&f, (const int[]){ 0, 1, 2, 3 }, 4);
	mixed = forge_document(&f);
	f.der[1] = regional;
	ck_assert_str_eq(judge_at(nitro, trb_blob_bytes(mixed), &root, FORGE_TIME),
			 "document.chain");
	trb_nitro_free(nitro);
	forge_clear(&f);
	forge_clear(&other);
}
END_TEST

/* Nothing of a refused chain is remembered. */
START_TEST(refused_issuers_are_not_remembered)
{
	struct trb_nitro_root root;
	struct trb_nitro *nitro = NULL;
	struct forge f;

	forge_init(&f);
	f.certs[3].spoiled = true;
	forge_make(&f);
	root = pin(f.der[0]);
	ck_assert_int_eq(trb_nitro_new(&nitro, NULL), TRB_OK);
	for (int i = 0; i < 3; i++) {
		_cleanup_(trb_blob_unrefp) trb_blob *document = forge_document(&f);

		ck_assert_str_eq(judge_at(nitro, trb_blob_bytes(document), &root, FORGE_TIME),
				 "document.chain");
	}
	trb_nitro_free(nitro);
	forge_clear(&f);
}
END_TEST

/* However many are added, no more than 512 are kept, and the newest is among them. */
START_TEST(memory_of_issuers_is_bounded)
{
	uint8_t sha256[TRB_SHA256_LEN] = { 0 }, parent[TRB_SHA256_LEN] = { 0 };
	struct trb_ec_curve *curve = NULL;
	struct trb_issuers *issuers = NULL;
	const char *fault;
	unsigned kept = 0;
	struct forge f;

	forge_init(&f);
	forge_make(&f);
	ck_assert_int_eq(trb_ec_curve_new(TRB_P384, &curve, NULL), TRB_OK);
	ck_assert_int_eq(trb_issuers_new(&issuers, NULL), TRB_OK);
	for (unsigned i = 0; i < 2000; i++) {
		_cleanup_(trb_issuer_unrefp) struct trb_issuer *issuer = NULL, *found = NULL;

		sha256[0] = (uint8_t)i;
		sha256[1] = (uint8_t)(i >> 8);
		ck_assert_int_eq(trb_issuer_new(curve, trb_blob_bytes(f.der[1]), sha256, parent,
						&issuer, &fault),
				 TRB_OK);
		trb_issuers_add(issuers, issuer);
		found = trb_issuers_find(issuers, sha256, parent);
		ck_assert_ptr_eq(found, issuer);
	}
	for (unsigned i = 0; i < 2000; i++) {
		_cleanup_(trb_issuer_unrefp) struct trb_issuer *found = NULL;

		sha256[0] = (uint8_t)i;
		sha256[1] = (uint8_t)(i >> 8);
		found = trb_issuers_find(issuers, sha256, parent);
		kept += found != NULL;
	}
	ck_assert_uint_eq(kept, 512);
	trb_issuers_free(issuers);
	trb_ec_curve_free(curve);
	forge_clear(&f);
}
END_TEST

struct shared {
	struct trb_nitro *nitro;
	struct trb_nitro_root root;
	trb_bytes good, bad;
	atomic_uint wrong;
};

static void *judge_often(void *arg)
{
	struct shared *s = arg;

	for (int i = 0; i < 40; i++) {
		struct trb_nitro_verdict v = { 0 }, w = { 0 };

		if (trb_nitro_judge(s->nitro, s->good, FORGE_TIME, &s->root, 1, 0, &v, NULL) !=
			    TRB_OK ||
		    trb_nitro_judge(s->nitro, s->bad, FORGE_TIME, &s->root, 1, 0, &w, NULL) !=
			    TRB_E_EVIDENCE)
			s->wrong++;
		trb_nitro_verdict_clear(&v);
		trb_nitro_verdict_clear(&w);
	}
	return NULL;
}

/* Four threads remember, look up and forget on one verifier. */
START_TEST(threads_share_the_memory)
{
	_cleanup_(trb_blob_unrefp) trb_blob *good = NULL, *bad = NULL;
	struct shared s = { 0 };
	pthread_t threads[4];
	struct forge f;

	forge_init(&f);
	forge_make(&f);
	good = forge_document(&f);
	f.signer = 3;
	bad = forge_document(&f);
	s.root = pin(f.der[0]);
	s.good = trb_blob_bytes(good);
	s.bad = trb_blob_bytes(bad);
	ck_assert_int_eq(trb_nitro_new(&s.nitro, NULL), TRB_OK);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, judge_often, &s), 0);
	for (int i = 0; i < 200; i++) {
		trb_nitro_forget(s.nitro);
		usleep(500);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(s.wrong, 0);
	trb_nitro_free(s.nitro);
	forge_clear(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain");
	TCase *tcase = tcase_create("chain");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, each_rule_holds_alone, 0, N_ROWS);
	tcase_add_loop_test(tcase, bundle_is_root_first_and_whole, 0,
			    (int)(sizeof(bundles) / sizeof(bundles[0])));
	tcase_add_test(tcase, impostor_root_is_refused);
	tcase_add_test(tcase, no_root_is_a_mistake_not_a_pass);
	tcase_add_test(tcase, remembered_issuers_still_expire);
	tcase_add_test(tcase, remembered_issuers_need_their_root);
	tcase_add_test(tcase, remembered_issuers_need_their_parent);
	tcase_add_test(tcase, refused_issuers_are_not_remembered);
	tcase_add_test(tcase, memory_of_issuers_is_bounded);
	tcase_add_test(tcase, threads_share_the_memory);
	suite_add_tcase(suite, tcase);
	return test_run(suite);
}
