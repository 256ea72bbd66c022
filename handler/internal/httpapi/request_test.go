package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/buger/jsonparser"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// canonical is a request as text, for comparing values.
func canonical(r authorize.Request) string {
	text := func(v strictjson.Value) string {
		if v.Kind() == strictjson.Absent {
			return "absent"
		}
		return string(strictjson.AppendCanonical(nil, v))
	}
	rest := r
	rest.Parameters, rest.Context, rest.Resource = strictjson.Value{}, strictjson.Value{}, policy.Resource{}
	return strings.Join([]string{
		r.CorrelationID, r.TenantID, r.AgentID, r.UserUPN, r.UserID, r.Action, r.ApprovalID,
		r.Resource.Type, r.Resource.ID, r.Resource.Region, r.Resource.Classification, r.Resource.Tenant,
		text(r.Resource.Attributes), text(r.Parameters), text(r.Context),
	}, "|")
}

func TestDecodeRequest(t *testing.T) {
	for _, c := range []struct{ rule, body, want string }{
		{
			"every field", goodBody,
			`c-1|11111111-1111-1111-1111-111111111111|finance-agent|ana@contoso.com|cccccccc-0000-4000-8000-00000000000a|CreatePO||` +
				`PurchaseOrder|PO-1001|EU|Internal|11111111-1111-1111-1111-111111111111|{"site":"Hamburg"}|` +
				`{"amount":70000,"currency":"EUR","lines":[{"n":1,"sku":"A"}]}|` +
				`{"channel":"teams","reason":"free text","risk":"medium","riskScore":40,"threadId":"t-1"}`,
		},
		{"the least", `{"agentId":"a","action":"b"}`, `||a|||b|||||||absent|absent|absent`},
		{
			"null for an optional field is an absent field",
			`{"agentId":"a","action":"b","correlationId":null,"tenantId":null,"userUPN":null,"userId":null,"resource":null,"parameters":null,"context":null,"approvalId":null}`,
			`||a|||b|||||||absent|absent|absent`,
		},
		{
			"so is an empty string, inside the resource too",
			`{"agentId":"a","action":"b","correlationId":"","tenantId":"","userUPN":"","userId":"","approvalId":"","resource":{"type":"","id":null,"region":"","classification":"","tenantId":"","attributes":null}}`,
			`||a|||b|||||||absent|absent|absent`,
		},
		{"inside parameters an empty string is a value, and null stays", `{"agentId":"a","action":"b","parameters":{"x":"","y":null}}`, `||a|||b|||||||absent|{"x":"","y":null}|absent`},
		{
			"null members of attributes and context go, at any depth of objects; in lists they stay",
			`{"agentId":"a","action":"b","resource":{"attributes":{"x":null,"y":{"z":null},"l":[null,{"n":null}]}},"context":{"risk":null,"o":{"p":{"q":null}}}}`,
			`||a|||b|||||||{"l":[null,{"n":null}],"y":{}}|absent|{"o":{"p":{}}}`,
		},
		{"context's other names are free in their case", `{"agentId":"a","action":"b","context":{"note":1,"Note":2,"NOTE":{"Risk":1}}}`, `||a|||b|||||||absent|absent|{"NOTE":{"Risk":1},"Note":2,"note":1}`},
		{"attributes and parameters are free in their names", `{"agentId":"a","action":"b","resource":{"attributes":{"Type":1,"type":2}},"parameters":{"AgentId":1,"roles":["x"]}}`, `||a|||b|||||||{"Type":1,"type":2}|{"AgentId":1,"roles":["x"]}|absent`},
		{"resource.id may be other than ASCII", `{"agentId":"a","action":"b","resource":{"id":"PO-\u00e9中 😀"}}`, `||a|||b|||PO-é中 😀||||absent|absent|absent`},
		{"T12: a path is text here; what it means is the action's", `{"agentId":"a","action":"b","resource":{"id":"a/../b%2e%2e\\c?d#e"}}`, `||a|||b|||a/../b%2e%2e\c?d#e||||absent|absent|absent`},
		{"numbers of the same value, however written", `{"agentId":"a","action":"b","parameters":{"a":70000.0,"b":7e4,"c":-0,"d":-0.0,"e":1E-2,"f":9007199254740991,"g":0.1}}`, `||a|||b|||||||absent|{"a":70000,"b":70000,"c":0,"d":0,"e":0.01,"f":9007199254740991,"g":0.1}|absent`},
		{"resume", `{"agentId":"a","approvalId":"apr_x","correlationId":"c","userUPN":"ana@contoso.com","context":{"risk":"low"}}`, `c||a|ana@contoso.com|||apr_x||||||absent|absent|{"risk":"low"}`},
		{"resume with empty action, resource and parameters", `{"agentId":"a","approvalId":"apr_x","action":"","resource":{},"parameters":{}}`, `||a||||apr_x||||||absent|absent|absent`},
		{"resume with unset flow variables", `{"agentId":"a","approvalId":"apr_x","action":null,"resource":{"type":"","id":"","attributes":{}},"parameters":{"amount":null}}`, `||a||||apr_x||||||absent|absent|absent`},
		{"a call that names its approval", `{"agentId":"a","approvalId":"nobody knows it","action":"b","resource":{"id":"1"},"parameters":{"x":1}}`, `||a|||b|nobody knows it||1||||absent|{"x":1}|absent`},
	} {
		got, err := DecodeRequest([]byte(c.body))
		if err != nil || canonical(got) != c.want {
			t.Errorf("%s: DecodeRequest(%s) =\n%s, %v, want\n%s", c.rule, c.body, canonical(got), err, c.want)
		}
	}
}

// accepted are bodies at the bounds and of unusual spelling.
func accepted() []string {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	longest := func(pointer string, n int, char string) string {
		return withMember(pointer, `"`+strings.Repeat(char, n)+`"`)
	}
	return []string{
		goodBody,
		" \r\n\t" + goodBody + "\n ",
		strings.ReplaceAll(goodBody, ":", " : "),
		strings.Replace(goodBody, `"agentId"`, `"\u0061gent\u0049d"`, 1),
		strings.Replace(goodBody, "free text", `\"\\\/\b\f\n\r\t\u0000\u007f\ud83d\ude00`, 1),
		strings.Replace(goodBody, "free text", "\u2028\u202e\ufeff\x7f", 1),
		strings.Replace(goodBody, "70000", "4503599627370495.5", 1),
		strings.Replace(goodBody, "70000", "0.30000000000000004", 1),
		strings.Replace(goodBody, "70000", "2.2250738585072014e-308", 1),
		strings.Replace(goodBody, "70000", "5e-324", 1),
		strings.Replace(goodBody, "70000", "100000000000000e-13", 1),
		longest("/agentId", 128, "~"), longest("/action", 128, "!"), longest("/correlationId", 128, "-"),
		longest("/resource/id", 512, "x"), longest("/resource/id", 512, "中"), longest("/userUPN", 256, "é"),
		withMember("/parameters", `{"a":`+deep(30)+`}`),
		withMember("/parameters", `{"":{"":{"":[]}}}`),
		withMember("/parameters", `{"a":1,"A":2,"á":3,"a\u0301":4}`),
		withMember("/parameters", `{"amount":"1.234,56","b":"１０","c":" 70000","d":"NaN"}`),
	}
}

func TestBoundsThemselvesAreAccepted(t *testing.T) {
	for _, body := range accepted() {
		if _, err := DecodeRequest([]byte(body)); err != nil {
			t.Errorf("DecodeRequest(%.300q) = %v", body, err)
		}
	}
	var names strings.Builder
	for i := range 1997 {
		names.WriteString(`,"k` + strings.Repeat("x", i) + `":1`)
	}
	if _, err := DecodeRequest([]byte(withMember("/parameters", "{"+names.String()[1:]+"}"))); err == nil {
		t.Error("DecodeRequest(2,001 names) = nil, want an error") // agentId, action, resource, parameters
	}
	if _, err := DecodeRequest([]byte(withMember("/parameters", "{"+names.String()[len(`,"k":1,`):]+"}"))); err != nil {
		t.Errorf("DecodeRequest(2,000 names) = %v", err)
	}
}

// T09: what is accepted reads alike in two other parsers, whatever they do
// with what is not.
func TestOtherParsersReadTheSame(t *testing.T) {
	for _, body := range accepted() {
		checkOtherParsers(t, []byte(body))
	}
}

// checkOtherParsers compares a body that we accept with encoding/json, which
// folds case and takes the last of two, and with jsonparser, which takes the
// first.
func checkOtherParsers(t *testing.T, body []byte) {
	t.Helper()
	got, err := DecodeRequest(body)
	if err != nil {
		return
	}
	var std struct {
		AgentID, Action, TenantID, UserUPN, UserID, ApprovalID, CorrelationID string
		Resource                                                              struct{ Type, ID, Region, Classification, TenantID string }
		Parameters                                                            any
	}
	if err := json.Unmarshal(body, &std); err != nil {
		t.Errorf("encoding/json refuses %q: %v", body, err)
		return
	}
	ours := []string{
		got.AgentID, got.Action, got.TenantID, got.UserUPN, got.UserID, got.ApprovalID, got.CorrelationID,
		got.Resource.Type, got.Resource.ID, got.Resource.Region, got.Resource.Classification, got.Resource.Tenant,
	}
	theirs := []string{
		std.AgentID, std.Action, std.TenantID, std.UserUPN, std.UserID, std.ApprovalID, std.CorrelationID,
		std.Resource.Type, std.Resource.ID, std.Resource.Region, std.Resource.Classification, std.Resource.TenantID,
	}
	if !reflect.DeepEqual(ours, theirs) {
		t.Errorf("encoding/json reads %q as %q, we as %q", body, theirs, ours)
	}
	if got.Parameters.Kind() == strictjson.Object {
		var back any
		if err := json.Unmarshal(strictjson.AppendCanonical(nil, got.Parameters), &back); err != nil || !reflect.DeepEqual(back, std.Parameters) {
			t.Errorf("encoding/json reads the parameters of %q as %v, we as %v (%v)", body, std.Parameters, back, err)
		}
	}
	if bytes.ContainsRune(body, '\\') {
		return // jsonparser does not match names that are written with escapes
	}
	for path, want := range map[string]string{"agentId": got.AgentID, "action": got.Action, "resource id": got.Resource.ID} {
		value, _, _, err := jsonparser.Get(body, strings.Fields(path)...)
		if text := string(value); text != want && (err == nil || want != "") && (text != "null" || want != "") {
			t.Errorf("jsonparser reads %s of %q as %q, we as %q", path, body, text, want)
		}
	}
}

// FuzzDecodeRequest: whatever comes, it is a request in the profile that other
// parsers read alike, or a denial with a place.
func FuzzDecodeRequest(f *testing.F) {
	for _, body := range accepted() {
		f.Add([]byte(body))
	}
	for _, c := range listed(f) {
		f.Add([]byte(c.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeRequest(body)
		if err == nil {
			checkProfile(t, r)
			checkOtherParsers(t, body)
			return
		}
		var p *Problem
		if !errors.As(err, &p) || p.Kind != Malformed || len(p.Errors) == 0 || p.Errors[0].Detail == "" {
			t.Fatalf("DecodeRequest(%q) = %v, want a Problem with a place", body, err)
		}
		if text := problemBody(p); !json.Valid(text) {
			t.Errorf("the answer to %q is not JSON: %s", body, text)
		}
	})
}

func checkProfile(t *testing.T, r authorize.Request) {
	t.Helper()
	if r.AgentID == "" || r.Action == "" && r.ApprovalID == "" {
		t.Errorf("accepted without agent or action: %s", canonical(r))
	}
	if r.Action == "" && (!isEmptyResource(r.Resource) || r.Parameters.Kind() != strictjson.Absent) {
		t.Errorf("resumed with a call: %s", canonical(r))
	}
	for _, s := range []string{r.AgentID, r.Action, r.TenantID, r.Resource.Type, r.Resource.Region, r.Resource.Classification, r.Resource.Tenant} {
		if identifier(s) != "" {
			t.Errorf("accepted an identifier %q", s)
		}
	}
	for _, v := range []strictjson.Value{r.Parameters, r.Context, r.Resource.Attributes} {
		if v.Kind() != strictjson.Object && v.Kind() != strictjson.Absent {
			t.Errorf("accepted a %s for an object", v.Kind())
		}
	}
}
