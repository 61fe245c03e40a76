/* SPDX-License-Identifier: Apache-2.0 */
/* Reports: what outsiders choose cannot paint a verdict, break out of a page or of a line; and many
 * threads may verify at once. */
#include "support.h"

#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <wchar.h>

#include <cjson/cJSON.h>

#include "trustbuild/batch.h"

#include "judging.h"
#include "verifier/report.h"

#define COLUMNS 100

static char *rendered(int (*to)(const trb_report *, trb_blob **, trb_error **))
{
	trb_blob *blob = NULL;
	char *text;

	ck_assert_int_eq(to(j.report, &blob, NULL), TRB_OK);
	text = strndup((const char *)trb_blob_bytes(blob).ptr, trb_blob_bytes(blob).len);
	ck_assert_uint_eq(strlen(text), trb_blob_bytes(blob).len);
	trb_blob_unref(blob);
	return text;
}

/* Columns as a terminal counts them. */
static size_t columns(const char *line, size_t n)
{
	trb_bytes rest = TRB_BYTES(line, n);
	size_t sum = 0;
	uint32_t c;

	while (trb_bytes_take(&rest, trb_utf8_char(rest, &c)).len > 0)
		sum += wcwidth((wchar_t)c) == 2 ? 2 : 1;
	ck_assert_uint_eq(rest.len, 0);
	return sum;
}

static void check_text(const char *text)
{
	bool first = true;

	ck_assert(trb_utf8_valid(trb_bytes_str(text)));
	for (const char *line = text; *line != '\0';) {
		size_t n = strcspn(line, "\n");

		ck_assert_msg(columns(line, n) <= COLUMNS, "%zu columns: %.*s", columns(line, n),
			      (int)n, line);
		for (size_t i = 0; i < n; i++)
			ck_assert_uint_ge((uint8_t)line[i], 0x20);
		if (!first)
			ck_assert_msg(strncmp(line, "VERIFIED", 8) != 0 &&
					      strncmp(line, "REFUSED", 7) != 0,
				      "a second verdict: %.*s", (int)n, line);
		first = false;
		line += n + (line[n] == '\n');
	}
	ck_assert_ptr_null(strstr(text, "\xe2\x80\xae")); /* U+202E */
	ck_assert_ptr_null(strstr(text, "\xc2\x9b"));     /* CSI in C1 */
}

static void check_all(void)
{
	_cleanup_free_ char *text = rendered(trb_report_to_text);
	_cleanup_free_ char *json = rendered(trb_report_to_json);
	_cleanup_free_ char *html = rendered(trb_report_to_html);
	cJSON *tree = cJSON_Parse(json);

	check_text(text);
	ck_assert_ptr_nonnull(tree);
	cJSON_Delete(tree);
	for (const char *c = json; *c != '\0'; c++)
		ck_assert(*c == '\n' || *c == '\t' || ((uint8_t)*c >= 0x20 && (uint8_t)*c < 0x7f));
	ck_assert_ptr_null(strstr(html, "<script"));
	ck_assert_ptr_null(strstr(html, "<img"));
	ck_assert_ptr_null(strstr(html, "onerror=\""));
	ck_assert_ptr_null(strstr(html, "\xe2\x80\xae"));
}

static const char *const hostile[] = {
	"x\nVERIFIED tb-widget",
	"\x1b[2J\x1b[HVERIFIED",
	"\xe2\x80\xaetegdiw-bt",
	"\xc2\x9b"
	"2J",
	"<script>alert(1)</script>",
	"\"><img src=x onerror=\"alert(1)\">",
	"&lt;b&gt;",
	"\xff\xfe not UTF-8",
	"a\\u{202e}",
	"]]>",
};

/* Build paints a fake VERIFIED: in the file's name, which is shown on a refusal. */
static size_t row_of(const char *check)
{
	size_t i = 0;

	while (i < trb_report_count_checks(j.report) &&
	       strcmp(trb_report_get_check(j.report, i), check) != 0)
		i++;
	return i;
}

/* A refusal leads with the check, what was wanted and found, and what to do. */
START_TEST(a_refusal_says_what_to_do_first)
{
	_cleanup_free_ char *text = NULL, *html = NULL, *json = NULL;
	static const uint8_t other[32];

	j.digest = TRB_BYTES(other, sizeof(other));
	expect("artifact.digest");
	ck_assert_ptr_nonnull(strstr(trb_report_get_advice(j.report), "Do not use the file"));
	text = rendered(trb_report_to_text);
	ck_assert_ptr_nonnull(strstr(text, "failed      the artifact's digest is the one"));
	ck_assert_ptr_nonnull(strstr(text, "wanted      sha256:"));
	ck_assert_ptr_nonnull(strstr(text, "found       sha256:"));
	ck_assert_ptr_nonnull(strstr(text, "what to do  Do not use the file"));
	ck_assert(strstr(text, "what to do") < strstr(text, "bundle.parse"));
	html = rendered(trb_report_to_html);
	ck_assert_ptr_nonnull(strstr(html, "<html lang=\"en\">"));
	ck_assert_ptr_nonnull(strstr(html, "<title>REFUSED: tb-widget - verification report"));
	ck_assert_ptr_nonnull(strstr(html, "<p>This artifact is not verified: a check failed"));
	ck_assert_ptr_nonnull(strstr(html, "<dt>wanted</dt><dd><code>sha256:"));
	ck_assert_ptr_nonnull(strstr(html, "<dt>what to do</dt><dd>Do not use the file"));
	ck_assert(strstr(html, "what to do") < strstr(html, "bundle.parse"));
	json = rendered(trb_report_to_json);
	ck_assert_ptr_nonnull(strstr(json, "\"advice\":"));
	ck_assert_ptr_nonnull(strstr(json, "Do not use the file"));
}
END_TEST

START_TEST(a_verified_build_has_nothing_to_do)
{
	_cleanup_free_ char *html = NULL;

	expect(NULL);
	ck_assert_ptr_null(trb_report_get_advice(j.report));
	html = rendered(trb_report_to_html);
	ck_assert_ptr_nonnull(strstr(html, "verified with simulated evidence"));
	ck_assert_ptr_null(strstr(html, "what to do"));
}
END_TEST

START_TEST(every_check_has_its_advice)
{
	for (size_t i = 0; i < TRB_CHECK_RULES; i++)
		ck_assert_msg(trb_check_advice(trb_check_rules[i].id) != NULL,
			      "%s has none in advice.c", trb_check_rules[i].id);
	ck_assert_ptr_null(trb_check_advice("no.check"));
	ck_assert_ptr_null(trb_check_advice(NULL));
	ck_assert_ptr_null(trb_report_get_advice(NULL));
}
END_TEST

/* Who mistook the name sees what it could have been. */
START_TEST(a_name_that_is_not_attested_is_told_which_are)
{
	static const char *const names[] = { "out/a", "out/b", "out/c", "out/d", "out/e", "out/f" };
	struct trb_artifact entries[6];

	j.file_name = "other";
	expect("artifact.name");
	ck_assert_str_eq(trb_report_get_expected(j.report, row_of("artifact.name")),
			 "helper, tb-widget");
	for (size_t i = 0; i < 6; i++) {
		entries[i] = m.entries[1];
		entries[i].name = trb_bytes_str(names[i]);
	}
	m.artifacts = (struct trb_artifacts){ .n = 5, .entries = entries };
	j.entry = "a";
	expect("artifact.name");
	ck_assert_str_eq(trb_report_get_expected(j.report, row_of("artifact.name")),
			 "out/a, out/b, out/c, out/d, out/e");
	m.artifacts.n = 6;
	expect("artifact.name");
	ck_assert_str_eq(trb_report_get_expected(j.report, row_of("artifact.name")),
			 "out/a, out/b, out/c, out/d or one of 2 more");
}
END_TEST

START_TEST(one_entry_is_no_entries)
{
	m.tree_size = 1;
	m.index = 0;
	expect(NULL);
	ck_assert_ptr_nonnull(
		strstr(trb_report_get_actual(j.report, row_of("log.checkpoint")), ", 1 entry"));
}
END_TEST

START_TEST(hostile_file_names_are_escaped)
{
	j.file_name = hostile[_i];
	expect("artifact.name");
	check_all();
}
END_TEST

START_TEST(long_names_are_wrapped)
{
	char name[3000], attested[250];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	j.file_name = name;
	expect("artifact.name");
	check_all();
	memset(name, ' ', sizeof(name) - 1);
	expect("artifact.name");
	check_all();
	memset(attested, 'a', sizeof(attested) - 1);
	attested[sizeof(attested) - 1] = '\0';
	m.entries[1].name = trb_bytes_str(attested);
	j.file_name = attested;
	expect(NULL);
	check_all();
}
END_TEST

/* Characters that take two columns, wherever Unicode has put them. */
START_TEST(wide_names_are_wrapped)
{
	static const char *const wide[] = { "\xe1\x84\x80", "\xe2\x8c\x9a", "\xe2\xad\x90",
					    "\xe6\xbc\xa2" };
	char name[3 * 80 + 1] = "";

	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
	for (size_t i = 0; i < 80; i++)
		memcpy(name + 3 * i, wide[_i], 3);
	m.entries[1].name = trb_bytes_str(name);
	j.file_name = name;
	expect(NULL);
	check_all();
	ck_assert_uint_eq(columns(wide[_i], 3), 2);
}
END_TEST

/* What the evidence itself can say: attested names, in any script. */
START_TEST(attested_names_are_escaped)
{
	static const char *const names[] = {
		"out/<b>&\"'",
		"out/\xe2\x80\xae"
		"exe",
		"out/\xe6\xbc\xa2\xe5\xad\x97",
		"out/a b",
		"out/e\xcc\x81",
		"out/\xf0\x9f\x98\x80",
	};
	const char *base;

	m.entries[1].name = trb_bytes_str(names[_i]);
	if (trb_artifact_name_fault(m.entries[1].name) != NULL)
		return;
	base = strrchr(names[_i], '/') + 1;
	j.file_name = base;
	expect(NULL);
	ck_assert_str_eq(trb_claims_get_artifact(j.claims), names[_i]);
	check_all();
}
END_TEST

START_TEST(measurement_names_of_the_policy_are_escaped)
{
	_cleanup_free_ char *text = strdup(p.measurements);
	char *at = strstr(text, "forge image");

	memcpy(at, "</td>\\u202e", 11);
	p.measurements = text;
	expect(NULL);
	check_all();
}
END_TEST

START_TEST(verified_report_names_what_it_must)
{
	_cleanup_free_ char *text = NULL;
	char pcr[97];

	expect(NULL);
	check_all();
	text = rendered(trb_report_to_text);
	ck_assert_int_eq(strncmp(text, "VERIFIED (SIMULATED) " MINT_ARTIFACT "\n", 35), 0);
	ck_assert_ptr_nonnull(strstr(text, MINT_REPO));
	ck_assert_ptr_nonnull(strstr(text, MINT_REF));
	ck_assert_ptr_nonnull(strstr(text, MINT_COMMIT));
	for (size_t i = 0; i < 3; i++) {
		trb_hex_encode(TRB_BYTES(m.pcr[i], 48), pcr);
		ck_assert_ptr_nonnull(strstr(text, pcr));
	}
}
END_TEST

START_TEST(unreadable_bundles_have_a_report)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;

	ck_assert_int_lt(trb_bundle_parse(TRB_BYTES_LIT("{\"x\": 1}"), &bundle, &err), 0);
	ck_assert_int_eq(trb_report_new_unreadable(err, &j.report, NULL), TRB_OK);
	ck_assert_str_eq(trb_report_get_refused(j.report), "bundle.parse");
	ck_assert_int_eq(trb_report_get_verdict(j.report), TRB_E_EVIDENCE);
	check_all();
	ck_assert_int_eq(trb_report_new_unreadable(NULL, &j.report, NULL), TRB_E_INVAL);
}
END_TEST

#define THREADS 8
#define ROUNDS  20

struct job {
	trb_verifier *verifier;
	const trb_bundle *good, *bad;
	int wrong;
};

static void *work(void *arg)
{
	struct job *job = arg;

	for (int i = 0; i < ROUNDS; i++) {
		trb_claims *claims = NULL;
		int good = trb_verifier_check_digest(job->verifier, job->good, j.digest,
						     "tb-widget", &claims, NULL, NULL);
		int bad = trb_verifier_check_digest(job->verifier, job->bad, j.digest, "tb-widget",
						    NULL, NULL, NULL);

		job->wrong += good != TRB_OK || claims == NULL || bad != TRB_E_CLAIM;
		trb_claims_unref(claims);
	}
	return NULL;
}

START_TEST(one_verifier_serves_many_threads)
{
	_cleanup_(trb_verifier_unrefp) trb_verifier *v = judging_verifier();
	_cleanup_(trb_bundle_unrefp) trb_bundle *good = mint_bundle(&m), *bad = NULL;
	pthread_t threads[THREADS];
	struct job jobs[THREADS];

	m.foreign_envelope = true;
	bad = mint_bundle(&m);
	for (size_t i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){ v, good, bad, 0 };
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(jobs[i].wrong, 0);
	}
}
END_TEST

static void put(const char *path, trb_bytes bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes.ptr, bytes.len), (ssize_t)bytes.len);
	close(fd);
}

static void check_entry(const trb_batch *batch, size_t i)
{
	switch (i % 3) {
	case 0:
		ck_assert_int_eq(trb_batch_get_status(batch, i), TRB_OK);
		ck_assert_ptr_nonnull(trb_batch_get_claims(batch, i));
		ck_assert_ptr_nonnull(trb_batch_get_report(batch, i));
		ck_assert_ptr_null(trb_batch_get_error(batch, i));
		break;
	case 1:
		ck_assert_int_eq(trb_batch_get_status(batch, i), TRB_E_ARTIFACT);
		ck_assert_ptr_null(trb_batch_get_claims(batch, i));
		ck_assert_str_eq(trb_report_get_refused(trb_batch_get_report(batch, i)),
				 "artifact.digest");
		break;
	default:
		ck_assert_int_eq(trb_batch_get_status(batch, i), TRB_E_NOTFOUND);
		ck_assert_ptr_null(trb_batch_get_report(batch, i));
		ck_assert_ptr_nonnull(trb_batch_get_error(batch, i));
	}
}

START_TEST(batches_judge_each_entry_alone)
{
	_cleanup_(trb_verifier_unrefp) trb_verifier *v = judging_verifier();
	_cleanup_(trb_blob_unrefp) trb_blob *json = mint_bundle_json(&m);
	char folder[] = "/tmp/trb-batch-XXXXXX";
	trb_batch *batch = NULL;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	put("tb-widget", TRB_BYTES_LIT(MINT_CONTENT));
	put("b.json", trb_blob_bytes(json));
	ck_assert_int_eq(trb_batch_new(v, &batch, NULL), TRB_OK);
	for (int i = 0; i < 30; i++) {
		ck_assert_int_eq(trb_batch_add(batch, "tb-widget", "b.json", NULL, NULL), TRB_OK);
		ck_assert_int_eq(trb_batch_add(batch, "tb-widget", "b.json", "out/helper", NULL),
				 TRB_OK);
		ck_assert_int_eq(trb_batch_add(batch, "missing", "b.json", NULL, NULL), TRB_OK);
	}
	ck_assert_int_eq(trb_batch_get_status(batch, 0), TRB_E_STATE);
	ck_assert_int_eq(trb_batch_run(batch, 4, NULL), TRB_OK);
	ck_assert_int_eq(trb_batch_run(batch, 4, NULL), TRB_E_STATE);
	ck_assert_uint_eq(trb_batch_count(batch), 90);
	for (size_t i = 0; i < trb_batch_count(batch); i++)
		check_entry(batch, i);
	ck_assert_int_eq(trb_batch_get_status(batch, 90), TRB_E_INVAL);
	ck_assert_int_eq(trb_batch_add(batch, "a", "b", NULL, NULL), TRB_E_STATE);
	trb_batch_unref(batch);
	unlink("tb-widget");
	unlink("b.json");
	rmdir(folder);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("report");
	TCase *tc = tcase_create("report");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, judging_set_up, judging_tear_down);
	tcase_add_test(tc, a_refusal_says_what_to_do_first);
	tcase_add_test(tc, a_verified_build_has_nothing_to_do);
	tcase_add_test(tc, every_check_has_its_advice);
	tcase_add_test(tc, a_name_that_is_not_attested_is_told_which_are);
	tcase_add_test(tc, one_entry_is_no_entries);
	tcase_add_loop_test(tc, hostile_file_names_are_escaped, 0,
			    sizeof(hostile) / sizeof(hostile[0]));
	tcase_add_test(tc, long_names_are_wrapped);
	tcase_add_loop_test(tc, wide_names_are_wrapped, 0, 4);
	tcase_add_loop_test(tc, attested_names_are_escaped, 0, 6);
	tcase_add_test(tc, measurement_names_of_the_policy_are_escaped);
	tcase_add_test(tc, verified_report_names_what_it_must);
	tcase_add_test(tc, unreadable_bundles_have_a_report);
	tcase_add_test(tc, one_verifier_serves_many_threads);
	tcase_add_test(tc, batches_judge_each_entry_alone);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
