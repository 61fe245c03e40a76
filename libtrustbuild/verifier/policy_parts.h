/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of the policy's sections.  item is NULL where an optional section is absent.  Each
 * fills p, which is freed by its owner also after a failure. */
#ifndef TRB_VERIFIER_POLICY_PARTS_H
#define TRB_VERIFIER_POLICY_PARTS_H

#include "format/json.h"
#include "verifier/policy.h"

int trb_policy_read_roots(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			  trb_error **err);
int trb_policy_read_measurements(const struct trb_json *doc, const cJSON *item, trb_policy *p,
				 trb_error **err);
int trb_policy_read_source(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			   trb_error **err);
int trb_policy_read_recipe(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			   trb_error **err);
int trb_policy_read_sandbox(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			    trb_error **err);
int trb_policy_read_artifacts(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			      trb_error **err);
int trb_policy_read_log(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			trb_error **err);
/* After the log: a time bounded by witnesses needs some. */
int trb_policy_read_time(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			 trb_error **err);
/* Sections that a later release checks: their form is read, then they are refused unless they are
 * "none". */
int trb_policy_read_endorsers(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			      trb_error **err);
int trb_policy_read_revocation(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			       trb_error **err);
int trb_policy_read_live(const struct trb_json *doc, const cJSON *item, trb_policy *p,
			 trb_error **err);
/* Refuses a demand that this release knows and cannot check: TRB_E_UNSUPPORTED. */
int trb_policy_not_yet(const struct trb_json *doc, const cJSON *item, const char *what,
		       trb_error **err);

#endif
