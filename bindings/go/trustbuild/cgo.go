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

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
)

// borrow copies b into C memory, so that no Go pointer crosses.
func borrow(b []byte) (C.trb_bytes, func()) {
	if len(b) == 0 {
		return C.trb_bytes{}, func() {}
	}
	p := C.CBytes(b)
	return C.trb_bytes{ptr: (*C.uint8_t)(p), len: C.size_t(len(b))}, func() { C.free(p) }
}

// text gives NULL for the empty string.
func text(s string) (*C.char, func()) {
	if s == "" {
		return nil, func() {}
	}
	p := C.CString(s)
	return p, func() { C.free(unsafe.Pointer(p)) }
}

func copied(b C.trb_bytes) []byte {
	if b.ptr == nil {
		return nil
	}
	out := make([]byte, int(b.len))
	copy(out, unsafe.Slice((*byte)(unsafe.Pointer(b.ptr)), int(b.len)))
	return out
}

func takeBlob(blob *C.trb_blob) []byte {
	defer C.trb_blob_unref(blob)
	return copied(C.trb_blob_bytes(blob))
}

func convert(e *C.trb_error) error {
	if e == nil {
		return nil
	}
	return &status.Error{
		Code:    status.Code(C.trb_error_code(e)),
		Check:   status.Check(C.GoString(C.trb_error_check(e))),
		Message: C.GoString(C.trb_error_message(e)),
		Cause:   convert(C.trb_error_cause(e)),
	}
}

// failure makes the error of a call that returned r, and drops e.
func failure(r C.int, e *C.trb_error) error {
	if r == C.TRB_OK {
		return nil
	}
	defer C.trb_error_unref(e)
	if e == nil {
		return &status.Error{Code: status.Code(r), Message: C.GoString(C.trb_status_name(r))}
	}
	return convert(e)
}
