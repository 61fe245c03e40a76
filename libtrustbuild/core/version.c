/* SPDX-License-Identifier: Apache-2.0 */
/* Which version this library is. */
#include <trustbuild/version.h>

uint32_t trb_version_number(void)
{
	return TRB_VERSION_NUMBER;
}

const char *trb_version_string(void)
{
	return TRB_VERSION_STRING;
}
