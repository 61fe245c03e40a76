/* SPDX-License-Identifier: Apache-2.0 */
/* The source, inside an enclave: fetch a commit (CT), hash every object of it again, seal its tree
 * (docs/spec/source.md).  For whoever writes an enclave of their own; tb-enclave does all this. */
#ifndef TRUSTBUILD_SYS_SOURCE_H
#define TRUSTBUILD_SYS_SOURCE_H

#include <trustbuild/request.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct trb_source trb_source;

/* A source for what request asks for; nothing happens yet.  directory is an existing, absolute,
 * private directory, best on a memory file system: the tree is written to a fresh directory in it,
 * which is removed with the last reference.  Errors: TRB_E_INVAL, TRB_E_ABI for a context of
 * another release's libtrustbuild, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_source_new(trb_context *context, const trb_request *request,
				     const char *directory, trb_source **ret_source,
				     trb_error **err);

/* One more reference; returns source.  NULL is a no-op. */
TRB_API trb_source *trb_source_ref(trb_source *source);

/* Drops a reference; always returns NULL.  The last one kills what is still fetching and removes
 * the tree.  NULL is a no-op. */
TRB_API trb_source *trb_source_unref(trb_source *source);

/* Where the egress proxy listens: "unix:/dir" (the socket /dir/5001) or "vsock:CID" (its port
 * 5001).  Not set: connections are made directly, which suits hosts and tests.  The text is copied.
 * Errors: TRB_E_INVAL, TRB_E_STATE after the start, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_source_set_egress(trb_source *source, const char *address,
					    trb_error **err);

/* The certificate authorities that TLS trusts, one PEM file; /etc/ssl/certs/ca-certificates.crt
 * where it is not set.  The path is copied.  Errors: TRB_E_INVAL, TRB_E_STATE, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_source_set_ca_file(trb_source *source, const char *path, trb_error **err);

/* A token for the request's repository and the URLs below it, for example a forge's access token
 * ("user:token" or the token alone).  It reaches their fetchers through a pipe, nobody else gets
 * it, and it is wiped when the source is sealed.  Errors: TRB_E_INVAL, also for a second one,
 * TRB_E_LIMIT above 4 KiB, TRB_E_STATE, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_source_set_token(trb_source *source, trb_bytes token, trb_error **err);

/* The same for other URLs, such as submodules': prefix is a repository's URL, and the token is for
 * it and what lies below; of several that fit, the longest counts.  At most 16, the request's own
 * among them.  Errors: as above. */
TRB_API TRB_CHECK int trb_source_add_credential(trb_source *source, const char *prefix,
						trb_bytes token, trb_error **err);

/* Sets a bound, by name: "pack_bytes" (received for one repository), "objects" (in one repository),
 * "object_bytes" (one file), "files" (entries of the whole tree), "tree_bytes" (its files
 * together), "depth" (directories), "submodules", "submodule_depth", "history" (commits from the
 * ref to CT), "wall_s" (the whole fetch, seconds).  Errors: TRB_E_NOTFOUND, TRB_E_INVAL for 0 or
 * more than the implementation's own bound, TRB_E_STATE. */
TRB_API TRB_CHECK int trb_source_set_limit(trb_source *source, const char *name, uint64_t value,
					   trb_error **err);

/* Starts the fetcher, a helper program of the context's libexec directory.  Errors: TRB_E_STATE,
 * TRB_E_UNSUPPORTED (a SHA-256 commit), TRB_E_NOTFOUND, TRB_E_IO, TRB_E_NOMEM. */
TRB_API TRB_CHECK int trb_source_start(trb_source *source, trb_error **err);

/* The descriptor to poll for reading before the next step, after which it may be another one;
 * borrowed; -1 unless fetching. */
TRB_API int trb_source_get_fd(const trb_source *source);

/* Takes what the fetcher has sent so far, without waiting.  TRB_OK: the tree is whole, checked and
 * sealed.  TRB_E_AGAIN, which leaves *err alone: call again when the descriptor is readable, and at
 * least once a second, so that the time limit holds.  Everything else is final; the check id says
 * what was wrong with the source: "source.repository", "source.ref", "source.commit",
 * "source.object", "source.tree", "source.submodule", "source.limit". */
TRB_API TRB_CHECK int trb_source_step(trb_source *source, trb_error **err);

/* Steps until done, up to timeout_ms (-1: until the source's own time limit).  Errors: as of
 * trb_source_step(), and TRB_E_TIMEOUT, after which it may be called again. */
TRB_API TRB_CHECK int trb_source_wait(trb_source *source, int timeout_ms, trb_error **err);

/* What came out.  All are borrowed, and live as long as source; before trb_source_step() gave
 * TRB_OK they give NULL, -1, 0 or empty views. */

/* CT, as hexadecimal digits. */
TRB_API const char *trb_source_get_commit(const trb_source *source);
/* The commit that the request's ref pointed to, as hexadecimal digits; NULL without a ref. */
TRB_API const char *trb_source_get_tip(const trb_source *source);
/* The annotated tag object that the ref itself pointed to, as hexadecimal digits; NULL without a
 * ref and where it pointed to a commit. */
TRB_API const char *trb_source_get_tag(const trb_source *source);
/* How CT stands to the ref: "tip"; "first-parent", on its own line; "reachable", in its history.
 * NULL without a ref.  And the length of the way that shows it: 0 at the tip. */
TRB_API const char *trb_source_get_relation(const trb_source *source);
TRB_API uint64_t trb_source_get_steps(const trb_source *source);
/* Where the server redirected the repository to: another path of its origin; NULL: nowhere. */
TRB_API const char *trb_source_get_location(const trb_source *source);
/* The source digest: SHA-256 git tree id, 32 bytes. */
TRB_API trb_bytes trb_source_get_digest(const trb_source *source);
/* CT's committer time, seconds since 1970: the build's SOURCE_DATE_EPOCH. */
TRB_API int64_t trb_source_get_time(const trb_source *source);
/* The sealed tree: its path, and a descriptor of it (O_PATH).  Files have mode 0444 or 0555 and
 * directories 0555; whoever copies it for a build adds the owner's write bit.  Where the process
 * may mount, it is a read-only mount as well. */
TRB_API const char *trb_source_get_path(const trb_source *source);
TRB_API int trb_source_get_tree_fd(const trb_source *source);
/* The bytes of the tree's own trustbuild.json, at most 64 KiB; ptr is NULL where there is none. */
TRB_API trb_bytes trb_source_get_recipe(const trb_source *source);
/* Entries and bytes of the tree, submodules included. */
TRB_API uint64_t trb_source_get_files(const trb_source *source);
TRB_API uint64_t trb_source_get_bytes(const trb_source *source);

/* Submodules, nested ones included, in bytewise order of their paths. */
TRB_API size_t trb_source_count_submodules(const trb_source *source);
/* Of submodule index: its path in the tree, its repository URL, its commit in hexadecimal digits;
 * NULL past the end. */
TRB_API const char *trb_source_get_submodule_path(const trb_source *source, size_t index);
TRB_API const char *trb_source_get_submodule_url(const trb_source *source, size_t index);
TRB_API const char *trb_source_get_submodule_commit(const trb_source *source, size_t index);

#ifdef __cplusplus
}
#endif

#endif
