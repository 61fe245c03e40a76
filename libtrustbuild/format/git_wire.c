/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for packs, and the answers to them. */
#include "format/git_wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/error.h"
#include "format/fetch.h"

#define SAID_MAX       300u
#define LINE_MAX_BYTES 2048u

enum state {
	SECTIONS,  /* version 2: a section's name */
	SHALLOW,   /* its lines, up to a mark */
	OLD_DEPTH, /* version 0: the same, up to a flush */
	OLD_ACK,   /* NAK */
	BANDS,     /* the pack in packets */
	RAW,       /* the pack as it is */
	DONE,
};

int trb_git_fail_said(trb_error **err, int code, const char *who, trb_bytes said)
{
	_cleanup_buf_ struct trb_buf out;
	char shown[TRB_ESCAPED_SIZE];

	trb_buf_init(&out, SAID_MAX + TRB_ESCAPED_SIZE + 1);
	while (said.len > 0 && out.len < SAID_MAX) {
		size_t n = said.ptr[0] != '\n' ? trb_escape_char(said, shown) : said.len;

		if (said.ptr[0] != '\n')
			trb_buf_add_str(&out, shown);
		trb_bytes_take(&said, n);
	}
	trb_buf_add_byte(&out, 0);
	return trb_fail_check(err, code, TRB_CHECK_REPOSITORY, "%s says: %s", who,
			      out.status == TRB_OK ? (const char *)out.ptr : "(too much)");
}

static int fail(trb_error **err, const char *what)
{
	return trb_fail_check(err, TRB_E_FORMAT, TRB_CHECK_REPOSITORY, "%s", what);
}

struct trb_git_answer *trb_git_answer_new(unsigned version, unsigned features, bool deepened,
					  trb_git_pack_fn on_pack, void *user)
{
	struct trb_git_answer *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->on_pack = on_pack;
	a->user = user;
	a->features = features;
	a->state = version == 2 ? SECTIONS : deepened ? OLD_DEPTH : OLD_ACK;
	return a;
}

void trb_git_answer_free(struct trb_git_answer *a)
{
	free(a);
}

static bool is_line(trb_bytes line, const char *word)
{
	size_t n = strlen(word);

	return line.len >= n && memcmp(line.ptr, word, n) == 0 &&
	       (line.len == n || (line.len == n + 1 && line.ptr[n] == '\n'));
}

static bool begins(trb_bytes line, const char *with)
{
	return line.len >= strlen(with) && memcmp(line.ptr, with, strlen(with)) == 0;
}

static int take_section(struct trb_git_answer *a, trb_bytes line, trb_error **err)
{
	if (is_line(line, "packfile"))
		a->state = BANDS;
	else if (is_line(line, "shallow-info") || is_line(line, "acknowledgments"))
		a->state = SHALLOW;
	else
		return fail(err, "the server's answer has a section that nobody asked for");
	return TRB_OK;
}

static int take_ack(struct trb_git_answer *a, trb_bytes line, trb_error **err)
{
	if (!is_line(line, "NAK") && !begins(line, "ACK "))
		return fail(err, "the server's answer is neither a pack nor a refusal");
	a->state = (a->features & TRB_GIT_SIDE_BAND) != 0 ? BANDS : RAW;
	return TRB_OK;
}

static int take_band(struct trb_git_answer *a, trb_bytes data, trb_error **err)
{
	trb_bytes band = trb_bytes_take(&data, 1);

	if (band.len == 1 && band.ptr[0] == 1)
		return a->on_pack(a->user, data, err);
	if (band.len == 1 && band.ptr[0] == 2)
		return TRB_OK; /* words about its progress */
	if (band.len == 1 && band.ptr[0] == 3)
		return trb_git_fail_said(err, TRB_E_IO, "the server", data);
	return fail(err, "the server's pack has a packet of no known band");
}

static int take_data(struct trb_git_answer *a, trb_bytes data, trb_error **err)
{
	if (a->state != BANDS && begins(data, "ERR ")) {
		a->refused = true;
		trb_bytes_take(&data, strlen("ERR "));
		return trb_git_fail_said(err, TRB_E_IO, "the server", data);
	}
	switch ((enum state)a->state) {
	case SECTIONS:
		return take_section(a, data, err);
	case SHALLOW:
	case OLD_DEPTH:
		/* what is cut off shows in the pack */
		return TRB_OK;
	case OLD_ACK:
		return take_ack(a, data, err);
	case BANDS:
		return take_band(a, data, err);
	case RAW:
	case DONE:
		break;
	}
	return fail(err, "the server's answer goes on behind its end");
}

static int take_packet(struct trb_git_answer *a, const struct trb_pkt *pkt, trb_error **err)
{
	if (pkt->kind == TRB_PKT_DATA)
		return take_data(a, pkt->data, err);
	if (pkt->kind == TRB_PKT_DELIM && a->state == SHALLOW)
		a->state = SECTIONS;
	else if (pkt->kind == TRB_PKT_FLUSH && a->state == OLD_DEPTH)
		a->state = OLD_ACK;
	else if (pkt->kind == TRB_PKT_FLUSH && a->state == BANDS)
		a->state = DONE;
	else
		return fail(err, "the server's answer has a mark out of place");
	return TRB_OK;
}

int trb_git_answer_feed(struct trb_git_answer *a, trb_bytes in, trb_error **err)
{
	struct trb_pkt pkt;
	int r = TRB_OK;

	while (r == TRB_OK) {
		if (a->state == RAW)
			return in.len > 0 ? a->on_pack(a->user, in, err) : TRB_OK;
		r = trb_pktline_take(&a->line, &in, &pkt, err);
		if (r == TRB_E_AGAIN)
			return TRB_OK;
		if (r == TRB_E_FORMAT)
			return trb_wrap_check(err, r, TRB_CHECK_REPOSITORY, "pack");
		if (r == TRB_OK)
			r = take_packet(a, &pkt, err);
	}
	return r;
}

int trb_git_answer_end(struct trb_git_answer *a, trb_error **err)
{
	if (trb_pktline_between(&a->line) && (a->state == DONE || a->state == RAW))
		return TRB_OK;
	return fail(err, "the server's answer ends too early");
}

/* Requests. */

void trb_git_add_special(struct trb_buf *out, enum trb_pkt_kind kind)
{
	trb_buf_add_str(out, kind == TRB_PKT_DELIM ? "0001" : "0000");
}

void trb_git_add_line(struct trb_buf *out, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES], head[TRB_PKT_HEAD + 1];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text)) {
		out->status = TRB_E_LIMIT;
		return;
	}
	trb_pktline_head((size_t)n, head);
	trb_buf_add_str(out, head);
	trb_buf_add_str(out, text);
}

void trb_git_add_ls_refs(struct trb_buf *out, unsigned features, const char *const *prefixes)
{
	trb_git_add_line(out, "command=ls-refs\n");
	if ((features & TRB_GIT_FORMAT) != 0)
		trb_git_add_line(out, "object-format=sha1\n");
	trb_git_add_special(out, TRB_PKT_DELIM);
	trb_git_add_line(out, "peel\n");
	trb_git_add_line(out, "symrefs\n");
	for (; *prefixes != NULL; prefixes++)
		trb_git_add_line(out, "ref-prefix %s\n", *prefixes);
	trb_git_add_special(out, TRB_PKT_FLUSH);
}

static void add_wants(struct trb_buf *out, const struct trb_git_wants *wants, const char *first)
{
	char hex[65];

	for (size_t i = 0; i < wants->n; i++) {
		trb_commit_to_hex(&wants->ids[i], hex);
		trb_git_add_line(out, "want %s%s\n", hex, i == 0 ? first : "");
	}
}

static void add_bounds(struct trb_buf *out, const struct trb_git_wants *wants)
{
	if (wants->depth > 0)
		trb_git_add_line(out, "deepen %u\n", wants->depth);
	if (wants->commits_only)
		trb_git_add_line(out, "filter tree:0\n");
}

static void add_old_fetch(struct trb_buf *out, unsigned features, const struct trb_git_wants *wants)
{
	char abilities[128];

	snprintf(abilities, sizeof(abilities), " ofs-delta%s%s%s",
		 (features & TRB_GIT_SIDE_BAND) != 0 ? " side-band-64k no-progress" : "",
		 wants->depth > 0 ? " shallow" : "", wants->commits_only ? " filter" : "");
	add_wants(out, wants, abilities);
	add_bounds(out, wants);
	trb_git_add_special(out, TRB_PKT_FLUSH);
	trb_git_add_line(out, "done\n");
}

void trb_git_add_fetch(struct trb_buf *out, unsigned version, unsigned features,
		       const struct trb_git_wants *wants)
{
	if (version != 2) {
		add_old_fetch(out, features, wants);
		return;
	}
	trb_git_add_line(out, "command=fetch\n");
	if ((features & TRB_GIT_FORMAT) != 0)
		trb_git_add_line(out, "object-format=sha1\n");
	trb_git_add_special(out, TRB_PKT_DELIM);
	trb_git_add_line(out, "no-progress\n");
	trb_git_add_line(out, "ofs-delta\n");
	add_bounds(out, wants);
	add_wants(out, wants, "");
	trb_git_add_line(out, "done\n");
	trb_git_add_special(out, TRB_PKT_FLUSH);
}
