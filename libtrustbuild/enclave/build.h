/* SPDX-License-Identifier: Apache-2.0 */
/* The build's inside; the stage itself is <trustbuild/sys/build.h>. */
#ifndef TRB_ENCLAVE_BUILD_H
#define TRB_ENCLAVE_BUILD_H

#include <stdatomic.h>

#include <trustbuild/sys/build.h>

#include "enclave/records.h"
#include "enclave/sandbox.h"
#include "format/recipe.h"

#define TRB_BUILD_HIDDEN 8

enum trb_build_state {
	TRB_BUILD_NEW,
	TRB_BUILD_RUNNING,
	TRB_BUILD_DONE,
	TRB_BUILD_FAILED,
};

/* The build's pipes, in the order of their descriptors in tb-sandbox. */
enum { TRB_PIPE_OUT, TRB_PIPE_ERR, TRB_PIPE_RECORDS, TRB_PIPE_REPORT, TRB_PIPES };

struct trb_build {
	atomic_uint refs;
	enum trb_build_state state;
	trb_context *context;
	trb_build *before; /* the finished build that this step follows, else NULL */
	trb_blob *recipe_bytes;
	struct trb_recipe *recipe;
	struct trb_sandbox sandbox;
	trb_blob *spec;
	char *hidden[TRB_BUILD_HIDDEN + 1];
	size_t n_hidden;
	trb_build_sink sink;
	void *sink_user;
	char *commit;
	int64_t time;
	/* while it runs */
	struct trb_child child;
	int status; /* of tb-sandbox, once it is gone */
	int poll, timer, pipes[TRB_PIPES];
	uint64_t printed;
	int sink_status;
	char report[256];
	size_t reported;
	struct trb_records records;
	bool began; /* its first command did */
	/* out-of-memory kills: where they are counted, how many at the start, when to look again */
	const char *kills_group, *kills_system;
	uint64_t kills;
	int64_t next_look;
};

TRB_DEFINE_CLEANUP(trb_build *, trb_build_unref);

/* A directory where the root file system is mounted already, for runtimes that need it so. */
int trb_build_set_mounted(trb_build *b, const char *directory, trb_error **err);
/* Other files than the kernel's, for tests; borrowed. */
void trb_build_set_kill_counters(trb_build *b, const char *group, const char *system);
/* Opens pipes, timer and the poll descriptor, and starts the sandbox over source. */
int trb_build_launch(trb_build *b, const char *source, trb_error **err);
/* Ends the sandbox, if it lives, and closes everything but the files. */
void trb_build_end(trb_build *b);

#endif
