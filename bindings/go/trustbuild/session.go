// SPDX-License-Identifier: Apache-2.0
// Sessions: one build in one enclave.

package trustbuild

/*
#include <errno.h>
#include <poll.h>
#include <trustbuild/attestation.h>
#include <trustbuild/session.h>

// A signal ends the wait early, and the session says that there is nothing yet.
static int trb_go_wait(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	return poll(&p, 1, -1) < 0 && errno != EINTR ? errno : 0;
}
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/glue"
	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
)

// EventType is a kind of event.
type EventType int

// The kinds of events.
const (
	StateEvent    EventType = C.TRB_EVENT_STATE    // State; for COMMITTED, Text is the commit
	ProgressEvent EventType = C.TRB_EVENT_PROGRESS // Text: the enclave client's words
	OutputEvent   EventType = C.TRB_EVENT_OUTPUT   // Text, Stream: what the build printed
	ArtifactEvent EventType = C.TRB_EVENT_ARTIFACT // Text: the name of a file in place; Size
	BundleEvent   EventType = C.TRB_EVENT_BUNDLE   // Bundle: the evidence
	StepEvent     EventType = C.TRB_EVENT_STEP     // State: the step of a job that ended
)

// String is the kind's name, for example "OUTPUT".
func (t EventType) String() string {
	switch t {
	case StateEvent:
		return "STATE"
	case ProgressEvent:
		return "PROGRESS"
	case OutputEvent:
		return "OUTPUT"
	case ArtifactEvent:
		return "ARTIFACT"
	case BundleEvent:
		return "BUNDLE"
	case StepEvent:
		return "STEP"
	}
	return fmt.Sprintf("EventType(%d)", int(t))
}

// Event is what a session or a job has to tell. Text comes from outside: escape it before showing
// it.
type Event struct {
	Type     EventType
	State    string
	Text     []byte
	Stream   int // 1 for standard output, 2 for standard error, else 0
	Size     uint64
	Attested bool
	Bundle   []byte // the bundle's file, for package verify and Log.Publish

	// With the state READY, what the build sees of the machine.
	CPUs, MemoryMiB uint64
	CPUModel        string

	// With the state COMMITTED, how the commit stands to the request's ref: "tip",
	// "first-parent" or "reachable"; the steps from the tip back to it; the tip; the annotated
	// tag that the ref pointed to; where the repository was redirected to.
	Relation           string
	Steps              uint64
	Tip, Tag, Location string
}

// Session is one enclave for one build. Its methods may come from any goroutine, and take turns;
// Close ends a method that waits.
type Session struct {
	h     *glue.Handle
	scope *scope
	turn  glue.Turn
}

// Open prepares a session with a backend, for example "process:eif=/srv/enclave.eif". Nothing is
// started yet.
func (h *Host) Open(backend string) (*Session, error) {
	scope, err := h.newScope()
	if err != nil {
		return nil, err
	}
	var s *C.trb_session
	err = glue.Texts(func(t []*C.char) error {
		var e *C.trb_error
		return failure(C.trb_session_open(scope.c, t[0], &s, &e), e)
	}, backend)
	if err != nil {
		scope.close()
		return nil, err
	}
	return &Session{
		h: glue.New(unsafe.Pointer(s), func(p unsafe.Pointer) {
			C.trb_session_unref((*C.trb_session)(p))
			scope.close()
		}),
		scope: scope,
		turn:  glue.NewTurn(),
	}, nil
}

func (s *Session) use(ctx context.Context, f func(*C.trb_session) error) error {
	if s == nil {
		return fs.ErrInvalid
	}
	if err := s.turn.Take(ctx); err != nil {
		return err
	}
	defer s.turn.Pass()
	return s.h.Use(func(p unsafe.Pointer) error { return f((*C.trb_session)(p)) })
}

// set is for what does not wait.
func (s *Session) set(f func(*C.trb_session) error) error {
	return s.use(context.Background(), f)
}

// canceling is use, while the end of ctx cancels the session.
func (s *Session) canceling(ctx context.Context, f func(*C.trb_session) error) error {
	return s.use(ctx, func(c *C.trb_session) error {
		return glue.Canceling(ctx, s.Cancel, func() error { return f(c) })
	})
}

// Cancel asks the session to end soon.
func (s *Session) Cancel() {
	if s == nil {
		return
	}
	_ = s.h.Use(func(p unsafe.Pointer) error {
		C.trb_session_cancel((*C.trb_session)(p))
		s.scope.cancel() // a start that still reads its image
		return nil
	})
}

// Close ends the enclave if it still runs, and waits until nothing of it is left.
func (s *Session) Close() error {
	if s == nil {
		return nil
	}
	s.Cancel()
	err := s.set(func(c *C.trb_session) error {
		var e *C.trb_error
		return failure(C.trb_session_close(c, &e), e)
	})
	s.h.Close()
	if errors.Is(err, fs.ErrClosed) {
		return nil
	}
	return err
}

// SetOutputDir sets the directory that artifacts are moved into, all of them or none. Without one
// they are hashed and dropped.
func (s *Session) SetOutputDir(dir string) error {
	return withDir(dir, func(fd C.int) error {
		return s.set(func(c *C.trb_session) error {
			var e *C.trb_error
			return failure(C.trb_session_set_output_dirfd(c, fd, &e), e)
		})
	})
}

// SetCredential sets the token for the repository; it enters no fact, log or statement.
func (s *Session) SetCredential(token []byte) error {
	return s.set(func(c *C.trb_session) error {
		var e *C.trb_error
		return failure(C.trb_session_set_credential(c, view(token), &e), e)
	})
}

// AddCredential sets a token for another URL, such as a submodule's, and what lies below it.
func (s *Session) AddCredential(prefix string, token []byte) error {
	return s.set(func(c *C.trb_session) error {
		return glue.Text(func(t *C.char) error {
			var e *C.trb_error
			return failure(C.trb_session_add_credential(c, t, view(token), &e), e)
		}, prefix)
	})
}

// AllowPrivate lets the enclave reach this host though its address is private.
func (s *Session) AllowPrivate(host string) error {
	return s.set(func(c *C.trb_session) error {
		return glue.Texts(func(t []*C.char) error {
			var e *C.trb_error
			return failure(C.trb_session_allow_private(c, t[0], &e), e)
		}, host)
	})
}

func timeLimit(d time.Duration) (C.uint32_t, error) {
	seconds := math.Ceil(d.Seconds())
	if seconds < 0 || seconds > math.MaxUint32 {
		return 0, fs.ErrInvalid
	}
	return C.uint32_t(seconds), nil
}

// withDir lends the descriptor of a directory.
func withDir(dir string, f func(C.int) error) error {
	opened, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer opened.Close()
	return withFd(opened, f)
}

// SetTimeout ends the session with status.Timeout after d, in whole seconds, rounded up; 0 for no
// limit.
func (s *Session) SetTimeout(d time.Duration) error {
	seconds, err := timeLimit(d)
	if err != nil {
		return err
	}
	return s.set(func(c *C.trb_session) error {
		var e *C.trb_error
		return failure(C.trb_session_set_timeout(c, seconds, &e), e)
	})
}

// SetSourceLimit sets a bound of the source by name: "object_bytes", "pack_bytes", "files",
// "tree_bytes", "wall_s" (seconds). It can only stop a build.
func (s *Session) SetSourceLimit(name string, limit uint64) error {
	return s.set(func(c *C.trb_session) error {
		return glue.Text(func(t *C.char) error {
			var e *C.trb_error
			return failure(C.trb_session_set_source_limit(c, t, C.uint64_t(limit), &e),
				e)
		}, name)
	})
}

// IsHardware says whether the backend's enclaves are of real hardware, by its own word.
func (s *Session) IsHardware() (hardware bool, err error) {
	err = s.set(func(c *C.trb_session) error {
		hardware = C.trb_session_get_assurance(c) == C.TRB_ASSURANCE_HARDWARE
		return nil
	})
	return
}

// Boot boots the enclave without a request: [Session.Next] up to the state READY, in which it waits
// for [Session.Start] as long as you like.
func (s *Session) Boot() error {
	return s.set(func(c *C.trb_session) error {
		var e *C.trb_error
		return failure(C.trb_session_boot(c, &e), e)
	})
}

// ProcessBackend names the simulated backend for [Host.Open], with this image.
func ProcessBackend(image string) string {
	if strings.Contains(image, ",") || strings.HasPrefix(image, `"`) {
		image = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(image) + `"`
	}
	return "process:eif=" + image
}

// Start starts the enclave for this request. The end of ctx during the start cancels the session.
func (s *Session) Start(ctx context.Context, request *Request) error {
	return s.canceling(ctx, func(c *C.trb_session) error {
		return request.use(func(r *C.trb_request) error {
			var e *C.trb_error
			return failure(C.trb_session_start(c, r, &e), e)
		})
	})
}

// Next waits for the next event; io.EOF after the last one. The end of ctx cancels the session.
// After any error but io.EOF the enclave is gone and the output directory is as it was.
func (s *Session) Next(ctx context.Context) (*Event, error) {
	var event *Event
	err := s.canceling(ctx, func(c *C.trb_session) (err error) {
		event, err = next(func(ev **C.trb_event, e **C.trb_error) C.int {
			return C.trb_session_next_event(c, ev, e)
		}, func() C.int { return C.trb_session_get_fd(c) })
		return err
	})
	if errors.Is(err, status.Done) {
		return nil, io.EOF
	}
	return event, err
}

// next waits for what a session or a job tells next.
func next(tell func(**C.trb_event, **C.trb_error) C.int, fd func() C.int) (*Event, error) {
	for {
		var e *C.trb_error
		var ev *C.trb_event
		switch r := tell(&ev, &e); r {
		case C.TRB_OK:
			defer C.trb_event_unref(ev)
			return newEvent(ev)
		case C.TRB_E_AGAIN:
			C.trb_error_unref(e)
		default:
			return nil, failure(r, e)
		}
		if errno := C.trb_go_wait(fd()); errno != 0 {
			return nil, os.NewSyscallError("poll", syscall.Errno(errno))
		}
	}
}

func newEvent(c *C.trb_event) (*Event, error) {
	event := &Event{
		Type:     EventType(C.trb_event_get_type(c)),
		State:    C.GoString(C.trb_event_get_state(c)),
		Text:     copied(C.trb_event_get_text(c)),
		Stream:   int(C.trb_event_get_stream(c)),
		Size:     uint64(C.trb_event_get_size(c)),
		Attested: C.trb_event_is_attested(c) == 1,

		CPUs:      uint64(C.trb_event_get_cpus(c)),
		MemoryMiB: uint64(C.trb_event_get_memory_mib(c)),
		CPUModel:  C.GoString(C.trb_event_get_cpu_model(c)),
		Relation:  C.GoString(C.trb_event_get_relation(c)),
		Steps:     uint64(C.trb_event_get_steps(c)),
		Tip:       C.GoString(C.trb_event_get_tip(c)),
		Tag:       C.GoString(C.trb_event_get_tag(c)),
		Location:  C.GoString(C.trb_event_get_location(c)),
	}
	if bundle := C.trb_event_get_bundle(c); bundle != nil {
		json, err := encode(bundle)
		if err != nil {
			return nil, err
		}
		event.Bundle = json
	}
	return event, nil
}

func encode(bundle *C.trb_bundle) ([]byte, error) {
	var blob *C.trb_blob
	var e *C.trb_error
	if r := C.trb_bundle_encode(bundle, &blob, &e); r != C.TRB_OK {
		return nil, failure(r, e)
	}
	return takeBlob(blob), nil
}

// Build starts and runs the whole session, calls each, where it is not nil, with every event, and
// gives the bundle, which is in no log yet. The end of ctx cancels it; so does an error of each,
// which is then returned.
func (s *Session) Build(ctx context.Context, request *Request,
	each func(*Event) error) ([]byte, error) {
	if err := s.Start(ctx, request); err != nil {
		return nil, err
	}
	var bundle []byte
	for {
		event, err := s.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if event.Bundle != nil {
			bundle = event.Bundle
		}
		if each == nil {
			continue
		}
		if err := each(event); err != nil {
			s.Cancel()
			return nil, err
		}
	}
	if bundle == nil {
		return nil, io.ErrUnexpectedEOF
	}
	return bundle, nil
}
