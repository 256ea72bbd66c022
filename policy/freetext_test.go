package policy

import (
	"slices"
	"strings"
	"testing"
)

const plainPack = `{"schema":1,"pack":"NAME","version":1,"environment":"dev","tenants":["11111111-1111-1111-1111-111111111111"],
"classifications":["Internal"],"agents":[{"id":"NAME-agent","actions":["NAMEDo"]}],
"actions":[{"id":"NAMEDo","resource":"Thing","creates":true,"parameters":{"free":{"type":"TYPE"}}}],"approvals":[RULES]}`

func plain(name, typ, rules string) Document {
	return Document{Name: name + ".json", Text: []byte(strings.NewReplacer("NAME", name, "TYPE", typ, "RULES", rules).Replace(plainPack))}
}

// T31: an approval rule may not be routed by what a model wrote, in whichever
// pack the json parameter stands.
func TestApprovalRulesOfAnotherPackDoNotRouteOnFreeText(t *testing.T) {
	const reads = `{"id":"a","on":["always"],"approvers":["user:mia@contoso.com"],"when":"parameters.free.why == \"urgent\""}`
	for _, c := range []struct {
		typ     string
		refused bool
	}{{"json", true}, {"string", false}} {
		_, findings := Load([]Document{plain("one", "string", reads), plain("two", c.typ, "")}, LoadOptions{})
		refused := slices.ContainsFunc(findings, func(f Finding) bool { return f.Check == "approval.freeText" && f.Rule == "one/a" })
		if refused != c.refused {
			t.Errorf("Load(a rule that reads another pack's %s) refused = %v, want %v: %v", c.typ, refused, c.refused, findings)
		}
	}
}

// 7.3: the string functions are the standard ones and lowerAscii.
func TestOnlyTheNamedStringFunctionsCompile(t *testing.T) {
	for _, c := range []struct {
		when    string
		refused bool
	}{
		{`action.lowerAscii() == \"onedo\"`, false},
		{`action.startsWith(\"one\")`, false},
		{`action.split(\"e\")[0] == \"on\"`, true},
		{`action.upperAscii() == \"X\"`, true},
	} {
		rule := `{"id":"a","on":["always"],"approvers":["user:mia@contoso.com"],"when":"` + c.when + `"}`
		set, findings := Load([]Document{plain("one", "string", rule)}, LoadOptions{})
		if refused := set == nil; refused != c.refused {
			t.Errorf("Load(when: %s) refused = %v, want %v: %v", c.when, refused, c.refused, findings)
		}
	}
}
