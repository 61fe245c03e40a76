// SPDX-License-Identifier: Apache-2.0
// Bare attestation documents.

package verify

/*
#include <trustbuild/attestation.h>
*/
import "C"

import (
	"io/fs"
	"time"
	"unsafe"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/glue"
)

// Document is a verified attestation document of the AWS Nitro Security Module.
type Document struct {
	Assurance   Assurance
	ModuleID    string
	Time        time.Time
	Debug       bool           // PCR0, 1 and 2 are zero: the code is not attested
	PCRs        map[int][]byte // the locked ones, 48 bytes each
	Certificate []byte         // DER
	CABundle    [][]byte       // DER, the root first
	PublicKey   []byte         // nil where the document has none
	UserData    []byte
	Nonce       []byte
}

// DocumentOption sets up a DocumentVerifier.
type DocumentOption struct {
	apply func(*C.trb_document_verifier) error
}

// Root trusts this certificate (DER or PEM) and no longer that of AWS; up to 8 times.
func Root(certificate []byte) DocumentOption {
	return DocumentOption{func(v *C.trb_document_verifier) error {
		var e *C.trb_error
		return failure(C.trb_document_verifier_add_root(v, view(certificate), &e), e)
	}}
}

// JudgeAt judges every document at this time instead of its own; one that was signed more than five
// minutes later is refused.
func JudgeAt(at time.Time) DocumentOption {
	return DocumentOption{func(v *C.trb_document_verifier) error {
		if at.Unix() <= 0 {
			return fs.ErrInvalid
		}
		C.trb_document_verifier_set_time(v, C.uint64_t(at.Unix()))
		return nil
	}}
}

// AllowDebug lets documents of debug enclaves pass.
func AllowDebug() DocumentOption {
	return DocumentOption{func(v *C.trb_document_verifier) error {
		C.trb_document_verifier_set_allow_debug(v, 1)
		return nil
	}}
}

func demandBytes(value []byte,
	demand func(*C.trb_document_verifier, C.trb_bytes, **C.trb_error) C.int) DocumentOption {
	return DocumentOption{func(v *C.trb_document_verifier) error {
		var e *C.trb_error
		return failure(demand(v, view(value), &e), e)
	}}
}

// DemandAge demands that a document was signed at most maxAge, in whole seconds, before now, and
// not more than five minutes after it.
func DemandAge(now time.Time, maxAge time.Duration) DocumentOption {
	return DocumentOption{func(v *C.trb_document_verifier) error {
		if now.Unix() <= 0 || maxAge < 0 {
			return fs.ErrInvalid
		}
		var e *C.trb_error
		return failure(C.trb_document_verifier_demand_age(v, C.uint64_t(now.Unix()),
			C.uint64_t(maxAge/time.Second), &e), e)
	}}
}

// DemandPCR demands that PCR index has this value of 48 bytes; once for each index.
func DemandPCR(index int, value []byte) DocumentOption {
	return demandBytes(value,
		func(v *C.trb_document_verifier, b C.trb_bytes, e **C.trb_error) C.int {
			return C.trb_document_verifier_demand_pcr(v, C.uint(index), b, e)
		})
}

// DemandNonce demands that a document has exactly this nonce, be it an empty one.
func DemandNonce(nonce []byte) DocumentOption {
	return demandBytes(nonce,
		func(v *C.trb_document_verifier, b C.trb_bytes, e **C.trb_error) C.int {
			return C.trb_document_verifier_demand_nonce(v, b, e)
		})
}

// DemandUserData demands that a document has exactly these user data, be they empty.
func DemandUserData(data []byte) DocumentOption {
	return demandBytes(data,
		func(v *C.trb_document_verifier, b C.trb_bytes, e **C.trb_error) C.int {
			return C.trb_document_verifier_demand_user_data(v, b, e)
		})
}

// DemandPublicKey demands that a document has exactly this public key, be it an empty one.
func DemandPublicKey(key []byte) DocumentOption {
	return demandBytes(key,
		func(v *C.trb_document_verifier, b C.trb_bytes, e **C.trb_error) C.int {
			return C.trb_document_verifier_demand_public_key(v, b, e)
		})
}

// DocumentVerifier judges bare documents, without any claim. Any number of goroutines may use it.
type DocumentVerifier struct{ h *glue.Handle }

// NewDocumentVerifier makes one that trusts the root of AWS Nitro Enclaves, judges each document at
// its own time and refuses those of debug enclaves.
func NewDocumentVerifier(options ...DocumentOption) (*DocumentVerifier, error) {
	var v *C.trb_document_verifier
	var e *C.trb_error
	if r := C.trb_document_verifier_new(&v, &e); r != C.TRB_OK {
		return nil, failure(r, e)
	}
	for _, option := range options {
		if err := option.apply(v); err != nil {
			C.trb_document_verifier_unref(v)
			return nil, err
		}
	}
	return &DocumentVerifier{glue.New(unsafe.Pointer(v), func(p unsafe.Pointer) {
		C.trb_document_verifier_unref((*C.trb_document_verifier)(p))
	})}, nil
}

// Close lets the verifier go.
func (v *DocumentVerifier) Close() error {
	if v != nil {
		v.h.Close()
	}
	return nil
}

// Check judges one document.
func (v *DocumentVerifier) Check(document []byte) (*Document, error) {
	var ret *Document
	if v == nil {
		return nil, fs.ErrInvalid
	}
	err := v.h.Use(func(p unsafe.Pointer) error {
		var e *C.trb_error
		var a *C.trb_attestation
		var assurance C.int
		r := C.trb_document_verifier_check((*C.trb_document_verifier)(p), view(document),
			&a, &assurance, nil, &e)
		if r != C.TRB_OK {
			return failure(r, e)
		}
		ret = newDocument(a, Assurance(assurance))
		C.trb_attestation_unref(a)
		return nil
	})
	return ret, err
}

// CheckFile is Check for a regular file.
func (v *DocumentVerifier) CheckFile(path string) (*Document, error) {
	f, err := glue.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	document, err := readAll(f, documentMax)
	if err != nil {
		return nil, err
	}
	return v.Check(document)
}

// ParseDocument reads a document and checks its form alone: what it says is worth nothing before it
// was judged, and its Assurance is none.
func ParseDocument(document []byte) (*Document, error) {
	var e *C.trb_error
	var a *C.trb_attestation
	if r := C.trb_attestation_parse(view(document), &a, &e); r != C.TRB_OK {
		return nil, failure(r, e)
	}
	defer C.trb_attestation_unref(a)
	return newDocument(a, 0), nil
}

func newDocument(a *C.trb_attestation, assurance Assurance) *Document {
	d := &Document{
		Assurance:   assurance,
		ModuleID:    string(copied(C.trb_attestation_get_module_id(a))),
		Time:        time.UnixMilli(int64(C.trb_attestation_get_timestamp_ms(a))).UTC(),
		Debug:       C.trb_attestation_is_debug(a) == 1,
		PCRs:        map[int][]byte{},
		Certificate: copied(C.trb_attestation_get_certificate(a)),
		PublicKey:   copied(C.trb_attestation_get_public_key(a)),
		UserData:    copied(C.trb_attestation_get_user_data(a)),
		Nonce:       copied(C.trb_attestation_get_nonce(a)),
	}
	for i := 0; i < 32; i++ {
		if pcr := copied(C.trb_attestation_get_pcr(a, C.uint(i))); len(pcr) > 0 {
			d.PCRs[i] = pcr
		}
	}
	for i := C.size_t(0); i < C.trb_attestation_count_cabundle(a); i++ {
		d.CABundle = append(d.CABundle, copied(C.trb_attestation_get_cabundle(a, i)))
	}
	return d
}
