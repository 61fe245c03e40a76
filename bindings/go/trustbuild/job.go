// SPDX-License-Identifier: Apache-2.0
// What comes between the name of a commit and files in a directory.

package trustbuild

/*
#include <trustbuild/job.h>
*/
import "C"

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"
	"unsafe"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/glue"
	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
)

// Step is the step of a job that comes next.
type Step int

// The steps.
const (
	ResolveStep Step = C.TRB_JOB_RESOLVE // the repository's server is asked for the commit
	BuildStep   Step = C.TRB_JOB_BUILD   // one session; at its end everything is saved
	PublishStep Step = C.TRB_JOB_PUBLISH // the bundle goes into the log
	PlaceStep   Step = C.TRB_JOB_PLACE   // files and bundle get their names, all or none
	DoneStep    Step = C.TRB_JOB_DONE
	FailedStep  Step = C.TRB_JOB_FAILED // before anything was saved
)

// String is the step's name, for example "PUBLISH".
func (s Step) String() string {
	switch s {
	case ResolveStep:
		return "RESOLVE"
	case BuildStep:
		return "BUILD"
	case PublishStep:
		return "PUBLISH"
	case PlaceStep:
		return "PLACE"
	case DoneStep:
		return "DONE"
	}
	return "FAILED"
}

// JobOptions says what a job does. It is for a Request, or for what Repository and Names are
// resolved to.
type JobOptions struct {
	Request    *Request
	Repository string
	Names      Names // without Token, which is Credential

	Credential []byte        // token for the repository, in resolving and in the session
	Timeout    time.Duration // of resolving and building, in whole seconds, rounded up; 0: none
	Log        *Log          // to publish in; nil: nothing is published
	Replace    bool          // files of the same names
}

// JobFile is a file that a job made. Path is beneath the output directory.
type JobFile struct {
	Name, Path string
	Size       uint64
	Attested   bool
}

// Job is everything between the name of a commit and files in a directory: resolving, building,
// publishing, placing. From the end of the build on it outlives its process, and each step can be
// repeated after a failure. Its methods may come from any goroutine, and take turns; Close ends a
// method that waits.
type Job struct {
	h       *glue.Handle
	turn    glue.Turn
	session *Session // which the job runs in; nil for a resumed one
	log     *Log
}

// NewJob prepares a job that builds in this session, which must not run yet, and is the job's from
// now on. Results go into the directory dir.
func NewJob(session *Session, dir string, options JobOptions) (*Job, error) {
	if (options.Request == nil) == (options.Repository == "") || options.Names.Token != nil {
		return nil, fs.ErrInvalid
	}
	job := &Job{turn: glue.NewTurn(), session: session}
	err := withDir(dir, func(fd C.int) error {
		return session.set(func(s *C.trb_session) error {
			var c *C.trb_job
			var e *C.trb_error
			if r := C.trb_job_new(s, fd, &c, &e); r != C.TRB_OK {
				return failure(r, e)
			}
			session.scope.hold()
			job.adopt(c, session.scope)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	if err := job.apply(&options); err != nil {
		job.Close()
		return nil, err
	}
	return job, nil
}

// ResumeJob takes over the job that a process saved in dir and did not finish; it goes on with
// publishing. status.NotFound where there is none, status.State where a living process has it.
func (h *Host) ResumeJob(dir string) (*Job, error) {
	scope, err := h.newScope()
	if err != nil {
		return nil, err
	}
	job := &Job{turn: glue.NewTurn()}
	err = withDir(dir, func(fd C.int) error {
		var c *C.trb_job
		var e *C.trb_error
		if r := C.trb_job_resume(scope.c, fd, &c, &e); r != C.TRB_OK {
			return failure(r, e)
		}
		job.adopt(c, scope)
		return nil
	})
	if err != nil {
		scope.close()
		return nil, err
	}
	return job, nil
}

func (j *Job) adopt(c *C.trb_job, s *scope) {
	j.h = glue.New(unsafe.Pointer(c), func(p unsafe.Pointer) {
		C.trb_job_unref((*C.trb_job)(p))
		s.close()
		if j.log != nil {
			j.log.scope.close()
		}
	})
}

func (j *Job) apply(o *JobOptions) error {
	err := j.set(func(c *C.trb_job) error {
		if o.Request != nil {
			return o.Request.use(func(r *C.trb_request) error {
				var e *C.trb_error
				return failure(C.trb_job_set_request(c, r, &e), e)
			})
		}
		return glue.Texts(func(t []*C.char) error {
			var e *C.trb_error
			return failure(C.trb_job_set_name(c, t[0], t[1], t[2], t[3], &e), e)
		}, o.Repository, o.Names.Name, o.Names.Ref, o.Names.CAFile)
	})
	if err != nil {
		return err
	}
	seconds, err := timeLimit(o.Timeout)
	if err != nil {
		return err
	}
	err = j.set(func(c *C.trb_job) error {
		var e *C.trb_error
		if o.Credential != nil {
			r := C.trb_job_set_credential(c, view(o.Credential), &e)
			if r != C.TRB_OK {
				return failure(r, e)
			}
		}
		return failure(C.trb_job_set_timeout(c, seconds, &e), e)
	})
	if err != nil {
		return err
	}
	return errors.Join(j.SetLog(o.Log), j.SetReplace(o.Replace))
}

func (j *Job) use(ctx context.Context, f func(*C.trb_job) error) error {
	if j == nil {
		return fs.ErrInvalid
	}
	if err := j.turn.Take(ctx); err != nil {
		return err
	}
	defer j.turn.Pass()
	return j.h.Use(func(p unsafe.Pointer) error { return f((*C.trb_job)(p)) })
}

// set is for what does not wait.
func (j *Job) set(f func(*C.trb_job) error) error { return j.use(context.Background(), f) }

// canceling is for what waits, and works with the session and with the log.
func (j *Job) canceling(ctx context.Context, f func(*C.trb_job) error) error {
	return j.use(ctx, func(c *C.trb_job) error {
		if j.session != nil {
			if err := j.session.turn.Take(ctx); err != nil {
				return err
			}
			defer j.session.turn.Pass()
		}
		if j.log != nil {
			if err := j.log.turn.Take(ctx); err != nil {
				return err
			}
			defer j.log.turn.Pass()
		}
		return glue.Canceling(ctx, j.Cancel, func() error { return f(c) })
	})
}

// SetLog sets the log to publish in, nil for none; until it is published. Where publishing fails,
// the job can go on without a log. The log stays the caller's, and open until the job is closed.
func (j *Job) SetLog(log *Log) error {
	return j.set(func(c *C.trb_job) error {
		var e *C.trb_error
		old := j.log
		set := func(l *C.trb_log) error { return failure(C.trb_job_set_log(c, l, &e), e) }
		var err error
		if log == nil {
			err = set(nil)
		} else {
			err = log.h.Use(func(p unsafe.Pointer) error {
				err := set((*C.trb_log)(p))
				if err == nil {
					log.scope.hold()
				}
				return err
			})
		}
		if err != nil {
			return err
		}
		if j.log = log; old != nil {
			old.scope.close()
		}
		return nil
	})
}

// SetReplace lets files of the same names be replaced, or not; until all have their names.
func (j *Job) SetReplace(replace bool) error {
	return j.set(func(c *C.trb_job) error {
		var e *C.trb_error
		var flag C.int
		if replace {
			flag = 1
		}
		return failure(C.trb_job_set_replace(c, flag, &e), e)
	})
}

// Next waits for the next event; io.EOF after the last one. The end of ctx cancels the job. After
// an error in publishing or placing, Next goes on where it was: what is saved stays.
func (j *Job) Next(ctx context.Context) (*Event, error) {
	var event *Event
	err := j.canceling(ctx, func(c *C.trb_job) (err error) {
		event, err = next(func(ev **C.trb_event, e **C.trb_error) C.int {
			return C.trb_job_next_event(c, ev, e)
		}, func() C.int { return C.trb_job_get_fd(c) })
		return err
	})
	if errors.Is(err, status.Done) {
		return nil, io.EOF
	}
	return event, err
}

// Run does one step after the other until until comes next: [PublishStep] for the place between
// saving and publishing, [DoneStep] for the end. Events are lines for the host's Logger. The end of
// ctx cancels the job.
func (j *Job) Run(ctx context.Context, until Step) error {
	return j.canceling(ctx, func(c *C.trb_job) error {
		var e *C.trb_error
		return failure(C.trb_job_run(c, C.int(until), &e), e)
	})
}

// Cancel asks the job to end soon. What is saved stays.
func (j *Job) Cancel() {
	if j == nil {
		return
	}
	_ = j.h.Use(func(p unsafe.Pointer) error {
		C.trb_job_cancel((*C.trb_job)(p))
		return nil
	})
}

// Drop removes what the job has saved; a job that is done keeps its files.
func (j *Job) Drop() error {
	return j.set(func(c *C.trb_job) error {
		var e *C.trb_error
		return failure(C.trb_job_drop(c, &e), e)
	})
}

// Step gives the step that comes next.
func (j *Job) Step() (step Step, err error) {
	err = j.set(func(c *C.trb_job) error {
		step = Step(C.trb_job_get_step(c))
		return nil
	})
	return
}

// Request gives what is built; nil before it is resolved, and in a resumed job.
func (j *Job) Request() (request *Request, err error) {
	err = j.set(func(c *C.trb_job) error {
		if r := C.trb_job_get_request(c); r != nil {
			request = newRequest(C.trb_request_ref(r))
		}
		return nil
	})
	return
}

// Bundle gives the evidence; nil before the build's end.
func (j *Job) Bundle() (bundle []byte, err error) {
	err = j.set(func(c *C.trb_job) (err error) {
		if b := C.trb_job_get_bundle(c); b != nil {
			bundle, err = encode(b)
		}
		return err
	})
	return
}

// Files gives what was made, and where the bundle goes beneath the output directory; nothing before
// the build's end.
func (j *Job) Files() (files []JobFile, bundlePath string, err error) {
	err = j.set(func(c *C.trb_job) error {
		for i := C.size_t(0); i < C.trb_job_count_files(c); i++ {
			files = append(files, JobFile{
				Name:     C.GoString(C.trb_job_get_file_name(c, i)),
				Path:     C.GoString(C.trb_job_get_file_path(c, i)),
				Size:     uint64(C.trb_job_get_file_size(c, i)),
				Attested: C.trb_job_is_file_attested(c, i) == 1,
			})
		}
		bundlePath = C.GoString(C.trb_job_get_bundle_path(c))
		return nil
	})
	return
}

// Close ends the enclave if it still runs. What is saved stays, for [Host.ResumeJob].
func (j *Job) Close() error {
	if j == nil {
		return nil
	}
	j.Cancel()
	j.h.Close()
	return j.session.Close()
}
