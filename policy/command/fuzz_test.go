package command

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse holds Parse against itself: it never panics, and a line that is
// understood has a canonical form that means the same.
func FuzzParse(f *testing.F) {
	for _, how := range disguises {
		f.Add(disguise(how, "git -C /x push"))
	}
	for _, text := range []string{"let x=1", "declare -a A=(1 2)", "[[ a =~ (b|c) ]]", "case a in a|b) ls;; esac", "x[1]=2; ls", "'if' x", "a\\\nb", "\\let", "declare -\\="} {
		f.Add(text)
	}
	all, err := CompilePattern("*")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Parse(text)
		_ = Redact(text)
		if err != nil {
			return
		}
		if !all.Restricts(l) {
			t.Errorf("* does not restrict %q", text)
		}
		if _, _, _, opaque := l.Opaque(); opaque {
			if ok, _ := Permits(l, []Pattern{all}); ok {
				t.Errorf("the opaque %q is permitted", text)
			}
			return
		}
		again, err := Parse(strings.Join(l.Commands(), "; "))
		if err != nil {
			t.Fatalf("Parse(%q) = %v, the canonical form of %q", l.Commands(), err, text)
		}
		if diff := cmp.Diff(l.Commands(), again.Commands()); diff != "" {
			t.Errorf("the canonical form of %q is not stable (-first +second)\n%s", text, diff)
		}
	})
}
