/* SPDX-License-Identifier: Apache-2.0 */
/* Materials, and what of the environment must agree with them and with the request. */
#include "support.h"

#include <stdio.h>

#include "format/facts.h"

#define Z20 "0000000000000000000000000000000000000000"

static struct trb_material submodule(const char *uri, const char *pin)
{
	return (struct trb_material){ .uri = trb_bytes_str(uri),
				      .digest = { .algorithm = 1 },
				      .pin = trb_bytes_str(pin) };
}

START_TEST(materials_are_sorted)
{
	struct trb_material entries[3] = { submodule("https://e/b", "a"),
					   submodule("https://e/a", "b"),
					   submodule("https://e/a", "a/c") };
	struct trb_materials list = { 3, entries }, again = { 0 };
	trb_blob *blob = NULL, *owner = NULL;
	char got[512];

	ck_assert_int_eq(trb_materials_encode(&list, &blob, NULL), TRB_OK);
	ck_assert_uint_lt(trb_blob_bytes(blob).len, sizeof(got) / 2);
	trb_hex_encode(trb_blob_bytes(blob), got);
	ck_assert_str_eq(got, "8385006b68747470733a2f2f652f61820154" Z20 "f663612f63"
			      "85006b68747470733a2f2f652f61820154" Z20 "f66162"
			      "85006b68747470733a2f2f652f62820154" Z20 "f66161");
	ck_assert_int_eq(trb_materials_decode(trb_blob_bytes(blob), &again, &owner, NULL), TRB_OK);
	ck_assert_uint_eq(again.n, 3);
	ck_assert(trb_bytes_eq_str(again.entries[0].pin, "a/c") && !again.entries[0].sized);
	trb_materials_clear(&again);
	trb_blob_unref(owner);
	trb_blob_unref(blob);

	entries[2].pin = entries[1].pin;
	ck_assert_int_eq(trb_materials_encode(&list, &blob, NULL), TRB_E_FORMAT);
	entries[2] = submodule("https://e/c", "../c");
	ck_assert_int_eq(trb_materials_encode(&list, &blob, NULL), TRB_E_FORMAT);
	entries[2] = submodule("https://e/c", "c");
	entries[2].digest.algorithm = 3;
	ck_assert_int_eq(trb_materials_encode(&list, &blob, NULL), TRB_E_FORMAT);
	entries[2].digest.algorithm = 2;
	entries[2].kind = 1;
	ck_assert_int_eq(trb_materials_encode(&list, &blob, NULL), TRB_E_UNSUPPORTED);
	list.n = 0;
	ck_assert_int_eq(trb_materials_encode(&list, &blob, NULL), TRB_E_FORMAT);
}
END_TEST

/* 8192 entries, and 1 MiB of them. */
START_TEST(materials_have_ceilings)
{
	struct trb_material *entries = calloc(8193, sizeof(*entries));
	char(*pins)[1024] = calloc(8193, sizeof(*pins));
	struct trb_materials list = { 8192, entries }, again = { 0 };
	trb_blob *blob = NULL, *owner = NULL;
	size_t len;

	for (size_t i = 0; i < 8193; i++) {
		snprintf(pins[i], sizeof(pins[i]), "%04zu", i);
		entries[i] = submodule("https://e/a", pins[i]);
	}
	ck_assert_int_eq(trb_materials_encode(&list, &blob, NULL), TRB_OK);
	ck_assert_int_eq(trb_materials_decode(trb_blob_bytes(blob), &again, &owner, NULL), TRB_OK);
	ck_assert_uint_eq(again.n, 8192);
	trb_materials_clear(&again);
	trb_blob_unref(owner);
	len = trb_blob_bytes(blob).len;
	trb_blob_unref(blob);
	list.n = 8193;
	ck_assert_int_eq(trb_materials_encode(&list, &blob, NULL), TRB_E_FORMAT);

	/* pins that grow by 1,000 until the last byte is taken; their heads grow by 2 */
	list.n = 8192;
	for (size_t i = 0; len + 1002 <= TRB_MATERIALS_BYTES; i++, len += 1002) {
		memset(pins[i] + 4, 'x', 1000);
		entries[i].pin.len = 1004;
	}
	len = TRB_MATERIALS_BYTES -
	      len; /* for one more: two bytes of head and 252 of text are left */
	memset(pins[8191] + 4, 'x', 1000);
	entries[8191].pin.len += len - 2;
	ck_assert_int_eq(trb_materials_encode(&list, &blob, NULL), TRB_OK);
	ck_assert_uint_eq(trb_blob_bytes(blob).len, TRB_MATERIALS_BYTES);
	ck_assert_int_eq(trb_materials_decode(trb_blob_bytes(blob), &again, &owner, NULL), TRB_OK);
	trb_materials_clear(&again);
	trb_blob_unref(owner);
	trb_blob_unref(blob);
	entries[8191].pin.len++;
	ck_assert_int_eq(trb_materials_encode(&list, &blob, NULL), TRB_E_LIMIT);
	free(entries);
	free(pins);
}
END_TEST

/* What the environment says of the materials, and what of it must agree with the request. */
START_TEST(environment_agrees)
{
	struct trb_material one = submodule("https://e/a", "a");
	struct trb_materials list = { 1, &one };
	struct trb_environment env = { .has_materials = true, .n_materials = 1 };
	struct trb_request_facts request = { .repository = TRB_BYTES_LIT("https://e:8443/r"),
					     .commit = { 1, { 1 } } };
	trb_blob *blob = NULL;
	trb_bytes bytes;

	ck_assert_int_eq(trb_materials_encode(&list, &blob, NULL), TRB_OK);
	bytes = trb_blob_bytes(blob);
	ck_assert_int_eq(trb_sha256(bytes, env.materials, NULL), TRB_OK);
	ck_assert_int_eq(trb_materials_check(bytes, &env, NULL), TRB_OK);
	ck_assert_int_eq(trb_materials_check(TRB_BYTES_NULL, &env, NULL), TRB_E_CLAIM);
	env.n_materials = 2;
	ck_assert_int_eq(trb_materials_check(bytes, &env, NULL), TRB_E_CLAIM);
	env.n_materials = 1;
	env.materials[0] ^= 1;
	ck_assert_int_eq(trb_materials_check(bytes, &env, NULL), TRB_E_CLAIM);
	env.has_materials = false;
	ck_assert_int_eq(trb_materials_check(bytes, &env, NULL), TRB_E_CLAIM);
	ck_assert_int_eq(trb_materials_check(TRB_BYTES_NULL, &env, NULL), TRB_OK);
	trb_blob_unref(blob);

	ck_assert_ptr_null(trb_environment_history_fault(&env, &request));
	request.ref = TRB_BYTES_LIT("refs/heads/main");
	ck_assert_ptr_nonnull(trb_environment_history_fault(&env, &request));
	env.history = (struct trb_history){ .there = true, .tip = request.commit };
	ck_assert_ptr_null(trb_environment_history_fault(&env, &request));
	env.history.tip.id[0] ^= 1;
	ck_assert_ptr_nonnull(trb_environment_history_fault(&env, &request));
	env.history.relation = TRB_RELATION_FIRST_PARENT;
	ck_assert_ptr_null(trb_environment_history_fault(&env, &request));
	env.history.tip.id[0] ^= 1;
	ck_assert_ptr_nonnull(trb_environment_history_fault(&env, &request));
	request.ref = TRB_BYTES_NULL;
	ck_assert_ptr_nonnull(trb_environment_history_fault(&env, &request));

	ck_assert_ptr_null(trb_environment_location_fault(&env, &request));
	env.location = TRB_BYTES_LIT("https://e:8443/moved/r");
	ck_assert_ptr_null(trb_environment_location_fault(&env, &request));
	env.location = request.repository;
	ck_assert_ptr_nonnull(trb_environment_location_fault(&env, &request));
	env.location = TRB_BYTES_LIT("https://e/r");
	ck_assert_ptr_nonnull(trb_environment_location_fault(&env, &request));
	env.location = TRB_BYTES_LIT("https://e:8444/r");
	ck_assert_ptr_nonnull(trb_environment_location_fault(&env, &request));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("materials");
	TCase *tc = tcase_create("materials");

	tcase_add_test(tc, materials_are_sorted);
	tcase_add_test(tc, materials_have_ceilings);
	tcase_add_test(tc, environment_agrees);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
