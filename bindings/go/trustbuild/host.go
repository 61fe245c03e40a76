// SPDX-License-Identifier: Apache-2.0
// Where a host keeps things and whom it tells.

package trustbuild

/*
#include <stdint.h>
#include <trustbuild/context.h>
#include <trustbuild/session.h>

extern void trbGoTell(int level, char *text, uintptr_t user);

static void trb_go_sink(int level, const char *text, void *user)
{
	trbGoTell(level, (char *)text, (uintptr_t)user);
}

static void trb_go_set_sink(trb_context *context, uintptr_t user)
{
	trb_context_set_log_sink(context, trb_go_sink, (void *)user);
}
*/
import "C"

import (
	"context"
	"log/slog"
	"runtime/cgo"
	"sync/atomic"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/glue"
)

// Host is where builds are started. The zero Host is ready for use. Its methods may be called from
// any goroutine; its fields must not change after the first of them.
type Host struct {
	// StateDir is the directory for keys, caches and logs, an absolute path. Where it is empty,
	// the environment names one: $TRUSTBUILD_STATE, $XDG_STATE_HOME/trustbuild,
	// $HOME/.local/state/trustbuild.
	StateDir string

	// LibexecDir is where the library's helper programs are, an absolute path; where it is
	// empty, where they were installed.
	LibexecDir string

	// Logger gets lines about long work, at levels from Debug to Info; nil for nowhere. Lines
	// may carry outside text, which the handlers of slog escape. They decide nothing.
	Logger *slog.Logger
}

// scope is a host's settings in C, for one call or for one object: its end must not reach others.
// Who works with another's object holds its scope, too.
type scope struct {
	c    *C.trb_context
	sink cgo.Handle
	held atomic.Int32
}

func (h *Host) newScope() (*scope, error) {
	var s scope
	var e *C.trb_error
	if r := C.trb_context_new(&s.c, &e); r != C.TRB_OK {
		return nil, failure(r, e)
	}
	if err := s.setUp(h); err != nil {
		s.close()
		return nil, err
	}
	return &s, nil
}

func (s *scope) setUp(h *Host) error {
	if h == nil {
		return nil
	}
	err := setText(h.StateDir, func(dir *C.char, e **C.trb_error) C.int {
		return C.trb_context_set_state_dir(s.c, dir, e)
	})
	if err != nil {
		return err
	}
	err = setText(h.LibexecDir, func(dir *C.char, e **C.trb_error) C.int {
		return C.trb_context_set_libexec_dir(s.c, dir, e)
	})
	if err != nil {
		return err
	}
	if h.Logger != nil {
		s.sink = cgo.NewHandle(h.Logger)
		C.trb_go_set_sink(s.c, C.uintptr_t(s.sink))
	}
	return nil
}

func (s *scope) hold() { s.held.Add(1) }

// close is for when nothing that was made of it can call back any more.
func (s *scope) close() {
	if s.held.Add(-1) >= 0 {
		return
	}
	C.trb_context_unref(s.c)
	if s.sink != 0 {
		s.sink.Delete()
	}
}

func (s *scope) cancel() { C.trb_context_set_canceled(s.c, 1) }

// canceling runs f, while the end of ctx cancels what waits in the scope.
func (s *scope) canceling(ctx context.Context, f func() error) error {
	defer C.trb_context_set_canceled(s.c, 0)
	return glue.Canceling(ctx, s.cancel, f)
}

// call runs f, which may wait, in a scope of its own.
func (h *Host) call(ctx context.Context, f func(*C.trb_context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := h.newScope()
	if err != nil {
		return err
	}
	defer s.close()
	return s.canceling(ctx, func() error { return f(s.c) })
}

// SimulatedRoot gives the certificate (DER) under which simulated enclaves of this state directory
// sign; it is made at the first use. A policy pins it.
func (h *Host) SimulatedRoot() ([]byte, error) {
	var blob *C.trb_blob
	err := h.call(context.Background(), func(c *C.trb_context) error {
		var e *C.trb_error
		return failure(C.trb_simulated_root_load(c, &blob, &e), e)
	})
	if err != nil {
		return nil, err
	}
	return takeBlob(blob), nil
}
