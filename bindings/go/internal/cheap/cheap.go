// SPDX-License-Identifier: Apache-2.0

// Package cheap looks at C's heap, for tests.
package cheap

/*
#include <malloc.h>

static size_t in_use(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}
*/
import "C"

// InUse is how many bytes of C's heap are allocated.
func InUse() int { return int(C.in_use()) }
