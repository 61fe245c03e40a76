/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens from descriptors: they are in no argument and no environment. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/build.h"

#define TOKEN_ROOM \
	(BUILD_TOKEN_MAX + 3) /* its line's end, and a byte that shows that it is longer */

/* Its length, without the end of its line; 0 where there is none, or a longer one. */
static size_t read_line(int fd, uint8_t token[TOKEN_ROOM])
{
	size_t len = 0;

	while (len < TOKEN_ROOM) {
		ssize_t got = read(fd, token + len, TOKEN_ROOM - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return 0;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	while (len > 0 && len < TOKEN_ROOM && (token[len - 1] == '\n' || token[len - 1] == '\r'))
		len--;
	return len <= BUILD_TOKEN_MAX ? len : 0;
}

int build_read_token(const struct cli_command *command, const char *option, const char *number,
		     struct build_token *ret)
{
	uint8_t token[TOKEN_ROOM];
	uint64_t fd;

	if (!cli_number(command, option, number, 0, 1u << 20, &fd))
		return CLI_USAGE;
	ret->len = read_line((int)fd, token);
	memcpy(ret->bytes, token, ret->len);
	explicit_bzero(token, sizeof(token));
	if (ret->len == 0)
		return cli_usage(BUILD_PROGRAM, "--%s %s gives no token of 1 to %u bytes", option,
				 number, BUILD_TOKEN_MAX);
	return CLI_OK;
}

/* "URL=N" */
static int read_one(const struct cli_command *command, const char *text, struct build_token *ret)
{
	const char *equals = strrchr(text, '=');

	if (equals == NULL)
		return cli_usage(BUILD_PROGRAM, "--credential-fd '%s' is not URL=N", text);
	ret->url = strndup(text, (size_t)(equals - text));
	if (ret->url == NULL) {
		cli_say(BUILD_PROGRAM ": out of memory");
		return CLI_FAILED;
	}
	return build_read_token(command, "credential-fd", equals + 1, ret);
}

int build_read_credentials(const struct cli_command *command, const struct cli_list *list,
			   struct build_token **ret)
{
	struct build_token *all = calloc(list->n + 1, sizeof(*all));
	int status = CLI_OK;

	if (all == NULL) {
		cli_say(BUILD_PROGRAM ": out of memory");
		return CLI_FAILED;
	}
	for (size_t i = 0; status == CLI_OK && i < list->n; i++)
		status = read_one(command, list->items[i], &all[i]);
	*ret = all;
	return status;
}

void build_forget_credentials(struct build_token *all, size_t n)
{
	for (size_t i = 0; all != NULL && i < n; i++) {
		free(all[i].url);
		explicit_bzero(&all[i], sizeof(all[i]));
	}
	free(all);
}
