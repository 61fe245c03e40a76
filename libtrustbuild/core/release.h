/* SPDX-License-Identifier: Apache-2.0 */
/* What one release of this library has for all its images. */
#ifndef TRB_CORE_RELEASE_H
#define TRB_CORE_RELEASE_H

/* A moment before this release, in seconds since 1970: the files of its images have this time, and
 * whoever names an earlier one to its enclaves is wrong or lies. */
#define TRB_RELEASE_TIME 1793491200u /* 2026-11-01 00:00:00 UTC */

#endif
