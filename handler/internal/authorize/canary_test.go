package authorize_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
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
func (w *world) wantNoCanary(t tester, what string, a authorize.Answer) {
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
		w := newWorld(rt)
		for range rapid.IntRange(1, 3).Draw(rt, "calls") {
			r := drawCall(rt)
			call := rapid.SampledFrom([]authorize.Call{enforce, preview}).Draw(rt, "mode")
			p := rapid.SampledFrom([]identity.Principal{ana(), ana(), app(flow), app(flow), developer(), app(stranger)}).Draw(rt, "caller")
			a := w.decideAs(rt, p, r, call)
			what := fmt.Sprintf("%s %s of %s", a.Decision, a.ReasonCode, canonical(r.Parameters))
			w.wantNoCanary(rt, what, a)
			if a.Approval.ID != "" {
				w.wantNoCanary(rt, what+", resumed", w.decide(rt, p, with(resume(a.Approval.ID), func(later *authorize.Request) { later.AgentID = r.AgentID })))
			}
		}
	})
}

// usually is the first nine times out of ten or so, else one of the others:
// most calls get past the first stages.
func usually(rt *rapid.T, label, common string, rare ...string) string {
	if rapid.IntRange(0, 9).Draw(rt, label) < 9 {
		return common
	}
	return rapid.SampledFrom(rare).Draw(rt, label+" otherwise")
}

func drawCall(rt *rapid.T) authorize.Request {
	r := authorize.Request{
		AgentID: usually(rt, "agent", "finance-agent", "ops-agent", "second-agent", "robot", "unknown"),
		Action:  usually(rt, "action", "CreatePO", "bash", "unknown"),
		Resource: policy.Resource{
			ID: usually(rt, "id", "R-1", ""), Region: usually(rt, "region", "EU", "", "US", "Mars"),
			Classification: usually(rt, "label", "", "Internal", "Confidential", "Restricted", "Secret"),
			Tenant:         usually(rt, "tenant", "", tenant, elsewhere), Attributes: drawObject(rt, "attributes", "a", "CANARY"),
		},
		UserUPN:    usually(rt, "upn", "ana@contoso.com", "", "mia@contoso.com"),
		ApprovalID: usually(rt, "approval", "", "apr_x"),
		Context:    joined(drawObject(rt, "context", "reason", "risk", "threadId", "channel", "roles", "x"), drawText(rt, "score", "{}", `{"riskScore":10}`, `{"riskScore":80}`, `{"riskScore":99}`)),
	}
	if rapid.IntRange(0, 2).Draw(rt, "shell") == 2 {
		r.AgentID, r.Action = "ops-agent", "bash"
	}
	if r.Action == "bash" {
		r.Parameters = strictjson.ObjectOf(strictjson.Member{Name: "command", Value: strictjson.StringOf(drawCommand(rt))})
		return r
	}
	r.Parameters = drawParameters(rt)
	return r
}

// drawParameters are of CreatePO, now and then of the wrong type or unknown.
func drawParameters(rt *rapid.T) strictjson.Value {
	var members []strictjson.Member
	for _, name := range []string{"pin", "card", "token", "gone"} {
		switch rapid.IntRange(0, 9).Draw(rt, name) {
		case 0:
			members = append(members, strictjson.Member{Name: name, Value: drawValue(rt, 3)})
		case 1, 2, 3, 4:
			members = append(members, strictjson.Member{Name: name, Value: strictjson.StringOf(canary)})
		}
	}
	v := joined(strictjson.ObjectOf(members...), `{"currency":"EUR"}`)
	v = joined(v, usually(rt, "amount", drawText(rt, "number", `{"amount":1}`, `{"amount":"70000.00"}`, `{"amount":70000}`), `{"amount":1e5}`, "{}", `{"amount":"many"}`))
	if rapid.Bool().Draw(rt, "payload") {
		payload := strictjson.ObjectOf(strictjson.Member{Name: "iban", Value: drawValue(rt, 3)}, strictjson.Member{
			Name: "list", Value: strictjson.ArrayOf(strictjson.ObjectOf(strictjson.Member{Name: "iban", Value: drawValue(rt, 2)})),
		})
		v = strictjson.ObjectOf(append(slices.Clone(v.Members()), strictjson.Member{Name: "payload", Value: payload})...)
	}
	return joined(v, usually(rt, "besides", "{}", `{"undeclared":"CANARY"}`, `{"CANARY":"CANARY"}`, `{"ledger":"mine"}`))
}

func drawText(rt *rapid.T, label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(rt, label)
}

// drawObject has some of the names, each with a canary somewhere.
func drawObject(rt *rapid.T, label string, names ...string) strictjson.Value {
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
