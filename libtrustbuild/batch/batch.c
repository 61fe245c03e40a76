/* SPDX-License-Identifier: Apache-2.0 */
/* The batch: files and threads around the pure verifier.  Not in the verifier half. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include <trustbuild/batch.h>

#include "verifier/run.h"

#define THREADS_MAX 256u
#define ENTRIES_MAX 1000000u

struct entry {
	char *artifact, *bundle, *name;
	int status;
	trb_claims *claims;
	trb_report *report;
	trb_error *error;
};

struct trb_batch {
	atomic_uint refs;
	trb_verifier *verifier;
	bool ran;
	size_t n, capacity;
	struct entry *entries;
	atomic_size_t next;
};

int trb_batch_new(trb_verifier *verifier, trb_batch **ret_batch, trb_error **err)
{
	trb_batch *b;

	if (verifier == NULL || ret_batch == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_batch_new: no verifier");
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return trb_fail_nomem(err);
	atomic_init(&b->refs, 1);
	atomic_init(&b->next, 0);
	b->verifier = trb_verifier_ref(verifier);
	*ret_batch = b;
	return TRB_OK;
}

trb_batch *trb_batch_ref(trb_batch *batch)
{
	if (batch != NULL)
		atomic_fetch_add_explicit(&batch->refs, 1, memory_order_relaxed);
	return batch;
}

static void entry_clear(struct entry *e)
{
	free(e->artifact);
	free(e->bundle);
	free(e->name);
	trb_claims_unref(e->claims);
	trb_report_unref(e->report);
	trb_error_unref(e->error);
}

trb_batch *trb_batch_unref(trb_batch *batch)
{
	if (batch == NULL || atomic_fetch_sub_explicit(&batch->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	for (size_t i = 0; i < batch->n; i++)
		entry_clear(&batch->entries[i]);
	free(batch->entries);
	trb_verifier_unref(batch->verifier);
	free(batch);
	return NULL;
}

static int make_room(trb_batch *b, trb_error **err)
{
	size_t capacity = b->capacity > 0 ? b->capacity * 2 : 16;
	struct entry *grown;

	if (b->n >= ENTRIES_MAX)
		return trb_fail(err, TRB_E_LIMIT, "a batch has at most %u entries", ENTRIES_MAX);
	if (b->n < b->capacity)
		return TRB_OK;
	grown = realloc(b->entries, capacity * sizeof(*grown));
	if (grown == NULL)
		return trb_fail_nomem(err);
	b->entries = grown;
	b->capacity = capacity;
	return TRB_OK;
}

int trb_batch_add(trb_batch *batch, const char *artifact, const char *bundle, const char *entry,
		  trb_error **err)
{
	struct entry e = { .status = TRB_E_STATE };
	int r;

	if (batch == NULL || artifact == NULL || bundle == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_batch_add: no artifact or no bundle");
	if (batch->ran)
		return trb_fail(err, TRB_E_STATE, "the batch has already been run");
	if (entry != NULL && trb_artifact_name_fault(trb_bytes_str(entry)) != NULL)
		return trb_fail(err, TRB_E_INVAL, "artifact name '%s': %s", entry,
				trb_artifact_name_fault(trb_bytes_str(entry)));
	r = make_room(batch, err);
	if (r < 0)
		return r;
	e.artifact = strdup(artifact);
	e.bundle = strdup(bundle);
	e.name = entry != NULL ? strdup(entry) : NULL;
	if (e.artifact == NULL || e.bundle == NULL || (entry != NULL && e.name == NULL)) {
		entry_clear(&e);
		return trb_fail_nomem(err);
	}
	batch->entries[batch->n++] = e;
	return TRB_OK;
}

/* A regular file, whose size is known before a byte is read. */
static int open_file(const char *path, int *ret_fd, off_t *ret_size, trb_error **err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return trb_fail_errno(err, errno, "open '%s'", path);
	if (!S_ISREG(st.st_mode))
		return trb_fail(err, TRB_E_IO, "'%s' is not a regular file", path);
	*ret_size = st.st_size;
	*ret_fd = steal_fd(&fd);
	return TRB_OK;
}

/* One byte over the ceiling is read, too, so that the bundle's own parser refuses it. */
static int read_bundle(const char *path, trb_bundle **ret, trb_error **err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ uint8_t *bytes = NULL;
	size_t n = 0, max;
	off_t size;
	int r = open_file(path, &fd, &size, err);

	if (r < 0)
		return r;
	max = size > (off_t)TRB_BUNDLE_MAX ? TRB_BUNDLE_MAX + 1 : (size_t)size;
	bytes = malloc(max + 1);
	if (bytes == NULL)
		return trb_fail_nomem(err);
	while (n < max) {
		ssize_t got = read(fd, bytes + n, max - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return trb_fail_errno(err, errno, "read '%s'", path);
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return trb_bundle_parse(TRB_BYTES(bytes, n), ret, err);
}

static int judge_files(trb_verifier *verifier, struct entry *e)
{
	_cleanup_(trb_bundle_unrefp) trb_bundle *bundle = NULL;
	_cleanup_close_ int fd = -1;
	off_t size;
	int r = read_bundle(e->bundle, &bundle, &e->error);

	if (r < 0 && trb_error_is_verdict(e->error)) {
		r = trb_report_new_unreadable(e->error, &e->report, NULL);
		return r < 0 ? r : trb_report_get_verdict(e->report);
	}
	if (r == TRB_OK)
		r = open_file(e->artifact, &fd, &size, &e->error);
	if (r < 0)
		return r;
	return trb_verifier_check_as(verifier, bundle, fd, e->artifact, e->name, &e->claims,
				     &e->report, &e->error);
}

static void *work(void *arg)
{
	trb_batch *b = arg;
	size_t i;

	while ((i = atomic_fetch_add(&b->next, 1)) < b->n)
		b->entries[i].status = judge_files(b->verifier, &b->entries[i]);
	return NULL;
}

int trb_batch_run(trb_batch *batch, unsigned n_threads, trb_error **err)
{
	pthread_t threads[THREADS_MAX];
	unsigned started = 0;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (batch == NULL || n_threads > THREADS_MAX)
		return trb_fail(err, TRB_E_INVAL, "trb_batch_run: no batch, or over %u threads",
				THREADS_MAX);
	if (batch->ran)
		return trb_fail(err, TRB_E_STATE, "the batch has already been run");
	batch->ran = true;
	if (n_threads == 0)
		n_threads = cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (unsigned)cores;
	/* Fewer threads than wanted only take longer. */
	while (started + 1 < n_threads && started + 1 < batch->n &&
	       pthread_create(&threads[started], NULL, work, batch) == 0)
		started++;
	work(batch);
	while (started > 0)
		pthread_join(threads[--started], NULL);
	return TRB_OK;
}

size_t trb_batch_count(const trb_batch *batch)
{
	return batch != NULL ? batch->n : 0;
}

static const struct entry *entry_at(const trb_batch *batch, size_t index)
{
	static const struct entry none = { .status = TRB_E_INVAL };

	return batch != NULL && index < batch->n ? &batch->entries[index] : &none;
}

int trb_batch_get_status(const trb_batch *batch, size_t index)
{
	return entry_at(batch, index)->status;
}

const char *trb_batch_get_artifact(const trb_batch *batch, size_t index)
{
	return entry_at(batch, index)->artifact;
}

const char *trb_batch_get_bundle(const trb_batch *batch, size_t index)
{
	return entry_at(batch, index)->bundle;
}

const trb_claims *trb_batch_get_claims(const trb_batch *batch, size_t index)
{
	return entry_at(batch, index)->claims;
}

const trb_report *trb_batch_get_report(const trb_batch *batch, size_t index)
{
	return entry_at(batch, index)->report;
}

const trb_error *trb_batch_get_error(const trb_batch *batch, size_t index)
{
	return entry_at(batch, index)->error;
}
