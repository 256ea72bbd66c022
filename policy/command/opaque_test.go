package command

import (
	"strings"
	"testing"
)

// Policy-pack 9.3 to 9.5: what is not known before it runs makes a line
// opaque, and the reason names the construct and its column.
func TestOpaqueLines(t *testing.T) {
	for _, c := range []struct {
		rule, text, construct string
		column                int
	}{
		{"9.3 does not parse", "ls ;; rm x", notBash.name, 4},
		{"9.3 an open quote", "echo 'x", notBash.name, 6},
		{"9.3 an open here-document", "cat <<EOF\nx", notBash.name, 5},
		{"9.3 command substitution", "printf $(id)", substitution.name, 8},
		{"9.3 backquotes", "printf `id`", substitution.name, 8},
		{"9.3 substitution in double quotes", `echo "a $(id)"`, substitution.name, 6},
		{"9.3 process substitution", "cat <(id)", process.name, 5},
		{"9.3 output substitution", "tee >(sh)", process.name, 5},
		{"9.3 a variable", "git log $X", variable.name, 9},
		{"FR07 a variable in quotes", `echo "$PATH"`, variable.name, 6},
		{"9.3 a variable with a default", "ls ${X:-rm}", variable.name, 4},
		{"9.3 an indirect variable", "ls ${!X}", variable.name, 4},
		{"9.3 a positional parameter", "ls $1 $@", variable.name, 4},
		{"9.3 IFS as a blank", "rm$IFS-rf", variable.name, 1},
		{"9.3 the program is a variable", "$CMD x", variable.name, 1},
		{"9.3 arithmetic expansion", "echo $((1+1))", arithmetic.name, 6},
		{"9.3 old arithmetic expansion", "echo $[1+1]", arithmetic.name, 6},
		{"9.3 a brace list", "{rm,-rf,/tmp/x}", braces.name, 1},
		{"9.3 a brace list inside a word", "cp a.{b,c} d", braces.name, 4},
		{"9.3 a brace range", "rm f{1..3}", braces.name, 4},
		{"9.3 nested braces", "echo {a,{b,c}}", braces.name, 6},
		{"9.3 quotes inside braces", `curl -d {"a":1,"b":2} u`, braces.name, 9},
		{"9.3 unbalanced braces", "echo {a,{b,c}", braces.name, 6},
		{"9.3 tilde", "cat ~/x", tilde.name, 5},
		{"9.3 tilde of a user", "cat ~root/x", tilde.name, 5},
		{"9.3 tilde in what looks like an assignment", "make x=~/y", tilde.name, 6},
		{"9.3 tilde in an assignment", "A=/x:~/y ls", tilde.name, 1},
		{"9.3 ANSI-C quotes", `$'\x72\x6d' x`, ansiQuote.name, 1},
		{"9.3 ANSI-C quotes in a word", `r$'m' x`, ansiQuote.name, 1},
		{"9.3 a translated string", `$"rm" x`, ansiQuote.name, 1},
		{"9.3 a glob in the program", "/bin/r? x", programGlob.name, 1},
		{"9.3 a star in the program", "/b*n/rm x", programGlob.name, 1},
		{"9.3 a class in the program", "/bin/[r]m x", programGlob.name, 1},
		{"9.3 a glob in the program behind a wrapper", "sudo /bin/r? x", programGlob.name, 6},
		{"9.3 an extended glob", "ls @(a|b)", extendedGlob.name, 4},
		{"9.3 a function", "ls() { rm x; }; ls", function.name, 1},
		{"9.3 a function with the keyword", "function ls { rm x; }", function.name, 1},
		{"9.3 eval", "eval ls", "the built-in eval", 1},
		{"9.3 source", "source ./x", "the built-in source", 1},
		{"9.3 dot", ". ./x", "the built-in .", 1},
		{"9.3 trap", "trap 'rm x' EXIT", "the built-in trap", 1},
		{"9.3 alias", "alias ls=rm", "the built-in alias", 1},
		{"9.3 builtin", "builtin eval ls", "the built-in builtin", 1},
		{"9.3 eval behind a wrapper", "command eval ls", "the built-in eval", 9},
		{"9.3 a quoted eval", "'eval' ls", "the built-in eval", 1},
		{"9.3 enable a library", "enable -f ./x.so y", "the built-in enable", 1},
		{"9.3 sudo with options", "sudo -u root rm x", wrapperOption.name, 6},
		{"9.3 env with options", "env -i rm x", wrapperOption.name, 5},
		{"9.3 env -S", "env -S 'rm x'", wrapperOption.name, 5},
		{"9.3 two dashes", "sudo -- rm x", wrapperOption.name, 6},
		{"9.3 command -v", "command -v ls", wrapperOption.name, 9},
		{"9.3 exec -a", "exec -a x rm y", wrapperOption.name, 6},
		{"9.3 time -p", "time -p rm x", wrapperOption.name, 1},
		{"9.3 time with two dashes", "time -- rm x", wrapperOption.name, 6},
		{"9.3 wrappers without end", "sudo sudo sudo sudo sudo sudo rm x", manyWrappers.name, 31},
		{"9.3 a shell reads a pipe", "curl u | sh", shellInput.name, 10},
		{"9.3 a shell reads a file", "bash x.sh", shellInput.name, 6},
		{"9.3 a shell alone", "zsh", shellInput.name, 1},
		{"9.3 a shell behind a wrapper", "sudo bash", shellInput.name, 6},
		{"9.3 a shell told to read", "bash -s", shellInput.name, 6},
		{"9.3 a shell fed by a redirection", "bash < x.sh", shellInput.name, 1},
		{"9.3 a shell fed by a here-document", "sh <<'E'\nrm x\nE", shellInput.name, 1},
		{"9.5 options before -c", "bash -e -c 'ls'", shellOption.name, 6},
		{"9.5 options behind -c", "bash -c -e 'rm x'", shellOption.name, 6},
		{"9.5 a long option before -c", "bash --norc -c 'ls'", shellOption.name, 6},
		{"9.5 -o in the cluster", "bash -oc pipefail 'rm x'", shellOption.name, 6},
		{"9.5 an interactive shell", "bash -ic 'ls'", shellOption.name, 6},
		{"9.3 a here-document with a variable", "cat <<EOF\n$X\nEOF", heredoc.name, 5},
		{"9.3 a here-document with a substitution", "cat <<EOF\n$(rm x)\nEOF", heredoc.name, 5},
		{"9.3 a here-string with a variable", "cat <<<$X", variable.name, 8},
		{"9.3 a redirection with a variable", "ls > $X", variable.name, 6},
		{"9.3 a descriptor that is computed", "exec {a[$(rm x)]}>y", substitution.name, 6},
		{"9.3 a word behind a closed descriptor", ">&-rm x", descriptor.name, 1},
		{"9.3 a continuation behind a comment", "ls # \\\nrm x", continuation.name, 6},
		{"9.3 a continuation behind a dollar", "rm $\\\n@", continuation.name, 5},
		{"9.3 a continuation inside an operator", "ls &\\\n& rm x", notBash.name, 7},
		{"9.3 a continuation in front of a comment", "ls \\\n#x", continuation.name, 4},
		{"9.3 a continuation in a here-document", "cat <<E\n \\\nx\nE\nrm x", continuation.name, 10},
		{"9.3 a continuation behind a backslash", "ls \\\\\\\nx", continuation.name, 6},
		{"9.3 a backslash at the end", "ls; rm\\", continuation.name, 7},
		{"9.3 a backslash at the end of sh -c", `sh -c 'rm x\'`, continuation.name, 7},
		{"9.3 a comment behind a bracket", "A=(1 2)#; rm x\nls", notBash.name, 8},
		{"9.3 a here-document that ends early for the parser", "cat <<%\n$%\n'\n%\nrm x\n: '", heredoc.name, 5},
		{"9.3 the same with tabs", "cat <<-E\n\t $\tE\n'\nE\nrm x\n: '", heredoc.name, 5},
		{"9.3 a here-document with an odd delimiter", "cat <<'a b'\nx\na b\nrm x", heredoc.name, 5},
		{"9.3 a program the parser takes for an assignment", "@a=[ rm x", oddProgram.name, 1},
		{"9.3 inside sh -c", "ls; sh -c 'git log $X'", variable.name, 11},
		{"9.3 the first construct", "ls $(id) $X", substitution.name, 4},
		{"9.5 an assignment that expands", "A=$(id) git status", substitution.name, 3},
		{"9.5 an assignment alone that expands", "A=$(rm x)", substitution.name, 3},
		{"9.5 a for list that expands", "for f in $X; do ls; done", variable.name, 10},
		{"9.5 a C-style for", "for ((i=0;i<3;i++)); do ls; done", arithmetic.name, 5},
		{"9.5 a case that expands", "case $X in a) ls;; esac", variable.name, 6},
		{"9.5 a test that expands", "[[ -n $X ]]", variable.name, 7},
		{"9.5 bracket that expands", "[ -n $X ]", variable.name, 6},
		{"9.5 a test that evaluates a name", "[[ a -eq 1 ]]", arithmetic.name, 4},
		{"9.5 a test that evaluates a subscript", "[[ -v 'a[$(rm x)]' ]]", subscript.name, 7},
		{"9.5 arithmetic with a name", "x='a[$(rm x)]'; (( x ))", arithmetic.name, 17},
		{"9.5 arithmetic with a subscript", "(( a[0] ))", arithmetic.name, 1},
		{"9.5 let with a name", "let i++", arithmetic.name, 5},
		{"9.5 let with a subscript", "let 'a[$(rm x)]=1'", arithmetic.name, 5},
		{"9.5 let behind a wrapper", "command let 'a[$(rm x)]=1'", arithmetic.name, 13},
		{"9.5 export that expands", "export A=$(id)", substitution.name, 10},
		{"9.5 declare -i", "declare -i x=y", attribute.name, 9},
		{"9.5 declare -n", "typeset -n x='a[$(rm x)]'", attribute.name, 9},
		{"9.5 declare an array from text", "declare -a 'x=($(rm x))'", subscript.name, 12},
		{"9.3 printf -v with a subscript", "printf -v 'a[$(rm x)]' y", subscript.name, 11},
		{"9.3 read with a subscript", "read 'a[$(rm x)]'", subscript.name, 6},
		{"9.3 unset with a subscript", "unset 'a[$(rm x)]'", subscript.name, 7},
		{"9.3 an assigned subscript", "a[$(rm x)]=1; ls", subscript.name, 1},
		{"9.3 the prompt of set -x", "PS4='$(rm x)'; set -x; ls", evaluated.name, 1},
		{"9.3 a start file", "env BASH_ENV=x sh -c 'ls'", evaluated.name, 5},
		{"9.3 an exported function", "env 'BASH_FUNC_ls%%=() { rm x; }' bash -c ls", evaluated.name, 5},
		{"9.3 git configuration in variables", "GIT_CONFIG_COUNT=1 git status", evaluated.name, 1},
		{"9.3 a co-process", "coproc rm x", coprocess.name, 1},
		{"9.3 a program like an option", "'-x' y", oddProgram.name, 1},
		{"9.3 a program like an assignment", "'A=1' x", oddProgram.name, 1},
		{"9.3 zsh finds =rm", "zsh -c '=rm x'", oddProgram.name, 8},
		{"9.3 zsh precommands", "zsh -c 'noglob rm x'", runsArguments.name, 8},
		{"9.3 xargs", "ls | xargs rm", runsArguments.name, 6},
		{"9.3 parallel", "parallel rm ::: x", runsArguments.name, 1},
		{"9.3 timeout", "timeout 5 rm x", runsArguments.name, 1},
		{"9.3 nice", "nice rm x", runsArguments.name, 1},
		{"9.3 ssh", "ssh h rm x", runsArguments.name, 1},
		{"9.3 su", "su -c 'rm x'", runsArguments.name, 1},
		{"9.3 watch behind a wrapper", "sudo watch rm x", runsArguments.name, 6},
		{"9.3 another case", "XARGS rm", runsArguments.name, 1},
		{"9.3 a directory", "/usr/bin/xargs rm", runsArguments.name, 1},
		{"9.3 busybox", "busybox rm x", runsArguments.name, 1},
		{"9.3 awk", "awk '{print}' x", runsArguments.name, 1},
		{"9.3 an editor", "vim -c ':!rm x'", runsArguments.name, 1},
		{"9.3 npx", "npx rimraf x", runsArguments.name, 1},
		{"9.3 cmd", "cmd /c dir", runsArguments.name, 1},
		{"9.3 cmd.exe", "cmd.exe /c dir", runsArguments.name, 1},
		{"9.3 find -exec", `find . -name x -exec rm {} \;`, runsOption.name, 16},
		{"9.3 find -execdir", "find . -execdir id ';'", runsOption.name, 8},
		{"9.3 find -ok", "find . -ok rm {} +", runsOption.name, 8},
		{"9.3 git -c", "git -c core.pager=x log", runsOption.name, 5},
		{"9.3 git --config-env", "git --config-env=core.pager=X log", runsOption.name, 5},
		{"9.3 git --exec-path", "git --exec-path=. x", runsOption.name, 5},
		{"9.3 git -c behind others", "git -C /x -c alias.y=push y", runsOption.name, 11},
		{"9.3 git rebase --exec", "git rebase --exec 'rm x' HEAD", runsOption.name, 12},
		{"9.3 git bisect run", "git bisect run rm x", runsArguments.name, 5},
		{"9.3 git submodule foreach", "git submodule --quiet foreach rm x", runsArguments.name, 5},
		{"9.3 git clone with configuration", "git clone -c core.sshCommand=x u", runsOption.name, 11},
		{"9.3 git alias", "git config alias.p push", runsOption.name, 12},
		{"9.3 tar --to-command=", "tar -xf a.tar --to-command=x", runsOption.name, 15},
		{"9.3 tar --to-command", "tar -xf a.tar --to-command x", runsOption.name, 15},
		{"9.3 tar checkpoint", "tar -cf a.tar --checkpoint=1 --checkpoint-action=exec=./x d", runsOption.name, 30},
		{"9.3 tar -I in a cluster", "tar -xIf ./x a.tar", runsOption.name, 5},
		{"9.3 tar without a dash", "tar xIf ./x a.tar", runsOption.name, 5},
		{"9.3 sort --compress-program", "sort --compress-program=sh -S 1b d.txt", runsOption.name, 6},
		{"9.3 an abbreviated option", "sort --compress-prog sh d.txt", runsOption.name, 6},
		{"9.3 rg --pre", "rg --pre=./x TOKEN src", runsOption.name, 4},
		{"9.3 man -P", "man -P ./x ls", runsOption.name, 5},
		{"9.3 man -P attached", "man -P./x ls", runsOption.name, 5},
		{"9.3 less +!", "less '+!rm x' f", runsOption.name, 6},
		{"9.3 rsync -e", "rsync -ave ./x a b", runsOption.name, 7},
		{"9.3 zip -TT", "zip a.zip x -T -TT 'rm x'", runsOption.name, 16},
		{"9.3 psql and the shell", `psql -c '\! rm x'`, runsOption.name, 9},
		{"9.3 psql and a program", "psql -c 'COPY t TO PROGRAM $$rm x$$'", runsOption.name, 9},
		{"9.3 hash -p", "hash -p /bin/rm ls; ls x", runsOption.name, 6},
		{"9.3 jobs -x", "jobs -x rm x", runsOption.name, 6},
		{"9.3 mapfile -C", "mapfile -C 'rm x' -c 1", runsOption.name, 9},
		{"9.3 npm exec", "npm exec -- rimraf x", runsArguments.name, 5},
		{"9.3 npm exec behind options", "npm --prefix x exec rimraf", runsArguments.name, 16},
		{"9.3 sed with e", "sed '1e id' f", runsScript.name, 5},
		{"9.3 sed with the flag e", "sed 's/a/b/e' f", runsScript.name, 5},
		{"9.3 sed with the flag e among others", "sed 's,a,b,gIe' f", runsScript.name, 5},
		{"9.3 sed with e behind a command", "sed -n 'p;e id' f", runsScript.name, 8},
		{"9.3 sed with e behind a label", "sed ':a;e id' f", runsScript.name, 5},
		{"9.3 sed with e in an option", "sed p f -e '1e id'", runsScript.name, 12},
		{"9.3 sed with e in a long option", "sed --expr='1e id' f", runsScript.name, 5},
		{"9.3 sed with e behind an address", `sed '/a\/b/,$!e id' f`, runsScript.name, 5},
		{"9.3 sed with a script file", "sed -f x f", runsScript.name, 5},
		{"9.3 sed read differently by versions", "sed 's/[/]/e/e' f", runsScript.name, 5},
		{"9.3 python -c", "python -c x", inlineCode.name, 8},
		{"9.3 python -", "python3 -", inlineCode.name, 9},
		{"9.3 python with a version", "python3.11 -c x", inlineCode.name, 12},
		{"9.3 python -m", "python -m x", inlineCode.name, 8},
		{"9.3 python with bundled options", "python -Ic x", inlineCode.name, 8},
		{"9.3 node reads a pipe", "curl u | node", inlineCode.name, 10},
		{"9.3 node -e", "node -e x", inlineCode.name, 6},
		{"9.3 node --require", "node -r ./x y.js", inlineCode.name, 6},
		{"9.3 perl -ne", "perl -ne x f", inlineCode.name, 6},
		{"9.3 ruby -e", "ruby -e x", inlineCode.name, 6},
		{"9.3 php -r", "php -r x", inlineCode.name, 5},
		{"9.3 pwsh encoded", "pwsh -EncodedCommand x", inlineCode.name, 6},
		{"9.3 powershell with a command", "powershell Remove-Item x", inlineCode.name, 12},
		{"9.3 powershell alone", "powershell", inlineCode.name, 1},
		{"9.4 a shell in a container", "docker run -it alpine sh", shellInput.name, 23},
		{"9.4 a script in a container", "docker run alpine bash x.sh", shellInput.name, 24},
		{"9.4 xargs in a container", "docker exec c1 xargs id", runsArguments.name, 16},
		{"9.4 an unknown option of a carrier", "docker exec --new x c1 ls", unknownOption.name, 13},
		{"9.4 a script from a file", "az vm run-command invoke --scripts @x.sh", shellInput.name, 36},
		{"9.4 a script for another shell", "az vm run-command invoke --command-id RunPowerShellScript --scripts ls", otherShell.name, 39},
	} {
		construct, column, advice, ok := parse(t, c.text).Opaque()
		if !ok || construct != c.construct || column != c.column || advice == "" {
			t.Errorf("%s: Parse(%q).Opaque() = %q, %d, %q, want %q, %d", c.rule, c.text, construct, column, advice, c.construct, c.column)
		}
	}
}

// The same programs without what makes them run another one.
func TestUnderstoodLines(t *testing.T) {
	for _, text := range []string{
		"find . -name x -delete", "git commit -c HEAD", "git -C /x log", "git --exec-path", "git stash@{0}", "git diff HEAD~2",
		"git rebase main", "git clone u", "git push -u origin main", "tar -czf a.tgz d", "tar xf a.tar", "tar -cf a --checkpoint=1 d",
		"sort -u d.txt", "rg TOKEN src", "rg --pretty x", "man ls", "less f", "rsync -av a b", "wget -qO- u", "sed -n 1p f",
		"sed -i.bak 's/a/b/g' f", `sed ':a;N;$!ba;s/\n/ /g' f`, "sed '/e/d;s/e/e/g' f", "sed -e p -e '1,3d' f", "sed '$a e text' f",
		"python x.py -c", "python3 -u x.py", "node x.js", "perl -w x.pl", "python --version", "bash --version", "pwsh x.ps1",
		"powershell -NoProfile -File x.ps1", "docker ps --format {{.ID}}", "docker run alpine", "kubectl exec p -- ls",
		"kubectl exec p -- env nohup ls", "kubectl exec p -- python x.py", "docker run alpine ls -la", "docker compose exec web ls",
		"psql -c 'select a || b'", "hash ls", "echo {a}", "echo {}", "echo a~b", "scp f host:~/x", "PATH=/x git log", "A=1 ls",
		"GIT_PAGER=cat git log", "xargs.py", "npm run build", "ls 'a\\\nb # c\\\nd'", "cat <<'E'\n# x \\\ny\nE", "az vm run-command list", "ls &> /dev/null", "exec {fd}>x",
	} {
		understood(t, text)
	}
}

// Policy-pack 9.6: what is told of an opaque line holds nothing of its text.
func TestOpaqueReasonsHoldNothingOfTheLine(t *testing.T) {
	for _, text := range []string{"hunter2 $(hunter2)", "'hunter2", "hunter2=1; (( hunter2 ))", "python -c hunter2", "sudo -u hunter2 ls"} {
		l := parse(t, text)
		if _, _, _, ok := l.Opaque(); !ok || strings.Contains(l.Explain(), "hunter2") {
			t.Errorf("Parse(%q).Explain() = %q, want a reason without the text", text, l.Explain())
		}
	}
	if got, want := parse(t, "git log -n 1 $X").Explain(), "a variable at column 14: write the literal"; got != want {
		t.Errorf("Explain = %q, want %q", got, want)
	}
}

// What is too long, too deep or too much is opaque, and does not take long.
func TestBounds(t *testing.T) {
	for _, c := range []struct{ rule, text, construct string }{
		{"text", "echo " + strings.Repeat("a", maxText), tooLong.name},
		{"brackets", strings.Repeat("(", maxBrackets+1) + "ls" + strings.Repeat(")", maxBrackets+1), tooDeep.name},
		{"substitutions", strings.Repeat("$(", 10000), tooDeep.name},
		{"carriers", strings.Repeat("docker exec c ", maxTurns+2) + "rm x", tooDeep.name},
		{"commands", strings.Repeat("ls;", maxCommands+1), tooMany.name},
		{"keywords", strings.Repeat("if ", 10000), notBash.name},
		{"times", strings.Repeat("time ", maxWrappers+1) + "ls", manyWrappers.name},
	} {
		if construct, _, _, _ := parse(t, c.text).Opaque(); construct != c.construct {
			t.Errorf("%s: Opaque() = %q, want %q", c.rule, construct, c.construct)
		}
	}
}
