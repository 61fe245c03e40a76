/* SPDX-License-Identifier: Apache-2.0 */
/* What the text and the HTML report share: escaping, and which facts stand in what order. */
#include <inttypes.h>
#include <stdio.h>

#include "format/note.h"
#include "format/times.h"
#include "verifier/claims.h"
#include "verifier/report.h"

size_t trb_show_char(struct trb_buf *b, const char *text, size_t *ret_columns)
{
	char shown[TRB_ESCAPED_SIZE];
	size_t n = trb_escape_char(TRB_BYTES(text, strnlen(text, 4)), shown);
	uint32_t c = 0;

	trb_buf_add_str(b, shown);
	*ret_columns = strlen(shown);
	/* East Asian wide characters and emoji take two.  Below Hangul Jamo there are none, nor
	 * among punctuation, arrows and mathematics; counting all others as two only breaks lines
	 * early. */
	if ((uint8_t)shown[0] >= 0x80 && trb_utf8_char(trb_bytes_str(shown), &c) > 0)
		*ret_columns = c >= 0x1100 && (c < 0x2000 || c > 0x22ff) ? 2 : 1;
	return n;
}

size_t trb_show_text(struct trb_buf *b, const char *text)
{
	size_t columns, sum = 0;

	while (*text != '\0') {
		text += trb_show_char(b, text, &columns);
		sum += columns;
	}
	return sum;
}

struct trb_time_text trb_show_time(uint64_t seconds)
{
	struct trb_time_text t;
	char text[TRB_TIME_TEXT];

	if (trb_time_format(seconds, text))
		snprintf(t.text, sizeof(t.text), "%s", text);
	else
		snprintf(t.text, sizeof(t.text), "%" PRIu64 " s after 1970", seconds);
	return t;
}

static struct trb_found_text found_chain(const struct trb_nitro_verdict *verdict)
{
	bool hardware = verdict->assurance == TRB_ASSURANCE_HARDWARE;
	struct trb_found_text found;
	char root[2 * TRB_SHA256_LEN + 1];

	trb_hex_encode(TRB_BYTES(verdict->sha256, TRB_SHA256_LEN), root);
	snprintf(found.text, sizeof(found.text), "%s, valid at %s, root sha256:%s",
		 hardware ? TRB_NITRO_ROOT_AWS : "simulated", trb_show_time(verdict->time_s).text,
		 root);
	return found;
}

struct trb_found_text trb_show_found(const struct trb_nitro_verdict *verdict,
				     enum trb_nitro_check check)
{
	struct trb_found_text found;
	trb_bytes id;

	switch (check) {
	case TRB_NITRO_PARSE:
		id = trb_attestation_get_module_id(verdict->attestation);
		snprintf(found.text, sizeof(found.text), "%.*s", (int)id.len, (const char *)id.ptr);
		return found;
	case TRB_NITRO_SIGNATURE:
		return (struct trb_found_text){ "ES384" };
	case TRB_NITRO_CHAIN:
		return found_chain(verdict);
	default:
		snprintf(found.text, sizeof(found.text), "PCR0, PCR1 and PCR2 %s",
			 verdict->debug ? "are zero" : "measure something");
		return found;
	}
}

const char *trb_outcome_name(int outcome)
{
	switch (outcome) {
	case TRB_OUTCOME_PASS:
		return "pass";
	case TRB_OUTCOME_FAIL:
		return "fail";
	case TRB_OUTCOME_NOT_DEMANDED:
		return "not-demanded";
	default:
		return "not-run";
	}
}

const char *trb_report_word(const trb_report *r)
{
	if (r->verdict != TRB_OK)
		return "REFUSED";
	return r->assurance == TRB_ASSURANCE_HARDWARE ? "VERIFIED" : "VERIFIED (SIMULATED)";
}

static void list_hex(const char *name, const char *prefix, trb_bytes bytes, trb_fact_row row,
		     void *user)
{
	char text[160];
	size_t n = strlen(prefix);

	if (bytes.len == 0 || n + 2 * bytes.len >= sizeof(text))
		return;
	memcpy(text, prefix, n);
	trb_hex_encode(bytes, text + n);
	row(user, name, text);
}

static void list_log(const trb_claims *c, trb_fact_row row, void *user)
{
	char text[TRB_KEY_NAME + 160];
	int n;

	if (c->log == NULL)
		return;
	n = snprintf(text, sizeof(text), "%s, entry %" PRIu64, c->log, c->log_index);
	if (c->n_witnesses > 0)
		snprintf(text + n, sizeof(text) - (size_t)n, ", seen by %zu witness%s at %s",
			 c->n_witnesses, c->n_witnesses == 1 ? "" : "es",
			 trb_show_time(c->witnessed_s).text);
	row(user, "log", text);
}

/* The ref with what it pointed to; the commit stands in its own line. */
static void list_ref(const trb_claims *c, trb_fact_row row, void *user)
{
	char text[160];

	row(user, "ref", c->ref != NULL ? c->ref : "(none demanded of the enclave)");
	if (c->tip[0] == '\0')
		return;
	if (c->relation == TRB_RELATION_TIP)
		snprintf(text, sizeof(text), "the tip of the ref");
	else
		snprintf(text, sizeof(text), "%s, %" PRIu64 " behind the tip %s",
			 trb_relation_name(c->relation), c->steps, c->tip);
	row(user, "relation", text);
	if (c->tag[0] != '\0')
		row(user, "tag", c->tag);
}

static void list_machine(const trb_claims *c, trb_fact_row row, void *user)
{
	char text[300];

	snprintf(text, sizeof(text), "%" PRIu64 " CPU%s, %" PRIu64 " MiB, %s", c->cpus,
		 c->cpus == 1 ? "" : "s", c->memory_mib, c->cpu_model);
	row(user, "machine", text);
}

static void list_materials(const trb_claims *c, trb_fact_row row, void *user)
{
	char text[40];

	if (c->n_materials == 0)
		return;
	snprintf(text, sizeof(text), "%" PRIu64 ", list sha256:", c->n_materials);
	list_hex("materials", text, TRB_BYTES(c->materials, 32), row, user);
}

void trb_claims_list(const trb_claims *c, trb_fact_row row, void *user)
{
	static const unsigned shown[] = { 0, 1, 2, 3, 4, 8 };
	char text[64], name[8];

	row(user, "artifact", c->artifact);
	list_hex("digest", "sha256:", TRB_BYTES(c->digest, 32), row, user);
	snprintf(text, sizeof(text), "%" PRIu64 " bytes", c->size);
	row(user, "size", text);
	row(user, "repository", c->repository);
	if (c->location != NULL)
		row(user, "redirected", c->location);
	list_ref(c, row, user);
	row(user, "commit", c->commit);
	list_hex("source", "sha256:", TRB_BYTES(c->source, 32), row, user);
	row(user, "recipe",
	    c->recipe_from_tree ? "trustbuild.json of the tree" : "given with the request");
	list_materials(c, row, user);
	row(user, "sandbox", c->runtime);
	list_machine(c, row, user);
	row(user, "image", c->measurement);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		trb_bytes pcr = trb_attestation_get_pcr(c->attestation, shown[i]);

		snprintf(name, sizeof(name), "PCR%u", shown[i]);
		if (shown[i] <= 2 || !trb_bytes_all_zero(pcr))
			list_hex(name, "", pcr, row, user);
	}
	row(user, "enclave", c->module_id);
	row(user, "time", trb_show_time(c->time_s).text);
	list_log(c, row, user);
}

const char *trb_report_caution(const trb_report *r, size_t index)
{
	const char *found[6];
	size_t n = 0;

	if (r->verdict != TRB_OK)
		return NULL;
	if (r->assurance != TRB_ASSURANCE_HARDWARE)
		found[n++] = "simulated: no hardware stands behind this, only the holder of the "
			     "pinned root's key";
	if (r->checks[TRB_CK_LOG_INCLUSION].outcome == TRB_OUTCOME_NOT_DEMANDED)
		found[n++] = "unlogged: the policy does not demand that anybody else can see this";
	else if (r->checks[TRB_CK_LOG_WITNESS].outcome == TRB_OUTCOME_NOT_DEMANDED)
		found[n++] = "unwitnessed: no protection against the log's own host";
	if (r->checks[TRB_CK_TIME_BOUND].outcome == TRB_OUTCOME_NOT_DEMANDED)
		found[n++] = "time: the TEE's word only";
	if (r->warning != NULL)
		found[n++] = r->warning;
	return index < n ? found[index] : NULL;
}
