package authorize_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// canary is in every value that nobody but the tool may see.
const canary = "CANARY-0123456789"

// withCanaries adds to a call, without changing what comes of it: values of
// every masked place, free text and unknown names in context, attributes, and
// a secret in a command.
func withCanaries(r authorize.Request) authorize.Request {
	switch r.Action {
	case "CreatePO":
		r.Parameters = joined(r.Parameters, `{"pin":"CANARY-pin-000000000","card":"CANARY-0123456789","token":"CANARY-token","gone":"CANARY-gone",
			"payload":{"iban":"CANARY","a":[{"iban":["CANARY",{"x":"CANARY"}]},[{"b":{"iban":{"CANARY":"CANARY"}}}]]}}`)
	case "bash":
		if command := r.Parameters.Get("command").Text(); command != "" {
			r.Parameters = strictjson.ObjectOf(strictjson.Member{Name: "command", Value: strictjson.StringOf(command + " --token=" + canary)})
		}
	}
	r.Context = joined(r.Context, `{"reason":"CANARY says so","threadId":"CANARY","channel":"CANARY","risk":"CANARY","note":{"deep":["CANARY"]},"CANARY":1,"roles":["CANARY"]}`)
	r.Resource.Attributes = object(`{"site":"CANARY","roles":{"CANARY":"CANARY"}}`)
	return r
}

// joined is an object with the members of another behind its own.
func joined(v strictjson.Value, text string) strictjson.Value {
	members := slices.Clone(v.Members())
	for _, m := range object(text).Members() {
		if !v.Has(m.Name) {
			members = append(members, m)
		}
	}
	return strictjson.ObjectOf(members...)
}

// wantNoCanary looks through everything that left the service: an answer, with
// its trace, and the whole log, the openings of approvals included.
func (w *world) wantNoCanary(t testing.TB, what string, a authorize.Answer) {
	t.Helper()
	if a.EffectiveParameters.Has("command") {
		a.EffectiveParameters = strictjson.Value{} // the tool must run it as it is
	}
	if text := fmt.Sprintf("%+v", a); strings.Contains(text, "CANARY") {
		t.Errorf("%s: the answer holds a canary: %s", what, text)
	}
	for _, line := range w.lines(t) {
		if bytes.Contains(line, []byte("CANARY")) {
			t.Errorf("%s: the log holds a canary: %s", what, line)
		}
	}
}

// policy-pack 11.2: no masked value, no secret of a command and no free text of
// a context in any answer, trace or record, on every outcome, asked again and
// resumed too.
func TestNoCanaryOnAnyOutcome(t *testing.T) {
	for _, c := range outcomes() {
		for _, call := range []authorize.Call{enforce, preview} {
			w := newWorld(t)
			r := withCanaries(c.request)
			if c.request.Action == "" {
				r.Resource = c.request.Resource
			}
			a := w.decideAs(t, c.by, r, call)
			wantCode(t, c.name, a, c.want, c.code)
			w.wantNoCanary(t, c.name, a)
			if a.Approval.ID == "" {
				continue
			}
			w.wantNoCanary(t, c.name+", again", w.decide(t, c.by, r))
			later := with(resume(a.Approval.ID), func(later *authorize.Request) { later.AgentID, later.Context = r.AgentID, r.Context })
			resumed := w.decide(t, c.by, later)
			wantCode(t, c.name+", resumed", resumed, policy.RequireApproval, policy.ApprovalPending)
			w.wantNoCanary(t, c.name+", resumed", resumed)
		}
	}
}

// Calls that somebody makes up: whatever comes of them, what is covered stays
// covered.
func TestNoCanaryInCallsMadeUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 3).Draw(rt, "calls") {
			r := drawCall(rt)
			call := rapid.SampledFrom([]authorize.Call{enforce, preview}).Draw(rt, "mode")
			p := rapid.SampledFrom(outcomes()).Draw(rt, "caller").by
			a := w.decideAs(t, p, r, call)
			what := fmt.Sprintf("%s %s of %s", a.Decision, a.ReasonCode, canonical(r.Parameters))
			w.wantNoCanary(t, what, a)
			if a.Approval.ID != "" {
				w.wantNoCanary(t, what+", resumed", w.decide(t, p, with(resume(a.Approval.ID), func(later *authorize.Request) { later.AgentID = r.AgentID })))
			}
			if t.Failed() {
				rt.FailNow()
			}
		}
	})
}

func drawCall(rt *rapid.T) authorize.Request {
	r := authorize.Request{
		AgentID: rapid.SampledFrom([]string{"finance-agent", "ops-agent", "second-agent", "robot", "unknown"}).Draw(rt, "agent"),
		Action:  rapid.SampledFrom([]string{"CreatePO", "CreatePO", "bash", "unknown"}).Draw(rt, "action"),
		Resource: policy.Resource{
			ID: rapid.SampledFrom([]string{"", "R-1"}).Draw(rt, "id"), Region: rapid.SampledFrom([]string{"", "EU", "US", "Mars"}).Draw(rt, "region"),
			Classification: rapid.SampledFrom([]string{"", "Internal", "Confidential", "Restricted", "Secret"}).Draw(rt, "label"),
			Tenant:         rapid.SampledFrom([]string{"", tenant, elsewhere}).Draw(rt, "tenant"), Attributes: drawObject(rt, "attributes", []string{"a", "CANARY"}),
		},
		UserUPN:    rapid.SampledFrom([]string{"", "ana@contoso.com", "mia@contoso.com"}).Draw(rt, "upn"),
		ApprovalID: rapid.SampledFrom([]string{"", "", "apr_x"}).Draw(rt, "approval"),
		Context:    joined(drawObject(rt, "context", []string{"reason", "risk", "threadId", "channel", "roles", "x"}), drawText(rt, "score", "{}", `{"riskScore":10}`, `{"riskScore":80}`, `{"riskScore":99}`)),
	}
	if r.Action == "bash" {
		r.Parameters = strictjson.ObjectOf(strictjson.Member{Name: "command", Value: strictjson.StringOf(drawCommand(rt))})
		return r
	}
	amounts := drawText(rt, "amount", "{}", `{"amount":1}`, `{"amount":"70000.00"}`, `{"amount":1e5}`, `{"amount":70000}`)
	r.Parameters = joined(joined(drawObject(rt, "masked", []string{"pin", "card", "token", "gone", "CANARY", "undeclared"}), amounts), `{"currency":"EUR"}`)
	if rapid.Bool().Draw(rt, "payload") {
		members := slices.Clone(r.Parameters.Members())
		payload := strictjson.ObjectOf(strictjson.Member{Name: "iban", Value: drawValue(rt, 3)}, strictjson.Member{
			Name: "list", Value: strictjson.ArrayOf(strictjson.ObjectOf(strictjson.Member{Name: "iban", Value: drawValue(rt, 2)})),
		})
		r.Parameters = strictjson.ObjectOf(append(members, strictjson.Member{Name: "payload", Value: payload})...)
	}
	return r
}

func drawText(rt *rapid.T, label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(rt, label)
}

// drawObject has some of the names, each with a canary somewhere.
func drawObject(rt *rapid.T, label string, names []string) strictjson.Value {
	var members []strictjson.Member
	for _, name := range names {
		if rapid.Bool().Draw(rt, label+"."+name) {
			members = append(members, strictjson.Member{Name: name, Value: drawValue(rt, 3)})
		}
	}
	return strictjson.ObjectOf(members...)
}

func drawValue(rt *rapid.T, depth int) strictjson.Value {
	kind := rapid.IntRange(0, 3).Draw(rt, "kind")
	switch {
	case depth == 0 || kind < 2:
		return strictjson.StringOf(canary)
	case kind == 2:
		return strictjson.ArrayOf(drawValue(rt, depth-1), strictjson.StringOf(canary))
	default:
		return strictjson.ObjectOf(strictjson.Member{Name: canary, Value: drawValue(rt, depth-1)})
	}
}

func drawCommand(rt *rapid.T) string {
	program := rapid.SampledFrom([]string{"curl https://contoso.com", "rm -rf /", "systemctl restart nginx", "halt", "unknown", "curl $(whoami)", "if", "curl 'a"}).Draw(rt, "program")
	secret := rapid.SampledFrom([]string{
		"--token=" + canary, "--password " + canary, "-H 'Authorization: Bearer " + canary + "'", "https://u:" + canary + "@contoso.com/",
		"'https://contoso.com/?access_token=" + canary + "'", "--user ana:" + canary,
	}).Draw(rt, "secret")
	if rapid.Bool().Draw(rt, "variable") {
		return "API_TOKEN=" + canary + " " + program
	}
	return program + " " + secret
}
