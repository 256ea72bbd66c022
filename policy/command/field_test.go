package command

import (
	"strings"
	"testing"
)

// outcome is what guardrails of one action make of a line for somebody whom
// nothing else entitles.
func outcome(t *testing.T, allow, deny, text string) string {
	t.Helper()
	l, err := Parse(text)
	if err != nil {
		return "parameter.invalid"
	}
	for _, p := range compileAll(t, list(deny)) {
		if p.Restricts(l) {
			return "guardrail.denied"
		}
	}
	if ok, _ := Permits(l, compileAll(t, list(allow))); ok {
		return "ok"
	}
	return "entitlement.none"
}

func list(patterns string) []string {
	if patterns == "" {
		return nil
	}
	return strings.Split(patterns, ", ")
}

// The field reports FR01 to FR09, FR34: what went wrong for others.
func TestFieldReports(t *testing.T) {
	const denied, none, ok, invalid = "guardrail.denied", "entitlement.none", "ok", "parameter.invalid"
	for _, c := range []struct{ report, allow, deny, text, want string }{
		{"FR01", "git *, kubectl *, az vm *", "git push *, kubectl delete *, az vm delete *", "git -C /srv/app push origin main", denied},
		{"FR01", "git *, kubectl *, az vm *", "git push *, kubectl delete *, az vm delete *", "git --git-dir=/srv/app/.git push", denied},
		{"FR01", "git *, kubectl *, az vm *", "git push *, kubectl delete *, az vm delete *", "kubectl --context prod -n pay delete ns payments", denied},
		{"FR01", "git *, kubectl *, az vm *", "git push *, kubectl delete *, az vm delete *", "az --debug vm delete --ids x", denied},
		{"FR01", "git *, kubectl *, az vm *", "git push *, kubectl delete *, az vm delete *", "git -C /srv/app status", ok},
		{"FR02", "git push origin main", "git push --force*", "git push -f origin main", none},
		{"FR02", "git push origin main", "git push --force*", "git push origin +main:main", none},
		{"FR02", "git push origin main", "git push --force*", "git push origin '+HEAD:refs/heads/main'", none},
		{"FR02", "git push origin main", "git push --force*", "git push origin main", ok},
		{"FR03", "systemctl status *, id *", "sudo *", "sudo systemctl status nginx", denied},
		{"FR03", "systemctl status *, id *", "sudo *", "sudo id", denied},
		{"FR03", "systemctl status *, id *", "sudo *", "/usr/bin/sudo id", denied},
		{"FR03", "systemctl status *, id *", "sudo *", "/usr/bin/sudo -n id -u", denied},
		{"FR03", "systemctl status *, id *", "sudo *", "bash -c 'sudo id'", denied},
		{"FR03", "systemctl status *, id *", "", "sudo id", none},
		{"FR03", "sudo id", "", "sudo id", ok},
		{"FR04", "cat *", "curl *", "./cat notes.txt", none},
		{"FR04", "cat *", "curl *", "../cat notes.txt", none},
		{"FR04", "cat *", "curl *", "/tmp/x/cat notes.txt", none},
		{"FR04", "cat *", "curl *", "cat notes.txt", ok},
		{"FR04", "cat *", "curl *", "/usr/bin/curl -s x.example", denied},
		{"FR04", "/usr/bin/cat *", "", "/usr/bin/cat notes.txt", ok},
		{"FR05", "sort *, rg *, man *, tar *, git log *, sed *", "", "sort --compress-program=sh -S 1b d.txt", none},
		{"FR05", "sort *, rg *, man *, tar *, git log *, sed *", "", "sort --compress-prog sh d.txt", none},
		{"FR05", "sort *, rg *, man *, tar *, git log *, sed *", "", "rg --pre=./x TOKEN src", none},
		{"FR05", "sort *, rg *, man *, tar *, git log *, sed *", "", "man -P ./x ls", none},
		{"FR05", "sort *, rg *, man *, tar *, git log *, sed *", "", "man -P./x ls", none},
		{"FR05", "sort *, rg *, man *, tar *, git log *, sed *", "", "tar -cf a.tar --checkpoint=1 --checkpoint-action=exec=./x d", none},
		{"FR05", "sort *, rg *, man *, tar *, git log *, sed *", "", "git -c core.pager=./x log", none},
		{"FR05", "sort *, rg *, man *, tar *, git log *, sed *", "", "sed '1e id' f", none},
		{"FR05", "sort *, rg *, man *, tar *, git log *, sed *", "", "sort -u d.txt", ok},
		{"FR05", "sort *, rg *, man *, tar *, git log *, sed *", "", "rg TOKEN src", ok},
		{"FR05", "sort *, rg *, man *, tar *, git log *, sed *", "", "sed -n 1p f", ok},
		{"FR06", "npm --version", "git push *", "NODE_OPTIONS=--require=/tmp/p.cjs npm --version", none},
		{"FR06", "npm --version", "git push *", "env NODE_OPTIONS=x npm --version", none},
		{"FR06", "npm --version", "git push *", "export NODE_OPTIONS=x; npm --version", none},
		{"FR06", "npm --version", "git push *", "npm --version", ok},
		{"FR06", "npm --version", "git push *", "GIT_SSH_COMMAND=./x git push", denied},
		{"FR07", "echo *", "git push *", `echo "$PATH"`, denied},
		{"FR07", "echo *", "git push *", "echo test", ok},
		{"FR07", "echo *", "git push *", "echo '$PATH'", ok},
		{"FR08", "az * show *, az * list *", "", "az group delete --name prod --yes --query show", none},
		{"FR08", "az * show *, az * list *", "", "az vm show -n v -g r", ok},
		{"FR08", "az * show *, az * list *", "", "az vm delete -n list --ids x", none},
		{"FR09", "psql *, echo *", "psql * DROP TABLE *", `psql -c "DROP TABLE users"`, denied},
		{"FR09", "psql *, echo *", "psql * DROP TABLE *", "psql -h db -c 'drop table users'", denied},
		{"FR09", "psql *, echo *", "psql * DROP TABLE *", `sh -c "psql -c 'DROP TABLE t'"`, denied},
		{"FR09", "psql *, echo *", "psql * DROP TABLE *", "psql -c 'select 1'", ok},
		{"FR09", "psql *, echo *", "psql * DROP TABLE *", `echo "psql -c 'drop table x'"`, ok},
		{"FR34", "cat *", "", "cat a\u200b.txt", invalid},
		{"FR34", "cat *", "", "cat 'Contoso\U000e0041'", invalid},
		{"FR34", "cat *", "", "cat 'Contoso\u202eDTL'", invalid},
		{"FR34", "cat *", "", "cat 'Contoso\u2028Approved'", invalid},
	} {
		if got := outcome(t, c.allow, c.deny, c.text); got != c.want {
			t.Errorf("%s: allow %q, deny %q: %q = %s, want %s", c.report, c.allow, c.deny, c.text, got, c.want)
		}
	}
}

// FR02, policy-pack 12: the warning guardrail.optionSpelling.
func TestEvades(t *testing.T) {
	for _, c := range []struct {
		deny, allow, option string
		want                bool
	}{
		{"git push --force*", "git push *", "--force*", true},
		{"git push --force*", "git *", "--force*", true},
		{"git push --force*", "*", "--force*", true},
		{"git push --force*", "git push origin *", "--force*", true},
		{"git push --force*", "git push origin main", "--force*", false},
		{"git push --force*", "git log *", "--force*", false},
		{"git push --force*", "kubectl *", "--force*", false},
		{"rm -rf *", "rm *", "-rf", true},
		{"* --force", "git *", "--force", true},
		{"git * --force", "git push *", "--force", true},
		{"git push *", "git *", "", false},
		{"az * delete *", "az *", "", false},
		{"ls -*", "ls *", "", false},
		{"kubectl exec * -- *", "kubectl *", "", false},
	} {
		p := compile(t, c.deny)
		if got := p.Evades(compile(t, c.allow)); got != c.want {
			t.Errorf("%q.Evades(%q) = %v, want %v", c.deny, c.allow, got, c.want)
		}
		if option, _, ok := p.SpelledOption(); option != c.option || ok != (c.option != "") {
			t.Errorf("%q.SpelledOption() = %q, %v, want %q", c.deny, option, ok, c.option)
		}
	}
	for pattern, want := range map[string]string{"git push *": "git", "*": "", "g*t x": "", "'my tool' x": "my tool"} {
		if got := compile(t, pattern).Program(); got != want {
			t.Errorf("%q.Program() = %q, want %q", pattern, got, want)
		}
	}
}
