// SPDX-License-Identifier: Apache-2.0
// What every file of this package passes to C and takes from it.

package trustbuild

/*
#cgo pkg-config: trustbuild trustbuild-enclave
#include <trustbuild/session.h>
#include <trustbuild/version.h>
*/
import "C"

import (
	"unsafe"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/glue"
)

var library = glue.Library{
	ErrorCode:      C.trb_error_code,
	ErrorErrno:     C.trb_error_errno,
	ErrorIsVerdict: C.trb_error_is_verdict,
	ErrorCheck:     C.trb_error_check,
	ErrorMessage:   C.trb_error_message,
	ErrorCause:     C.trb_error_cause,
	ErrorUnref:     C.trb_error_unref,
	BlobBytes:      C.trb_blob_bytes,
	BlobUnref:      C.trb_blob_unref,
}

func view(b []byte) C.trb_bytes { return glue.View[C.trb_bytes](b) }

func copied(b C.trb_bytes) []byte { return glue.Copied(b) }

func takeBlob(blob *C.trb_blob) []byte { return library.Take(unsafe.Pointer(blob)) }

// Version is that of the library that is loaded.
func Version() string { return C.GoString(C.trb_version_string()) }

// setText hands s to set as C has it, unless it is empty.
func setText(s string, set func(*C.char, **C.trb_error) C.int) error {
	if s == "" {
		return nil
	}
	return glue.Text(func(t *C.char) error {
		var e *C.trb_error
		return failure(set(t, &e), e)
	}, s)
}

// failure makes the error of a call that returned r, and drops e.
func failure(r C.int, e *C.trb_error) error {
	return library.Failure(int(r), unsafe.Pointer(e))
}
