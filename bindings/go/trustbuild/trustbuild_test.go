// SPDX-License-Identifier: Apache-2.0
// Hosts, requests, logs, and what tests share.

package trustbuild

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
	"github.com/libtrustbuild/libtrustbuild/bindings/go/verify"
)

const (
	repository = "https://forge.example/widget"
	commit     = "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a"
)

// need gives what scripts/test-go hands over. Without it nothing would be tested.
func need(t testing.TB, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set: run scripts/test-go", name)
	}
	return value
}

// told is a logger that keeps what it is told.
type told struct {
	slog.Handler
	mu    sync.Mutex
	lines []string
}

func (h *told) Enabled(context.Context, slog.Level) bool { return true }

func (h *told) Handle(_ context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, r.Message)
	return nil
}

func (h *told) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.lines, "\n")
}

// soon fails the test where err is not the deadline's, or came long after it.
func soon(t *testing.T, what string, started time.Time, err error) {
	t.Helper()
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: %v", what, err)
	}
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("%s: took %v to end", what, took)
	}
}

// silence is a server that takes connections and never says a word.
func silence(t *testing.T) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		var all []net.Conn
		for {
			conn, err := listener.Accept()
			if err != nil {
				break
			}
			all = append(all, conn)
		}
		for _, conn := range all {
			conn.Close()
		}
	}()
	return "https://" + listener.Addr().String() + "/widget.git"
}

func testHost(t *testing.T) *Host {
	t.Helper()
	return &Host{StateDir: t.TempDir(), LibexecDir: need(t, "TRB_GO_LIBEXEC")}
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
	if err := errors.Join(r.SetRef("refs/heads/main"), r.SetSandbox("crun"),
		r.SetNonce(nonce)); err != nil {
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
	if err != nil || f.Repository != repository || f.Commit != commit ||
		f.Ref != "refs/heads/main" ||
		f.Sandbox != "crun" || !bytes.Equal(f.Nonce, nonce) || f.Recipe != nil {
		t.Errorf("%+v %v", f, err)
	}
	if err := r.SetNonce([]byte("short")); !errors.Is(err, status.Invalid) {
		t.Errorf("nonce: %v", err)
	}
	if _, err := NewRequest("http://forge.example/widget",
		commit); !errors.Is(err, status.Invalid) {
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
	for _, host := range []*Host{{StateDir: "relative"}, {LibexecDir: "relative"}} {
		if _, err := host.SimulatedRoot(); !errors.Is(err, status.Invalid) {
			t.Errorf("%+v: %v", host, err)
		}
	}
}

func TestResolve(t *testing.T) {
	ctx := context.Background()
	lines := &told{}
	host := testHost(t)
	host.Logger = slog.New(lines)
	url, want := need(t, "TRB_GO_WIDGET"), need(t, "TRB_GO_WIDGET_HEAD")
	ca := need(t, "TRB_GO_CA")
	for _, names := range []Names{{}, {Name: "main"}, {Ref: "refs/heads/main"},
		{Name: want[:12]}} {
		names.CAFile = ca
		r, err := host.Resolve(ctx, url, names)
		if err != nil {
			t.Fatalf("%+v: %v", names, err)
		}
		f, err := r.Fields()
		if err != nil || f.Commit != want || f.Repository != url ||
			f.Ref != "refs/heads/main" && names.Name != want[:12] {
			t.Errorf("%+v: %+v %v", names, f, err)
		}
		r.Close()
	}
	t.Logf("the helper said %q", lines)
	if _, err := host.Resolve(ctx, url,
		Names{Name: "none", CAFile: ca}); !errors.Is(err, status.NotFound) {
		t.Errorf("none: %v", err)
	}
	if _, err := host.Resolve(ctx, url, Names{Name: "main"}); err == nil ||
		status.IsVerdict(err) {
		t.Errorf("unknown authority: %v", err)
	}
}

func TestResolveCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := testHost(t).Resolve(ctx, repository,
		Names{}); !errors.Is(err, context.Canceled) {
		t.Errorf("before: %v", err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	started := time.Now()
	_, err := testHost(t).Resolve(ctx, silence(t), Names{})
	soon(t, "resolve", started, err)
	if !errors.Is(err, status.Canceled) {
		t.Errorf("the library did not end: %v", err)
	}
}

func TestLog(t *testing.T) {
	ctx := context.Background()
	host := testHost(t)
	vkey, err := host.InitLog(ctx, "local", "log.example")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.InitLog(ctx, "local", "log.example"); !errors.Is(err, status.State) {
		t.Errorf("twice: %v", err)
	}
	log, err := host.OpenLog(ctx, "local")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if got := log.VKey(); got == "" || got != vkey {
		t.Errorf("%q %q", got, vkey)
	}
	bundle, err := os.ReadFile(filepath.Join(need(t, "TRB_GO_MINTED"), "tb-widget.bundle.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 2; i++ { // the second time finds it there
		logged, err := log.Publish(ctx, bundle)
		if err != nil || !bytes.Contains(logged, []byte("log.example")) {
			t.Fatalf("%s %v", logged, err)
		}
		// both packages in one program
		if b, err := verify.ParseBundle(logged); err != nil {
			t.Error(err)
		} else if again, err := b.MarshalJSON(); err != nil || !bytes.Equal(again, logged) {
			t.Errorf("%s %v", again, err)
		}
		if size, err := log.Size(ctx); err != nil || size != 1 {
			t.Errorf("%d %v", size, err)
		}
	}
	for _, f := range []func(context.Context, uint64) ([]byte, error){
		log.Entry, log.Describe, log.Proof} {
		if data, err := f(ctx, 0); err != nil || len(data) == 0 {
			t.Errorf("%q %v", data, err)
		}
		if _, err := f(ctx, 1); !errors.Is(err, status.Done) {
			t.Errorf("beyond: %v", err)
		}
	}
	if data, err := log.Checkpoint(ctx); err != nil ||
		!bytes.HasPrefix(data, []byte("log.example\n1\n")) {
		t.Errorf("%q %v", data, err)
	}
	if _, err := log.Publish(ctx, []byte("{")); !errors.Is(err, status.Check("bundle.parse")) {
		t.Errorf("%v", err)
	}
}

// Another process has the log's lock: waiting for it ends with the context, and the log goes on.
func TestLogCanceled(t *testing.T) {
	ctx := context.Background()
	host := testHost(t)
	if _, err := host.InitLog(ctx, "local", ""); err != nil {
		t.Fatal(err)
	}
	log, err := host.OpenLog(ctx, "local")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	bundle, err := os.ReadFile(filepath.Join(need(t, "TRB_GO_MINTED"), "tb-widget.bundle.json"))
	if err != nil {
		t.Fatal(err)
	}
	lock, err := os.OpenFile(filepath.Join(host.StateDir, "log", ".state", "lock"),
		os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	waits := make(chan error)
	started := time.Now()
	for i := 0; i < 2; i++ { // one for the lock, one for its turn
		go func() {
			_, err := log.Publish(short, bundle)
			waits <- err
		}()
	}
	for i := 0; i < 2; i++ {
		soon(t, "publish", started, <-waits)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Publish(ctx, bundle); err != nil {
		t.Error(err)
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
	err = errors.Join(s.SetOutputDir(t.TempDir()), s.SetTimeout(time.Minute),
		s.AllowPrivate("forge.example"),
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
