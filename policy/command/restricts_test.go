package command

import "testing"

func compile(t *testing.T, pattern string) Pattern {
	t.Helper()
	p, err := CompilePattern(pattern)
	if err != nil {
		t.Fatalf("CompilePattern(%q) = %v", pattern, err)
	}
	return p
}

// Policy-pack 9.2: deny and ask match any form of any simple command.
func TestRestricts(t *testing.T) {
	for _, c := range []struct {
		rule, pattern, text string
		want                bool
	}{
		{"as written", "rm *", "rm -rf /tmp/x", true},
		{"another program", "rm *", "ls rm x", false},
		{"the whole name", "rm *", "rmdir x", false},
		{"9.1 ends in a blank and a star", "az * delete *", "az group delete", true},
		{"9.1 a star wants what is between", "az * delete *", "az delete x", false},
		{"9.1 exact", "who", "who", true},
		{"9.1 exact with arguments", "who", "who x", false},
		{"9.1 star in a word", "kubectl get p*", "kubectl get pods -o yaml", true},
		{"9.1 everything", "*", "ls", true},
		{"any simple command", "rm *", "ls; if id; then who | rm x; fi", true},
		{"opaque", "kubectl *", "echo $X", true},
		{"opaque inside sh -c", "kubectl *", "sh -c 'echo $X'", true},
		{"the wrapper with what it runs", "sudo *", "sudo systemctl status nginx", true},
		{"what remains without the wrapper", "systemctl *", "sudo systemctl status nginx", true},
		{"the inner of two wrappers", "sudo *", "env sudo id", true},
		{"the outer of two wrappers", "sudo rm *", "sudo env rm x", true},
		{"a wrapper with a directory", "sudo *", "/usr/bin/sudo id", true},
		{"a wrapper with what it runs from a directory", "sudo rm *", "/usr/bin/sudo /bin/rm x", true},
		{"a wrapper with assignments", "sudo rm *", "sudo A=1 rm x", true},
		{"assignments as written", "env A=1 rm *", "env A=1 rm x", true},
		{"behind assignments", "git push *", "GIT_SSH_COMMAND=./x git push", true},
		{"a wrapper alone", "sudo *", "sudo", true},
		{"time the keyword", "time *", "time { ls; }", true},
		{"a deny of the shell", "sh -c *", "sh -c 'id'", true},
		{"a deny of the shell with a directory", "sh -c *", "/bin/sh -c 'id'", true},
		{"another shell", "sh -c *", "bash -c 'id'", false},
		{"inside the shell", "sudo *", "bash -c 'sudo id'", true},
		{"inside a shell behind a wrapper", "rm *", `sudo /bin/bash -c "ls; rm x"`, true},
		{"inside two shells", "rm *", `sh -c "bash -ec 'rm x'"`, true},
		{"without the directory", "rm *", "/usr/bin/rm x", true},
		{"relative directory", "rm *", "../rm x", true},
		{"a directory in the pattern", "/usr/bin/az *", "/usr/bin/az vm list", true},
		{"another directory in the pattern", "/usr/bin/az *", "az vm list", false},
		{"without .exe", "git push *", "git.exe push", true},
		{"without .CMD", "git push *", "/x/git.CMD push", true},
		{"a Windows directory", "git push *", `'C:\Git\git.exe' push`, true},
		{"no other ending", "git push *", "git.sh push", false},
		{"case of the program", "git push *", "GIT push origin", true},
		{"case of an argument", "git push *", "git PUSH origin", true},
		{"case of the pattern", "psql * DROP TABLE *", "psql -c 'drop table users'", true},
		{"inside quotes", "psql * DROP TABLE *", `psql -c "DROP TABLE users"`, true},
		{"not only in quotes", "psql * DROP TABLE *", "psql -c 'select 1'", false},
		{"the program is another", "psql * DROP TABLE *", `echo "psql -c 'drop table x'"`, false},
		{"quotes in the pattern", "mail 'to all' *", `mail "to all" now`, true},
		{"double quotes in the pattern", `mail "to all" *`, "mail 'to all' now", true},
		{"quotes in the pattern want one word", "mail 'to all' *", "mail to all now", false},
		{"blanks in the pattern", " rm   -rf  * ", "rm -rf x", true},
		{"a word with a blank looks like two", "rm *", "'rm x'", true},
		{"a quoted semicolon is text", "rm *", "printf 'x; rm y'", false},
		{"9.4 moved", "git push *", "git -C /srv/app push origin main", true},
		{"9.4 moved, attached", "git push *", "git --git-dir=/srv/app/.git push", true},
		{"9.4 moved, a flag", "az vm delete *", "az --debug vm delete --ids x", true},
		{"9.4 moved, two", "kubectl delete *", "kubectl -n pay --context prod delete ns pay", true},
		{"9.4 moved, a letter with its value", "kubectl delete *", "kubectl -npay delete ns pay", true},
		{"9.4 moved behind a wrapper", "git push *", "sudo git -C /x push", true},
		{"9.4 moved behind a wrapper that is named", "sudo git push *", "sudo git -C /x push", true},
		{"9.4 moved with a directory", "git push *", "/usr/bin/git -C /x push", true},
		{"9.4 to the end", "kubectl delete ns pay --context prod", "kubectl --context prod delete ns pay", true},
		{"9.4 where it stands", "az --debug vm *", "az --debug vm stop", true},
		{"9.4 not into the middle", "az vm --debug start", "az --debug vm start", false},
		{"9.4 an option behind the sub-command stays", "kubectl delete *", "kubectl get pods --context delete", false},
		{"9.4 a value is no sub-command", "kubectl delete *", "kubectl -n delete get pods", false},
		{"9.4 an unknown option takes a value", "kubectl delete *", "kubectl --new x delete ns pay", true},
		{"9.4 an unknown option takes none", "kubectl delete *", "kubectl --new delete ns pay", true},
		{"9.4 docker", "docker rm *", "docker -H tcp://h --context x rm c", true},
		{"9.4 gh", "gh repo delete *", "gh -R o/r repo delete", true},
		{"9.4 helm", "helm uninstall *", "helm --kube-context x -n y uninstall z", true},
		{"9.4 terraform", "terraform destroy *", "terraform -chdir=x destroy", true},
		{"9.4 aws", "aws s3 rm *", "aws --profile p --region r s3 rm x", true},
		{"9.4 gcloud", "gcloud compute instances delete *", "gcloud --project p compute instances delete i", true},
		{"9.4 npm", "npm publish *", "npm --registry r publish", true},
		{"between group and verb", "gcloud compute instances delete *", "gcloud compute --project=p instances delete i", true},
		{"between group and verb, cobra", "kubectl rollout restart *", "kubectl rollout --context x restart deploy/y", true},
		{"other programs of the kind", "systemctl stop *", "systemctl --user stop x", true},
		{"9.4 in a container", "git push *", "docker run --rm -v /a:/b -it alpine git push", true},
		{"9.4 in a container, forced program", "rm *", "docker run --entrypoint /bin/rm alpine x", true},
		{"9.4 in a container, attached", "rm *", "docker run --entrypoint=rm alpine x", true},
		{"9.4 in a container with sudo", "sudo *", "docker exec -u root c1 sudo id", true},
		{"9.4 in a service", "rm *", "docker compose -f a.yml exec -T web rm x", true},
		{"9.4 by another tool", "rm *", "podman run alpine rm x", true},
		{"9.4 in a pod", "git push *", "kubectl exec -it p -c c -- git -C /x push", true},
		{"9.4 in a pod, old form", "rm *", "kubectl exec p rm x", true},
		{"9.4 in a pod behind global options", "rm *", "kubectl -n x exec p -- rm y", true},
		{"9.4 in a shell in a pod", "git push *", "kubectl exec p -- sh -c 'git push'", true},
		{"9.4 the shell in a pod", "sh -c *", "kubectl exec p -- sh -c 'git push'", true},
		{"9.4 in a new pod", "rm *", "kubectl run p --image=i --command -- rm x", true},
		{"9.4 on a machine", "rm *", "az vm run-command invoke -g r -n v --command-id RunShellScript --scripts ls 'rm -rf /'", true},
		{"9.4 on a machine, attached", "rm *", "az vm run-command invoke --scripts='rm -rf /'", true},
		{"9.4 on a cluster", "kubectl delete *", "az aks command invoke -n c -g r --command 'kubectl delete ns y'", true},
		{"9.4 the carrier itself", "docker run *", "docker run alpine git push", true},
		{"9.4 nothing is carried", "rm *", "docker rm x", false},
		{"a variable that holds a command", "rm *", "GIT_SSH_COMMAND='rm x' git fetch", true},
		{"a variable that holds a command, in env", "rm *", "env PAGER='rm x' man ls", true},
		{"a glob that could be the verb", "git push *", "git p?sh origin", true},
		{"a glob that could be the verb at the end", "git push *", "git *", true},
		{"a class that could be the verb", "git push *", "git pus[h]", true},
		{"a glob that could not", "git push *", "git add *.txt", false},
		{"a glob is one word", "psql * drop table *", "psql -f *", false},
		{"a quoted glob is none", "git push *", "git 'p?sh' origin", false},
	} {
		if got := compile(t, c.pattern).Restricts(parse(t, c.text)); got != c.want {
			t.Errorf("%s: %q.Restricts(%q) = %v, want %v", c.rule, c.pattern, c.text, got, c.want)
		}
	}
}

func TestCompilePatternRefuses(t *testing.T) {
	for _, pattern := range []string{"", "   ", "echo 'x", `echo "x`, "rm\u200b *", "rm \x01", "\xff"} {
		if p, err := CompilePattern(pattern); err == nil {
			t.Errorf("CompilePattern(%q) = %v, want an error", pattern, p)
		}
	}
}

// The zero Pattern is safe where somebody forgot to compile one: it permits
// nothing.
func TestZeroPattern(t *testing.T) {
	l := parse(t, "ls")
	if ok, _ := Permits(l, []Pattern{{}}); ok || (Pattern{}).Restricts(l) {
		t.Errorf("the zero Pattern permits %v, restricts %v, want neither", ok, (Pattern{}).Restricts(l))
	}
	if !(Pattern{}).Restricts(parse(t, "ls $X")) {
		t.Error("the zero Pattern does not restrict an opaque line")
	}
	if ok, _ := Permits(Line{}, []Pattern{compile(t, "*")}); ok {
		t.Error("the zero Line is permitted")
	}
}
