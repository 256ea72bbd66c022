package authorize_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// widely lets nearly every edit of a call come as far as its approval.
var widely = []string{
	`"allowedRegions": ["EU"]`, `"allowedRegions": ["EU", "US"]`,
	`"roles": ["Analyst", "Robot"], "match": {"actions": ["CreatePO"]}`, `"roles": ["*"], "match": {"actions": ["CreatePO"]}`,
	`"roles": ["Analyst"], "match": {"actions": ["Refund"]}`, `"roles": ["*"], "match": {"actions": ["Refund"]}`,
	`"match": {"actions": ["CreatePO"]}, "on": ["overLimit"]`, `"match": {"actions": ["CreatePO", "Refund"]}, "on": ["always", "overLimit"]`,
	`"tenants": ["` + tenant + `"]`, `"tenants": ["` + tenant + `", "` + elsewhere + `"]`,
}

// whole is a call with something in every place that an approval binds.
func whole() authorize.Request {
	return with(order("70000"), func(r *authorize.Request) {
		r.Resource = policy.Resource{
			Type: "PurchaseOrder", ID: "PO-1", Region: "EU", Classification: "Confidential",
			Tenant: tenant, Attributes: object(`{"site":"Hamburg","tags":{"a":[1,"2"]}}`),
		}
		r.Parameters = object(`{"amount":70000,"currency":"EUR","pin":"p1","card":"4111111111111111","token":"t1","gone":"g1","payload":{"lines":[{"iban":"DE1","n":1},{"n":2}],"note":null}}`)
	})
}

// parameters is an edit of a text in the parameters.
func parameters(from, to string) func(*authorize.Request) {
	return func(r *authorize.Request) {
		text := canonical(r.Parameters)
		if !strings.Contains(text, from) {
			panic(text + " does not hold " + from)
		}
		r.Parameters = object(strings.Replace(text, from, to, 1))
	}
}

// edit is one change of a call.
type edit struct {
	name string
	do   func(*authorize.Request)
	by   identity.Principal // zero: ana
	same bool               // it is the same call, written otherwise
}

func edits() []edit {
	return []edit{
		{name: "agent", do: func(r *authorize.Request) { r.AgentID = "second-agent" }},
		{name: "agent without a user", do: func(r *authorize.Request) { r.AgentID = "robot" }, by: app(flow)},
		{name: "user", do: func(*authorize.Request) {}, by: person("bbb", "bob@contoso.com")},
		{name: "user of the same UPN", do: func(*authorize.Request) {}, by: person("bbb", "ana@contoso.com")},
		{name: "user only asserted by UPN", do: func(r *authorize.Request) { r.UserUPN = "ana@contoso.com" }, by: app(flow)},
		{name: "user only asserted by both", do: func(r *authorize.Request) { r.UserUPN, r.UserID = "ana@contoso.com", anaID }, by: app(flow)},
		{name: "application", do: func(*authorize.Request) {}, by: func() identity.Principal { p := ana(); p.Application = otherFlow; return p }()},
		{name: "tenant", do: func(r *authorize.Request) { r.Resource.Tenant = "" }, by: func() identity.Principal { p := ana(); p.Tenant = elsewhere; return p }()},
		{name: "developer", do: func(r *authorize.Request) { r.UserID, r.TenantID = anaID, tenant }, by: developer()},
		{name: "action", do: func(r *authorize.Request) { r.Action, r.Parameters = "Refund", object(`{"amount":70000}`) }},
		{name: "resource type", do: func(r *authorize.Request) { r.Resource.Type = "Vendor" }},
		{name: "resource id", do: func(r *authorize.Request) { r.Resource.ID = "PO-2" }},
		{name: "resource id in another case", do: func(r *authorize.Request) { r.Resource.ID = "po-1" }},
		{name: "no resource id", do: func(r *authorize.Request) { r.Resource.ID = "" }},
		{name: "region", do: func(r *authorize.Request) { r.Resource.Region = "US" }},
		{name: "no region", do: func(r *authorize.Request) { r.Resource.Region = "" }},
		{name: "classification", do: func(r *authorize.Request) { r.Resource.Classification = "Internal" }},
		{name: "no classification", do: func(r *authorize.Request) { r.Resource.Classification = "" }},
		{name: "resource tenant", do: func(r *authorize.Request) { r.Resource.Tenant = elsewhere }},
		{name: "attribute", do: func(r *authorize.Request) { r.Resource.Attributes = object(`{"site":"Bremen","tags":{"a":[1,"2"]}}`) }},
		{name: "nested attribute", do: func(r *authorize.Request) {
			r.Resource.Attributes = object(`{"site":"Hamburg","tags":{"a":["1","2"]}}`)
		}},
		{name: "attribute more", do: func(r *authorize.Request) {
			r.Resource.Attributes = object(`{"site":"Hamburg","tags":{"a":[1,"2"]},"x":false}`)
		}},
		{name: "no attributes", do: func(r *authorize.Request) { r.Resource.Attributes = object(`{}`) }},
		{name: "amount", do: parameters(`70000`, `70001`)},
		{name: "amount by the smallest step", do: parameters(`70000`, `70000.01`)},
		{name: "currency", do: parameters(`"EUR"`, `"USD"`)},
		{name: "masked value", do: parameters(`"p1"`, `"p2"`)},
		{name: "hidden digits", do: parameters(`4111111111111111`, `4111111112111111`)},
		{name: "hashed value", do: parameters(`"t1"`, `"t2"`)},
		{name: "removed value", do: parameters(`"g1"`, `"g2"`)},
		{name: "removed value left out", do: parameters(`"gone":"g1",`, ``)},
		{name: "nested masked value", do: parameters(`"DE1"`, `"DE2"`)},
		{name: "nested number", do: parameters(`"n":2`, `"n":3`)},
		{name: "nested order", do: parameters(`[{"iban":"DE1","n":1},{"n":2}]`, `[{"n":2},{"iban":"DE1","n":1}]`)},
		{name: "nested kind", do: parameters(`"n":2`, `"n":"2"`)},
		{name: "nested null left out", do: parameters(`,"note":null`, ``)},
		{name: "nested name", do: parameters(`"note"`, `"nota"`)},
		{name: "parameter more", do: parameters(`"pin"`, `"ledger":"GL-200","pin"`)},

		{name: "amount with its scale", do: parameters(`70000`, `70000.00`), same: true},
		{name: "amount as text", do: parameters(`70000`, `"70000.0"`), same: true},
		{name: "pin written out", do: parameters(`"pin"`, `"ledger":"GL-100","pin"`), same: true},
		{name: "null parameter", do: parameters(`"gone":"g1"`, `"gone":"g1","ledger":null`), same: true},
		{name: "resource type left out", do: func(r *authorize.Request) { r.Resource.Type = "" }, same: true},
		{name: "resource tenant left out", do: func(r *authorize.Request) { r.Resource.Tenant = "" }, same: true},
		{name: "user written out", do: func(r *authorize.Request) { r.UserUPN, r.UserID = "ANA@contoso.com", strings.ToUpper(anaID) }, same: true},
		{name: "correlation", do: func(r *authorize.Request) { r.CorrelationID = "po-2" }, same: true},
		{name: "context that nothing was shown of", do: func(r *authorize.Request) { r.Context = object(`{"riskScore":10,"threadId":"t-9","reason":"please"}`) }, same: true},
	}
}

// T19, FR31: with any single place of an approved call changed, the approval
// is not used: refused where it is named, asked anew where it is not.
func TestAnyEditIsAnotherCall(t *testing.T) {
	reached := 0
	for _, e := range edits() {
		p := e.by
		if p.Kind == identity.Nobody {
			p = ana()
		}
		w := newWorld(t)
		w.policies.use(changed(t, widely...))
		id := w.approved(t, ana(), whole())
		edited := with(whole(), e.do)
		if e.same {
			wantCode(t, e.name, w.decide(t, p, edited), policy.Mask, policy.OKApproved)
			continue
		}
		a := w.decide(t, p, edited)
		if a.ReasonCode == policy.OKApproved || a.Decision.Execute() || a.Approval.ID == id {
			t.Errorf("%s changed: %s %s with approval %q, want it asked anew or denied", e.name, a.Decision, a.ReasonCode, a.Approval.ID)
		}
		b := w.decide(t, p, named(edited, id))
		code := a.ReasonCode
		if a.Decision == policy.RequireApproval {
			reached++
			code = policy.ApprovalMismatchCode
		}
		wantCode(t, e.name+" changed, the approval named", b, policy.Deny, code)
		w.wantStatus(t, e.name+" changed", id, approval.Approved)
		wantCode(t, "the call itself, after "+e.name, w.decide(t, ana(), whole()), policy.Mask, policy.OKApproved)
	}
	if reached < 25 {
		t.Errorf("%d edits came as far as their approval, want nearly all", reached)
	}
}

// T19: what the pack puts into the call is bound as well: a pin, a label, the
// declaration of a parameter.
func TestAnotherPinIsAnotherCall(t *testing.T) {
	for name, pairs := range map[string][]string{
		"another pin":    {`"pin": {"ledger": "GL-100"}`, `"pin": {"ledger": "GL-200"}`},
		"one pin more":   {`"pin": {"ledger": "GL-100"}`, `"pin": {"ledger": "GL-100", "gone": "G"}`},
		"no pin":         {`"pin": {"ledger": "GL-100"}`, `"pin": {}`},
		"another label":  {`"defaultClassification": "Internal"`, `"defaultClassification": "Confidential"`},
		"another floor":  {`"creates": true,`, `"creates": true, "classification": "Confidential",`},
		"another region": {`"creates": true,`, `"creates": true, "attested": {"region": "EU"},`},
	} {
		w := newWorld(t)
		r := order("70000")
		if name == "another region" {
			r.Resource.Region = ""
			w.policies.use(changed(t, `"allowedRegions": ["EU"]`, `"allowedRegions": ["EU", "US"]`, `"creates": true,`, `"creates": true, "attested": {"region": "US"},`))
		}
		id := w.approved(t, ana(), r)
		w.policies.use(changed(t, pairs...))
		a := w.decide(t, ana(), r)
		wantCode(t, name, a, policy.RequireApproval, policy.ApprovalRequired)
		if a.Approval.ID == id {
			t.Errorf("%s: the approval is the old one", name)
		}
		wantCode(t, name+", named", w.decide(t, ana(), named(r, id)), policy.Deny, policy.ApprovalMismatchCode)
		wantCode(t, name+", resumed", w.decide(t, ana(), resume(id)), policy.Deny, policy.ApprovalMismatchCode)
		w.wantStatus(t, name, id, approval.Approved)
	}
}

// T19 as a property: whatever is changed in whatever call, in any number of
// places, equal digests mean the same call, and an unequal one never runs on
// the approval.
func TestOnlyTheApprovedCallRuns(t *testing.T) {
	all := edits()
	set := changed(t, widely...)
	ran, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt)
		w.policies.use(set)
		base := with(whole(), func(r *authorize.Request) {
			amount := rapid.SampledFrom([]string{"50001", "70000", "0.01", "999999.99"}).Draw(rt, "amount")
			r.Parameters = object(strings.Replace(canonical(r.Parameters), "70000", amount, 1))
			if rapid.Bool().Draw(rt, "payload") {
				r.Parameters = joined(object(`{"payload":`+sentText(rt)+`}`), canonical(r.Parameters))
			}
			r.Resource.ID = rapid.StringMatching(`[A-Za-z0-9-]{1,8}`).Draw(rt, "id")
		})
		id := w.approved(rt, ana(), base)
		digest := w.document(rt, id).Current.Digest
		p, edited, same := ana(), base, true
		for range rapid.IntRange(1, 3).Draw(rt, "edits") {
			e := rapid.SampledFrom(all).Draw(rt, "edit")
			edited = tried(edited, e.do)
			same = same && e.same
			if e.by.Kind != identity.Nobody {
				p = e.by
			}
		}
		a := w.decide(rt, p, edited)
		switch {
		case a.ReasonCode == policy.OKApproved:
			ran++
			if a.RequestDigest != digest || canonical(a.EffectiveParameters) == "" || p.Application != flow {
				rt.Fatalf("ran %s of %s, which is not what was approved", fmt.Sprint(edited), a.RequestDigest)
			}
		case same:
			rt.Fatalf("the approved call, written otherwise = %s %s (%s), want it to run", a.Decision, a.ReasonCode, a.Reason)
		default:
			refused++
			w.wantStatus(rt, "another call", id, approval.Approved)
		}
	})
	if ran == 0 || refused == 0 {
		t.Errorf("%d edited calls ran and %d did not, want some of each", ran, refused)
	}
}

// tried is r after an edit, or r where it has not what the edit changes.
func tried(r authorize.Request, do func(*authorize.Request)) (out authorize.Request) {
	defer func() {
		if recover() != nil {
			out = r
		}
	}()
	return with(r, do)
}

// sentText is a small JSON object.
func sentText(rt *rapid.T) string {
	keys := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "iban", "c"}), 0, 3, rapid.ID[string]).Draw(rt, "keys")
	var members []string
	for _, k := range keys {
		members = append(members, fmt.Sprintf("%q:%s", k, rapid.SampledFrom([]string{"1", `"1"`, "null", "[1,[2]]", `{"iban":"x"}`, "true"}).Draw(rt, "value")))
	}
	return "{" + strings.Join(members, ",") + "}"
}
