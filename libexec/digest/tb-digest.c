/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the SHA-256 of standard input as hexadecimal digits.  A process of its own, so that the
 * root file system is hashed while the enclave goes on. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK (1 << 20)

int main(void)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char *block = malloc(BLOCK), digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	ssize_t got;

	/* the build's start is waited for; the digest is not, where a measured file names it */
	if (nice(10) == -1)
		return EXIT_FAILURE;
	if (md == NULL || block == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		return EXIT_FAILURE;
	while ((got = read(0, block, BLOCK)) > 0)
		if (EVP_DigestUpdate(md, block, (size_t)got) != 1)
			return EXIT_FAILURE;
	if (got < 0 || EVP_DigestFinal_ex(md, digest, &len) != 1)
		return EXIT_FAILURE;
	for (unsigned i = 0; i < len; i++)
		printf("%02x", digest[i]);
	putchar('\n');
	EVP_MD_CTX_free(md);
	free(block);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
