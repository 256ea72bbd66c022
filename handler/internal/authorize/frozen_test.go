package authorize

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// plain is a request in types that compare, with numbers as they were written.
type plain struct {
	Agent, UPN, UserID, Action                           string
	Type, ID, Region, Classification, Tenant, Attributes string
	Parameters, Context                                  string
}

func plainOf(r Request) plain {
	return plain{
		r.AgentID, r.UserUPN, r.UserID, r.Action,
		r.Resource.Type, r.Resource.ID, r.Resource.Region, r.Resource.Classification, r.Resource.Tenant, sent(r.Resource.Attributes),
		sent(r.Parameters), sent(r.Context),
	}
}

func sent(v strictjson.Value) string {
	if v.Missing() {
		return "missing"
	}
	return string(strictjson.AppendAsSent(nil, v))
}

// throughTheStore is what a document's frozen text is after a write and a read.
func throughTheStore(text []byte) ([]byte, error) {
	body, err := json.Marshal(approval.Frozen{Received: text, Canonical: []byte("{}")})
	if err != nil {
		return nil, err
	}
	var frozen approval.Frozen
	err = json.Unmarshal(body, &frozen)
	return frozen.Received, err
}

// A request that was frozen, stored and thawed is the one that was received,
// to the digit.
func TestFreezeThawIsExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := drawRequest(rt)
		stored, err := throughTheStore(freeze(&r))
		if err != nil {
			rt.Fatalf("store %s: %v", freeze(&r), err)
		}
		got, err := thaw(stored)
		if err != nil {
			rt.Fatalf("thaw(%s) = %v", stored, err)
		}
		if diff := cmp.Diff(plainOf(r), plainOf(got)); diff != "" {
			rt.Fatalf("thaw(freeze(r)) (-r +got):\n%s", diff)
		}
	})
}

func drawRequest(rt *rapid.T) Request {
	text := rapid.StringN(0, 12, -1)
	return Request{
		AgentID: text.Draw(rt, "agent"), UserUPN: text.Draw(rt, "upn"), UserID: text.Draw(rt, "oid"), Action: text.Draw(rt, "action"),
		Resource: policy.Resource{
			Type: text.Draw(rt, "type"), ID: text.Draw(rt, "id"), Region: text.Draw(rt, "region"),
			Classification: text.Draw(rt, "label"), Tenant: text.Draw(rt, "tenant"), Attributes: drawObject(rt, "attributes"),
		},
		Parameters: drawObject(rt, "parameters"), Context: drawObject(rt, "context"),
	}
}

// drawObject is an object, or absent.
func drawObject(rt *rapid.T, label string) strictjson.Value {
	if rapid.IntRange(0, 3).Draw(rt, label) == 0 {
		return strictjson.Value{}
	}
	return drawMembers(rt, 3)
}

func drawMembers(rt *rapid.T, depth int) strictjson.Value {
	names := rapid.SliceOfNDistinct(rapid.StringN(0, 6, -1), 0, 4, rapid.ID[string]).Draw(rt, "names")
	members := make([]strictjson.Member, 0, len(names))
	for _, name := range names {
		members = append(members, strictjson.Member{Name: name, Value: drawValue(rt, depth)})
	}
	return strictjson.ObjectOf(members...)
}

// literals are spellings that no two of which may become one.
var literals = []string{
	"0", "-0", "0.0", "-0.00", "1", "1.0", "1.00", "70000.00", "7e4", "7E4", "7.0e+4", "0.1e-3", "1e-7", "9007199254740991", "-9007199254740991", "0.30000000000000004", "123456789.123456",
}

func drawValue(rt *rapid.T, depth int) strictjson.Value {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(rt, "kind") {
	case 0:
		return strictjson.NumberOf(rapid.SampledFrom(literals).Draw(rt, "number"))
	case 1:
		return strictjson.StringOf(rapid.String().Draw(rt, "string"))
	case 2:
		return strictjson.BoolOf(rapid.Bool().Draw(rt, "bool"))
	case 3:
		return strictjson.NullValue()
	case 4:
		return drawMembers(rt, depth-1)
	default:
		items := make([]strictjson.Value, rapid.IntRange(0, 3).Draw(rt, "length"))
		for i := range items {
			items[i] = drawValue(rt, depth-1)
		}
		return strictjson.ArrayOf(items...)
	}
}

// The largest and deepest request that the contract lets in, and one whose
// context a resume has joined from two, thaw as well.
func TestWhatIsLetInThaws(t *testing.T) {
	deep, err := strictjson.Parse([]byte(`{"x":`+strings.Repeat("[", strictjson.MaxDepth-2)+strings.Repeat("]", strictjson.MaxDepth-2)+`}`), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	wide := func(prefix string) strictjson.Value {
		var members []strictjson.Member
		for i := range strictjson.MaxNames - 5 {
			members = append(members, strictjson.Member{Name: fmt.Sprint(prefix, i), Value: strictjson.NumberOf("1")})
		}
		return strictjson.ObjectOf(members...)
	}
	for name, r := range map[string]Request{
		"deep": {AgentID: "a", Action: "b", Parameters: deep}, "wide": {AgentID: "a", Action: "b", Resource: policy.Resource{Type: "t", ID: "i", Region: "r"}, Context: wide("x")},
		"joined": {AgentID: "a", Action: "b", Context: overlay(wide("x"), wide("y"))},
	} {
		if got, err := thaw(freeze(&r)); err != nil || plainOf(got) != plainOf(r) {
			t.Errorf("%s: thaw(freeze(r)) = %v, want r", name, err)
		}
	}
}

// What replaces a member is what was sent last; the rest stays, in its order.
func TestOverlay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		base, top := drawMembers(rt, 1), drawMembers(rt, 1)
		got := overlay(base, top)
		for _, m := range slices.Concat(base.Members(), top.Members()) {
			want := base.Get(m.Name)
			if top.Has(m.Name) {
				want = top.Get(m.Name)
			}
			if sent(got.Get(m.Name)) != sent(want) {
				rt.Fatalf("overlay(%s, %s) = %s, want %q to be %s", sent(base), sent(top), sent(got), m.Name, sent(want))
			}
		}
		names := map[string]bool{}
		for _, m := range got.Members() {
			if names[m.Name] || !base.Has(m.Name) && !top.Has(m.Name) {
				rt.Fatalf("overlay(%s, %s) = %s, want each name of the two once", sent(base), sent(top), sent(got))
			}
			names[m.Name] = true
		}
	})
}

// Whatever lies in a store, thawing it neither panics nor changes with being
// frozen again.
func FuzzThaw(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"agentId":"a","action":"b","resource":{"id":"i","attributes":{}},"parameters":{"amount":70000.00},"context":{}}`,
		`{"resource":[],"parameters":7,"context":null}`, `[]`, `null`, `"x"`, `{"agentId":1}`, `{"resource":{"attributes":null}}`, "{\"a\":\"\xff\"}", `{"a":1,"a":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := thaw(text)
		if err != nil {
			return
		}
		again, err := thaw(freeze(&r))
		if err != nil {
			t.Fatalf("thaw(freeze(thaw(%q))) = %v", text, err)
		}
		if diff := cmp.Diff(plainOf(r), plainOf(again)); diff != "" {
			t.Errorf("thaw(freeze(thaw(%q))) (-once +twice):\n%s", text, diff)
		}
	})
}
