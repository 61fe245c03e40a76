// SPDX-License-Identifier: Apache-2.0
// Transparency logs.

package trustbuild

/*
#include <trustbuild/log.h>
*/
import "C"

import (
	"context"
	"io/fs"
	"unsafe"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/glue"
)

// Log is a client of a transparency log. Its methods may come from any goroutine, and take turns; a
// context ends the wait for another's turn, and for another process that writes.
type Log struct {
	h     *glue.Handle
	scope *scope
	turn  glue.Turn
	vkey  string
}

// InitLog makes a new, empty log, and gives its public key, which goes into policies. backend is
// for example "local:dir=/srv/log"; an empty origin makes a unique name.
func (h *Host) InitLog(ctx context.Context, backend, origin string) (vkey string, err error) {
	var blob *C.trb_blob
	err = glue.Texts(func(t []*C.char) error {
		return h.call(ctx, func(c *C.trb_context) error {
			var e *C.trb_error
			return failure(C.trb_log_init(c, t[0], t[1], &blob, &e), e)
		})
	}, backend, origin)
	if err != nil {
		return "", err
	}
	return string(takeBlob(blob)), nil
}

// OpenLog opens a log that exists.
func (h *Host) OpenLog(ctx context.Context, backend string) (*Log, error) {
	s, err := h.newScope()
	if err != nil {
		return nil, err
	}
	var l *C.trb_log
	err = glue.Texts(func(t []*C.char) error {
		return s.canceling(ctx, func() error {
			var e *C.trb_error
			return failure(C.trb_log_open(s.c, t[0], &l, &e), e)
		})
	}, backend)
	if err != nil {
		s.close()
		return nil, err
	}
	return &Log{
		h: glue.New(unsafe.Pointer(l), func(p unsafe.Pointer) {
			C.trb_log_unref((*C.trb_log)(p))
			s.close()
		}),
		scope: s,
		turn:  glue.NewTurn(),
		vkey:  C.GoString(C.trb_log_get_vkey(l)),
	}, nil
}

// Close lets the log go.
func (l *Log) Close() error {
	if l != nil {
		l.h.Close()
	}
	return nil
}

func (l *Log) use(ctx context.Context, f func(*C.trb_log) error) error {
	if l == nil {
		return fs.ErrInvalid
	}
	if err := l.turn.Take(ctx); err != nil {
		return err
	}
	defer l.turn.Pass()
	return l.h.Use(func(p unsafe.Pointer) error {
		return l.scope.canceling(ctx, func() error { return f((*C.trb_log)(p)) })
	})
}

func (l *Log) blob(ctx context.Context,
	f func(*C.trb_log, **C.trb_blob, **C.trb_error) C.int) ([]byte, error) {
	var blob *C.trb_blob
	err := l.use(ctx, func(c *C.trb_log) error {
		var e *C.trb_error
		return failure(f(c, &blob, &e), e)
	})
	if err != nil {
		return nil, err
	}
	return takeBlob(blob), nil
}

// VKey is the log's public key as a note verifier key, which goes into policies.
func (l *Log) VKey() string { return l.vkey }

// Size is the number of entries under the newest checkpoint, whose signature is verified.
func (l *Log) Size(ctx context.Context) (uint64, error) {
	var size C.uint64_t
	err := l.use(ctx, func(c *C.trb_log) error {
		var e *C.trb_error
		return failure(C.trb_log_get_size(c, &size, &e), e)
	})
	return uint64(size), err
}

// Checkpoint is the newest one, verified, verbatim.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	return l.blob(ctx, func(c *C.trb_log, b **C.trb_blob, e **C.trb_error) C.int {
		return C.trb_log_get_checkpoint(c, b, e)
	})
}

// Entry is an entry as it was logged, its inclusion verified; status.Done beyond the last.
func (l *Log) Entry(ctx context.Context, index uint64) ([]byte, error) {
	return l.blob(ctx, func(c *C.trb_log, b **C.trb_blob, e **C.trb_error) C.int {
		return C.trb_log_get_entry(c, C.uint64_t(index), b, e)
	})
}

// Describe gives what an entry says as JSON, marked unverified throughout.
func (l *Log) Describe(ctx context.Context, index uint64) ([]byte, error) {
	return l.blob(ctx, func(c *C.trb_log, b **C.trb_blob, e **C.trb_error) C.int {
		return C.trb_log_describe_entry(c, C.uint64_t(index), b, e)
	})
}

// Proof is an entry's inclusion proof as a c2sp.org/tlog-proof file.
func (l *Log) Proof(ctx context.Context, index uint64) ([]byte, error) {
	return l.blob(ctx, func(c *C.trb_log, b **C.trb_blob, e **C.trb_error) C.int {
		return C.trb_log_get_proof(c, C.uint64_t(index), b, e)
	})
}

// Publish logs a bundle and gives a copy of it that carries index, inclusion proof and checkpoint.
// When it returns, entry and checkpoint are on disk. After any error it may be called again: what
// is in the log already keeps its index.
func (l *Log) Publish(ctx context.Context, bundle []byte) ([]byte, error) {
	var b, logged *C.trb_bundle
	var e *C.trb_error
	if r := C.trb_bundle_parse(view(bundle), &b, &e); r != C.TRB_OK {
		return nil, failure(r, e)
	}
	defer C.trb_bundle_unref(b)
	err := l.use(ctx, func(c *C.trb_log) error {
		var e *C.trb_error
		return failure(C.trb_log_publish(c, b, &logged, &e), e)
	})
	if err != nil {
		return nil, err
	}
	defer C.trb_bundle_unref(logged)
	return encode(logged)
}
