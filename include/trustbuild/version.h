/* SPDX-License-Identifier: Apache-2.0 */
/* Which release this is. */
#ifndef TRUSTBUILD_VERSION_H
#define TRUSTBUILD_VERSION_H

#include <trustbuild/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of these headers: major * 1000000 + minor * 1000 + patch. */
#define TRB_VERSION_NUMBER 2000
#define TRB_VERSION_STRING "0.2.0"

/* The version of the library that is loaded, in the same form. */
TRB_API uint32_t trb_version_number(void);

/* The same as text; a static string. */
TRB_API const char *trb_version_string(void);

#ifdef __cplusplus
}
#endif

#endif
