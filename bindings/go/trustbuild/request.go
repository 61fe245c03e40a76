// SPDX-License-Identifier: Apache-2.0
// Requests: what is to be built.

package trustbuild

/*
#include <trustbuild/request.h>
*/
import "C"

import (
	"context"
	"io/fs"
	"unsafe"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/glue"
)

// Request is what the host asks for: repository, commit (CT), ref, recipe, sandbox, nonce. It never
// holds credentials. Its methods belong to one goroutine at a time.
type Request struct{ h *glue.Handle }

func newRequest(r *C.trb_request) *Request {
	return &Request{glue.New(unsafe.Pointer(r), func(p unsafe.Pointer) {
		C.trb_request_unref((*C.trb_request)(p))
	})}
}

// NewRequest asks for a commit (40 or 64 lower-case hexadecimal digits) of an https repository,
// with sandbox "runsc", the tree's own recipe and a fresh nonce. [Host.Resolve] takes other names.
func NewRequest(repository, commit string) (*Request, error) {
	var r *C.trb_request
	err := glue.Texts(func(t []*C.char) error {
		var e *C.trb_error
		return failure(C.trb_request_new(nil, t[0], t[1], &r, &e), e)
	}, repository, commit)
	if err != nil {
		return nil, err
	}
	return newRequest(r), nil
}

// ParseRequest reads an encoded request.
func ParseRequest(data []byte) (*Request, error) {
	var r *C.trb_request
	var e *C.trb_error
	if code := C.trb_request_parse(view(data), &r, &e); code != C.TRB_OK {
		return nil, failure(code, e)
	}
	return newRequest(r), nil
}

// Names says what Resolve asks a repository's server for.
type Names struct {
	Name   string // branch, tag, full ref or cut commit id; empty for what Ref points to
	Ref    string // full ref name, which the commit must be in; empty for the one that Name is
	CAFile string // PEM; empty for the system's
	Token  []byte // for the repository and what lies below it
}

// Resolve asks the repository's server for the commit that has a name, over HTTPS, in a helper
// process, and makes a request for it. The end of ctx ends the process.
func (h *Host) Resolve(ctx context.Context, repository string, names Names) (*Request, error) {
	var r *C.trb_request
	err := glue.Texts(func(t []*C.char) error {
		return h.call(ctx, func(c *C.trb_context) error {
			var e *C.trb_error
			return failure(C.trb_request_resolve(c, t[0], t[1], t[2], t[3],
				view(names.Token), &r, &e), e)
		})
	}, repository, names.Name, names.Ref, names.CAFile)
	if err != nil {
		return nil, err
	}
	return newRequest(r), nil
}

// Close lets the request go. A session that was started with it has a copy.
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
		return glue.Texts(func(t []*C.char) error {
			var e *C.trb_error
			return failure(C.trb_request_set_ref(c, t[0], &e), e)
		}, ref)
	})
}

// SetRecipe uses this recipe in place of the tree's own; empty goes back to it.
func (r *Request) SetRecipe(recipe []byte) error {
	return r.use(func(c *C.trb_request) error {
		var e *C.trb_error
		return failure(C.trb_request_set_recipe(c, view(recipe), &e), e)
	})
}

// SetSandbox selects the runtime: "runsc", "crun" or "runc".
func (r *Request) SetSandbox(runtime string) error {
	return r.use(func(c *C.trb_request) error {
		return glue.Texts(func(t []*C.char) error {
			var e *C.trb_error
			return failure(C.trb_request_set_sandbox(c, t[0], &e), e)
		}, runtime)
	})
}

// SetNonce sets the nonce, 16 to 64 bytes.
func (r *Request) SetNonce(nonce []byte) error {
	return r.use(func(c *C.trb_request) error {
		var e *C.trb_error
		return failure(C.trb_request_set_nonce(c, view(nonce), &e), e)
	})
}

// RequestFields is what a request says.
type RequestFields struct {
	Repository string
	Commit     string // hexadecimal digits
	Ref        string // empty where the request names none
	Sandbox    string
	Recipe     []byte // nil for the tree's own
	Nonce      []byte
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
