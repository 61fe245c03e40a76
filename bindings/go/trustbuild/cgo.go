// SPDX-License-Identifier: Apache-2.0

package trustbuild

/*
#cgo pkg-config: trustbuild
#include <stdlib.h>
#include <trustbuild/session.h>
*/
import "C"

import (
	"unsafe"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/glue"
)

// view lends b to one call. The bytes hold no pointers, and no function of the library keeps them.
func view(b []byte) C.trb_bytes {
	return C.trb_bytes{ptr: (*C.uint8_t)(unsafe.SliceData(b)), len: C.size_t(len(b))}
}

// text gives NULL for the empty string.
func text(s string) (*C.char, func()) {
	if s == "" {
		return nil, func() {}
	}
	p := C.CString(s)
	return p, func() { C.free(unsafe.Pointer(p)) }
}

func copied(b C.trb_bytes) []byte { return glue.Copied(unsafe.Pointer(b.ptr), int(b.len)) }

func takeBlob(blob *C.trb_blob) []byte {
	defer C.trb_blob_unref(blob)
	return copied(C.trb_blob_bytes(blob))
}

// failure makes the error of a call that returned r, and drops e.
func failure(r C.int, e *C.trb_error) error {
	defer C.trb_error_unref(e)
	return glue.Failure(int(r), e, func(e *C.trb_error) glue.Parts[*C.trb_error] {
		return glue.Parts[*C.trb_error]{
			Code:    int(C.trb_error_code(e)),
			Verdict: C.trb_error_is_verdict(e) != 0,
			Check:   C.GoString(C.trb_error_check(e)),
			Message: C.GoString(C.trb_error_message(e)),
			Cause:   C.trb_error_cause(e),
		}
	})
}
