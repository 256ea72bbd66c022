package suite

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// asSets are the keys whose lists are compared without their order.
var asSets = []string{"triggers", "requirements", "requirementDetails", "obligations"}

// compare checks the keys that want names.
func compare(want strictjson.Value, d *policy.Decision) ([]Diff, error) {
	var diffs []Diff
	for _, m := range want.Members() {
		got, ok := Field(d, m.Name)
		if !ok {
			return nil, fmt.Errorf("want: there is no key %q in a decision", m.Name)
		}
		expected := m.Value
		if slices.Contains(asSets, m.Name) {
			got, expected = sorted(got), sorted(expected)
		}
		w, g := canonical(expected), canonical(got)
		if w != g {
			diffs = append(diffs, Diff{Key: m.Name, Want: w, Got: g})
		}
	}
	return diffs, nil
}

func canonical(v strictjson.Value) string { return string(strictjson.AppendCanonical(nil, v)) }

func sorted(v strictjson.Value) strictjson.Value {
	items := slices.Clone(v.Items())
	slices.SortFunc(items, func(a, b strictjson.Value) int { return strictjson.CompareNames(canonical(a), canonical(b)) })
	return strictjson.ArrayOf(items...)
}

// Field is one key of a decision as a test names it.
func Field(d *policy.Decision, key string) (strictjson.Value, bool) {
	switch key {
	case "decision":
		return strictjson.StringOf(d.Outcome.String()), true
	case "execute":
		return strictjson.BoolOf(d.Outcome.Execute()), true
	case "nextStep":
		return strictjson.StringOf(policy.NextStep(d.Outcome, d.Code)), true
	case "reasonCode":
		return strictjson.StringOf(string(d.Code)), true
	case "reason":
		return strictjson.StringOf(d.Reason), true
	case "userMessage":
		return strictjson.StringOf(d.UserMessage), true
	case "advice":
		return stringsOf(d.Advice), true
	case "policyIds":
		return stringsOf(d.PolicyIDs), true
	case "identity":
		return strictjson.StringOf(d.Identity.String()), true
	case "requestDigest":
		return strictjson.StringOf(d.Digest), true
	case "effectiveParameters":
		return d.Effective, true
	case "triggers":
		return stringsOf(d.Triggers), true
	}
	return listField(d, key)
}

func listField(d *policy.Decision, key string) (strictjson.Value, bool) {
	var items []strictjson.Value
	switch key {
	case "obligations":
		for _, o := range d.Obligations {
			items = append(items, object("type", o.Type, "path", o.Path, "method", o.Method))
		}
	case "requirements":
		for _, r := range d.Requirements {
			items = append(items, strictjson.StringOf(r.PolicyID))
		}
	case "requirementDetails":
		for _, r := range d.Requirements {
			items = append(items, detailsOf(r))
		}
	case "alternatives":
		for _, a := range d.Alternatives {
			items = append(items, strictjson.ObjectOf(
				strictjson.Member{Name: "parameters", Value: object(a.Parameter, a.Value)},
				strictjson.Member{Name: "decision", Value: strictjson.StringOf(a.Outcome.String())}))
		}
	default:
		return strictjson.Value{}, false
	}
	return strictjson.ArrayOf(items...), true
}

func stringsOf(list []string) strictjson.Value {
	items := make([]strictjson.Value, len(list))
	for i, s := range list {
		items[i] = strictjson.StringOf(s)
	}
	return strictjson.ArrayOf(items...)
}

func object(pairs ...string) strictjson.Value {
	var members []strictjson.Member
	for i := 0; i < len(pairs); i += 2 {
		members = append(members, strictjson.Member{Name: pairs[i], Value: strictjson.StringOf(pairs[i+1])})
	}
	return strictjson.ObjectOf(members...)
}

// keys are the keys of a decision that tests and JSON readers see, in order.
var keys = []string{
	"decision", "execute", "nextStep", "reasonCode", "reason", "userMessage", "advice", "policyIds", "identity",
	"requestDigest", "effectiveParameters", "obligations", "triggers", "requirements", "alternatives",
}

// JSON is a decision for JSON readers, with its trace.
func JSON(d *policy.Decision) any {
	var members []strictjson.Member
	for _, key := range keys {
		v, _ := Field(d, key)
		members = append(members, strictjson.Member{Name: key, Value: v})
	}
	var trace []strictjson.Value
	for _, l := range d.Trace {
		trace = append(trace, object("stage", l.Stage, "rule", l.Rule, "result", l.Result, "detail", l.Detail))
	}
	members = append(members, strictjson.Member{Name: "trace", Value: strictjson.ArrayOf(trace...)})
	return json.RawMessage(strictjson.AppendAsSent(nil, strictjson.ObjectOf(members...)))
}
