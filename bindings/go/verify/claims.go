// SPDX-License-Identifier: Apache-2.0
// Claims of what was verified, and reports on what was not.

package verify

/*
#include <trustbuild/verify.h>
*/
import "C"

import (
	"time"
	"unsafe"

	"github.com/libtrustbuild/libtrustbuild/bindings/go/internal/glue"
	"github.com/libtrustbuild/libtrustbuild/bindings/go/status"
)

// Assurance is what stands behind the evidence.
type Assurance int

// Simulated evidence has a root that anybody can make; Hardware has that of AWS Nitro Enclaves.
const (
	Simulated Assurance = C.TRB_ASSURANCE_SIMULATED
	Hardware  Assurance = C.TRB_ASSURANCE_HARDWARE
)

func (a Assurance) String() string {
	switch a {
	case Simulated:
		return "simulated"
	case Hardware:
		return "hardware"
	}
	return "none"
}

// Claims are the facts of a build; only a successful verification makes them. Texts may carry what
// an outsider chose: escape them before showing them.
type Claims struct {
	Assurance      Assurance
	Artifact       string // attested name
	ArtifactSize   uint64
	ArtifactDigest []byte // SHA-256
	Repository     string
	Location       string // where its server redirected that to, on its origin; empty: nowhere
	Ref            string // empty where none was demanded of the enclave
	Commit         string // hexadecimal digits
	RefTip         string // commit that the ref pointed to; empty without a ref
	RefTag         string // annotated tag object between them; empty where there was none
	Relation       string // how Commit stands to RefTip: "tip", "first-parent", "reachable"
	Steps          uint64 // from the tip back to Commit
	SourceDigest   []byte // git tree, SHA-256
	RecipeDigest   []byte
	RecipeFromTree bool
	Runtime        string         // the sandbox's
	CPUs           uint64         // of the machine that the build saw, which the host chose
	MemoryMiB      uint64         // likewise
	CPUModel       string         // likewise; "unknown" where the system says none
	Materials      uint64         // how many there were besides the source (submodules)
	MaterialDigest []byte         // SHA-256 of their list; nil where there are none
	PCRs           map[int][]byte // those that the document has
	Measurement    string         // the policy's name for the one that matched
	Time           time.Time      // the document's own
	WitnessedTime  time.Time      // zero where no quorum was demanded
	Log            string         // origin; empty where no log was demanded
	LogIndex       uint64
}

func unix(seconds C.uint64_t) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

func newClaims(c *C.trb_claims) *Claims {
	claims := &Claims{
		Assurance:      Assurance(C.trb_claims_get_assurance(c)),
		Artifact:       C.GoString(C.trb_claims_get_artifact(c)),
		ArtifactSize:   uint64(C.trb_claims_get_artifact_size(c)),
		ArtifactDigest: copied(C.trb_claims_get_artifact_digest(c)),
		Repository:     C.GoString(C.trb_claims_get_repository(c)),
		Location:       C.GoString(C.trb_claims_get_location(c)),
		Ref:            C.GoString(C.trb_claims_get_ref(c)),
		Commit:         C.GoString(C.trb_claims_get_commit(c)),
		RefTip:         C.GoString(C.trb_claims_get_ref_tip(c)),
		RefTag:         C.GoString(C.trb_claims_get_ref_tag(c)),
		Relation:       C.GoString(C.trb_claims_get_relation(c)),
		Steps:          uint64(C.trb_claims_get_steps(c)),
		SourceDigest:   copied(C.trb_claims_get_source_digest(c)),
		RecipeDigest:   copied(C.trb_claims_get_recipe_digest(c)),
		RecipeFromTree: C.trb_claims_is_recipe_from_tree(c) == 1,
		Runtime:        C.GoString(C.trb_claims_get_runtime(c)),
		CPUs:           uint64(C.trb_claims_get_cpus(c)),
		MemoryMiB:      uint64(C.trb_claims_get_memory_mib(c)),
		CPUModel:       C.GoString(C.trb_claims_get_cpu_model(c)),
		Materials:      uint64(C.trb_claims_count_materials(c)),
		MaterialDigest: copied(C.trb_claims_get_materials_digest(c)),
		PCRs:           map[int][]byte{},
		Measurement:    C.GoString(C.trb_claims_get_measurement(c)),
		Time:           unix(C.trb_claims_get_time(c)),
		WitnessedTime:  unix(C.trb_claims_get_witnessed_time(c)),
		Log:            C.GoString(C.trb_claims_get_log(c)),
		LogIndex:       uint64(C.trb_claims_get_log_index(c)),
	}
	for i := 0; i < 32; i++ {
		if pcr := copied(C.trb_claims_get_pcr(c, C.uint(i))); len(pcr) > 0 {
			claims.PCRs[i] = pcr
		}
	}
	return claims
}

// Outcome of a check.
type Outcome int

// The outcomes.
const (
	Pass        Outcome = C.TRB_OUTCOME_PASS
	Fail        Outcome = C.TRB_OUTCOME_FAIL
	NotRun      Outcome = C.TRB_OUTCOME_NOT_RUN      // an earlier check failed
	NotDemanded Outcome = C.TRB_OUTCOME_NOT_DEMANDED // the policy waives it
)

// CheckResult is one check of a report. Expected and Actual may carry outside text.
type CheckResult struct {
	ID               status.Check
	Title, Rule      string
	Outcome          Outcome
	Expected, Actual string
}

// Report has every check with its outcome, in order. Immutable.
type Report struct{ h *glue.Handle }

func newReport(r *C.trb_report) *Report {
	return &Report{glue.New(unsafe.Pointer(r), func(p unsafe.Pointer) {
		C.trb_report_unref((*C.trb_report)(p))
	})}
}

// Close lets the report go.
func (r *Report) Close() error {
	if r != nil {
		r.h.Close()
	}
	return nil
}

// Refused is the id of the check that failed; empty where all passed.
func (r *Report) Refused() (check status.Check, err error) {
	err = r.h.Use(func(p unsafe.Pointer) error {
		check = status.Check(C.GoString(C.trb_report_get_refused((*C.trb_report)(p))))
		return nil
	})
	return
}

// Advice says what to do about the refusal; empty where all passed.
func (r *Report) Advice() (advice string, err error) {
	err = r.h.Use(func(p unsafe.Pointer) error {
		advice = C.GoString(C.trb_report_get_advice((*C.trb_report)(p)))
		return nil
	})
	return
}

// Assurance is what stands behind the evidence; 0 as long as that was not found good.
func (r *Report) Assurance() (assurance Assurance, err error) {
	err = r.h.Use(func(p unsafe.Pointer) error {
		assurance = Assurance(C.trb_report_get_assurance((*C.trb_report)(p)))
		return nil
	})
	return
}

// Checks are all that this release knows, whatever the policy demands.
func (r *Report) Checks() (checks []CheckResult, err error) {
	err = r.h.Use(func(p unsafe.Pointer) error {
		c := (*C.trb_report)(p)
		for i := C.size_t(0); i < C.trb_report_count_checks(c); i++ {
			checks = append(checks, CheckResult{
				ID:       status.Check(C.GoString(C.trb_report_get_check(c, i))),
				Title:    C.GoString(C.trb_report_get_title(c, i)),
				Rule:     C.GoString(C.trb_report_get_rule(c, i)),
				Outcome:  Outcome(C.trb_report_get_outcome(c, i)),
				Expected: C.GoString(C.trb_report_get_expected(c, i)),
				Actual:   C.GoString(C.trb_report_get_actual(c, i)),
			})
		}
		return nil
	})
	return
}

// MarshalJSON gives the report as tb-verify --json does.
func (r *Report) MarshalJSON() ([]byte, error) {
	return r.render(func(c *C.trb_report, b **C.trb_blob, e **C.trb_error) C.int {
		return C.trb_report_to_json(c, b, e)
	})
}

// Text gives the report as a tree of at most 100 columns, outside text escaped.
func (r *Report) Text() ([]byte, error) {
	return r.render(func(c *C.trb_report, b **C.trb_blob, e **C.trb_error) C.int {
		return C.trb_report_to_text(c, b, e)
	})
}

// HTML gives the report as one self-contained page, outside text escaped.
func (r *Report) HTML() ([]byte, error) {
	return r.render(func(c *C.trb_report, b **C.trb_blob, e **C.trb_error) C.int {
		return C.trb_report_to_html(c, b, e)
	})
}

func (r *Report) render(f func(*C.trb_report, **C.trb_blob, **C.trb_error) C.int) ([]byte, error) {
	var blob *C.trb_blob
	err := r.h.Use(func(p unsafe.Pointer) error {
		var e *C.trb_error
		return failure(f((*C.trb_report)(p), &blob, &e), e)
	})
	if err != nil {
		return nil, err
	}
	return takeBlob(blob), nil
}
