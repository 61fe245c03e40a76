// SPDX-License-Identifier: Apache-2.0

package trustbuild_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/trustbuild"
)

func ExampleSession_Build() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	host, err := trustbuild.NewHost()
	if err != nil {
		log.Fatal(err)
	}
	defer host.Close()
	request, err := host.Resolve(ctx, "https://forge.example/widget", trustbuild.Names{Ref: "refs/heads/main"})
	if err != nil {
		log.Fatal(err)
	}
	defer request.Close()
	session, err := host.Open("process:eif=/srv/enclave.eif")
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	if err := session.SetOutputDir("out"); err != nil {
		log.Fatal(err)
	}
	bundle, err := session.Build(ctx, request, func(event *trustbuild.Event) error {
		if event.Type == trustbuild.OutputEvent {
			fmt.Printf("%q\n", event.Text)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("widget.bundle.json", bundle, 0o644); err != nil {
		log.Fatal(err)
	}
}

func ExampleNewRequest() {
	request, err := trustbuild.NewRequest("https://forge.example/widget",
		"1f7a7a472abf3dd9643fd615f6da379c4acb3e3a")
	if err != nil {
		log.Fatal(err)
	}
	defer request.Close()
	fields, err := request.Fields()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(fields.Sandbox, len(fields.Nonce))
	// Output: runsc 32
}
