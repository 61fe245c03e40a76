/* SPDX-License-Identifier: Apache-2.0 */
/* The environment: facts that are locked before the first command. */
#include "core/error.h"
#include "format/fact_cbor.h"

enum {
	ORIGIN,
	RECIPE,
	RUNTIME,
	SPEC,
	ROOTFS,
	HOSTS,
	LIMITS,
	HISTORY,
	MACHINE,
	MATERIALS,
	TOOLCHAINS,
	LOCATION,
	FIELDS
};

#define ROOTFS_OF_IMAGE 0 /* others need a later release */

/* Order of field 6: the host's bytes, then the port. */
static int compare_hosts(const void *a, const void *b)
{
	const struct trb_host_port *x = a, *y = b;
	int c = trb_bytes_cmp(x->host, y->host);

	return c != 0 ? c : (x->port > y->port) - (x->port < y->port);
}

static int check_hosts(const struct trb_environment *env, trb_error **err)
{
	for (size_t i = 0; i < env->n_hosts; i++) {
		const struct trb_host_port *h = &env->hosts[i];
		int r = trb_fact_fault("the environment's hosts", trb_host_fault(h->host), err);

		if (r < 0)
			return r;
		if (h->port < 1 || h->port > 65535)
			return trb_fail(err, TRB_E_FORMAT,
					"the environment's hosts: no port is %llu",
					(unsigned long long)h->port);
		if (i > 0 && compare_hosts(h - 1, h) >= 0)
			return trb_fail(err, TRB_E_FORMAT,
					"the environment's hosts are not unique and sorted");
	}
	return TRB_OK;
}

/* What holds for an environment that is read and for one that is written. */
static int check(const struct trb_environment *env, trb_error **err)
{
	int r;

	if (env->recipe_origin > TRB_RECIPE_FROM_REQUEST)
		return trb_fail(err, TRB_E_FORMAT, "the environment's recipe origin is unknown");
	r = trb_fact_fault("the environment's runtime", trb_sandbox_fault(env->runtime), err);
	if (r == TRB_OK)
		r = trb_fact_fault("the environment's runtime version",
				   trb_word_fault(env->runtime_version), err);
	if (r == TRB_OK)
		r = trb_fact_fault("the environment's platform", trb_word_fault(env->platform),
				   err);
	if (r == TRB_OK)
		r = check_hosts(env, err);
	if (r == TRB_OK)
		r = trb_limits_check(env->limits, env->n_limits, "the environment's limits", err);
	if (r == TRB_OK)
		r = trb_history_check(&env->history, "the environment's history", err);
	if (r == TRB_OK)
		r = trb_machine_check(&env->machine, "the environment's machine", err);
	if (r == TRB_OK && env->has_materials &&
	    (env->n_materials < 1 || env->n_materials > TRB_MATERIALS_MAX))
		r = trb_fail(err, TRB_E_FORMAT, "the environment has not 1 to %u materials",
			     TRB_MATERIALS_MAX);
	if (r == TRB_OK && env->location.len > 0)
		r = trb_fact_fault("the environment's location",
				   trb_repository_fault(env->location), err);
	return r;
}

static int read_runtime(const cbor_item_t *item, struct trb_environment *env, trb_error **err)
{
	cbor_item_t **v;
	size_t n;
	int r = trb_cbor_array(item, 4, 4, "the environment's runtime", &v, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_tstr(v[0], 1, 128, "the environment's runtime", &env->runtime, err);
	if (r == TRB_OK)
		r = trb_cbor_tstr(v[1], 1, 128, "the environment's runtime version",
				  &env->runtime_version, err);
	if (r == TRB_OK)
		r = trb_cbor_tstr(v[2], 1, 128, "the environment's platform", &env->platform, err);
	return r < 0 ? r : trb_fact_reserved(v[3], "the environment's sandbox manager", err);
}

static int read_rootfs(const cbor_item_t *item, struct trb_environment *env, trb_error **err)
{
	static const char what[] = "the environment's root file system";
	cbor_item_t **v;
	uint64_t origin;
	size_t n;
	int r = trb_cbor_array(item, 2, 2, what, &v, &n, err);

	if (r == TRB_OK)
		r = trb_cbor_uint(v[0], UINT64_MAX, what, &origin, err);
	if (r < 0)
		return r;
	if (origin != ROOTFS_OF_IMAGE)
		return trb_fact_later("a root file system other than the image's own", err);
	return trb_cbor_copy(v[1], env->rootfs, 32, what, err);
}

static int read_materials(const cbor_item_t *item, struct trb_environment *env, trb_error **err)
{
	static const char what[] = "the environment's materials";
	cbor_item_t **v;
	size_t n;
	int r;

	if (trb_cbor_is_null(item))
		return TRB_OK;
	env->has_materials = true;
	r = trb_cbor_array(item, 2, 2, what, &v, &n, err);
	if (r == TRB_OK)
		r = trb_cbor_copy(v[0], env->materials, 32, what, err);
	return r < 0 ? r : trb_cbor_uint(v[1], TRB_MATERIALS_MAX, what, &env->n_materials, err);
}

static int read_toolchains(const cbor_item_t *item, trb_error **err)
{
	static const char what[] = "the environment's toolchains";
	cbor_item_t **v;
	size_t n;
	int r = trb_cbor_array(item, 0, SIZE_MAX, what, &v, &n, err);

	return r == TRB_OK && n > 0 ? trb_fact_later("a toolchain", err) : r;
}

static int read_hosts(const cbor_item_t *item, struct trb_environment *env, trb_error **err)
{
	static const char what[] = "the environment's hosts";
	cbor_item_t **v, **pair;
	size_t two;
	int r = trb_cbor_array(item, 0, TRB_ENVIRONMENT_HOSTS, what, &v, &env->n_hosts, err);

	for (size_t i = 0; r == TRB_OK && i < env->n_hosts; i++) {
		r = trb_cbor_array(v[i], 2, 2, what, &pair, &two, err);
		if (r == TRB_OK)
			r = trb_cbor_tstr(pair[0], 1, 253, what, &env->hosts[i].host, err);
		if (r == TRB_OK)
			r = trb_cbor_uint(pair[1], 65535, what, &env->hosts[i].port, err);
	}
	return r;
}

static int read_later_fields(cbor_item_t **v, struct trb_environment *env, trb_error **err)
{
	int r = trb_cbor_history(v[HISTORY], "the environment's history", &env->history, err);

	if (r == TRB_OK)
		r = trb_cbor_machine(v[MACHINE], "the environment's machine", &env->machine, err);
	if (r == TRB_OK)
		r = read_materials(v[MATERIALS], env, err);
	if (r == TRB_OK)
		r = read_toolchains(v[TOOLCHAINS], err);
	return r < 0 ? r
		     : trb_cbor_location(v[LOCATION], "the environment's location", &env->location,
					 err);
}

static int read_fields(cbor_item_t **v, struct trb_environment *env, trb_error **err)
{
	int r = trb_cbor_uint(v[ORIGIN], TRB_RECIPE_FROM_REQUEST, "the environment's recipe origin",
			      &env->recipe_origin, err);

	if (r == TRB_OK)
		r = trb_cbor_copy(v[RECIPE], env->recipe, 32, "the environment's recipe", err);
	if (r == TRB_OK)
		r = read_runtime(v[RUNTIME], env, err);
	if (r == TRB_OK)
		r = trb_cbor_copy(v[SPEC], env->spec, 32, "the environment's sandbox spec", err);
	if (r == TRB_OK)
		r = read_rootfs(v[ROOTFS], env, err);
	if (r == TRB_OK)
		r = read_hosts(v[HOSTS], env, err);
	if (r == TRB_OK)
		r = trb_cbor_limits(v[LIMITS], TRB_ENVIRONMENT_LIMITS, "the environment's limits",
				    env->limits, &env->n_limits, err);
	if (r == TRB_OK)
		r = read_later_fields(v, env, err);
	return r < 0 ? r : check(env, err);
}

int trb_environment_decode(trb_bytes in, struct trb_environment *ret, trb_blob **ret_owner,
			   trb_error **err)
{
	_cleanup_cbor_ cbor_item_t *item = NULL;
	struct trb_environment env = { 0 };
	cbor_item_t *values[FIELDS];
	int r = trb_fact_load(in, TRB_ENVIRONMENT_MAX, "the environment", &item, err);

	if (r == TRB_OK)
		r = trb_cbor_record(item, FIELDS, "the environment", values, err);
	if (r == TRB_OK)
		r = read_fields(values, &env, err);
	if (r == TRB_OK)
		r = trb_cbor_owner(in, &item, ret_owner, err);
	if (r == TRB_OK)
		*ret = env;
	return r;
}

static void put_fields(struct trb_buf *b, const struct trb_environment *env)
{
	trb_cbor_put_map(b, FIELDS);
	trb_cbor_put_uint(b, ORIGIN + 1);
	trb_cbor_put_uint(b, env->recipe_origin);
	trb_cbor_put_uint(b, RECIPE + 1);
	trb_cbor_put_bstr(b, TRB_BYTES(env->recipe, 32));
	trb_cbor_put_uint(b, RUNTIME + 1);
	trb_cbor_put_array(b, 4);
	trb_cbor_put_tstr(b, env->runtime);
	trb_cbor_put_tstr(b, env->runtime_version);
	trb_cbor_put_tstr(b, env->platform);
	trb_cbor_put_null(b);
	trb_cbor_put_uint(b, SPEC + 1);
	trb_cbor_put_bstr(b, TRB_BYTES(env->spec, 32));
	trb_cbor_put_uint(b, ROOTFS + 1);
	trb_cbor_put_array(b, 2);
	trb_cbor_put_uint(b, ROOTFS_OF_IMAGE);
	trb_cbor_put_bstr(b, TRB_BYTES(env->rootfs, 32));
	trb_cbor_put_uint(b, HOSTS + 1);
	trb_cbor_put_array(b, env->n_hosts);
	for (size_t i = 0; i < env->n_hosts; i++) {
		trb_cbor_put_array(b, 2);
		trb_cbor_put_tstr(b, env->hosts[i].host);
		trb_cbor_put_uint(b, env->hosts[i].port);
	}
	trb_cbor_put_uint(b, LIMITS + 1);
	trb_cbor_put_limits(b, env->limits, env->n_limits);
}

static void put_later_fields(struct trb_buf *b, const struct trb_environment *env)
{
	trb_cbor_put_uint(b, HISTORY + 1);
	trb_cbor_put_history(b, &env->history);
	trb_cbor_put_uint(b, MACHINE + 1);
	trb_cbor_put_machine(b, &env->machine);
	trb_cbor_put_uint(b, MATERIALS + 1);
	if (env->has_materials) {
		trb_cbor_put_array(b, 2);
		trb_cbor_put_bstr(b, TRB_BYTES(env->materials, 32));
		trb_cbor_put_uint(b, env->n_materials);
	} else {
		trb_cbor_put_null(b);
	}
	trb_cbor_put_uint(b, TOOLCHAINS + 1);
	trb_cbor_put_array(b, 0);
	trb_cbor_put_uint(b, LOCATION + 1);
	trb_cbor_put_text_or_null(b, env->location);
}

int trb_environment_encode(const struct trb_environment *env, trb_blob **ret, trb_error **err)
{
	_cleanup_buf_ struct trb_buf b;
	struct trb_environment sorted = *env;
	int r;

	trb_buf_init(&b, TRB_ENVIRONMENT_MAX);
	if (env->n_hosts > TRB_ENVIRONMENT_HOSTS || env->n_limits > TRB_ENVIRONMENT_LIMITS)
		return trb_fail(err, TRB_E_FORMAT, "the environment has too many hosts or limits");
	qsort(sorted.hosts, sorted.n_hosts, sizeof(sorted.hosts[0]), compare_hosts);
	trb_limits_sort(sorted.limits, sorted.n_limits);
	r = check(&sorted, err);
	if (r < 0)
		return r;
	put_fields(&b, &sorted);
	put_later_fields(&b, &sorted);
	return trb_buf_to_blob(&b, "the environment", ret, err);
}
