/* SPDX-License-Identifier: Apache-2.0 */
/* The grammars of docs/spec/request.md and docs/spec/facts.cddl: one spelling for one thing, and
 * nothing that two programs could read differently. */
#include "format/facts.h"

#define HOST_MAX 253
#define REF_MAX  1024

static bool is_lower(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_one_of(uint8_t c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool has_one_of(trb_bytes text, const char *set)
{
	for (size_t i = 0; i < text.len; i++)
		if (is_one_of(text.ptr[i], set))
			return true;
	return false;
}

static bool starts_with(trb_bytes text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.len >= n && memcmp(text.ptr, prefix, n) == 0;
}

static bool ends_with(trb_bytes text, const char *suffix)
{
	size_t n = strlen(suffix);

	return text.len >= n && memcmp(text.ptr + text.len - n, suffix, n) == 0;
}

/* Takes what stands before the first c, and c itself, off rest; the whole rest where there is no c,
 * and false from the next call on. */
static bool next_step(trb_bytes *rest, uint8_t c, trb_bytes *ret)
{
	const uint8_t *at;

	if (rest->ptr == NULL)
		return false;
	at = rest->len > 0 ? memchr(rest->ptr, c, rest->len) : NULL;
	if (at == NULL) {
		*ret = *rest;
		*rest = TRB_BYTES_NULL;
		return true;
	}
	*ret = TRB_BYTES(rest->ptr, at - rest->ptr);
	*rest = TRB_BYTES(at + 1, rest->len - ret->len - 1);
	return true;
}

static const char *label_fault(trb_bytes label)
{
	if (label.len == 0)
		return "the host has an empty label";
	if (label.len > 63)
		return "the host has a label of more than 63 characters";
	for (size_t i = 0; i < label.len; i++)
		if (!is_lower(label.ptr[i]) && !is_digit(label.ptr[i]) && label.ptr[i] != '-')
			return "the host holds a character other than a-z, 0-9, \"-\" and \".\"";
	if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
		return "a label of the host begins or ends with \"-\"";
	return NULL;
}

/* A decimal number up to max without leading zeros. */
static bool is_number(trb_bytes text, unsigned max)
{
	unsigned value = 0;

	if (text.len == 0 || text.len > 5 || (text.len > 1 && text.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (!is_digit(text.ptr[i]))
			return false;
		value = value * 10 + (text.ptr[i] - '0');
	}
	return value <= max;
}

static bool looks_numeric(trb_bytes label)
{
	if (starts_with(label, "0x"))
		return true;
	for (size_t i = 0; i < label.len; i++)
		if (!is_digit(label.ptr[i]))
			return false;
	return true;
}

const char *trb_host_fault(trb_bytes host)
{
	trb_bytes rest = host, label = TRB_BYTES_NULL;
	size_t labels = 0, octets = 0;

	if (host.len == 0)
		return "the host is missing";
	if (host.len > HOST_MAX)
		return "the host has more than 253 characters";
	while (next_step(&rest, '.', &label)) {
		const char *fault = label_fault(label);

		if (fault != NULL)
			return fault;
		labels++;
		octets += is_number(label, 255);
	}
	/* inet_aton() takes 127.1, 0177.0.0.1 and 0x7f.1 as addresses, others as names */
	if (looks_numeric(label) && (labels != 4 || octets != 4))
		return "the host is neither a name nor an IPv4 address of four decimal numbers";
	return NULL;
}

static const char *port_fault(trb_bytes port)
{
	if (!is_number(port, 65535) || trb_bytes_eq_str(port, "0"))
		return "the port is not a number from 1 to 65535 without leading zeros";
	return NULL;
}

const char *trb_host_port_fault(trb_bytes text)
{
	trb_bytes rest = text, host = TRB_BYTES_NULL;
	const char *fault;

	if (!next_step(&rest, ':', &host) || rest.ptr == NULL)
		return "must be host:port";
	fault = trb_host_fault(host);
	return fault == NULL ? port_fault(rest) : fault;
}

static const char *segment_fault(trb_bytes segment)
{
	if (segment.len == 0)
		return "the path has an empty segment";
	if (trb_bytes_eq_str(segment, ".") || trb_bytes_eq_str(segment, ".."))
		return "the path has a segment \".\" or \"..\"";
	for (size_t i = 0; i < segment.len; i++) {
		uint8_t c = segment.ptr[i];

		if (!is_lower(c | 0x20) && !is_digit(c) && !is_one_of(c, "-._~+"))
			return "the path holds a character other than letters, digits and -._~+";
	}
	return NULL;
}

static const char *authority_fault(trb_bytes authority)
{
	trb_bytes rest = authority, host = TRB_BYTES_NULL;
	const char *fault;

	if (has_one_of(authority, "@"))
		return "user information is not allowed";
	if (!next_step(&rest, ':', &host))
		return "the host is missing";
	fault = rest.ptr == NULL ? trb_host_fault(host) : trb_host_port_fault(authority);
	if (fault == NULL && trb_bytes_eq_str(rest, "443"))
		return "the port 443 is the default: leave it out";
	return fault;
}

trb_bytes trb_repository_origin(trb_bytes url)
{
	trb_bytes rest = url, authority = TRB_BYTES_NULL;

	trb_bytes_take(&rest, strlen("https://"));
	next_step(&rest, '/', &authority);
	return TRB_BYTES(url.ptr, strlen("https://") + authority.len);
}

const char *trb_repository_fault(trb_bytes url)
{
	trb_bytes rest = url, step;
	const char *fault;

	if (url.len > TRB_URL_MAX)
		return "the URL has more than 2048 characters";
	if (!starts_with(url, "https://"))
		return "the URL does not begin with https://";
	if (has_one_of(url, "%"))
		return "percent-encoding is not allowed";
	if (has_one_of(url, "?#"))
		return "a query or a fragment is not allowed";
	trb_bytes_take(&rest, strlen("https://"));
	if (!next_step(&rest, '/', &step))
		return "the host is missing";
	fault = authority_fault(step);
	if (fault != NULL)
		return fault;
	if (rest.ptr == NULL)
		return "the path is missing";
	while (next_step(&rest, '/', &step)) {
		fault = segment_fault(step);
		if (fault != NULL)
			return fault;
	}
	return NULL;
}

/* git check-ref-format, for full names. */
static const char *ref_step_fault(trb_bytes step)
{
	if (step.len == 0)
		return "a ref has no empty component";
	if (step.ptr[0] == '.')
		return "no component of a ref begins with \".\"";
	if (ends_with(step, ".lock"))
		return "no component of a ref ends with \".lock\"";
	for (size_t i = 0; i < step.len; i++) {
		if (step.ptr[i] < 0x20 || step.ptr[i] == 0x7f)
			return "a ref holds no control character";
		if (is_one_of(step.ptr[i], " ~^:?*[\\"))
			return "a ref holds none of space and ~^:?*[\\";
		if (i > 0 && step.ptr[i] == '.' && step.ptr[i - 1] == '.')
			return "a ref holds no \"..\"";
		if (i > 0 && step.ptr[i] == '{' && step.ptr[i - 1] == '@')
			return "a ref holds no \"@{\"";
	}
	return NULL;
}

const char *trb_ref_fault(trb_bytes ref)
{
	trb_bytes rest = ref, step;

	if (ref.len > REF_MAX)
		return "a ref has at most 1024 bytes";
	if (!starts_with(ref, "refs/"))
		return "a ref is given by its full name, which begins with refs/";
	if (!trb_utf8_valid(ref))
		return "a ref is UTF-8";
	while (next_step(&rest, '/', &step)) {
		const char *fault = ref_step_fault(step);

		if (fault != NULL)
			return fault;
	}
	return ends_with(ref, ".") ? "a ref does not end with \".\"" : NULL;
}

/* C0, DEL and C1 (U+0080 to U+009F: two bytes that begin with c2). */
static bool has_control(trb_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return true;
		if (text.ptr[i] == 0xc2 && i + 1 < text.len && text.ptr[i + 1] < 0xa0)
			return true;
	}
	return false;
}

const char *trb_path_fault(trb_bytes name)
{
	trb_bytes rest = name, step;

	if (name.len == 0)
		return "a name is not empty";
	if (!trb_utf8_valid(name))
		return "a name is UTF-8";
	if (has_control(name))
		return "a name holds no control character";
	while (next_step(&rest, '/', &step)) {
		if (step.len == 0)
			return "a name is relative and has no empty step";
		if (trb_bytes_eq_str(step, ".") || trb_bytes_eq_str(step, ".."))
			return "a name has no step \".\" or \"..\"";
	}
	return NULL;
}

const char *trb_artifact_name_fault(trb_bytes name)
{
	return name.len > TRB_ARTIFACT_NAME ? "a name has at most 255 bytes" : trb_path_fault(name);
}

const char *trb_sandbox_name(size_t index)
{
	static const char *const known[] = { "runsc", "crun", "runc" };

	return index < sizeof(known) / sizeof(known[0]) ? known[index] : NULL;
}

const char *trb_sandbox_fault(trb_bytes runtime)
{
	for (size_t i = 0; trb_sandbox_name(i) != NULL; i++)
		if (trb_bytes_eq_str(runtime, trb_sandbox_name(i)))
			return NULL;
	return "a sandbox runtime is \"runsc\", \"crun\" or \"runc\"";
}

const char *trb_limit_name_fault(trb_bytes name)
{
	if (name.len == 0 || name.len > 64)
		return "the name of a limit has 1 to 64 characters";
	for (size_t i = 0; i < name.len; i++)
		if (!is_lower(name.ptr[i]) && !is_digit(name.ptr[i]) && name.ptr[i] != '_')
			return "the name of a limit holds a character other than a-z, 0-9 and _";
	return NULL;
}

const char *trb_word_fault(trb_bytes text)
{
	if (text.len == 0 || text.len > 128)
		return "1 to 128 characters are wanted";
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e)
			return "only printable ASCII characters are wanted";
	return NULL;
}
