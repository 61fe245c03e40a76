// SPDX-License-Identifier: Apache-2.0

package trustbuild

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
	"github.com/libtrustbuild/libtrustbuild/bindings/go/verify"
)

const (
	repository = "https://forge.example/widget"
	commit     = "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a"
)

func testHost(t *testing.T) *Host {
	t.Helper()
	root := os.Getenv("TRB_GO_ROOT")
	if root == "" {
		t.Fatal("TRB_GO_ROOT is not set: run scripts/test-go")
	}
	host, err := NewHost(StateDir(t.TempDir()), LibexecDir(filepath.Join(root, "libexec", "trustbuild")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	return host
}

func testRequest(t *testing.T) *Request {
	t.Helper()
	r, err := NewRequest(repository, commit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestRequest(t *testing.T) {
	r := testRequest(t)
	nonce := bytes.Repeat([]byte{7}, 16)
	if err := errors.Join(r.SetRef("refs/heads/main"), r.SetSandbox("crun"), r.SetNonce(nonce)); err != nil {
		t.Fatal(err)
	}
	data, err := r.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseRequest(data)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	f, err := again.Fields()
	if err != nil || f.Repository != repository || f.Commit != commit || f.Ref != "refs/heads/main" ||
		f.Sandbox != "crun" || !bytes.Equal(f.Nonce, nonce) || f.Recipe != nil {
		t.Errorf("%+v %v", f, err)
	}
	if err := r.SetNonce([]byte("short")); !errors.Is(err, status.Invalid) {
		t.Errorf("nonce: %v", err)
	}
	if _, err := NewRequest("http://forge.example/widget", commit); !errors.Is(err, status.Invalid) {
		t.Errorf("http: %v", err)
	}
	if _, err := ParseRequest([]byte{0xff}); !errors.Is(err, status.Format) {
		t.Errorf("parse: %v", err)
	}
	r.Close()
	if err := r.SetRef(""); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestHost(t *testing.T) {
	host := testHost(t)
	root, err := host.SimulatedRoot()
	again, err2 := host.SimulatedRoot()
	if err != nil || err2 != nil || len(root) < 100 || !bytes.Equal(root, again) {
		t.Errorf("%d bytes, %v, %v", len(root), err, err2)
	}
	if _, err := NewHost(StateDir("relative")); !errors.Is(err, status.Invalid) {
		t.Errorf("relative: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := host.Resolve(ctx, repository, Names{}); !errors.Is(err, context.Canceled) {
		t.Errorf("resolve: %v", err)
	}
}

func TestLog(t *testing.T) {
	host := testHost(t)
	vkey, err := host.InitLog("local", "log.example")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.InitLog("local", "log.example"); !errors.Is(err, status.State) {
		t.Errorf("twice: %v", err)
	}
	log, err := host.OpenLog("local")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if got, err := log.VKey(); err != nil || got == "" || !bytes.HasPrefix([]byte(vkey), []byte(got)) {
		t.Errorf("%q %q %v", got, vkey, err)
	}
	bundle, err := os.ReadFile(filepath.Join(os.Getenv("TRB_GO_MINTED"), "tb-widget.bundle.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 2; i++ { // the second time finds it there
		logged, err := log.Publish(bundle)
		if err != nil || !bytes.Contains(logged, []byte("log.example")) {
			t.Fatalf("%s %v", logged, err)
		}
		// both packages in one program
		if b, err := verify.ParseBundle(logged); err != nil {
			t.Error(err)
		} else if again, err := b.MarshalJSON(); err != nil || !bytes.Equal(again, logged) {
			t.Errorf("%s %v", again, err)
		}
		if size, err := log.Size(); err != nil || size != 1 {
			t.Errorf("%d %v", size, err)
		}
	}
	for _, f := range []func(uint64) ([]byte, error){log.Entry, log.Describe, log.Proof} {
		if data, err := f(0); err != nil || len(data) == 0 {
			t.Errorf("%q %v", data, err)
		}
		if _, err := f(1); !errors.Is(err, status.Done) {
			t.Errorf("beyond: %v", err)
		}
	}
	if data, err := log.Checkpoint(); err != nil || !bytes.HasPrefix(data, []byte("log.example\n1\n")) {
		t.Errorf("%q %v", data, err)
	}
	if _, err := log.Publish([]byte("{")); !errors.Is(err, status.Check("bundle.parse")) {
		t.Errorf("%v", err)
	}
}

func TestSession(t *testing.T) {
	host := testHost(t)
	if _, err := host.Open("nothing:x=y"); !errors.Is(err, status.NotFound) {
		t.Errorf("backend: %v", err)
	}
	s, err := host.Open("process:eif=" + filepath.Join(t.TempDir(), "none.eif"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := s.Next(ctx); !errors.Is(err, status.State) {
		t.Errorf("before the start: %v", err)
	}
	err = errors.Join(s.SetOutputDir(t.TempDir()), s.SetTimeout(time.Minute), s.AllowPrivate("forge.example"),
		s.SetCredential([]byte("token")))
	if err != nil {
		t.Error(err)
	}
	if _, err := s.Build(ctx, testRequest(t), nil); !errors.Is(err, status.NotFound) {
		t.Errorf("no image: %v", err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := s.Next(ctx); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// An enclave that runs is ended by its context. The image is the one of "tb-host image build".
func TestCancel(t *testing.T) {
	eif := os.Getenv("TRB_GO_EIF")
	if eif == "" {
		t.Skip("TRB_GO_EIF names no enclave image")
	}
	s, err := testHost(t).Open("process:eif=" + eif)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	events := 0
	bundle, err := s.Build(ctx, testRequest(t), func(*Event) error {
		events++
		cancel()
		return nil
	})
	if bundle != nil || events == 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d events, %v", events, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
