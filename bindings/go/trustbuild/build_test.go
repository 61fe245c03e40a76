// SPDX-License-Identifier: Apache-2.0
// Whole builds, and what the verifier says of them.

package trustbuild

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
	"github.com/libtrustbuild/libtrustbuild/bindings/go/verify"
)

// widgetImage is an enclave image that trusts the test's authority, made once. What takes minutes
// is taken from the state directory of whoever runs this.
var widgetImage = sync.OnceValues(func() (*EIF, error) {
	host := &Host{LibexecDir: os.Getenv("TRB_GO_LIBEXEC")}
	_, eif, err := host.BuildImage(context.Background(), ImageRecipe{
		Out:     os.Getenv("TRB_GO_EIF"),
		Enclave: os.Getenv("TRB_GO_ENCLAVE"),
		ExtraCA: os.Getenv("TRB_GO_CA"),
	})
	return eif, err
})

// unpacked is the state directory of all builds: an image is unpacked there once.
var unpacked string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "trustbuild-go-")
	if err != nil {
		panic(err)
	}
	unpacked = dir
	exit := m.Run()
	os.RemoveAll(dir)
	os.Exit(exit)
}

func buildHost(t *testing.T) *Host {
	t.Helper()
	return &Host{StateDir: unpacked, LibexecDir: need(t, "TRB_GO_LIBEXEC")}
}

// openWidget is a session with that image, for a repository on this machine.
func openWidget(t *testing.T, host *Host, out string) (*Session, *EIF) {
	t.Helper()
	image := need(t, "TRB_GO_EIF")
	eif, err := widgetImage()
	if err != nil {
		t.Fatal(err)
	}
	s, err := host.Open("process:eif=" + image)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := errors.Join(s.AllowPrivate("localhost"), s.SetOutputDir(out)); err != nil {
		t.Fatal(err)
	}
	return s, eif
}

// From a repository to a verdict: every package, every kind of event.
func TestBuild(t *testing.T) {
	ctx := context.Background()
	lines := &told{}
	host := buildHost(t)
	host.Logger = slog.New(lines)
	out := t.TempDir()
	session, eif := openWidget(t, host, out)

	request, err := host.Resolve(ctx, need(t, "TRB_GO_WIDGET"),
		Names{Ref: "refs/heads/main", CAFile: need(t, "TRB_GO_CA")})
	if err != nil {
		t.Fatal(err)
	}
	defer request.Close()
	fields, err := request.Fields()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[EventType]int{}
	var printed strings.Builder
	bundle, err := session.Build(ctx, request, func(e *Event) error {
		seen[e.Type]++
		switch {
		case e.Type == OutputEvent:
			printed.Write(e.Text)
		case e.Type == StateEvent && e.State == "COMMITTED" &&
			string(e.Text) != fields.Commit:
			t.Errorf("committed to %s", e.Text)
		case e.Type == ArtifactEvent && (string(e.Text) != "widget" || !e.Attested ||
			e.Size == 0):
			t.Errorf("artifact %+v", e)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, &printed, lines)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	for _, kind := range []EventType{StateEvent, ProgressEvent, OutputEvent, ArtifactEvent,
		BundleEvent} {
		if seen[kind] == 0 {
			t.Errorf("no event %v in %v", kind, seen)
		}
	}
	if !strings.Contains(printed.String(), "a widget is made") {
		t.Errorf("printed: %q", &printed)
	}
	if !strings.Contains(lines.String(), "unpacking") {
		t.Errorf("the logger was told %q", lines)
	}

	vkey, err := host.InitLog(ctx, "local", "")
	if err != nil {
		t.Fatal(err)
	}
	log, err := host.OpenLog(ctx, "local")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	logged, err := log.Publish(ctx, bundle)
	if err != nil {
		t.Fatal(err)
	}
	root, err := host.SimulatedRoot()
	if err != nil {
		t.Fatal(err)
	}
	draft := verify.PolicyDraft{
		SimulatedRoots: [][]byte{root},
		Measurements:   map[string]map[int][]byte{"widget's": eif.PCRs},
		Repositories:   verify.Only(fields.Repository),
		Refs:           verify.Only("refs/heads/main"),
		Commits:        verify.Any(),
		LogKeys:        []string{vkey},
	}
	judge(t, &draft, logged, filepath.Join(out, "widget"), fields.Commit)
	if _, err := verifyWith(t, &draft, bundle,
		filepath.Join(out, "widget")); !errors.Is(err, status.Log) {
		t.Errorf("not logged: %v", err)
	}
	eif.PCRs[0][0] ^= 1
	if _, err := verifyWith(t, &draft, logged,
		filepath.Join(out, "widget")); !errors.Is(err, status.Measurement) {
		t.Errorf("another image: %v", err)
	}
	eif.PCRs[0][0] ^= 1
}

func verifyWith(t *testing.T, draft *verify.PolicyDraft, bundle []byte,
	artifact string) (*verify.Claims, error) {
	t.Helper()
	text, err := draft.JSON()
	if err != nil {
		t.Fatal(err)
	}
	policy, err := verify.ParsePolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	defer policy.Close()
	v, err := verify.NewVerifier(policy)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	b, err := verify.ReadBundle(bytes.NewReader(bundle))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	return v.VerifyFile(context.Background(), b, artifact)
}

func judge(t *testing.T, draft *verify.PolicyDraft, bundle []byte, artifact, commit string) {
	t.Helper()
	claims, err := verifyWith(t, draft, bundle, artifact)
	if err != nil {
		t.Fatal(err)
	}
	if claims.Assurance != verify.Simulated || claims.Artifact != "widget" ||
		claims.Commit != commit ||
		claims.Measurement != "widget's" || claims.Log == "" {
		t.Errorf("%+v", claims)
	}
	content, err := os.ReadFile(artifact)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	flipped := filepath.Join(t.TempDir(), "widget")
	if err := os.WriteFile(flipped, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := verifyWith(t, draft, bundle,
		flipped); !errors.Is(err, status.Check("artifact.digest")) {
		t.Errorf("flipped: %v", err)
	}
}

// An enclave that runs is ended by its context, and by an error of the caller's; nothing is left.
func TestBuildCanceled(t *testing.T) {
	stopped := errors.New("enough")
	for _, c := range []struct {
		name string
		stop func(context.CancelFunc) error
		want error
	}{
		{"context", func(cancel context.CancelFunc) error { cancel(); return nil },
			context.Canceled},
		{"caller", func(context.CancelFunc) error { return stopped }, stopped},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := t.TempDir()
			host := buildHost(t)
			session, _ := openWidget(t, host, out)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			events := 0
			bundle, err := session.Build(ctx, widgetRequest(t), func(*Event) error {
				events++
				return c.stop(cancel)
			})
			if bundle != nil || events == 0 || !errors.Is(err, c.want) {
				t.Errorf("%d events, %v", events, err)
			}
			if err := session.Close(); err != nil {
				t.Error(err)
			}
			if left, err := os.ReadDir(out); err != nil || len(left) != 0 {
				t.Errorf("left: %v %v", left, err)
			}
			left, err := os.ReadDir(filepath.Join(host.StateDir, "run"))
			if err != nil || len(left) != 0 {
				t.Errorf("left: %v %v", left, err)
			}
		})
	}
}

// A build whose command fails.
func TestFailingBuild(t *testing.T) {
	session, _ := openWidget(t, buildHost(t), t.TempDir())
	request := widgetRequest(t)
	recipe := []byte(`{"recipe": 1, "commands": [["false"]], "artifacts": ["widget"]}`)
	if err := request.SetRecipe(recipe); err != nil {
		t.Fatal(err)
	}
	if _, err := session.Build(context.Background(), request,
		nil); !errors.Is(err, status.Build) {
		t.Error(err)
	}
}
