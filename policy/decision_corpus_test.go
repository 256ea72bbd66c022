package policy_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

var update = flag.Bool("update", false, "rewrite want.json of the decision corpus; review the difference")

// Each testdata/*.txtar guards the rule that its first line names. It holds
// packs (any other *.json), request.json (the situation), optionally cases.json
// (a list of merge patches over it, each with a name) and want.json, by name of
// the case. want compares the keys it names.
func TestDecisionCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("the decision corpus is empty (%v)", err)
	}
	cases := 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(archive.Comment), "§") {
				t.Error("the first line does not name a rule as §N")
			}
			cases += runArchive(t, file, archive)
		})
	}
	if cases < 60 {
		t.Errorf("the decision corpus has %d cases, want at least 60", cases)
	}
}

func runArchive(t *testing.T, file string, archive *txtar.Archive) int {
	t.Helper()
	var docs []policy.Document
	files := map[string][]byte{}
	for _, f := range archive.Files {
		files[f.Name] = f.Data
		if !slices.Contains([]string{"request.json", "cases.json", "want.json"}, f.Name) {
			docs = append(docs, policy.Document{Name: f.Name, Text: f.Data})
		}
	}
	var want map[string]map[string]json.RawMessage
	decodeJSON(t, "want.json", files["want.json"], &want)
	got, names := map[string]map[string]json.RawMessage{}, []string{}
	set, findings := policy.Load(docs, policy.LoadOptions{Environment: "dev"})
	for _, c := range situations(t, files) {
		names = append(names, c.name)
		got[c.name] = fieldsOf(t, c.name, want[c.name], set, findings, &c)
		if diff := cmp.Diff(indented(want[c.name]), indented(got[c.name])); diff != "" && !*update {
			t.Errorf("%s: Decide (-want +got)\n%s", c.name, diff)
		}
	}
	if len(want) != len(got) && !*update {
		t.Errorf("want.json is about %d cases, there are %d", len(want), len(got))
	}
	if *update {
		rewriteWant(t, file, archive, names, got)
	}
	return len(got)
}

// rewriteWant writes a line a case, in the order of the cases.
func rewriteWant(t *testing.T, file string, archive *txtar.Archive, names []string, got map[string]map[string]json.RawMessage) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("{\n")
	for i, name := range names {
		line, err := json.Marshal(got[name])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "  %s: %s", jsonText(name), line)
		if i < len(names)-1 {
			b.WriteString(",")
		}
		b.WriteString("\n")
	}
	b.WriteString("}\n")
	for i := range archive.Files {
		if archive.Files[i].Name == "want.json" {
			archive.Files[i].Data = b.Bytes()
		}
	}
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// indented is v as JSON with its names sorted, a line a value.
func indented(v any) string {
	var plain any
	dec := json.NewDecoder(strings.NewReader(jsonText(v)))
	dec.UseNumber()
	if err := dec.Decode(&plain); err != nil {
		panic(err)
	}
	out, err := json.MarshalIndent(plain, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(out)
}

func decodeJSON(t *testing.T, name string, data []byte, target any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(target); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// situation is request.json: who asks for what, when, and what the approval
// store knows.
type situation struct {
	name      string
	Now       time.Time
	As        string // one of the people; "" is nobody
	Identity  string // default verified, or none without As
	Tenant    string
	Caller    string // default: an application that may call for every agent
	Groups    []string
	AppRoles  []string
	NoUPN     bool // the token does not tell
	NoID      bool
	NoGroups  bool
	Stale     bool
	Suspended []string
	Approval  struct {
		State string
		Named bool
		Votes map[string][]string
	}
	Request json.RawMessage
}

// situations are the cases of an archive; without cases.json the only one is
// named "".
func situations(t *testing.T, files map[string][]byte) []situation {
	t.Helper()
	patches := []map[string]any{{"name": ""}}
	if files["cases.json"] != nil {
		patches = nil
		decodeNumbers(t, "cases.json", files["cases.json"], &patches)
	}
	var out []situation
	for _, patch := range patches {
		var base any
		decodeNumbers(t, "request.json", files["request.json"], &base)
		name := patch["name"].(string)
		delete(patch, "name")
		merged := jsonText(merge(base, patch))
		c := situation{name: name}
		decodeJSON(t, name, []byte(merged), &c)
		out = append(out, c)
	}
	return out
}

func decodeNumbers(t *testing.T, name string, data []byte, target any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(target); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// merge is RFC 7396.
func merge(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out, ok := target.(map[string]any)
	if !ok {
		out = map[string]any{}
	}
	for name, v := range p {
		if v == nil {
			delete(out, name)
		} else {
			out[name] = merge(out[name], v)
		}
	}
	return out
}

var approvalStates = map[string]policy.ApprovalState{
	"": policy.NoApproval, "open": policy.ApprovalOpen, "denied": policy.ApprovalDenied, "expired": policy.ApprovalExpired,
	"revoked": policy.ApprovalRevoked, "mismatch": policy.ApprovalMismatch, "limit": policy.ApprovalLimit,
}

func (c *situation) input(t *testing.T) *policy.Input {
	t.Helper()
	in := &policy.Input{
		Request: requestOf(parse(t, string(c.Request))), Subject: c.subject(), Now: c.Now, Key: testKey, Stale: c.Stale, Suspended: c.Suspended,
		Approval: policy.Approval{State: approvalStates[c.Approval.State], Named: c.Approval.Named},
	}
	for rule, names := range c.Approval.Votes {
		if in.Approval.Votes == nil {
			in.Approval.Votes = map[string][]policy.User{}
		}
		for _, name := range names {
			in.Approval.Votes[rule] = append(in.Approval.Votes[rule], people[name])
		}
	}
	return in
}

func (c *situation) subject() policy.Subject {
	s := policy.Subject{Tenant: firstOf(c.Tenant, tenantOne), Application: firstOf(c.Caller, appOne), AnyAgent: c.Caller == ""}
	if c.As == "" {
		return s
	}
	s.Identity, s.User = policy.Verified, people[c.As]
	s.User.Groups, s.User.AppRoles = c.Groups, c.AppRoles
	if c.Identity == "asserted" {
		s.Identity, s.User.GroupsKnown, s.User.AppRolesKnown = policy.Asserted, false, false
	}
	if c.NoUPN {
		s.User.UPN = ""
	}
	if c.NoID {
		s.User.ID = ""
	}
	if c.NoGroups {
		s.User.Groups, s.User.GroupsKnown = nil, false
	}
	return s
}

// fieldsOf are the keys of a decision that want names; the three main ones
// where want names none.
func fieldsOf(t *testing.T, name string, want map[string]json.RawMessage, set *policy.Set, findings []policy.Finding, c *situation) map[string]json.RawMessage {
	t.Helper()
	out := map[string]json.RawMessage{}
	if set == nil {
		checks := []string{}
		for _, f := range findings {
			checks = append(checks, f.Check+" "+f.Pointer)
		}
		return map[string]json.RawMessage{"refused": json.RawMessage(jsonText(checks))}
	}
	d := set.Decide(c.input(t), true)
	keys := sortedNames(want)
	if len(keys) == 0 {
		keys = []string{"decision", "policyIds", "reasonCode"}
	}
	for _, key := range keys {
		v, ok := decisionField(&d, key)
		if !ok {
			t.Fatalf("%s: want.json names %q, which no decision has", name, key)
		}
		out[key] = v
	}
	return out
}

// decisionField is one key of a decision as want.json spells it.
func decisionField(d *policy.Decision, key string) (json.RawMessage, bool) {
	fields := map[string]any{
		"decision": d.Outcome.String(), "reasonCode": d.Code, "policyIds": d.PolicyIDs, "triggers": d.Triggers, "advice": d.Advice,
		"reason": d.Reason, "userMessage": d.UserMessage, "nextStep": policy.NextStep(d.Outcome, d.Code), "identity": d.Identity.String(),
		"digested": d.Digest != "", "obligations": d.Obligations, "requirements": requirementsOf(d), "alternatives": alternativesOf(d),
		"effectiveParameters": raw(d.Effective), "recordedParameters": raw(d.Recorded.Parameters), "recordedContext": raw(d.Recorded.Context),
		"recordedResource": []string{d.Recorded.ResourceType, d.Recorded.Region, d.Recorded.Classification}, "roles": rolesOf(d), "errors": errorsOf(d),
	}
	v, ok := fields[key]
	return json.RawMessage(jsonText(v)), ok
}

func raw(v strictjson.Value) json.RawMessage { return strictjson.AppendCanonical(nil, v) }

func requirementsOf(d *policy.Decision) []string {
	out := []string{}
	for _, r := range d.Requirements {
		out = append(out, fmt.Sprintf("%s %d/%d", r.PolicyID, r.Have, r.Need))
	}
	return out
}

func alternativesOf(d *policy.Decision) []string {
	out := []string{}
	for _, a := range d.Alternatives {
		out = append(out, a.Parameter+" "+a.Value+" "+a.Outcome.String())
	}
	return out
}

func rolesOf(d *policy.Decision) []string {
	out := []string{}
	for _, r := range d.Recorded.Roles {
		out = append(out, r.Pack+"/"+r.Role)
	}
	return sortedCopy(out)
}

// errorsOf are the rules whose condition could not be evaluated.
func errorsOf(d *policy.Decision) []string {
	out := []string{}
	for _, l := range d.Trace {
		if l.Result == "error" && !slices.Contains(out, l.Rule) {
			out = append(out, l.Rule)
		}
	}
	return out
}
