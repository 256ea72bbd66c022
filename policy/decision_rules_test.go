package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/policy"
)

// smallPack is a published pack with one action, read by ana, and the sections
// and keys that a test adds or replaces, each as `"name": value`.
func smallPack(more ...string) string {
	keys := map[string]string{
		"schema": "1", "pack": `"p"`, "version": "1", "environment": `"dev"`, "tenants": `["` + tenantOne + `"]`,
		"classifications": `["Public", "Internal", "Secret"]`, "defaultClassification": `"Internal"`, "regions": `["EU", "US"]`,
		"roles":        `[{"id": "Reader", "members": ["user:ana@contoso.com", "user:bob@contoso.com"]}]`,
		"agents":       `[{"id": "agent", "actions": ["Read"], "users": ["asserted", "none"], "owner": "user:omar@contoso.com"}]`,
		"actions":      `[{"id": "Read", "resource": "File", "creates": true, "parameters": {"amount": {"type": "decimal"}, "note": {"type": "string"}}}]`,
		"entitlements": `[{"id": "read", "roles": ["Reader"]}]`,
	}
	for _, m := range more {
		name, value, _ := strings.Cut(m, ":")
		keys[strings.Trim(name, `" `)] = value
	}
	var b strings.Builder
	for name, value := range keys {
		b.WriteString(`, "` + name + `": ` + value)
	}
	return "{" + b.String()[2:] + "}"
}

const readRequest = `{"agentId": "agent", "action": "Read", "parameters": {}}`

// A far until must not wrap into the past: the rule would silently be off.
func TestInstantsBeyondTheClockOfNanoseconds(t *testing.T) {
	for _, c := range []struct{ name, from, until, want string }{
		{"until 9999", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "DENY isolation.denied"},
		{"until 2263", "2026-01-01T00:00:00Z", "2263-01-01T00:00:00Z", "DENY isolation.denied"},
		{"from 1600", "1600-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "DENY isolation.denied"},
		{"from 2200", "2200-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "ALLOW ok"},
		{"until 2025", "1600-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "ALLOW ok"},
	} {
		set := load(t, smallPack(`"isolation": [{"id": "closed", "from": "`+c.from+`", "until": "`+c.until+`"}]`))
		if got := short(ask(t, set, "ana", readRequest)); got != c.want {
			t.Errorf("Decide with a rule %s = %s, want %s", c.name, got, c.want)
		}
	}
	set := load(t, smallPack(`"effectiveFrom": "1600-01-01T00:00:00Z"`, `"effectiveTo": "9999-12-31T00:00:00Z"`))
	if got := short(ask(t, set, "ana", readRequest)); got != "ALLOW ok" {
		t.Errorf("Decide with a pack from 1600 to 9999 = %s, want ALLOW ok", got)
	}
}

// A beginning that nanoseconds cannot hold is no end, and an interval is empty
// by its instants.
func TestIntervalsFarAway(t *testing.T) {
	for _, begin := range []string{"2250-12-31T00:00:00Z", "2251-01-01T00:00:00Z", "9999-12-31T23:59:59Z"} {
		set := load(t, smallPack(`"isolation": [{"id": "closed", "from": "`+begin+`"}]`))
		if got := short(ask(t, set, "ana", readRequest)); got != allowed {
			t.Errorf("Decide with a rule from %s without an end = %s, want %s", begin, got, allowed)
		}
		for _, f := range policy.Lint(documents(smallPack(`"isolation": [{"id": "closed", "from": "`+begin+`"}]`)), policy.LoadOptions{}, noon) {
			if f.Check == "rule.never" {
				t.Errorf("Lint of a rule from %s in a pack without an end = %v, want no word of the pack's end", begin, f)
			}
		}
		set = load(t, smallPack(`"effectiveFrom": "`+begin+`"`))
		if got := short(ask(t, set, "ana", readRequest)); got != "DENY policy.none" {
			t.Errorf("Decide with a pack from %s without an end = %s, want DENY policy.none", begin, got)
		}
	}
	for _, c := range []struct{ from, until string }{
		{"2300-01-01T00:00:00Z", "2299-01-01T00:00:00Z"},
		{"2300-01-01T00:00:00Z", "2300-01-01T00:00:00Z"},
		{"1600-01-01T00:00:00Z", "1500-01-01T00:00:00Z"},
		{"2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z"},
	} {
		rule, whole := `"isolation": [{"id": "closed", "from": "`+c.from+`", "until": "`+c.until+`"}]`, `"effectiveFrom": "`+c.from+`"`
		if got := refusals(smallPack(rule)); !slices.Contains(got, "interval") {
			t.Errorf("Load of a rule from %s until %s = %v, want interval", c.from, c.until, got)
		}
		if got := refusals(smallPack(whole, `"effectiveTo": "`+c.until+`"`)); !slices.Contains(got, "interval") {
			t.Errorf("Load of a pack from %s to %s = %v, want interval", c.from, c.until, got)
		}
	}
}

// An empty list names nothing; it must not widen the key it is spliced into.
func TestEmptyListWidensNothing(t *testing.T) {
	for _, c := range []struct{ name, section, request, want string }{
		{"actions", `"entitlements": [{"id": "e", "roles": ["Reader"], "match": {"actions": ["@none"]}}]`, readRequest, "DENY entitlement.none"},
		{
			"regions", `"entitlements": [{"id": "e", "roles": ["Reader"], "match": {"regions": ["@none"]}}]`,
			`{"agentId": "agent", "action": "Read", "resource": {"region": "EU"}, "parameters": {}}`, "DENY entitlement.none",
		},
		{"agents", `"entitlements": [{"id": "e", "roles": ["Reader"], "match": {"agents": ["@none"]}}]`, readRequest, "DENY entitlement.none"},
		{
			"enum", `"actions": [{"id": "Read", "resource": "File", "creates": true, "parameters": {"note": {"type": "string", "enum": ["@none"]}}}]`,
			`{"agentId": "agent", "action": "Read", "parameters": {"note": "anything"}}`, "DENY parameter.invalid",
		},
	} {
		set, findings := policy.Load(documents(smallPack(`"lists": {"none": []}`, c.section)), policy.LoadOptions{})
		if set == nil {
			if !policy.Refused(findings) {
				t.Errorf("%s: Load gives neither a set nor an error", c.name)
			}
			continue // refusing the empty list is as safe
		}
		if got := short(ask(t, set, "ana", c.request)); got != c.want {
			t.Errorf("%s: Decide with an empty list = %s, want %s", c.name, got, c.want)
		}
	}
}

// A voter who may be excluded is: what the token leaves out must not lift an
// exclusion.
func TestExcludedVoterWithoutTheExcludingFact(t *testing.T) {
	const rules = `"approvals": [{"id": "two-eyes", "on": ["always"], "approvers": ["group:` + groupTwo + `"], "exclude": EXCLUDE}]`
	stranger := policy.User{ID: oid(9), Groups: []string{groupTwo}, GroupsKnown: true, AppRolesKnown: true}
	named := stranger
	named.UPN, named.Groups = "zoe@contoso.com", []string{strings.ToUpper(groupTwo)} // GUIDs compare without case
	overage := policy.User{ID: oid(9), UPN: "zoe@contoso.com", Groups: []string{groupTwo}}
	for _, c := range []struct {
		name, exclude string
		voter         policy.User
		want          int
	}{
		{"owner by UPN, voter without UPN", `["owner"]`, stranger, 0},
		{"owner by UPN, voter with another UPN", `["owner"]`, named, 1},
		{"a person by UPN, voter without UPN", `["user:omar@contoso.com"]`, stranger, 0},
		{"a role by UPN, voter without UPN", `["role:Reader"]`, stranger, 0},
		{"a role by UPN, voter with another UPN", `["role:Reader"]`, named, 1},
		{"a group, voter whose groups are not all known", `["group:` + groupOne + `"]`, overage, 0},
		{"a group, voter whose groups are known", `["group:` + groupOne + `"]`, named, 1},
	} {
		set := load(t, smallPack(strings.Replace(rules, "EXCLUDE", c.exclude, 1)))
		in := inputOf(t, "ana", readRequest)
		in.Approval = policy.Approval{State: policy.ApprovalOpen, Votes: map[string][]policy.User{"p/two-eyes": {c.voter}}}
		d := set.Decide(in, false)
		if len(d.Requirements) != 1 || d.Requirements[0].Have != c.want {
			t.Errorf("%s: Decide counts %+v, want %d vote", c.name, d.Requirements, c.want)
		}
	}
}

// A published version never changes, whatever its priority.
func TestOneVersionTwiceIsRefused(t *testing.T) {
	between := smallPack(`"pack": "q"`, `"agents": []`, `"actions": []`, `"entitlements": []`)
	got := refusals(smallPack(`"priority": 1`), between, smallPack(`"priority": 500`))
	if !slices.Contains(got, "duplicate") {
		t.Errorf("Load of one version at two priorities = %v, want duplicate", got)
	}
}

// The kill switch compares GUIDs without case.
func TestSuspendedComparesWithoutCase(t *testing.T) {
	upper := "AAAAAAAA-0000-0000-0000-00000000000B"
	set := load(t, smallPack(`"tenants": ["`+upper+`"]`))
	for _, suspended := range []string{"caller:" + upper, "tenant:" + upper, "caller:" + strings.ToLower(upper)} {
		in := inputOf(t, "ana", readRequest)
		in.Subject.Tenant, in.Subject.Application, in.Suspended = upper, upper, []string{suspended}
		if got := short(set.Decide(in, false)); got != "DENY suspended" {
			t.Errorf("Decide with %s suspended = %s, want DENY suspended", suspended, got)
		}
	}
}

// One group under two spellings would make the snapshot depend on map order.
func TestGroupSnapshotTwiceIsRefused(t *testing.T) {
	id := "ABCDEFAB-0000-0000-0000-000000000001"
	got := refusals(smallPack(`"groups": {"` + id + `": {"members": ["user:ana@contoso.com"]}, "` + strings.ToLower(id) + `": {"members": []}}`))
	if !slices.Contains(got, "duplicate") {
		t.Errorf("Load of a group under two spellings = %v, want duplicate", got)
	}
}

// A user of whom nothing is known is not the agent acting by itself.
func TestUserWithoutIdentifierIsRequired(t *testing.T) {
	set := load(t, smallPack(`"roles": [{"id": "Reader", "members": ["agent:agent"]}]`))
	for identity, want := range map[policy.Identity]string{policy.None: allowed, policy.Asserted: "DENY user.required", policy.Verified: "DENY user.required"} {
		in := inputOf(t, "", readRequest)
		in.Subject.Identity = identity
		if got := short(set.Decide(in, false)); got != want {
			t.Errorf("Decide of a user %s without identifiers = %s, want %s", identity, got, want)
		}
	}
}

// 7.3: a condition that costs more than its limit at run time is an error.
func TestConditionBeyondItsCost(t *testing.T) {
	list := "[" + strings.Repeat("0,", 60_000) + "0]"
	for _, c := range []struct{ name, rules, context, want string }{
		{"a deny, a short list", `"isolation": [{"id": "loop", "when": "context.list.exists(x, x == 1)"}]`, "[0]", allowed},
		{"a deny, a long list", `"isolation": [{"id": "loop", "when": "context.list.exists(x, x == 1)"}]`, list, "DENY isolation.denied"},
		{"an entitlement, a short list", `"entitlements": [{"id": "loop", "roles": ["*"], "when": "context.list.all(x, x == 0)"}]`, "[0]", allowed},
		{"an entitlement, a long list", `"entitlements": [{"id": "loop", "roles": ["*"], "when": "context.list.all(x, x == 0)"}]`, list, unentitled},
	} {
		set := load(t, smallPack(c.rules))
		if got := short(ask(t, set, "ana", `{"agentId": "agent", "action": "Read", "parameters": {}, "context": {"list": `+c.context+`}}`)); got != c.want {
			t.Errorf("%s: Decide = %s, want %s", c.name, got, c.want)
		}
	}
}
