/* SPDX-License-Identifier: Apache-2.0 */
/* Facts, from the vectors of every format. */
#include "each.h"

#include "format/facts.h"

static int take_request(const char *name, trb_bytes in)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_request_facts facts;
	trb_blob *again = NULL;
	int r = trb_request_facts_decode(in, &facts, &owner, NULL);

	if (r < 0)
		return r;
	ck_assert_int_eq(trb_request_facts_encode(&facts, &again, NULL), TRB_OK);
	test_same(name, in, again);
	return TRB_OK;
}

static int take_environment(const char *name, trb_bytes in)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_environment env;
	trb_blob *again = NULL;
	int r = trb_environment_decode(in, &env, &owner, NULL);

	if (r < 0)
		return r;
	ck_assert_int_eq(trb_environment_encode(&env, &again, NULL), TRB_OK);
	test_same(name, in, again);
	return TRB_OK;
}

static int take_artifacts(const char *name, trb_bytes in)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_artifacts list;
	trb_blob *again = NULL;
	int r = trb_artifacts_decode(in, &list, &owner, NULL);

	if (r < 0)
		return r;
	ck_assert_int_eq(trb_artifacts_encode(&list, &again, NULL), TRB_OK);
	test_same(name, in, again);
	trb_artifacts_clear(&list);
	return TRB_OK;
}

static int take_materials(const char *name, trb_bytes in)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_materials list;
	trb_blob *again = NULL;
	int r = trb_materials_decode(in, &list, &owner, NULL);

	if (r < 0)
		return r;
	ck_assert_int_eq(trb_materials_encode(&list, &again, NULL), TRB_OK);
	test_same(name, in, again);
	trb_materials_clear(&list);
	return TRB_OK;
}

static int take_claim(const char *name, trb_bytes in)
{
	struct trb_claim claim;
	trb_blob *again = NULL;
	int r = trb_claim_decode(in, &claim, NULL);

	if (r < 0)
		return r;
	ck_assert_int_eq(trb_claim_encode(&claim, &again, NULL), TRB_OK);
	test_same(name, in, again);
	return TRB_OK;
}

static int take_leaf(const char *name, trb_bytes in)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_leaf leaf;
	trb_blob *again = NULL;
	int r = trb_leaf_decode(in, &leaf, &owner, NULL);

	if (r < 0)
		return r;
	ck_assert_int_eq(trb_leaf_encode(&leaf, &again, NULL), TRB_OK);
	test_same(name, in, again);
	return TRB_OK;
}

START_TEST(vectors_of_the_facts)
{
	test_each_vector("request", take_request);
	test_each_vector("environment", take_environment);
	test_each_vector("artifacts", take_artifacts);
	test_each_vector("materials", take_materials);
	test_each_vector("claim", take_claim);
	test_each_vector("leaf", take_leaf);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fact_vectors");
	TCase *tc = tcase_create("fact_vectors");

	tcase_add_test(tc, vectors_of_the_facts);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
