/* SPDX-License-Identifier: Apache-2.0 */
/* threats.md: what a build may not reach.  The specification for the runtimes that share the
 * enclave's kernel with the build, and the mode of the NSM's device. */
#include "support.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enclave/nsm.h"
#include "enclave/sandbox.h"
#include "marked.h"

/* Strings that the structure owns elsewhere. */
static char program[] = "/libexec/runtime", version[] = "1", holder[] = "/libexec/tb-sandbox",
	    init[] = "/libexec/tb-sandbox-init", rootfs[] = "/rootfs.erofs",
	    directory[] = "/run/sandbox";

static cJSON *spec_of(const char *runtime)
{
	const struct trb_sandbox s = {
		.runtime = runtime,
		.program = program,
		.version = version,
		.platform = "linux",
		.own_kernel = strcmp(runtime, "runsc") == 0,
		.holder = holder,
		.init = init,
		.rootfs = rootfs,
		.directory = directory,
		.limits = { .memory_mib = 512,
			    .pids = 64,
			    .disk_mib = 64,
			    .root_mib = 64,
			    .tmp_mib = 64 },
	};
	_cleanup_(trb_blob_unrefp) trb_blob *spec = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	cJSON *json;

	ck_status(trb_sandbox_spec(&s, &spec, &err), TRB_OK, err);
	json = test_json_of(trb_blob_bytes(spec));
	return json;
}

static const cJSON *filter_of(const cJSON *spec)
{
	return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(spec, "linux"),
						"seccomp");
}

static bool argument_matches(const cJSON *argument, uint64_t first)
{
	uint64_t value = (uint64_t)cJSON_GetObjectItem(argument, "value")->valuedouble;
	const char *op = cJSON_GetObjectItem(argument, "op")->valuestring;

	ck_assert_int_eq(cJSON_GetObjectItem(argument, "index")->valueint, 0);
	if (strcmp(op, "SCMP_CMP_EQ") == 0)
		return first == value;
	if (strcmp(op, "SCMP_CMP_GE") == 0)
		return first >= value;
	ck_assert_str_eq(op, "SCMP_CMP_MASKED_EQ");
	return (first & value) == (uint64_t)cJSON_GetObjectItem(argument, "valueTwo")->valuedouble;
}

/* What a filter of such rules does with a call, whose first argument is this. */
static bool allows(const cJSON *filter, const char *call, uint64_t first)
{
	const cJSON *rule, *name, *argument;

	ck_assert_str_eq(cJSON_GetObjectItem(filter, "defaultAction")->valuestring,
			 "SCMP_ACT_ALLOW");
	cJSON_ArrayForEach (rule, cJSON_GetObjectItem(filter, "syscalls")) {
		bool meant = false, matches = true;

		ck_assert_str_eq(cJSON_GetObjectItem(rule, "action")->valuestring,
				 "SCMP_ACT_ERRNO");
		cJSON_ArrayForEach (name, cJSON_GetObjectItem(rule, "names"))
			meant = meant || strcmp(name->valuestring, call) == 0;
		cJSON_ArrayForEach (argument, cJSON_GetObjectItem(rule, "args"))
			matches = matches && argument_matches(argument, first);
		if (meant && matches)
			return false;
	}
	return true;
}

static const char *const shared_kernel[] = { "runc", "crun" };

START_TEST(no_socket_reaches_around_namespaces)
{
	cJSON *spec = spec_of(shared_kernel[_i]);
	const cJSON *filter = filter_of(spec);

	ck_assert_ptr_nonnull(filter);
	for (uint64_t family = 0; family < 4 * AF_MAX; family++) {
		bool wanted = family == AF_UNIX || family == AF_INET || family == AF_INET6 ||
			      family == AF_NETLINK;

		ck_assert_msg(allows(filter, "socket", family) == wanted, "%d", (int)family);
		ck_assert_msg(allows(filter, "socketpair", family) == wanted, "%d", (int)family);
	}
	ck_assert(!allows(filter, "socket", AF_VSOCK));
	cJSON_Delete(spec);
}
END_TEST

START_TEST(no_call_reaches_around_the_sandbox)
{
	static const char *const calls[] = { "keyctl",       "add_key",        "request_key",
					     "bpf",          "io_uring_setup", "unshare",
					     "setns",        "clone3",         "ptrace",
					     "mount",        "init_module",    "finit_module",
					     "kexec_load",   "userfaultfd",    "clock_settime",
					     "settimeofday", "perf_event_open" };
	static const uint64_t namespaces[] = { 0x10000000, 0x00020000, 0x40000000, 0x20000000 };
	cJSON *spec = spec_of(shared_kernel[_i]);
	const cJSON *filter = filter_of(spec);

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		ck_assert_msg(!allows(filter, calls[i], 0), "%s", calls[i]);
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
		ck_assert(!allows(filter, "clone", namespaces[i] | 17));
	ck_assert(allows(filter, "clone", 17)); /* fork() */
	ck_assert(allows(filter, "openat", 0));
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(filter, "architectures")), 1);
	cJSON_Delete(spec);
}
END_TEST

static const char *const refused[] = {
	"acct",
	"add_key",
	"bpf",
	"clock_adjtime",
	"clock_settime",
	"delete_module",
	"fanotify_init",
	"finit_module",
	"fsconfig",
	"fsmount",
	"fsopen",
	"fspick",
	"init_module",
	"io_uring_enter",
	"io_uring_register",
	"io_uring_setup",
	"kcmp",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"lookup_dcookie",
	"mount",
	"mount_setattr",
	"move_mount",
	"name_to_handle_at",
	"nfsservctl",
	"open_by_handle_at",
	"open_tree",
	"perf_event_open",
	"pidfd_getfd",
	"pivot_root",
	"process_vm_readv",
	"process_vm_writev",
	"ptrace",
	"quotactl",
	"quotactl_fd",
	"reboot",
	"request_key",
	"setns",
	"settimeofday",
	"swapoff",
	"swapon",
	"syslog",
	"umount2",
	"unshare",
	"userfaultfd",
	"vhangup",
	NULL,
};
static const char *const no_such_call[] = { "clone3", NULL };
static const char *const allowed[] = { "read", "lseek", "kill", NULL };

static int add_argument(struct scmp_arg_cmp *to, const cJSON *argument)
{
	const char *op = cJSON_GetObjectItem(argument, "op")->valuestring;
	const cJSON *second = cJSON_GetObjectItem(argument, "valueTwo");
	scmp_datum_t value = (scmp_datum_t)cJSON_GetObjectItem(argument, "value")->valuedouble;

	*to = (struct scmp_arg_cmp){ .op = SCMP_CMP_EQ, .datum_a = value };
	if (strcmp(op, "SCMP_CMP_GE") == 0)
		to->op = SCMP_CMP_GE;
	if (strcmp(op, "SCMP_CMP_MASKED_EQ") == 0) {
		to->op = SCMP_CMP_MASKED_EQ;
		to->datum_b = second != NULL ? (scmp_datum_t)second->valuedouble : 0;
	}
	return 1;
}

/* Loads the specification's filter, as a runtime does. */
static int load(const cJSON *filter)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	const cJSON *rule, *name, *argument;
	int r = ctx != NULL ? 0 : -1;

	cJSON_ArrayForEach (rule, cJSON_GetObjectItem(filter, "syscalls")) {
		int error = cJSON_GetObjectItem(rule, "errnoRet")->valueint;
		struct scmp_arg_cmp arguments[1];
		unsigned n = 0;

		cJSON_ArrayForEach (argument, cJSON_GetObjectItem(rule, "args"))
			n += (unsigned)add_argument(arguments, argument);
		cJSON_ArrayForEach (name, cJSON_GetObjectItem(rule, "names")) {
			int number = seccomp_syscall_resolve_name(name->valuestring);

			if (r == 0 && number >= 0)
				r = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(error), number, n,
							   arguments);
		}
	}
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r;
}

static int call_all(const cJSON *filter)
{
	if (!marked_begin(refused) || !marked_begin(no_such_call) || !marked_begin(allowed))
		return 1;
	if (marked_count(refused, MARKED) != marked_known(refused))
		return 2;
	if (load(filter) != 0)
		return 3;
	if (marked_count(refused, EPERM) != marked_known(refused))
		return 4;
	if (marked_count(no_such_call, ENOSYS) != marked_known(no_such_call))
		return 5;
	return marked_count(allowed, MARKED) == marked_known(allowed) ? 0 : 6;
}

START_TEST(each_filtered_call_is_refused)
{
	cJSON *spec = spec_of(shared_kernel[_i]);
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(call_all(filter_of(spec)));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	cJSON_Delete(spec);
}
END_TEST

/* gVisor's kernel takes the calls itself: its specification has no filter to rely on. */
START_TEST(nothing_of_the_enclave_is_mounted)
{
	static const char *const runtimes[] = { "runsc", "runc", "crun" };
	cJSON *spec = spec_of(runtimes[_i]);
	const cJSON *mount;
	size_t binds = 0;

	ck_assert((filter_of(spec) == NULL) == (_i == 0));
	cJSON_ArrayForEach (mount, cJSON_GetObjectItem(spec, "mounts")) {
		const char *source = cJSON_GetObjectItem(mount, "source")->valuestring;

		if (source[0] != '/')
			continue;
		ck_assert_msg(strncmp(source, "/run/sandbox/", 13) == 0, "%s", source);
		binds++;
	}
	ck_assert_uint_eq(binds, 2);
	ck_assert_ptr_null(cJSON_GetObjectItem(cJSON_GetObjectItem(spec, "linux"), "devices"));
	cJSON_Delete(spec);
}
END_TEST

/* The driver makes it 0666. */
START_TEST(the_nsm_is_closed_to_others)
{
	char dir[] = "/tmp/enclosure-XXXXXX", device[64], link[64];
	_cleanup_(trb_nsm_freep) struct trb_nsm *nsm = NULL;
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_nsm *none = NULL;
	struct stat st;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(device, sizeof(device), "%s/nsm", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	fd = open(device, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(fchmod(fd, 0666), 0);
	close(fd);
	ck_assert_int_eq(symlink(device, link), 0);
	ck_assert_int_lt(trb_nsm_open(link, NULL, &none, NULL), 0);
	ck_assert_int_eq(stat(device, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0666);
	ck_status(trb_nsm_open(device, NULL, &nsm, &err), TRB_OK, err);
	ck_assert_int_eq(stat(device, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	unlink(link);
	unlink(device);
	rmdir(dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("enclosure");
	TCase *tcase = tcase_create("enclosure");

	tcase_add_loop_test(tcase, no_socket_reaches_around_namespaces, 0, 2);
	tcase_add_loop_test(tcase, no_call_reaches_around_the_sandbox, 0, 2);
	tcase_add_loop_test(tcase, each_filtered_call_is_refused, 0, 2);
	tcase_add_loop_test(tcase, nothing_of_the_enclave_is_mounted, 0, 3);
	tcase_add_test(tcase, the_nsm_is_closed_to_others);
	suite_add_tcase(suite, tcase);
	return test_run(suite);
}
