/* SPDX-License-Identifier: Apache-2.0 */
/* CPUs, memory and model, asked of the kernel that the build will run under. */
#include "enclave/machine.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/sysinfo.h>

#include "core/error.h"
#include "core/io.h"

#define CPUINFO_MAX (1024u * 1024) /* a few KiB for each CPU */
#define CPUS_MAX    TRB_MACHINE_CPUS

/* A mask may be larger than cpu_set_t: the kernel says EINVAL until there is room for it. */
static int count_cpus(uint64_t *ret, trb_error **err)
{
	for (size_t cpus = CPU_SETSIZE; cpus <= CPUS_MAX; cpus *= 2) {
		cpu_set_t *set = CPU_ALLOC(cpus);
		size_t size = CPU_ALLOC_SIZE(cpus);
		int error = 0;

		if (set == NULL)
			return trb_fail_nomem(err);
		if (sched_getaffinity(0, size, set) < 0)
			error = errno;
		*ret = error == 0 ? (uint64_t)CPU_COUNT_S(size, set) : 0;
		CPU_FREE(set);
		if (error == 0)
			return TRB_OK;
		if (error != EINVAL)
			return trb_fail_errno(err, error, "count the CPUs");
	}
	return trb_fail(err, TRB_E_LIMIT, "more than %u CPUs", CPUS_MAX);
}

/* The control group's own ceiling; UINT64_MAX where there is none to be seen. */
static uint64_t group_bytes(void)
{
	_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;
	char number[32];
	trb_bytes bytes;
	unsigned long long value;

	if (trb_read_file(AT_FDCWD, "/sys/fs/cgroup/memory.max", 64, &text, NULL) < 0)
		return UINT64_MAX;
	bytes = trb_blob_bytes(text);
	snprintf(number, sizeof(number), "%.*s", (int)bytes.len, (const char *)bytes.ptr);
	return sscanf(number, "%llu", &value) == 1 ? value : UINT64_MAX;
}

static int count_memory(uint64_t *ret_mib, trb_error **err)
{
	struct sysinfo info;
	uint64_t bytes, group = group_bytes();

	if (sysinfo(&info) < 0)
		return trb_fail_errno(err, errno, "measure the memory");
	bytes = (uint64_t)info.totalram * info.mem_unit;
	if (group < bytes)
		bytes = group;
	*ret_mib = bytes >> 20;
	return *ret_mib > 0 ? TRB_OK
			    : trb_fail(err, TRB_E_IO, "the machine has less than 1 MiB of memory");
}

static trb_bytes take_line(trb_bytes *in)
{
	const uint8_t *end = memchr(in->ptr, '\n', in->len);
	trb_bytes line = trb_bytes_take(in, end != NULL ? (size_t)(end - in->ptr) : in->len);

	trb_bytes_take(in, end != NULL);
	return line;
}

/* The value of "NAME<blanks>: VALUE", without blanks around it. */
static bool value_of(trb_bytes line, const char *name, trb_bytes *ret)
{
	size_t n = strlen(name);

	if (line.len < n || memcmp(line.ptr, name, n) != 0)
		return false;
	trb_bytes_take(&line, n);
	while (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
		trb_bytes_take(&line, 1);
	if (line.len == 0 || line.ptr[0] != ':')
		return false;
	trb_bytes_take(&line, 1);
	while (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
		trb_bytes_take(&line, 1);
	while (line.len > 0 && line.ptr[line.len - 1] == ' ')
		line.len--;
	*ret = line;
	return line.len > 0;
}

void trb_cpu_model(trb_bytes cpuinfo, char ret[TRB_WORD_MAX + 1])
{
	trb_bytes model = TRB_BYTES_NULL;
	size_t n = 0;

	while (cpuinfo.len > 0 && !value_of(take_line(&cpuinfo), "model name", &model))
		;
	for (; n < model.len && n < TRB_WORD_MAX; n++)
		ret[n] = model.ptr[n] >= 0x20 && model.ptr[n] <= 0x7e ? (char)model.ptr[n] : '?';
	ret[n] = '\0';
	if (n == 0)
		snprintf(ret, TRB_WORD_MAX + 1, TRB_MACHINE_UNKNOWN);
}

int trb_machine_read(struct trb_machine_read *ret, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *cpuinfo = NULL;
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	struct trb_machine_read m = { 0 };
	int r = count_cpus(&m.cpus, err);

	if (r == TRB_OK)
		r = count_memory(&m.memory_mib, err);
	if (r < 0)
		return r;
	/* a system without it, or with more CPUs than anybody has, has no model to name */
	if (trb_read_file(AT_FDCWD, "/proc/cpuinfo", CPUINFO_MAX, &cpuinfo, &why) == TRB_E_NOMEM)
		return trb_fail_nomem(err);
	trb_cpu_model(trb_blob_bytes(cpuinfo), m.model);
	*ret = m;
	return TRB_OK;
}

struct trb_machine trb_machine_view(const struct trb_machine_read *machine)
{
	return (struct trb_machine){ .cpus = machine->cpus,
				     .memory_mib = machine->memory_mib,
				     .model = trb_bytes_str(machine->model) };
}
