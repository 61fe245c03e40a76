// SPDX-License-Identifier: Apache-2.0

// Needs Go 1.21 or later.  With Debian's packages:
//
//	GOPATH=/usr/share/gocode GO111MODULE=off go run verify.go ARTIFACT BUNDLE POLICY
package main

import "context"
import "log"
import "os"
import "github.com/libtrustbuild/libtrustbuild/bindings/go/verify"

func main() {
	if _, e := verify.File(context.Background(), os.Args[1], os.Args[2], os.Args[3]); e != nil {
		log.Fatalln("refused:", e)
	}
}
