// SPDX-License-Identifier: Apache-2.0
// Sources, from a server of this machine.

package trustbuild

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
)

func pcrName(i int) string     { return fmt.Sprintf("PCR%d", i) }
func hexOf(data []byte) string { return hex.EncodeToString(data) }

func widgetRequest(t *testing.T) *Request {
	t.Helper()
	r, err := NewRequest(need(t, "TRB_GO_WIDGET"), need(t, "TRB_GO_WIDGET_HEAD"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestFetchSource(t *testing.T) {
	ctx := context.Background()
	host, r := testHost(t), widgetRequest(t)
	if err := r.SetRef("refs/heads/main"); err != nil {
		t.Fatal(err)
	}
	options := SourceOptions{Dir: t.TempDir(), CAFile: need(t, "TRB_GO_CA"),
		Limits: map[string]uint64{"files": 100}}
	source, err := host.FetchSource(ctx, r, options)
	if err != nil {
		t.Fatal(err)
	}
	head := need(t, "TRB_GO_WIDGET_HEAD")
	if source.Commit != head || source.Tip != head || len(source.Digest) != 32 ||
		source.Files == 0 ||
		source.Time.Before(time.Unix(1600000000, 0)) || len(source.Submodules) != 0 {
		t.Errorf("%+v", source)
	}
	if err := fstest.TestFS(source.FS(), "trustbuild.json"); err != nil {
		t.Error(err)
	}
	recipe, err := fs.ReadFile(source.FS(), "trustbuild.json")
	if err != nil || !bytes.Equal(recipe, source.Recipe) {
		t.Errorf("%q %q %v", recipe, source.Recipe, err)
	}
	source.Close()
	if left, err := os.ReadDir(options.Dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v %v", left, err)
	}
	options.Limits["files"] = 1
	if _, err := host.FetchSource(ctx, r,
		options); !errors.Is(err, status.Check("source.limit")) {
		t.Errorf("limit: %v", err)
	}
	options.Limits = map[string]uint64{"wishes": 3}
	if _, err := host.FetchSource(ctx, r, options); !errors.Is(err, status.NotFound) {
		t.Errorf("a bound that is none: %v", err)
	}
	if err := r.SetRef("refs/heads/none"); err != nil {
		t.Fatal(err)
	}
	options.Limits = nil
	if _, err := host.FetchSource(ctx, r,
		options); !errors.Is(err, status.Check("source.ref")) {
		t.Errorf("ref: %v", err)
	}
}

func TestFetchSourceCanceled(t *testing.T) {
	r, err := NewRequest(silence(t), commit)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	dir := t.TempDir()
	started := time.Now()
	_, err = testHost(t).FetchSource(ctx, r, SourceOptions{Dir: dir})
	soon(t, "fetch", started, err)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v %v", left, err)
	}
}
