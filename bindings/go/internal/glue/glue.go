// SPDX-License-Identifier: Apache-2.0

package glue

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
)

// Copied gives nil for a null view, and a slice that is not nil for an empty one.
func Copied(ptr unsafe.Pointer, n int) []byte {
	if ptr == nil {
		return nil
	}
	return append(make([]byte, 0, n), unsafe.Slice((*byte)(ptr), n)...)
}

// Parts is what one error of the library says.
type Parts[E comparable] struct {
	Code           int
	Verdict        bool
	Check, Message string
	Cause          E
}

// Failure makes the error of a call that returned code and e, which may be null; read takes an
// error apart. It is nil for code 0.
func Failure[E comparable](code int, e E, read func(E) Parts[E]) error {
	var null E
	if code == 0 {
		return nil
	}
	if e == null {
		return &status.Error{Code: status.Code(code), Message: status.Code(code).String()}
	}
	return chain(e, read)
}

func chain[E comparable](e E, read func(E) Parts[E]) error {
	var null E
	if e == null {
		return nil
	}
	p := read(e)
	return &status.Error{
		Code:    status.Code(p.Code),
		Check:   status.Check(p.Check),
		Verdict: p.Verdict,
		Message: p.Message,
		Cause:   chain(p.Cause, read),
	}
}

// Canceling runs f, and cancel when ctx ends meanwhile. cancel has returned when Canceling does. An
// error that is the outcome of it is the context's, too.
func Canceling(ctx context.Context, cancel func(), f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		cancel()
	})
	err := f()
	if !stop() {
		<-done
	}
	if ctx.Err() != nil && errors.Is(err, status.Canceled) {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

// Turn lets one at a time use what belongs to one thread.
type Turn chan struct{}

// NewTurn is nobody's turn.
func NewTurn() Turn { return make(Turn, 1) }

// Take waits for the turn, or for the end of ctx.
func (t Turn) Take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Pass ends the turn.
func (t Turn) Pass() { <-t }
