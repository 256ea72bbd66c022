package policy_test

import (
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/policy"
)

// overage is a signed-in person whose token held too many groups.
func overage() policy.Subject {
	s := subjectOf("ana")
	s.User.Groups, s.User.GroupsKnown = nil, false
	return s
}

// FR22: with group overage a role through a group is unknown: it does not
// entitle, and a restricting rule that reads roles matches.
func TestFieldReportFR22(t *testing.T) {
	const members = `"roles": [{"id": "Reader", "members": ["group:` + groupOne + `"]}, {"id": "Contractor", "members": ["group:` + groupTwo + `"]}]`
	const all = `"entitlements": [{"id": "all", "roles": ["*"]}]`
	const contractors = `"isolation": [{"id": "i", "when": "\"Contractor\" in user.roles"}]`
	known := subjectOf("ana")
	known.User.Groups = []string{groupOne}
	contractor := subjectOf("ana")
	contractor.User.Groups = []string{strings.ToUpper(groupTwo)}
	for _, c := range []struct {
		name, pack string
		subject    policy.Subject
		want       string
	}{
		{"entitled by a group, overage", smallPack(members), overage(), unentitled},
		{"entitled by a group, known", smallPack(members), known, allowed},
		{"isolation on roles, overage", smallPack(members, all, contractors), overage(), "DENY isolation.denied"},
		{"isolation on roles, not a contractor", smallPack(members, all, contractors), known, allowed},
		{"isolation on roles, a contractor", smallPack(members, all, contractors), contractor, "DENY isolation.denied"},
		{
			"a snapshot fills the gap", smallPack(members, contractors, `"groups": {"`+groupOne+`": {"members": ["oid:`+oid(1)+`"]}, "`+groupTwo+`": {"members": []}}`),
			overage(), allowed,
		},
	} {
		set := load(t, c.pack)
		in := inputOf(t, "", readRequest)
		in.Subject = c.subject
		d := set.Decide(in, true)
		if got := short(d); got != c.want {
			t.Errorf("FR22: %s: Decide = %s, want %s", c.name, got, c.want)
		}
		if got := strings.Contains(d.Reason, "overage"); c.want == unentitled && !got {
			t.Errorf("FR22: %s: reason = %q, want the overage named", c.name, d.Reason)
		}
	}
}

// FR23: only what a token says of the person makes them one: a UPN of the pack
// is not held by whoever has none.
func TestFieldReportFR23Roles(t *testing.T) {
	set := load(t, smallPack())
	in := inputOf(t, "ana", readRequest)
	in.Subject.User.UPN = "" // a v2 token without the optional claim
	if d := set.Decide(in, false); short(d) != unentitled || len(d.Recorded.Roles) != 0 {
		t.Errorf("FR23: Decide without a UPN = %s with %v, want %s without roles", short(d), d.Recorded.Roles, unentitled)
	}
}

// FR23: a vote that cannot be told from the requester's own does not count.
func TestFieldReportFR23Votes(t *testing.T) {
	set := load(t, finPack(`"roles": [{"id": "FinanceAnalyst", "members": ["user:ana@contoso.com"]}, {"id": "FinanceManager", "members": ["appRole:Finance.Manager"]}]`))
	in := inputOf(t, "", po("70000"))
	in.Subject.Identity, in.Subject.User = policy.Asserted, policy.User{UPN: "ana@contoso.com"}
	for _, c := range []struct {
		id, upn string
		want    int
	}{
		{oid(1), "", 0}, {oid(3), "mia@contoso.com", 1}, {oid(1), "ANA@contoso.com", 0}, {oid(3), "", 0}, {"", "mia@contoso.com", 1}, {"", "", 0},
	} {
		voter := policy.User{ID: c.id, UPN: c.upn, AppRoles: []string{"Finance.Manager"}, AppRolesKnown: true, GroupsKnown: true}
		in.Approval = policy.Approval{State: policy.ApprovalOpen, Votes: map[string][]policy.User{"fin/over": {voter}}}
		d := set.Decide(in, false)
		if len(d.Requirements) != 1 || d.Requirements[0].Have != c.want {
			t.Errorf("FR23: votes of {%s %s} = %v, want %d", c.id, c.upn, d.Requirements, c.want)
		}
	}
}

// votes are the votes of people for the fixture's approval rule.
func votes(names ...string) policy.Approval {
	a := policy.Approval{State: policy.ApprovalOpen, Votes: map[string][]policy.User{}}
	for _, name := range names {
		a.Votes["fin/over"] = append(a.Votes["fin/over"], people[name])
	}
	return a
}

// FR31: an approval is bound to the digest of the canonical call; another
// spelling is the same call, another value is not.
func TestFieldReportFR31(t *testing.T) {
	set := load(t, finPack())
	approved := inputOf(t, "ana", po("70000", `"iban": "DE89"`))
	want := set.Decide(approved, false)
	if want.Outcome != policy.RequireApproval {
		t.Fatalf("FR31: Decide = %s, want REQUIRE_APPROVAL", short(want))
	}
	again := inputOf(t, "ana", po(`"70000.00"`, `"iban": "DE89"`, `"ledger": "GL-100"`))
	again.Approval = votes("mia")
	if d := set.Decide(again, false); d.Digest != want.Digest || d.Code != policy.OKApproved {
		t.Errorf("FR31: the same call = %s with the digest %s, want ok.approved with %s", short(d), d.Digest, want.Digest)
	}
	other := func(change func(*policy.Input)) policy.Decision {
		in := inputOf(t, "ana", po("70000", `"iban": "DE89"`))
		change(in)
		return set.Decide(in, false)
	}
	for name, d := range map[string]policy.Decision{
		"amount": set.Decide(inputOf(t, "ana", po("70001", `"iban": "DE89"`)), false),
		"currency": other(func(in *policy.Input) {
			in.Request.Parameters = parse(t, `{"amount": 70000, "currency": "USD", "iban": "DE89"}`)
		}),
		"iban":           set.Decide(inputOf(t, "ana", po("70000", `"iban": "DE88"`)), false),
		"no iban":        set.Decide(inputOf(t, "ana", po("70000")), false),
		"resource.id":    other(func(in *policy.Input) { in.Request.Resource.ID = "PO-2" }),
		"classification": other(func(in *policy.Input) { in.Request.Resource.Classification = "Public" }),
		"user":           other(func(in *policy.Input) { in.Subject.User = people["bob"] }),
	} {
		if d.Digest == want.Digest || d.Digest == "" {
			t.Errorf("FR31: another %s has the digest %q, want one of its own", name, d.Digest)
		}
	}
	in := inputOf(t, "ana", po("70001"))
	in.Approval = policy.Approval{State: policy.ApprovalMismatch, Named: true}
	if got := short(set.Decide(in, false)); got != "DENY approval.mismatch" {
		t.Errorf("FR31: another amount with the approval's id = %s, want DENY approval.mismatch", got)
	}
}

// FR32: where nobody but the requester could approve, the answer is no at once.
func TestFieldReportFR32(t *testing.T) {
	const analysts = `"roles": [{"id": "FinanceAnalyst", "members": ["user:ana@contoso.com", "user:omar@contoso.com"]}, {"id": "FinanceManager", "members": MANAGERS}]`
	rule := func(approvers string, quorum string) string {
		return `"approvals": [{"id": "over", "on": ["overLimit"], "approvers": ` + approvers + `, "quorum": ` + quorum + `}]`
	}
	const onlyAna = `["user:ana@contoso.com"]`
	const unavailable = "DENY approval.unavailable"
	for _, c := range []struct{ name, managers, rule, who, want string }{
		{"the requester alone", onlyAna, rule(onlyAna, "1"), "ana", unavailable},
		{"somebody else asks", onlyAna, rule(onlyAna, "1"), "omar", asked},
		{"two of two", onlyAna, rule(`["user:ana@contoso.com", "user:mia@contoso.com"]`, "2"), "ana", unavailable},
		{"two of two, somebody else asks", onlyAna, rule(`["user:ana@contoso.com", "user:mia@contoso.com"]`, "2"), "omar", asked},
		{"a role of the requester alone", onlyAna, rule(`["role:FinanceManager"]`, "1"), "ana", unavailable},
		{"a role with a group besides", `["user:ana@contoso.com", "group:` + groupOne + `"]`, rule(`["role:FinanceManager"]`, "1"), "ana", asked},
		{"a role with an app role besides", `["user:ana@contoso.com", "appRole:Finance.Manager"]`, rule(`["role:FinanceManager"]`, "1"), "ana", asked},
		{"whoever is entitled", onlyAna, rule(`["user:ana@contoso.com", "entitled"]`, "1"), "ana", asked},
	} {
		set := load(t, finPack(strings.Replace(analysts, "MANAGERS", c.managers, 1), c.rule))
		d := ask(t, set, c.who, po("70000"))
		if got := short(d); got != c.want {
			t.Errorf("FR32: %s: Decide = %s, want %s", c.name, got, c.want)
		}
		if c.want == unavailable && !strings.Contains(d.Reason, "nobody but the requester") {
			t.Errorf("FR32: %s: reason = %q, want that nobody but the requester could approve", c.name, d.Reason)
		}
	}
}

// FR33: who may approve is judged by today's pack, for a vote and for its use.
func TestFieldReportFR33(t *testing.T) {
	managers := func(version, members string) string {
		return finPack(`"version": `+version, `"roles": [{"id": "FinanceAnalyst", "members": ["user:ana@contoso.com"]}, {"id": "FinanceManager", "members": `+members+`}]`)
	}
	before := load(t, managers("12", `["user:mia@contoso.com", "user:omar@contoso.com"]`))
	after := load(t, managers("13", `["user:mia@contoso.com", "user:nora@contoso.com"]`))
	for _, c := range []struct {
		name string
		set  *policy.Set
		by   string
		want string
	}{
		{"omar, while a manager", before, "omar", "ALLOW ok.approved"},
		{"omar, no longer one", after, "omar", "REQUIRE_APPROVAL approval.pending"},
		{"nora, not yet one", before, "nora", "REQUIRE_APPROVAL approval.pending"},
		{"nora, now one", after, "nora", "ALLOW ok.approved"},
		{"the requester", after, "ana", "REQUIRE_APPROVAL approval.pending"},
	} {
		in := inputOf(t, "ana", po("70000"))
		in.Approval = votes(c.by)
		if got := short(c.set.Decide(in, false)); got != c.want {
			t.Errorf("FR33: approved by %s: Decide = %s, want %s", c.name, got, c.want)
		}
		if got, want := c.set.MayApprove(inputOf(t, "ana", po("70000")), "fin/over", policy.Ballot{Voter: people[c.by]}), strings.HasPrefix(c.want, "ALLOW"); got != want {
			t.Errorf("FR33: MayApprove by %s = %v, want %v", c.name, got, want)
		}
	}
}
