// SPDX-License-Identifier: Apache-2.0
// Images, from vectors and built ones.

package trustbuild

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
)

type eifVector struct {
	File, Expect string
	Version      int
	PCRs         map[string]string
}

// The vectors' folder and what its manifest lists.
func eifVectors(t *testing.T) (string, []eifVector) {
	t.Helper()
	dir := need(t, "TRB_VECTORS")
	text, err := os.ReadFile(filepath.Join(dir, "eif", "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Vectors []eifVector }
	if err := json.Unmarshal(text, &manifest); err != nil || len(manifest.Vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(manifest.Vectors), err)
	}
	return dir, manifest.Vectors
}

// Every vector has the measurements, or is refused, as its manifest says.
func TestEIFVectors(t *testing.T) {
	ctx := context.Background()
	dir, vectors := eifVectors(t)
	good := 0
	for _, v := range vectors {
		eif, err := OpenEIF(ctx, filepath.Join(dir, v.File))
		if v.Expect != "ok" {
			if eif != nil || !errors.Is(err, status.Format) &&
				!errors.Is(err, status.Check("eif.signature")) {
				t.Errorf("%s: %v", v.File, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", v.File, err)
			continue
		}
		good++
		if eif.Version != v.Version || len(eif.PCRs) != len(v.PCRs) ||
			!json.Valid(eif.Description) {
			t.Errorf("%s: %+v", v.File, eif)
		}
		for i, pcr := range eif.PCRs {
			if want := v.PCRs[pcrName(i)]; want != hexOf(pcr) {
				t.Errorf("%s: PCR%d %x, want %s", v.File, i, pcr, want)
			}
		}
	}
	if good == 0 {
		t.Error("no good vector")
	}
}

func TestReadEIF(t *testing.T) {
	dir, vectors := eifVectors(t)
	path := ""
	for _, v := range vectors {
		if v.Expect == "ok" {
			path = filepath.Join(dir, v.File)
		}
	}
	want, err := OpenEIF(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(7, 0); err != nil {
		t.Fatal(err)
	}
	got, err := ReadEIF(context.Background(), f)
	if err != nil || !bytes.Equal(got.Description, want.Description) ||
		got.Sections[0].Type != KernelSection {
		t.Errorf("%+v %v", got, err)
	}
	if at, err := f.Seek(0, 1); at != 7 || err != nil {
		t.Errorf("the file is at %d, %v", at, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := ReadEIF(ctx, f); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	f.Close()
	if _, err := ReadEIF(context.Background(), f); err == nil {
		t.Error("a closed file was read")
	}
	if _, err := OpenEIF(context.Background(),
		filepath.Join(t.TempDir(), "none")); !errors.Is(err, status.NotFound) {
		t.Error(err)
	}
}

// An image of ready-made parts, twice: the same bytes.
func TestPackImage(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	for _, name := range []string{"kernel", "one", "two"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("bytes of "+name),
			0o600); err != nil {
			t.Fatal(err)
		}
	}
	lines := &told{}
	host := testHost(t)
	host.Logger = slog.New(lines)
	recipe := ImageRecipe{
		Out: filepath.Join(dir, "one.eif"), Kernel: filepath.Join(dir, "kernel"),
		Ramdisks: []string{filepath.Join(dir, "one"), filepath.Join(dir, "two")},
		Name:     "widget", Version: "1", Cmdline: "console=ttyS0",
		Epoch: time.Unix(1790000000, 0),
	}
	path, made, err := host.BuildImage(ctx, recipe)
	if err != nil || path != recipe.Out {
		t.Fatalf("%q %v", path, err)
	}
	if string(made.Cmdline) != recipe.Cmdline ||
		!bytes.Contains(made.Metadata, []byte("widget")) {
		t.Errorf("%s", made.Description)
	}
	recipe.Out = filepath.Join(dir, "two.eif")
	if _, _, err := host.BuildImage(ctx, recipe); err != nil {
		t.Fatal(err)
	}
	one, err := os.ReadFile(path)
	two, err2 := os.ReadFile(recipe.Out)
	if err != nil || err2 != nil || !bytes.Equal(one, two) {
		t.Errorf("%d and %d bytes, %v, %v", len(one), len(two), err, err2)
	}
	if lines.String() == "" {
		t.Error("the logger was told nothing")
	}
	recipe.Kernel = filepath.Join(dir, "none")
	if _, _, err := host.BuildImage(ctx, recipe); !errors.Is(err, status.NotFound) {
		t.Errorf("no kernel: %v", err)
	}
}

// A program of the recipe that takes for ever is ended with the context.
func TestBuildImageCanceled(t *testing.T) {
	host := testHost(t)
	host.LibexecDir = t.TempDir()
	ended := filepath.Join(host.LibexecDir, "ended")
	// its standard input ends with the caller
	script := "#!/bin/sh\ncat\n: >" + ended + "\nexit 1\n"
	for _, name := range []string{"image-rootfs", "image-runsc", "image-userland"} {
		if err := os.WriteFile(filepath.Join(host.LibexecDir, name), []byte(script),
			0o700); err != nil {
			t.Fatal(err)
		}
	}
	enclave := filepath.Join(host.LibexecDir, "tb-enclave")
	if err := os.WriteFile(enclave, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	started := time.Now()
	_, _, err := host.BuildImage(ctx,
		ImageRecipe{Out: filepath.Join(t.TempDir(), "x.eif"), Enclave: enclave,
			Helpers: []string{enclave}})
	soon(t, "image", started, err)
	if _, err := os.Stat(ended); err != nil {
		t.Errorf("the program was not ended, or not waited for: %v", err)
	}
}
