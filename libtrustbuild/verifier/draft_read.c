/* SPDX-License-Identifier: Apache-2.0 */
/* Where a draft's values come from: an image's description, a bundle. */
#include <stdio.h>
#include <strings.h>

#include "core/error.h"
#include "format/attestation.h"
#include "format/bundle.h"
#include "format/json.h"
#include "verifier/draft.h"

#define DESCRIPTION_MAX (128u * 1024)

static const unsigned measured[] = { 0, 1, 2, 8 };
#define N_MEASURED (sizeof(measured) / sizeof(measured[0]))

/* The member of that name, in either case; *ret_n is how many there are. */
static const cJSON *member(const cJSON *object, const char *name, size_t *ret_n)
{
	const cJSON *item, *found = NULL;

	*ret_n = 0;
	cJSON_ArrayForEach (item, object) {
		if (item->string == NULL ||
		    !trb_bytes_eq_nocase(trb_bytes_str(item->string), trb_bytes_str(name)))
			continue;
		found = item;
		++*ret_n;
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

/* Where the PCRs stand: {"Measurements": {...}}, as nitro-cli and trb_eif_measurements_json() have
 * it, or at the top themselves. */
static int find_measurements(const cJSON *root, const cJSON **ret, trb_error **err)
{
	size_t n = 0, flat = 0;
	const cJSON *item = member(root, "Measurements", &n);

	member(root, "PCR0", &flat);
	if (cJSON_IsArray(root))
		return trb_fail(
			err, TRB_E_FORMAT,
			"it is a list: give the description of one image, from describe-eif, "
			"build-enclave or tb-host image");
	if (n > 1 || (n == 1 && flat > 0))
		return trb_fail(err, TRB_E_FORMAT, "it has measurements twice: which are meant?");
	if (n == 1 && !cJSON_IsObject(item))
		return trb_fail(err, TRB_E_FORMAT, "its \"Measurements\" are no object");
	if (n == 0 && flat == 0)
		return trb_fail(err, TRB_E_FORMAT, "it has neither \"Measurements\" nor \"PCR0\"");
	*ret = n == 1 ? item : root;
	return TRB_OK;
}

/* One PCR, digits in either case; what is wrong with it, or NULL.  *ret_there: it has a value. */
static const char *read_pcr(const cJSON *measurements, unsigned index, uint8_t pcr[TRB_SHA384_LEN],
			    bool *ret_there)
{
	char name[8];
	const cJSON *item;
	size_t n;

	snprintf(name, sizeof(name), "PCR%u", index);
	item = member(measurements, name, &n);
	*ret_there = false;
	if (n == 0)
		return index > 2 ? NULL : "is missing";
	if (n > 1)
		return "stands there twice";
	if (!cJSON_IsString(item) || strlen(item->valuestring) != 2 * TRB_SHA384_LEN ||
	    !trb_hex_decode(trb_bytes_str(item->valuestring), pcr, TRB_SHA384_LEN))
		return "is not 96 hexadecimal digits";
	*ret_there = !trb_bytes_all_zero(TRB_BYTES(pcr, TRB_SHA384_LEN));
	return *ret_there || index > 2 ? NULL
				       : "is zero: an enclave in debug mode measures nothing";
}

static int read_measurements(trb_draft *draft, const char *name, const cJSON *root, trb_error **err)
{
	const cJSON *measurements = NULL;
	int r = find_measurements(root, &measurements, err);

	for (size_t i = 0; r == TRB_OK && i < N_MEASURED; i++) {
		uint8_t pcr[TRB_SHA384_LEN];
		bool there = false;
		const char *fault = read_pcr(measurements, measured[i], pcr, &there);

		if (fault != NULL)
			return trb_fail(err, TRB_E_FORMAT, "there is no PCR%u to demand: it %s",
					measured[i], fault);
		if (there)
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
		return trb_fail(err, TRB_E_FORMAT,
				"it is not one JSON value: give the tool's standard output alone");
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
