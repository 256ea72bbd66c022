package policy

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"maps"
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
		{"pack", everyPack, func() any { return new(Pack) }},
		{"bindings", string(edited(t, bindings, edit{"/timeZone", `"UTC"`}, edit{"/groups", `{"` + group + `": {"name": "n", "mail": "m", "members": ["user:a"]}}`}, edit{"/agents/bot/owner", `"user:a"`})), func() any { return new(Bindings) }},
	} {
		schema := schemaOf(t, tt.name)
		root, err := strictjson.Parse([]byte(tt.text), strictjson.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, schema, []byte(tt.text)); err != nil {
			t.Fatalf("the schema of %s: %v", tt.name, err)
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

// everyPack has each key that a pack may have, once.
const everyPack = `{"$schema": "x", "schema": 1, "pack": "p", "version": 1, "description": "d", "priority": 5,
"effectiveFrom": "2026-01-01T00:00:00Z", "effectiveTo": "2027-01-01T00:00:00.5Z", "disclosure": "codes",
"classifications": ["Public"], "defaultClassification": "Public", "regions": ["EU"], "risks": ["low"], "channels": ["web"], "lists": {"l": ["x"]},
"environment": "dev", "timeZone": "UTC", "tenants": ["11111111-1111-1111-1111-111111111111"],
"groups": {"` + group + `": {"name": "n", "mail": "m", "members": ["user:a"], "syncedAt": "2026-01-01T00:00:00Z"}},
"roles": [{"id": "R", "title": "t", "members": ["user:a"]}],
"agents": [{"id": "bot", "title": "t", "actions": ["Do"], "users": ["verified"], "owner": "user:a", "callers": ["app:aaaaaaaa-0000-4000-8000-000000000001"],
  "tools": [{"id": "t", "action": "Do", "resourceId": "r", "inputs": {"a": "n"}}]}],
"actions": [{"id": "Do", "title": "t", "resource": "R", "creates": true, "audience": "a", "classification": "Public", "attested": {"region": "EU"}, "pin": {"s": "V"},
  "parameters": {"n": {"type": "decimal", "required": true, "label": "N", "min": "0.01", "max": "9", "scale": 2}, "s": {"type": "string", "maxLength": 3, "enum": ["V"], "pattern": "V.*"}, "u": {"type": "url", "schemes": ["https"]}}},
  {"id": "Run", "resource": "R", "parameters": {"c": {"type": "command"}}}],
"guardrails": [{"id": "g", "description": "d", "from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z", "when": "true", "advice": "a", "effect": "allow", "tools": ["Run(ls)"], "agents": ["bot"], "threads": ["t"], "roles": ["*"]}],
"isolation": [{"id": "i", "allowedRegions": ["EU"], "match": {"actions": ["Do"], "resources": ["*"], "agents": ["bot"], "classificationAtLeast": "Public", "classifications": ["Public"], "risk": ["low"], "channels": ["web"]}},
  {"id": "j", "parameter": "u", "allowedHosts": ["a.b"], "match": {"regions": ["EU"]}}],
"classification": [{"id": "c", "effect": "MASK", "mask": [{"path": "output.a", "method": "hash"}]}],
"entitlements": [{"id": "e", "roles": ["R"], "match": {}, "limit": {"parameter": "n", "by": "s", "max": {"V": "5"}}}, {"id": "f", "roles": ["R"], "limit": {"parameter": "n", "max": "5"}}],
"thresholds": [{"id": "t", "value": "context.a", "askAbove": "1", "denyAbove": "2", "absent": "ask"}],
"approvals": [{"id": "a", "on": ["ask:t"], "approvers": ["role:R"], "exclude": ["owner"], "quorum": 1, "approveWithin": "P1DT2H", "executeWithin": "PT1S",
  "notify": ["mailto:a@b.c"], "escalate": {"after": "PT1M", "approvers": ["entitled"], "notify": ["mailto:a@b.c"]}, "relay": true}]}`

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

// A key that no mutant could touch would be a key that nothing holds the
// schema to.
func TestEveryPackHasEveryKey(t *testing.T) {
	text, err := Schema("pack")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]any
		Defs       map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	for _, def := range schema.Defs {
		maps.Copy(schema.Properties, def.Properties)
	}
	for key := range schema.Properties {
		if !strings.Contains(everyPack, `"`+key+`": `) {
			t.Errorf("everyPack lacks %q", key)
		}
	}
}
