/* SPDX-License-Identifier: Apache-2.0 */
/* config.json of the OCI runtime specification 1.0.2.  Its bytes are a fact of the build, so
 * nothing of one build goes into it: commands and environment travel in the job. */
#include <stdio.h>

#include "enclave/sandbox.h"
#include "format/json.h"

#define MIB (UINT64_C(1) << 20)

struct mount {
	const char *destination, *type, *source;
	const char *options; /* separated by commas */
};

static void put_list(struct trb_json_out *out, const char *name, const char *items)
{
	trb_json_put_name(out, name);
	trb_json_open(out, '[');
	while (*items != '\0') {
		size_t n = strcspn(items, ",");

		trb_json_put_text(out, TRB_BYTES(items, n));
		items += n + (items[n] == ',');
	}
	trb_json_close(out, ']');
}

static void put_mount(struct trb_json_out *out, const struct mount *m)
{
	trb_json_open(out, '{');
	trb_json_member_str(out, "destination", m->destination);
	trb_json_member_str(out, "type", m->type);
	trb_json_member_str(out, "source", m->source);
	put_list(out, "options", m->options);
	trb_json_close(out, '}');
}

static void put_tmpfs(struct trb_json_out *out, const char *where, const char *options,
		      uint64_t mib)
{
	char text[128];

	snprintf(text, sizeof(text), "nosuid,nodev,%s,size=%llu", options,
		 (unsigned long long)(mib * MIB));
	put_mount(out, &(struct mount){ where, "tmpfs", "tmpfs", text });
}

static void put_bind(struct trb_json_out *out, const struct trb_sandbox *s, const char *where)
{
	char source[4096];

	snprintf(source, sizeof(source), "%s%s", s->directory, where);
	put_mount(out, &(struct mount){ where, "bind", source, "rbind,ro,nosuid,nodev" });
}

static void put_mounts(struct trb_json_out *out, const struct trb_sandbox *s)
{
	static const struct mount linux_only[] = {
		{ "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536" },
		{ "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666" },
	};

	trb_json_put_name(out, "mounts");
	trb_json_open(out, '[');
	put_mount(out, &(struct mount){ "/proc", "proc", "proc", "nosuid,noexec,nodev" });
	if (!s->own_kernel)
		for (size_t i = 0; i < sizeof(linux_only) / sizeof(linux_only[0]); i++)
			put_mount(out, &linux_only[i]);
	put_tmpfs(out, "/dev/shm", "noexec,mode=1777", s->limits.tmp_mib);
	put_tmpfs(out, "/tmp", "mode=1777", s->limits.tmp_mib);
	put_tmpfs(out, "/build", "mode=0755,uid=1000,gid=1000", s->limits.disk_mib);
	put_bind(out, s, "/source");
	put_bind(out, s, "/trustbuild");
	trb_json_close(out, ']');
}

static void put_rlimit(struct trb_json_out *out, const char *type, uint64_t value)
{
	trb_json_open(out, '{');
	trb_json_member_str(out, "type", type);
	trb_json_member_uint(out, "hard", value);
	trb_json_member_uint(out, "soft", value);
	trb_json_close(out, '}');
}

static void put_capabilities(struct trb_json_out *out)
{
	static const char *const sets[] = { "bounding", "effective", "inheritable", "permitted",
					    "ambient" };

	trb_json_put_name(out, "capabilities");
	trb_json_open(out, '{');
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		put_list(out, sets[i], "");
	trb_json_close(out, '}');
}

/* A runtime that runs under the build's limit of memory may die of it before the build begins, and
 * libseccomp with a limit that is just too low has been seen to damage its heap: tb-sandbox-init
 * sets it, before the first command. */
static void put_args(struct trb_json_out *out, const struct trb_sandbox *s)
{
	char text[64];

	snprintf(text, sizeof(text), "/trustbuild/init,%llu",
		 (unsigned long long)(s->limits.memory_mib * MIB));
	put_list(out, "args", s->own_kernel ? "/trustbuild/init" : text);
}

static void put_process(struct trb_json_out *out, const struct trb_sandbox *s)
{
	trb_json_put_name(out, "process");
	trb_json_open(out, '{');
	trb_json_put_name(out, "terminal");
	trb_json_put_bool(out, false);
	trb_json_put_name(out, "user");
	trb_json_open(out, '{');
	trb_json_member_uint(out, "uid", TRB_SANDBOX_UID);
	trb_json_member_uint(out, "gid", TRB_SANDBOX_UID);
	trb_json_close(out, '}');
	put_args(out, s);
	put_list(out, "env", "PATH=/usr/bin:/bin");
	trb_json_member_str(out, "cwd", "/");
	put_capabilities(out);
	trb_json_put_name(out, "rlimits");
	trb_json_open(out, '[');
	if (s->own_kernel)
		put_rlimit(out, "RLIMIT_AS", s->limits.memory_mib * MIB);
	put_rlimit(out, "RLIMIT_CORE", 0);
	put_rlimit(out, "RLIMIT_NOFILE", 4096);
	put_rlimit(out, "RLIMIT_NPROC", s->limits.pids);
	trb_json_close(out, ']');
	trb_json_put_name(out, "noNewPrivileges");
	trb_json_put_bool(out, true);
	trb_json_close(out, '}');
}

/* gVisor maps the image by itself: neither starting nor an ordinary user needs a mount. */
static void put_annotations(struct trb_json_out *out, const struct trb_sandbox *s)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%llu",
		 (unsigned long long)(s->limits.root_mib * MIB));
	trb_json_put_name(out, "annotations");
	trb_json_open(out, '{');
	trb_json_member_str(out, "dev.gvisor.spec.rootfs.options", options);
	trb_json_member_str(out, "dev.gvisor.spec.rootfs.overlay", "memory");
	trb_json_member_str(out, "dev.gvisor.spec.rootfs.source", s->rootfs);
	trb_json_member_str(out, "dev.gvisor.spec.rootfs.type", "erofs");
	trb_json_close(out, '}');
}

static void put_linux(struct trb_json_out *out, const struct trb_sandbox *s)
{
	static const char *const namespaces[] = { "pid", "ipc", "uts", "mount", "network" };

	trb_json_put_name(out, "linux");
	trb_json_open(out, '{');
	trb_json_put_name(out, "namespaces");
	trb_json_open(out, '[');
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
		/* tb-sandbox has made one, in which it sees shared memory that nobody has mapped */
		if (!s->own_kernel && strcmp(namespaces[i], "ipc") == 0)
			continue;
		trb_json_open(out, '{');
		trb_json_member_str(out, "type", namespaces[i]);
		trb_json_close(out, '}');
	}
	trb_json_close(out, ']');
	if (!s->own_kernel) {
		put_list(out, "maskedPaths",
			 "/proc/acpi,/proc/asound,/proc/kcore,/proc/keys,/proc/latency_stats,"
			 "/proc/sched_debug,/proc/scsi,/proc/timer_list,/proc/timer_stats");
		put_list(out, "readonlyPaths",
			 "/proc/bus,/proc/fs,/proc/irq,/proc/sys,/proc/sysrq-trigger");
		trb_sandbox_seccomp(out);
	}
	trb_json_close(out, '}');
}

int trb_sandbox_spec(const struct trb_sandbox *s, trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf buf = { 0 };
	struct trb_json_out out = { .buf = &buf };

	trb_buf_init(&buf, TRB_SANDBOX_SPEC_MAX);
	trb_json_open(&out, '{');
	trb_json_member_str(&out, "ociVersion", "1.0.2");
	put_process(&out, s);
	trb_json_put_name(&out, "root");
	trb_json_open(&out, '{');
	trb_json_member_str(&out, "path", "rootfs");
	trb_json_put_name(&out, "readonly");
	trb_json_put_bool(&out, false); /* the writable layer is memory and has a limit */
	trb_json_close(&out, '}');
	trb_json_member_str(&out, "hostname", "build");
	put_mounts(&out, s);
	if (s->own_kernel)
		put_annotations(&out, s);
	put_linux(&out, s);
	trb_json_close(&out, '}');
	return trb_buf_to_blob(&buf, "sandbox specification", ret, err);
}
