package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/authorization-fabric/fabric/policy"
)

// shell is the fixture SH of the field reports: one action bash over a command,
// and guardrails written with the command glob only.
type shell struct {
	allow, deny, ask []string
	advice           string // of the denies
	more             string // further members of the pack
}

func (s shell) pack() string {
	rules := []any{}
	add := func(id, effect string, globs []string, extra tree) {
		if globs == nil {
			return
		}
		tools := []string{}
		for _, g := range globs {
			tools = append(tools, "bash("+g+")")
		}
		r := tree{"id": id, "effect": effect, "tools": tools}
		for k, v := range extra {
			r[k] = v
		}
		rules = append(rules, r)
	}
	deny := tree{}
	if s.advice != "" {
		deny["advice"] = s.advice
	}
	add("allow", "allow", s.allow, tree{"roles": []string{"*"}})
	add("deny", "deny", s.deny, deny)
	add("ask", "ask", s.ask, nil)
	return `{"schema": 1, "pack": "sh", "version": 1, "environment": "dev", "tenants": ["` + tenantOne + `"],
		"classifications": ["Internal"], "defaultClassification": "Internal",
		"roles": [{"id": "Lead", "members": ["user:mia@contoso.com"]}],
		"agents": [{"id": "ops-agent", "actions": ["bash"], "users": ["asserted", "none"]}],
		"actions": [{"id": "bash", "resource": "Shell", "creates": true, "parameters": {"command": {"type": "command", "required": true}}}],
		"guardrails": ` + jsonText(rules) + s.more + `}`
}

func (s shell) decide(t *testing.T, line string) policy.Decision {
	t.Helper()
	set := load(t, s.pack())
	return ask(t, set, "ana", `{"agentId": "ops-agent", "action": "bash", "parameters": {"command": `+jsonText(line)+`}}`)
}

// entitled entitles everybody and lets the lead answer for what asks.
const entitled = `, "entitlements": [{"id": "all", "roles": ["*"]}], "approvals": [{"id": "lead", "on": ["ask"], "approvers": ["role:Lead"]}]`

func TestFieldReportsOfCommands(t *testing.T) {
	fr02 := shell{allow: []string{"git push origin main"}, deny: []string{"git push --force*"}}
	fr03 := shell{allow: []string{"systemctl status *", "id *"}, deny: []string{"sudo *"}}
	fr03ask := shell{ask: []string{"sudo *"}, more: entitled}
	fr05 := shell{allow: []string{"sort *", "rg *", "man *", "tar *", "git log *", "sed *"}}
	fr06 := shell{allow: []string{"npm --version"}, deny: []string{"git push *"}}
	fr09 := shell{allow: []string{"psql *", "echo *"}, deny: []string{"psql * DROP TABLE *"}}
	for _, c := range []struct {
		id    string
		shell shell
		want  string
		lines []string
	}{
		{
			"FR01",
			shell{allow: []string{"git *", "kubectl *", "az vm *"}, deny: []string{"git push *", "kubectl delete *", "az vm delete *"}},
			denied,
			[]string{"git -C /srv/app push origin main", "git --git-dir=/srv/app/.git push", "kubectl --context prod -n pay delete ns payments", "az --debug vm delete --ids x"},
		},
		{"FR01", shell{allow: []string{"git *"}, deny: []string{"git push *"}}, allowed, []string{"git -C /srv/app status"}},
		{"FR02", fr02, unentitled, []string{"git push -f origin main", "git push origin +main:main", "git push origin '+HEAD:refs/heads/main'"}},
		{"FR02", fr02, allowed, []string{"git push origin main"}},
		{"FR03", fr03, denied, []string{"sudo systemctl status nginx", "sudo id", "/usr/bin/sudo id", "/usr/bin/sudo -n id -u", "bash -c 'sudo id'"}},
		{"FR03", shell{allow: fr03.allow}, unentitled, []string{"sudo id"}},
		{"FR03", shell{allow: []string{"sudo id"}}, allowed, []string{"sudo id"}},
		{"FR03", fr03ask, asked, []string{"sudo systemctl restart nginx"}},
		{"FR03", fr03ask, allowed, []string{"systemctl restart nginx"}},
		{"FR04", shell{allow: []string{"cat *"}, deny: []string{"curl *"}}, unentitled, []string{"./cat notes.txt", "../cat notes.txt", "/tmp/x/cat notes.txt"}},
		{"FR04", shell{allow: []string{"cat *"}, deny: []string{"curl *"}}, allowed, []string{"cat notes.txt"}},
		{"FR04", shell{allow: []string{"cat *"}, deny: []string{"curl *"}}, denied, []string{"/usr/bin/curl -s x.example"}},
		{"FR04", shell{allow: []string{"/usr/bin/cat *"}}, allowed, []string{"/usr/bin/cat notes.txt"}},
		{
			"FR05", fr05, unentitled,
			[]string{
				"sort --compress-program=sh -S 1b d.txt", "sort --compress-prog sh d.txt", "rg --pre=./x TOKEN src", "man -P ./x ls", "man -P./x ls",
				"tar -cf a.tar --checkpoint=1 --checkpoint-action=exec=./x d", "git -c core.pager=./x log", "sed '1e id' f",
			},
		},
		{"FR05", fr05, allowed, []string{"sort -u d.txt", "rg TOKEN src", "sed -n 1p f"}},
		{"FR06", fr06, unentitled, []string{"NODE_OPTIONS=--require=/tmp/p.cjs npm --version", "env NODE_OPTIONS=x npm --version", "export NODE_OPTIONS=x; npm --version"}},
		{"FR06", fr06, denied, []string{"GIT_SSH_COMMAND=./x git push"}},
		{"FR06", fr06, allowed, []string{"npm --version"}},
		{"FR08", shell{allow: []string{"az * show *", "az * list *"}}, unentitled, []string{"az group delete --name prod --yes --query show", "az vm delete -n list --ids x"}},
		{"FR08", shell{allow: []string{"az * show *", "az * list *"}}, allowed, []string{"az vm show -n v -g r"}},
		{"FR09", fr09, denied, []string{`psql -c "DROP TABLE users"`, `psql -h db -c 'drop table users'`, `sh -c "psql -c 'DROP TABLE t'"`}},
		{"FR09", fr09, allowed, []string{`psql -c 'select 1'`, `echo "psql -c 'drop table x'"`}},
		{"FR34", shell{allow: []string{"cat *"}}, invalid, []string{"cat a\u200b.txt", "cat \u202etxt.a", "cat a\U000E0041", "cat a\u0007", "cat a\u2060b", "cat a\ufe0f"}},
		{"FR34", shell{allow: []string{"cat *"}}, allowed, []string{"cat\ta.txt", "cat a.txt\ncat b.txt", "cat ä.txt"}},
	} {
		for _, line := range c.lines {
			if got := short(c.shell.decide(t, line)); got != c.want {
				t.Errorf("%s: Decide(%q) = %s, want %s", c.id, line, got, c.want)
			}
		}
	}
}

// FR07: a refusal of an opaque line speaks of what makes it opaque, not of a
// rule that it only might have met, and holds no part of the line.
func TestFieldReportFR07(t *testing.T) {
	s := shell{allow: []string{"echo *"}, deny: []string{"git push *"}, advice: "Pushes go through the release job."}
	d := s.decide(t, `echo "$PATH"`)
	if d.Outcome != policy.Deny || !slices.Contains(d.PolicyIDs, "sh/deny") {
		t.Errorf("FR07: Decide of an opaque line = %s %v, want DENY by sh/deny", short(d), d.PolicyIDs)
	}
	for _, want := range []string{"a variable", "column 6"} {
		if !strings.Contains(d.Reason, want) {
			t.Errorf("FR07: reason = %q, want %q in it", d.Reason, want)
		}
	}
	said := d.Reason + d.UserMessage + strings.Join(d.Advice, " ")
	for _, never := range []string{"PATH", "push", "release job"} {
		if strings.Contains(said, never) {
			t.Errorf("FR07: reason, advice and user message = %q, want no %q", said, never)
		}
	}
	if d := s.decide(t, "git push"); !slices.Equal(d.Advice, []string{s.advice}) || d.UserMessage != s.advice {
		t.Errorf("FR07: advice of a push = %q, user message %q, want the rule's", d.Advice, d.UserMessage)
	}
	for _, line := range []string{"echo test", "echo '$PATH'"} {
		if got := short(s.decide(t, line)); got != allowed {
			t.Errorf("FR07: Decide(%q) = %s, want %s", line, got, allowed)
		}
	}
}

// FR36: secrets of a command line are in no copy that leaves the evaluator for
// records and people; what runs and what the digest covers stay whole.
func TestFieldReportFR36(t *testing.T) {
	const line = `curl -H 'Authorization: Bearer CANARY1' -u bob:CANARY2 'https://x.example/a?access_key=CANARY3&p=1' --password=CANARY4`
	for _, s := range []shell{
		{allow: []string{"curl *"}},
		{deny: []string{"curl *"}},
		{ask: []string{"curl *"}, more: entitled},
		{ask: []string{"curl *"}},
		{},
	} {
		d := s.decide(t, line)
		if d.Outcome != policy.Deny && !strings.Contains(text(d.Effective), "CANARY1") {
			t.Errorf("FR36: %s: the command to run lost its text: %s", short(d), text(d.Effective))
		}
		d.Effective = parse(t, "{}")
		if found := leaks(d); found != nil {
			t.Errorf("FR36: %s: a secret of the command is in %s", short(d), text(undigested(d)))
		}
		recorded := text(d.Recorded.Parameters)
		for _, want := range []string{"curl", "x.example", "p=1"} {
			if !strings.Contains(recorded, want) {
				t.Errorf("FR36: %s: recorded parameters = %s, want %q in it", short(d), recorded, want)
			}
		}
	}
}
