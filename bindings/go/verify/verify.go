// SPDX-License-Identifier: Apache-2.0
// Policies, bundles, verifiers.

package verify

/*
#include <trustbuild/verify.h>
*/
import "C"

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"time"
	"unsafe"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/glue"
)

// What the formats allow; the library itself refuses one byte more.
const (
	bundleMax   = 4 << 20
	policyMax   = 256 << 10
	documentMax = 16 << 10
)

func readAll(r io.Reader, max int64) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, max+1))
}

// Policy is what a verifier demands (docs/spec/policy.md). Immutable.
type Policy struct{ h *glue.Handle }

// ParsePolicy reads a policy.
func ParsePolicy(json []byte) (*Policy, error) {
	var p *C.trb_policy
	var e *C.trb_error
	if r := C.trb_policy_parse(view(json), &p, &e); r != C.TRB_OK {
		return nil, failure(r, e)
	}
	return &Policy{glue.New(unsafe.Pointer(p), func(p unsafe.Pointer) {
		C.trb_policy_unref((*C.trb_policy)(p))
	})}, nil
}

// OpenPolicy reads a policy's file, which is a regular one.
func OpenPolicy(path string) (*Policy, error) {
	f, err := glue.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadPolicy(f)
}

// ReadPolicy reads a policy to the end of r.
func ReadPolicy(r io.Reader) (*Policy, error) {
	json, err := readAll(r, policyMax)
	if err != nil {
		return nil, err
	}
	return ParsePolicy(json)
}

// Close lets the policy go; verifiers made of it keep their own reference.
func (p *Policy) Close() error {
	if p != nil {
		p.h.Close()
	}
	return nil
}

// Accepts says whether the policy accepts hardware evidence, and simulated evidence.
func (p *Policy) Accepts() (hardware, simulated bool, err error) {
	err = p.use(func(c *C.trb_policy) error {
		hardware = C.trb_policy_accepts_hardware(c) == 1
		simulated = C.trb_policy_accepts_simulated(c) == 1
		return nil
	})
	return
}

func (p *Policy) use(f func(*C.trb_policy) error) error {
	if p == nil {
		return fs.ErrInvalid
	}
	return p.h.Use(func(c unsafe.Pointer) error { return f((*C.trb_policy)(c)) })
}

// Bundle is all evidence for one build. Immutable, and worth nothing before it was verified.
type Bundle struct{ h *glue.Handle }

// ParseBundle reads a bundle and judges its form alone.
func ParseBundle(json []byte) (*Bundle, error) {
	var b *C.trb_bundle
	var e *C.trb_error
	if r := C.trb_bundle_parse(view(json), &b, &e); r != C.TRB_OK {
		return nil, failure(r, e)
	}
	return &Bundle{glue.New(unsafe.Pointer(b), func(p unsafe.Pointer) {
		C.trb_bundle_unref((*C.trb_bundle)(p))
	})}, nil
}

// OpenBundle reads a bundle's file, which is a regular one.
func OpenBundle(path string) (*Bundle, error) {
	f, err := glue.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadBundle(f)
}

// ReadBundle reads a bundle to the end of r.
func ReadBundle(r io.Reader) (*Bundle, error) {
	json, err := readAll(r, bundleMax)
	if err != nil {
		return nil, err
	}
	return ParseBundle(json)
}

// Close lets the bundle go.
func (b *Bundle) Close() error {
	if b != nil {
		b.h.Close()
	}
	return nil
}

func (b *Bundle) use(f func(*C.trb_bundle) error) error {
	if b == nil {
		return fs.ErrInvalid
	}
	return b.h.Use(func(c unsafe.Pointer) error { return f((*C.trb_bundle)(c)) })
}

// MarshalJSON gives the bundle as its file has it.
func (b *Bundle) MarshalJSON() ([]byte, error) {
	var blob *C.trb_blob
	err := b.use(func(c *C.trb_bundle) error {
		var e *C.trb_error
		return failure(C.trb_bundle_encode(c, &blob, &e), e)
	})
	if err != nil {
		return nil, err
	}
	return takeBlob(blob), nil
}

// Describe gives what the bundle says as JSON, marked unverified throughout.
func (b *Bundle) Describe() ([]byte, error) {
	var blob *C.trb_blob
	err := b.use(func(c *C.trb_bundle) error {
		var e *C.trb_error
		return failure(C.trb_bundle_describe(c, &blob, &e), e)
	})
	if err != nil {
		return nil, err
	}
	return takeBlob(blob), nil
}

// Parts are what a bundle has, verbatim and unverified.
type Parts struct {
	Request, Environment, Artifacts, Attestation []byte
	Statement                                    []byte // JSON
	Logs                                         int    // entries of logs that it carries
}

// Parts gives the parts of the bundle, unverified.
func (b *Bundle) Parts() (parts Parts, err error) {
	err = b.use(func(c *C.trb_bundle) error {
		parts = Parts{
			Request:     copied(C.trb_bundle_get_request(c)),
			Environment: copied(C.trb_bundle_get_environment(c)),
			Artifacts:   copied(C.trb_bundle_get_artifacts(c)),
			Attestation: copied(C.trb_bundle_get_attestation(c)),
			Statement:   copied(C.trb_bundle_get_statement(c)),
			Logs:        int(C.trb_bundle_count_logs(c)),
		}
		return nil
	})
	return
}

// Materials gives what was taken into the build besides the source, encoded; nil where there is
// nothing.
func (b *Bundle) Materials() (list []byte, err error) {
	err = b.use(func(c *C.trb_bundle) error {
		list = copied(C.trb_bundle_get_materials(c))
		return nil
	})
	return
}

// Attestation gives the attestation document (AT) in the bundle, unverified.
func (b *Bundle) Attestation() (document []byte, err error) {
	err = b.use(func(c *C.trb_bundle) error {
		document = copied(C.trb_bundle_get_attestation(c))
		return nil
	})
	return
}

// Option is a demand added to the policy's, never in place of one.
type Option struct{ apply func(*C.trb_verifier) error }

func withText(value string, set func(*C.trb_verifier, *C.char, **C.trb_error) C.int) Option {
	return Option{func(v *C.trb_verifier) error {
		// the empty one, too: no demand is dropped
		return glue.Text(func(s *C.char) error {
			var e *C.trb_error
			return failure(set(v, s, &e), e)
		}, value)
	}}
}

// AtTime tells the time, without which a policy whose time is "live" cannot be checked; an archival
// one never looks at it.
func AtTime(now time.Time) Option {
	return Option{func(v *C.trb_verifier) error {
		var e *C.trb_error
		seconds := now.Unix()
		if seconds < 0 {
			seconds = 0
		}
		return failure(C.trb_verifier_set_now(v, C.uint64_t(seconds), &e), e)
	}}
}

// Repository demands exactly this URL.
func Repository(url string) Option {
	return withText(url, func(v *C.trb_verifier, s *C.char, e **C.trb_error) C.int {
		return C.trb_verifier_set_repository(v, s, e)
	})
}

// Commit demands exactly this commit: 40 or 64 hexadecimal digits.
func Commit(digits string) Option {
	return withText(digits, func(v *C.trb_verifier, s *C.char, e **C.trb_error) C.int {
		return C.trb_verifier_set_commit(v, s, e)
	})
}

// Entry says which attested name the artifact has; the file's own no longer matters.
func Entry(name string) Option {
	return withText(name, func(v *C.trb_verifier, s *C.char, e **C.trb_error) C.int {
		return C.trb_verifier_set_entry(v, s, e)
	})
}

// Nonce demands exactly this nonce, 16 to 64 bytes.
func Nonce(nonce []byte) Option {
	return Option{func(v *C.trb_verifier) error {
		var e *C.trb_error
		return failure(C.trb_verifier_set_nonce(v, view(nonce), &e), e)
	}}
}

// Verifier is a policy with further demands. Any number of goroutines may use it at once.
type Verifier struct{ h *glue.Handle }

// NewVerifier makes a verifier for policy.
func NewVerifier(policy *Policy, options ...Option) (*Verifier, error) {
	var v *C.trb_verifier
	err := policy.use(func(p *C.trb_policy) error {
		var e *C.trb_error
		return failure(C.trb_verifier_new(nil, p, &v, &e), e)
	})
	if err != nil {
		return nil, err
	}
	for _, option := range options {
		if err := option.apply(v); err != nil {
			C.trb_verifier_unref(v)
			return nil, err
		}
	}
	return &Verifier{glue.New(unsafe.Pointer(v), func(p unsafe.Pointer) {
		C.trb_verifier_unref((*C.trb_verifier)(p))
	})}, nil
}

// Close lets the verifier go.
func (v *Verifier) Close() error {
	if v != nil {
		v.h.Close()
	}
	return nil
}

// Verify judges whether what artifact reads to its end is an artifact that bundle attests, as
// policy and demands want it. name is the file's name, of which the part after the last "/" counts;
// it may be empty with [Entry]. ctx stops the reading.
func (v *Verifier) Verify(ctx context.Context, bundle *Bundle, artifact io.Reader,
	name string) (*Claims, error) {
	digest, err := hash(ctx, artifact)
	if err != nil {
		return nil, err
	}
	return v.VerifyDigest(bundle, digest, name)
}

// VerifyFS is Verify for a file of fsys.
func (v *Verifier) VerifyFS(ctx context.Context, bundle *Bundle, fsys fs.FS,
	name string) (*Claims, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return v.Verify(ctx, bundle, f, name)
}

// VerifyFile is Verify for a regular file.
func (v *Verifier) VerifyFile(ctx context.Context, bundle *Bundle, path string) (*Claims, error) {
	f, err := glue.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return v.Verify(ctx, bundle, f, path)
}

// VerifyDigest is Verify for an artifact whose SHA-256 the caller computed.
func (v *Verifier) VerifyDigest(bundle *Bundle, digest [sha256.Size]byte,
	name string) (*Claims, error) {
	claims, report, err := v.check(bundle, digest, name, false)
	report.Close()
	return claims, err
}

// Report is VerifyDigest with every check and its outcome. It gives a report both where it verified
// and, beside the error, where it refused; the caller closes it.
func (v *Verifier) Report(bundle *Bundle, digest [sha256.Size]byte,
	name string) (*Claims, *Report, error) {
	return v.check(bundle, digest, name, true)
}

func (v *Verifier) check(bundle *Bundle, digest [sha256.Size]byte, name string,
	report bool) (*Claims, *Report, error) {
	var claims *Claims
	var ret *C.trb_report
	if v == nil {
		return nil, nil, fs.ErrInvalid
	}
	check := func(v *C.trb_verifier, b *C.trb_bundle, name *C.char) error {
		var e *C.trb_error
		var c *C.trb_claims
		var want **C.trb_report
		if report {
			want = &ret
		}
		r := C.trb_verifier_check_digest(v, b, view(digest[:]), name, &c, want, &e)
		if r != C.TRB_OK {
			return failure(r, e)
		}
		claims = newClaims(c)
		C.trb_claims_unref(c)
		return nil
	}
	err := v.h.Use(func(p unsafe.Pointer) error {
		return bundle.use(func(b *C.trb_bundle) error {
			return glue.Texts(func(t []*C.char) error {
				return check((*C.trb_verifier)(p), b, t[0])
			}, name)
		})
	})
	if ret == nil {
		return claims, nil, err
	}
	return claims, newReport(ret), err
}

// hash reads r to its end; ctx is looked at between reads.
func hash(ctx context.Context, r io.Reader) (digest [sha256.Size]byte, err error) {
	h := sha256.New()
	buf := make([]byte, 64<<10)
	for {
		if err := ctx.Err(); err != nil {
			return digest, err
		}
		n, err := r.Read(buf)
		h.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return digest, err
		}
	}
	h.Sum(digest[:0])
	return digest, nil
}

// File judges the file artifact by the files bundle and policy.
func File(ctx context.Context, artifact, bundle, policy string,
	options ...Option) (*Claims, error) {
	p, err := OpenPolicy(policy)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	v, err := NewVerifier(p, options...)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	b, err := OpenBundle(bundle)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return v.VerifyFile(ctx, b, artifact)
}
