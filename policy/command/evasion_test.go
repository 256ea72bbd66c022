package command

import (
	"fmt"
	"strings"
	"testing"
)

// disguises are ways to run a command that does not look like itself, taken
// from reports of rules that were walked past: anthropics/claude-code #18613,
// #25270, #28784, #36637, #39601, #56816, #88857, #92542,
// MiniMax-AI/minimax-code #150, MoonshotAI/kimi-code #2756,
// NousResearch/hermes-agent #104308, QwenLM/qwen-code #10197. %s is the
// command, %q the command as one quoted word, %p its program, %a the rest and
// %c the rest with commas.
var disguises = []string{
	"%s", "  %s  ", "%s;", "%s &", "%s # comment", "\n%s\n", "! %s",
	"ls; %s", "ls && %s", "ls || %s", "ls | %s", "ls |& %s", "ls & %s", "ls\n%s", "%s; ls", "%s | tee x", "true&&%s",
	"(%s)", "{ %s; }", "( ( %s ) )", "if true; then %s; fi", "if %s; then ls; fi", "if false; then ls; else %s; fi",
	"while %s; do ls; done", "until %s; do ls; done", "for i in 1 2; do %s; done", "select i in 1; do %s; done",
	"case x in x) %s;; esac", "[[ -f x ]] && %s", "[ -f x ] || %s", "(( 1 )) && %s", "{ %s; } > /dev/null 2>&1",
	"%s > out", "%s < in", "%s <<'E'\ntext\nE", "> out %s", "2>/dev/null %s",
	"A=1 %s", "A=1 B=2 %s", "PATH=/x %s", "env %s", "env A=1 %s", "/usr/bin/env %s", "sudo %s", "sudo A=1 %s", "/usr/bin/sudo %s",
	"nohup %s", "nohup %s &", "time %s", "time { %s; }", "command %s", "exec %s", "sudo env nohup %s", "time sudo %s", "SUDO %s", "./sudo %s",
	"/bin/%s", "/usr/local/bin/%s", "./%s", "../../bin/%s", "sudo /usr/bin/%s", "env ./%s",
	`\%s`, `"%p" %a`, `'%p' %a`, `%p"" %a`, `''%p %a`, `%p\` + "\n %a", `"%p"\` + "\n %a", "%p.exe %a", "/c/bin/%p.CMD %a",
	"sh -c %q", "bash -c %q", "/bin/bash -c %q", "dash -c %q", "zsh -c %q", "ksh -ec %q", "sh -ce %q", "bash -lc %q", "ls; sh -c %q",
	"sudo sh -c %q", "env A=1 bash -c %q", "bash -c %q zero one", "sh -c \"sh -c '%s'\"", "nohup bash -c %q &", "time sh -c %q",
	"bash <<< %q", "echo %q | sh", "echo %q | bash -s", "sh <<'E'\n%s\nE", "bash -e -c %q", "bash -c -e %q", "bash --norc -c %q", "bash -ic %q",
	"eval %q", "eval %s", "trap %q EXIT", "alias ls=%q", "source <(echo %q)", ". /dev/stdin <<< %q", "builtin eval %q", "command eval %q",
	"$(echo %s)", "`%s`", "echo $(%s)", "echo `%s`", "echo \"$(%s)\"", "cat <(%s)", "ls > >(%s)", "A=$(%s)", "A=$(%s) ls", "ls ${X:-$(%s)}",
	"cat <<E\n$(%s)\nE", "[[ -n $(%s) ]]", "(( $(%s) ))", "X='%p'; $X %a", "${X:-%p} %a", "%p$IFS%a", "f() { %s; }; f", "function f { %s; }",
	"coproc %s", "ls $'\\x41'; %s", "$'%p' %a", "$\"%p\" %a", "{%p,%c}", "%p {%c,}",
	"sudo -u root %s", "sudo -n %s", "sudo -- %s", "env -i %s", "env -u A %s", "env -S %q", "command -p %s", "exec -a x %s", "time -p %s", "nohup -- %s",
	"xargs %s", "echo x | xargs -I{} %s", "find . -exec %s \\;", "find . -ok %s +", "timeout 5 %s", "timeout -s KILL 5 %s", "nice %s", "nice -n 5 %s",
	"ionice -c3 %s", "stdbuf -o0 %s", "setsid %s", "chroot /x %s", "unshare -r %s", "nsenter -t 1 %s", "strace %s", "ltrace -f %s", "watch %s", "watch -n 1 %q",
	"parallel %s ::: x", "flock x %s", "flock x -c %q", "script -c %q", "su -c %q", "su root -c %q", "doas %s", "runuser -u x -- %s", "pkexec %s",
	"systemd-run %s", "ssh h %s", "ssh h %q", "busybox %s", "busybox sh -c %q", "tmux new -d %q", "screen -dm %s", "expect -c %q", "gdb -ex %q x",
	"awk 'BEGIN { system(\"%s\") }'", "sed '1e %s' x", "python -c 'import os; os.system(\"%s\")'", "python3.12 -c x; %s", "perl -e 'exec \"%s\"'",
	"ruby -e 'exec \"%s\"'", "node -e 'x(\"%s\")'", "php -r 'system(\"%s\");'", "echo %q | python3", "lua -e %q", "pwsh -c %q", "powershell %q", "cmd /c %q",
	"vim -c ':!%s'", "man -P %q ls", "less '+!%s' x", "git -c core.pager=%q log", "git -c alias.x='!%s' x", "git rebase -x %q HEAD", "git bisect run %s",
	"git submodule foreach %q", "GIT_SSH_COMMAND=%q git fetch", "GIT_EXTERNAL_DIFF=%q git diff", "PAGER=%q man ls", "EDITOR=%q git commit",
	"GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.pager GIT_CONFIG_VALUE_0=%q git log", "PS4='$(%s)'; set -x; ls", "BASH_ENV=x bash -c ls; %s",
	"tar -cf x y --checkpoint=1 --checkpoint-action=exec=%q", "tar -xf x --to-command=%q", "tar -I %q -xf x", "sort --compress-program=%q x",
	"rsync -e %q a h:b", "zip x y -T -TT %q", "split --filter=%q x", "scp -S %q a h:b", "wget --use-askpass=%q u", "rg --pre=%q x", "ip netns exec n %s",
	"npx -c %q", "npm exec -- %s", "docker run alpine %s", "docker run --rm -it -v /a:/b alpine %s", "docker exec c %s", "docker exec -it -u root c %s",
	"docker compose exec web %s", "docker-compose run web %s", "podman run x %s", "docker --context x run x %s", "docker run x sh -c %q", "docker exec c sudo %s",
	"kubectl exec p -- %s", "kubectl exec -it p -c c -- %s", "kubectl -n x exec p -- sh -c %q", "kubectl run p --image=i -- %s", "kubectl debug p --image=i -- %s",
	"az vm run-command invoke -g r -n v --command-id RunShellScript --scripts %q", "az aks command invoke -n c --command %q",
	"x='a[$(%s)]'; (( x ))", "[[ 'a[$(%s)]' -eq 1 ]]", "printf -v 'a[$(%s)]' x", "read 'a[$(%s)]' <<< x", "declare -a 'x=($(%s))'", "let 'a[$(%s)]=1'",
	"exec {a[$(%s)]}>/dev/null", "mapfile -C %q -c 1 < x", "jobs -x %s", "hash -p /x/%p ls", "enable -f x y; %s", "zsh -c 'noglob %s'", "zsh -c '=%s'",
	"sudo sudo sudo sudo sudo sudo sudo %s", "echo 'open; %s", "%s )", "ls ;; %s",
}

// disguise writes a command in one of the ways.
func disguise(how, command string) string {
	program, rest, _ := strings.Cut(command, " ")
	return strings.NewReplacer("%s", command, "%q", quote(command), "%p", program, "%a", rest, "%c", strings.ReplaceAll(rest, " ", ",")).Replace(how)
}

// The metamorphic test of policy-pack 9: however a denied command is
// disguised, its deny matches, and an allow for everything else the disguise
// is made of does not permit it.
func TestDisguisedCommandsStayDenied(t *testing.T) {
	harmless := compileAll(t, strings.Split("ls *|true|tee *|cat *|echo *|[[ *|[ *|(( *|printf *|read *|set *|man *|find *|sed *|sort *|tar *"+
		"|docker *|az vm run-command *|kubectl exec *|kubectl run *|kubectl debug *|env ls *|sudo ls *|time|sh *|bash *|python *|git fetch *|git log *|git diff *|git commit *|npm *", "|"))
	for _, c := range []struct{ command, deny string }{
		{"rm x", "rm *"},
		{"rm -rf /tmp/x", "rm *"},
		{"git push origin main", "git push *"},
		{"git -C /srv push", "git push *"},
		{"az vm delete --ids x", "az * delete *"},
		{"az --debug vm delete -n x", "az vm delete *"},
		{"kubectl -n pay delete ns pay", "kubectl delete *"},
		{"terraform -chdir=x destroy", "terraform destroy *"},
	} {
		deny := compile(t, c.deny)
		for _, how := range disguises {
			text := disguise(how, c.command)
			l, err := Parse(text)
			if err != nil {
				t.Errorf("Parse(%q) = %v, want a line", text, err)
				continue
			}
			if !deny.Restricts(l) {
				t.Errorf("%q.Restricts(%q) = false, want true", c.deny, text)
			}
			if ok, used := Permits(l, harmless); ok {
				t.Errorf("Permits(%q) = true by %v, want false", text, used)
			}
		}
	}
}

// The same words where they are data do not make a line denied: otherwise the
// test above would hold of a package that denies everything.
func TestCommandsAsDataAreNotDenied(t *testing.T) {
	deny := compileAll(t, []string{"rm *", "git push *", "az * delete *"})
	for _, how := range []string{
		"echo %q", "printf %q", "grep -r %q .", "git log --grep %q", "git commit -m %q", "ls # %s", "cat <<'E'\n%s\nE",
		"curl -d %q https://x.example", "touch %q", "man %p", "which %p", "ls /usr/bin/%p", "psql -c %q", "[[ -n %q ]]",
	} {
		for _, command := range []string{"rm -rf /", "git push origin", "az vm delete x"} {
			text := disguise(how, command)
			for i, p := range deny {
				if p.Restricts(understood(t, text)) {
					t.Errorf("pattern %d restricts %q, want not", i, text)
				}
			}
		}
	}
}

// Every program that runs others, and every interpreter, is opaque with a
// command in its arguments, whatever its spelling.
func TestEveryRunnerIsOpaque(t *testing.T) {
	for _, table := range []map[string]bool{runners, evaluatingBuiltins} {
		for name := range table {
			for _, how := range []string{"%s rm x", "sudo %s rm x", "/usr/bin/%s rm x", "ls | %s", "sh -c '%s rm x'"} {
				text := fmt.Sprintf(how, name)
				if _, _, _, ok := parse(t, text).Opaque(); !ok {
					t.Errorf("Parse(%q) is understood, want opaque", text)
				}
			}
		}
	}
	for name := range interpreters {
		for _, how := range []string{"%s", "%s -", "%s -e x", "%s -c x", "ls | %s"} {
			text := fmt.Sprintf(how, name)
			if _, _, _, ok := parse(t, text).Opaque(); !ok {
				t.Errorf("Parse(%q) is understood, want opaque", text)
			}
		}
	}
}

// Every program of the table of grammars has a global option with a value and
// one without, and neither hides the sub-command.
func TestEveryGlobalOptionMoves(t *testing.T) {
	for name, o := range grammars {
		deny := compile(t, name+" verb *")
		for option := range o.values {
			for _, text := range []string{
				fmt.Sprintf("%s %s v verb x", name, option),
				fmt.Sprintf("sudo /usr/bin/%s %s v verb x", name, option),
				fmt.Sprintf("%s %s verb verb x", name, option),
			} {
				if !deny.Restricts(parse(t, text)) {
					t.Errorf("%s verb * does not restrict %q", name, text)
				}
			}
			if text := fmt.Sprintf("%s %s verb other x", name, option); deny.Restricts(parse(t, text)) {
				if _, _, _, opaque := parse(t, text).Opaque(); !opaque {
					t.Errorf("%s verb * restricts %q, whose verb is a value", name, text)
				}
			}
		}
		for option := range o.flags {
			if text := fmt.Sprintf("%s %s verb x", name, option); !deny.Restricts(parse(t, text)) {
				t.Errorf("%s verb * does not restrict %q", name, text)
			}
		}
	}
}
