package catalog

import (
	"fmt"
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

	// Versions are the published versions that a step may name, the newest of
	// each pack: under the manifest's signature, so that whoever can write into
	// the store does not choose what a rollback takes back.
	Versions []Known `json:"versions,omitempty"`

	// Change is what this epoch changed, and by whom; the audit log tells it
	// when the epoch is taken. Zero in a synthesized manifest.
	Change Made `json:"change,omitzero"`

	// Signature is a statement of the publisher's key over [Manifest.Canonical]
	// (package grant); "" where nobody signs: local directories.
	Signature string `json:"signature,omitempty"`
}

// Known is a published version and what it is.
type Known struct {
	Pack    string `json:"pack"`
	Version int    `json:"version"`
	Hash    string `json:"hash"`
}

// Made is who made a change, when, and which.
type Made struct {
	Kind   string    `json:"kind"` // an audit kind: policy.published, policy.rollout, policy.suspended, policy.resumed
	By     string    `json:"by"`   // a UPN, an object id or an application's id
	At     time.Time `json:"at"`
	Detail string    `json:"detail"` // such as "finance@12 to 25 %"
}

// ID names the change in the audit log: the publisher and every instance that
// takes it write it under one id, and readers count it once.
func (m Made) ID(environment string, epoch int64) string {
	text := fmt.Sprintf("%q %q %q %s", m.Kind, m.By, m.Detail, m.At.UTC().Format(time.RFC3339Nano))
	return fmt.Sprintf("policy.%s.%d.%s", environment, epoch, Hash([]byte(text))[len("sha256:"):][:16])
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
	if m.Epoch < 0 {
		report("/epoch", "the epoch is below zero", "Publish again.")
	}
	m.checkPacks(report)
	for i, s := range m.Suspended {
		if !slices.Contains([]SuspendedKind{SuspendAgent, SuspendCaller, SuspendTenant}, s.Kind) || s.ID == "" {
			report("/suspended/"+strconv.Itoa(i), "a suspension names neither agent, caller nor tenant", `Write "kind": "agent", "caller" or "tenant", and its "id".`)
		}
	}
	return findings
}

// maxRollouts bounds the arms that are kept ready: two for each.
const maxRollouts = 4

// checkPacks is what is wrong with the entries: each version once, and of each
// pack one rollout and one shadow at most, so that who gets which version has
// one answer.
func (m *Manifest) checkPacks(report func(pointer, message, fix string)) {
	type version struct {
		pack    string
		version int
	}
	seen, rollouts, shadows := map[version]bool{}, map[string]bool{}, map[string]bool{}
	for i, e := range m.Packs {
		at := "/packs/" + strconv.Itoa(i)
		if id := (version{e.Pack, e.Version}); e.Pack != "" {
			if seen[id] {
				report(at, e.name()+" is there twice", "Name each version once.")
			}
			seen[id] = true
		}
		e.check(at, report)
		if e.Rollout != nil {
			if rollouts[e.Pack] {
				report(at, e.Pack+" has two rollouts", "End one before the next begins.")
			}
			rollouts[e.Pack] = true
			m.checkElse(at, e, report)
		}
		if e.Mode == ModeShadow {
			if shadows[e.Pack] {
				report(at, e.Pack+" has two shadows", "Keep one.")
			}
			shadows[e.Pack] = true
		}
	}
	if len(rollouts) > maxRollouts {
		report("/packs", strconv.Itoa(len(rollouts))+" packs are being rolled out, at most "+strconv.Itoa(maxRollouts)+" can be at a time", "Promote or roll back one.")
	}
}

// check is what is wrong with an entry by itself.
func (e Entry) check(at string, report func(pointer, message, fix string)) {
	if e.Mode != "" && e.Mode != ModeEnforce && e.Mode != ModeShadow {
		report(at+"/mode", "the mode is none that there is", `Write "enforce" or "shadow".`)
	}
	if e.Pack == "" && (e.Rollout != nil || e.Mode == ModeShadow) {
		report(at, "a rollout or a shadow without the name of its pack", "Publish the pack.")
	}
	if e.Rollout == nil {
		return
	}
	if e.Mode == ModeShadow {
		report(at+"/rollout", "a shadow has no rollout: it decides for the record, and of every call", "Take one of the two.")
	}
	if r := e.Rollout; r.BasisPoints < 0 || r.BasisPoints > buckets {
		report(at+"/rollout/basisPoints", strconv.Itoa(r.BasisPoints)+" basis points", "Write 0 to 10000.")
	}
	if strings.Contains(e.Rollout.Salt, "\x00") || slices.Contains(e.Rollout.Agents, "") {
		report(at+"/rollout", "a salt with a zero byte, or an agent without a name", "Roll out again.")
	}
}

// checkElse: whoever is not in a rollout gets a version that everybody would
// get without it.
func (m *Manifest) checkElse(at string, e Entry, report func(pointer, message, fix string)) {
	if e.Rollout.Else == 0 {
		return
	}
	i := slices.IndexFunc(m.Packs, func(x Entry) bool { return x.Pack == e.Pack && x.Version == e.Rollout.Else })
	if i < 0 || m.Packs[i].Rollout != nil || m.Packs[i].Mode == ModeShadow {
		report(at+"/rollout/else", "version "+strconv.Itoa(e.Rollout.Else)+" of "+e.Pack+" is not enforced beside it",
			"Keep the version for all others as an entry of its own.")
	}
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
