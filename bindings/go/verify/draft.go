// SPDX-License-Identifier: Apache-2.0
// Policies, drafted.

package verify

/*
#include <trustbuild/draft.h>
*/
import "C"

import (
	"io/fs"
	"sort"
	"time"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/glue"
)

// Accepted is what a policy accepts in one place: [Only] some values, or [Any]. The zero value says
// nothing.
type Accepted struct {
	said bool
	only []string
}

// Any accepts every value. It is how a policy waives a demand: in writing.
func Any() Accepted { return Only("any") }

// Only accepts these values. Without one it is an error of the draft.
func Only(values ...string) Accepted {
	return Accepted{said: true, only: append([]string(nil), values...)}
}

// Witnesses are who has to have seen a log.
type Witnesses struct {
	Keys   []string // verifier keys of cosignatures
	Quorum int      // how many of them
}

// PolicyDraft makes a policy from Go values, as "tb-host policy init" does from options. It is a
// draft: whoever signs off a policy decides whom to trust. What has no default must be set, or
// [PolicyDraft.JSON] fails: the library reads what it made, and accepts no policy that leaves
// something open.
type PolicyDraft struct {
	// Roots: hardware, or what stands behind simulated evidence, never both.
	AWSNitro       bool     // trust the root of AWS Nitro Enclaves: hardware
	SimulatedRoots [][]byte // certificates (DER or PEM)

	// Measurements are the images that count, by name: PCR0, 1, 2 and, where they are there, 3,
	// 4, 8 (other indexes are an error), 48 bytes each.
	Measurements map[string]map[int][]byte
	// Descriptions are the same as JSON, from "nitro-cli describe-eif" or "tb-host image
	// describe".
	Descriptions map[string][]byte

	Repositories Accepted // URLs
	Redirects    Accepted // URLs that they may be redirected to; zero: none
	Refs         Accepted // full ref names
	Commits      Accepted // zero: any
	History      string   // "tip" (default), "first-parent" or "reachable": as to their ref
	MaxSteps     uint64   // along first parents; 0: any number

	Recipe    Accepted // SHA-256 in hexadecimal digits; zero: the tree's own
	Runtimes  Accepted // zero: "runsc"
	Network   string   // "any", or the host:port that a build may reach; empty: none
	CPUs      uint64   // of the machine that the build sees; 0: any
	MemoryMiB uint64   // likewise
	Artifacts Accepted // attested names; zero: any, it has to be attested in any case

	LogKeys   []string   // verifier keys of the logs that count
	NoLog     bool       // accept what is in no log
	Witnesses *Witnesses // of the logs; nil: none are demanded

	// MaxAge makes the policy a live one: documents are judged at the verifier's time, and must
	// not be older. Zero judges them at their own, which witnesses bound where they are
	// demanded.
	MaxAge time.Duration
	// Slack is how long before the witnesses' time a document may have been made; zero: 1 h.
	Slack time.Duration
	// NotBefore is the earliest witnessed time, a floor against rollback; zero: any.
	NotBefore time.Time

	// Proposed is a bundle whose root, measurement, source and sandbox are proposed, where the
	// draft does not say them. No verifier loads a policy with proposals before a person has
	// moved them. ProposedName is what the measurement is called then.
	Proposed     *Bundle
	ProposedName string
}

func (d *PolicyDraft) accepted() map[C.int]Accepted {
	all := map[C.int]Accepted{
		C.TRB_DRAFT_REPOSITORY: d.Repositories,
		C.TRB_DRAFT_REDIRECT:   d.Redirects,
		C.TRB_DRAFT_REF:        d.Refs,
		C.TRB_DRAFT_COMMIT:     d.Commits,
		C.TRB_DRAFT_RECIPE:     d.Recipe,
		C.TRB_DRAFT_RUNTIME:    d.Runtimes,
		C.TRB_DRAFT_ARTIFACT:   d.Artifacts,
	}
	keys := d.LogKeys
	if d.NoLog { // beside keys it is an error, as it should be
		keys = append([]string{"none"}, keys...)
	}
	for what, values := range map[C.int][]string{
		C.TRB_DRAFT_HISTORY: {d.History}, C.TRB_DRAFT_NETWORK: {d.Network},
		C.TRB_DRAFT_LOG_KEY: keys} {
		if len(values) > 0 && values[0] != "" {
			all[what] = Only(values...)
		}
	}
	if d.Witnesses != nil {
		all[C.TRB_DRAFT_WITNESS] = Only(d.Witnesses.Keys...)
	}
	return all
}

func (d *PolicyDraft) numbers() (map[C.int]uint64, error) {
	all := map[C.int]uint64{
		C.TRB_DRAFT_MAX_STEPS:  d.MaxSteps,
		C.TRB_DRAFT_CPUS:       d.CPUs,
		C.TRB_DRAFT_MEMORY_MIB: d.MemoryMiB,
	}
	if d.Witnesses != nil {
		if d.Witnesses.Quorum <= 0 {
			return nil, fs.ErrInvalid
		}
		all[C.TRB_DRAFT_QUORUM] = uint64(d.Witnesses.Quorum)
	}
	for what, length := range map[C.int]time.Duration{
		C.TRB_DRAFT_SLACK_S: d.Slack, C.TRB_DRAFT_MAX_AGE_S: d.MaxAge} {
		if length != 0 && length < time.Second {
			return nil, fs.ErrInvalid
		}
		all[what] = uint64(length / time.Second)
	}
	if !d.NotBefore.IsZero() {
		if d.NotBefore.Unix() <= 0 {
			return nil, fs.ErrInvalid
		}
		all[C.TRB_DRAFT_NOT_BEFORE] = uint64(d.NotBefore.Unix())
	}
	return all, nil
}

func sorted[K ~string | ~int | ~int32, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] })
	return keys
}

func (d *PolicyDraft) fillRoots(c *C.trb_draft) error {
	var e *C.trb_error
	if d.AWSNitro {
		if r := C.trb_draft_add_aws_root(c, &e); r != C.TRB_OK {
			return failure(r, e)
		}
	}
	for _, root := range d.SimulatedRoots {
		if r := C.trb_draft_add_root(c, view(root), &e); r != C.TRB_OK {
			return failure(r, e)
		}
	}
	return nil
}

func (d *PolicyDraft) fillMeasurements(c *C.trb_draft) error {
	var e *C.trb_error
	for _, name := range sorted(d.Measurements) {
		err := glue.Text(func(t *C.char) error {
			pcrs := d.Measurements[name]
			for _, i := range sorted(pcrs) {
				r := C.trb_draft_add_pcr(c, t, C.uint(i), view(pcrs[i]), &e)
				if r != C.TRB_OK {
					return failure(r, e)
				}
			}
			return nil
		}, name)
		if err != nil {
			return err
		}
	}
	for _, name := range sorted(d.Descriptions) {
		err := glue.Text(func(t *C.char) error {
			return failure(C.trb_draft_add_description(c, t,
				view(d.Descriptions[name]), &e), e)
		}, name)
		if err != nil {
			return err
		}
	}
	if d.Proposed == nil {
		return nil
	}
	return d.Proposed.use(func(b *C.trb_bundle) error {
		return glue.Text(func(t *C.char) error {
			return failure(C.trb_draft_propose_bundle(c, t, b, &e), e)
		}, d.ProposedName)
	})
}

func (d *PolicyDraft) fillDemands(c *C.trb_draft) error {
	var e *C.trb_error
	accepted := d.accepted()
	for _, what := range sorted(accepted) {
		if accepted[what].said && len(accepted[what].only) == 0 {
			return fs.ErrInvalid
		}
		for _, value := range accepted[what].only {
			err := glue.Text(func(t *C.char) error {
				return failure(C.trb_draft_accept(c, what, t, &e), e)
			}, value)
			if err != nil {
				return err
			}
		}
	}
	numbers, err := d.numbers()
	if err != nil {
		return err
	}
	for _, what := range sorted(numbers) {
		if numbers[what] == 0 {
			continue
		}
		r := C.trb_draft_set_number(c, what, C.uint64_t(numbers[what]), &e)
		if r != C.TRB_OK {
			return failure(r, e)
		}
	}
	return nil
}

func (d *PolicyDraft) render(
	to func(*C.trb_draft, **C.trb_blob, **C.trb_error) C.int) ([]byte, error) {
	var c *C.trb_draft
	var blob *C.trb_blob
	var e *C.trb_error
	if r := C.trb_draft_new(&c, &e); r != C.TRB_OK {
		return nil, failure(r, e)
	}
	defer C.trb_draft_unref(c)
	origin := "values of a Go program"
	err := glue.Text(func(t *C.char) error {
		return failure(C.trb_draft_set_origin(c, t, &e), e)
	}, origin)
	for _, fill := range []func(*C.trb_draft) error{d.fillRoots, d.fillMeasurements,
		d.fillDemands} {
		if err == nil {
			err = fill(c)
		}
	}
	if err != nil {
		return nil, err
	}
	if r := to(c, &blob, &e); r != C.TRB_OK {
		return nil, failure(r, e)
	}
	return takeBlob(blob), nil
}

// JSON gives the policy's file. It fails where the draft is none.
func (d *PolicyDraft) JSON() ([]byte, error) {
	return d.render(func(c *C.trb_draft, b **C.trb_blob, e **C.trb_error) C.int {
		return C.trb_draft_to_json(c, b, e)
	})
}

// Comments gives what stands beside the policy, as Markdown: where each section comes from, and
// which of them are decisions about trust.
func (d *PolicyDraft) Comments() ([]byte, error) {
	return d.render(func(c *C.trb_draft, b **C.trb_blob, e **C.trb_error) C.int {
		return C.trb_draft_to_comments(c, b, e)
	})
}
