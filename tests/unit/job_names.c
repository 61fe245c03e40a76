/* SPDX-License-Identifier: Apache-2.0 */
/* Where a job puts files and bundle, whatever the build calls its artifacts. */
#include "each.h"

#include "host/job_names.h"

#define MAX_FILES 4

struct row {
	const char *names[MAX_FILES]; /* "-" before one that is not attested */
	const char *paths[MAX_FILES];
	const char *bundle;
};

static const struct row rows[] = {
	{ { "out/tool" }, { "tool" }, "tool.bundle.json" },
	{ { "a/x", "b/y" }, { "x", "y" }, "x.bundle.json" },
	{ { "a/x", "b/x" }, { "a/x", "b/x" }, "x.bundle.json" },
	/* a base may be another one's folder: never both kinds at once */
	{ { "a/z", "b/a", "c/b", "d/b" }, { "a/z", "b/a", "c/b", "d/b" }, "z.bundle.json" },
	/* an artifact takes the place of the evidence about it */
	{ { "a", "a.bundle.json" }, { "a", "a.bundle.json" }, "a-2.bundle.json" },
	{ { "a", "a-2.bundle.json", "d/a.bundle.json" },
	  { "a", "a-2.bundle.json", "a.bundle.json" },
	  "a-3.bundle.json" },
	{ { "a.bundle.json/a", "b/a" }, { "a.bundle.json/a", "b/a" }, "a-2.bundle.json" },
	/* the name of the folder of what is not attested */
	{ { "d/unattested", "-x" }, { "d/unattested", "unattested/x" }, "unattested.bundle.json" },
	{ { "x", "-x", "-sub/x" }, { "x", "unattested/x", "unattested/sub/x" }, "x.bundle.json" },
};

static void add(struct trb_job_files *files, const char *name)
{
	static const uint8_t digest[32];
	bool attested = name[0] != '-';

	ck_assert_int_eq(trb_job_files_add(files, trb_bytes_str(name + !attested), 1, digest,
					   attested, NULL),
			 TRB_OK);
}

START_TEST(no_two_meet)
{
	_cleanup_(trb_job_files_clear) struct trb_job_files files = { 0 };
	const struct row *row = &rows[_i];
	_cleanup_free_ char *bundle = NULL;

	for (size_t i = 0; i < MAX_FILES && row->names[i] != NULL; i++)
		add(&files, row->names[i]);
	ck_assert_int_eq(trb_job_place_names(&files, &bundle, NULL), TRB_OK);
	for (size_t i = 0; i < files.n; i++)
		ck_assert_str_eq(files.items[i].path, row->paths[i]);
	ck_assert_str_eq(bundle, row->bundle);
}
END_TEST

/* What a build makes is never taken for a job that was saved; a name beside that is fine. */
START_TEST(none_looks_like_a_saved_job)
{
	_cleanup_(trb_job_files_clear) struct trb_job_files files = { 0 };
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	_cleanup_free_ char *bundle = NULL;

	add(&files, ".trustbuild-jobs/job.json");
	add(&files, "b/job.json");
	add(&files, "-.trustbuild-job-1/0");
	ck_status(trb_job_place_names(&files, &bundle, &err), TRB_OK, err);
	add(&files, ".trustbuild-job-1/job.json");
	free(steal_ptr(&bundle));
	ck_status(trb_job_place_names(&files, &bundle, &err), TRB_E_ARTIFACT, err);
	ck_assert_str_eq(trb_error_check(err), "artifact.name");
}
END_TEST

static int take_record(const char *name, trb_bytes in)
{
	_cleanup_(trb_job_files_clear) struct trb_job_files files = { 0 };
	trb_blob *again = NULL;
	int r = trb_job_record_decode(in, &files, NULL);

	if (r < 0)
		return r;
	ck_assert_int_eq(trb_job_record_encode(&files, &again, NULL), TRB_OK);
	test_same(name, in, again);
	return TRB_OK;
}

START_TEST(vectors_of_the_record)
{
	test_each_vector("job_record", take_record);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job-names");
	TCase *tc = tcase_create("names");

	tcase_add_loop_test(tc, no_two_meet, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, none_looks_like_a_saved_job);
	tcase_add_test(tc, vectors_of_the_record);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
