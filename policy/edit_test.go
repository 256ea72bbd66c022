package policy

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// edit changes one place of a document: the value at a pointer, whose last
// segment "-" appends to a list. An empty value removes what is there.
type edit struct{ at, value string }

func edited(t *testing.T, text string, edits ...edit) []byte {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		t.Fatalf("the base document: %v", err)
	}
	for _, e := range edits {
		var value any
		if e.value != "" {
			if err := json.Unmarshal([]byte(e.value), &value); err != nil {
				t.Fatalf("edit %s %s: %v", e.at, e.value, err)
			}
		}
		root = change(t, root, strings.Split(e.at, "/")[1:], value, e.value == "")
	}
	out, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func change(t *testing.T, v any, path []string, to any, remove bool) any {
	t.Helper()
	if len(path) == 0 {
		return to
	}
	key := strings.NewReplacer("~1", "/", "~0", "~").Replace(path[0])
	switch x := v.(type) {
	case map[string]any:
		if len(path) == 1 && remove {
			delete(x, key)
			return x
		}
		x[key] = change(t, x[key], path[1:], to, remove)
		return x
	case []any:
		if key == "-" {
			return append(x, change(t, nil, path[1:], to, remove))
		}
		i, err := strconv.Atoi(key)
		if err != nil || i >= len(x) {
			t.Fatalf("no item %q in a list of %d", key, len(x))
		}
		if len(path) == 1 && remove {
			return slices.Delete(x, i, i+1)
		}
		x[i] = change(t, x[i], path[1:], to, remove)
		return x
	case nil:
		if path[0] == "-" {
			return []any{change(t, nil, path[1:], to, remove)}
		}
		return map[string]any{key: change(t, nil, path[1:], to, remove)}
	}
	t.Fatalf("nothing below %T", v)
	return nil
}

// lintNow is the instant at which tests lint.
func lintNow() time.Time { return time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC) }

// basePack is a pack without any finding.
const basePack = `{
"schema": 1, "pack": "p", "version": 1, "environment": "dev", "tenants": ["11111111-1111-1111-1111-111111111111"],
"classifications": ["Public", "Internal", "Confidential", "Restricted"], "defaultClassification": "Internal",
"regions": ["EU", "US"], "risks": ["low", "high"], "channels": ["web", "teams"],
"lists": {"none": [], "regions": ["EU", "US"], "wild": ["az vm delete *"]},
"roles": [
  {"id": "Analyst", "members": ["user:ana@contoso.com", "user:bea@contoso.com"]},
  {"id": "Manager", "members": ["user:mia@contoso.com", "user:max@contoso.com"]}],
"agents": [{"id": "bot", "actions": ["Create", "Read", "Run", "Fetch"], "callers": ["app:aaaaaaaa-0000-4000-8000-000000000001"]}],
"actions": [
  {"id": "Create", "resource": "Order", "creates": true, "parameters": {
    "amount": {"type": "decimal", "required": true, "scale": 2, "max": "1000000"},
    "currency": {"type": "string", "required": true, "enum": ["EUR", "USD"]},
    "vendor": {"type": "string", "maxLength": 40}, "tags": {"type": "strings"}, "extra": {"type": "json"}}},
  {"id": "Read", "resource": "Vendor", "classification": "Restricted", "parameters": {"iban": {"type": "string"}}},
  {"id": "Run", "resource": "Shell", "creates": true, "parameters": {"command": {"type": "command"}}},
  {"id": "Fetch", "resource": "Page", "creates": true, "parameters": {"url": {"type": "url"}}}],
"entitlements": [
  {"id": "create", "roles": ["Analyst"], "match": {"actions": ["Create"]}, "limit": {"parameter": "amount", "by": "currency", "max": {"EUR": "50000", "USD": "55000"}}},
  {"id": "read", "roles": ["*"], "match": {"actions": ["Read", "Fetch"]}}],
"approvals": [{"id": "over", "match": {"actions": ["Create"]}, "on": ["overLimit"], "approvers": ["role:Manager"]}]
}`

// otherPack is a second pack for the same tenant, without any finding.
const otherPack = `{
"schema": 1, "pack": "q", "version": 1, "environment": "dev", "tenants": ["11111111-1111-1111-1111-111111111111"],
"classifications": ["Green", "Red"], "defaultClassification": "Green",
"agents": [{"id": "robot", "actions": ["Print"], "callers": ["app:bbbbbbbb-0000-4000-8000-000000000001"]}],
"actions": [{"id": "Print", "resource": "Paper", "creates": true}],
"entitlements": [{"id": "print", "roles": ["*"]}]
}`
