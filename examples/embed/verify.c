/* SPDX-License-Identifier: Apache-2.0 */
/* verify ARTIFACT BUNDLE POLICY: the smallest program that trusts the library's verdict. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <trustbuild/auto.h>
#include <trustbuild/trustbuild.h>
#include <unistd.h>

static trb_bytes slurp(const char *path)
{
	static uint8_t room[2][4 << 20];
	static int next;
	trb_bytes bytes = { room[next], 0 };
	FILE *f = fopen(path, "rb");

	if (f != NULL) {
		bytes.len = fread(room[next++], 1, sizeof(room[0]), f);
		fclose(f);
	}
	return bytes;
}

int main(int argc, char **argv)
{
	TRB_AUTO(trb_policy) *policy = NULL;
	TRB_AUTO(trb_bundle) *bundle = NULL;
	TRB_AUTO(trb_verifier) *verifier = NULL;
	TRB_AUTO(trb_claims) *claims = NULL;
	TRB_AUTO(trb_error) *err = NULL;
	int fd;

	if (argc != 4 || (fd = open(argv[1], O_RDONLY)) < 0) {
		fprintf(stderr, "usage: verify ARTIFACT BUNDLE POLICY\n");
		return 2;
	}
	if (trb_bundle_parse(slurp(argv[2]), &bundle, &err) == TRB_OK &&
	    trb_policy_parse(slurp(argv[3]), &policy, &err) == TRB_OK &&
	    trb_verifier_new(NULL, policy, &verifier, &err) == TRB_OK &&
	    trb_verifier_check_fd(verifier, bundle, fd, argv[1], &claims, NULL, &err) == TRB_OK)
		printf("%s is built from %s at %s\n", trb_claims_get_artifact(claims),
		       trb_claims_get_repository(claims), trb_claims_get_commit(claims));
	else
		fprintf(stderr, "refused: %s\n", trb_error_message(err));
	close(fd);
	return claims != NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
