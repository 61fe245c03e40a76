/* SPDX-License-Identifier: Apache-2.0 */
/* The artifact: which entry its name means, and whether its bytes are that entry's. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "format/crypto.h"
#include "format/dsse.h"
#include "verifier/run.h"

#define CHUNK       (256u * 1024)
#define NAMES_SHOWN 4u

static int hash_all(struct trb_subject *subject, EVP_MD_CTX *md, uint8_t *chunk, uint64_t limit,
		    trb_error **err)
{
	while (subject->size <= limit) {
		ssize_t n = pread(subject->fd, chunk, CHUNK, (off_t)subject->size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return trb_fail_errno(err, errno, "read the artifact");
		if (n == 0)
			return TRB_OK;
		if (EVP_DigestUpdate(md, chunk, (size_t)n) != 1)
			return trb_fail_nomem(err);
		subject->size += (uint64_t)n;
	}
	return TRB_OK;
}

/* Hashes what is read, once, by position: nothing else is ever read again, and pipes and other
 * things without positions are no artifacts. */
int trb_subject_hash(struct trb_subject *subject, uint64_t limit, trb_error **err)
{
	TRB_CRYPTO_SCOPE;
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *md = NULL;
	_cleanup_free_ uint8_t *chunk = NULL;
	int r;

	if (subject->fd < 0)
		return TRB_OK;
	md = EVP_MD_CTX_new();
	chunk = malloc(CHUNK);
	if (md == NULL || chunk == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		return trb_fail_nomem(err);
	r = hash_all(subject, md, chunk, limit, err);
	if (r < 0)
		return r;
	return EVP_DigestFinal_ex(md, subject->digest, NULL) == 1 ? TRB_OK : trb_fail_nomem(err);
}

static trb_bytes base_name(trb_bytes name)
{
	const uint8_t *slash = memrchr(name.ptr, '/', name.len);

	if (slash == NULL)
		return name;
	slash++;
	return TRB_BYTES(slash, (size_t)(name.ptr + name.len - slash));
}

/* The first few, as they would have to be called: whole, or without folders. */
static struct trb_row_text attested_names(const struct trb_artifacts *artifacts, bool whole)
{
	size_t shown = artifacts->n <= NAMES_SHOWN + 1 ? artifacts->n : NAMES_SHOWN;
	_cleanup_buf_ struct trb_buf b = { 0 };

	trb_buf_init(&b, 8192);
	for (size_t i = 0; i < shown; i++) {
		trb_bytes name = artifacts->entries[i].name;

		trb_buf_add_str(&b, i > 0 ? ", " : "");
		trb_buf_add(&b, whole ? name : base_name(name));
	}
	if (shown < artifacts->n)
		trb_buf_addf(&b, " or one of %zu more", artifacts->n - shown);
	return trb_row_view(trb_buf_bytes(&b));
}

int trb_step_artifact_name(struct trb_run *run, trb_error **err)
{
	const char *entry = run->subject.entry;
	const char *name = entry != NULL ? entry : run->subject.name;
	const struct trb_texts *allowed = &run->policy->artifacts;
	struct trb_row_text list = trb_row_list(allowed);
	size_t n = 0, named = 0;

	for (size_t i = 0; i < run->artifacts.n; i++) {
		trb_bytes attested = run->artifacts.entries[i].name;
		bool same = trb_bytes_eq_str(entry != NULL ? attested : base_name(attested), name);

		named += same;
		run->candidate[i] = same && (allowed->any || trb_texts_have(allowed, attested));
		n += run->candidate[i];
	}
	if (named == 0)
		return trb_report_fail(run->report, TRB_CK_ARTIFACT_NAME, err,
				       attested_names(&run->artifacts, entry != NULL).text, "%s",
				       name);
	if (n == 0)
		return trb_report_fail(run->report, TRB_CK_ARTIFACT_NAME, err, list.text, "%s",
				       name);
	return trb_report_pass(run->report, TRB_CK_ARTIFACT_NAME, err, NULL, "%s", name);
}

/* The largest that an entry of this name may be: reading further decides nothing. */
static uint64_t size_limit(const struct trb_run *run)
{
	uint64_t limit = 0;

	for (size_t i = 0; i < run->artifacts.n; i++)
		if (run->candidate[i] && run->artifacts.entries[i].size > limit)
			limit = run->artifacts.entries[i].size;
	return limit;
}

static bool is_entry(const struct trb_subject *subject, const struct trb_artifact *entry)
{
	if (subject->fd >= 0 && subject->size != entry->size)
		return false;
	return memcmp(entry->digest, subject->digest, 32) == 0;
}

static int digest_differs(struct trb_run *run, const struct trb_artifact *entry, size_t n,
			  uint64_t limit, trb_error **err)
{
	struct trb_row_text wanted = n == 1 ? trb_row_hex(TRB_BYTES(entry->digest, 32))
					    : trb_row_view(TRB_BYTES_LIT("an entry of this name"));
	struct trb_row_text found = trb_row_hex(TRB_BYTES(run->subject.digest, 32));
	char text[400], expected[400];

	snprintf(expected, sizeof(expected), "%s%.64s", n == 1 ? "sha256:" : "", wanted.text);
	if (run->subject.fd >= 0 && run->subject.size > limit)
		snprintf(text, sizeof(text), "more than the %llu bytes that are attested",
			 (unsigned long long)limit);
	else
		snprintf(text, sizeof(text), "sha256:%.64s", found.text);
	return trb_report_fail(run->report, TRB_CK_ARTIFACT_DIGEST, err, expected, "%s", text);
}

int trb_step_artifact_digest(struct trb_run *run, trb_error **err)
{
	const struct trb_artifact *candidate = NULL;
	uint64_t limit = size_limit(run);
	struct trb_row_text found;
	char expected[80];
	size_t n = 0;
	int r = trb_subject_hash(&run->subject, limit, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < run->artifacts.n && run->artifact == NULL; i++) {
		if (!run->candidate[i])
			continue;
		candidate = &run->artifacts.entries[i];
		n++;
		if (is_entry(&run->subject, candidate))
			run->artifact = candidate;
	}
	if (run->artifact == NULL)
		return digest_differs(run, candidate, n, limit, err);
	found = trb_row_hex(TRB_BYTES(run->subject.digest, 32));
	snprintf(expected, sizeof(expected), "sha256:%.64s",
		 trb_row_hex(TRB_BYTES(run->artifact->digest, 32)).text);
	return trb_report_pass(run->report, TRB_CK_ARTIFACT_DIGEST, err, expected, "sha256:%s",
			       found.text);
}
