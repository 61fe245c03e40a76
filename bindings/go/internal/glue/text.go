// SPDX-License-Identifier: Apache-2.0
// Go's strings for C, which refuse what C would cut.

package glue

/*
#include <stdlib.h>
*/
import "C"

import (
	"strings"
	"unsafe"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
)

// Text hands s to f as C has it, for the time of the call. This and Texts are the only ways from a
// Go string to a C one: C ends a string at a NUL, and what stands behind would be dropped without a
// word, so that such a string is refused. T is C.char of the package that calls.
func Text[T any](f func(text *T) error, s string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return &status.Error{
			Code:    status.Invalid,
			Message: "a text with a NUL character: '" + s + "'",
		}
	}
	p := unsafe.Pointer(C.CString(s))
	defer C.free(p)
	return f((*T)(p))
}

// Texts is Text for several, the empty ones as NULL.
func Texts[T any](f func(texts []*T) error, texts ...string) error {
	if len(texts) == 0 {
		return f(nil)
	}
	rest := func(first *T) error {
		return Texts(func(more []*T) error { return f(append([]*T{first}, more...)) },
			texts[1:]...)
	}
	if texts[0] == "" {
		return rest(nil)
	}
	return Text(rest, texts[0])
}
