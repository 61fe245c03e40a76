// SPDX-License-Identifier: Apache-2.0
// Texts that C would cut, and files that are none.

package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/exported"
	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
)

// C would end a text at its NUL, and judge by what stands before it.
func TestTextsWithNul(t *testing.T) {
	v, bundle := mintedVerifier(t)
	ctx := context.Background()
	digest := sha256.Sum256(minted(t, "tb-widget"))
	policy, err := ParsePolicy(minted(t, "policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer policy.Close()
	documents, err := NewDocumentVerifier()
	if err != nil {
		t.Fatal(err)
	}
	defer documents.Close()
	option := func(make func(string) Option) func(string) error {
		return func(text string) error {
			v, err := NewVerifier(policy, make(text))
			v.Close()
			return err
		}
	}
	file := filepath.Join(need(t, "TRB_GO_MINTED"), "tb-widget")
	files := func(paths func(string) (artifact, bundle, policy string)) func(string) error {
		return func(text string) error {
			a, b, p := paths(text)
			_, err := File(ctx, a, b, p)
			return err
		}
	}
	drafts := func(set func(*PolicyDraft, string)) func(string) error {
		return func(text string) error {
			d := draft()
			set(d, text)
			_, err := d.JSON()
			return err
		}
	}
	exported.Refuse(t, map[string]func(string) error{
		"Repository(url)": option(Repository),
		"Commit(digits)":  option(Commit),
		"Entry(name)":     option(Entry),
		"Verifier.Verify(name)": func(text string) error {
			artifact := bytes.NewReader(minted(t, "tb-widget"))
			_, err := v.Verify(ctx, bundle, artifact, text)
			return err
		},
		"Verifier.VerifyFS(name)": func(text string) error {
			fsys := fstest.MapFS{text: {Data: minted(t, "tb-widget")}}
			_, err := v.VerifyFS(ctx, bundle, fsys, text)
			return err
		},
		"Verifier.VerifyFile(path)": func(text string) error {
			_, err := v.VerifyFile(ctx, bundle, file+text)
			return err
		},
		"Verifier.VerifyDigest(name)": func(text string) error {
			_, err := v.VerifyDigest(bundle, digest, text)
			return err
		},
		"Verifier.Report(name)": func(text string) error {
			_, report, err := v.Report(bundle, digest, text)
			report.Close()
			return err
		},
		"File(artifact)": files(func(text string) (a, b, p string) {
			return file + text, file + ".bundle.json",
				filepath.Join(filepath.Dir(file), "policy.json")
		}),
		"File(bundle)": files(func(text string) (a, b, p string) {
			return file, file + ".bundle.json" + text,
				filepath.Join(filepath.Dir(file), "policy.json")
		}),
		"File(policy)": files(func(text string) (a, b, p string) {
			return file, file + ".bundle.json",
				filepath.Join(filepath.Dir(file), "policy.json"+text)
		}),
		"OpenPolicy(path)": func(text string) error {
			_, err := OpenPolicy(text)
			return err
		},
		"OpenBundle(path)": func(text string) error {
			_, err := OpenBundle(text)
			return err
		},
		"DocumentVerifier.CheckFile(path)": func(text string) error {
			_, err := documents.CheckFile(text)
			return err
		},
		"Item.Artifact": func(text string) error {
			items := []Item{{file + text, file + ".bundle.json"}}
			return v.VerifyAll(ctx, items, 1)[0].Err
		},
		"Item.Bundle": func(text string) error {
			items := []Item{{file, file + ".bundle.json" + text}}
			return v.VerifyAll(ctx, items, 1)[0].Err
		},
		"Only(values)": drafts(func(d *PolicyDraft, text string) {
			d.Repositories = Only("https://forge.example/widget" + text)
		}),
		"PolicyDraft.Measurements": drafts(func(d *PolicyDraft, text string) {
			d.Measurements = map[string]map[int][]byte{text: d.Measurements["builder"]}
		}),
		"PolicyDraft.ProposedName": drafts(func(d *PolicyDraft, text string) {
			d.Proposed, d.ProposedName = bundle, text
		}),
		"PolicyDraft.History": drafts(func(d *PolicyDraft, text string) {
			d.History = text
		}),
		"PolicyDraft.Descriptions": drafts(func(d *PolicyDraft, text string) {
			d.Descriptions = map[string][]byte{text: []byte("{}")}
		}),
		"PolicyDraft.Network": drafts(func(d *PolicyDraft, text string) {
			d.Network = text
		}),
		"PolicyDraft.LogKeys": drafts(func(d *PolicyDraft, text string) {
			d.NoLog, d.LogKeys = false, []string{text}
		}),
		"Witnesses.Keys": drafts(func(d *PolicyDraft, text string) {
			d.Witnesses = &Witnesses{Keys: []string{text}, Quorum: 1}
		}),
		"CheckResult.Title": nil, "CheckResult.Rule": nil,
		"CheckResult.Expected": nil, "CheckResult.Actual": nil,
		"Claims.Location": nil, "Claims.RefTip": nil, "Claims.RefTag": nil,
		"Claims.Relation": nil, "Claims.CPUModel": nil,
		"Claims.Artifact": nil, "Claims.Repository": nil, "Claims.Ref": nil,
		"Claims.Commit": nil, "Claims.Runtime": nil, "Claims.Measurement": nil,
		"Claims.Log": nil, "Document.ModuleID": nil,
	}, func(err error) bool {
		return errors.Is(err, status.Invalid) || errors.Is(err, status.Policy) ||
			errors.Is(err, syscall.EINVAL)
	})
}

// Opening a pipe waits for its writer, and a device has no end.
func TestIrregularFiles(t *testing.T) {
	dir := need(t, "TRB_GO_MINTED")
	at := func(name string) string { return filepath.Join(dir, name) }
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	good := [3]string{at("tb-widget"), at("tb-widget.bundle.json"), at("policy.json")}
	ctx := context.Background()
	if _, err := File(ctx, good[0], good[1], good[2]); err != nil {
		t.Fatal(err)
	}
	root, err := os.ReadFile(at("root.der"))
	if err != nil {
		t.Fatal(err)
	}
	documents, err := NewDocumentVerifier(Root(root))
	if err != nil {
		t.Fatal(err)
	}
	defer documents.Close()
	if _, err := documents.CheckFile(at("nsm.bin")); err != nil {
		t.Error(err)
	}
	for _, irregular := range []string{fifo, "/dev/zero", "/dev/null", dir} {
		for i := range good {
			files := good
			files[i] = irregular
			_, err := File(ctx, files[0], files[1], files[2])
			refusesIrregular(t, err)
		}
		_, err := documents.CheckFile(irregular)
		refusesIrregular(t, err)
	}
}

func refusesIrregular(t *testing.T, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Error(err)
	}
}
