package catalog_test

import (
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/handler/internal/catalog"
)

func TestDiff(t *testing.T) {
	const bound = `"environment":"dev","tenants":["t"],`
	for name, tc := range map[string]struct{ from, to, want string }{
		"the same": {`{"pack":"p","version":1}`, `{"version":1,"pack":"p"}`, ""},
		"a limit": {
			`{"pack":"p","version":1,"entitlements":[{"id":"e","limit":{"max":{"EUR":"1","USD":"2"}}}]}`,
			`{"pack":"p","version":2,"entitlements":[{"id":"e","limit":{"max":{"EUR":"3","USD":"2"}}}]}`,
			`~ entitlements e|    limit.max.EUR: "1" -> "3"`,
		},
		"rules come and go": {
			`{"pack":"p","version":1,"isolation":[{"id":"a"},{"id":"b"}]}`, `{"pack":"p","version":2,"isolation":[{"id":"b"},{"id":"c"}]}`,
			`- isolation a|    {"id":"a"}|+ isolation c|    {"id":"c"}`,
		},
		"another order": {
			`{"pack":"p","version":1,"isolation":[{"id":"a"},{"id":"b"}]}`, `{"pack":"p","version":2,"isolation":[{"id":"b"},{"id":"a"}]}`,
			`= isolation: the order`,
		},
		"a field appears": {
			`{"pack":"p","version":1,"isolation":[{"id":"a"}]}`, `{"pack":"p","version":2,"isolation":[{"id":"a","when":"true"}],"priority":7}`,
			`~ isolation a|    when: (none) -> "true"|+ priority|    7`,
		},
		"bindings": {
			`{` + bound + `"pack":"p","version":1,"roles":[{"id":"r","members":["a"]}]}`, `{` + bound + `"pack":"p","version":1,"roles":[{"id":"r","members":["b"]}]}`,
			`~ roles r|    members: ["a"] -> ["b"]`,
		},
		"a pack without its bindings": {
			`{` + bound + `"pack":"p","version":1,"roles":[{"id":"r","members":["a"]}]}`, `{"pack":"p","version":1,"roles":[{"id":"r"}]}`,
			`One of them has no bindings: bindings are not compared.`,
		},
		"text that moves the cursor": {
			`{"pack":"p","version":1}`, `{"pack":"p","version":2,"description":"a\u001b[2Jb\u202e"}`, `+ description`,
		},
	} {
		c, err := catalog.Diff([]byte(tc.from), []byte(tc.to))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var out strings.Builder
		if err := c.WriteText(&out); err != nil {
			t.Fatal(err)
		}
		_, got, _ := strings.Cut(strings.TrimSpace(out.String()), "\n")
		if got = strings.ReplaceAll(got, "\n", "|"); !strings.HasPrefix(got, tc.want) || tc.want == "" && got != "" {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
		if strings.ContainsAny(got, "\x1b\u202e") {
			t.Errorf("%s: %q moves the cursor", name, got)
		}
	}
}
