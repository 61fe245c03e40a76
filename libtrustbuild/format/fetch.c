/* SPDX-License-Identifier: Apache-2.0 */
/* What the fetcher and its parent say to each other. */
#include "format/fetch.h"

#include "core/error.h"

void trb_fetch_header_encode(unsigned type, uint64_t size, uint8_t ret[TRB_FETCH_HEADER])
{
	ret[0] = (uint8_t)type;
	for (unsigned i = 0; i < 8; i++)
		ret[1 + i] = (uint8_t)(size >> (56 - 8 * i));
}

void trb_fetch_header_decode(const uint8_t in[TRB_FETCH_HEADER], unsigned *ret_type,
			     uint64_t *ret_size)
{
	uint64_t size = 0;

	for (unsigned i = 0; i < 8; i++)
		size = size << 8 | in[1 + i];
	*ret_type = in[0];
	*ret_size = size;
}

static const char *const checks[] = {
	TRB_CHECK_REPOSITORY, TRB_CHECK_REF,       TRB_CHECK_COMMIT, TRB_CHECK_OBJECT,
	TRB_CHECK_TREE,       TRB_CHECK_SUBMODULE, TRB_CHECK_LIMIT,
};
#define N_CHECKS (sizeof(checks) / sizeof(checks[0]))

/* What a fetch can fail with, so that a fetcher that was taken over cannot fake a verdict. */
static const int codes[] = {
	TRB_E_IO,          TRB_E_NOMEM, TRB_E_TIMEOUT, TRB_E_NOTFOUND,
	TRB_E_UNSUPPORTED, TRB_E_LIMIT, TRB_E_FORMAT,  TRB_E_INVAL,
};
#define N_CODES (sizeof(codes) / sizeof(codes[0]))

static size_t check_index(const char *check)
{
	size_t i = 0;

	while (i < N_CHECKS && (check == NULL || strcmp(checks[i], check) != 0))
		i++;
	return i;
}

static size_t code_index(int code)
{
	size_t i = 0;

	while (i < N_CODES && codes[i] != code)
		i++;
	return i < N_CODES ? i : 0;
}

void trb_fetch_error_encode(const trb_error *error, struct trb_buf *out)
{
	trb_buf_add_byte(out, (uint8_t)code_index(trb_error_code(error)));
	trb_buf_add_byte(out, (uint8_t)check_index(trb_error_check(error)));
	for (const trb_error *e = error; e != NULL; e = trb_error_cause(e)) {
		size_t room = TRB_FETCH_TEXT_MAX - out->len;
		trb_bytes text = trb_bytes_str(trb_error_message(e));

		if (text.len + 2 > room)
			break;
		if (e != error)
			trb_buf_add_str(out, ": ");
		trb_buf_add(out, text);
	}
}

int trb_fetch_error_raise(trb_bytes body, trb_error **err)
{
	if (body.len < 2 || body.len > TRB_FETCH_TEXT_MAX || body.ptr[0] >= N_CODES ||
	    body.ptr[1] > N_CHECKS)
		return trb_fail(err, TRB_E_IO, "the fetcher failed without saying why");
	return trb_fail_check(err, codes[body.ptr[0]],
			      body.ptr[1] < N_CHECKS ? checks[body.ptr[1]] : NULL, "%.*s",
			      (int)(body.len - 2), (const char *)body.ptr + 2);
}

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static const struct {
	const char *name;
	size_t offset;
	uint64_t dflt, max;
} limits_table[] = {
	{ "pack_bytes", offsetof(struct trb_source_limits, pack_bytes), GIB, 64 * GIB },
	{ "objects", offsetof(struct trb_source_limits, objects), 4000000, 100000000 },
	{ "object_bytes", offsetof(struct trb_source_limits, object_bytes), 256 * MIB, GIB },
	{ "files", offsetof(struct trb_source_limits, files), 500000, 10000000 },
	{ "tree_bytes", offsetof(struct trb_source_limits, tree_bytes), 4 * GIB, 64 * GIB },
	{ "depth", offsetof(struct trb_source_limits, depth), 100, 100 },
	{ "submodules", offsetof(struct trb_source_limits, submodules), 128, 128 },
	{ "submodule_depth", offsetof(struct trb_source_limits, submodule_depth), 8, 8 },
	{ "history", offsetof(struct trb_source_limits, history), 2000000, 100000000 },
	{ "wall_s", offsetof(struct trb_source_limits, wall_s), 900, 86400 },
};
#define N_LIMITS (sizeof(limits_table) / sizeof(limits_table[0]))

static uint64_t *limit_at(const struct trb_source_limits *limits, size_t i)
{
	return (uint64_t *)((uintptr_t)limits + limits_table[i].offset);
}

void trb_source_limits_default(struct trb_source_limits *ret)
{
	for (size_t i = 0; i < N_LIMITS; i++)
		*limit_at(ret, i) = limits_table[i].dflt;
}

int trb_source_limits_set(struct trb_source_limits *limits, trb_bytes name, uint64_t value,
			  trb_error **err)
{
	for (size_t i = 0; i < N_LIMITS; i++) {
		if (!trb_bytes_eq_str(name, limits_table[i].name))
			continue;
		if (value == 0 || value > limits_table[i].max)
			return trb_fail(err, TRB_E_INVAL, "source limit '%s': 1 to %llu, not %llu",
					limits_table[i].name,
					(unsigned long long)limits_table[i].max,
					(unsigned long long)value);
		*limit_at(limits, i) = value;
		return TRB_OK;
	}
	return trb_fail(err, TRB_E_NOTFOUND, "no source limit is named '%.*s'", (int)name.len,
			(const char *)name.ptr);
}

const char *trb_source_limits_get(const struct trb_source_limits *limits, size_t i,
				  uint64_t *ret_value)
{
	if (i >= N_LIMITS)
		return NULL;
	*ret_value = *limit_at(limits, i);
	return limits_table[i].name;
}

void trb_fetch_argv(const struct trb_fetch_args *args, struct trb_argv *ret)
{
	uint64_t value = 0;
	const char *name;

	trb_argv_add(ret, "tb-fetch");
	trb_argv_add(ret, "%s", args->mode);
	trb_argv_add_text(ret, "repository", args->repository);
	trb_argv_add_text(ret, "ca", args->ca_file);
	trb_argv_add_text(ret, "commit", args->commit);
	trb_argv_add_text(ret, "ref", args->ref);
	trb_argv_add_text(ret, "name", args->name);
	trb_argv_add_text(ret, "egress", args->egress);
	if (args->now != 0)
		trb_argv_add(ret, "now=%lld", (long long)args->now);
	if (args->token.len > 0)
		trb_argv_add(ret, "token=1");
	for (size_t i = 0; (name = trb_source_limits_get(args->limits, i, &value)) != NULL; i++)
		trb_argv_add(ret, "limit.%s=%llu", name, (unsigned long long)value);
}

int trb_fetch_token_check(trb_bytes token, trb_error **err)
{
	if (token.len == 0 || memchr(token.ptr, '\0', token.len) != NULL ||
	    memchr(token.ptr, '\n', token.len) != NULL)
		return trb_fail(err, TRB_E_INVAL, "a token is one line, and not empty");
	if (token.len > TRB_FETCH_TOKEN_MAX)
		return trb_fail(err, TRB_E_LIMIT, "a token has at most %u bytes",
				TRB_FETCH_TOKEN_MAX);
	return TRB_OK;
}
