package e2e

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Values under a mask of testdata/canary, secrets of commands, free text, and
// a value that may be seen: without it the search would prove nothing.
const (
	canaryIBAN    = "DE00CANARY0IBAN0000"
	canaryPIN     = "CANARYpin77"
	canaryCard    = "CANARY-card-4711"
	canaryDetail  = "CANARY-detail"
	canaryReason  = "CANARY free text"
	canaryCommand = "CANARYcommand42"
	seenMemo      = "SEEN-memo"
)

// hidden stand in no answer, no log line and no record.
var hidden = []string{canaryIBAN, canaryPIN, canaryCard, canaryDetail, canaryReason, canaryCommand}

// payment is a call with a canary under each mask; change replaces members.
func payment(change ...string) string {
	body := `{"agentId":"bot","userUPN":"ana@contoso.com","action":"Pay","resource":{"region":"EU"},"parameters":{"amount":10,` +
		`"iban":"` + canaryIBAN + `","pin":"` + canaryPIN + `","card":"` + canaryCard + `","memo":"` + seenMemo + `",` +
		`"details":{"lines":[{"secret":"` + canaryDetail + `","n":1}]}},"context":{"riskScore":40,"reason":"` + canaryReason + `","note":"` + canaryReason + `"}}`
	return strings.NewReplacer(change...).Replace(body)
}

// T50, T56: a masked value, a secret in a command and free text are never in
// the log, in a record or in what commands tell, and a masked value in no
// answer, whatever becomes of the call.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	packs, err := filepath.Abs(filepath.Join("testdata", "canary"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := serve(t, launch{dir: dir, env: unlimited, args: []string{"--packs", packs}})
	person, noRole := token(t, dir, "--user", "ana@contoso.com"), token(t, dir, "--user", "ana@contoso.com", "--roles", "Fabric.Approver")
	seen := map[string]int{}
	var ids []string
	for _, c := range canaryCalls(person, noRole) {
		for _, path := range []string{"/api/authorize", "/api/authorize?trace=1"} {
			o := mustHideInAnswer(t, s, path, c)
			if seen[o.ReasonCode]++; o.DecisionID != "" {
				ids = append(ids, o.DecisionID)
			}
		}
	}
	mustHide(t, "the list of approvals", string(s.get(t, "/api/approvals?limit=200").body), hidden...)
	mustHide(t, "the counters", string(s.get(t, "/api/health/metrics").body), hidden...)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	mustHideAtRest(t, dir, s, person, noRole)
	mustHideInCommands(t, dir, ids)
	t.Logf("%d decisions, codes %v", len(ids), seen)
}

// mustHideInAnswer sends a call and looks into the answer, and into what can be
// read of the approval it names.
func mustHideInAnswer(t *testing.T, s *server, path string, c canaryCall) outcome {
	t.Helper()
	r, err := s.call(t.Context(), http.MethodPost, path, []byte(c.body), c.header)
	if err != nil {
		t.Fatal(err)
	}
	o, err := r.outcome()
	again := c.code == "approval.required" && o.ReasonCode == "approval.pending"
	if err != nil || r.status != c.status || o.ReasonCode != c.code && !again {
		t.Errorf("%s: POST %s = %d %s, want %d %s", c.name, path, r.status, r.body, c.status, c.code)
	}
	mustHide(t, c.name+": the answer", withoutCommand(t, r.body), hidden...)
	if o.Approval.ID != "" {
		mustHide(t, c.name+": the approval", string(s.get(t, "/api/approvals/"+o.Approval.ID).body), hidden...)
	}
	return o
}

// canaryCall is one call and what becomes of it.
type canaryCall struct {
	name, body, header string
	status             int
	code               string
}

func canaryCalls(person, noRole string) []canaryCall {
	verified := "Authorization: Bearer " + person
	pay := func(name, code string, change ...string) canaryCall {
		return canaryCall{name, payment(change...), "X-Test: 1", http.StatusOK, code}
	}
	run := func(name, code, line string) canaryCall {
		text, _ := json.Marshal(line) //nolint:errchkjson // a string
		body := `{"agentId":"bot","userUPN":"ana@contoso.com","action":"bash","parameters":{"command":` + string(text) + `}}`
		return canaryCall{name, body, "X-Test: 1", http.StatusOK, code}
	}
	const user = `"userUPN":"ana@contoso.com",`
	return []canaryCall{
		pay("masked", "ok.masked"),
		pay("asks", "approval.required", `"amount":10`, `"amount":5000`),
		pay("asks by risk", "approval.required", `40`, `80`),
		pay("nobody may", "entitlement.none", "ana@", "bob@"),
		pay("too risky", "threshold.denied", `40`, `95`),
		pay("foreign tenant", "tenant.boundary", `"region":"EU"`, `"region":"EU","tenantId":"22222222-2222-2222-2222-222222222222"`),
		pay("unknown tenant", "tenant.unknown", `"agentId"`, `"tenantId":"22222222-2222-2222-2222-222222222222","agentId"`),
		pay("foreign region", "residency.denied", `"EU"`, `"US"`),
		pay("unknown label", "classification.unknown", `"region":"EU"`, `"region":"EU","classification":"Secret"`),
		pay("unknown agent", "agent.unknown", `"bot"`, `"spy"`),
		pay("unknown action", "action.unknown", `"Pay"`, `"Steal"`),
		pay("other type", "resource.mismatch", `"region":"EU"`, `"region":"EU","type":"Vendor"`),
		pay("no user", "user.required", user, ""),
		pay("undeclared", "parameter.invalid", `"pin"`, `"pinn"`),
		pay("too long", "parameter.invalid", canaryIBAN, strings.Repeat(canaryIBAN, 3)),
		pay("not the pattern", "parameter.invalid", canaryPIN, canaryPIN+"!"),
		pay("another kind", "parameter.invalid", `"`+canaryCard+`"`, `["`+canaryCard+`"]`),
		pay("an amount that is none", "parameter.invalid", `"amount":10`, `"amount":"ten"`),
		pay("pinned", "parameter.pinned", `"memo"`, `"ledger":"GL-200","memo"`),
		pay("no such approval", "approval.mismatch", `"agentId"`, `"approvalId":"apr_x","agentId"`),
		{"of a person", payment(user, ""), verified, http.StatusOK, "ok.masked"},
		{"of another person", payment("ana@", "mia@"), verified, http.StatusOK, "user.mismatch"},
		{"of another tenant", payment(`"agentId"`, `"tenantId":"22222222-2222-2222-2222-222222222222","agentId"`), verified, http.StatusOK, "tenant.mismatch"},
		{"without the role", payment(), "Authorization: Bearer " + noRole, http.StatusForbidden, ""},
		{"without identity", payment(), "Authorization: Bearer " + canaryPIN, http.StatusUnauthorized, ""},
		{"of another kind", payment(), "Content-Type: text/plain", http.StatusUnsupportedMediaType, ""},
		{"twice", payment(`"memo"`, `"iban":"`+canaryIBAN+`","memo"`), "X-Test: 1", http.StatusBadRequest, ""},
		{"unknown field", payment(`"agentId"`, `"iban":"`+canaryIBAN+`","agentId"`), "X-Test: 1", http.StatusBadRequest, ""},
		{"bad identifier", payment(`"bot"`, `"`+canaryReason+`"`), "X-Test: 1", http.StatusBadRequest, ""},
		{"cut off", payment()[:180], "X-Test: 1", http.StatusBadRequest, ""},
		run("allowed", "ok", "curl -H 'Authorization: Bearer "+canaryCommand+"' https://x.example"),
		run("allowed with a password in the URL", "ok", "curl https://ana:"+canaryCommand+"@x.example/"),
		run("allowed with an option", "ok", "mysql --user=ana --password="+canaryCommand+" db"),
		run("asks", "approval.required", "systemctl set-environment TOKEN="+canaryCommand),
		run("denied", "guardrail.denied", "rm -rf /srv --token "+canaryCommand),
		run("opaque", "guardrail.denied", "curl -H 'X-Api-Key: "+canaryCommand+"' $(cat /etc/passwd)"),
		run("no command", "parameter.invalid", "PASSWORD="+canaryCommand+" \u202e"),
		run("does not parse", "guardrail.denied", "curl --password '"+canaryCommand),
	}
}

// withoutCommand is an answer without the command that may run: that one is
// given as it was sent, or it could not run.
func withoutCommand(t *testing.T, body []byte) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatal(err)
	}
	var effective struct{ Command string }
	if err := json.Unmarshal(members["effectiveParameters"], &effective); err == nil && effective.Command != "" {
		delete(members, "effectiveParameters")
	}
	return fmt.Sprintf("%s", members)
}

func mustHide(t *testing.T, what, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%s holds %q: …%s…", what, secret, text[max(0, i-80):min(len(text), i+80)])
		}
	}
}

// mustHideAtRest looks into what the process wrote: its log and the audit log.
// The store of approvals keeps the calls as they came, or they could not be
// decided again.
func mustHideAtRest(t *testing.T, dir string, s *server, tokens ...string) {
	t.Helper()
	secrets := slices.Concat(tokens, hidden)
	mustHide(t, "the structured log", strings.Join(s.out.all(), "\n"), secrets...)
	mustHide(t, "the error stream", strings.Join(s.err.all(), "\n"), secrets...)
	var all strings.Builder
	err := filepath.WalkDir(filepath.Join(dir, "data", "audit"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	mustHide(t, "the audit log", all.String(), secrets...)
	if !strings.Contains(all.String(), seenMemo) || !strings.Contains(all.String(), "https://x.example") {
		t.Error("the audit log lacks what may be seen: nothing was looked into")
	}
}

// mustHideInCommands looks into what the audit commands tell.
func mustHideInCommands(t *testing.T, dir string, ids []string) {
	t.Helper()
	commands := [][]string{
		{"audit", "tail", "--data", "data", "-n", "1000"},
		{"audit", "tail", "--data", "data", "-n", "1000", "--json"},
		{"audit", "verify", "--data", "data"},
	}
	for _, id := range ids[:3] {
		commands = append(commands, []string{"audit", "why", id, "--data", "data"})
	}
	for _, args := range commands {
		stdout, stderr, code, err := cli(t.Context(), dir, nil, args...)
		if err != nil || code != 0 {
			t.Errorf("%v = %d, %v, %s", args, code, err, stderr)
		}
		mustHide(t, strings.Join(args, " "), stdout+stderr, hidden...)
	}
}
