// SPDX-License-Identifier: Apache-2.0

// Command verifier judges artifacts by their bundles, offline: FILE by FILE.bundle.json. Its exit
// status is that of tb-verify: 0 where all were verified, 1 where one was refused, 2 for a wrong
// call, 3 where nothing could be decided.
//
//	go run ./examples/verifier -policy policy.json widget
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
	"github.com/libtrustbuild/libtrustbuild/bindings/go/verify"
)

func main() {
	policy := flag.String("policy", "policy.json", "policy `file`")
	repository := flag.String("repository", "", "demand exactly this `URL`")
	commit := flag.String("commit", "", "demand exactly this `commit`")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: verifier [options] FILE...")
		flag.PrintDefaults()
		os.Exit(2)
	}
	options := []verify.Option{verify.AtTime(time.Now())}
	if *repository != "" {
		options = append(options, verify.Repository(*repository))
	}
	if *commit != "" {
		options = append(options, verify.Commit(*commit))
	}
	verifier, err := open(*policy, options...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "verifier:", err)
		os.Exit(3)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var items []verify.Item
	for _, file := range flag.Args() {
		items = append(items, verify.Item{Artifact: file, Bundle: file + ".bundle.json"})
	}
	exit := report(verifier.VerifyAll(ctx, items, 0))
	stop()
	verifier.Close()
	os.Exit(exit)
}

func open(path string, options ...verify.Option) (*verify.Verifier, error) {
	policy, err := verify.OpenPolicy(path)
	if err != nil {
		return nil, err
	}
	defer policy.Close()
	return verify.NewVerifier(policy, options...)
}

// report prints one line for each file; texts of outsiders are quoted.
func report(results []verify.Result) (exit int) {
	for _, r := range results {
		switch {
		case r.Err == nil && r.Claims.Assurance == verify.Hardware:
			fmt.Printf("VERIFIED %q: %s of %q\n", r.Artifact, r.Claims.Commit,
				r.Claims.Repository)
		case r.Err == nil:
			fmt.Printf("VERIFIED (SIMULATED) %q: %s of %q\n", r.Artifact,
				r.Claims.Commit, r.Claims.Repository)
		case status.IsVerdict(r.Err):
			fmt.Printf("REFUSED %s %q: %v\n", string(status.CheckOf(r.Err)), r.Artifact,
				r.Err)
			exit = max(exit, 1)
		default:
			fmt.Printf("UNDECIDED %q: %v\n", r.Artifact, r.Err)
			exit = 3
		}
	}
	return exit
}
