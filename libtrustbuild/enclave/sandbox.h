/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox `oci` (docs/spec/sandbox.md): an OCI runtime in namespaces of its own, which
 * tb-sandbox holds; tb-sandbox-init is the first process inside. */
#ifndef TRB_ENCLAVE_SANDBOX_H
#define TRB_ENCLAVE_SANDBOX_H

#include "core/cleanup.h"
#include "core/spawn.h"
#include "enclave/sandbox_wire.h"

#define TRB_SANDBOX_SPEC_MAX (64u * 1024)
#define TRB_SANDBOX_UID      1000u

/* Each is in force, or the sandbox does not start. */
struct trb_sandbox_limits {
	uint64_t memory_mib; /* everything in the sandbox together, its file systems included */
	uint64_t pids;
	uint64_t disk_mib; /* /build */
	uint64_t root_mib; /* what may be written over the root file system */
	uint64_t tmp_mib;  /* /tmp and /dev/shm, each */
};

struct trb_sandbox {
	const char *runtime; /* "runsc", "crun", "runc": static */
	char *program;       /* the runtime's absolute path */
	char *version;       /* its own word for its version */
	const char *platform;
	bool own_kernel; /* the runtime is the kernel that the build sees */
	char *holder;    /* tb-sandbox */
	char *init;      /* tb-sandbox-init */
	char *rootfs;    /* an EROFS image */
	char *mounted;   /* the directory where it is mounted already, or NULL */
	char *directory; /* private to the sandbox: bundle/, control/, source/, state/ */
	struct trb_sandbox_limits limits;
};
void trb_sandbox_clear(struct trb_sandbox *s);

/* Finds the runtime and the helpers, and asks the runtime for its version.  Errors: TRB_E_NOTFOUND
 * with what is missing, TRB_E_UNSUPPORTED for a name that is no runtime of this backend. */
int trb_sandbox_open(trb_context *context, trb_bytes runtime, struct trb_sandbox *s,
		     trb_error **err);
/* config.json as given to the runtime; depends on runtime, rootfs, directory and limits alone. */
int trb_sandbox_spec(const struct trb_sandbox *s, trb_blob **ret, trb_error **err);
/* The member "seccomp" of a spec, for the runtimes without a kernel of their own. */
struct trb_json_out;
void trb_sandbox_seccomp(struct trb_json_out *out);
/* Makes the directories and writes config.json and the job anew. */
int trb_sandbox_prepare(const struct trb_sandbox *s, trb_bytes spec, trb_bytes job,
			trb_error **err);
/* Starts tb-sandbox with source as /source.  fds: standard output and error, records (3), report
 * (4); hide is a NULL-terminated list of paths that the runtime must not see. */
int trb_sandbox_start(const struct trb_sandbox *s, const char *source, const char *const *hide,
		      const int fds[4], struct trb_child *ret, trb_error **err);
/* Removes what prepare made. */
void trb_sandbox_remove(const struct trb_sandbox *s);

#endif
