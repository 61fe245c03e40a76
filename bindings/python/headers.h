/* SPDX-License-Identifier: Apache-2.0 */
/* What cffi is to know: everything that the library's headers declare after the mark. */
#include <stddef.h>
#include <stdint.h>
extern int trb_declarations_begin;
#include <trustbuild/sys/build.h>
#include <trustbuild/sys/enclave.h>
#include <trustbuild/sys/source.h>
#include <trustbuild/trustbuild.h>
