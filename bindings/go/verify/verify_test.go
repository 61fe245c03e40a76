// SPDX-License-Identifier: Apache-2.0
// Verdicts, the same as tb-verify's.

package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/cheap"
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
		told := documentsTold(t, append(variant.args, files...))
		if len(told) != len(files) {
			t.Fatalf("%d files, %d verdicts", len(files), len(told))
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
			if got != told[i] {
				t.Errorf("%v: %q here, %q from tb-verify", variant.args, got,
					told[i])
			}
		}
		v.Close()
		t.Logf("%v: %d vectors, %d verified", variant.args, len(files), good)
		if (good > 0) == (variant.args != nil && variant.args[0] == "--time") {
			t.Errorf("%v: %d verified", variant.args, good)
		}
	}
}

// documentsTold is what tb-verify document says of each file.
func documentsTold(t *testing.T, args []string) (lines []string) {
	t.Helper()
	args = append([]string{"document", "--json"}, args...)
	out, err := exec.Command(need(t, "TRB_GO_TB_VERIFY"), args...).Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatal(err)
	}
	var told []struct {
		File   string
		Report struct {
			Verdict, Refused string
			Simulated        bool
		}
	}
	if err := json.Unmarshal(out, &told); err != nil {
		t.Fatal(err)
	}
	for _, d := range told {
		switch {
		case d.Report.Verdict == "VERIFIED" && d.Report.Simulated:
			lines = append(lines, "VERIFIED (SIMULATED) "+d.File)
		case d.Report.Verdict == "VERIFIED":
			lines = append(lines, "VERIFIED "+d.File)
		default:
			lines = append(lines, "REFUSED "+d.Report.Refused+" "+d.File)
		}
	}
	return lines
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
	if _, err := v.Check(nil); !errors.Is(err, status.Check("document.parse")) ||
		!status.IsVerdict(err) {
		t.Errorf("empty: %v", err)
	}
	if _, err := NewDocumentVerifier(Root([]byte("no root"))); !errors.Is(err, status.Format) {
		t.Errorf("root: %v", err)
	}
}

func TestDocumentDemands(t *testing.T) {
	root, document := Root(minted(t, "root.der")), minted(t, "nsm.bin")
	judge := func(options ...DocumentOption) (*Document, error) {
		v, err := NewDocumentVerifier(append(options, root)...)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		return v.Check(document)
	}
	d, err := judge()
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), d.PCRs[0]...)
	flipped[0] ^= 1
	for name, c := range map[string]struct {
		right, wrong DocumentOption
		check        status.Check
	}{
		"age": {DemandAge(d.Time.Add(time.Minute), time.Minute+time.Second),
			DemandAge(d.Time.Add(time.Hour), time.Minute), "document.time"},
		"future": {DemandAge(d.Time.Add(-4*time.Minute), time.Hour),
			DemandAge(d.Time.Add(-6*time.Minute), time.Hour), "document.time"},
		"pcr":   {DemandPCR(0, d.PCRs[0]), DemandPCR(0, flipped), "document.pcrs"},
		"nonce": {DemandNonce(d.Nonce), DemandNonce(nil), "document.nonce"},
		"data":  {DemandUserData(d.UserData), DemandUserData(nil), "document.data"},
		"key":   {AllowDebug(), DemandPublicKey([]byte("x")), "document.key"},
	} {
		if _, err := judge(c.right); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d, err := judge(c.wrong); d != nil || !errors.Is(err, c.check) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, option := range map[string]DocumentOption{
		"short PCR":    DemandPCR(0, []byte("short")),
		"no such PCR":  DemandPCR(32, flipped),
		"negative PCR": DemandPCR(-1, flipped),
		"long nonce":   DemandNonce(make([]byte, 1025)),
	} {
		if v, err := NewDocumentVerifier(option); !errors.Is(err, status.Invalid) {
			v.Close()
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParts(t *testing.T) {
	_, bundle := mintedVerifier(t)
	parts, err := bundle.Parts()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(parts.Attestation, minted(t, "nsm.bin")) || parts.Logs != 1 {
		t.Errorf("%+v", parts)
	}
	for _, part := range [][]byte{parts.Request, parts.Environment, parts.Artifacts} {
		if len(part) == 0 {
			t.Errorf("%+v", parts)
		}
	}
	var statement map[string]any
	if err := json.Unmarshal(parts.Statement, &statement); err != nil {
		t.Error(err)
	}
	d, err := ParseDocument(parts.Attestation)
	if err != nil || d.Assurance != 0 || len(d.PCRs) == 0 {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := ParseDocument(parts.Request); !errors.Is(err,
		status.Check("document.parse")) {
		t.Error(err)
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
		claims.Repository != "https://forge.example/widget" ||
		claims.Ref != "refs/heads/main" ||
		claims.Commit != "1f7a7a472abf3dd9643fd615f6da379c4acb3e3a" ||
		len(claims.PCRs[2]) != 48 ||
		claims.Time.Unix() != 1790000000 || claims.WitnessedTime.IsZero() ||
		claims.Log == "" {
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
	claims, err = v.VerifyFS(ctx, bundle, fstest.MapFS{"tb-widget": {Data: content}},
		"tb-widget")
	var e *status.Error
	if claims != nil || !errors.Is(err, status.Check("artifact.digest")) ||
		!errors.Is(err, status.Artifact) ||
		!errors.As(err, &e) || e.Message == "" || errors.Is(err, status.Log) ||
		errors.Is(err, status.Check("")) {
		t.Errorf("flipped: %v", err)
	}
	if _, err := v.Verify(ctx, bundle, bytes.NewReader(content),
		"other"); !errors.Is(err, status.Check("artifact.name")) {
		t.Errorf("name: %v", err)
	}
	claims, err = File(ctx, filepath.Join(dir, "tb-widget"),
		filepath.Join(dir, "tb-widget.bundle.json"),
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
	if _, err := v.VerifyDigest(bundle, sha256.Sum256(minted(t, "tb-widget")),
		"tb-widget"); err != nil {
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
	if text, err := report.Text(); err != nil ||
		!bytes.Contains(text, []byte("REFUSED artifact.digest")) {
		t.Errorf("%s %v", text, err)
	}
	if html, err := report.HTML(); err != nil ||
		!bytes.Contains(html, []byte("<h1>REFUSED</h1>")) {
		t.Errorf("%s %v", html, err)
	}
}

func TestUnreadable(t *testing.T) {
	for _, text := range []string{"", "{", "null", `{"mediaType": "x"}`} {
		b, err := ParseBundle([]byte(text))
		if b != nil || !errors.Is(err, status.Check("bundle.parse")) ||
			!status.IsVerdict(err) {
			t.Errorf("%q: %v", text, err)
		}
	}
	_, err := ParsePolicy([]byte(`{"policy": 2}`))
	if !errors.Is(err, status.Policy) || !errors.Is(err, status.Check("policy.parse")) ||
		status.IsVerdict(err) {
		t.Errorf("policy: %v", err)
	}
	if _, err := ReadBundle(
		bytes.NewReader(make([]byte, 5<<20))); !errors.Is(err, status.Limit) {
		t.Errorf("large: %v", err)
	}
}

func TestClosedAndCanceled(t *testing.T) {
	v, bundle := mintedVerifier(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := v.Verify(ctx, bundle, strings.NewReader("x"),
		"x"); !errors.Is(err, context.Canceled) {
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

// VerifyAll gives the verdicts of tb-verify, in order; an ended context decides nothing.
func TestVerifyAll(t *testing.T) {
	v, _ := mintedVerifier(t)
	dir := need(t, "TRB_GO_MINTED")
	good := filepath.Join(dir, "tb-widget")
	bad := filepath.Join(t.TempDir(), "tb-widget")
	if err := os.WriteFile(bad, []byte("other bytes"), 0o600); err != nil {
		t.Fatal(err)
	}
	items := make([]Item, 0, 40)
	for i := 0; i < 10; i++ {
		items = append(items, Item{good, good + ".bundle.json"},
			Item{bad, good + ".bundle.json"},
			Item{good, good}, Item{good, filepath.Join(dir, "none")})
	}
	for _, n := range []int{0, 1, 3} {
		results := v.VerifyAll(context.Background(), items, n)
		if len(results) != len(items) {
			t.Fatalf("%d results", len(results))
		}
		for i, r := range results {
			want := []bool{
				r.Err == nil && r.Claims.Artifact == "out/tb-widget",
				r.Claims == nil &&
					errors.Is(r.Err, status.Check("artifact.digest")),
				r.Claims == nil && errors.Is(r.Err, status.Check("bundle.parse")) &&
					status.IsVerdict(r.Err),
				r.Claims == nil && errors.Is(r.Err, fs.ErrNotExist) &&
					!status.IsVerdict(r.Err),
			}
			if r.Item != items[i] || !want[i%4] {
				t.Errorf("%d of %d: %+v", i, n, r)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, r := range v.VerifyAll(ctx, items, 2) {
		if r.Claims != nil || !errors.Is(r.Err, context.Canceled) {
			t.Errorf("canceled: %+v", r)
		}
	}
	if results := v.VerifyAll(context.Background(), nil, 0); len(results) != 0 {
		t.Errorf("nothing: %v", results)
	}
}

func draft() *PolicyDraft {
	pcr := bytes.Repeat([]byte{7}, 48)
	return &PolicyDraft{
		AWSNitro:     true,
		Measurements: map[string]map[int][]byte{"builder": {0: pcr, 1: pcr, 2: pcr}},
		Repositories: Only("https://forge.example/widget"),
		Refs:         Only("refs/heads/main"),
		Commits:      Any(),
		NoLog:        true,
	}
}

func TestPolicyDraft(t *testing.T) {
	if text, err := draft().JSON(); err != nil || bytes.Contains(text, []byte("witness")) {
		t.Errorf("%s %v", text, err)
	}
	// Everything that is left open, or contradicts itself, is an error and no policy.
	for name, spoil := range map[string]func(*PolicyDraft){
		"nothing":  func(d *PolicyDraft) { *d = PolicyDraft{} },
		"no root":  func(d *PolicyDraft) { d.AWSNitro = false },
		"no image": func(d *PolicyDraft) { d.Measurements = nil },
		"no PCR":   func(d *PolicyDraft) { delete(d.Measurements["builder"], 2) },
		"odd PCR": func(d *PolicyDraft) {
			d.Measurements["builder"][9] = make([]byte, 48)
		},
		"debug": func(d *PolicyDraft) {
			d.Measurements["builder"][0] = make([]byte, 48)
		},
		"repositories":  func(d *PolicyDraft) { d.Repositories = Accepted{} },
		"no repository": func(d *PolicyDraft) { d.Repositories = Only() },
		"refs":          func(d *PolicyDraft) { d.Refs = Accepted{} },
		"no commit":     func(d *PolicyDraft) { d.Commits = Only() },
		"no artifact":   func(d *PolicyDraft) { d.Artifacts = Only() },
		"both roots": func(d *PolicyDraft) {
			d.SimulatedRoots = [][]byte{minted(t, "root.der")}
		},
		"quorum of nobody": func(d *PolicyDraft) {
			d.NoLog, d.LogKeys = false, []string{"x"}
			d.Witnesses = &Witnesses{Quorum: 1}
		},
		"history":      func(d *PolicyDraft) { d.History = "any" },
		"no log":       func(d *PolicyDraft) { d.NoLog = false },
		"log and none": func(d *PolicyDraft) { d.LogKeys = []string{"x"} },
		"no log's":     func(d *PolicyDraft) { d.Witnesses = &Witnesses{Quorum: 1} },
		"runtimes":     func(d *PolicyDraft) { d.Runtimes = Only("docker") },
		"age":          func(d *PolicyDraft) { d.MaxAge = time.Millisecond },
		"endless slack": func(d *PolicyDraft) {
			d.Slack = -time.Hour
			d.Witnesses = &Witnesses{}
		},
	} {
		d := draft()
		spoil(d)
		if text, err := d.JSON(); text != nil || !errors.Is(err, status.Policy) &&
			!errors.Is(err, status.Invalid) && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: %s %v", name, text, err)
		}
	}
}

// What a draft says is what a policy demands: the minted evidence satisfies it, and each narrower
// one refuses by its own check.
func TestPolicyDraftJudges(t *testing.T) {
	var minted1 struct {
		Measurements []struct{ Pcrs map[string]string }
		Log          struct {
			Keys      []string
			Witnesses struct {
				Keys   []string
				Quorum int
			}
		}
	}
	if err := json.Unmarshal(minted(t, "policy.json"), &minted1); err != nil {
		t.Fatal(err)
	}
	pcrs := map[int][]byte{}
	for name, digits := range minted1.Measurements[0].Pcrs {
		index, err := strconv.Atoi(name)
		if err != nil {
			t.Fatal(err)
		}
		if pcrs[index], err = hex.DecodeString(digits); err != nil {
			t.Fatal(err)
		}
	}
	full := func() *PolicyDraft {
		return &PolicyDraft{
			SimulatedRoots: [][]byte{minted(t, "root.der")},
			Measurements:   map[string]map[int][]byte{"minted": pcrs},
			Repositories:   Only("https://forge.example/widget"),
			Refs:           Only("refs/heads/main", "refs/heads/other"),
			Commits:        Any(),
			Recipe:         Any(),
			Runtimes:       Any(),
			Network:        "any",
			LogKeys:        minted1.Log.Keys,
			Witnesses: &Witnesses{Keys: minted1.Log.Witnesses.Keys,
				Quorum: minted1.Log.Witnesses.Quorum},
		}
	}
	for _, c := range []struct {
		check status.Check
		edit  func(*PolicyDraft)
	}{
		{"", func(*PolicyDraft) {}},
		{"", func(d *PolicyDraft) { d.Witnesses = nil }},
		{"", func(d *PolicyDraft) { d.Witnesses, d.LogKeys, d.NoLog = nil, nil, true }},
		{"document.chain",
			func(d *PolicyDraft) { d.SimulatedRoots, d.AWSNitro = nil, true }},
		{"source.repository", func(d *PolicyDraft) {
			d.Repositories = Only("https://forge.example/other")
		}},
		{"source.ref", func(d *PolicyDraft) { d.Refs = Only("refs/heads/other") }},
		{"source.commit",
			func(d *PolicyDraft) { d.Commits = Only(strings.Repeat("1", 40)) }},
		{"sandbox.runtime", func(d *PolicyDraft) { d.Runtimes = Only("crun") }},
		{"artifact.name", func(d *PolicyDraft) { d.Artifacts = Only("out/other") }},
		{"", func(d *PolicyDraft) { d.History, d.MaxSteps = "first-parent", 3 }},
		{"sandbox.machine", func(d *PolicyDraft) { d.CPUs = 65536 }},
		{"time.bound", func(d *PolicyDraft) {
			d.NotBefore = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
		}},
	} {
		d := full()
		c.edit(d)
		text, err := d.JSON()
		if err != nil {
			t.Errorf("%s: %v", c.check, err)
			continue
		}
		policy, err := ParsePolicy(text)
		if err != nil {
			t.Fatal(err)
		}
		v, err := NewVerifier(policy)
		policy.Close()
		if err != nil {
			t.Fatal(err)
		}
		_, bundle := mintedVerifier(t)
		_, err = v.VerifyDigest(bundle, sha256.Sum256(minted(t, "tb-widget")), "tb-widget")
		v.Close()
		if status.CheckOf(err) != c.check {
			t.Errorf("wanted %q, got %v", string(c.check), err)
		}
	}
}

// What nobody closed is collected; a use keeps its object alive.
func TestFinalizers(t *testing.T) {
	policy, err := ParsePolicy(minted(t, "policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	json := minted(t, "tb-widget.bundle.json")
	digest := sha256.Sum256(minted(t, "tb-widget"))
	for i := 0; i < 50; i++ {
		v, err := NewVerifier(policy)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ParseBundle(json)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.VerifyDigest(b, digest, "tb-widget"); err != nil {
			t.Error(err)
		}
		if i%10 == 0 {
			runtime.GC()
		}
	}
	runtime.GC()
}

// Ten thousand verifications from four goroutines agree, every second one refused, and leave C's
// heap as they found it. Each goroutine has a thread to itself, which has its caches before the
// first look; GLIBC_TUNABLES keeps malloc from having others.
func TestTenThousand(t *testing.T) {
	need(t, "GLIBC_TUNABLES")
	v, bundle := mintedVerifier(t)
	json, good := minted(t, "tb-widget.bundle.json"), sha256.Sum256(minted(t, "tb-widget"))
	const goroutines, warm, each, bound = 4, 50, 2500, 16 << 10
	var started, done sync.WaitGroup
	begin := make(chan struct{})
	wrong := make([]error, goroutines)
	run := func(g, from, to int) {
		for i := from; i < to && wrong[g] == nil; i++ {
			wrong[g] = verifyOnce(v, bundle, json, good, i)
		}
	}
	for g := 0; g < goroutines; g++ {
		started.Add(1)
		done.Add(1)
		go func(g int) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			run(g, 0, warm)
			started.Done()
			<-begin
			run(g, 0, each)
			done.Done()
		}(g)
	}
	started.Wait()
	before := cheap.InUse()
	close(begin)
	done.Wait()
	grown := cheap.InUse() - before
	if err := errors.Join(wrong...); err != nil {
		t.Fatal(err)
	}
	t.Logf("C's heap has grown by %d bytes", grown)
	if grown > bound {
		t.Error("something leaks")
	}
}

// verifyOnce judges a good digest for even i, and a flipped one for odd; now and then with a bundle
// and a report of its own.
func verifyOnce(v *Verifier, bundle *Bundle, json []byte, digest [sha256.Size]byte, i int) error {
	digest[i%32] ^= byte(i & 1)
	if i%10 < 2 {
		var err error
		if bundle, err = ParseBundle(json); err != nil {
			return err
		}
		defer bundle.Close()
	}
	claims, report, err := v.check(bundle, digest, "tb-widget", i%10 < 2)
	defer report.Close()
	if i&1 == 0 && (err != nil || claims.Artifact != "out/tb-widget") {
		return fmt.Errorf("%d: %w", i, err)
	}
	if i&1 == 1 && (claims != nil || !errors.Is(err, status.Check("artifact.digest"))) {
		return fmt.Errorf("%d: verified, or refused elsewhere: %w", i, err)
	}
	return nil
}
