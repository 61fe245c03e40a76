/* SPDX-License-Identifier: Apache-2.0 */
/* Where a draft's values come from: an image's description, a bundle. */
#include <stdio.h>

#include "core/error.h"
#include "format/attestation.h"
#include "format/bundle.h"
#include "format/json.h"
#include "verifier/draft.h"

#define DESCRIPTION_MAX (128u * 1024)

static const unsigned measured[] = { 0, 1, 2, 8 };
#define N_MEASURED (sizeof(measured) / sizeof(measured[0]))

/* The one member of that name; NULL where there are several. */
static const cJSON *only(const cJSON *object, const char *name)
{
	const cJSON *item, *found = NULL;

	cJSON_ArrayForEach (item, object) {
		if (item->string == NULL || strcmp(item->string, name) != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = item;
	}
	return found;
}

/* nitro-cli only mentions a wrong CRC or signature, with exit status 0. */
static int check_sound(const cJSON *root, trb_error **err)
{
	static const char *const verdicts[] = { "CheckCRC", "SignatureCheck" };
	const cJSON *item;

	cJSON_ArrayForEach (item, root)
		for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
			if (item->string != NULL && strcmp(item->string, verdicts[i]) == 0 &&
			    !cJSON_IsTrue(item) && !cJSON_IsNull(item))
				return trb_fail(err, TRB_E_FORMAT,
						"the description says that the image is broken: "
						"\"%s\" is not true",
						verdicts[i]);
	return TRB_OK;
}

/* The whole text as JSON; NULL where it is none, or where more stands behind it. */
static cJSON *parse_whole(trb_bytes text)
{
	const char *start = (const char *)text.ptr, *end = NULL;
	cJSON *root;

	if (trb_json_shape_fault(text) != NULL)
		return NULL;
	root = cJSON_ParseWithLengthOpts(start, text.len, &end, false);
	while (root != NULL && end < start + text.len && *end != '\0' &&
	       strchr(" \t\r\n", *end) != NULL)
		end++;
	if (root == NULL || end == start + text.len)
		return root;
	cJSON_Delete(root);
	return NULL;
}

/* {"Measurements": {"HashAlgorithm": ..., "PCR0": ...}} among more; digits in either case. */
static int read_measurements(trb_draft *draft, const char *name, const cJSON *root, trb_error **err)
{
	const cJSON *measurements = only(root, "Measurements");
	int r = TRB_OK;

	for (size_t i = 0; r == TRB_OK && i < N_MEASURED; i++) {
		uint8_t pcr[TRB_SHA384_LEN];
		char field[8];
		const cJSON *item;

		snprintf(field, sizeof(field), "PCR%u", measured[i]);
		item = only(measurements, field);
		if (item == NULL && measured[i] > 2 && !cJSON_HasObjectItem(measurements, field))
			continue;
		if (!cJSON_IsString(item) || strlen(item->valuestring) != 2 * sizeof(pcr) ||
		    !trb_hex_decode(trb_bytes_str(item->valuestring), pcr, sizeof(pcr)))
			return trb_fail(err, TRB_E_FORMAT,
					"the description has no %s of 96 digits in Measurements",
					field);
		r = trb_draft_put_pcr(draft, &draft->given, name, measured[i],
				      TRB_BYTES(pcr, sizeof(pcr)), err);
	}
	return r;
}

int trb_draft_add_description(trb_draft *draft, const char *name, trb_bytes json, trb_error **err)
{
	cJSON *root;
	int r;

	if (draft == NULL || name == NULL || (json.ptr == NULL && json.len > 0))
		return trb_fail(err, TRB_E_INVAL,
				"trb_draft_add_description: no draft, name or text");
	if (json.len > DESCRIPTION_MAX)
		return trb_fail(err, TRB_E_LIMIT, "a description has at most %u bytes",
				DESCRIPTION_MAX);
	root = parse_whole(json);
	if (root == NULL)
		return trb_fail(err, TRB_E_FORMAT, "the description is no JSON of an image");
	r = check_sound(root, err);
	if (r == TRB_OK)
		r = read_measurements(draft, name, root, err);
	cJSON_Delete(root);
	return r;
}

static int propose_document(trb_draft *draft, const char *name, trb_bytes document, trb_error **err)
{
	_cleanup_(trb_attestation_unrefp) trb_attestation *a = NULL;
	struct trb_nitro_root root = { 0 };
	trb_bytes der;
	int r = trb_attestation_parse(document, &a, err);

	if (r < 0)
		return r;
	der = trb_attestation_get_cabundle(a, 0);
	r = trb_sha256(der, root.sha256, err);
	if (trb_nitro_is_aws_root(der))
		root = (struct trb_nitro_root){ .name = TRB_NITRO_ROOT_AWS };
	if (r == TRB_OK)
		r = trb_draft_put_root(draft, &draft->proposed, &root, err);
	for (size_t i = 0; r == TRB_OK && i < N_MEASURED; i++) {
		trb_bytes pcr = trb_attestation_get_pcr(a, measured[i]);

		if (pcr.ptr != NULL)
			r = trb_draft_put_pcr(draft, &draft->proposed, name, measured[i], pcr, err);
	}
	return r;
}

static int propose_text(trb_draft *draft, int what, trb_bytes text, trb_error **err)
{
	_cleanup_free_ char *copy = strndup((const char *)text.ptr, text.len);

	if (copy == NULL)
		return trb_fail_nomem(err);
	return trb_draft_put_text(draft, &draft->proposed, what, copy, err);
}

static int propose_request(trb_draft *draft, trb_bytes request, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_request_facts facts;
	trb_bytes ref;
	int r = trb_request_facts_decode(request, &facts, &owner, err);

	if (r < 0)
		return r;
	ref = facts.ref.len > 0 ? facts.ref : TRB_BYTES_LIT("any");
	r = propose_text(draft, TRB_DRAFT_REPOSITORY, facts.repository, err);
	if (r == TRB_OK)
		r = propose_text(draft, TRB_DRAFT_REF, ref, err);
	if (r == TRB_OK)
		r = propose_text(draft, TRB_DRAFT_RUNTIME, facts.sandbox, err);
	return r;
}

/* No more than this very bundle needs. */
static int propose_environment(trb_draft *draft, trb_bytes environment, trb_error **err)
{
	_cleanup_(trb_blob_unrefp) trb_blob *owner = NULL;
	struct trb_environment env;
	const struct trb_history *h = &env.history;
	int r = trb_environment_decode(environment, &env, &owner, err);

	if (r == TRB_OK && h->there && h->relation != TRB_RELATION_TIP)
		r = trb_draft_put_text(draft, &draft->proposed, TRB_DRAFT_HISTORY,
				       trb_relation_name(h->relation), err);
	if (r == TRB_OK && h->there && h->relation == TRB_RELATION_FIRST_PARENT)
		r = trb_draft_put_number(draft, &draft->proposed, TRB_DRAFT_MAX_STEPS, h->steps,
					 err);
	if (r == TRB_OK && env.location.len > 0)
		r = propose_text(draft, TRB_DRAFT_REDIRECT, env.location, err);
	return r;
}

int trb_draft_propose_bundle(trb_draft *draft, const char *name, const trb_bundle *bundle,
			     trb_error **err)
{
	const struct trb_bundle_parts *parts;
	int r;

	if (draft == NULL || name == NULL || bundle == NULL)
		return trb_fail(err, TRB_E_INVAL,
				"trb_draft_propose_bundle: no draft, name or bundle");
	if (draft->proposes)
		return trb_fail(err, TRB_E_INVAL, "a draft takes the proposals of one bundle");
	draft->proposes = true;
	parts = trb_bundle_parts(bundle);
	r = propose_document(draft, name, parts->attestation, err);
	if (r == TRB_OK)
		r = propose_request(draft, parts->request, err);
	return r < 0 ? r : propose_environment(draft, parts->environment, err);
}
