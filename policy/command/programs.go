package command

import "strings"

// What is known about programs. Every table fails closed in the same way: a
// line about whose program too little stands here may be denied without need;
// what is missing here is what a deny rule can miss. Sources: the manuals that
// each table names; GTFOBins (gtfobins.org, functions "shell" and "command")
// for programs that run others; and reports of rules that were walked past,
// among them anthropics/claude-code #92542 (wrappers), #88857 (global
// options), #39601 (nested shells), #36637 (chains), Kilo-Org/kilocode #11890
// (read-only programs), QwenLM/qwen-code #10197 (variables).

// wrappers run the words behind them (policy-pack 9.1).
var wrappers = set("sudo env nohup time command exec")

// assigningWrappers take NAME=value in front of the program: sudo(8), env(1).
var assigningWrappers = set("sudo env")

// shells whose -c string is read as bash (policy-pack 9.1).
var shells = set("sh bash dash ash ksh zsh")

// harmlessAlone only print, where they are the only argument of a shell or an
// interpreter.
var harmlessAlone = set("--version --help")

// aliases are other names of programs in these tables.
var aliases = map[string]string{
	"podman": "docker", "nerdctl": "docker", "oc": "kubectl", "k3s": "kubectl", "tofu": "terraform",
	"gsed": "sed", "gtar": "tar", "bsdtar": "tar", "gfind": "find", "gsort": "sort", "nodejs": "node",
	"npm-cli.js": "npm", "pnpm": "npm", "batcat": "bat", "fdfind": "fd", "mariadb": "mysql",
	"podman-compose": "docker-compose", "apt-get": "apt", "pypy": "python",
}

// evaluatingBuiltins run or redefine what follows: bash(1), "Shell Builtin
// Commands". The first six are those of policy-pack 9.3.
var evaluatingBuiltins = set("eval source . trap alias builtin enable bind complete compgen fc hist autoload zmodload zle")

// runners run what their arguments, their input or their files say: their
// manuals, and GTFOBins.
var runners = set(`
	xargs parallel timeout gtimeout nice ionice chrt taskset setsid stdbuf unbuffer script scriptreplay
	watch entr at batch flock setlock lckdo run-parts start-stop-daemon systemd-run systemd-inhibit
	caffeinate dbus-run-session dbus-launch xvfb-run aa-exec setarch linux32 linux64 i386 choom cpulimit
	prlimit softlimit numactl faketime catchsegv rlwrap socat setpriv capsh logsave multitime grc
	ssh autossh mosh rsh slogin sshpass sshuttle pdsh pssh dsh clush ansible salt
	su runuser doas sudoedit pkexec gksu gksudo kdesudo sg newgrp ksu run0 machinectl
	chroot unshare nsenter fakeroot fakechroot proot firejail bwrap torify torsocks proxychains proxychains4
	strace ltrace gdb lldb valgrind perf bpftrace rr expect dtach screen tmux tmate openvt
	awk gawk mawk nawk original-awk busybox toybox dc
	vi vim nvim view ex ed rvim vimdiff gvim emacs emacsclient nano pico joe
	fish csh tcsh rbash rzsh mksh posh yash elvish nu xonsh rc sash cmd wsl
	osascript open mshta rundll32 regsvr32 wscript cscript forfiles
	tclsh wish jshell irb pry ghci iex erl octave gnuplot scala groovy clisp guile julia
	noglob nocorrect repeat emulate sched npx bunx pnpx uvx pipx direnv nix-shell nix lxc incus chronic ifne tsp sem dotenv envdir
`)

// evaluatedVariables hold text that a shell or a program evaluates in ways
// that cannot be read here: bash(1), "Shell Variables"; git-config(1),
// "ENVIRONMENT"; less(1), "INPUT PREPROCESSOR"; tar(1).
var evaluatedVariables = set(`
	PS0 PS1 PS2 PS4 PROMPT_COMMAND BASH_ENV ENV ZDOTDIR BASH_CMDS BASH_ALIASES SHELLOPTS BASHOPTS
	GIT_CONFIG_PARAMETERS GIT_CONFIG_COUNT GIT_EXEC_PATH TAR_OPTIONS LESSOPEN LESSCLOSE
`)

var evaluatedPrefixes = []string{"BASH_FUNC_", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"}

// commandVariables hold a command that a program runs through the shell:
// git(1), man(1), systemctl(1), crontab(1), aws and gh environment pages.
var commandVariables = set(`
	PAGER MANPAGER GIT_PAGER GH_PAGER AWS_PAGER SYSTEMD_PAGER BAT_PAGER PSQL_PAGER DELTA_PAGER
	EDITOR VISUAL GIT_EDITOR GIT_SEQUENCE_EDITOR GH_EDITOR KUBE_EDITOR SUDO_EDITOR SYSTEMD_EDITOR FCEDIT
	GIT_SSH_COMMAND GIT_SSH GIT_PROXY_COMMAND GIT_EXTERNAL_DIFF GIT_ASKPASS SSH_ASKPASS SUDO_ASKPASS
	RSYNC_RSH CVS_RSH SVN_SSH BROWSER
`)

// grammars are the global options in front of a sub-command (policy-pack
// 9.4): git(1); az, "Global Parameters"; kubectl options; docker(1); gh;
// helm, "Options inherited from parent commands"; terraform, "Global
// options"; aws, "Command line options"; gcloud, "GLOBAL FLAGS"; npm config.
var grammars = map[string]options{
	"git": opts(`-p --paginate -P --no-pager --bare --no-replace-objects --no-lazy-fetch --no-optional-locks
		--no-advice --literal-pathspecs --glob-pathspecs --noglob-pathspecs --icase-pathspecs -v --version
		-h --help --html-path --man-path --info-path --exec-path`,
		"-C -c --git-dir --work-tree --namespace --super-prefix --config-env --attr-source --list-cmds"),
	"az": opts("--debug --verbose --only-show-errors -h --help -v --version",
		"-o --output --query --subscription --acquire-policy-token --change-reference"),
	"kubectl": between(opts(`--disable-compression --insecure-skip-tls-verify --match-server-version
		--warnings-as-errors --logtostderr --alsologtostderr --add-dir-header --skip-headers
		--skip-log-headers --one-output -h --help`,
		`--as --as-group --as-uid --as-user-extra --azure-container-registry-config --cache-dir
		--certificate-authority --client-certificate --client-key --cluster --context --kubeconfig --kuberc
		--log-flush-frequency -n --namespace --password --username --profile --profile-output
		--request-timeout -s --server --tls-server-name --token --user -v --v --vmodule --log-dir
		--log-file --log-file-max-size --log-backtrace-at --stderrthreshold`)),
	"docker": opts("-D --debug --tls --tlsverify -v --version --help",
		`--config -c --context -H --host -l --log-level --tlscacert --tlscert --tlskey --url --connection
		--identity --root --runroot --storage-driver --storage-opt -n --namespace -a --address`),
	"docker-compose": opts("--verbose --no-ansi --all-resources --compatibility --dry-run -v --version",
		`-f --file -p --project-name --profile --env-file --project-directory --ansi --progress
		--parallel -c --context -H --host --log-level`),
	"gh": between(opts("--help --version", "-R --repo --hostname")),
	"helm": between(opts("--debug --kube-insecure-skip-tls-verify -h --help",
		`--burst-limit --color --colour --content-cache --kube-apiserver --kube-as-group --kube-as-user
		--kube-ca-file --kube-context --kube-tls-server-name --kube-token --kubeconfig -n --namespace --qps
		--registry-config --repository-cache --repository-config`)),
	"terraform": opts("-help --help -version --version", "-chdir --chdir"),
	"aws": between(opts(`--debug --no-verify-ssl --no-paginate --no-sign-request --no-cli-pager
		--cli-auto-prompt --no-cli-auto-prompt --version`,
		`--endpoint-url --output --query --profile --region --ca-bundle --cli-read-timeout
		--cli-connect-timeout --cli-binary-format --color --v2-debug --cli-error-format`)),
	"gcloud": between(opts(`-q --quiet --log-http --no-log-http --user-output-enabled
		--no-user-output-enabled -h --help -v --version`,
		`--account --access-token-file --billing-project --configuration --flags-file --flatten --format
		--impersonate-service-account --project --trace-token --verbosity`)),
	"npm": between(opts(`-g --global -s --silent -q --quiet -d -dd -ddd -f --force -y --yes -l --long --json
		--offline --prefer-offline --workspaces --ignore-scripts --verbose --no-audit --no-fund -ws`,
		`-C --prefix --dir --registry --userconfig --globalconfig --cache --loglevel -w --workspace --tag
		--otp --scope --script-shell --node-options --filter`)),
	// Beyond the list of 9.4: the same evasion, read in systemctl(1), apt(8),
	// pip, yarn and cargo.
	"systemctl": opts(`--user --system --global --no-pager --no-block --no-wall --no-reload -q --quiet -f
		--force --now --runtime -a --all -l --full --no-ask-password --no-legend --plain`,
		`-H --host -M --machine -t --type -p --property -n --lines -o --output -s --signal --root --state
		--job-mode --kill-whom`),
	"apt": opts("-y --yes --assume-yes -q -qq --quiet -s --simulate -d -f -m -u -V --no-install-recommends --purge",
		"-c --config-file -o --option -t --target-release -a --host-architecture"),
	"pip": opts("-v --verbose -q --quiet --isolated --require-virtualenv --no-input --no-cache-dir",
		"--python --log --proxy --retries --timeout --cache-dir --cert --client-cert --trusted-host"),
	"yarn":  opts("--silent -s --json --offline --verbose", "--cwd --registry --cache-folder --modules-folder"),
	"cargo": opts("-v --verbose -q --quiet --offline --frozen --locked", "-C -Z --color --config --manifest-path"),
}

func between(o options) options {
	o.between = true
	return o
}

// carriers run a command elsewhere (policy-pack 9.4): kubectl exec, run and
// debug; docker run, exec and create; az vm run-command; az aks command.
var carriers = map[string][]carrier{
	"kubectl": {
		{sub: "exec", dashes: true, skip: 1, options: opts("-i --stdin -t --tty -q --quiet",
			"-c --container -f --filename --pod-running-timeout")},
		{sub: "run", dashes: true},
		{sub: "debug", dashes: true},
		{sub: "rsh", skip: 1, options: opts("-t --tty -T --no-tty", "-c --container --shell --timeout")},
	},
	"docker": {
		{sub: "exec", skip: 1, options: containerExec},
		{sub: "container exec", skip: 1, options: containerExec},
		{sub: "run", skip: 1, options: containerRun, entry: "--entrypoint"},
		{sub: "create", skip: 1, options: containerRun, entry: "--entrypoint"},
		{sub: "container run", skip: 1, options: containerRun, entry: "--entrypoint"},
		{sub: "container create", skip: 1, options: containerRun, entry: "--entrypoint"},
		{sub: "compose exec", skip: 1, options: composeRun},
		{sub: "compose run", skip: 1, options: composeRun, entry: "--entrypoint"},
	},
	"docker-compose": {
		{sub: "exec", skip: 1, options: composeRun},
		{sub: "run", skip: 1, options: composeRun, entry: "--entrypoint"},
	},
	"az": {
		{sub: "vm run-command invoke", scripts: []string{"--scripts"}},
		{sub: "vm run-command create", scripts: []string{"--script"}},
		{sub: "vm run-command update", scripts: []string{"--script"}},
		{sub: "vmss run-command invoke", scripts: []string{"--scripts"}},
		{sub: "vmss run-command create", scripts: []string{"--script"}},
		{sub: "vmss run-command update", scripts: []string{"--script"}},
		{sub: "aks command invoke", scripts: []string{"--command", "-c"}},
		{sub: "container exec", scripts: []string{"--exec-command"}},
		{sub: "container create", scripts: []string{"--command-line"}},
		{sub: "containerapp exec", scripts: []string{"--command"}},
	},
	"aws":    {{sub: "ecs execute-command", scripts: []string{"--command"}}},
	"gcloud": {{sub: "compute ssh", scripts: []string{"--command"}}},
}

var (
	containerExec = opts("-d --detach -i --interactive -t --tty --privileged",
		"-e --env --env-file -u --user -w --workdir --detach-keys --preserve-fds")
	// Of docker run only the options without a value are told: docker-run(1).
	containerRun = otherValues(opts(`-d --detach -i --interactive -t --tty --rm --init --privileged --read-only
		-P --publish-all --no-healthcheck --oom-kill-disable --sig-proxy --disable-content-trust -q --quiet
		--use-api-socket --help --replace --tls-verify --rmi --systemd`, ""))
	composeRun = opts(`-d --detach -i --interactive -t --tty -T --no-TTY --no-tty --privileged --rm --build
		--no-deps --quiet-pull --quiet-build -P --service-ports --use-aliases -q --quiet --remove-orphans
		--dry-run --compatibility --all-resources`,
		`-e --env --env-from-file --env-file -u --user -w --workdir --index -l --label --name -p --publish
		--pull -v --volume --entrypoint --cap-add --cap-drop -f --file --project-name --profile
		--project-directory --ansi --progress --parallel`)
)

func otherValues(o options) options {
	o.others = true
	return o
}

// otherScripts say that a script is not for a Unix shell.
var otherScripts = set("runpowershellscript")

// interpreters name the options that may stand in front of a script: python(1),
// node(1), ruby(1), perlrun(1), php(1), lua(1), Rscript(1).
var interpreters = map[string]options{
	"python":  alone(opts("-B -E -I -O -OO -P -q -R -s -S -u -b -bb -d", "-W -X"), "-V -VV -h"),
	"node":    alone(opts("--no-warnings --enable-source-maps --trace-warnings --preserve-symlinks", "--max-old-space-size"), "-v -h"),
	"ruby":    alone(opts("-w -W0 -W1 -W2", ""), "-h"),
	"perl":    alone(opts("-w -T -t -W -X", ""), "-v -V -h"),
	"php":     alone(opts("-q -n", ""), "-v -m -i -h"),
	"lua":     alone(opts("-W -E", ""), "-v"),
	"luajit":  alone(opts("", ""), "-v"),
	"rscript": opts("--vanilla --no-save --no-restore", ""),
	"deno":    alone(opts("", ""), "-V -h"),
	"bun":     alone(opts("", ""), "-v -h"),
	"r":       opts("--vanilla --no-save --no-restore --slave -q", ""),
}

func alone(o options, words string) options {
	o.alone = set(words)
	return o
}

// powershellOptions may stand in front of -File: about_PowerShell_exe and
// about_Pwsh.
var powershellOptions = opts("-noprofile -nop -nologo -noninteractive -noni -sta -mta -noexit",
	"-executionpolicy -ep -ex -version -v -windowstyle -w -outputformat -inputformat -workingdirectory -wd -configurationname")

// hazards are options and sub-commands by which other programs run one: their
// manuals, GTFOBins, and the reports named above.
var hazards = map[string][]hazard{
	"find": {{words: set("-exec -execdir -ok -okdir")}},
	"fd":   {{short: "xX", valued: "dteESjcC", long: names("exec exec-batch")}},
	"sort": {{valued: "koStT", long: names("compress-program")}},
	"rg":   {{long: names("pre hostname-bin"), harmless: set("p pretty pre-glob")}},
	"ag":   {{long: names("pager")}},
	"bat":  {{long: names("pager")}},
	"man":  {{short: "PH", valued: "CRLmMsSeEpr", long: names("pager html browser")}},
	"less": {{plus: true}}, "more": {{plus: true}}, "most": {{plus: true}},
	"tar": {{
		short: "IF", valued: "bCfgHKLNTVX", bundled: true,
		long:     names("to-command checkpoint-action use-compress-program rsh-command rmt-command info-script new-volume-script"),
		harmless: set("checkpoint to-stdout"),
	}},
	"cpio":  {{long: names("rsh-command")}},
	"split": {{long: names("filter")}},
	"zip":   {{words: set("-TT"), long: names("unzip-command")}},
	"rsync": {{short: "e", valued: "fMT@", long: names("rsh rsync-path")}},
	"scp":   {{short: "So", valued: "cFiJlPXD"}}, "sftp": {{short: "So", valued: "aBbcDFiJlPRX"}},
	"ssh-keygen": {{short: "D"}}, "ssh-agent": {{always: true}},
	"wget": {{short: "e", valued: "oaiBtOTwQPURDAX", long: names("execute use-askpass"), harmless: set("exclude-directories exclude-domains")}},
	"aria2c": {{long: names(`on-download-complete on-download-start on-download-error on-download-pause
		on-download-stop on-bt-download-complete`)}},
	"yt-dlp":  {{long: names("exec exec-before-download downloader external-downloader netrc-cmd")}},
	"tcpdump": {{short: "z", valued: "BcCEFGijMrsTVwWyZ", long: names("postrotate-command")}},
	"ip":      {{sub: "netns", always: true}, {sub: "vrf", always: true}},
	"nmap":    {{long: names("script")}},
	"make":    {{short: "E", valued: "CfIjloW", long: names("eval"), holds: parts("shell=")}},
	"go":      {{holds: parts("-exec", "-toolexec", "-vettool")}},
	"cargo":   {{leading: true, words: set("--config"), holds: parts("--config=")}, {holds: parts("runner=")}},
	"psql":    {{holds: parts(`\!`, `\g`, `\o`, `\w`, `\copy`, "copy*program")}},
	"mysql":   {{holds: parts(`\!`, "system "), long: names("pager")}},
	"sqlite3": {{holds: parts(".she", ".sy", "edit(", "load_extension")}},
	"dpkg":    {{long: names("pre-invoke post-invoke")}},
	"apt":     {{short: "oc", valued: "ta", long: names("option config-file")}},
	"yum":     {{long: names("setopt")}}, "dnf": {{long: names("setopt")}},
	"rpm":     {{short: "E", long: names("eval pipe define")}},
	"crontab": {{always: true}}, "hash": {{short: "p"}}, "jobs": {{short: "x"}},
	"mapfile": {{short: "C"}}, "readarray": {{short: "C"}},
	"systemctl": {{sub: "edit", always: true}},
	"git": {
		{leading: true, words: set("-c --config-env"), holds: parts("--config-env=", "--exec-path=")},
		{sub: "bisect run", always: true},
		{sub: "submodule foreach", always: true},
		{sub: "filter-branch", always: true},
		{sub: "for-each-repo", always: true},
		{sub: "rebase", short: "x", valued: "sXCmO", long: names("exec")},
		{sub: "difftool", short: "x", valued: "tO", long: names("extcmd")},
		{sub: "grep", short: "O", valued: "ABCefm", long: names("open-files-in-pager")},
		{sub: "clone", short: "cu", valued: "obj", long: names("config upload-pack"), harmless: set("c u")},
		{sub: "fetch", long: names("upload-pack"), harmless: set("u update-head-ok update-shallow unshallow")},
		{sub: "pull", long: names("upload-pack"), harmless: set("unshallow")},
		{sub: "ls-remote", long: names("upload-pack exec")},
		{sub: "fetch-pack", long: names("upload-pack exec")},
		{sub: "push", long: names("receive-pack exec")},
		{sub: "send-pack", long: names("receive-pack exec")},
		{sub: "archive", long: names("exec")},
		{sub: "remote-ext", always: true},
		{sub: "send-email", always: true},
		{sub: "config", holds: parts("alias.", "pager", "editor", "command", "hookspath",
			"fsmonitor", "textconv", "filter.", "helper", "program", "external", "driver", "askpass", "tool.", "include")},
		{holds: parts("ext::")},
	},
	"gh":        {{sub: "alias", always: true}, {sub: "extension", always: true}, {sub: "codespace ssh", always: true}},
	"helm":      {{long: names("post-renderer")}, {sub: "plugin", always: true}},
	"kubectl":   {{sub: "plugin", always: true}, {sub: "edit", always: true}},
	"az":        {{sub: "ssh", always: true}, {sub: "alias", always: true}},
	"aws":       {{sub: "ssm send-command", always: true}, {sub: "ssm start-session", always: true}},
	"gcloud":    {{sub: "compute start-iap-tunnel", always: true}, {sub: "compute tpus tpu-vm ssh", always: true}},
	"npm":       {{sub: "exec", always: true}, {sub: "x", always: true}, {sub: "explore", always: true}, {sub: "dlx", always: true}, {long: names("script-shell node-options")}},
	"yarn":      {{sub: "exec", always: true}, {sub: "dlx", always: true}},
	"deno":      {{sub: "eval", always: true}, {sub: "repl", always: true}, {sub: "task", always: true}},
	"bun":       {{sub: "x", always: true}, {sub: "repl", always: true}, {sub: "exec", always: true}},
	"uv":        {{sub: "run", always: true}, {sub: "tool", always: true}},
	"poetry":    {{sub: "run", always: true}, {sub: "shell", always: true}},
	"pipenv":    {{sub: "run", always: true}, {sub: "shell", always: true}},
	"bundle":    {{sub: "exec", always: true}, {sub: "console", always: true}},
	"conda":     {{sub: "run", always: true}},
	"vagrant":   {{sub: "ssh", always: true}},
	"multipass": {{sub: "exec", always: true}, {sub: "shell", always: true}},
	"flatpak":   {{sub: "run", always: true}}, "snap": {{sub: "run", always: true}},
	"crictl": {{sub: "exec", always: true}}, "ctr": {{sub: "run", always: true}, {sub: "task", always: true}},
	"limactl": {{sub: "shell", always: true}},
}

func names(words string) []string { return strings.Fields(words) }

// parts are globs for words that hold one of the texts; a * in one is any run.
func parts(holds ...string) []string {
	star := string(wild)
	for i, h := range holds {
		holds[i] = star + strings.ReplaceAll(h, "*", star) + star
	}
	return holds
}

// What names a secret (policy-pack 11.2): the manuals of curl, wget, az, aws,
// docker, mysql, psql, redis-cli, kubectl and gh, and the rule files of
// gitleaks and detect-secrets for the kinds of tokens in secrets.go.
var (
	// secretEndings end the name of an option, a variable or a key, its
	// separators dropped: access_key, clientSecret, SharedAccessSignature.
	secretEndings = names(`key token secret secrets password passwords passwd passphrase pwd credential credentials
		signature connectionstring connstr fromliteral secretstring secretid authdata`)
	// harmlessEndings are those of them that are none.
	harmlessEndings = names(`publickey partitionkey sortkey primarykey foreignkey hostkey routingkey hotkey
		monkey turkey nokey`)
	// secretWords are names, or last parts of names, by themselves.
	secretWords = set("sig sas auth pass pw pat jwt otp apikey authkey code_verifier assertion cookie sessionid")
	// secretHeaders carry a credential under a name that shows it to people.
	secretHeaders = set("authorization proxy-authorization cookie set-cookie x-amz-security-token x-ms-authorization-auxiliary private-token")
	userOptions   = set("user proxy-user http-user ftp-user userpwd login-user")
	// harmlessOptions are flags; harmlessWith have another meaning with one
	// program.
	harmlessOptions = set("ask-password no-password with-token show-token show-secret no-auth basic-auth netrc-auth")
	harmlessWith    = map[string]map[string]bool{"sort": set("key"), "aws": set("key"), "cosign": set("key")}
	// secretValues are options of commands about secrets: az keyvault secret
	// set --value, gh secret set --body.
	secretValues = set("value body")
	// secretLetters take a secret, in the next word or attached.
	secretLetters = map[string]map[string]bool{
		"sshpass": set("-p"), "redis-cli": set("-a"), "ldapsearch": set("-w"), "ldapmodify": set("-w"), "ldapadd": set("-w"),
		"sqlcmd": set("-P"), "bcp": set("-P"), "zip": set("-P"), "unzip": set("-P"), "mongo": set("-p"), "mongosh": set("-p"),
		"mongodump": set("-p"), "mongorestore": set("-p"), "smbclient": set("-U"),
	}
	// attachedLetters take a secret only where it is attached; alone they ask.
	attachedLetters = map[string]map[string]bool{
		"mysql": set("-p"), "mysqldump": set("-p"), "mysqladmin": set("-p"), "mysqlimport": set("-p"), "7z": set("-p"), "rar": set("-p"),
	}
)
