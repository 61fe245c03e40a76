// SPDX-License-Identifier: Apache-2.0
// What C calls back.

package trustbuild

/*
#include <stdint.h>
#include <trustbuild/context.h>
*/
import "C"

import (
	"context"
	"log/slog"
	"runtime/cgo"
)

// trbGoTell is a context's log sink: user is the handle of its logger.
//
//export trbGoTell
func trbGoTell(level C.int, text *C.char, user C.uintptr_t) {
	to := slog.LevelInfo
	if level == C.TRB_LOG_DEBUG {
		to = slog.LevelDebug
	}
	cgo.Handle(user).Value().(*slog.Logger).Log(context.Background(), to, C.GoString(text))
}
