package catalog

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy"
)

// Schema is the version of the manifest's form.
const Schema = 1

// Manifest says which documents are served in an environment, and who is out
// of service there.
type Manifest struct {
	Schema      int    `json:"schema"`
	Environment string `json:"environment"`
	// Epoch rises with every publication. 0: the store does not count, and the
	// catalog counts what it takes.
	Epoch    int64     `json:"epoch"`
	IssuedAt time.Time `json:"issuedAt"`
	// ApprovalsValidFrom revokes every approval that was opened before it; an
	// operator raises it when the approval store is restored.
	ApprovalsValidFrom time.Time    `json:"approvalsValidFrom,omitzero"`
	Packs              []Entry      `json:"packs"`
	Suspended          []Suspension `json:"suspended"`

	// Change is what this epoch changed, and by whom; the audit log tells it
	// when the epoch is taken. Zero in a synthesized manifest.
	Change Made `json:"change,omitzero"`

	// Signature is a statement of the publisher's key over [Manifest.Canonical]
	// (package grant); "" where nobody signs: local directories.
	Signature string `json:"signature,omitempty"`
}

// Made is who made a change, when, and which.
type Made struct {
	Kind   string    `json:"kind"` // an audit kind: policy.published, policy.rollout, policy.suspended, policy.resumed
	By     string    `json:"by"`   // a UPN, an object id or an application's id
	At     time.Time `json:"at"`
	Detail string    `json:"detail"` // such as "finance@12 to 25 %"
}

// Entry is one document: a published pack, or in a local directory also a pack
// or bindings by themselves.
type Entry struct {
	Pack    string   `json:"pack"` // its name; "" where the store does not look into documents
	Version int      `json:"version"`
	Hash    string   `json:"hash"` // "sha256:" and hex over the document's bytes
	File    string   `json:"-"`    // where it was read, for findings; "" names it by pack and version
	Mode    Mode     `json:"mode"`
	Rollout *Rollout `json:"rollout,omitempty"` // nil: everybody
}

// Mode is what a pack does. The zero Mode is enforced.
type Mode string

// The modes.
const (
	ModeEnforce Mode = "enforce" // also ""
	ModeShadow  Mode = "shadow"  // decides for the record only
)

// Rollout says for whom a version serves. An agent is in when it is listed, or
// when its bucket is below BasisPoints.
type Rollout struct {
	BasisPoints int      `json:"basisPoints"` // of 10,000
	Salt        string   `json:"salt"`
	Agents      []string `json:"agents,omitempty"`
	Else        int      `json:"else"` // the version for all others, an entry of its own; 0: none
}

// SuspendedKind is what a [Suspension] takes out of service.
type SuspendedKind string

// The kinds.
const (
	SuspendAgent  SuspendedKind = "agent"
	SuspendCaller SuspendedKind = "caller"
	SuspendTenant SuspendedKind = "tenant"
)

// Suspension takes an agent, a calling application or a tenant out of service.
type Suspension struct {
	Kind   SuspendedKind `json:"kind"`
	ID     string        `json:"id"`
	Since  time.Time     `json:"since"`
	By     string        `json:"by"`
	Reason string        `json:"reason"`
}

// String is the suspension as the evaluator compares it.
func (s Suspension) String() string {
	id := s.ID
	if s.Kind != SuspendAgent { // GUIDs compare without case
		id = strings.ToLower(id)
	}
	return string(s.Kind) + ":" + id
}

// check is what is wrong with a manifest for that environment.
func (m *Manifest) check(environment string) []policy.Finding {
	var findings []policy.Finding
	report := func(pointer, message, fix string) {
		findings = append(findings, policy.Finding{
			Check: "manifest", File: "manifest.json", Pointer: pointer, Message: message, Fix: fix,
		})
	}
	if m.Schema != Schema {
		report("/schema", "the manifest is of schema "+strconv.Itoa(m.Schema), "This program reads schema "+strconv.Itoa(Schema)+".")
	}
	if m.Environment != environment {
		report("/environment", "the manifest is for "+quote(m.Environment)+", served is "+quote(environment), "Publish for this environment.")
	}
	for i, e := range m.Packs {
		if e.Mode != "" && e.Mode != ModeEnforce || e.Rollout != nil {
			report("/packs/"+strconv.Itoa(i), "this version of the program serves packs to everybody or not at all", "Publish with mode enforce and without rollout.")
		}
	}
	for i, s := range m.Suspended {
		if !slices.Contains([]SuspendedKind{SuspendAgent, SuspendCaller, SuspendTenant}, s.Kind) || s.ID == "" {
			report("/suspended/"+strconv.Itoa(i), "a suspension names neither agent, caller nor tenant", `Write "kind": "agent", "caller" or "tenant", and its "id".`)
		}
	}
	return findings
}

// suspended are the suspensions as the evaluator compares them, sorted.
func (m *Manifest) suspended() []string {
	out := make([]string, 0, len(m.Suspended))
	for _, s := range m.Suspended {
		out = append(out, s.String())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// name is what findings call the entry's document.
func (e Entry) name() string {
	if e.File != "" {
		return e.File
	}
	return e.Pack + "@" + strconv.Itoa(e.Version)
}

func quote(s string) string { return strconv.Quote(s) }
