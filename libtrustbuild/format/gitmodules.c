/* SPDX-License-Identifier: Apache-2.0 */
/* .gitmodules: which repository a submodule comes from. */
#include "format/gitmodules.h"

#include <stdlib.h>

#include "core/cleanup.h"
#include "core/error.h"
#include "format/facts.h"
#include "format/fetch.h"

#define VALUE_MAX   4096
#define MODULES_MAX 1024

struct reader {
	struct trb_gitmodules out;
	bool in_submodule; /* keys of other sections are passed over */
	unsigned line;
};

static int bad_line(const struct reader *r, const char *what, trb_error **err)
{
	return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_SUBMODULE, ".gitmodules, line %u: %s",
			      r->line, what);
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_spaces(trb_bytes *in)
{
	while (in->len > 0 && is_space(in->ptr[0]))
		trb_bytes_take(in, 1);
}

static bool is_comment(trb_bytes in)
{
	return in.len == 0 || in.ptr[0] == '#' || in.ptr[0] == ';';
}

static bool is_key_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.';
}

/* Takes letters, digits, '-' and '.' off in, in lower case; out holds n bytes. */
static bool take_key(trb_bytes *in, char *out, size_t n)
{
	size_t len = 0;

	while (in->len > 0 && is_key_byte(in->ptr[0])) {
		uint8_t c = *trb_bytes_take(in, 1).ptr;

		if (len + 1 == n)
			return false;
		out[len++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	out[len] = '\0';
	return len > 0;
}

/* After a backslash: the byte that is meant, or 0. */
static uint8_t unescape(uint8_t c)
{
	switch (c) {
	case '"':
	case '\\':
		return c;
	case 't':
		return '\t';
	case 'n':
		return '\n';
	default:
		return 0;
	}
}

/* A section's quoted name: only '"' and '\' are escaped, up to the closing quote. */
static int take_name(struct reader *r, trb_bytes *in, char **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf name = { 0 };

	trb_buf_init(&name, VALUE_MAX);
	for (;;) {
		uint8_t c = in->len > 0 ? *trb_bytes_take(in, 1).ptr : '\0';

		if (c == '"')
			return trb_buf_to_str(&name, "the name of a submodule", ret, err);
		if (c == '\\' && in->len > 0)
			c = *trb_bytes_take(in, 1).ptr;
		if (c == '\0')
			return bad_line(r, "a name without its closing quote", err);
		trb_buf_add_byte(&name, c);
	}
}

static int add_module(struct reader *r, char *name, trb_error **err)
{
	struct trb_gitmodule *grown;

	for (size_t i = 0; i < r->out.n; i++)
		if (strcmp(r->out.modules[i].name, name) == 0) {
			free(name);
			return bad_line(r, "a submodule that was there before", err);
		}
	grown = r->out.n < MODULES_MAX ? realloc(r->out.modules, (r->out.n + 1) * sizeof(*grown))
				       : NULL;
	if (grown == NULL) {
		free(name);
		return r->out.n < MODULES_MAX ? trb_fail_nomem(err)
					      : bad_line(r, "too many submodules", err);
	}
	r->out.modules = grown;
	r->out.modules[r->out.n++] = (struct trb_gitmodule){ .name = name };
	return TRB_OK;
}

/* "[section]" or "[section "name"]"; in is behind the '['. */
static int read_section(struct reader *r, trb_bytes in, trb_error **err)
{
	bool named = false;
	char key[64];
	char *name = NULL;
	int res;

	if (!take_key(&in, key, sizeof(key)))
		return bad_line(r, "a section without a name", err);
	skip_spaces(&in);
	if (in.len > 0 && in.ptr[0] == '"') {
		trb_bytes_take(&in, 1);
		res = take_name(r, &in, &name, err);
		if (res < 0)
			return res;
		named = true;
	}
	r->in_submodule = named && strcmp(key, "submodule") == 0;
	if (in.len == 0 || in.ptr[0] != ']') {
		free(name);
		return bad_line(r, "a section without its closing bracket", err);
	}
	trb_bytes_take(&in, 1);
	skip_spaces(&in);
	if (!is_comment(in)) {
		free(name);
		return bad_line(r, "text behind a section", err);
	}
	if (r->in_submodule)
		return add_module(r, name, err);
	free(name);
	return TRB_OK;
}

/* A value up to the end of the line or a comment, without quotes and trailing spaces. */
static int take_value(struct reader *r, trb_bytes in, char **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf value = { 0 };
	bool quoted = false;
	size_t keep = 0;

	trb_buf_init(&value, VALUE_MAX);
	skip_spaces(&in);
	while (in.len > 0) {
		uint8_t c = *trb_bytes_take(&in, 1).ptr;
		bool escaped = c == '\\';

		if (c == '"') {
			quoted = !quoted;
			keep = value.len;
			continue;
		}
		if (!quoted && (c == '#' || c == ';'))
			break;
		if (escaped) {
			c = in.len > 0 ? unescape(*trb_bytes_take(&in, 1).ptr) : 0;
			if (c == 0)
				return bad_line(
					r, "an escape or a continued line, which is not read here",
					err);
		}
		if (c == '\0')
			return bad_line(r, "a NUL", err);
		trb_buf_add_byte(&value, c);
		if (quoted || escaped || !is_space(c))
			keep = value.len;
	}
	if (quoted)
		return bad_line(r, "a value without its closing quote", err);
	if (value.status == TRB_OK)
		value.len = keep;
	return trb_buf_to_str(&value, "a value of .gitmodules", ret, err);
}

static int read_key(struct reader *r, trb_bytes in, trb_error **err)
{
	struct trb_gitmodule *m;
	char **slot, key[64];

	if (!take_key(&in, key, sizeof(key)))
		return bad_line(r, "neither a section nor a key", err);
	skip_spaces(&in);
	if (!r->in_submodule)
		return TRB_OK;
	m = &r->out.modules[r->out.n - 1];
	if (strcmp(key, "path") == 0)
		slot = &m->path;
	else if (strcmp(key, "url") == 0)
		slot = &m->url;
	else
		return TRB_OK;
	if (in.len == 0 || in.ptr[0] != '=')
		return bad_line(r, "a key without a value", err);
	trb_bytes_take(&in, 1);
	if (*slot != NULL)
		return bad_line(r, "a key that was there before", err);
	return take_value(r, in, slot, err);
}

void trb_gitmodules_clear(struct trb_gitmodules *modules)
{
	for (size_t i = 0; i < modules->n; i++) {
		free(modules->modules[i].name);
		free(modules->modules[i].path);
		free(modules->modules[i].url);
	}
	free(modules->modules);
	*modules = (struct trb_gitmodules){ 0 };
}

static int read_lines(struct reader *r, trb_bytes text, trb_error **err)
{
	int res = TRB_OK;

	while (text.len > 0 && res == TRB_OK) {
		const uint8_t *end = memchr(text.ptr, '\n', text.len);
		size_t n = end != NULL ? (size_t)(end - text.ptr) : text.len;
		trb_bytes line = trb_bytes_take(&text, n);

		trb_bytes_take(&text, end != NULL);
		r->line++;
		skip_spaces(&line);
		if (is_comment(line))
			continue;
		if (line.ptr[0] == '[') {
			trb_bytes_take(&line, 1);
			res = read_section(r, line, err);
		} else {
			res = read_key(r, line, err);
		}
	}
	return res;
}

int trb_gitmodules_parse(trb_bytes text, struct trb_gitmodules *ret, trb_error **err)
{
	struct reader r = { 0 };
	int res = read_lines(&r, text, err);

	if (res < 0) {
		trb_gitmodules_clear(&r.out);
		return res;
	}
	*ret = r.out;
	return TRB_OK;
}

/* Cuts the last step off url, but never the host's part; false where there is none left. */
static bool cut_step(char *url)
{
	char *host = url + strlen("https://"), *slash = strrchr(host, '/');

	if (slash == NULL)
		return false;
	*slash = '\0';
	return true;
}

static int join_url(const char *parent, const char *relative, char **ret, trb_error **err)
{
	_cleanup_free_ char *base = strdup(parent);
	_cleanup_buf_ struct trb_buf url = { 0 };

	if (base == NULL)
		return trb_fail_nomem(err);
	for (;;) {
		if (strncmp(relative, "./", 2) == 0) {
			relative += 2;
		} else if (strncmp(relative, "../", 3) == 0) {
			relative += 3;
			if (!cut_step(base))
				return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_SUBMODULE,
						      "the relative URL leaves the host of '%s'",
						      parent);
		} else {
			break;
		}
	}
	trb_buf_init(&url, 2 * VALUE_MAX);
	trb_buf_addf(&url, "%s/%s", base, relative);
	return trb_buf_to_str(&url, "the URL of a submodule", ret, err);
}

static int module_url(const struct trb_gitmodule *m, const char *parent, char **ret_url,
		      trb_error **err)
{
	_cleanup_free_ char *url = NULL;
	const char *fault;
	int r;

	if (strncmp(m->url, "./", 2) == 0 || strncmp(m->url, "../", 3) == 0) {
		r = join_url(parent, m->url, &url, err);
		if (r < 0)
			return r;
	} else {
		url = strdup(m->url);
		if (url == NULL)
			return trb_fail_nomem(err);
	}
	fault = trb_repository_fault(trb_bytes_str(url));
	if (fault != NULL)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_SUBMODULE,
				      "submodule '%s' comes from '%s': %s", m->path, url, fault);
	*ret_url = steal_ptr(&url);
	return TRB_OK;
}

int trb_gitmodules_url(const struct trb_gitmodules *modules, trb_bytes path, const char *parent,
		       char **ret_url, trb_error **err)
{
	const struct trb_gitmodule *found = NULL;

	for (size_t i = 0; i < modules->n; i++) {
		const struct trb_gitmodule *m = &modules->modules[i];

		if (m->path == NULL || !trb_bytes_eq_str(path, m->path))
			continue;
		if (found != NULL)
			return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_SUBMODULE,
					      ".gitmodules names the path '%s' twice", m->path);
		found = m;
	}
	if (found == NULL || found->url == NULL)
		return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_SUBMODULE,
				      ".gitmodules has no URL for the submodule '%.*s'",
				      (int)path.len, (const char *)path.ptr);
	return module_url(found, parent, ret_url, err);
}
