/* SPDX-License-Identifier: Apache-2.0 */
/* What the enclave asks the kernel: CPUs, memory, model, out-of-memory kills. */
#include "support.h"

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "enclave/kills.h"
#include "enclave/machine.h"

START_TEST(models_are_words)
{
	static const struct {
		const char *cpuinfo, *model;
	} rows[] = {
		{ "processor\t: 0\nmodel\t\t: 106\nmodel name\t: A CPU @ 2.50GHz  \nflags\t: fpu\n",
		  "A CPU @ 2.50GHz" },
		{ "model name: first\nmodel name: second\n", "first" },
		{ "model name\t: \xc2\xb5\x1b[31m\n", "???[31m" },
		{ "model name\t:\nmodel name\t: later\n", "later" },
		{ "processor\t: 0\nCPU part\t: 0xd0c\n", "unknown" },
		{ "", "unknown" },
	};
	char model[TRB_WORD_MAX + 1], text[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		trb_cpu_model(trb_bytes_str(rows[i].cpuinfo), model);
		ck_assert_str_eq(model, rows[i].model);
		ck_assert_ptr_null(trb_word_fault(trb_bytes_str(model)));
	}
	snprintf(text, sizeof(text), "model name\t: %0200d\n", 0);
	trb_cpu_model(trb_bytes_str(text), model);
	ck_assert_uint_eq(strlen(model), TRB_WORD_MAX);
}
END_TEST

/* CPUs are those that may be used, not those that are there. */
START_TEST(cpus_are_those_of_the_process)
{
	struct trb_machine_read m;
	struct trb_machine view;
	cpu_set_t all, one;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	ck_assert_int_eq(trb_machine_read(&m, NULL), TRB_OK);
	ck_assert_uint_eq(m.cpus, (unsigned)CPU_COUNT(&all));
	ck_assert_uint_ge(m.memory_mib, 1);
	view = trb_machine_view(&m);
	ck_assert_ptr_null(trb_word_fault(view.model));
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	ck_assert_int_eq(trb_machine_read(&m, NULL), TRB_OK);
	ck_assert_uint_eq(m.cpus, 1);
}
END_TEST

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert(f != NULL && fputs(text, f) >= 0);
	ck_assert_int_eq(fclose(f), 0);
}

/* The control group's count where there is one, else the system's; without any, an error. */
START_TEST(kills_are_counted)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	char dir[] = "/tmp/trb-kills-XXXXXX", group[64], system[64];
	uint64_t n = 0;

	ck_assert(mkdtemp(dir) != NULL);
	snprintf(group, sizeof(group), "%s/memory.events", dir);
	snprintf(system, sizeof(system), "%s/vmstat", dir);
	ck_assert_int_eq(trb_kills_count(group, system, &n, &err), TRB_E_UNSUPPORTED);
	ck_assert_str_eq(trb_error_check(err), "build.memory");
	put(system, "nr_free_pages 5\noom_kill 7\n");
	ck_assert_int_eq(trb_kills_count(group, system, &n, NULL), TRB_OK);
	ck_assert_uint_eq(n, 7);
	put(group, "low 0\nhigh 0\nmax 9\noom 4\noom_kill 2\noom_group_kill 1\n");
	ck_assert_int_eq(trb_kills_count(group, system, &n, NULL), TRB_OK);
	ck_assert_uint_eq(n, 2);
	put(group, "oom_kill\n");
	put(system, "oom_kill x\n");
	ck_assert_int_eq(trb_kills_count(group, system, &n, NULL), TRB_E_UNSUPPORTED);
	ck_assert_int_eq(trb_kills_count(TRB_KILLS_GROUP, TRB_KILLS_SYSTEM, &n, NULL), TRB_OK);
	unlink(group);
	unlink(system);
	rmdir(dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("machine");
	TCase *tc = tcase_create("machine");

	tcase_add_test(tc, models_are_words);
	tcase_add_test(tc, cpus_are_those_of_the_process);
	tcase_add_test(tc, kills_are_counted);
	suite_add_tcase(suite, tc);
	return test_run(suite);
}
