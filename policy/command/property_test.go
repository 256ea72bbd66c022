package command

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// words draws words that a shell has something to do with.
func words() *rapid.Generator[[]string] {
	letters := rapid.SampledFrom([]rune("abz019 \t\n'\"\\$`(){}[]<>|&;*?~!#=,./-_@%+:^é日"))
	return rapid.SliceOfN(rapid.StringOfN(letters, 0, 8, -1), 0, 6)
}

// Quoting any words and parsing the line gives the same words back, and no
// argument becomes a command of its own.
func TestQuotedWordsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := append([]string{"prog"}, words().Draw(t, "words")...)
		quoted := make([]string, len(want))
		for i, w := range want {
			quoted[i] = quote(w)
		}
		l, err := Parse(strings.Join(quoted, " "))
		if err != nil {
			t.Fatalf("Parse(%q) = %v", quoted, err)
		}
		if diff := cmp.Diff([][]string{want}, l.commands); diff != "" || l.found != nil {
			t.Fatalf("Parse(%q): %s (-want +got)\n%s", quoted, l.Explain(), diff)
		}
	})
}

// lines draws command lines, many of which are well formed.
func lines() *rapid.Generator[string] {
	pieces := rapid.SampledFrom([]string{
		"rm", "git", "push", "-C", "x", "sudo", "env", "A=1", "sh", "-c", "'ls; id'", `"a b"`, "'--'", "az", "vm", "--debug", "kubectl",
		"exec", "p", "--", "docker", "run", "time", "|", "&&", ";", "(", ")", "{", "}", "if", "then", "fi", "!", "> f", "2>&1", "*", "$X",
		"\\", "\n", "[", "]", "[[", "]]", "((", "))", "1", "==", "export", "let", "x=1", "''", "#", "for", "in", "do", "done", "/bin/rm",
	})
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(pieces, 1, 8).Draw(t, "pieces"), " ")
	})
}

func patterns() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		word := rapid.SampledFrom([]string{"rm", "git", "push", "x", "sudo", "az", "vm", "*", "p*", "ls", "id", "env", "kubectl", "exec"})
		return strings.Join(rapid.SliceOfN(word, 1, 3).Draw(t, "pattern"), " ")
	})
}

// Putting a denied command behind or into something never un-denies it.
func TestWrappingNeverUndenies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := lines().Draw(t, "line")
		l, err := Parse(text)
		if err != nil {
			t.Skip("no command line")
		}
		p, err := CompilePattern(patterns().Draw(t, "pattern"))
		if err != nil || !p.Restricts(l) {
			t.Skip("not restricted")
		}
		how := rapid.SampledFrom([]string{
			"sh -c %q", "sudo sh -c %q", "/bin/bash -ec %q", "eval %q", "(%s\n)", "{ %s\n}", "ls; %s", "%s\nls", "if true; then %s\nfi",
			"kubectl exec p -- sh -c %q", "A=1; %s", "docker run i bash -c %q", "GIT_PAGER=%q git log",
		}).Draw(t, "how")
		unfinished := l.found != nil && (l.found.construct == notBash || strings.HasSuffix(text, `\`))
		if unfinished && !strings.Contains(how, "%q") {
			t.Skip("what is behind an unfinished line finishes it")
		}
		wrapped, err := Parse(disguise(how, text))
		if err != nil {
			t.Fatalf("Parse(%q) = %v", disguise(how, text), err)
		}
		if !p.Restricts(wrapped) {
			t.Fatalf("%v restricts %q and not %q", p, text, disguise(how, text))
		}
	})
}

// Adding a command to a line never makes it permitted, and what is permitted
// has no construct that is not understood.
func TestMoreCommandsNeverPermit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := lines().Draw(t, "line")
		l, err := Parse(text)
		if err != nil {
			t.Skip("no command line")
		}
		var allows []Pattern
		for _, s := range rapid.SliceOfN(patterns(), 1, 4).Draw(t, "allows") {
			p, err := CompilePattern(s)
			if err != nil {
				t.Fatal(err)
			}
			allows = append(allows, p)
		}
		before, _ := Permits(l, allows)
		more, err := Parse(text + "\n" + lines().Draw(t, "more"))
		if err != nil {
			t.Skip("no command line")
		}
		if after, _ := Permits(more, allows); after && !before && l.found == nil {
			t.Fatalf("%q is permitted and %q is not", more.text, text)
		}
	})
}

// A text with globs meets at least what it covers literally, and what one of
// the names that fit would be covered by.
func TestMeetsIsWiderThanGlob(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letter := rapid.SampledFrom([]rune("ab \x01"))
		pattern := rapid.StringOfN(letter, 0, 8, -1).Draw(t, "pattern")
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab \x01\x02")), 0, 8, -1).Draw(t, "text")
		name := rapid.StringOfN(rapid.SampledFrom([]rune("ab")), 0, 3, -1)
		var b strings.Builder
		for _, r := range text {
			switch r {
			case wild:
				b.WriteString(name.Draw(t, "run"))
			case single:
				b.WriteString(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "one"))
			default:
				b.WriteRune(r)
			}
		}
		if glob(pattern, b.String()) && !meets(pattern, text) {
			t.Fatalf("%q covers %q but does not meet %q", pattern, b.String(), text)
		}
		if !strings.ContainsAny(text, "\x01\x02") && meets(pattern, text) != glob(pattern, text) {
			t.Fatalf("meets(%q, %q) = %v", pattern, text, meets(pattern, text))
		}
	})
}

// programs draws every program that a table knows.
func programs() *rapid.Generator[string] {
	seen := map[string]bool{"sed": true, "pwsh": true, "let": true, "declare": true, "printf": true, "read": true}
	for _, table := range []map[string]bool{wrappers, shells, runners, evaluatingBuiltins} {
		maps.Copy(seen, table)
	}
	for name := range interpreters {
		seen[name] = true
	}
	for name := range grammars {
		seen[name] = true
	}
	for name := range carriers {
		seen[name] = true
	}
	for name := range hazards {
		seen[name] = true
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(seen)))
}

// Whatever arguments a known program gets, they are read without a panic, and
// a deny of everything holds.
func TestAnyArgumentsAreRead(t *testing.T) {
	all := Pattern{globs: []spelling{{string(wild), string(wild)}}, open: true}
	argument := rapid.OneOf(
		rapid.SampledFrom([]string{"-", "--", "-c", "-e", "-n", "-it", "--x", "--x=", "=", "exec", "run", "vm", "run-command", "invoke", "--scripts", "compose", "rm"}),
		rapid.StringOfN(rapid.SampledFrom([]rune("sy/ae\\\n;{}[],!$1~+bt:wricg#pIq -=lf'@*(")), 0, 10, -1),
	)
	rapid.Check(t, func(t *rapid.T) {
		words := append([]string{programs().Draw(t, "program")}, rapid.SliceOfN(argument, 0, 6).Draw(t, "arguments")...)
		l, err := Parse(canonical(words))
		if err != nil {
			t.Fatalf("Parse(%q) = %v", words, err)
		}
		if !all.Restricts(l) {
			t.Fatalf("* does not restrict %q", words)
		}
		_ = l.Redacted()
	})
}
