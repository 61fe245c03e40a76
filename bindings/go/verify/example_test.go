// SPDX-License-Identifier: Apache-2.0
// Examples of the package's documentation.

package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
	"github.com/libtrustbuild/libtrustbuild/bindings/go/verify"
)

// The example's files: a widget, its bundle, a policy.
func inExamples() func() {
	old, err := os.Getwd()
	if err != nil {
		log.Fatal(err)
	}
	if err := os.Chdir(os.Getenv("TRB_GO_MINTED")); err != nil {
		log.Fatal(err)
	}
	return func() { os.Chdir(old) }
}

func ExampleFile() {
	defer inExamples()()
	claims, err := verify.File(context.Background(), "tb-widget", "tb-widget.bundle.json",
		"policy.json")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Assurance, claims.Repository, claims.Commit)
	// Output: simulated https://forge.example/widget 1f7a7a472abf3dd9643fd615f6da379c4acb3e3a
}

func ExampleVerifier() {
	defer inExamples()()
	json, err := os.ReadFile("policy.json")
	if err != nil {
		log.Fatal(err)
	}
	policy, err := verify.ParsePolicy(json)
	if err != nil {
		log.Fatal(err)
	}
	defer policy.Close()
	verifier, err := verify.NewVerifier(policy,
		verify.Repository("https://forge.example/widget"))
	if err != nil {
		log.Fatal(err)
	}
	defer verifier.Close()
	file, err := os.Open("tb-widget.bundle.json")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	bundle, err := verify.ReadBundle(file)
	if err != nil {
		log.Fatal(err)
	}
	defer bundle.Close()
	for _, name := range []string{"tb-widget", "policy.json"} {
		_, err := verifier.VerifyFS(context.Background(), bundle, os.DirFS("."), name)
		fmt.Printf("%s %q\n", name, string(status.CheckOf(err)))
	}
	// Output:
	// tb-widget ""
	// policy.json "artifact.name"
}

func ExampleVerifier_VerifyAll() {
	defer inExamples()()
	json, err := os.ReadFile("policy.json")
	if err != nil {
		log.Fatal(err)
	}
	policy, err := verify.ParsePolicy(json)
	if err != nil {
		log.Fatal(err)
	}
	defer policy.Close()
	verifier, err := verify.NewVerifier(policy)
	if err != nil {
		log.Fatal(err)
	}
	defer verifier.Close()
	items := []verify.Item{
		{Artifact: "tb-widget", Bundle: "tb-widget.bundle.json"},
		{Artifact: "policy.json", Bundle: "tb-widget.bundle.json"},
		{Artifact: "tb-widget", Bundle: "policy.json"},
	}
	for _, result := range verifier.VerifyAll(context.Background(), items, 0) {
		switch {
		case result.Err == nil:
			fmt.Println(result.Artifact, "is", result.Claims.Assurance, "evidence of",
				result.Claims.Artifact)
		case status.IsVerdict(result.Err):
			fmt.Println(result.Artifact, "refused by", status.CheckOf(result.Err))
		default:
			fmt.Println(result.Artifact, "is undecided:", result.Err)
		}
	}
	// Output:
	// tb-widget is simulated evidence of out/tb-widget
	// policy.json refused by artifact.name
	// tb-widget refused by bundle.parse
}

func ExamplePolicyDraft() {
	pcr := bytes.Repeat([]byte{0xc0, 0xde}, 24) // trustbuild.OpenEIF measures an image
	draft := verify.PolicyDraft{
		AWSNitro:     true,
		Measurements: map[string]map[int][]byte{"builder 1.0": {0: pcr, 1: pcr, 2: pcr}},
		Repositories: verify.Only("https://forge.example/widget"),
		Refs:         verify.Only("refs/heads/main"),
		Commits:      verify.Any(),
	}
	_, err := draft.JSON()
	fmt.Println(errors.Is(err, status.Policy)) // it says nothing about logs
	draft.NoLog = true
	_, err = draft.JSON()
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

func ExampleParseBundle() {
	_, err := verify.ParseBundle([]byte("{"))
	fmt.Println(status.IsVerdict(err), errors.Is(err, status.Check("bundle.parse")))
	// Output: true true
}
