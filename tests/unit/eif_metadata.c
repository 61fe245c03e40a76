/* SPDX-License-Identifier: Apache-2.0 */
/* Metadata of enclave images, which are other people's JSON. */
#include "support.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/cleanup.h"
#include "image/eif_write.h"

static int open_with_metadata(trb_bytes metadata, trb_eif **ret, trb_error **err)
{
	char nothing[] = "/tmp/trb-eif-metadata-XXXXXX";
	struct eif_parts parts = {
		.kernel = nothing,
		.cmdline = TRB_BYTES_LIT("console=ttyS0"),
		.metadata = metadata,
		.ramdisks = { { NULL, nothing } },
		.n_ramdisks = 1,
	};
	int empty = mkstemp(nothing), fd = memfd_create("eif", MFD_CLOEXEC), r;
	struct eif_measurement measured;

	ck_assert_int_ge(empty, 0);
	ck_assert_int_ge(fd, 0);
	r = trb_eif_write(fd, &parts, &measured, err);
	unlink(nothing);
	close(empty);
	ck_status(r, TRB_OK, *err);
	r = trb_eif_open_fd(NULL, fd, ret, err);
	close(fd);
	return r;
}

START_TEST(metadata_must_be_one_json_object)
{
	static const char *bad[] = { "null", "[]", "{} {}", "{", "", "\xff{}", "{\"a\":\"\x01\"}" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;
		trb_eif *eif = NULL;

		ck_assert_msg(open_with_metadata(trb_bytes_str(bad[i]), &eif, &err) == TRB_E_FORMAT,
			      "%s", bad[i]);
	}
}
END_TEST

/* Whoever reads the first and whoever reads the last would see two images. */
START_TEST(a_name_stands_once)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = {
		{ "{\"a\":1,\"A\":2,\"b\":{\"a\":3}}", TRB_OK },
		{ "{\"a\":1,\"b\":2,\"a\":3}", TRB_E_FORMAT },
		{ "{\"a\":1,\"\\u0061\":1}", TRB_E_FORMAT },
		{ "{\"b\":[{\"x\":{\"a\":1,\"a\":1}}]}", TRB_E_FORMAT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;
		trb_eif *eif = NULL;

		ck_status(open_with_metadata(trb_bytes_str(rows[i].text), &eif, &err), rows[i].code,
			  err);
		if (rows[i].code < 0)
			ck_assert_ptr_nonnull(
				strstr(trb_error_message(err), "the name 'a' stands twice"));
		trb_eif_unref(eif);
	}
}
END_TEST

/* cJSON reads a thousand levels, and writes each member of the innermost behind a thousand tabs. */
START_TEST(metadata_that_would_grow_is_refused)
{
	static const struct {
		size_t levels, members;
		int code;
	} rows[] = {
		{ 31, 8000, TRB_OK },
		{ 32, 8000, TRB_E_FORMAT },
		{ 900, 100000, TRB_E_FORMAT },
		{ 1, 100000, TRB_E_FORMAT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(trb_error_unrefp) trb_error *err = NULL;
		_cleanup_(trb_blob_unrefp) trb_blob *json = NULL;
		_cleanup_buf_ struct trb_buf b;
		trb_eif *eif = NULL;

		trb_buf_init(&b, 2 << 20);
		for (size_t k = 0; k < rows[i].levels; k++)
			trb_buf_add_str(&b, "{\"a\":");
		trb_buf_add_str(&b, "{");
		for (size_t k = 0; k < rows[i].members; k++)
			trb_buf_addf(&b, "\"%zu\":0,", k);
		trb_buf_add_str(&b, "\"\":0}");
		for (size_t k = 0; k < rows[i].levels; k++)
			trb_buf_add_str(&b, "}");
		ck_status(open_with_metadata(trb_buf_bytes(&b), &eif, &err), rows[i].code, err);
		if (rows[i].code == TRB_OK) {
			ck_status(trb_eif_describe_json(eif, &json, NULL), TRB_OK, NULL);
			ck_assert_uint_lt(trb_blob_bytes(json).len, 1 << 20);
		}
		trb_eif_unref(eif);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("eif_metadata");
	TCase *tc = tcase_create("eif_metadata");

	tcase_add_test(tc, metadata_must_be_one_json_object);
	tcase_add_test(tc, a_name_stands_once);
	tcase_add_test(tc, metadata_that_would_grow_is_refused);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
