package policy_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/authorization-fabric/fabric/policy"
)

// digestVector is one vector of testdata/digest.json.
type digestVector struct {
	Name, Rule, Key, SameAs, Canonical, Digest string
	Declaration                                struct {
		Classifications       []string
		DefaultClassification string
		Agent                 string
		Action                struct {
			ID, Resource, Classification string
			Attested                     struct{ Region string }
			Parameters                   map[string]struct{ Type string }
			Pin                          map[string]any
		}
	}
	Subject struct{ Tenant, Identity, OID, UPN string }
	Request struct {
		AgentID, Action string
		Resource        struct {
			Type, ID, Region, Classification, TenantID string
			Attributes                                 map[string]any
		}
		Parameters map[string]any
	}
	raw struct{ Declaration, Request json.RawMessage }
}

func digestVectors(t *testing.T) []digestVector {
	t.Helper()
	file, err := os.ReadFile("testdata/digest.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct{ Vectors []json.RawMessage }
	if err := json.Unmarshal(file, &vectors); err != nil {
		t.Fatalf("testdata/digest.json: %v", err)
	}
	out := make([]digestVector, len(vectors.Vectors))
	for i, text := range vectors.Vectors {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&out[i]); err != nil {
			t.Fatalf("testdata/digest.json, vector %d: %v", i, err)
		}
		if err := json.Unmarshal(text, &out[i].raw); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// Other languages run the same vectors; here the evaluator does.
func TestDigestVectors(t *testing.T) {
	for _, v := range digestVectors(t) {
		d := v.decide(t)
		if d.Digest != v.Digest {
			t.Errorf("%s: Decide gives the digest %s, want %s (%s)", v.Name, d.Digest, v.Digest, short(d))
		}
	}
}

// An implementation that shares nothing with the evaluator must agree.
func TestDigestVectorsAgainstAnotherImplementation(t *testing.T) {
	for _, v := range digestVectors(t) {
		text := canonicalText(v.call(t))
		if text != v.Canonical {
			t.Errorf("%s: canonical = %s, want %s", v.Name, text, v.Canonical)
		}
		if got := v.hmac(t, text); got != v.Digest {
			t.Errorf("%s: HMAC = %s, want %s", v.Name, got, v.Digest)
		}
	}
}

// Equal calls have equal digests, different ones never: the vectors say which
// is which. Every type of parameter is among them.
func TestDigestVectorsTellCallsApart(t *testing.T) {
	first, byName, types := map[string]string{}, map[string]string{}, map[string]bool{}
	for _, v := range digestVectors(t) {
		byName[v.Name] = v.Digest
		if v.SameAs != "" {
			if v.Digest != byName[v.SameAs] {
				t.Errorf("%s: digest = %s, want that of %s", v.Name, v.Digest, v.SameAs)
			}
			continue
		}
		if other, twice := first[v.Digest]; twice {
			t.Errorf("%s and %s have one digest", v.Name, other)
		}
		first[v.Digest] = v.Name
		for _, p := range v.Declaration.Action.Parameters {
			types[p.Type] = true
		}
	}
	for _, want := range []string{"string", "integer", "decimal", "boolean", "datetime", "strings", "url", "command", "json"} {
		if !types[want] {
			t.Errorf("no vector has a parameter of type %s", want)
		}
	}
}

func (v *digestVector) decide(t *testing.T) policy.Decision {
	t.Helper()
	declaration := parse(t, string(v.raw.Declaration))
	agent := v.Request.AgentID
	set := load(t, smallPack(`"tenants": ["`+v.Subject.Tenant+`"]`, `"entitlements": []`,
		`"agents": [{"id": `+jsonText(agent)+`, "actions": [`+jsonText(v.Declaration.Action.ID)+`], "users": ["asserted", "none"]}]`,
		`"classifications": `+jsonText(v.Declaration.Classifications), `"defaultClassification": `+jsonText(v.Declaration.DefaultClassification),
		`"actions": [`+string(appendJSON(nil, declaration.Get("action")))+`]`))
	key, err := hex.DecodeString(v.Key)
	if err != nil {
		t.Fatalf("%s: key: %v", v.Name, err)
	}
	identity := map[string]policy.Identity{"none": policy.None, "asserted": policy.Asserted, "verified": policy.Verified}[v.Subject.Identity]
	return set.Decide(&policy.Input{
		Request: requestOf(parse(t, string(v.raw.Request))), Now: noon, Key: policy.NewKey("vector", key),
		Subject: policy.Subject{Tenant: v.Subject.Tenant, AnyAgent: true, Identity: identity, User: policy.User{ID: v.Subject.OID, UPN: v.Subject.UPN}},
	}, false)
}

func (v *digestVector) hmac(t *testing.T, text string) string {
	t.Helper()
	key, err := hex.DecodeString(v.Key)
	if err != nil {
		t.Fatalf("%s: key: %v", v.Name, err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("fabric-call-v1\n" + text))
	return "hmac-sha256:" + hex.EncodeToString(mac.Sum(nil))
}

// call builds the canonical call from plain maps.
func (v *digestVector) call(t *testing.T) map[string]any {
	t.Helper()
	c := map[string]any{
		"tenant": foldASCII(v.Subject.Tenant), "agent": v.Request.AgentID, "action": v.Request.Action,
		"resource": v.resource(), "parameters": v.parameters(t),
	}
	user := map[string]any{}
	put(user, "oid", foldASCII(v.Subject.OID))
	if v.Subject.Identity == "asserted" {
		put(user, "upn", foldASCII(v.Subject.UPN))
	}
	if v.Subject.Identity != "none" {
		c["user"] = user
	}
	return c
}

func put(m map[string]any, name, value string) {
	if value != "" {
		m[name] = value
	}
}

func (v *digestVector) resource() map[string]any {
	r, a := v.Request.Resource, v.Declaration.Action
	out := map[string]any{"type": a.Resource, "tenantId": foldASCII(firstOf(r.TenantID, v.Subject.Tenant))}
	put(out, "id", r.ID)
	put(out, "region", firstOf(r.Region, a.Attested.Region))
	label := firstOf(r.Classification, v.Declaration.DefaultClassification, a.Classification)
	labels := v.Declaration.Classifications
	if at := slices.Index(labels, label); at >= 0 && at < slices.Index(labels, a.Classification) {
		label = a.Classification
	}
	put(out, "classification", label)
	if attributes := dropNulls(r.Attributes); len(attributes) > 0 {
		out["attributes"] = attributes
	}
	return out
}

func dropNulls(m map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		if inner, ok := v.(map[string]any); ok {
			v = dropNulls(inner)
		}
		if v != nil {
			out[k] = v
		}
	}
	return out
}

func (v *digestVector) parameters(t *testing.T) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, source := range []map[string]any{v.Request.Parameters, v.Declaration.Action.Pin} {
		for name, value := range source {
			if value != nil {
				out[name] = typed(t, v.Declaration.Action.Parameters[name].Type, value)
			}
		}
	}
	return out
}

// typed is the canonical value of a parameter.
func typed(t *testing.T, declared string, v any) any {
	t.Helper()
	literal, _ := v.(string)
	if n, ok := v.(json.Number); ok {
		literal = n.String()
	}
	switch declared {
	case "decimal", "integer":
		r, ok := new(big.Rat).SetString(literal)
		if !ok {
			t.Fatalf("%q is no number", literal)
		}
		return strings.TrimSuffix(strings.TrimRight(r.FloatString(6), "0"), ".")
	case "datetime":
		at, err := time.Parse(time.RFC3339Nano, strings.ToUpper(literal))
		if err != nil {
			t.Fatal(err)
		}
		return at.UTC().Format(time.RFC3339Nano)
	case "url":
		return plainURL(t, literal)
	}
	return v
}

func plainURL(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(u.Host), ":443"), ".")
	path := u.ResolveReference(&url.URL{Path: u.Path}).EscapedPath()
	out := "https://" + host + firstOf(path, "/")
	if u.RawQuery != "" {
		out += "?" + upperEscapes(u.RawQuery)
	}
	return out
}

// upperEscapes is a query with the hex of its percent-escapes in upper case.
func upperEscapes(query string) string {
	parts := strings.Split(query, "%")
	for i, p := range parts[1:] {
		parts[i+1] = strings.ToUpper(p[:2]) + p[2:]
	}
	return strings.Join(parts, "%")
}

func foldASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// canonicalText is RFC 8785 for the values of encoding/json.
func canonicalText(v any) string {
	switch x := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(x))
		for name := range x {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int { return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b))) })
		members := make([]string, len(names))
		for i, name := range names {
			members[i] = canonicalString(name) + ":" + canonicalText(x[name])
		}
		return "{" + strings.Join(members, ",") + "}"
	case []any:
		items := make([]string, len(x))
		for i, item := range x {
			items[i] = canonicalText(item)
		}
		return "[" + strings.Join(items, ",") + "]"
	case json.Number:
		f, _ := x.Float64()
		out, _ := json.Marshal(f) // encoding/json writes ECMAScript's form
		if f == 0 {
			return "0"
		}
		return string(out)
	case string:
		return canonicalString(x)
	case bool:
		return strconv.FormatBool(x)
	default:
		return "null"
	}
}

func canonicalString(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err)
	}
	return strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029").Replace(strings.TrimSuffix(b.String(), "\n"))
}

// 2.9: what has no canonical call has no digest.
func TestDigestOfWhatHasNone(t *testing.T) {
	set := load(t, smallPack())
	for name, change := range map[string]func(*policy.Input){
		"another tenant":    func(in *policy.Input) { in.Subject.Tenant = tenantTwo },
		"unknown agent":     func(in *policy.Input) { in.Request.Agent = "nobody" },
		"unknown action":    func(in *policy.Input) { in.Request.Action = "Nothing" },
		"stale":             func(in *policy.Input) { in.Stale = true },
		"invalid parameter": func(in *policy.Input) { in.Request.Parameters = parse(t, `{"amount": "x"}`) },
	} {
		in := inputOf(t, "ana", readRequest)
		change(in)
		if d := set.Decide(in, false); d.Digest != "" || d.Outcome != policy.Deny {
			t.Errorf("%s: Decide = %s with the digest %q, want a denial without one", name, short(d), d.Digest)
		}
	}
	in := inputOf(t, "ana", readRequest)
	in.Request.Resource.Tenant = tenantTwo
	if d := set.Decide(in, false); d.Code != policy.TenantBoundary || d.Digest == "" {
		t.Errorf("Decide of another tenant's resource = %s with the digest %q, want tenant.boundary with one", short(d), d.Digest)
	}
}
