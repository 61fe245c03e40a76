/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test needs: a runner, files, vectors. */
#ifndef TRB_TESTS_SUPPORT_H
#define TRB_TESTS_SUPPORT_H

#include <check.h>

#include <cjson/cJSON.h>

#include "core/bytes.h"

/* Runs the suite and gives the program's exit status. */
int test_run(Suite *suite);
/* Whether TRB_ONLY names this test, or nothing: scripts/mutate runs tests alone. */
bool test_wanted(const char *name);
#undef tcase_add_test
#define tcase_add_test(tc, test) tcase_add_loop_test(tc, test, 0, 1)
#undef tcase_add_loop_test
#define tcase_add_loop_test(tc, test, first, end)                                      \
	do {                                                                           \
		if (test_wanted(#test))                                                \
			_tcase_add_test((tc), (test), 0, 0, (int)(first), (int)(end)); \
	} while (0)
/* The whole file as a blob; the test fails where it cannot be read. */
trb_blob *test_file(const char *path);
/* JSON that must be some, for the caller to delete: of bytes, of a file. */
cJSON *test_json_of(trb_bytes text);
cJSON *test_json(const char *path);
/* The vectors' folder, or NULL where there is none, which is said once on standard error. */
const char *test_vectors(void);
/* Folder/name, static storage. */
const char *test_path(const char *folder, const char *name);
/* Fails the test with the error's message where r is not wanted. */
#define ck_status(r, wanted, err)                                                                 \
	do {                                                                                      \
		int status_ = (r);                                                                \
		ck_assert_msg(status_ == (wanted), "%s, wanted %s: %s", trb_status_name(status_), \
			      trb_status_name(wanted), trb_error_message(err));                   \
	} while (0)

#endif
