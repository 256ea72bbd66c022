package policy

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/authorization-fabric/fabric/policy/packs"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

var update = flag.Bool("update-schemas", false, "rewrite the schema files")

func TestSchemaFilesAreThoseOfTheTypes(t *testing.T) {
	for _, name := range []string{"pack", "bindings", "test"} {
		want, err := Schema(name)
		if err != nil {
			t.Fatalf("Schema(%q): %v", name, err)
		}
		file := name + ".schema.json"
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the types say (%v): run go test ./policy -run Schema -update-schemas", file, err)
		}
	}
	if _, err := Schema("approval"); err == nil {
		t.Error(`Schema("approval") gives no error`)
	}
}

func schemaOf(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	text, err := Schema(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatalf("the schema of %s does not compile: %v", name, err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("unmarshal: %v", err)
	}
	return s.Validate(doc)
}

func TestGoodFilesFitTheirSchema(t *testing.T) {
	schemas := map[string]*jsonschema.Schema{}
	for _, name := range []string{"pack", "bindings", "test"} {
		schemas[name] = schemaOf(t, name)
	}
	check := func(name, schema string, text []byte) {
		if err := validate(t, schemas[schema], text); err != nil {
			t.Errorf("%s does not fit the schema of %s: %v", name, schema, err)
		}
	}
	check("the base pack", "pack", []byte(basePack))
	check("the other pack", "pack", []byte(otherPack))
	check("a pack without bindings", "pack", []byte(rulesOnly))
	check("bindings", "bindings", []byte(bindings))
	for _, c := range warnCases {
		check(c.name, "pack", edited(t, basePack, c.bad...))
		check(c.name, "pack", edited(t, basePack, append(c.good, edit{"/$schema", `"./pack.schema.json"`})...))
	}
	files, err := fs.Glob(packs.FS, "*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("sample packs: %v, %v", files, err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(packs.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		check(file, kindOf(file), text)
	}
}

func kindOf(file string) string {
	switch {
	case strings.HasSuffix(file, ".test.json"):
		return "test"
	case strings.Contains(file, ".bindings."):
		return "bindings"
	}
	return "pack"
}

// What the decoder refuses for its shape an editor must underline, and what
// loads it must not: every value of three packs is replaced by values of every
// kind, and every object gets a key that nobody knows.
func TestSchemaAndDecoderAgree(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		target     func() any
	}{
		{"pack", string(edited(t, basePack, everyKey...)), func() any { return new(Pack) }},
		{"bindings", string(edited(t, bindings, edit{"/timeZone", `"UTC"`}, edit{"/groups", `{"` + group + `": {"name": "n", "mail": "m", "members": ["user:a"]}}`}, edit{"/agents/bot/owner", `"user:a"`})), func() any { return new(Bindings) }},
	} {
		schema := schemaOf(t, tt.name)
		root, err := strictjson.Parse([]byte(tt.text), strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, mutant := range mutants(root) {
			n++
			dec := decoder{}
			dec.decode("", mutant, reflect.ValueOf(tt.target()).Elem())
			text := strictjson.AppendCanonical(nil, mutant)
			invalid := validate(t, schema, text)
			switch {
			case len(dec.findings) > 0 && invalid == nil:
				t.Errorf("the schema of %s takes what the decoder refuses: %s", tt.name, dec.findings[0])
			case invalid != nil && len(dec.findings) == 0 && tt.name == "pack":
				if set, _ := Load([]Document{{Name: "p.json", Text: text}}, LoadOptions{}); set != nil {
					t.Errorf("the schema of %s refuses what loads: %v", tt.name, invalid)
				}
			}
		}
		if n < 300 {
			t.Errorf("only %d mutants of %s", n, tt.name)
		}
	}
}

// everyKey gives the base pack each key that it does not have yet.
var everyKey = []edit{
	{"/$schema", `"x"`},
	{"/description", `"d"`},
	{"/priority", `5`},
	{"/effectiveFrom", `"2026-01-01T00:00:00Z"`},
	{"/effectiveTo", `"2027-01-01T00:00:00.5Z"`},
	{"/disclosure", `"codes"`},
	{"/timeZone", `"UTC"`},
	{"/groups", `{"` + group + `": {"name": "n", "mail": "m", "members": ["user:a"]}}`},
	{"/roles/0/title", `"t"`},
	{"/agents/0/title", `"t"`},
	{"/agents/0/users", `["verified"]`},
	{"/agents/0/owner", `"user:a"`},
	{"/agents/0/tools", `[{"id": "t", "action": "Create", "resourceId": "r", "inputs": {"a": "amount"}}]`},
	{"/actions/0/title", `"t"`},
	{"/actions/0/audience", `"t"`},
	{"/actions/0/pin", `{"vendor": "V"}`},
	{"/actions/0/attested", `{"region": "EU"}`},
	{"/actions/0/parameters/amount/min", `"0.01"`},
	{"/actions/0/parameters/amount/label", `"Amount"`},
	{"/actions/0/parameters/vendor/pattern", `"V.*"`},
	{"/actions/3/parameters/url/schemes", `["https"]`},
	{"/guardrails", `[{"id": "g", "effect": "allow", "tools": ["Run(ls)"], "agents": ["bot"], "threads": ["t"], "roles": ["*"], "advice": "a", "description": "d"}]`},
	{"/isolation", `[{"id": "i", "match": {"resources": ["*"], "agents": ["bot"], "classificationAtLeast": "Public", "classifications": ["Public"], "risk": ["low"], "channels": ["web"]}, "allowedRegions": ["EU"], "from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"},
		{"id": "j", "parameter": "url", "allowedHosts": ["a.b"], "when": "true"}]`},
	{"/classification", `[{"id": "c", "effect": "MASK", "mask": [{"path": "output.a", "method": "hash"}]}]`},
	{"/entitlements/1/limit", `{"parameter": "amount", "max": "5"}`},
	{"/entitlements/1/match", `{"actions": ["Create"]}`},
	{"/thresholds", `[{"id": "t", "value": "context.a", "askAbove": "1", "denyAbove": "2", "absent": "ask"}]`},
	{"/approvals/-", `{"id": "a", "on": ["ask:t"], "approvers": ["role:Manager"], "exclude": ["owner"], "quorum": 1, "approveWithin": "P1DT2H", "executeWithin": "PT1S", "notify": ["mailto:a@b.c"], "escalate": {"after": "PT1M", "approvers": ["entitled"], "notify": []}, "relay": true}`},
}

// mutants are copies of v, each with one place changed.
func mutants(v strictjson.Value) []strictjson.Value {
	out := []strictjson.Value{
		strictjson.NullValue(), strictjson.NumberOf("0"), strictjson.NumberOf("1.5"), strictjson.NumberOf("1.0"), strictjson.NumberOf("7"), strictjson.NumberOf("-1"), strictjson.NumberOf("1001"),
		strictjson.StringOf(""), strictjson.StringOf("x"), strictjson.StringOf("1.50"), strictjson.StringOf("2026-13-01T00:00:00Z"), strictjson.StringOf("2026-01-01T00:00:00+01:00"),
		strictjson.StringOf("2026-01-01t00:00:00z"), strictjson.StringOf("P1DT"), strictjson.StringOf("PT0S"), strictjson.StringOf("PT90M"), strictjson.StringOf("P"), strictjson.StringOf(strings.Repeat("ö", 281)),
		strictjson.StringOf("1234567890123456789"), strictjson.StringOf("0.1234567"), strictjson.StringOf("0.1000000"), strictjson.StringOf("-1"), strictjson.StringOf("01"),
		strictjson.BoolOf(true), strictjson.ArrayOf(), strictjson.ArrayOf(strictjson.StringOf("x")), strictjson.ArrayOf(strictjson.NumberOf("1")),
		strictjson.ObjectOf(), strictjson.ObjectOf(strictjson.Member{Name: "x", Value: strictjson.StringOf("1")}), strictjson.ObjectOf(strictjson.Member{Name: "x", Value: strictjson.NumberOf("1")}),
	}
	for i, item := range v.Items() {
		for _, m := range mutants(item) {
			items := append([]strictjson.Value(nil), v.Items()...)
			items[i] = m
			out = append(out, strictjson.ArrayOf(items...))
		}
	}
	for i, member := range v.Members() {
		without := append([]strictjson.Member(nil), v.Members()[:i]...)
		out = append(out, strictjson.ObjectOf(append(without, v.Members()[i+1:]...)...))
		for _, m := range mutants(member.Value) {
			members := append([]strictjson.Member(nil), v.Members()...)
			members[i].Value = m
			out = append(out, strictjson.ObjectOf(members...))
		}
	}
	if v.Kind() == strictjson.Object {
		out = append(out, strictjson.ObjectOf(append(append([]strictjson.Member(nil), v.Members()...), strictjson.Member{Name: "unknown", Value: strictjson.NumberOf("1")})...))
	}
	return out
}

func TestShapeErrorsDoNotFitTheSchema(t *testing.T) {
	schema := schemaOf(t, "pack")
	for _, c := range shapeErrors {
		if err := validate(t, schema, edited(t, basePack, c.edits...)); err == nil {
			t.Errorf("%s: the schema takes it", c.name)
		}
	}
}
