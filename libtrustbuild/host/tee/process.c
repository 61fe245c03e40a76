/* SPDX-License-Identifier: Apache-2.0 */
/* Backend "process": starts, watches and ends tb-launch. */
#include "host/tee/process.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/sysinfo.h>

#include <trustbuild/attestation.h>

#include "core/channel.h"
#include "core/conf.h"
#include "core/context.h"
#include "core/io.h"
#include "core/spawn.h"
#include "core/state.h"
#include "format/control.h"
#include "host/tee/launcher.h"
#include "host/tee/unpacker.h"

#define REPORT_MAX    2048
#define CLOSE_MS      10000
#define SWEEP_MS      5000
#define EXPLAIN_MS    2000
#define DEFAULT_PIDS  16384u
#define MEMORY_TENTHS 9

struct process {
	trb_context *context;
	char *eif;
	uint64_t memory, pids; /* 0: nothing demanded */
	struct trb_run_dir run;
	struct trb_unpacker unpacker; /* before there is a run */
	int now;                      /* readable: nobody is waited for */
	struct trb_child launcher;
	int lifeline; /* the enclave lives as long as it is open */
	int report;
	int status; /* of the launcher that has ended, as trb_child_wait() says it */
};

static int process_open(trb_context *context, const char *options, void **ret_self, trb_error **err)
{
	static const char *const keys[] = { "eif", "memory_mib", "pids", NULL };
	_cleanup_(trb_conf_freep) struct trb_conf *conf = NULL;
	struct process *p = calloc(1, sizeof(*p));
	const char *eif = NULL;
	int r;

	if (p == NULL)
		return trb_fail_nomem(err);
	p->lifeline = p->report = p->now = -1;
	trb_unpacker_init(&p->unpacker);
	p->run = TRB_RUN_DIR_NONE;
	p->launcher = TRB_CHILD_NONE;
	r = trb_conf_parse(options, keys, &conf, err);
	if (r == TRB_OK)
		r = trb_conf_uint(conf, "memory_mib", UINT64_C(1) << 30, 0, &p->memory, err);
	if (r == TRB_OK)
		r = trb_conf_uint(conf, "pids", UINT64_C(1) << 22, 0, &p->pids, err);
	if (r == TRB_OK) {
		eif = trb_conf_get(conf, "eif", NULL);
		if (eif == NULL || eif[0] == '\0')
			r = trb_fail(err, TRB_E_INVAL, "the option eif=FILE is missing");
	}
	if (r == TRB_OK && (p->eif = strdup(eif)) == NULL)
		r = trb_fail_nomem(err);
	if (r < 0) {
		free(p);
		return r;
	}
	p->memory <<= 20;
	p->context = trb_context_ref(context);
	*ret_self = p;
	return TRB_OK;
}

static int listen_all(struct process *p, trb_tee_run *run, trb_error **err)
{
	int r = trb_stream_listen(p->run.address, TRB_PORT_CONTROL, &run->control_fd, err);

	if (r == TRB_OK)
		r = trb_stream_listen(p->run.address, TRB_PORT_EGRESS, &run->egress_fd, err);
	if (r == TRB_OK)
		r = trb_stream_listen(p->run.address, TRB_PORT_NSM, &run->nsm_fd, err);
	if (r == TRB_OK)
		r = trb_stream_listen(p->run.address, TRB_PORT_ARTIFACT, &run->artifact_fd, err);
	if (r == TRB_OK)
		r = trb_stream_listen(p->run.address, TRB_PORT_CONTENT, &run->content_fd, err);
	return r;
}

/* What is demanded is an error where it cannot be had; root's default, which each limit has for
 * itself, is not. */
static void limit_arg(uint64_t demanded, uint64_t by_default, char text[TRB_LAUNCH_LIMIT_BYTES])
{
	struct trb_launch_limit limit = { .value = demanded, .demanded = demanded > 0 };

	if (demanded == 0 && geteuid() == 0)
		limit.value = by_default;
	trb_launch_limit_put(limit, text);
}

static uint64_t default_memory(void)
{
	struct sysinfo info;

	return sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit / 10 * MEMORY_TENTHS
				   : 0;
}

/* Pipes: the lifeline, the console, the report; [0] is the reading end. */
struct pipes {
	int life[2], console[2], report[2];
};

static int make_pipes(struct pipes *pipes, trb_error **err)
{
	*pipes = (struct pipes){ { -1, -1 }, { -1, -1 }, { -1, -1 } };
	if (pipe2(pipes->life, O_CLOEXEC) < 0 || pipe2(pipes->console, O_CLOEXEC) < 0 ||
	    pipe2(pipes->report, O_CLOEXEC) < 0)
		return trb_fail_errno(err, errno, "make pipes");
	return TRB_OK;
}

static void close_pipes(struct pipes *pipes)
{
	int *const all[] = { pipes->life,        pipes->life + 1, pipes->console,
			     pipes->console + 1, pipes->report,   pipes->report + 1 };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (*all[i] >= 0)
			close(*all[i]);
}

static char *launcher_path(const struct process *p)
{
	char *path = NULL;

	return asprintf(&path, "%s/tb-launch", trb_context_get_libexec_dir(p->context)) < 0 ? NULL
											    : path;
}

static int spawn_launcher(struct process *p, int userland, struct pipes *pipes, trb_error **err)
{
	static char *const envp[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	char memory[TRB_LAUNCH_LIMIT_BYTES], pids[TRB_LAUNCH_LIMIT_BYTES];
	_cleanup_free_ char *path = launcher_path(p);
	char *argv[] = { (char *)"tb-launch", p->run.name, memory, pids, NULL };
	int fds[TRB_LAUNCH_FDS] = {
		[TRB_LAUNCH_LIFELINE] = pipes->life[0],
		[1] = pipes->console[1],
		[2] = pipes->console[1],
		[TRB_LAUNCH_USERLAND] = userland,
		[TRB_LAUNCH_RUNS] = p->run.parent,
		[TRB_LAUNCH_PORTS] = p->run.ports,
		[TRB_LAUNCH_REPORT] = pipes->report[1],
		[TRB_LAUNCH_LOCK] = p->run.lock,
	};

	limit_arg(p->memory, default_memory(), memory);
	limit_arg(p->pids, DEFAULT_PIDS, pids);
	if (path == NULL)
		return trb_fail_nomem(err);
	return trb_spawn(path, argv, envp, fds, TRB_LAUNCH_FDS, &p->launcher, err);
}

static int launch(struct process *p, int userland, trb_tee_run *run, trb_error **err)
{
	struct pipes pipes;
	int r = make_pipes(&pipes, err);

	if (r == TRB_OK)
		r = spawn_launcher(p, userland, &pipes, err);
	if (r == TRB_OK) {
		p->lifeline = steal_fd(&pipes.life[1]);
		p->report = steal_fd(&pipes.report[0]);
		run->console_fd = steal_fd(&pipes.console[0]);
		run->end_fd = p->launcher.pidfd;
	}
	close_pipes(&pipes);
	return r;
}

/* An image that is not in the cache yet is put there by a helper. */
static int process_begin(void *self, int *ret_fd, trb_error **err)
{
	struct process *p = self;
	_cleanup_close_ int userland = -1;
	uint8_t pcrs[3][TRB_SHA384_LEN];
	int r = trb_eif_cache_find(p->context, p->eif, &userland, pcrs, NULL);

	if (r == TRB_OK) {
		p->now = eventfd(1, EFD_CLOEXEC);
		*ret_fd = p->now;
		return p->now >= 0 ? TRB_OK : trb_fail_errno(err, errno, "make a descriptor");
	}
	r = trb_unpacker_start(p->context, p->eif, &p->unpacker, err);
	if (r == TRB_OK)
		*ret_fd = p->unpacker.fd;
	return r;
}

static int process_step(void *self, trb_tee_run *ret_run, trb_error **err)
{
	struct process *p = self;
	_cleanup_close_ int userland = -1;
	const char *state_dir;
	int r = trb_state_open(p->context, &state_dir, err);

	if (r == TRB_OK && p->unpacker.fd >= 0)
		r = trb_unpacker_step(p->context, &p->unpacker, err);
	if (r == TRB_OK)
		r = trb_eif_cache_find(p->context, p->eif, &userland, ret_run->pcrs, err);
	if (r == TRB_OK)
		r = trb_run_dir_make(state_dir, &p->run, err);
	if (r == TRB_OK)
		r = listen_all(p, ret_run, err);
	return r == TRB_OK ? launch(p, userland, ret_run, err) : r;
}

/* "CODE text" from tb-launch; empty where the enclave was started. */
static int read_report(struct process *p, trb_error **err)
{
	char text[REPORT_MAX + 1], *end;
	size_t len = 0;
	ssize_t got;
	long code;

	while (p->report >= 0 && len < REPORT_MAX &&
	       (got = read(p->report, text + len, REPORT_MAX - len)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		len += got > 0 ? (size_t)got : 0;
	}
	text[len] = '\0';
	code = strtol(text, &end, 10);
	if (len == 0 || end == text)
		return TRB_OK;
	return trb_fail(err, code < 0 && code > -1000 ? (int)code : TRB_E_IO, "%s",
			*end == ' ' ? end + 1 : end);
}

static int process_explain(void *self, trb_error **err)
{
	struct process *p = self;
	int r;

	if (p->launcher.pid <= 0)
		return TRB_OK;
	r = trb_child_wait(&p->launcher, EXPLAIN_MS, &p->status, err);
	if (r == TRB_OK)
		r = read_report(p, err);
	if (r < 0)
		return r;
	if (p->status == 128 + 9)
		return trb_fail(err, TRB_E_IO,
				"the enclave was killed; if nobody did it by hand, memory ran out");
	if (p->status != 0)
		return trb_fail(err, TRB_E_IO, "the enclave's /init ended with status %d",
				p->status);
	return TRB_OK;
}

static void process_kill(void *self)
{
	struct process *p = self;

	if (p->lifeline >= 0)
		close(steal_fd(&p->lifeline));
	trb_unpacker_clear(&p->unpacker);
}

static void process_free(struct process *p)
{
	trb_run_dir_clear(&p->run);
	if (p->now >= 0)
		close(p->now);
	if (p->report >= 0)
		close(p->report);
	trb_context_unref(p->context);
	free(p->eif);
	free(p);
}

static void sweep_cgroups(struct process *p)
{
	char *argv[] = { (char *)"tb-launch", (char *)TRB_LAUNCH_SWEEP, NULL };
	struct trb_child child = TRB_CHILD_NONE;
	_cleanup_free_ char *path = launcher_path(p);
	char *envp[] = { NULL };
	int status;

	if (path != NULL &&
	    trb_spawn(path, argv, envp, (int[]){ -1, -1, -1 }, 3, &child, NULL) >= 0)
		trb_child_wait(&child, SWEEP_MS, &status, NULL);
	trb_child_kill(&child);
}

static int process_close(void *self, trb_error **err)
{
	struct process *p = self;
	int r = TRB_OK;

	process_kill(p);
	if (p->launcher.pid > 0)
		r = trb_child_wait(&p->launcher, CLOSE_MS, &p->status, err);
	trb_child_kill(&p->launcher);
	/* the launcher did what follows unless it was killed itself */
	if (p->run.parent >= 0)
		trb_remove_tree(p->run.parent, p->run.name, NULL);
	if (geteuid() == 0 && (r < 0 || p->status > 128))
		sweep_cgroups(p);
	process_free(p);
	return r < 0 ? trb_wrap(err, r, "end the enclave") : TRB_OK;
}

/* The launcher cleans up by itself; a child that has ended is collected, one that has not stays
 * with the caller's process. */
static void process_drop(void *self)
{
	struct process *p = self;
	int status;

	process_kill(p);
	if (p->launcher.pid > 0 && trb_child_wait(&p->launcher, 0, &status, NULL) < 0 &&
	    p->launcher.pidfd >= 0)
		close(p->launcher.pidfd);
	process_free(p);
}

const trb_tee_ops trb_tee_process = {
	.abi = TRB_BACKEND_ABI,
	.size = sizeof(trb_tee_ops),
	.name = "process",
	.help = "simulated, in namespaces: eif=FILE[,memory_mib=N][,pids=N]",
	.open = process_open,
	.explain = process_explain,
	.kill = process_kill,
	.close = process_close,
	.drop = process_drop,
	.assurance = TRB_ASSURANCE_SIMULATED,
	.begin = process_begin,
	.step = process_step,
	.check = trb_process_check,
};
