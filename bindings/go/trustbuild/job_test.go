// SPDX-License-Identifier: Apache-2.0
// Jobs: saved before published, resumed, dropped.

package trustbuild

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
	"github.com/libtrustbuild/libtrustbuild/bindings/go/verify"
)

func emptySession(t *testing.T) *Session {
	t.Helper()
	s, err := testHost(t).Open("process:eif=/none")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestJobArguments(t *testing.T) {
	request := testRequest(t)
	for name, options := range map[string]JobOptions{
		"nothing": {}, "both": {Request: request, Repository: repository},
		"two tokens":    {Repository: repository, Names: Names{Token: []byte("x")}},
		"an empty one":  {Request: request, Credential: []byte{}},
		"negative time": {Request: request, Timeout: -time.Second},
	} {
		job, err := NewJob(emptySession(t), t.TempDir(), options)
		if !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, status.Invalid) {
			job.Close()
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewJob(emptySession(t), "/none", JobOptions{Request: request}); !errors.Is(err,
		fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := testHost(t).ResumeJob(t.TempDir()); !errors.Is(err, status.NotFound) {
		t.Error(err)
	}
	out := t.TempDir()
	job, err := NewJob(emptySession(t), out, JobOptions{Request: request})
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close()
	ctx := context.Background()
	if err := job.Run(ctx, DoneStep); !errors.Is(err, status.NotFound) {
		t.Error(err)
	}
	if step, err := job.Step(); step != FailedStep || err != nil {
		t.Errorf("%v %v", step, err)
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != 0 {
		t.Errorf("left: %v %v", left, err)
	}
	if err := errors.Join(job.Close(), job.Close()); err != nil {
		t.Error(err)
	}
	if _, err := job.Next(ctx); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
}

func widgetJob(t *testing.T, host *Host, out string, log *Log) *Job {
	t.Helper()
	if _, err := widgetImage(); err != nil {
		t.Fatal(err)
	}
	session, err := host.Open("process:eif=" + need(t, "TRB_GO_EIF"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	if err := session.AllowPrivate("localhost"); err != nil {
		t.Fatal(err)
	}
	job, err := NewJob(session, out, JobOptions{Repository: need(t, "TRB_GO_WIDGET"),
		Names: Names{Ref: "refs/heads/main", CAFile: need(t, "TRB_GO_CA")}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { job.Close() })
	return job
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return strings.Join(all, " ")
}

// What is saved is there before anything is published, and another process can go on with it.
func TestJob(t *testing.T) {
	ctx := context.Background()
	host := buildHost(t)
	out, backend := t.TempDir(), "local:dir="+t.TempDir()+"/log"
	vkey, err := host.InitLog(ctx, backend, "")
	if err != nil {
		t.Fatal(err)
	}
	log, err := host.OpenLog(ctx, backend)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	job := widgetJob(t, host, out, log)
	if err := job.Run(ctx, PublishStep); err != nil {
		t.Fatal(err)
	}
	if size, err := log.Size(ctx); size != 0 || err != nil {
		t.Errorf("published before it was saved: %v %v", size, err)
	}
	if left := names(t, out); !strings.HasPrefix(left, ".trustbuild-job-") ||
		strings.Contains(left, " ") {
		t.Errorf("saved: %q", left)
	}
	request, err := job.Request()
	if err != nil {
		t.Fatal(err)
	}
	defer request.Close()
	fields, err := request.Fields()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.ResumeJob(out); !errors.Is(err, status.State) {
		t.Errorf("it lives: %v", err)
	}
	job.Close()

	job, err = host.ResumeJob(out)
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close()
	if err := job.SetLog(log); err != nil {
		t.Fatal(err)
	}
	var steps []string
	for {
		event, err := job.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if event.Type == StepEvent {
			steps = append(steps, event.State)
		}
	}
	if got := strings.Join(steps, " "); got != "PUBLISHED PLACED" {
		t.Errorf("steps: %s", got)
	}
	if left := names(t, out); left != "widget widget.bundle.json" {
		t.Errorf("placed: %q", left)
	}
	files, bundlePath, err := job.Files()
	if err != nil || len(files) != 1 || files[0].Name != "widget" || !files[0].Attested {
		t.Fatalf("%v %v", files, err)
	}
	root, err := host.SimulatedRoot()
	if err != nil {
		t.Fatal(err)
	}
	eif, err := widgetImage()
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := os.ReadFile(filepath.Join(out, bundlePath))
	if err != nil {
		t.Fatal(err)
	}
	judge(t, &verify.PolicyDraft{
		SimulatedRoots: [][]byte{root},
		Measurements:   map[string]map[int][]byte{"widget's": eif.PCRs},
		Repositories:   verify.Only(fields.Repository),
		Refs:           verify.Only("refs/heads/main"),
		Commits:        verify.Any(),
		LogKeys:        []string{vkey},
	}, bundle, filepath.Join(out, files[0].Path), fields.Commit)
}

// The caller refuses between saving and publishing, or cancels; nothing is left.
func TestJobDropped(t *testing.T) {
	ctx := context.Background()
	out := t.TempDir()
	job := widgetJob(t, buildHost(t), out, nil)
	if err := errors.Join(job.Run(ctx, PublishStep), job.Drop()); err != nil {
		t.Fatal(err)
	}
	if left := names(t, out); left != "" {
		t.Errorf("left: %q", left)
	}
	job.Close()

	job = widgetJob(t, buildHost(t), out, nil)
	stopped, cancel := context.WithCancel(ctx)
	defer cancel()
	var err error
	for err == nil {
		_, err = job.Next(stopped)
		cancel()
	}
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := job.Close(); err != nil {
		t.Error(err)
	}
	if left := names(t, out); left != "" {
		t.Errorf("left: %q", left)
	}
}
