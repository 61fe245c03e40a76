/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts of policies: the object, and what is put into it. */
#include "verifier/draft.h"

#include "core/error.h"

#define DEFAULT_ORIGIN "what was given"

/* The PCRs that a policy can name. */
static bool is_named_pcr(unsigned index)
{
	return index <= 4 || index == 8;
}

const char *trb_draft_section_name(enum trb_draft_section section)
{
	static const char *const names[TRB_DRAFT_SECTIONS] = {
		[TRB_DRAFT_S_ROOTS] = "roots",     [TRB_DRAFT_S_MEASUREMENTS] = "measurements",
		[TRB_DRAFT_S_SOURCE] = "source",   [TRB_DRAFT_S_RECIPE] = "recipe",
		[TRB_DRAFT_S_SANDBOX] = "sandbox", [TRB_DRAFT_S_ARTIFACTS] = "artifacts",
		[TRB_DRAFT_S_TIME] = "time",       [TRB_DRAFT_S_LOG] = "log",
	};

	return names[section];
}

static const enum trb_draft_section sections_of_texts[TRB_DRAFT_TEXTS] = {
	[TRB_DRAFT_REPOSITORY] = TRB_DRAFT_S_SOURCE,  [TRB_DRAFT_REF] = TRB_DRAFT_S_SOURCE,
	[TRB_DRAFT_COMMIT] = TRB_DRAFT_S_SOURCE,      [TRB_DRAFT_HISTORY] = TRB_DRAFT_S_SOURCE,
	[TRB_DRAFT_REDIRECT] = TRB_DRAFT_S_SOURCE,    [TRB_DRAFT_RECIPE] = TRB_DRAFT_S_RECIPE,
	[TRB_DRAFT_RUNTIME] = TRB_DRAFT_S_SANDBOX,    [TRB_DRAFT_NETWORK] = TRB_DRAFT_S_SANDBOX,
	[TRB_DRAFT_ARTIFACT] = TRB_DRAFT_S_ARTIFACTS, [TRB_DRAFT_LOG_KEY] = TRB_DRAFT_S_LOG,
	[TRB_DRAFT_WITNESS] = TRB_DRAFT_S_LOG,
};

static const enum trb_draft_section sections_of_numbers[TRB_DRAFT_NUMBERS] = {
	[TRB_DRAFT_MAX_STEPS] = TRB_DRAFT_S_SOURCE,   [TRB_DRAFT_CPUS] = TRB_DRAFT_S_SANDBOX,
	[TRB_DRAFT_MEMORY_MIB] = TRB_DRAFT_S_SANDBOX, [TRB_DRAFT_QUORUM] = TRB_DRAFT_S_LOG,
	[TRB_DRAFT_SLACK_S] = TRB_DRAFT_S_TIME,       [TRB_DRAFT_NOT_BEFORE] = TRB_DRAFT_S_TIME,
	[TRB_DRAFT_MAX_AGE_S] = TRB_DRAFT_S_TIME,
};

int trb_draft_new(trb_draft **ret_draft, trb_error **err)
{
	trb_draft *draft;

	if (ret_draft == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_draft_new: nowhere to put it");
	draft = calloc(1, sizeof(*draft));
	if (draft == NULL)
		return trb_fail_nomem(err);
	atomic_init(&draft->refs, 1);
	*ret_draft = draft;
	return TRB_OK;
}

trb_draft *trb_draft_ref(trb_draft *draft)
{
	if (draft != NULL)
		atomic_fetch_add_explicit(&draft->refs, 1, memory_order_relaxed);
	return draft;
}

static void values_clear(struct trb_draft_values *v)
{
	for (size_t i = 0; i < TRB_DRAFT_SECTIONS; i++)
		free(v->origin[i]);
	for (size_t i = 0; i < v->n_measurements; i++)
		free(v->measurements[i].name);
	free(v->measurements);
	for (size_t i = 0; i < TRB_DRAFT_TEXTS; i++) {
		for (size_t k = 0; k < v->texts[i].n; k++)
			free(v->texts[i].list[k]);
		free(v->texts[i].list);
	}
}

trb_draft *trb_draft_unref(trb_draft *draft)
{
	if (draft == NULL || atomic_fetch_sub_explicit(&draft->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	values_clear(&draft->given);
	values_clear(&draft->proposed);
	free(draft->origin);
	free(draft);
	return NULL;
}

int trb_draft_set_origin(trb_draft *draft, const char *origin, trb_error **err)
{
	char *copy;

	if (draft == NULL || origin == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_draft_set_origin: no draft or no text");
	copy = strdup(origin);
	if (copy == NULL)
		return trb_fail_nomem(err);
	free(draft->origin);
	draft->origin = copy;
	return TRB_OK;
}

const struct trb_draft_values *trb_draft_values_of(const trb_draft *draft,
						   enum trb_draft_section section)
{
	if (draft->given.origin[section] != NULL)
		return &draft->given;
	return draft->proposed.origin[section] != NULL ? &draft->proposed : NULL;
}

/* The first value of a section says where it comes from. */
static int mark(const trb_draft *draft, struct trb_draft_values *to, enum trb_draft_section section,
		trb_error **err)
{
	if (to->origin[section] != NULL)
		return TRB_OK;
	to->origin[section] = strdup(draft->origin != NULL ? draft->origin : DEFAULT_ORIGIN);
	return to->origin[section] != NULL ? TRB_OK : trb_fail_nomem(err);
}

static int find_measurement(struct trb_draft_values *v, const char *name,
			    struct trb_measurement **ret, trb_error **err)
{
	struct trb_measurement *m;

	for (size_t i = 0; i < v->n_measurements; i++) {
		if (strcmp(v->measurements[i].name, name) == 0) {
			*ret = &v->measurements[i];
			return TRB_OK;
		}
	}
	if (v->n_measurements == TRB_POLICY_MEASUREMENTS)
		return trb_fail(err, TRB_E_LIMIT, "a policy has at most %d measurements",
				TRB_POLICY_MEASUREMENTS);
	if (v->measurements == NULL)
		v->measurements = calloc(TRB_POLICY_MEASUREMENTS, sizeof(*v->measurements));
	if (v->measurements == NULL)
		return trb_fail_nomem(err);
	m = &v->measurements[v->n_measurements];
	m->name = strdup(name);
	if (m->name == NULL)
		return trb_fail_nomem(err);
	v->n_measurements++;
	*ret = m;
	return TRB_OK;
}

int trb_draft_put_pcr(trb_draft *draft, struct trb_draft_values *to, const char *name,
		      unsigned index, trb_bytes pcr, trb_error **err)
{
	struct trb_measurement *m = NULL;
	int r;

	if (!is_named_pcr(index) || pcr.len != TRB_SHA384_LEN)
		return trb_fail(err, TRB_E_INVAL,
				"a policy names PCR0 to 4 and 8, of 48 bytes: not PCR%u of %zu",
				index, pcr.len);
	if (trb_bytes_all_zero(pcr) && index > 2)
		return TRB_OK;
	if (trb_bytes_all_zero(pcr))
		return trb_fail(err, TRB_E_INVAL,
				"PCR%u is zero, as a debug enclave has it: it measures nothing",
				index);
	r = find_measurement(to, name, &m, err);
	if (r < 0)
		return r;
	if ((m->mask & 1u << index) != 0)
		return trb_fail(err, TRB_E_INVAL, "the measurement has a PCR%u already", index);
	memcpy(m->pcr[index], pcr.ptr, TRB_SHA384_LEN);
	m->mask |= 1u << index;
	return mark(draft, to, TRB_DRAFT_S_MEASUREMENTS, err);
}

int trb_draft_add_pcr(trb_draft *draft, const char *name, unsigned index, trb_bytes pcr,
		      trb_error **err)
{
	if (draft == NULL || name == NULL || pcr.ptr == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_draft_add_pcr: no draft, name or PCR");
	return trb_draft_put_pcr(draft, &draft->given, name, index, pcr, err);
}

int trb_draft_put_root(trb_draft *draft, struct trb_draft_values *to,
		       const struct trb_nitro_root *root, trb_error **err)
{
	if (to->n_roots == TRB_POLICY_ROOTS)
		return trb_fail(err, TRB_E_LIMIT, "a policy has at most %d roots",
				TRB_POLICY_ROOTS);
	to->roots[to->n_roots++] = *root;
	return mark(draft, to, TRB_DRAFT_S_ROOTS, err);
}

int trb_draft_add_aws_root(trb_draft *draft, trb_error **err)
{
	const struct trb_nitro_root root = { .name = TRB_NITRO_ROOT_AWS };

	if (draft == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_draft_add_aws_root: no draft");
	return trb_draft_put_root(draft, &draft->given, &root, err);
}

int trb_draft_add_root(trb_draft *draft, trb_bytes certificate, trb_error **err)
{
	struct trb_nitro_root root;
	int r;

	if (draft == NULL)
		return trb_fail(err, TRB_E_INVAL, "trb_draft_add_root: no draft");
	r = trb_nitro_root_read(certificate, &root, err);
	return r < 0 ? r : trb_draft_put_root(draft, &draft->given, &root, err);
}

int trb_draft_put_text(trb_draft *draft, struct trb_draft_values *to, int what, const char *value,
		       trb_error **err)
{
	struct trb_texts *texts = &to->texts[what];

	if (texts->n == TRB_POLICY_ENTRIES)
		return trb_fail(err, TRB_E_LIMIT, "a list of a policy has at most %d entries",
				TRB_POLICY_ENTRIES);
	if (texts->list == NULL)
		texts->list = calloc(TRB_POLICY_ENTRIES, sizeof(*texts->list));
	if (texts->list == NULL)
		return trb_fail_nomem(err);
	texts->list[texts->n] = strdup(value);
	if (texts->list[texts->n] == NULL)
		return trb_fail_nomem(err);
	texts->n++;
	return mark(draft, to, sections_of_texts[what], err);
}

int trb_draft_accept(trb_draft *draft, int what, const char *value, trb_error **err)
{
	if (draft == NULL || value == NULL || what < 1 || what >= TRB_DRAFT_TEXTS)
		return trb_fail(err, TRB_E_INVAL,
				"trb_draft_accept: no draft, no value, or nothing of that number");
	return trb_draft_put_text(draft, &draft->given, what, value, err);
}

int trb_draft_put_number(trb_draft *draft, struct trb_draft_values *to, int what, uint64_t value,
			 trb_error **err)
{
	to->numbers[what] = value;
	to->has_number[what] = true;
	return mark(draft, to, sections_of_numbers[what], err);
}

int trb_draft_set_number(trb_draft *draft, int what, uint64_t value, trb_error **err)
{
	if (draft == NULL || what < 1 || what >= TRB_DRAFT_NUMBERS)
		return trb_fail(err, TRB_E_INVAL,
				"trb_draft_set_number: no draft, or nothing of that number");
	if (value > TRB_AMOUNT_MAX)
		return trb_fail(err, TRB_E_INVAL, "no number of a policy is beyond 2^53");
	return trb_draft_put_number(draft, &draft->given, what, value, err);
}
