// SPDX-License-Identifier: Apache-2.0
// Examples of the package's documentation.

package trustbuild_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
	"github.com/libtrustbuild/libtrustbuild/bindings/go/trustbuild"
)

// A whole build, which ctrl-C ends.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	host := &trustbuild.Host{Logger: slog.Default()}
	request, err := host.Resolve(ctx, "https://forge.example/widget",
		trustbuild.Names{Ref: "refs/heads/main"})
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

func ExampleOpenEIF() {
	eif, err := trustbuild.OpenEIF(context.Background(), "enclave.eif")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, PCR0 %x\n", eif.Architecture, eif.PCRs[0])
}

func ExampleLog() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "log")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var host trustbuild.Host
	backend := "local:dir=" + filepath.Join(dir, "log")
	vkey, err := host.InitLog(ctx, backend, "log.example")
	if err != nil {
		log.Fatal(err)
	}
	l, err := host.OpenLog(ctx, backend)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	size, err := l.Size(ctx)
	if err != nil {
		log.Fatal(err)
	}
	_, err = l.Entry(ctx, 0)
	fmt.Println(vkey == l.VKey(), size, errors.Is(err, status.Done))
	// Output: true 0 true
}
