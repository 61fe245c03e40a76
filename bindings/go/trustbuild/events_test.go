// SPDX-License-Identifier: Apache-2.0
// A session's events as an iterator.

//go:build go1.23

package trustbuild

import (
	"context"
	"errors"
	"testing"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
)

// A loop over a build whose command fails: its error is the last thing that comes.
func TestEvents(t *testing.T) {
	ctx := context.Background()
	session, _ := openWidget(t, buildHost(t), t.TempDir())
	request := widgetRequest(t)
	recipe := []byte(`{"recipe": 1, "commands": [["false"]], "artifacts": ["widget"]}`)
	if err := request.SetRecipe(recipe); err != nil {
		t.Fatal(err)
	}
	if err := session.Start(ctx, request); err != nil {
		t.Fatal(err)
	}
	for range session.Events(ctx) {
		break // and on with the next loop
	}
	var last error
	states := 0
	for event, err := range session.Events(ctx) {
		if last != nil || (event == nil) == (err == nil) {
			t.Errorf("%+v, %v after %v", event, err, last)
		}
		if last = err; err == nil && event.Type == StateEvent {
			states++
		}
	}
	if !errors.Is(last, status.Build) || states == 0 {
		t.Errorf("%d states, %v", states, last)
	}
}
