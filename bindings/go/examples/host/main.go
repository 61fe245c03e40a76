// SPDX-License-Identifier: Apache-2.0

// Command host builds a repository in a simulated enclave: it makes the image, asks the
// repository's server for the commit, runs the build, publishes the evidence in a log, and leaves
// artifacts, bundle and a policy for command verifier.
//
//	go run ./examples/host -ref refs/heads/main -out widget-out https://forge.example/widget.git
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
	"github.com/libtrustbuild/libtrustbuild/bindings/go/trustbuild"
	"github.com/libtrustbuild/libtrustbuild/bindings/go/verify"
)

var (
	out = flag.String("out", "trustbuild-out", "`directory` for what comes out")
	ref = flag.String("ref", "refs/heads/main",
		"full `name` of the ref that the commit must be in")
	name = flag.String("name", "",
		"`commit`, branch or tag; default: what the ref points to")
	ca      = flag.String("ca", "", "PEM `file` of certificates to trust beside the system's")
	private = flag.String("allow-private", "",
		"`host` that the enclave may reach though its address is private")
	logDir  = flag.String("log", "", "`directory` of the log; default: in the state directory")
	libexec = flag.String("libexec", "",
		"`directory` of the helper programs; default: the installed ones")
	enclave = flag.String("enclave", "", "enclave `program`; default: the installed one")
	image   = flag.String("image", "",
		"enclave image `file`, made where it is not there; default: in the state directory")
)

func main() {
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: host [options] REPOSITORY")
		flag.PrintDefaults()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "host:", err)
		os.Exit(3)
	}
}

func run(ctx context.Context, repository string) error {
	host := &trustbuild.Host{
		LibexecDir: *libexec,
		Logger:     slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	path, eif, err := host.BuildImage(ctx,
		trustbuild.ImageRecipe{Out: *image, Enclave: *enclave, ExtraCA: *ca})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	log, err := openLog(ctx, host)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := build(ctx, host, path, repository, log); err != nil {
		return err
	}
	policy, err := draft(host, eif, repository, log.VKey())
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(*out, "policy.json"), policy, 0o644)
}

// build leaves artifacts and bundle, which is in the log, in the output directory: all or none.
func build(ctx context.Context, host *trustbuild.Host, image, repository string,
	log *trustbuild.Log) error {
	session, err := host.Open("process:eif=" + image)
	if err != nil {
		return err
	}
	defer session.Close()
	if *private != "" {
		if err := session.AllowPrivate(*private); err != nil {
			return err
		}
	}
	job, err := trustbuild.NewJob(session, *out, trustbuild.JobOptions{
		Repository: repository,
		Names:      trustbuild.Names{Name: *name, Ref: *ref, CAFile: *ca},
		Log:        log,
		Replace:    true,
	})
	if err != nil {
		return err
	}
	defer job.Close()
	if err := job.Run(ctx, trustbuild.DoneStep); err != nil {
		return err
	}
	files, bundle, err := job.Files()
	if err != nil {
		return err
	}
	for _, file := range files {
		fmt.Printf("%q, with %q\n", file.Path, bundle)
	}
	return nil
}

// openLog makes the log where there is none.
func openLog(ctx context.Context, host *trustbuild.Host) (*trustbuild.Log, error) {
	backend := "local"
	if *logDir != "" {
		dir, err := filepath.Abs(*logDir)
		if err != nil {
			return nil, err
		}
		backend = "local:dir=" + dir
	}
	log, err := host.OpenLog(ctx, backend)
	if !errors.Is(err, status.NotFound) {
		return log, err
	}
	if _, err := host.InitLog(ctx, backend, ""); err != nil {
		return nil, err
	}
	return host.OpenLog(ctx, backend)
}

// draft is for a person to review: it trusts this machine's own simulated enclaves.
func draft(host *trustbuild.Host, eif *trustbuild.EIF, repository, vkey string) ([]byte, error) {
	root, err := host.SimulatedRoot()
	if err != nil {
		return nil, err
	}
	policy := verify.PolicyDraft{
		SimulatedRoots: [][]byte{root},
		Measurements:   map[string]map[int][]byte{"this machine's image": eif.PCRs},
		Repositories:   verify.Only(repository),
		Refs:           verify.Only(*ref),
		Commits:        verify.Any(),
		LogKeys:        []string{vkey},
	}
	return policy.JSON()
}
