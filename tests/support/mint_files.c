/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a minted artifact, its bundle and the policy that it satisfies: mint-files DIRECTORY.  For
 * the tests of the programs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mint.h"

static int put(const char *directory, const char *name, trb_bytes bytes)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "wb");
	if (f == NULL || fwrite(bytes.ptr, 1, bytes.len, f) != bytes.len || fclose(f) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct mint_policy policy;
	struct mint m;
	trb_blob *bundle, *attestation;
	struct mint_parts parts;
	char *json;
	int bad;

	if (argc != 2)
		return 2;
	mint_init(&m);
	mint_policy_init(&policy);
	mint_make(&m, &parts);
	bundle = mint_json_of(&m, &parts);
	attestation = parts.attestation;
	json = mint_policy_json(&policy);
	bad = put(argv[1], "tb-widget", TRB_BYTES_LIT(MINT_CONTENT)) |
	      put(argv[1], "tb-widget.bundle.json", trb_blob_bytes(bundle)) |
	      put(argv[1], "nsm.bin", trb_blob_bytes(attestation)) |
	      put(argv[1], "root.der", trb_blob_bytes(mint_authority(0)->root)) |
	      put(argv[1], "policy.json", trb_bytes_str(json));
	policy.time = "{\"mode\": \"archival\", \"bound\": \"none\"}";
	policy.log = mint_unwitnessed_log();
	free(json);
	json = mint_policy_json(&policy);
	bad |= put(argv[1], "policy-unwitnessed.json", trb_bytes_str(json));
	policy.time = "{\"mode\": \"live\", \"max_age_s\": 600}";
	free(json);
	json = mint_policy_json(&policy);
	bad |= put(argv[1], "policy-live.json", trb_bytes_str(json));
	free(json);
	trb_blob_unref(bundle);
	mint_parts_clear(&parts);
	return bad;
}
