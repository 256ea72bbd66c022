package command

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func compileAll(t *testing.T, patterns []string) []Pattern {
	t.Helper()
	out := make([]Pattern, len(patterns))
	for i, p := range patterns {
		out[i] = compile(t, p)
	}
	return out
}

// Policy-pack 9.2: allow sees one form, as written, and every simple command
// needs one. used is nil where the line is not permitted.
func TestPermits(t *testing.T) {
	one := []int{0}
	for _, c := range []struct {
		rule   string
		allows []string
		text   string
		used   []int
	}{
		{"as written", []string{"git *"}, "git status", one},
		{"a final star stands for no arguments", []string{"git *"}, "git", one},
		{"a final star stands for options", []string{"cat *"}, "cat -n x", one},
		{"no pattern", nil, "git status", nil},
		{"a bare allow", []string{"*"}, "terraform plan", one},
		{"a bare allow needs all the rest", []string{"*"}, "A=1 terraform plan", nil},
		{"every simple command", []string{"git *", "cat *"}, "git status | cat -n", []int{0, 1}},
		{"one without an allow", []string{"git *"}, "git status; id", nil},
		{"all that matched are told", []string{"ls", "git *", "git status"}, "git status", []int{1, 2}},
		{"opaque", []string{"*"}, "git log $(id)", nil},
		{"wrapper", []string{"git *"}, "nohup git status", nil},
		{"wrapper that is named", []string{"sudo systemctl status *"}, "sudo systemctl status nginx", one},
		{"wrapper that is missing", []string{"sudo systemctl status *"}, "systemctl status nginx", nil},
		{"wrapper with a directory", []string{"sudo systemctl status *"}, "/usr/bin/sudo systemctl status nginx", nil},
		{"the keyword time", []string{"git *"}, "time git status", nil},
		{"directory", []string{"cat *"}, "./cat x", nil},
		{"directory that is named", []string{"/opt/tools/deploy *"}, "/opt/tools/deploy v1", one},
		{"directory that is missing", []string{"/opt/tools/deploy *"}, "deploy v1", nil},
		{"ending", []string{"uptime"}, "uptime.exe", nil},
		{"case of the program", []string{"kubectl get *"}, "Kubectl get pods", nil},
		{"case of an argument", []string{"kubectl get *"}, "kubectl Get pods", nil},
		{"leading options", []string{"kubectl get *"}, "kubectl --context prod get pods", nil},
		{"leading options that are covered", []string{"git *"}, "git -C /srv/app status", one},
		{"a lone star is one word", []string{"az * show *"}, "az vm show -n v", one},
		{"a lone star is not two words", []string{"az * show *"}, "az vm nic show x", nil},
		{"a lone star is no option", []string{"az * show *"}, "az --debug show x", nil},
		{"a lone star is no quoted option", []string{"az * show *"}, "az '--debug' show", nil},
		{"a lone star does not reach over the verb", []string{"az * show *"}, "az group delete --name prod --yes --query show", nil},
		{"a lone star may be an empty word", []string{"az * show"}, "az '' show", one},
		{"a star inside a word", []string{"kubectl get p*"}, "kubectl get pods", one},
		{"a star inside a word ends with it", []string{"kubectl get p*"}, "kubectl get pods -o yaml", nil},
		{"a star inside a word is for the word, not its quotes", []string{"kubectl get p*"}, "kubectl get 'p q'", one},
		{"a word that begins otherwise", []string{"kubectl get p*"}, "kubectl get 'q p'", nil},
		{"a star that begins a word is no option", []string{"cat *.txt"}, "cat --x=y.txt", nil},
		{"stars in the middle", []string{"git log --format=* -n *"}, "git log --format=%h -n 5", one},
		{"stars in the middle and more words", []string{"git log --format=* -n *"}, "git log --format=%h --all -n 5", nil},
		{"a star in front of the last word", []string{"systemctl * nginx"}, "systemctl status nginx", one},
		{"the last word is another", []string{"systemctl * nginx"}, "systemctl status ngin", nil},
		{"exact", []string{"docker ps"}, "docker ps", one},
		{"exact with arguments", []string{"docker ps"}, "docker ps -a", nil},
		{"blanks in quotes", []string{"mail 'to all' *"}, `mail "to all" now`, one},
		{"blanks in quotes are not words", []string{"mail 'to all' *"}, "mail to all now", nil},
		{"blanks in quotes are kept", []string{"mail 'to all' *"}, "mail 'to  all' now", nil},
		{"double quotes", []string{`echo "a b" c`}, "echo 'a b' c", one},
		{"an escaped blank", []string{`echo a\ b`}, "echo 'a b'", one},
		{"an escaped star", []string{`echo \*`}, "echo x", nil},
		{"a glob as it stands", []string{"find docs/* -type f"}, "find docs/* -type f", one},
		{"a glob among the arguments", []string{"cat *"}, "cat *.txt", one},
		{"an assignment", []string{"git *"}, "PATH=/tmp/x git status", nil},
		{"an assignment elsewhere", []string{"git *"}, "A=1; git status", nil},
		{"an assignment by env", []string{"*"}, "env A=1 git status", nil},
		{"an assignment by export", []string{"*"}, "export A=1; git status", nil},
		{"an assignment by export behind a wrapper", []string{"*"}, "command export A=1; git status", nil},
		{"an assignment by declare", []string{"*"}, "declare A=1", nil},
		{"an assignment by let", []string{"*"}, "let x=1", nil},
		{"an assignment by arithmetic", []string{"*"}, "(( x = 1 ))", nil},
		{"an assignment by printf", []string{"*"}, "printf -v PATH x", nil},
		{"an assignment by read", []string{"*"}, "read PATH <<< x", nil},
		{"an assignment by a loop", []string{"*"}, "for x in a b; do git status; done", nil},
		{"an assignment by a redirection", []string{"*"}, "exec {PATH}>/dev/null", nil},
		{"an assignment inside sh -c", []string{"*"}, "sh -c 'A=1 git status'", nil},
		{"to a file", []string{"git *"}, "git log > notes", nil},
		{"appended to a file", []string{"git *"}, "git log >> notes", nil},
		{"from a file", []string{"cat *"}, "cat < notes", nil},
		{"all output to a file", []string{"git *"}, "git log &> notes", nil},
		{"output to a file as a descriptor", []string{"git *"}, "git log >& notes", nil},
		{"to a socket", []string{"git *"}, "git log > /dev/tcp/h/1", nil},
		{"of a group to a file", []string{"git *"}, "{ git log; } > notes", nil},
		{"inside sh -c to a file", []string{"git *"}, "sh -c 'git log > notes'", nil},
		{"to /dev/null", []string{"git *"}, "git log > /dev/null 2>&1", one},
		{"closed descriptors", []string{"git *"}, "git log 2>&- <&-", one},
		{"moved descriptors", []string{"git *"}, "git log 3>&2-", one},
		{"a here-document", []string{"cat *"}, "cat <<'E'\n$HOME\nE", one},
		{"a here-string", []string{"cat *"}, "cat <<< x", one},
		{"sh -c", []string{"git *"}, "sh -c 'git status'", one},
		{"sh -c needs an allow for each", []string{"git *"}, "sh -c 'git status; id'", nil},
		{"an allow for the shell is not one for what it runs", []string{"sh *"}, "sh -c 'git status'", nil},
		{"sh -c behind a wrapper", []string{"*"}, "sudo sh -c 'git status'", nil},
		{"sh -c with a directory", []string{"*"}, "/bin/sh -c 'git status'", nil},
		{"sh -c in another case", []string{"*"}, "SH -c 'git status'", nil},
		{"sh -c of a shell with a directory", []string{"*"}, "sh -c \"./sh -c 'git status'\"", nil},
		{"in a pod", []string{"kubectl exec *", "ls *"}, "kubectl exec p -- ls", nil},
		{"in a container", []string{"docker run *"}, "docker run alpine", nil},
		{"on a machine", []string{"az *"}, "az vm run-command invoke --scripts ls", nil},
		{"beside a container", []string{"docker ps"}, "docker ps", one},
		{"in the background", []string{"git *"}, "git status &", one},
		{"negated", []string{"git *"}, "! git status", one},
		{"in branches", []string{"git *", "true"}, "if true; then git status; fi", []int{0, 1}},
		{"a tab", []string{"uptime"}, "uptime\t", one},
		{"a quoted program with a blank", []string{"rm *"}, "'rm x'", nil},
	} {
		ok, used := Permits(parse(t, c.text), compileAll(t, c.allows))
		if diff := cmp.Diff(c.used, used); ok != (c.used != nil) || diff != "" {
			t.Errorf("%s: Permits(%q, %q) = %v, %v, want %v", c.rule, c.text, c.allows, ok, used, c.used)
		}
	}
}

// What keeps every allow from holding can be told.
func TestBarred(t *testing.T) {
	for _, c := range []struct {
		text, want string
		column     int
	}{
		{"ls; A=1 git status", "an assignment", 5},
		{"git log > notes", "a redirection to or from a file", 9},
		{"for x in a; do ls; done", "a loop variable", 5},
		{"docker run alpine", "a command that runs elsewhere", 1},
		{"sudo sh -c ls", "a shell behind a wrapper or with a directory", 6},
	} {
		if got, column, ok := understood(t, c.text).Barred(); got != c.want || column != c.column || !ok {
			t.Errorf("Parse(%q).Barred() = %q, %d, want %q, %d", c.text, got, column, c.want, c.column)
		}
	}
	if got, _, ok := understood(t, "git status").Barred(); ok {
		t.Errorf("Parse(git status).Barred() = %q, want none", got)
	}
}
