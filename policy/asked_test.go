package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/policy"
)

// What an approver reads first: the fact that a limit or a threshold is about.
func TestMainFactAndOver(t *testing.T) {
	const (
		actions = `"actions": [{"id": "Read", "title": "Read a file", "resource": "File", "creates": true, "parameters": PARAMETERS}]`
		always  = `"approvals": [{"id": "a", "on": ["always", "overLimit", "ask"], "approvers": ["user:mia@contoso.com"]}]`
		money   = `{"amount": {"type": "decimal", "label": "Amount"}, "currency": {"type": "string"}, "about": {"type": "string"}, "zulu": {"type": "decimal", "required": true}}`
		byCoin  = `"entitlements": [{"id": "e", "roles": ["Reader"], "limit": {"parameter": "amount", "by": "currency", "max": {"EUR": "500", "USD": "550.5"}}}]`
		two     = `"entitlements": [{"id": "small", "roles": ["Reader"], "limit": {"parameter": "amount", "max": "300"}}, {"id": "e", "roles": ["Reader"], "limit": {"parameter": "amount", "by": "currency", "max": {"EUR": "500"}}}]`
		alike   = `"entitlements": [{"id": "small", "roles": ["Reader"], "limit": {"parameter": "amount", "max": "500"}}, {"id": "e", "roles": ["Reader"], "limit": {"parameter": "amount", "by": "currency", "max": {"EUR": "500"}}}]`
		score   = `"thresholds": [{"id": "t", "value": "parameters.amount", "askAbove": "1"}]`
		mask    = `"classification": [{"id": "m", "effect": "MASK", "mask": [{"path": "parameters.PLACE", "method": "redact"}]}]`
		sent    = `{"amount": "700.25", "currency": "EUR", "about": "x", "zulu": 1}`
	)
	for _, c := range []struct {
		name, parameters, sent string
		more                   []string
		main                   string
		unit                   string
		over                   *policy.Over
	}{
		{"over the limit", money, sent, []string{byCoin}, "Amount", "EUR", &policy.Over{Limit: "500", Excess: "200.25", Unit: "EUR"}},
		{"over by another figure", money, `{"amount": 600, "currency": "USD", "zulu": 1}`, []string{byCoin}, "Amount", "USD", &policy.Over{Limit: "550.5", Excess: "49.5", Unit: "USD"}},
		{"the largest of two limits", money, sent, []string{two}, "Amount", "EUR", &policy.Over{Limit: "500", Excess: "200.25", Unit: "EUR"}},
		{"of two alike the one with a unit", money, sent, []string{alike}, "Amount", "EUR", &policy.Over{Limit: "500", Excess: "200.25", Unit: "EUR"}},
		{"within the limit", money, `{"amount": 1, "currency": "EUR", "zulu": 1}`, []string{byCoin}, "Amount", "EUR", nil},
		{"a threshold on it", money, sent, []string{score}, "Amount", "", nil},
		{"a required decimal", money, sent, nil, "zulu", "", nil},
		{"the first fact", `{"a": {"type": "string"}, "amount": {"type": "decimal"}}`, `{"amount": 5, "a": "x"}`, nil, "a", "", nil},
		{"no fact", `{"a": {"type": "string"}}`, `{}`, nil, "", "", nil},
		{"a masked amount tells no excess", money, sent, []string{byCoin, strings.Replace(mask, "PLACE", "amount", 1)}, "Amount", "EUR", nil},
		{"a masked currency tells no limit", money, sent, []string{byCoin, strings.Replace(mask, "PLACE", "currency", 1)}, "Amount", "", nil},
		{"a removed amount is no main fact", money, sent, []string{byCoin, strings.Replace(strings.Replace(mask, "PLACE", "amount", 1), "redact", "remove", 1)}, "zulu", "", nil},
	} {
		set := load(t, smallPack(append([]string{always, strings.Replace(actions, "PARAMETERS", c.parameters, 1)}, c.more...)...))
		d := ask(t, set, "ana", `{"agentId": "agent", "action": "Read", "parameters": `+c.sent+`}`)
		if d.Asked == nil {
			t.Errorf("%s: Decide = %s, want REQUIRE_APPROVAL", c.name, short(d))
			continue
		}
		main := ""
		if d.Asked.Main >= 0 {
			main = d.Asked.Facts[d.Asked.Main].Label
		}
		if main != c.main || d.Asked.Unit != c.unit {
			t.Errorf("%s: main fact = %q in %q, want %q in %q", c.name, main, d.Asked.Unit, c.main, c.unit)
		}
		if diff := cmp.Diff(c.over, d.Asked.Over); diff != "" {
			t.Errorf("%s: Over (-want +got):\n%s", c.name, diff)
		}
	}
}

// Names that approvers read: titles where there are any.
func TestAskedNames(t *testing.T) {
	const always = `"approvals": [{"id": "a", "on": ["always"], "approvers": ["user:mia@contoso.com"]}]`
	plain := ask(t, load(t, smallPack(always)), "ana", readRequest).Asked
	if plain.Agent != "agent" || plain.Title != "Read" || plain.Classification != "Internal" || plain.Region != "" {
		t.Errorf("Asked without titles = %+v, want ids and the default label", plain)
	}
	titled := ask(t, load(t, smallPack(always,
		`"agents": [{"id": "agent", "title": "Reading room", "actions": ["Read"], "users": ["asserted"]}]`,
		`"actions": [{"id": "Read", "title": "Read a file", "resource": "File", "creates": true, "attested": {"region": "EU"}}]`)), "ana", readRequest).Asked
	if titled.Agent != "Reading room" || titled.Title != "Read a file" || titled.Region != "EU" {
		t.Errorf("Asked with titles = %+v, want them and the attested region", titled)
	}
}

// What the agent wrote repeats nothing that the rest of the call hides.
func TestSaid(t *testing.T) {
	const pack = `"actions": [{"id": "Read", "resource": "File", "creates": true, "parameters": {
		"iban": {"type": "string"}, "owner": {"type": "string"}, "amount": {"type": "decimal"}, "items": {"type": "json"}, "line": {"type": "command"}}}]`
	const rules = `"classification": [{"id": "m", "effect": "MASK", "mask": [
		{"path": "parameters.iban", "method": "last4"}, {"path": "parameters.owner", "method": "redact"}, {"path": "parameters.amount", "method": "hash"}, {"path": "parameters.items.**.secret", "method": "redact"}]}]`
	set := load(t, smallPack(pack, rules, `"approvals": [{"id": "a", "on": ["always"], "approvers": ["user:mia@contoso.com"]}]`))
	for _, c := range []struct{ name, parameters, reason, want string }{
		{"nothing to hide", `{}`, `"Please, <b>now</b>\nOK?"`, "Please, <b>now</b>\nOK?"},
		{"no string", `{}`, `{"a": 1}`, ""},
		{"a masked value, twice", `{"iban": "DE8937"}`, `"to DE8937, I say DE8937."`, "to [masked], I say [masked]."},
		{"a masked value in small letters", `{"iban": "DE8937ab"}`, `"to de8937AB."`, "to [masked]."},
		{"a masked value of another parameter's beginning", `{"iban": "DE89", "owner": "DE8937"}`, `"DE8937 DE89"`, "[masked] [masked]"},
		{"values that overlap", `{"iban": "abcd", "owner": "cdef"}`, `"xabcdefy"`, "x[masked]y"},
		{"a value that overlaps itself", `{"iban": "abab"}`, `"ababab."`, "[masked]."},
		{"a number as sent and in canonical form", `{"amount": "70.50"}`, `"70.50 is 70.5"`, "[masked] is [masked]"},
		{"inside a value", `{"items": [{"secret": "s3cr3t"}]}`, `"say s3cr3t"`, "say [masked]"},
		{"an unmasked value stays", `{"line": "cat a.txt"}`, `"cat a.txt"`, "cat a.txt"},
		{"a secret of the command", `{"line": "curl -H 'Authorization: Bearer abcdef123' https://u:pw123@x.example"}`, `"with abcdef123 and pw123"`, "with [masked] and [masked]"},
		{"a secret behind its option", `{"line": "mysql -pS3cret -h db"}`, `"the password is S3cret"`, "the password is [masked]"},
		{"the whole command", `{"line": "mysql --password=S3cret -h db"}`, `"runs mysql --password=S3cret -h db"`, "runs mysql [masked] -h db"},
		{"as long as may be", `{}`, `"` + strings.Repeat("é", 1000) + `"`, strings.Repeat("é", 1000)},
		{"too long", `{}`, `"` + strings.Repeat("é", 1001) + `"`, strings.Repeat("é", 994) + " [cut]"},
		{"a value across the cut", `{"iban": "SECRET"}`, `"` + strings.Repeat("a", 990) + `SECRET and more"`, strings.Repeat("a", 990) + "[mas [cut]"},
	} {
		d := ask(t, set, "ana", `{"agentId": "agent", "action": "Read", "parameters": `+c.parameters+`, "context": {"reason": `+c.reason+`}}`)
		if d.Asked == nil {
			t.Errorf("%s: Decide = %s, want REQUIRE_APPROVAL", c.name, short(d))
		} else if d.Asked.Said != c.want {
			t.Errorf("%s: Said = %q, want %q", c.name, d.Asked.Said, c.want)
		}
	}
}

// The approver's own limit is that of their roles for this very call.
func TestLimitOf(t *testing.T) {
	const roles = `"roles": [{"id": "Reader", "members": ["user:ana@contoso.com"]}, {"id": "Lead", "members": ["user:mia@contoso.com", "user:omar@contoso.com"]}, {"id": "Boss", "members": ["user:omar@contoso.com"]}, {"id": "Store", "members": ["user:nora@contoso.com"]}]`
	const actions = `"actions": [{"id": "Read", "resource": "File", "creates": true, "parameters": {"amount": {"type": "decimal"}, "currency": {"type": "string"}, "pieces": {"type": "integer"}}}]`
	const entitlements = `"entitlements": [
		{"id": "r", "roles": ["Reader"], "limit": {"parameter": "amount", "max": "500"}},
		{"id": "l1", "roles": ["Lead"], "limit": {"parameter": "amount", "by": "currency", "max": {"EUR": "900", "USD": "1000"}}},
		{"id": "l2", "roles": ["Lead"], "limit": {"parameter": "amount", "max": "100"}},
		{"id": "b", "roles": ["Boss"]},
		{"id": "s", "roles": ["Store"], "limit": {"parameter": "pieces", "max": "3"}}]`
	const mask = `"classification": [{"id": "m", "effect": "MASK", "mask": [{"path": "parameters.amount", "method": "redact"}]}]`
	type answer struct {
		limit, unit   string
		unlimited, ok bool
	}
	none := answer{}
	open, masked := load(t, smallPack(roles, actions, entitlements)), load(t, smallPack(roles, actions, entitlements, mask))
	for _, c := range []struct {
		name string
		set  *policy.Set
		who  policy.User
		call string
		want answer
	}{
		{"a lead", open, people["mia"], `"Read", "parameters": {"amount": 700, "currency": "EUR", "pieces": 1}`, answer{"900", "EUR", false, true}},
		{"a lead, another currency", open, people["mia"], `"Read", "parameters": {"amount": 700, "currency": "USD", "pieces": 1}`, answer{"1000", "USD", false, true}},
		{"a lead, a currency without a figure", open, people["mia"], `"Read", "parameters": {"amount": 700, "currency": "CHF", "pieces": 1}`, answer{"100", "", false, true}},
		{"without a limit", open, people["omar"], `"Read", "parameters": {"amount": 700, "currency": "EUR", "pieces": 1}`, answer{"", "", true, true}},
		{"nobody's role", open, people["bob"], `"Read", "parameters": {"amount": 700, "currency": "EUR", "pieces": 1}`, none},
		{"nobody", open, policy.User{}, `"Read", "parameters": {"amount": 700, "currency": "EUR", "pieces": 1}`, none},
		{"a limit on something else", open, people["nora"], `"Read", "parameters": {"amount": 700, "currency": "EUR", "pieces": 1}`, none},
		{"no such action", open, people["mia"], `"Write", "parameters": {}`, none},
		{"a masked amount", masked, people["mia"], `"Read", "parameters": {"amount": 700, "currency": "EUR"}`, none},
	} {
		var got answer
		got.limit, got.unit, got.unlimited, got.ok = c.set.LimitOf(inputOf(t, "ana", `{"agentId": "agent", "action": `+c.call+`}`), c.who)
		if got != c.want {
			t.Errorf("LimitOf %s = %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Approvers in words.
func TestApproverTitle(t *testing.T) {
	set := load(t, smallPack(
		`"roles": [{"id": "Reader", "title": "Reading lead", "members": ["user:ana@contoso.com"]}, {"id": "Plain"}]`,
		`"groups": {"`+strings.ToUpper(groupOne)+`": {"name": "Readers of Hamburg", "members": []}}`))
	for _, c := range []struct{ rule, approver, want string }{
		{"p/a", "role:Reader", "Reading lead"},
		{"p/a", "role:Plain", "Plain"},
		{"p/a", "role:Gone", "Gone"},
		{"q/a", "role:Reader", "Reader"},
		{"p/a", "group:" + groupOne, "Readers of Hamburg"},
		{"p/a", "group:" + groupTwo, groupTwo},
		{"p/a", "entitled", "anyone entitled to this"},
		{"p/a", "owner", "the agent's owner"},
		{"p/a", "user:mia@contoso.com", "mia@contoso.com"},
		{"p/a", "oid:" + oid(3), oid(3)},
	} {
		if got := set.ApproverTitle(c.rule, c.approver); got != c.want {
			t.Errorf("ApproverTitle(%q, %q) = %q, want %q", c.rule, c.approver, got, c.want)
		}
	}
}

// 4.6: each address is told once, written ones instead of those that follow.
func TestWhomToTell(t *testing.T) {
	const roles = `"roles": [{"id": "Reader", "members": ["user:ana@contoso.com"]}, {"id": "Lead", "members": ["user:Mia@contoso.com", "oid:` + `0badcafe-0000-0000-0000-000000000004` + `", "group:` + groupOne + `", "appRole:Lead", "agent:agent"]}]`
	const groups = `"groups": {"` + groupOne + `": {"mail": "Leads@contoso.com", "members": ["user:zoe@contoso.com"]}, "` + groupTwo + `": {"members": ["user:zoe@contoso.com"]}}`
	for _, c := range []struct {
		name, rule     string
		want, escalate []string
	}{
		{"a role", `"approvers": ["role:Lead"]`, []string{"mailto:Mia@contoso.com", "mailto:Leads@contoso.com"}, nil},
		{
			"several spellings", `"approvers": ["user:mia@CONTOSO.com", "role:Lead", "group:` + groupTwo + `", "entitled"]`,
			[]string{"mailto:mia@CONTOSO.com", "mailto:Leads@contoso.com"},
			nil,
		},
		{"notify replaces", `"approvers": ["role:Lead"], "notify": ["mailto:desk@contoso.com", "mailto:Desk@contoso.com"]`, []string{"mailto:desk@contoso.com"}, nil},
		{"notify nobody", `"approvers": ["role:Lead"], "notify": []`, []string{}, nil},
		{
			"escalation", `"approvers": ["user:mia@contoso.com"], "escalate": {"after": "PT1H", "approvers": ["role:Lead"]}`,
			[]string{"mailto:mia@contoso.com"},
			[]string{"mailto:Mia@contoso.com", "mailto:Leads@contoso.com"},
		},
		{
			"escalation with notify", `"approvers": ["user:mia@contoso.com"], "escalate": {"after": "PT1H", "approvers": ["role:Lead"], "notify": ["mailto:duty@contoso.com"]}`,
			[]string{"mailto:mia@contoso.com"},
			[]string{"mailto:duty@contoso.com"},
		},
	} {
		set := load(t, smallPack(roles, groups, `"approvals": [{"id": "a", "on": ["always"], `+c.rule+`}]`))
		r := ask(t, set, "ana", readRequest).Requirements[0]
		var escalate []string
		if r.Escalate != nil {
			escalate = r.Escalate.Notify
		}
		if diff := cmp.Diff(c.want, r.Notify) + cmp.Diff(c.escalate, escalate); diff != "" {
			t.Errorf("%s: whom to tell (-want +got):\n%s", c.name, diff)
		}
	}
}
