// SPDX-License-Identifier: Apache-2.0
// One call at a time on a handle, and a context that ends it.

package glue

import (
	"context"
	"errors"
	"fmt"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
)

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
