/* SPDX-License-Identifier: Apache-2.0 */
/* Where a policy's values come from: an image, nitro-cli's word, a bundle, a root's file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <trustbuild/attestation.h>
#include <trustbuild/bundle.h>
#include <trustbuild/eif.h>
#include <trustbuild/request.h>

#include "host/commands.h"
#include "host/policy.h"

#define BUNDLE_MAX      (1024u * 1024)
#define DESCRIPTION_MAX (128u * 1024) /* cJSON makes of it 40 times as much */
#define ROOT_MAX        (64u * 1024)
#define PCR_LEN         48
#define PCR_DIGITS      96

/* Published by AWS with the root certificate's file. */
#define AWS_ROOT_SHA256 "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"

#define MEASUREMENT_DECISION                                                                      \
	"Which image you accept: whoever controls it controls every artifact. Build it yourself " \
	"from its sources, and compare."

static void hex(trb_bytes bytes, char *out)
{
	for (size_t i = 0; i < bytes.len; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes.ptr[i]);
}

static const char *name_of(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	if (name != NULL)
		return name;
	return slash != NULL ? slash + 1 : path;
}

static cJSON *measurement(const char *name, cJSON *pcrs)
{
	cJSON *list = cJSON_CreateArray(), *entry = cJSON_CreateObject();

	cJSON_AddStringToObject(entry, "name", name);
	cJSON_AddItemToObject(entry, "pcrs", pcrs);
	cJSON_AddItemToArray(list, entry);
	return list;
}

static bool all_zero(trb_bytes bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.ptr[i] != 0)
			return false;
	return true;
}

/* false where the PCR is needed and says nothing. */
static bool add_pcr(cJSON *pcrs, unsigned index, trb_bytes value)
{
	char name[4], text[PCR_DIGITS + 1];

	if (value.len != PCR_LEN || all_zero(value))
		return index > 2;
	snprintf(name, sizeof(name), "%u", index);
	hex(value, text);
	cJSON_AddStringToObject(pcrs, name, text);
	return true;
}

static int no_measurement(cJSON *pcrs, const char *path)
{
	cJSON_Delete(pcrs);
	return draft_refuse(path, "has no PCR0, PCR1 and PCR2 that measure something");
}

int draft_from_eif(struct draft *draft, const char *path, const char *name)
{
	static const unsigned indexes[] = { 0, 1, 2, 8 };
	trb_context *context = NULL;
	trb_eif *eif = NULL;
	trb_error *err = NULL;
	cJSON *pcrs = cJSON_CreateObject();
	int status = host_context(DRAFT_NAME, &context);
	bool good = true;

	if (status == CLI_OK && trb_eif_open(context, path, &eif, &err) < 0)
		status = cli_error(DRAFT_NAME, err);
	for (size_t i = 0; status == CLI_OK && i < 4; i++)
		good = add_pcr(pcrs, indexes[i], trb_eif_get_pcr(eif, indexes[i])) && good;
	if (status != CLI_OK)
		cJSON_Delete(pcrs);
	else if (!good)
		status = no_measurement(pcrs, path);
	else if (!draft_add(draft, false, "measurements", measurement(name_of(path, name), pcrs),
			    MEASUREMENT_DECISION, "measured from %s", path))
		status = CLI_FAILED;
	trb_error_unref(err);
	trb_eif_unref(eif);
	trb_context_unref(context);
	return status;
}

static bool pcr_of_text(const cJSON *item, uint8_t out[PCR_LEN])
{
	const char *text = cJSON_GetStringValue(item);

	if (text == NULL || strlen(text) != PCR_DIGITS ||
	    strspn(text, "0123456789abcdef") != PCR_DIGITS)
		return false;
	for (size_t i = 0; i < PCR_LEN; i++) {
		unsigned byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		out[i] = (uint8_t)byte;
	}
	return true;
}

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
static bool is_sound(const cJSON *root, cJSON *pcrs)
{
	static const char *const verdicts[] = { "CheckCRC", "SignatureCheck" };
	const cJSON *item;

	cJSON_ArrayForEach (item, root) {
		for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
			if (item->string == NULL || strcmp(item->string, verdicts[i]) != 0 ||
			    cJSON_IsTrue(item) || cJSON_IsNull(item))
				continue;
			cli_say(DRAFT_NAME ": nitro-cli says that the image is broken: \"%s\" is "
					   "not true",
				verdicts[i]);
			cJSON_Delete(pcrs);
			return false;
		}
	}
	return true;
}

/* The whole text as JSON; NULL where more stands behind it. */
static cJSON *parse_whole(trb_bytes text)
{
	const char *start = (const char *)text.ptr, *end = NULL;
	cJSON *root = cJSON_ParseWithLengthOpts(start, text.len, &end, false);

	while (root != NULL && end < start + text.len && strchr(" \t\r\n", *end) != NULL &&
	       *end != '\0')
		end++;
	if (root == NULL || end == start + text.len)
		return root;
	cJSON_Delete(root);
	return NULL;
}

/* nitro-cli prints {"Measurements": {"HashAlgorithm": …, "PCR0": …}} among more. */
static int read_description(const cJSON *root, cJSON *pcrs)
{
	static const struct {
		unsigned index;
		const char *name;
	} wanted[] = { { 0, "PCR0" }, { 1, "PCR1" }, { 2, "PCR2" }, { 8, "PCR8" } };
	const cJSON *measurements = only(root, "Measurements");
	uint8_t value[PCR_LEN];

	for (size_t i = 0; i < 4; i++) {
		const cJSON *item = only(measurements, wanted[i].name);

		if (item == NULL && wanted[i].index == 8)
			continue;
		if (!pcr_of_text(item, value) ||
		    !add_pcr(pcrs, wanted[i].index, (trb_bytes){ value, PCR_LEN }))
			return CLI_FAILED;
	}
	return CLI_OK;
}

int draft_from_description(struct draft *draft, const char *path, const char *name)
{
	cJSON *root, *pcrs;
	trb_blob *blob = NULL;
	int status = cli_read_file(DRAFT_NAME, path, DESCRIPTION_MAX, &blob);

	if (status != CLI_OK)
		return status;
	root = parse_whole(trb_blob_bytes(blob));
	pcrs = cJSON_CreateObject();
	if (read_description(root, pcrs) != CLI_OK)
		status = no_measurement(pcrs, path);
	else if (!is_sound(root, pcrs))
		status = CLI_FAILED;
	else if (!draft_add(draft, false, "measurements", measurement(name_of(path, name), pcrs),
			    MEASUREMENT_DECISION, "what nitro-cli says in %s", path))
		status = CLI_FAILED;
	cJSON_Delete(root);
	trb_blob_unref(blob);
	return status;
}

cJSON *draft_root_of(trb_bytes der)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	char text[2 * SHA256_DIGEST_LENGTH + 1];
	cJSON *root;

	if (SHA256(der.ptr, der.len, digest) == NULL) {
		draft_exhausted();
		return NULL;
	}
	hex((trb_bytes){ digest, sizeof(digest) }, text);
	if (strcmp(text, AWS_ROOT_SHA256) == 0)
		return cJSON_CreateString("aws-nitro");
	root = cJSON_CreateObject();
	cJSON_AddStringToObject(root, "simulated", text);
	return root;
}

/* What the verifier would not read as a root is nothing to pin. */
static int check_root(const char *path, trb_bytes file)
{
	trb_document_verifier *verifier = NULL;
	trb_error *err = NULL;
	int status = CLI_OK;

	if (trb_document_verifier_new(&verifier, &err) < 0 ||
	    trb_document_verifier_add_root(verifier, file, &err) < 0)
		status = cli_error_in(DRAFT_NAME, path, err);
	trb_error_unref(err);
	trb_document_verifier_unref(verifier);
	return status;
}

/* A root that was checked, PEM or DER; NULL where there is no memory. */
static X509 *read_root(trb_bytes file)
{
	const uint8_t *p = file.ptr;
	X509 *cert = d2i_X509(NULL, &p, (long)file.len);
	BIO *bio;

	if (cert != NULL)
		return cert;
	bio = BIO_new_mem_buf(file.ptr, (int)file.len);
	/* a password, so that libcrypto asks nobody for one */
	cert = PEM_read_bio_X509(bio, NULL, NULL, (void *)"");
	BIO_free(bio);
	return cert;
}

int draft_root(const char *path, cJSON **ret)
{
	trb_blob *file = NULL;
	X509 *cert = NULL;
	uint8_t *der = NULL;
	int len, status = cli_read_file(DRAFT_NAME, path, ROOT_MAX, &file);

	if (status == CLI_OK)
		status = check_root(path, trb_blob_bytes(file));
	if (status == CLI_OK) {
		cert = read_root(trb_blob_bytes(file));
		len = cert != NULL ? i2d_X509(cert, &der) : 0;
		if (len > 0)
			*ret = draft_root_of((trb_bytes){ der, (size_t)len });
		else
			draft_exhausted();
	}
	OPENSSL_free(der);
	X509_free(cert);
	trb_blob_unref(file);
	return status;
}

static int propose_document(struct draft *draft, trb_bytes document, const char *path,
			    const char *name)
{
	static const unsigned indexes[] = { 0, 1, 2, 8 };
	trb_attestation *a = NULL;
	trb_error *err = NULL;
	cJSON *pcrs = cJSON_CreateObject(), *roots = cJSON_CreateArray();
	int status = CLI_OK;
	bool good = true;

	if (trb_attestation_parse(document, &a, &err) < 0) {
		status = cli_error_in(DRAFT_NAME, path, err);
		cJSON_Delete(pcrs);
		cJSON_Delete(roots);
	} else {
		for (size_t i = 0; i < 4; i++)
			good = add_pcr(pcrs, indexes[i], trb_attestation_get_pcr(a, indexes[i])) &&
			       good;
		cJSON_AddItemToArray(roots, draft_root_of(trb_attestation_get_cabundle(a, 0)));
		if (!draft_add(draft, true, "roots", roots,
			       "Whose word counts that an enclave is one. Put \"aws-nitro\" in its "
			       "place if it is hardware that you want.",
			       "the bundle %s says so of itself", path))
			status = CLI_FAILED;
		if (!good)
			status = no_measurement(pcrs, path);
		else if (!draft_add(draft, true, "measurements",
				    measurement(name_of(path, name), pcrs), MEASUREMENT_DECISION,
				    "the bundle %s says so of itself", path))
			status = CLI_FAILED;
	}
	trb_error_unref(err);
	trb_attestation_unref(a);
	return status;
}

static cJSON *one_or_any(const char *text)
{
	cJSON *list;

	if (text == NULL)
		return cJSON_CreateString("any");
	list = cJSON_CreateArray();
	cJSON_AddItemToArray(list, cJSON_CreateString(text));
	return list;
}

static int propose_request(struct draft *draft, trb_bytes request, const char *path)
{
	trb_request *r = NULL;
	trb_error *err = NULL;
	cJSON *source, *sandbox;
	int status = CLI_OK;

	if (trb_request_parse(request, &r, &err) < 0) {
		status = cli_error(DRAFT_NAME, err);
	} else {
		source = cJSON_CreateObject();
		sandbox = cJSON_CreateObject();
		cJSON_AddItemToObject(source, "repositories",
				      one_or_any(trb_request_get_repository(r)));
		cJSON_AddItemToObject(source, "refs", one_or_any(trb_request_get_ref(r)));
		cJSON_AddStringToObject(source, "commits", "any");
		cJSON_AddItemToObject(sandbox, "runtimes", one_or_any(trb_request_get_sandbox(r)));
		cJSON_AddStringToObject(sandbox, "network", "none");
		if (!draft_add(
			    draft, true, "source", source,
			    trb_request_get_ref(r) != NULL
				    ? "Whose code you accept."
				    : "Whose code you accept. The bundle names no ref: its commit "
				      "may come from a fork that shares storage with the "
				      "repository, and only \"any\" accepts that.",
			    "the bundle %s says so of itself", path) ||
		    !draft_add(draft, true, "sandbox", sandbox,
			       "What kept the build from the enclave's client.",
			       "the bundle %s says so of itself", path))
			status = CLI_FAILED;
	}
	trb_error_unref(err);
	trb_request_unref(r);
	return status;
}

int draft_from_bundle(struct draft *draft, const char *path, const char *name)
{
	trb_bundle *bundle = NULL;
	trb_blob *json = NULL;
	trb_error *err = NULL;
	int status = cli_read_file(DRAFT_NAME, path, BUNDLE_MAX, &json);

	if (status == CLI_OK && trb_bundle_parse(trb_blob_bytes(json), &bundle, &err) < 0)
		status = cli_error_in(DRAFT_NAME, path, err);
	if (status == CLI_OK)
		status = propose_document(draft, trb_bundle_get_attestation(bundle), path, name);
	if (status == CLI_OK)
		status = propose_request(draft, trb_bundle_get_request(bundle), path);
	trb_error_unref(err);
	trb_bundle_unref(bundle);
	trb_blob_unref(json);
	return status;
}
