/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of refs: what a server begins with, and what it answers to ls-refs. */
#include <stdlib.h>

#include "core/error.h"
#include "format/fetch.h"
#include "format/git_wire.h"

#define NAME_MAX_BYTES 65536u

enum state {
	START,      /* the line that names the service, or what comes without it */
	AFTER_NAME, /* the flush behind it */
	FIRST,      /* "version 2", or the first ref, with the capabilities */
	ABILITIES,  /* version 2's lines */
	MORE,       /* the refs after the first */
	LIST,       /* ls-refs */
	DONE,
};

struct trb_git_refs *trb_git_refs_new(trb_git_ref_fn on_ref, void *user)
{
	struct trb_git_refs *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->on_ref = on_ref;
	r->user = user;
	trb_buf_init(&r->name, NAME_MAX_BYTES);
	trb_buf_init(&r->head, NAME_MAX_BYTES);
	return r;
}

void trb_git_refs_free(struct trb_git_refs *r)
{
	if (r == NULL)
		return;
	trb_buf_clear(&r->name);
	trb_buf_clear(&r->head);
	free(r);
}

void trb_git_refs_expect_list(struct trb_git_refs *r)
{
	r->state = LIST;
	r->line.have = r->line.size = 0;
}

static int fail(trb_error **err, const char *what)
{
	return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REPOSITORY, "%s", what);
}

static int fail_sha256(trb_error **err)
{
	return trb_fail_check(err, TRB_E_UNSUPPORTED, TRB_CHECK_REPOSITORY,
			      "this is a SHA-256 repository: only SHA-1 repositories can be "
			      "fetched so far");
}

/* The object id that a line begins with, and what stands behind the character after it. */
static int take_id(trb_bytes *line, struct trb_commit *ret, trb_error **err)
{
	size_t n = 0;

	while (n < line->len && line->ptr[n] != ' ' && line->ptr[n] != '\0')
		n++;
	if (n == 64 && trb_commit_from_hex(TRB_BYTES(line->ptr, n), ret))
		return fail_sha256(err);
	if (n != 40 || n == line->len || !trb_commit_from_hex(TRB_BYTES(line->ptr, n), ret))
		return fail(err, "the server's list of refs has a line without an object id");
	trb_bytes_take(line, n + 1);
	return TRB_OK;
}

static trb_bytes without_newline(trb_bytes line)
{
	if (line.len > 0 && line.ptr[line.len - 1] == '\n')
		line.len--;
	return line;
}

/* The next word of a list with one space between words; false at the end. */
static bool next_word(trb_bytes *rest, trb_bytes *ret)
{
	const uint8_t *space;

	if (rest->len == 0)
		return false;
	space = memchr(rest->ptr, ' ', rest->len);
	*ret = trb_bytes_take(rest, space != NULL ? (size_t)(space - rest->ptr) : rest->len);
	trb_bytes_take(rest, rest->len > 0 ? 1 : 0);
	return true;
}

/* Whether text begins so; *ret_rest is what stands behind. */
static bool begins(trb_bytes text, const char *with, trb_bytes *ret_rest)
{
	size_t n = strlen(with);

	if (text.len < n || memcmp(text.ptr, with, n) != 0)
		return false;
	*ret_rest = TRB_BYTES(text.ptr + n, text.len - n);
	return true;
}

static int report(struct trb_git_refs *r, trb_error **err)
{
	struct trb_git_ref ref = r->last;
	int res = trb_buf_check(&r->name, "a ref's name", err);

	if (res < 0 || r->name.len == 0)
		return res;
	ref.name = trb_buf_bytes(&r->name);
	if (trb_bytes_eq_str(ref.name, "HEAD"))
		ref.symref = trb_buf_bytes(&r->head);
	res = r->on_ref != NULL ? r->on_ref(r->user, &ref, err) : TRB_OK;
	trb_buf_clear(&r->name);
	return res;
}

/* Version 0: a ref is reported when the line after it is known, which may say what it comes to. */
static int take_old_ref(struct trb_git_refs *r, trb_bytes line, trb_error **err)
{
	struct trb_commit id;
	int res = take_id(&line, &id, err);

	if (res < 0)
		return res;
	if (line.len > 3 && memcmp(line.ptr + line.len - 3, "^{}", 3) == 0 && !r->last.peeled &&
	    r->name.len > 0 &&
	    trb_bytes_eq(TRB_BYTES(line.ptr, line.len - 3), trb_buf_bytes(&r->name))) {
		r->last.peeled = true;
		r->last.target = id;
		return report(r, err);
	}
	res = report(r, err);
	if (res < 0)
		return res;
	if (line.len == 0)
		return fail(err, "the server's list of refs has a line without a name");
	r->last = (struct trb_git_ref){ .id = id };
	trb_buf_add(&r->name, line);
	return TRB_OK;
}

static int take_old_ability(struct trb_git_refs *r, trb_bytes word, trb_error **err)
{
	static const struct {
		const char *name;
		unsigned feature;
	} known[] = {
		{ "shallow", TRB_GIT_SHALLOW },
		{ "filter", TRB_GIT_FILTER },
		{ "side-band-64k", TRB_GIT_SIDE_BAND },
		{ "allow-tip-sha1-in-want", TRB_GIT_WANT_TIP },
		{ "allow-reachable-sha1-in-want", TRB_GIT_WANT_ANY },
	};
	trb_bytes value;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (trb_bytes_eq_str(word, known[i].name))
			r->features |= known[i].feature;
	if (begins(word, "symref=HEAD:", &value) && r->head.len == 0)
		trb_buf_add(&r->head, value);
	if (begins(word, "object-format=", &value) && !trb_bytes_eq_str(value, "sha1"))
		return fail_sha256(err);
	return TRB_OK;
}

static int take_first_ref(struct trb_git_refs *r, trb_bytes line, trb_error **err)
{
	const uint8_t *nul = memchr(line.ptr, '\0', line.len);
	trb_bytes words = TRB_BYTES_NULL, word, ref = line;
	int res = TRB_OK;

	r->state = MORE;
	if (nul != NULL) {
		ref = TRB_BYTES(line.ptr, nul - line.ptr);
		words = TRB_BYTES(nul + 1, line.len - ref.len - 1);
	}
	while (res == TRB_OK && next_word(&words, &word))
		res = take_old_ability(r, word, err);
	if (res < 0)
		return res;
	if (ref.len > 41 &&
	    trb_bytes_eq_str(TRB_BYTES(ref.ptr + 41, ref.len - 41), "capabilities^{}"))
		return TRB_OK; /* there is no ref */
	return take_old_ref(r, ref, err);
}

static int take_ability(struct trb_git_refs *r, trb_bytes line, trb_error **err)
{
	trb_bytes value, word;

	if (begins(line, "object-format=", &value)) {
		r->features |= TRB_GIT_FORMAT;
		return trb_bytes_eq_str(value, "sha1") ? TRB_OK : fail_sha256(err);
	}
	if (!begins(line, "fetch=", &value))
		return TRB_OK;
	while (next_word(&value, &word)) {
		if (trb_bytes_eq_str(word, "shallow"))
			r->features |= TRB_GIT_SHALLOW;
		if (trb_bytes_eq_str(word, "filter"))
			r->features |= TRB_GIT_FILTER;
	}
	return TRB_OK;
}

static int take_first(struct trb_git_refs *r, trb_bytes line, trb_error **err)
{
	trb_bytes rest;

	if (trb_bytes_eq_str(line, "version 2")) {
		r->version = 2;
		/* nothing tells beforehand; a refusal does */
		r->features = TRB_GIT_SIDE_BAND | TRB_GIT_WANT_ANY;
		r->state = ABILITIES;
		return TRB_OK;
	}
	if (trb_bytes_eq_str(line, "version 1"))
		return TRB_OK; /* version 0 behind this line */
	if (begins(line, "version ", &rest))
		return trb_fail_check(err, TRB_E_UNSUPPORTED, TRB_CHECK_REPOSITORY,
				      "the server speaks a version of git's protocol that is not "
				      "known here: 0 and 2 are");
	return take_first_ref(r, line, err);
}

static int take_listed(struct trb_git_refs *r, trb_bytes line, trb_error **err)
{
	struct trb_git_ref ref = { 0 };
	trb_bytes word, value;
	int res;

	if (begins(line, "unborn ", &value))
		return TRB_OK;
	res = take_id(&line, &ref.id, err);
	if (res < 0)
		return res;
	if (!next_word(&line, &ref.name) || ref.name.len == 0)
		return fail(err, "the server's list of refs has a line without a name");
	while (next_word(&line, &word)) {
		if (begins(word, "symref-target:", &value))
			ref.symref = value;
		if (!begins(word, "peeled:", &value))
			continue;
		ref.peeled = trb_commit_from_hex(value, &ref.target) && ref.target.algorithm == 1;
		if (!ref.peeled)
			return fail(err, "the server's list of refs has a tag that comes to "
					 "nothing");
	}
	return r->on_ref != NULL ? r->on_ref(r->user, &ref, err) : TRB_OK;
}

static int take_line(struct trb_git_refs *r, trb_bytes line, trb_error **err)
{
	trb_bytes said;

	line = without_newline(line);
	if (begins(line, "ERR ", &said))
		return trb_git_fail_said(err, TRB_E_IO, "the server", said);
	switch ((enum state)r->state) {
	case START:
		if (begins(line, "# service=", &said)) {
			r->state = AFTER_NAME;
			return trb_bytes_eq_str(said, "git-upload-pack")
				       ? TRB_OK
				       : fail(err, "the server offers another service of git's");
		}
		r->state = FIRST;
		return take_first(r, line, err);
	case FIRST:
		return take_first(r, line, err);
	case ABILITIES:
		return take_ability(r, line, err);
	case MORE:
		return begins(line, "shallow ", &said) ? TRB_OK : take_old_ref(r, line, err);
	case LIST:
		return take_listed(r, line, err);
	case AFTER_NAME:
	case DONE:
		break;
	}
	return fail(err, "the server's list of refs has a line out of place");
}

static int take_packet(struct trb_git_refs *r, const struct trb_pkt *pkt, trb_error **err)
{
	if (pkt->kind == TRB_PKT_DATA)
		return take_line(r, pkt->data, err);
	if (pkt->kind != TRB_PKT_FLUSH || r->state == DONE)
		return fail(err, "the server's list of refs has a mark out of place");
	if (r->state == AFTER_NAME) {
		r->state = FIRST;
		return TRB_OK;
	}
	r->state = DONE;
	return report(r, err);
}

int trb_git_refs_feed(struct trb_git_refs *r, trb_bytes in, trb_error **err)
{
	struct trb_pkt pkt;
	int res = TRB_OK;

	while (res == TRB_OK) {
		res = trb_pktline_take(&r->line, &in, &pkt, err);
		if (res == TRB_E_AGAIN)
			return TRB_OK;
		if (res == TRB_E_FORMAT)
			return trb_wrap_check(err, res, TRB_CHECK_REPOSITORY, "list of refs");
		if (res == TRB_OK)
			res = take_packet(r, &pkt, err);
	}
	return res;
}

int trb_git_refs_end(struct trb_git_refs *r, trb_error **err)
{
	if (r->state == DONE && trb_pktline_between(&r->line))
		return TRB_OK;
	return fail(err, "the server's list of refs ends too early");
}
