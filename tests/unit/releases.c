/* SPDX-License-Identifier: Apache-2.0 */
/* libtrustbuild and libtrustbuild-enclave share handles: those of another release are refused. */
#include "support.h"

#include <trustbuild/sys/build.h>
#include <trustbuild/sys/enclave.h>
#include <trustbuild/sys/source.h>
#include <trustbuild/trustbuild.h>

#include "core/cleanup.h"

#define COMMIT "226a4e68dc0f1f2ffc51780ccb3aecd17299c7c2"

static trb_context *context;
static trb_request *request;
static uint32_t release;

static void setup(void)
{
	ck_assert_int_eq(trb_context_new(&context, NULL), TRB_OK);
	ck_assert_int_eq(
		trb_request_new(context, "https://example.org/a.git", COMMIT, &request, NULL),
		TRB_OK);
	memcpy(&release, context, sizeof(release)); /* its first member, in every release */
}

static void teardown(void)
{
	memcpy(context, &release, sizeof(release));
	trb_request_unref(request);
	trb_context_unref(context);
}

static void of_release(uint32_t other)
{
	memcpy(context, &other, sizeof(other));
}

static int make_source(trb_error **err)
{
	trb_source *source = NULL;
	int r = trb_source_new(context, request, "/nonexistent", &source, err);

	trb_source_unref(source);
	return r;
}

static int make_build(trb_error **err)
{
	trb_build *build = NULL;
	int r = trb_build_new(context, TRB_BYTES_LIT("no recipe"), "runsc", "/none", "/none",
			      &build, err);

	trb_build_unref(build);
	return r;
}

static int serve(trb_error **err)
{
	return trb_enclave_serve(context, "no=such,key=there", err);
}

START_TEST(other_releases_are_refused)
{
	int (*const all[])(trb_error **) = { make_source, make_build, serve };
	const uint32_t others[] = { 0, release - 1, release + 1, release + 1000 };

	ck_assert_uint_eq(release, trb_version_number());
	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < 4; k++) {
			_cleanup_(trb_error_unrefp) trb_error *err = NULL;

			of_release(others[k]);
			ck_assert_int_eq(all[i](&err), TRB_E_ABI);
			ck_assert_ptr_nonnull(strstr(trb_error_message(err), "one release"));
		}
	}
}
END_TEST

/* … for this reason alone: the same calls with a context of this release get past it. */
START_TEST(this_release_is_not)
{
	ck_assert_int_eq(make_source(NULL), TRB_OK);
	ck_assert_int_eq(make_build(NULL), TRB_E_FORMAT);
	ck_assert_int_eq(serve(NULL), TRB_E_INVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("releases");
	TCase *tc = tcase_create("releases");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, other_releases_are_refused);
	tcase_add_test(tc, this_release_is_not);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
