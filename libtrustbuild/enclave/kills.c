/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's count of out-of-memory kills. */
#include "enclave/kills.h"

#include <fcntl.h>
#include <stdio.h>

#include "core/cleanup.h"
#include "core/io.h"

#define FILE_MAX (64u * 1024)
#define NAME     "oom_kill "

/* The value of the line "oom_kill N". */
static bool find(trb_bytes text, uint64_t *ret)
{
	while (text.len > 0) {
		const uint8_t *end = memchr(text.ptr, '\n', text.len);
		trb_bytes line =
			trb_bytes_take(&text, end != NULL ? (size_t)(end - text.ptr) : text.len);
		unsigned long long value;
		char number[24];

		trb_bytes_take(&text, end != NULL);
		if (line.len <= strlen(NAME) || memcmp(line.ptr, NAME, strlen(NAME)) != 0)
			continue;
		snprintf(number, sizeof(number), "%.*s", (int)(line.len - strlen(NAME)),
			 (const char *)line.ptr + strlen(NAME));
		if (sscanf(number, "%llu", &value) != 1)
			return false;
		*ret = value;
		return true;
	}
	return false;
}

static int count_in(const char *path, uint64_t *ret, bool *ret_there)
{
	_cleanup_(trb_blob_unrefp) trb_blob *text = NULL;
	_cleanup_(trb_error_unrefp) trb_error *why = NULL;
	int r = trb_read_file(AT_FDCWD, path, FILE_MAX, &text, &why);

	*ret_there = r == TRB_OK && find(trb_blob_bytes(text), ret);
	return r == TRB_E_NOMEM ? r : TRB_OK;
}

int trb_kills_count(const char *group, const char *system, uint64_t *ret, trb_error **err)
{
	uint64_t count = 0;
	bool there = false;
	int r = count_in(group, &count, &there);

	if (r == TRB_OK && !there)
		r = count_in(system, &count, &there);
	if (r < 0)
		return trb_fail_nomem(err);
	if (!there)
		return trb_fail_check(err, TRB_E_UNSUPPORTED, "build.memory",
				      "neither '%s' nor '%s' counts out-of-memory kills: a build "
				      "could lose a process and go on",
				      group, system);
	*ret = count;
	return TRB_OK;
}
