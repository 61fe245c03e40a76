/* SPDX-License-Identifier: Apache-2.0 */
/* Mints policies for minted evidence. */
#include <stdio.h>

#include "mint.h"

#define must(x) mint_must((x), #x)

/* Written once; the texts live as long as the process. */
static char roots[128], measurements[512], log_section[1024];

static void write_sections(void)
{
	struct mint f;
	char pcr[3][97];

	mint_init(&f);
	for (size_t i = 0; i < 3; i++)
		trb_hex_encode(TRB_BYTES(f.pcr[i], 48), pcr[i]);
	snprintf(roots, sizeof(roots), "[{\"simulated\": \"%s\"}]", mint_authority(0)->root_sha256);
	snprintf(measurements, sizeof(measurements),
		 "[{\"name\": \"forge image\", \"pcrs\": {\"0\": \"%s\", \"1\": \"%s\", "
		 "\"2\": \"%s\"}}]",
		 pcr[0], pcr[1], pcr[2]);
	snprintf(log_section, sizeof(log_section),
		 "{\"keys\": [\"%s\"], \"witnesses\": {\"keys\": [\"%s\", \"%s\", \"%s\"], "
		 "\"quorum\": 2}}",
		 mint_log_vkey(), mint_witness_vkey(0), mint_witness_vkey(1), mint_witness_vkey(2));
}

const char *mint_unwitnessed_log(void)
{
	static char text[512];

	snprintf(text, sizeof(text), "{\"keys\": [\"%s\"], \"witnesses\": \"none\"}",
		 mint_log_vkey());
	return text;
}

void mint_policy_init(struct mint_policy *p)
{
	if (roots[0] == '\0')
		write_sections();
	*p = (struct mint_policy){
		.roots = roots,
		.measurements = measurements,
		.source = "{\"repositories\": [\"" MINT_REPO "\"], \"refs\": [\"" MINT_REF
			  "\"], \"commits\": [\"" MINT_COMMIT "\"]}",
		.recipe = "\"source\"",
		.sandbox = "{\"runtimes\": [\"runsc\"], \"network\": \"none\"}",
		.artifacts = "\"any\"",
		.time = "{\"mode\": \"archival\", \"bound\": \"witness\", \"slack_s\": 3600}",
		.log = log_section,
	};
}

static void member(struct trb_buf *b, const char *name, const char *value)
{
	if (value != NULL)
		trb_buf_addf(b, ",\n \"%s\": %s", name, value);
}

char *mint_policy_json(const struct mint_policy *p)
{
	struct trb_buf b;
	char *json;

	trb_buf_init(&b, TRB_POLICY_MAX);
	trb_buf_add_str(&b, "{\"policy\": 2");
	member(&b, "roots", p->roots);
	member(&b, "measurements", p->measurements);
	member(&b, "source", p->source);
	member(&b, "recipe", p->recipe);
	member(&b, "sandbox", p->sandbox);
	member(&b, "artifacts", p->artifacts);
	member(&b, "time", p->time);
	member(&b, "log", p->log);
	trb_buf_add_str(&b, p->more != NULL ? p->more : "");
	trb_buf_add_str(&b, "}\n");
	must(trb_buf_to_str(&b, "policy", &json, NULL) == TRB_OK);
	return json;
}

trb_policy *mint_policy(const struct mint_policy *p)
{
	char *json = mint_policy_json(p);
	trb_policy *policy = NULL;
	trb_error *err = NULL;
	int r = trb_policy_parse(trb_bytes_str(json), &policy, &err);

	mint_must(r == TRB_OK, trb_error_message(err));
	free(json);
	return policy;
}
