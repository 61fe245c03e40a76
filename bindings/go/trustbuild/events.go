// SPDX-License-Identifier: Apache-2.0
// A session's events as an iterator.

//go:build go1.23

package trustbuild

import (
	"context"
	"io"
	"iter"
)

// Events are what a started session has to tell, to its end. An error is the last of them. Leaving
// the loop early leaves the session as it is: cancel or close it.
func (s *Session) Events(ctx context.Context) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for {
			event, err := s.Next(ctx)
			if err == io.EOF {
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}
