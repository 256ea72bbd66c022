package policy_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Names that every test of this package speaks of. GUIDs hold letters, so that
// comparing them with case would show.
const (
	tenantOne = "abcdef01-1111-1111-1111-111111111111"
	tenantTwo = "abcdef02-2222-2222-2222-222222222222"
	appOne    = "aaaaaaaa-0000-0000-0000-000000000001"
	groupOne  = "fedcba99-0000-0000-0000-000000000001"
	groupTwo  = "fedcba99-0000-0000-0000-000000000002"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// testKey protects nothing.
var testKey = policy.NewKey("test", []byte("fabric-test-key-fabric-test-key!"))

// people are persons whom tests name: each has an object id and a UPN.
var people = map[string]policy.User{
	"ana":  person(1, "ana"),
	"bob":  person(2, "bob"),
	"mia":  person(3, "mia"),
	"omar": person(4, "omar"),
	"nora": person(5, "nora"),
}

func person(n int, name string) policy.User {
	return policy.User{
		ID: oid(n), UPN: name + "@contoso.com",
		Groups: []string{}, GroupsKnown: true, AppRoles: []string{}, AppRolesKnown: true,
	}
}

func oid(n int) string { return fmt.Sprintf("0badcafe-0000-0000-0000-%012d", n) }

// What tables of decisions want most often.
const (
	allowed    = "ALLOW ok"
	denied     = "DENY guardrail.denied"
	unentitled = "DENY entitlement.none"
	invalid    = "DENY parameter.invalid"
	asked      = "REQUIRE_APPROVAL approval.required"
)

// load compiles documents that must be accepted.
func load(t testing.TB, docs ...string) *policy.Set {
	t.Helper()
	set, findings := policy.Load(documents(docs...), policy.LoadOptions{})
	if set == nil {
		t.Fatalf("Load refuses the packs: %v", findings)
	}
	return set
}

func documents(texts ...string) []policy.Document {
	docs := make([]policy.Document, len(texts))
	for i, text := range texts {
		docs[i] = policy.Document{Name: fmt.Sprintf("pack%d.json", i), Text: []byte(text)}
	}
	return docs
}

// refusals are the checks of the errors for which documents are refused.
func refusals(docs ...string) []string {
	_, findings := policy.Load(documents(docs...), policy.LoadOptions{})
	checks := []string{}
	for _, f := range findings {
		if f.Severity == policy.Error {
			checks = append(checks, f.Check)
		}
	}
	return checks
}

func parse(t testing.TB, text string) strictjson.Value {
	t.Helper()
	v, err := strictjson.Parse([]byte(text), strictjson.Limits{Names: 100_000})
	if err != nil {
		t.Fatalf("Parse(%.200s): %v", text, err)
	}
	return v
}

// requestOf reads a request in the form of POST /api/authorize, as the edge
// does: empty strings and nulls are absent facts.
func requestOf(v strictjson.Value) policy.Request {
	r := v.Get("resource")
	return policy.Request{
		Agent: v.Get("agentId").Text(), Action: v.Get("action").Text(),
		Resource: policy.Resource{
			Type: r.Get("type").Text(), ID: r.Get("id").Text(), Region: r.Get("region").Text(),
			Classification: r.Get("classification").Text(), Tenant: r.Get("tenantId").Text(),
			Attributes: r.Get("attributes").WithoutNullMembers(),
		},
		Parameters: v.Get("parameters"), Context: v.Get("context").WithoutNullMembers(),
	}
}

// subjectOf is the person of that name, verified, at the first tenant and
// through an application that may call for every agent; "" is no user.
func subjectOf(name string) policy.Subject {
	s := policy.Subject{Tenant: tenantOne, Application: appOne, AnyAgent: true}
	if name != "" {
		s.Identity, s.User = policy.Verified, people[name]
	}
	return s
}

// ask decides a request of that person at noon.
func ask(t testing.TB, set *policy.Set, who, request string) policy.Decision {
	t.Helper()
	return set.Decide(inputOf(t, who, request), true)
}

func inputOf(t testing.TB, who, request string) *policy.Input {
	t.Helper()
	return &policy.Input{Request: requestOf(parse(t, request)), Subject: subjectOf(who), Now: noon, Key: testKey}
}

// short is the outcome and the code, for failure texts and tables.
func short(d policy.Decision) string { return d.Outcome.String() + " " + string(d.Code) }

// text writes everything that a decision holds, unexported fields and pointers
// followed, so that equal texts are equal decisions and a value that leaked
// into any of them is found.
func text(v any) string {
	var b strings.Builder
	writeText(&b, reflect.ValueOf(v))
	return b.String()
}

func writeText(b *strings.Builder, v reflect.Value) {
	if v.CanInterface() {
		switch x := v.Interface().(type) {
		case strictjson.Value:
			b.Write(strictjson.AppendCanonical(nil, x))
			return
		case *time.Location:
			b.WriteString(x.String())
			return
		case []byte:
			fmt.Fprintf(b, "%q", x)
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			b.WriteString("nil")
			return
		}
		writeText(b, v.Elem())
	case reflect.Struct:
		b.WriteString("{")
		for i := range v.NumField() {
			fmt.Fprintf(b, "%s=", v.Type().Field(i).Name)
			writeText(b, v.Field(i))
			b.WriteString(" ")
		}
		b.WriteString("}")
	case reflect.Slice:
		b.WriteString("[")
		for i := range v.Len() {
			writeText(b, v.Index(i))
			b.WriteString(",")
		}
		b.WriteString("]")
	case reflect.String:
		fmt.Fprintf(b, "%q", v.String())
	default:
		fmt.Fprintf(b, "%v", v)
	}
}

// undigested is a decision without its digest and what the digest covers.
func undigested(d policy.Decision) policy.Decision {
	d.Digest = ""
	if d.Asked != nil {
		asked := *d.Asked
		asked.Canonical, d.Asked = nil, &asked
	}
	return d
}

func sortedCopy(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return out
}

func itoa(n int) string { return strconv.Itoa(n) }

// jsonText is v as JSON, names sorted.
func jsonText(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// appendJSON writes v with its members in the order they have.
func appendJSON(b []byte, v strictjson.Value) []byte {
	switch v.Kind() {
	case strictjson.Array:
		b = append(b, '[')
		for i, item := range v.Items() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, item)
		}
		return append(b, ']')
	case strictjson.Object:
		b = append(b, '{')
		for i, m := range v.Members() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(append(strictjson.AppendString(b, m.Name), ':'), m.Value)
		}
		return append(b, '}')
	case strictjson.Number:
		return append(b, v.Text()...)
	default:
		return strictjson.AppendCanonical(b, v)
	}
}

// firstOf is the first value that is not empty.
func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
