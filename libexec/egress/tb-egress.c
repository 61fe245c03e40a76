/* SPDX-License-Identifier: Apache-2.0 */
/* tb-egress PORT[,PORT]… [PORT/HOST]…: see host/proxy.h for its descriptors.  The hosts may have
 * private addresses, on that port. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "core/cleanup.h"
#include "egress/egress.h"

static bool parse_ports(char *text, struct trb_egress *ret)
{
	char *save = NULL;

	for (const char *p = strtok_r(text, ",", &save); p != NULL;
	     p = strtok_r(NULL, ",", &save)) {
		unsigned long port = strtoul(p, NULL, 10);

		if (port == 0 || port > 65535 || ret->n_ports == TRB_EGRESS_PORTS)
			return false;
		ret->ports[ret->n_ports++] = (uint16_t)port;
	}
	return ret->n_ports > 0;
}

static bool parse_private(char *text, struct trb_egress *ret)
{
	char *slash = strchr(text, '/');
	unsigned long port = strtoul(text, NULL, 10);

	if (slash == NULL || slash[1] == '\0' || port == 0 || port > 65535)
		return false;
	ret->private[ret->n_private].host = slash + 1;
	ret->private[ret->n_private++].port = (uint16_t)port;
	return true;
}

static void signal_group(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGTERM, &ignore, NULL);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
}

int main(int argc, char **argv)
{
	_cleanup_(trb_error_unrefp) trb_error *err = NULL;
	struct trb_egress egress = { 0 };
	bool good;

	good = argc >= 2 && argc - 2 <= (int)TRB_EGRESS_PRIVATE && parse_ports(argv[1], &egress);
	for (int i = 2; good && i < argc; i++)
		good = parse_private(argv[i], &egress);
	if (!good) {
		fprintf(stderr, "tb-egress is started by libtrustbuild, not by hand\n");
		return EXIT_FAILURE;
	}
	if (trb_upstream_from_env(&egress.upstream, &err) < 0) {
		fprintf(stderr, "%s\n", trb_error_message(err));
		return EXIT_FAILURE;
	}
	if (trb_egress_serve(TRB_EGRESS_LIFELINE, TRB_EGRESS_LISTENER, &egress, NULL) < 0)
		return EXIT_FAILURE;
	/* The session is over, and with it all connections, which are of our group; collected here,
	 * because not every first process of a container does it. */
	signal_group();
	return EXIT_SUCCESS;
}
