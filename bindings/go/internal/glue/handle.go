// SPDX-License-Identifier: Apache-2.0

// Package glue is what the packages that use cgo share. C's types differ from one package to the
// next, so that it takes them as type arguments, or without their types.
package glue

import (
	"io/fs"
	"runtime"
	"sync"
	"unsafe"
)

// Handle owns one reference to an object of the library: no use after Close, no Close during a use,
// and a finalizer below both.
type Handle struct {
	mu   sync.RWMutex
	ptr  unsafe.Pointer
	free func(unsafe.Pointer)
}

// New takes over ptr.
func New(ptr unsafe.Pointer, free func(unsafe.Pointer)) *Handle {
	h := &Handle{ptr: ptr, free: free}
	runtime.SetFinalizer(h, (*Handle).Close)
	return h
}

// Use calls f with the pointer, which stays valid until f returns. Any number may run at once.
func (h *Handle) Use(f func(unsafe.Pointer) error) error {
	if h == nil {
		return fs.ErrInvalid
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.ptr == nil {
		return fs.ErrClosed
	}
	return f(h.ptr)
}

// Close waits for the uses and drops the reference. Closing twice is fine, and so is closing nil.
func (h *Handle) Close() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ptr != nil {
		h.free(h.ptr)
		h.ptr = nil
		runtime.SetFinalizer(h, nil)
	}
}
