/* SPDX-License-Identifier: Apache-2.0 */
/* tb-enclave: the enclave's first process.  It has no user options. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <trustbuild/sys/enclave.h>

#define LIBEXEC "/usr/libexec/trustbuild"

/* A launcher has mounted these; a kernel that has just booted has not. */
static int mount_basics(void)
{
	static const struct {
		const char *type, *where;
		unsigned long flags;
	} all[] = {
		{ "proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC },
		{ "sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC },
		{ "devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC },
		{ "tmpfs", "/tmp", MS_NOSUID | MS_NODEV },
		{ "tmpfs", "/run", MS_NOSUID | MS_NODEV },
	};

	if (access("/proc/self", F_OK) == 0)
		return 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (mount(all[i].type, all[i].where, all[i].type, all[i].flags, NULL) < 0 &&
		    errno != EBUSY) {
			fprintf(stderr, "tb-enclave: mount %s: %s\n", all[i].where,
				strerror(errno));
			return -1;
		}
	return 0;
}

static int serve(void)
{
	const char *conf = getenv("TRUSTBUILD_ENCLAVE");
	trb_context *context = NULL;
	trb_error *error = NULL;
	int r = trb_context_new(&context, &error);

	if (r == TRB_OK)
		r = trb_context_set_libexec_dir(context, LIBEXEC, &error);
	if (r == TRB_OK)
		r = trb_enclave_serve(context, conf != NULL ? conf : "", &error);
	for (const trb_error *e = error; e != NULL; e = trb_error_cause(e))
		fprintf(stderr, "tb-enclave: %s\n", trb_error_message(e));
	trb_error_unref(error);
	trb_context_unref(context);
	return r == TRB_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* As first process: reaps what falls to it, and ends with the client; the kernel then ends the
 * rest. */
static int serve_as_init(void)
{
	pid_t client, done;
	int status = 0;

	if (mount_basics() < 0)
		return EXIT_FAILURE;
	client = fork();
	if (client < 0)
		return EXIT_FAILURE;
	if (client == 0)
		return serve();
	do
		done = waitpid(-1, &status, 0);
	while (done != client && (done >= 0 || errno == EINTR));
	return done == client && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		fprintf(stderr,
			"usage: %s\nThe enclave client.  An enclave image starts it; see "
			"tb-enclave(8).\n",
			argv[0]);
		return strcmp(argv[1], "--help") == 0 ? EXIT_SUCCESS : 2;
	}
	return getpid() == 1 ? serve_as_init() : serve();
}
