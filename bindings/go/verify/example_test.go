// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
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
	claims, err := verify.File(context.Background(), "tb-widget", "tb-widget.bundle.json", "policy.json")
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
	verifier, err := verify.NewVerifier(policy, verify.Repository("https://forge.example/widget"))
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

func ExampleParseBundle() {
	_, err := verify.ParseBundle([]byte("{"))
	fmt.Println(status.IsVerdict(err), errors.Is(err, status.Check("bundle.parse")))
	// Output: true true
}
