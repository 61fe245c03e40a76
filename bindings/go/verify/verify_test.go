// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
)

// need gives a path that scripts/test-go hands over. Without it nothing would be tested.
func need(t testing.TB, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set: run scripts/test-go", name)
	}
	return value
}

func minted(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(need(t, "TRB_GO_MINTED"), name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func mintedVerifier(t testing.TB, options ...Option) (*Verifier, *Bundle) {
	t.Helper()
	policy, err := ParsePolicy(minted(t, "policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer policy.Close()
	v, err := NewVerifier(policy, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	bundle, err := ReadBundle(bytes.NewReader(minted(t, "tb-widget.bundle.json")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bundle.Close() })
	return v, bundle
}

func TestStatusNames(t *testing.T) {
	for code := 0; code >= -1020; code-- {
		if got, want := status.Code(code).String(), statusName(code); got != want {
			t.Errorf("%d is %s here, %s in C", code, got, want)
		}
	}
}

// Every vector has the verdict and the check id of tb-verify document.
func TestVectorsAsTbVerify(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(need(t, "TRB_VECTORS"), "nitro", "*tive", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, variant := range []struct {
		args    []string
		options []DocumentOption
	}{
		{nil, nil},
		{[]string{"--allow-debug"}, []DocumentOption{AllowDebug()}},
		{[]string{"--time", "2026-01-31T12:00:00Z"},
			[]DocumentOption{JudgeAt(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))}},
	} {
		args := append(append([]string{"document"}, variant.args...), files...)
		out, err := exec.Command(need(t, "TRB_GO_TB_VERIFY"), args...).Output()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		if len(lines) != len(files) {
			t.Fatalf("%d files, %d lines", len(files), len(lines))
		}
		v, err := NewDocumentVerifier(variant.options...)
		if err != nil {
			t.Fatal(err)
		}
		good := 0
		for i, file := range files {
			got := documentLine(t, v, file)
			if strings.HasPrefix(got, "VERIFIED") {
				good++
			}
			if got != lines[i] {
				t.Errorf("%v: %q here, %q from tb-verify", variant.args, got, lines[i])
			}
		}
		v.Close()
		t.Logf("%v: %d vectors, %d verified", variant.args, len(files), good)
		if (good > 0) == (variant.args != nil && variant.args[0] == "--time") {
			t.Errorf("%v: %d verified", variant.args, good)
		}
	}
}

func documentLine(t *testing.T, v *DocumentVerifier, file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := v.Check(data)
	switch {
	case err == nil && d.Assurance == Hardware:
		return "VERIFIED " + file
	case err == nil:
		return "VERIFIED (SIMULATED) " + file
	case status.IsVerdict(err):
		return fmt.Sprintf("REFUSED %s %s", string(status.CheckOf(err)), file)
	}
	return "ERROR " + err.Error()
}

func TestDocumentFields(t *testing.T) {
	v, err := NewDocumentVerifier(Root(minted(t, "root.der")))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	d, err := v.Check(minted(t, "nsm.bin"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Assurance != Simulated || d.ModuleID != "i-0123456789abcdef0-enc0123456789abcdef" ||
		len(d.PCRs[0]) != 48 || len(d.CABundle) == 0 || len(d.Certificate) == 0 {
		t.Errorf("%+v", d)
	}
	if _, err := v.Check(nil); !errors.Is(err, status.Check("document.parse")) || !status.IsVerdict(err) {
		t.Errorf("empty: %v", err)
	}
	if _, err := NewDocumentVerifier(Root([]byte("no root"))); !errors.Is(err, status.Format) {
		t.Errorf("root: %v", err)
	}
}

func TestBundle(t *testing.T) {
	v, bundle := mintedVerifier(t)
	ctx := context.Background()
	dir := need(t, "TRB_GO_MINTED")
	claims, err := v.VerifyFile(ctx, bundle, filepath.Join(dir, "tb-widget"))
	if err != nil {
		t.Fatal(err)
	}
	if claims.Assurance != Simulated || claims.Artifact != "out/tb-widget" ||
		claims.Repository != "https://forge.example/widget" || claims.Ref != "refs/heads/main" ||
		claims.Commit != "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a" || len(claims.PCRs[2]) != 48 ||
		claims.Time.Unix() != 1790000000 || claims.WitnessedTime.IsZero() || claims.Log == "" {
		t.Errorf("%+v", claims)
	}
	if _, err := v.VerifyFS(ctx, bundle, os.DirFS(dir), "tb-widget"); err != nil {
		t.Error(err)
	}
	content := minted(t, "tb-widget")
	if want := sha256.Sum256(content); !bytes.Equal(claims.ArtifactDigest, want[:]) ||
		claims.ArtifactSize != uint64(len(content)) {
		t.Errorf("%+v", claims)
	}
	content[0] ^= 1
	claims, err = v.VerifyFS(ctx, bundle, fstest.MapFS{"tb-widget": {Data: content}}, "tb-widget")
	var e *status.Error
	if claims != nil || !errors.Is(err, status.Check("artifact.digest")) || !errors.Is(err, status.Artifact) ||
		!errors.As(err, &e) || e.Message == "" || errors.Is(err, status.Log) || errors.Is(err, status.Check("")) {
		t.Errorf("flipped: %v", err)
	}
	if _, err := v.Verify(ctx, bundle, bytes.NewReader(content), "other"); !errors.Is(err, status.Check("artifact.name")) {
		t.Errorf("name: %v", err)
	}
	claims, err = File(ctx, filepath.Join(dir, "tb-widget"), filepath.Join(dir, "tb-widget.bundle.json"),
		filepath.Join(dir, "policy.json"))
	if err != nil || claims.Artifact != "out/tb-widget" {
		t.Errorf("%v", err)
	}
}

func TestDemands(t *testing.T) {
	for _, c := range []struct {
		option Option
		check  status.Check
	}{
		{Repository("https://forge.example/other"), "source.repository"},
		{Commit("2f7a7a472abf3dd9643fd615f6da379c4acb3e3a"), "source.commit"},
		{Nonce(make([]byte, 16)), "nonce.match"},
		{Entry("out/none"), "artifact.name"},
	} {
		v, bundle := mintedVerifier(t, c.option)
		_, err := v.VerifyDigest(bundle, sha256.Sum256(minted(t, "tb-widget")), "tb-widget")
		if !errors.Is(err, c.check) || !status.IsVerdict(err) {
			t.Errorf("%s: %v", c.check, err)
		}
	}
	policy, err := ParsePolicy(minted(t, "policy-live.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer policy.Close()
	_, bundle := mintedVerifier(t)
	v, err := NewVerifier(policy, AtTime(time.Date(2026, 9, 21, 14, 20, 0, 0, time.UTC)))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, err := v.VerifyDigest(bundle, sha256.Sum256(minted(t, "tb-widget")), "tb-widget"); err != nil {
		t.Errorf("live: %v", err)
	}
	if _, err := NewVerifier(policy, Nonce([]byte("short"))); !errors.Is(err, status.Invalid) {
		t.Errorf("nonce: %v", err)
	}
}

func TestReport(t *testing.T) {
	v, bundle := mintedVerifier(t)
	claims, report, err := v.Report(bundle, [32]byte{}, "tb-widget")
	if claims != nil || !errors.Is(err, status.Artifact) || report == nil {
		t.Fatalf("%v %v %v", claims, report, err)
	}
	defer report.Close()
	if refused, err := report.Refused(); err != nil || refused != "artifact.digest" {
		t.Errorf("%s %v", refused, err)
	}
	checks, err := report.Checks()
	failed := 0
	for _, c := range checks {
		if c.Outcome == Fail && c.ID == "artifact.digest" && c.Rule != "" && c.Title != "" {
			failed++
		}
	}
	if err != nil || failed != 1 {
		t.Errorf("%+v %v", checks, err)
	}
	var parsed struct{ Verdict, Refused string }
	if text, err := report.MarshalJSON(); err != nil || json.Unmarshal(text, &parsed) != nil ||
		parsed.Verdict != "REFUSED" || parsed.Refused != "artifact.digest" {
		t.Errorf("%s %v", text, err)
	}
	if text, err := report.Text(); err != nil || !bytes.Contains(text, []byte("REFUSED artifact.digest")) {
		t.Errorf("%s %v", text, err)
	}
	if html, err := report.HTML(); err != nil || !bytes.Contains(html, []byte("<h1>REFUSED</h1>")) {
		t.Errorf("%s %v", html, err)
	}
}

func TestUnreadable(t *testing.T) {
	for _, text := range []string{"", "{", "null", `{"mediaType": "x"}`} {
		b, err := ParseBundle([]byte(text))
		if b != nil || !errors.Is(err, status.Check("bundle.parse")) || !status.IsVerdict(err) {
			t.Errorf("%q: %v", text, err)
		}
	}
	_, err := ParsePolicy([]byte(`{"policy": 1}`))
	if !errors.Is(err, status.Policy) || !errors.Is(err, status.Check("policy.parse")) || status.IsVerdict(err) {
		t.Errorf("policy: %v", err)
	}
	if _, err := ReadBundle(bytes.NewReader(make([]byte, 2<<20))); !errors.Is(err, status.Limit) {
		t.Errorf("large: %v", err)
	}
}

func TestClosedAndCanceled(t *testing.T) {
	v, bundle := mintedVerifier(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := v.Verify(ctx, bundle, strings.NewReader("x"), "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	bundle.Close()
	bundle.Close()
	if _, err := v.VerifyDigest(bundle, [32]byte{}, "x"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("%v", err)
	}
	if _, err := v.VerifyDigest(nil, [32]byte{}, "x"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("%v", err)
	}
	v.Close()
	if _, err := v.VerifyDigest(bundle, [32]byte{}, "x"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("%v", err)
	}
}

// Ten thousand verifications from four goroutines agree, every second one refused.
func TestTenThousand(t *testing.T) {
	v, bundle := mintedVerifier(t)
	good := sha256.Sum256(minted(t, "tb-widget"))
	const goroutines, each = 4, 2500
	var wg sync.WaitGroup
	wrong := make([]error, goroutines)
	for g := 0; g < goroutines; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			for i := 0; i < each && wrong[g] == nil; i++ {
				digest := good
				digest[i%32] ^= byte(i & 1)
				claims, err := v.VerifyDigest(bundle, digest, "tb-widget")
				if i&1 == 0 && (err != nil || claims.Artifact != "out/tb-widget") {
					wrong[g] = fmt.Errorf("%d: %w", i, err)
				}
				if i&1 == 1 && (claims != nil || !errors.Is(err, status.Check("artifact.digest"))) {
					wrong[g] = fmt.Errorf("%d: verified, or refused elsewhere: %v", i, err)
				}
			}
		}(g)
	}
	wg.Wait()
	if err := errors.Join(wrong...); err != nil {
		t.Error(err)
	}
}
