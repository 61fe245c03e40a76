// SPDX-License-Identifier: Apache-2.0
// C's bytes and errors, taken over.

package glue

/*
#include <stddef.h>
#include <stdint.h>

// As trustbuild's headers have them. This package links neither of the libraries, so that it gets
// their functions as pointers.
struct trb_error;
struct trb_blob;
struct trb_bytes {
	const uint8_t *ptr;
	size_t len;
};

static int glue_number(void *f, const struct trb_error *e)
{
	return ((int (*)(const struct trb_error *))f)(e);
}

static const char *glue_text(void *f, const struct trb_error *e)
{
	return ((const char *(*)(const struct trb_error *))f)(e);
}

static const struct trb_error *glue_cause(void *f, const struct trb_error *e)
{
	return ((const struct trb_error *(*)(const struct trb_error *))f)(e);
}

static void glue_unref_error(void *f, struct trb_error *e)
{
	((struct trb_error *(*)(struct trb_error *))f)(e);
}

static struct trb_bytes glue_bytes(void *f, const struct trb_blob *b)
{
	return ((struct trb_bytes (*)(const struct trb_blob *))f)(b);
}

static void glue_unref_blob(void *f, struct trb_blob *b)
{
	((struct trb_blob *(*)(struct trb_blob *))f)(b);
}
*/
import "C"

import (
	"syscall"
	"unsafe"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
)

// Library has the functions of one of the libraries, by the names of C without their prefix.
type Library struct {
	ErrorCode, ErrorErrno, ErrorIsVerdict unsafe.Pointer
	ErrorCheck, ErrorMessage, ErrorCause  unsafe.Pointer
	ErrorUnref, BlobBytes, BlobUnref      unsafe.Pointer
}

// View lends b to one call as a trb_bytes, which T is. The bytes hold no pointers, and no function
// of the library keeps them.
func View[T any](b []byte) (view T) {
	*(*C.struct_trb_bytes)(unsafe.Pointer(&view)) = C.struct_trb_bytes{
		ptr: (*C.uint8_t)(unsafe.SliceData(b)), len: C.size_t(len(b))}
	return view
}

// Copied gives nil for a null view, and a slice that is not nil for an empty one. T is trb_bytes.
func Copied[T any](view T) []byte {
	b := *(*C.struct_trb_bytes)(unsafe.Pointer(&view))
	if b.ptr == nil {
		return nil
	}
	return append(make([]byte, 0, b.len), unsafe.Slice((*byte)(b.ptr), b.len)...)
}

// Take gives the bytes of a blob, and drops it.
func (l *Library) Take(blob unsafe.Pointer) []byte {
	b := (*C.struct_trb_blob)(blob)
	defer C.glue_unref_blob(l.BlobUnref, b)
	return Copied(C.glue_bytes(l.BlobBytes, b))
}

// Failure makes the error of a call that returned code and e, which may be null, and drops e. It is
// nil for code 0.
func (l *Library) Failure(code int, e unsafe.Pointer) error {
	if e != nil {
		defer C.glue_unref_error(l.ErrorUnref, (*C.struct_trb_error)(e))
	}
	if code == 0 {
		return nil
	}
	if e == nil {
		return &status.Error{Code: status.Code(code), Message: status.Code(code).String()}
	}
	return l.chain((*C.struct_trb_error)(e))
}

func (l *Library) chain(e *C.struct_trb_error) error {
	if e == nil {
		return nil
	}
	return &status.Error{
		Code:    status.Code(C.glue_number(l.ErrorCode, e)),
		Errno:   syscall.Errno(C.glue_number(l.ErrorErrno, e)),
		Check:   status.Check(C.GoString(C.glue_text(l.ErrorCheck, e))),
		Verdict: C.glue_number(l.ErrorIsVerdict, e) != 0,
		Message: C.GoString(C.glue_text(l.ErrorMessage, e)),
		Cause:   l.chain(C.glue_cause(l.ErrorCause, e)),
	}
}
