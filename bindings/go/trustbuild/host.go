// SPDX-License-Identifier: Apache-2.0

package trustbuild

/*
#include <trustbuild/request.h>
#include <trustbuild/session.h>
*/
import "C"

import (
	"context"
	"io/fs"
	"unsafe"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/handle"
)

// Host holds the state directory and where the library's helper programs are.
type Host struct{ h *handle.Handle }

// HostOption sets up a Host.
type HostOption func(*C.trb_context) error

// StateDir sets the directory for keys, caches and logs, an absolute path. Without it, the
// environment names one: $TRUSTBUILD_STATE, $XDG_STATE_HOME, $HOME.
func StateDir(path string) HostOption {
	return func(c *C.trb_context) error {
		var e *C.trb_error
		s, free := text(path)
		defer free()
		return failure(C.trb_context_set_state_dir(c, s, &e), e)
	}
}

// LibexecDir sets where the helper programs are, an absolute path; the default is where they were
// installed.
func LibexecDir(path string) HostOption {
	return func(c *C.trb_context) error {
		var e *C.trb_error
		s, free := text(path)
		defer free()
		return failure(C.trb_context_set_libexec_dir(c, s, &e), e)
	}
}

// NewHost makes a host.
func NewHost(options ...HostOption) (*Host, error) {
	var c *C.trb_context
	var e *C.trb_error
	if r := C.trb_context_new(&c, &e); r != C.TRB_OK {
		return nil, failure(r, e)
	}
	for _, option := range options {
		if err := option(c); err != nil {
			C.trb_context_unref(c)
			return nil, err
		}
	}
	return &Host{handle.New(unsafe.Pointer(c), func(p unsafe.Pointer) {
		C.trb_context_unref((*C.trb_context)(p))
	})}, nil
}

// Close lets the host go; sessions and logs keep their own reference.
func (h *Host) Close() error {
	if h != nil {
		h.h.Close()
	}
	return nil
}

func (h *Host) use(f func(*C.trb_context) error) error {
	if h == nil {
		return fs.ErrInvalid
	}
	return h.h.Use(func(p unsafe.Pointer) error { return f((*C.trb_context)(p)) })
}

// SimulatedRoot gives the certificate (DER) under which simulated enclaves of this state directory
// sign; it is made at the first use.
func (h *Host) SimulatedRoot() ([]byte, error) {
	var blob *C.trb_blob
	err := h.use(func(c *C.trb_context) error {
		var e *C.trb_error
		return failure(C.trb_simulated_root_load(c, &blob, &e), e)
	})
	if err != nil {
		return nil, err
	}
	return takeBlob(blob), nil
}

// Request is what the host asks for. It never holds credentials. Its methods belong to one goroutine
// at a time.
type Request struct{ h *handle.Handle }

func newRequest(r *C.trb_request) *Request {
	return &Request{handle.New(unsafe.Pointer(r), func(p unsafe.Pointer) {
		C.trb_request_unref((*C.trb_request)(p))
	})}
}

// NewRequest asks for a commit (40 or 64 lower-case hexadecimal digits) of an https repository, with
// sandbox "runsc", the tree's own recipe and a fresh nonce.
func NewRequest(repository, commit string) (*Request, error) {
	var r *C.trb_request
	var e *C.trb_error
	cr, free := text(repository)
	defer free()
	cc, drop := text(commit)
	defer drop()
	if code := C.trb_request_new(nil, cr, cc, &r, &e); code != C.TRB_OK {
		return nil, failure(code, e)
	}
	return newRequest(r), nil
}

// ParseRequest reads an encoded request.
func ParseRequest(data []byte) (*Request, error) {
	var r *C.trb_request
	var e *C.trb_error
	view, free := borrow(data)
	defer free()
	if code := C.trb_request_parse(view, &r, &e); code != C.TRB_OK {
		return nil, failure(code, e)
	}
	return newRequest(r), nil
}

// Names says what Resolve asks a repository's server for.
type Names struct {
	Name   string // branch, tag, full ref or cut commit id; empty for what Ref points to
	Ref    string // full ref name, which the commit must be in
	CAFile string // PEM; empty for the system's
	Token  []byte
}

// Resolve asks the repository's server for the commit that has a name, and makes a request for it.
// When ctx ends, it returns at once; the helper process is given up in the background.
func (h *Host) Resolve(ctx context.Context, repository string, names Names) (*Request, error) {
	type result struct {
		request *Request
		err     error
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	names.Token = append([]byte(nil), names.Token...)
	done := make(chan result, 1)
	go func() {
		r, err := h.resolve(repository, names)
		done <- result{r, err}
	}()
	select {
	case r := <-done:
		return r.request, r.err
	case <-ctx.Done():
		go func() {
			r := <-done
			r.request.Close()
		}()
		return nil, ctx.Err()
	}
}

func (h *Host) resolve(repository string, names Names) (*Request, error) {
	var r *C.trb_request
	repo, free := text(repository)
	defer free()
	name, freeName := text(names.Name)
	defer freeName()
	ref, freeRef := text(names.Ref)
	defer freeRef()
	ca, freeCA := text(names.CAFile)
	defer freeCA()
	token, freeToken := borrow(names.Token)
	defer freeToken()
	err := h.use(func(c *C.trb_context) error {
		var e *C.trb_error
		return failure(C.trb_request_resolve(c, repo, name, ref, ca, token, &r, &e), e)
	})
	if err != nil {
		return nil, err
	}
	return newRequest(r), nil
}

// Close lets the request go.
func (r *Request) Close() error {
	if r != nil {
		r.h.Close()
	}
	return nil
}

func (r *Request) use(f func(*C.trb_request) error) error {
	if r == nil {
		return fs.ErrInvalid
	}
	return r.h.Use(func(p unsafe.Pointer) error { return f((*C.trb_request)(p)) })
}

// SetRef demands that the commit is in the history of this full ref name; empty for no demand.
func (r *Request) SetRef(ref string) error {
	return r.use(func(c *C.trb_request) error {
		var e *C.trb_error
		s, free := text(ref)
		defer free()
		return failure(C.trb_request_set_ref(c, s, &e), e)
	})
}

// SetRecipe uses this recipe in place of the tree's own; empty goes back to it.
func (r *Request) SetRecipe(recipe []byte) error {
	return r.use(func(c *C.trb_request) error {
		var e *C.trb_error
		view, free := borrow(recipe)
		defer free()
		return failure(C.trb_request_set_recipe(c, view, &e), e)
	})
}

// SetSandbox selects the runtime: "runsc", "crun" or "runc".
func (r *Request) SetSandbox(runtime string) error {
	return r.use(func(c *C.trb_request) error {
		var e *C.trb_error
		s, free := text(runtime)
		defer free()
		return failure(C.trb_request_set_sandbox(c, s, &e), e)
	})
}

// SetNonce sets the nonce, 16 to 64 bytes.
func (r *Request) SetNonce(nonce []byte) error {
	return r.use(func(c *C.trb_request) error {
		var e *C.trb_error
		view, free := borrow(nonce)
		defer free()
		return failure(C.trb_request_set_nonce(c, view, &e), e)
	})
}

// RequestFields is what a request says.
type RequestFields struct {
	Repository, Commit, Ref, Sandbox string
	Recipe, Nonce                    []byte
}

// Fields gives what the request says.
func (r *Request) Fields() (f RequestFields, err error) {
	err = r.use(func(c *C.trb_request) error {
		f = RequestFields{
			Repository: C.GoString(C.trb_request_get_repository(c)),
			Commit:     C.GoString(C.trb_request_get_commit(c)),
			Ref:        C.GoString(C.trb_request_get_ref(c)),
			Sandbox:    C.GoString(C.trb_request_get_sandbox(c)),
			Recipe:     copied(C.trb_request_get_recipe(c)),
			Nonce:      copied(C.trb_request_get_nonce(c)),
		}
		return nil
	})
	return
}

// MarshalBinary gives the request as deterministic CBOR.
func (r *Request) MarshalBinary() ([]byte, error) {
	var blob *C.trb_blob
	err := r.use(func(c *C.trb_request) error {
		var e *C.trb_error
		return failure(C.trb_request_encode(c, &blob, &e), e)
	})
	if err != nil {
		return nil, err
	}
	return takeBlob(blob), nil
}
