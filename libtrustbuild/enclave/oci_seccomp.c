/* SPDX-License-Identifier: Apache-2.0 */
/* The filter for runc and crun, which share the enclave's kernel with the build.  What is refused
 * is what reaches around namespaces (vsock, AF_ALG, packet sockets, keys), what loads code into the
 * kernel, and what has been its richest source of holes (io_uring, user namespaces, userfaultfd).
 */
#include <sys/socket.h>

#include "enclave/sandbox.h"
#include "format/json.h"

#define EPERM_NUMBER  1
#define ENOSYS_NUMBER 38

/* clone(2)'s flags for new namespaces. */
#define NEW_NAMESPACES 0x7e020000u /* NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET */

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
};

static const uint64_t families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

static void open_rule(struct trb_json_out *out, const char *action, uint64_t error)
{
	trb_json_open(out, '{');
	trb_json_member_str(out, "action", action);
	if (error != 0)
		trb_json_member_uint(out, "errnoRet", error);
	trb_json_put_name(out, "names");
	trb_json_open(out, '[');
}

static void put_argument(struct trb_json_out *out, uint64_t index, uint64_t value, uint64_t masked,
			 const char *op)
{
	trb_json_open(out, '{');
	trb_json_member_uint(out, "index", index);
	trb_json_member_uint(out, "value", value);
	if (strcmp(op, "SCMP_CMP_MASKED_EQ") == 0)
		trb_json_member_uint(out, "valueTwo", masked);
	trb_json_member_str(out, "op", op);
	trb_json_close(out, '}');
}

static void put_refused(struct trb_json_out *out)
{
	open_rule(out, "SCMP_ACT_ERRNO", EPERM_NUMBER);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		trb_json_put_str(out, refused[i]);
	trb_json_close(out, ']');
	trb_json_close(out, '}');
	/* its flags are in memory, where no filter sees them: the C library falls back to clone */
	open_rule(out, "SCMP_ACT_ERRNO", ENOSYS_NUMBER);
	trb_json_put_str(out, "clone3");
	trb_json_close(out, ']');
	trb_json_close(out, '}');
}

/* clone() with any of the namespace flags: one rule a flag. */
static void put_namespaces(struct trb_json_out *out)
{
	for (unsigned bit = 0; bit < 32; bit++) {
		if (!(NEW_NAMESPACES & 1u << bit))
			continue;
		open_rule(out, "SCMP_ACT_ERRNO", EPERM_NUMBER);
		trb_json_put_str(out, "clone");
		trb_json_close(out, ']');
		trb_json_put_name(out, "args");
		trb_json_open(out, '[');
		put_argument(out, 0, UINT64_C(1) << bit, UINT64_C(1) << bit, "SCMP_CMP_MASKED_EQ");
		trb_json_close(out, ']');
		trb_json_close(out, '}');
	}
}

/* Every address family but four: a filter cannot say "none of these" in one rule, so each number
 * has its own, and everything above the last known family one together. */
static void put_families(struct trb_json_out *out)
{
	for (uint64_t family = 0; family <= AF_MAX; family++) {
		bool allowed = false;

		for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
			allowed = allowed || families[i] == family;
		if (allowed)
			continue;
		open_rule(out, "SCMP_ACT_ERRNO", EPERM_NUMBER);
		trb_json_put_str(out, "socket");
		trb_json_put_str(out, "socketpair");
		trb_json_close(out, ']');
		trb_json_put_name(out, "args");
		trb_json_open(out, '[');
		put_argument(out, 0, family, 0, family < AF_MAX ? "SCMP_CMP_EQ" : "SCMP_CMP_GE");
		trb_json_close(out, ']');
		trb_json_close(out, '}');
	}
}

void trb_sandbox_seccomp(struct trb_json_out *out)
{
	trb_json_put_name(out, "seccomp");
	trb_json_open(out, '{');
	trb_json_member_str(out, "defaultAction", "SCMP_ACT_ALLOW");
	/* one architecture: calls of any other (32 bit, x32) are refused by the runtime's filter */
	trb_json_put_name(out, "architectures");
	trb_json_open(out, '[');
#if defined(__x86_64__)
	trb_json_put_str(out, "SCMP_ARCH_X86_64");
#elif defined(__aarch64__)
	trb_json_put_str(out, "SCMP_ARCH_AARCH64");
#else
#error "no seccomp architecture name for this machine"
#endif
	trb_json_close(out, ']');
	trb_json_put_name(out, "syscalls");
	trb_json_open(out, '[');
	put_refused(out);
	put_namespaces(out);
	put_families(out);
	trb_json_close(out, ']');
	trb_json_close(out, '}');
}
