/* SPDX-License-Identifier: Apache-2.0 */
/* The context of tb-host's commands, and the signals that end them. */
#include <signal.h>
#include <stdlib.h>

#include "host/commands.h"

trb_job *volatile host_job;
static trb_context *volatile host_waiting;

static void on_signal(int number)
{
	(void)number;
	trb_context_set_canceled(host_waiting, 1);
	trb_job_cancel(host_job);
}

void host_catch_signals(trb_context *context)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND }, old;

	host_waiting = context;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
}

int host_context(const char *program, trb_context **ret_context)
{
	static const struct sigaction ignored = { .sa_handler = SIG_IGN };
	const char *libexec = getenv("TRUSTBUILD_LIBEXEC");
	trb_context *context = NULL;
	trb_error *err = NULL;
	int r = trb_context_new(&context, &err);

	/* a limit on the size of files is an error that is explained */
	sigaction(SIGXFSZ, &ignored, NULL);
	if (r == TRB_OK && libexec != NULL)
		r = trb_context_set_libexec_dir(context, libexec, &err);
	if (r < 0) {
		int status = cli_error(program, err);

		trb_error_unref(err);
		trb_context_unref(context);
		return status;
	}
	trb_context_set_log_sink(context, cli_progress_sink, NULL);
	*ret_context = context;
	return CLI_OK;
}

void host_say_flags(const char *program, const char *path, const trb_eif *eif)
{
	unsigned flags = trb_eif_get_flags(eif) & ~(unsigned)TRB_EIF_FLAG_AARCH64;
	char *safe;

	if (flags == 0)
		return;
	safe = cli_escaped(cli_bytes(path));
	cli_say("%s: caution: %s has header flags 0x%x, which a platform that knows them may "
		"measure into PCR0, too: compare with the PCR0 of an enclave's document",
		program, safe != NULL ? safe : "", flags);
	free(safe);
}
