/* SPDX-License-Identifier: Apache-2.0 */
/* A log whose host shows one thing and has another. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/io.h"
#include "local_log.h"

/* The checkpoint of a log of the same name and key that has n other entries. */
static trb_blob *checkpoint_of_a_fork(unsigned n)
{
	char *own_dir = dir, *own_backend = backend;
	trb_blob *checkpoint;

	ck_assert(asprintf(&dir, "%s/fork-%u", folder, n) > 0);
	ck_assert(asprintf(&backend, "local:dir=%s,key=%s.key", dir, own_dir) > 0);
	make_log();
	for (unsigned i = 0; i < n; i++)
		append_number(1000 + i);
	checkpoint = test_file(test_path(dir, "checkpoint"));
	free(dir);
	free(backend);
	dir = own_dir;
	backend = own_backend;
	return checkpoint;
}

static void show(const trb_blob *checkpoint)
{
	ck_assert_int_eq(trb_write_file(AT_FDCWD, test_path(dir, "checkpoint"),
					trb_blob_bytes(checkpoint), 0644, NULL),
			 TRB_OK);
}

static void refuses_to_fork(const char *says)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_assert_int_eq(append(trb_bytes_str("leaf number 2"), NULL, &err), TRB_E_LOG);
	ck_assert_msg(strstr(trb_error_message(err), says) != NULL, "%s", trb_error_message(err));
}

START_TEST(never_forks_what_was_shown)
{
	static const struct {
		unsigned entries;
		const char *says;
	} forks[] = {
		{ 1, "does not begin with the 1 entries that it has shown: refusing to fork" },
		{ 2, "has shown 2 entries, its state has 2: refusing to fork" },
		{ 3, "has shown 3 entries, its state has 2: refusing to fork" },
	};
	_cleanup_(trb_blob_unrefp) trb_blob *tree = NULL, *first = NULL, *second = NULL;

	append_number(0);
	tree = test_file(test_path(dir, ".state/tree"));
	first = test_file(test_path(dir, "checkpoint"));
	append_number(1);
	second = test_file(test_path(dir, "checkpoint"));
	for (size_t i = 0; i < sizeof(forks) / sizeof(forks[0]); i++) {
		_cleanup_(trb_blob_unrefp) trb_blob *fork = checkpoint_of_a_fork(forks[i].entries);

		show(fork);
		refuses_to_fork(forks[i].says);
	}
	/* its own, whether or not the writer died before it was replaced */
	show(second);
	ck_assert_uint_eq(append_number(1), 1);
	show(first);
	ck_assert_uint_eq(append_number(1), 1);
	/* its state, taken back */
	ck_assert_int_eq(trb_write_file(AT_FDCWD, test_path(dir, ".state/tree"),
					trb_blob_bytes(tree), 0644, NULL),
			 TRB_OK);
	refuses_to_fork("has shown 2 entries, its state has 1: refusing to fork");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log_fork");
	TCase *tc = tcase_create("log_fork");

	tcase_add_checked_fixture(tc, local_log_set_up, local_log_tear_down);
	tcase_add_test(tc, never_forks_what_was_shown);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
