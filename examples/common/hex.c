/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal digits out of a command's options. */
#include "common/cli.h"

#include <stdlib.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode(const char *text, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int cli_hex(const struct cli_command *command, const char *name, const char *text, size_t max,
	    trb_blob **ret)
{
	size_t n = strlen(text);
	uint8_t *bytes;
	int status = CLI_OK;

	if (text[0] == '@')
		return cli_read_file(command->name, text + 1, max, ret);
	if (n % 2 != 0 || n > max * 2)
		return cli_usage(command->name,
				 "--%s takes up to %zu hexadecimal digits, two for each byte", name,
				 max * 2);
	bytes = malloc(n / 2 + 1);
	if (bytes != NULL && !decode(text, bytes, n / 2))
		status = cli_usage(command->name, "--%s takes hexadecimal digits, or @FILE", name);
	else if (bytes == NULL || trb_blob_new((trb_bytes){ bytes, n / 2 }, ret, NULL) < 0) {
		cli_say("%s: out of memory", command->name);
		status = CLI_FAILED;
	}
	free(bytes);
	return status;
}
