// SPDX-License-Identifier: Apache-2.0
// Texts that C would cut, and errors of the system.

package trustbuild

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/exported"
	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
)

// setField sets a field of the struct that s points to, be it a text or a list of them.
func setField(s any, field, text string) {
	f := reflect.ValueOf(s).Elem().FieldByName(field)
	if f.Kind() == reflect.Slice {
		f.Set(reflect.ValueOf([]string{text}))
		return
	}
	f.SetString(text)
}

// C would end a text at its NUL, and go by what stands before it. Without one, everything here
// fails for another reason, or does nothing.
func TestTextsWithNul(t *testing.T) {
	ctx := context.Background()
	host := testHost(t)
	nobody := "https://localhost:1/widget"
	request, err := NewRequest(nobody, commit)
	if err != nil {
		t.Fatal(err)
	}
	defer request.Close()
	session, err := host.Open("process:eif=/none")
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	resolve := func(field string) func(string) error {
		return func(text string) error {
			var names Names
			setField(&names, field, text)
			r, err := host.Resolve(ctx, nobody, names)
			r.Close()
			return err
		}
	}
	fetch := func(set func(*SourceOptions, string)) func(string) error {
		return func(text string) error {
			var options SourceOptions
			set(&options, text)
			s, err := host.FetchSource(ctx, request, options)
			s.Close()
			return err
		}
	}
	image := func(field string) func(string) error {
		return func(text string) error {
			recipe := ImageRecipe{Out: filepath.Join(t.TempDir(), "out.eif"),
				Kernel: "/none", Ramdisks: []string{"/none"}}
			setField(&recipe, field, text)
			_, _, err := host.BuildImage(ctx, recipe)
			return err
		}
	}
	hosts := func(field string) func(string) error {
		return func(text string) error {
			h := Host{StateDir: t.TempDir()}
			setField(&h, field, "/tmp/"+text)
			s, err := h.Open("process:eif=/none")
			s.Close()
			return err
		}
	}
	cases := map[string]func(string) error{
		"NewRequest(repository)": func(text string) error {
			r, err := NewRequest(repository+text, commit)
			r.Close()
			return err
		},
		"NewRequest(commit)": func(text string) error {
			r, err := NewRequest(repository, commit+text)
			r.Close()
			return err
		},
		"Names.Name": resolve("Name"), "Names.Ref": resolve("Ref"),
		"Names.CAFile": resolve("CAFile"),
		"Host.Resolve(repository)": func(text string) error {
			r, err := host.Resolve(ctx, nobody+text, Names{})
			r.Close()
			return err
		},
		"NewJob(dir)": func(text string) error {
			job, err := NewJob(session, t.TempDir()+text, JobOptions{Request: request})
			job.Close()
			return err
		},
		"JobOptions.Repository": func(text string) error {
			job, err := NewJob(emptySession(t), t.TempDir(),
				JobOptions{Repository: repository + text})
			job.Close()
			return err
		},
		"Host.ResumeJob(dir)": func(text string) error {
			job, err := host.ResumeJob(t.TempDir() + text)
			job.Close()
			return err
		},
		"Request.SetRef(ref)": func(text string) error {
			return request.SetRef("refs/heads/" + text)
		},
		"Request.SetSandbox(runtime)": func(text string) error {
			return request.SetSandbox("runsc" + text)
		},
		"SourceOptions.Dir": fetch(func(o *SourceOptions, text string) {
			o.Dir = t.TempDir() + text
		}),
		"SourceOptions.Egress": fetch(func(o *SourceOptions, text string) {
			o.Egress = "unix:/tmp" + text
		}),
		"SourceOptions.CAFile": fetch(func(o *SourceOptions, text string) {
			o.CAFile = text
		}),
		"SourceOptions.Credentials": fetch(func(o *SourceOptions, text string) {
			o.Credentials = map[string][]byte{repository + text: []byte("x")}
		}),
		"SourceOptions.Limits": fetch(func(o *SourceOptions, text string) {
			o.Limits = map[string]uint64{"files" + text: 1}
		}),
		"Host.StateDir": hosts("StateDir"), "Host.LibexecDir": hosts("LibexecDir"),
		"OpenEIF(path)": func(text string) error {
			_, err := OpenEIF(ctx, text)
			return err
		},
		"Host.InitLog(backend)": func(text string) error {
			_, err := host.InitLog(ctx, "local:dir="+t.TempDir()+text, "")
			return err
		},
		"Host.InitLog(origin)": func(text string) error {
			_, err := host.InitLog(ctx, "local:dir="+t.TempDir()+"/log", text)
			return err
		},
		"Host.OpenLog(backend)": func(text string) error {
			l, err := host.OpenLog(ctx, "local:dir=/tmp/"+text)
			l.Close()
			return err
		},
		"Host.Open(backend)": func(text string) error {
			s, err := host.Open("process:eif=/none" + text)
			s.Close()
			return err
		},
		"ProcessBackend(image)": func(text string) error {
			s, err := host.Open(ProcessBackend("/none" + text))
			s.Close()
			return err
		},
		"Session.SetSourceLimit(name)": func(text string) error {
			return session.SetSourceLimit("files"+text, 1)
		},
		"Session.AddCredential(prefix)": func(text string) error {
			return session.AddCredential(repository+text, []byte("token"))
		},
		"Session.SetOutputDir(dir)":  session.SetOutputDir,
		"Session.AllowPrivate(host)": session.AllowPrivate,
	}
	recipe := reflect.TypeOf(ImageRecipe{})
	for i := 0; i < recipe.NumField(); i++ {
		switch field := recipe.Field(i); field.Type.String() {
		case "string", "[]string":
			cases["ImageRecipe."+field.Name] = image(field.Name)
		}
	}
	for _, result := range []string{
		"JobFile.Name", "JobFile.Path",
		"RequestFields.Repository", "RequestFields.Commit", "RequestFields.Ref",
		"RequestFields.Sandbox", "Submodule.Path", "Submodule.Repository",
		"Submodule.Commit", "Source.Commit", "Source.Tip", "Source.Path",
		"Source.Tag", "Source.Relation", "Source.Location",
		"EIF.Architecture", "Event.State", "Event.CPUModel",
		"Event.Relation", "Event.Tip", "Event.Tag", "Event.Location",
	} {
		cases[result] = nil
	}
	exported.Refuse(t, cases, func(err error) bool {
		return errors.Is(err, status.Invalid) || errors.Is(err, syscall.EINVAL)
	})
}

func TestErrno(t *testing.T) {
	_, err := OpenEIF(context.Background(), "/none.eif")
	if !errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EACCES) {
		t.Errorf("%v", err)
	}
	if !errors.Is(err, status.NotFound) {
		t.Errorf("%v", err)
	}
}
