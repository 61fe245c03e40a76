// SPDX-License-Identifier: Apache-2.0
// Sources, as an enclave fetches them.

package trustbuild

/*
#include <poll.h>
#include <trustbuild/sys/source.h>

// A source wants to be asked at least once a second, and a context may end meanwhile.
static void trb_go_pause(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	poll(&p, 1, 100);
}
*/
import "C"

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"time"
	"unsafe"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/glue"
)

// SourceOptions says how a source is fetched.
type SourceOptions struct {
	// Dir is an existing, private directory, best on a memory file system: the tree is written
	// to a fresh directory in it. Empty is the system's for temporary files.
	Dir    string
	Egress string // proxy, "unix:/dir" or "vsock:CID"; empty for direct connections
	CAFile string // PEM; empty for the system's
	Token  []byte // for the request's repository and what lies below it

	// Credentials are tokens for other URLs, such as submodules', and what lies below them.
	Credentials map[string][]byte

	// Limits are bounds by name: "pack_bytes", "objects", "object_bytes", "files",
	// "tree_bytes", "depth", "submodules", "submodule_depth", "history", "wall_s" (seconds).
	Limits map[string]uint64
}

// Submodule is a tree in the tree.
type Submodule struct{ Path, Repository, Commit string }

// Source is a fetched tree, each object of which was hashed again: what an enclave builds from.
// Close removes it.
type Source struct {
	Commit     string // CT, hexadecimal digits
	Tip        string // what the request's ref pointed to; empty without a ref
	Tag        string // annotated tag object between them; empty where there was none
	Relation   string // how Commit stands to Tip: "tip", "first-parent", "reachable"
	Steps      uint64 // from the tip back to Commit
	Location   string // where the server redirected the repository to; empty: nowhere
	Digest     []byte // git tree, SHA-256
	Time       time.Time
	Recipe     []byte // the tree's own trustbuild.json; nil where there is none
	Path       string // directory of the tree, read-only
	Files      uint64 // with submodules
	Bytes      uint64
	Submodules []Submodule

	h *glue.Handle
}

// FetchSource fetches the commit that a request names, in a helper process, and checks it. A
// refusal names its check, for example "source.ref". The end of ctx ends the process.
func (h *Host) FetchSource(ctx context.Context, request *Request,
	options SourceOptions) (*Source, error) {
	scope, err := h.newScope()
	if err != nil {
		return nil, err
	}
	var c *C.trb_source
	err = request.use(func(r *C.trb_request) (err error) {
		c, err = newSource(scope.c, r, &options)
		return err
	})
	if err != nil {
		scope.close()
		return nil, err
	}
	s := &Source{h: glue.New(unsafe.Pointer(c), func(p unsafe.Pointer) {
		C.trb_source_unref((*C.trb_source)(p))
		scope.close()
	})}
	err = s.h.Use(func(p unsafe.Pointer) error { return fetch(ctx, (*C.trb_source)(p)) })
	if err != nil {
		s.Close()
		return nil, err
	}
	s.fill(c)
	return s, nil
}

func newSource(c *C.trb_context, r *C.trb_request, options *SourceOptions) (*C.trb_source, error) {
	var s *C.trb_source
	var e *C.trb_error
	dir := options.Dir
	if dir == "" {
		dir = os.TempDir()
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	err = glue.Texts(func(t []*C.char) error {
		return failure(C.trb_source_new(c, r, t[0], &s, &e), e)
	}, dir)
	if err != nil {
		return nil, err
	}
	if err := options.apply(s); err != nil {
		C.trb_source_unref(s)
		return nil, err
	}
	return s, nil
}

func (o *SourceOptions) apply(s *C.trb_source) error {
	err := setText(o.Egress, func(t *C.char, e **C.trb_error) C.int {
		return C.trb_source_set_egress(s, t, e)
	})
	if err != nil {
		return err
	}
	err = setText(o.CAFile, func(t *C.char, e **C.trb_error) C.int {
		return C.trb_source_set_ca_file(s, t, e)
	})
	if err != nil {
		return err
	}
	if len(o.Token) > 0 {
		var e *C.trb_error
		if r := C.trb_source_set_token(s, view(o.Token), &e); r != C.TRB_OK {
			return failure(r, e)
		}
	}
	for prefix, token := range o.Credentials {
		err := glue.Text(func(t *C.char) error {
			var e *C.trb_error
			return failure(C.trb_source_add_credential(s, t, view(token), &e), e)
		}, prefix)
		if err != nil {
			return err
		}
	}
	names := make([]string, 0, len(o.Limits))
	for name := range o.Limits {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		err := glue.Text(func(t *C.char) error {
			var e *C.trb_error
			limit := C.uint64_t(o.Limits[name])
			return failure(C.trb_source_set_limit(s, t, limit, &e), e)
		}, name)
		if err != nil {
			return err
		}
	}
	return nil
}

func fetch(ctx context.Context, s *C.trb_source) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var e *C.trb_error
	if r := C.trb_source_start(s, &e); r != C.TRB_OK {
		return failure(r, e)
	}
	for {
		r := C.trb_source_step(s, &e)
		if r != C.TRB_E_AGAIN {
			return failure(r, e)
		}
		e = C.trb_error_unref(e)
		if err := ctx.Err(); err != nil {
			return err
		}
		C.trb_go_pause(C.trb_source_get_fd(s))
	}
}

func (s *Source) fill(c *C.trb_source) {
	s.Commit = C.GoString(C.trb_source_get_commit(c))
	s.Tip = C.GoString(C.trb_source_get_tip(c))
	s.Tag = C.GoString(C.trb_source_get_tag(c))
	s.Relation = C.GoString(C.trb_source_get_relation(c))
	s.Steps = uint64(C.trb_source_get_steps(c))
	s.Location = C.GoString(C.trb_source_get_location(c))
	s.Digest = copied(C.trb_source_get_digest(c))
	s.Time = time.Unix(int64(C.trb_source_get_time(c)), 0).UTC()
	s.Recipe = copied(C.trb_source_get_recipe(c))
	s.Path = C.GoString(C.trb_source_get_path(c))
	s.Files = uint64(C.trb_source_get_files(c))
	s.Bytes = uint64(C.trb_source_get_bytes(c))
	for i := C.size_t(0); i < C.trb_source_count_submodules(c); i++ {
		s.Submodules = append(s.Submodules, Submodule{
			Path:       C.GoString(C.trb_source_get_submodule_path(c, i)),
			Repository: C.GoString(C.trb_source_get_submodule_url(c, i)),
			Commit:     C.GoString(C.trb_source_get_submodule_commit(c, i)),
		})
	}
}

// FS is the tree, until Close.
func (s *Source) FS() fs.FS { return tree{os.DirFS(s.Path), s} }

// tree keeps its source from being collected.
type tree struct {
	fs.FS
	source *Source
}

// Close removes the tree.
func (s *Source) Close() error {
	if s != nil {
		s.h.Close()
	}
	return nil
}
