package command

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, text string) Line {
	t.Helper()
	l, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse(%q) = %v", text, err)
	}
	return l
}

// understood parses a line that must not be opaque.
func understood(t *testing.T, text string) Line {
	t.Helper()
	l := parse(t, text)
	if construct, column, _, ok := l.Opaque(); ok {
		t.Fatalf("Parse(%q) is opaque: %s at %d", text, construct, column)
	}
	return l
}

// Policy-pack 9.1: the canonical form is the list of simple commands that
// would run. The commands of a case are separated by " ; ".
func TestCanonicalForm(t *testing.T) {
	for _, c := range []struct{ rule, text, want string }{
		{"9.1 blanks", "  git   status\t-s ", "git status -s"},
		{"9.1 pipe", "ls | rm x", "ls ; rm x"},
		{"9.1 pipe with errors", "ls |& rm x", "ls ; rm x"},
		{"9.1 list", "ls; rm x", "ls ; rm x"},
		{"9.1 and", "ls && rm x", "ls ; rm x"},
		{"9.1 or", "ls || rm x", "ls ; rm x"},
		{"9.1 background", "ls & rm x", "ls ; rm x"},
		{"9.1 lines", "ls\nrm x\n", "ls ; rm x"},
		{"9.1 no blanks", "true;rm x;", "true ; rm x"},
		{"9.1 subshell", "(cd /tmp; rm x)", "cd /tmp ; rm x"},
		{"9.1 group", "{ ls; rm x; }", "ls ; rm x"},
		{"9.1 negation", "! rm x", "rm x"},
		{"9.1 if", "if ls; then rm x; elif id; then cat y; else who; fi", "ls ; rm x ; id ; cat y ; who"},
		{"9.1 while", "while true; do rm x; done", "true ; rm x"},
		{"9.1 until", "until rm x; do ls; done", "rm x ; ls"},
		{"9.1 for", "for f in a b; do rm x; done", "rm x"},
		{"9.1 select", "select f in a b; do rm x; done", "rm x"},
		{"9.1 case", "case a in a) rm x;; *) ls;; esac", "rm x ; ls"},
		{"9.1 comment", "ls # rm x", "ls"},
		{"9.1 a hash inside a word", "ls a#b", "ls 'a#b'"},
		{"9.1 single quotes", "'rm' x", "rm x"},
		{"9.1 double quotes", `"rm" x`, "rm x"},
		{"9.1 empty quotes", `r''m x`, "rm x"},
		{"9.1 quotes in pieces", `"r"'m' x`, "rm x"},
		{"9.1 backslash", `\rm x`, "rm x"},
		{"9.1 backslash inside", `r\m x`, "rm x"},
		{"9.1 backslash in double quotes", `echo "a\"b\$c\d"`, `echo 'a"b$c\d'`},
		{"9.1 escaped blank", `cat a\ b`, "cat 'a b'"},
		{"9.1 line continuation", "r\\\nm x", "rm x"},
		{"9.1 continuation between words", "rm \\\n x", "rm x"},
		{"9.1 continuation in quotes", "echo \"a\\\nb\"", "echo ab"},
		{"9.1 an escaped dollar", `printf \$HOME`, "printf '$HOME'"},
		{"9.1 a dollar in single quotes", "echo '$HOME $(id)'", "echo '$HOME $(id)'"},
		{"9.1 a lone dollar", "echo $", "echo '$'"},
		{"9.1 an empty word", "ls '' x", "ls '' x"},
		{"9.1 a quote in a word", `echo "it's"`, `echo 'it'\''s'`},
		{"9.1 a semicolon in a word", "printf 'x; rm y'", "printf 'x; rm y'"},
		{"9.1 a newline in a word", "printf 'x\nrm y'", "printf 'x\nrm y'"},
		{"9.1 safe characters", "x a_@%+=:,./-Z9", "x a_@%+=:,./-Z9"},
		{"9.1 a glob among the arguments", "cat *.txt", "cat '*.txt'"},
		{"9.1 wrappers stay as written", "sudo env A=1 rm x", "sudo env A=1 rm x"},
		{"9.1 the keyword time", "time rm x", "time rm x"},
		{"9.1 time in front of a group", "time { rm x; ls; }", "time ; rm x ; ls"},
		{"9.1 sh -c", "sh -c 'rm x; ls'", "rm x ; ls"},
		{"9.1 bash -lc", `bash -lc "git status"`, "git status"},
		{"9.1 sh -c with more words", "sh -c 'ls' zero one", "ls"},
		{"9.1 twice in turn", `sh -c "bash -c 'rm x'"`, "rm x"},
		{"9.1 sh -c with nothing to run", "sh -c ''", "sh -c ''"},
		{"9.1 a shell behind a wrapper is one command", "sudo sh -c 'rm x'", "sudo sh -c 'rm x'"},
		{"9.1 a program with the name of a keyword", "'if' x", "'if' x"},
		{"9.1 let alone", `\let`, "'let'"},
		{"9.1 assignments are no words", "A=1 B=2 git push", "git push"},
		{"9.1 redirections are no words", "git log >out 2>&1 <in", "git log"},
		{"9.1 here-document", "cat <<'EOF'\n$HOME\nEOF\n", "cat"},
		{"9.1 here-document without expansions", "cat <<EOF\nplain \\$x\nEOF\n", "cat"},
		{"9.1 here-string", "cat <<<x", "cat"},
		{"9.5 test", "[[ -f x && ( a == b* || ! -d y ) ]]", "'[[' -f x '&&' '(' a == 'b*' '||' '!' -d y ')' ']]'"},
		{"9.5 test numbers", "[[ 1 -lt 2 ]]", "'[[' 1 -lt 2 ']]'"},
		{"9.5 bracket", "[ -f x ]", "'[' -f x ']'"},
		{"9.5 arithmetic", "(( 1 + 2 ))", "'((' 1+2 '))'"},
		{"9.5 let", "let x=1+2", "let x=1+2"},
		{"9.5 export", "export A=1 B='x y'", "export A=1 'B=x y'"},
		{"9.5 declare", "declare -a A=(1 'x y')", `declare -a 'A=(1 '\''x y'\'')'`},
		{"9.5 a wrapper alone", "sudo", "sudo"},
		{"9.5 wrappers alone", "sudo env", "sudo env"},
		{"9.5 time alone", "time", "time"},
		{"9.5 exec with a redirection only", "exec > log", "exec"},
		{"9.4 a carrier is one command", "docker run alpine rm x", "docker run alpine rm x"},
	} {
		l := understood(t, c.text)
		if diff := cmp.Diff(c.want, strings.Join(l.Commands(), " ; ")); diff != "" {
			t.Errorf("%s: Parse(%q).Commands() (-want +got)\n%s", c.rule, c.text, diff)
		}
	}
}

// FR34, policy-pack 9.1: a person must see what the shell reads.
func TestParseRefusesWhatCannotBeSeen(t *testing.T) {
	for _, c := range []struct {
		rule, text string
		column     int
	}{
		{"bidirectional override", "git \u202estatus", 5},
		{"left-to-right isolate", "ls \u2066x", 4},
		{"Arabic letter mark", "ls \u061cx", 4},
		{"zero width space", "cat a\u200b.txt", 6},
		{"zero width joiner", "cat a\u200d.txt", 6},
		{"word joiner", "cat a\u2060.txt", 6},
		{"byte-order mark", "\ufeffuptime", 1},
		{"soft hyphen", "upt\u00adime", 4},
		{"tag character", "ls \U000e0041", 4},
		{"variation selector", "ls x\ufe0f", 5},
		{"variation selector of a higher plane", "ls x\U000e0101", 5},
		{"Mongolian variation selector", "ls \u180b", 4},
		{"combining grapheme joiner", "ls \u034f", 4},
		{"Hangul filler", "ls \u3164", 4},
		{"blank braille", "ls \u2800", 4},
		{"no-break space", "rm\u00a0x", 3},
		{"ideographic space", "rm\u3000x", 3},
		{"line separator", "ls\u2028rm x", 3},
		{"paragraph separator", "ls\u2029rm x", 3},
		{"next line", "ls\u0085rm x", 3},
		{"carriage return", "git\rstatus", 4},
		{"bell", "git status\a", 11},
		{"escape", "ls \x1b[31m", 4},
		{"null", "ls \x00", 4},
		{"delete", "ls \x7f", 4},
		{"interlinear annotation", "ls \ufff9", 4},
		{"invalid UTF-8", "ls \xff", 4},
		{"overlong UTF-8", "ls \xc0\xaf", 4},
		{"a surrogate", "ls \xed\xa0\x80", 4},
		{"behind a letter of two bytes", "ls é\u200b", 5},
	} {
		_, err := Parse(c.text)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || invalid.Column != c.column {
			t.Errorf("%s: Parse(%q) = %v, want an error at column %d", c.rule, c.text, err, c.column)
		}
	}
	for _, text := range []string{"uptime\t", "ls\n", "echo é", "echo '日本'", "echo \ufffd", "echo 😀"} {
		if _, err := Parse(text); err != nil {
			t.Errorf("Parse(%q) = %v, want none", text, err)
		}
	}
}

// Policy-pack 9.5: a line without any simple command is no command line.
func TestParseRefusesLinesThatRunNothing(t *testing.T) {
	for _, text := range []string{"", "   ", "\n", "# rm x", "A=1", "A=1 B=2", "> /tmp/x", "A=1 > x", "A=(1 2)", "case a in esac"} {
		if l, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %q, want an error", text, l.Commands())
		}
	}
}

// An error is shown to the caller: it must not repeat the line.
func TestInvalidErrorsHoldNothingOfTheLine(t *testing.T) {
	_, err := Parse("secretword\u200b")
	if err == nil || strings.Contains(err.Error(), "secretword") {
		t.Errorf("Parse = %v, want an error without the line", err)
	}
}
