// SPDX-License-Identifier: Apache-2.0
// Policies, drafted.

package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sort"
	"strconv"
	"time"
)

// Accepted is what a policy accepts in one place: [Only] some values, or [Any]. The zero value
// accepts nothing.
type Accepted struct {
	any  bool
	only []string
}

// Any accepts every value. It is how a policy waives a demand: in writing.
func Any() Accepted { return Accepted{any: true} }

// Only accepts these values.
func Only(values ...string) Accepted {
	return Accepted{only: append([]string(nil), values...)}
}

func (a Accepted) isZero() bool { return !a.any && len(a.only) == 0 }

// MarshalJSON gives "any", or the list.
func (a Accepted) MarshalJSON() ([]byte, error) {
	if a.any {
		return []byte(`"any"`), nil
	}
	if a.only == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(a.only)
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
	AWSNitro       bool     // trust the root of AWS Nitro Enclaves: hardware
	SimulatedRoots [][]byte // certificates (DER) that stand behind simulated evidence

	// Measurements are the images that count, by name: PCR0, 1, 2 and, where they are there, 3,
	// 4, 8 (other indexes are an error), 48 bytes each.
	Measurements map[string]map[int][]byte

	Repositories Accepted // URLs
	Refs         Accepted // full ref names
	Commits      Accepted

	Recipe    Accepted // SHA-256 in hexadecimal digits; zero: the tree's own
	Runtimes  Accepted // zero: "runsc"
	Network   string   // "any", or the host:port that a build may reach; empty: none
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
}

type object map[string]any

func (d *PolicyDraft) roots() []any {
	roots := []any{}
	if d.AWSNitro {
		roots = append(roots, "aws-nitro")
	}
	for _, der := range d.SimulatedRoots {
		digest := sha256.Sum256(der)
		roots = append(roots, object{"simulated": hex.EncodeToString(digest[:])})
	}
	return roots
}

func (d *PolicyDraft) measurements() []any {
	names := make([]string, 0, len(d.Measurements))
	for name := range d.Measurements {
		names = append(names, name)
	}
	sort.Strings(names)
	list := []any{}
	for _, name := range names {
		pcrs := map[string]string{}
		for index, pcr := range d.Measurements[name] {
			pcrs[strconv.Itoa(index)] = hex.EncodeToString(pcr)
		}
		list = append(list, object{"name": name, "pcrs": pcrs})
	}
	return list
}

// log gives nil, which no policy accepts, where nothing was said.
func (d *PolicyDraft) log() any {
	if len(d.LogKeys) == 0 && d.NoLog && d.Witnesses == nil {
		return "none"
	}
	if len(d.LogKeys) == 0 || d.NoLog {
		return nil
	}
	if d.Witnesses == nil {
		return object{"keys": d.LogKeys, "witnesses": "none"}
	}
	return object{"keys": d.LogKeys,
		"witnesses": object{"keys": d.Witnesses.Keys, "quorum": d.Witnesses.Quorum}}
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func (d *PolicyDraft) time() object {
	if d.MaxAge != 0 {
		return object{"mode": "live", "max_age_s": seconds(d.MaxAge)}
	}
	if d.Witnesses == nil {
		return object{"mode": "archival", "bound": "none"}
	}
	demand := object{"mode": "archival", "bound": "witness"}
	if d.Slack != 0 {
		demand["slack_s"] = seconds(d.Slack)
	}
	return demand
}

func (d *PolicyDraft) sandbox() object {
	sandbox := object{"network": "none"}
	if !d.Runtimes.isZero() {
		sandbox["runtimes"] = d.Runtimes
	} else {
		sandbox["runtimes"] = []string{"runsc"}
	}
	if d.Network != "" {
		sandbox["network"] = d.Network
	}
	return sandbox
}

// JSON gives the policy's file. It fails with [status.Policy] where the draft is none.
func (d *PolicyDraft) JSON() ([]byte, error) {
	policy := object{
		"policy":       1,
		"roots":        d.roots(),
		"measurements": d.measurements(),
		"source": object{"repositories": d.Repositories, "refs": d.Refs,
			"commits": d.Commits},
		"recipe":  "source",
		"sandbox": d.sandbox(),
		"time":    d.time(),
		"log":     d.log(),
	}
	if !d.Recipe.isZero() {
		policy["recipe"] = d.Recipe
	}
	if !d.Artifacts.isZero() {
		policy["artifacts"] = d.Artifacts
	}
	text, err := json.MarshalIndent(policy, "", "  ")
	if err != nil {
		return nil, err
	}
	p, err := ParsePolicy(text)
	if err != nil {
		return nil, err
	}
	p.Close()
	return append(text, '\n'), nil
}
