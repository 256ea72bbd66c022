package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/blobserver"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/cosmosserver"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/entra"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/logicapp"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/vault"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

// deployment is the services of Azure, each of which demands the program's
// token, and the environment of a process that runs on them. The emulated blob
// service is the one that takes a key.
type deployment struct {
	dir    string
	entra  *entra.Issuer
	cosmos *cosmosserver.Server
	blobs  *blobserver.Server
	vault  *vault.Server
	mails  *logicapp.Server
	env    []string
}

const (
	mailAudience = "api://mail"
	publicURL    = "https://fabric.contoso.com"
)

func newDeployment(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{dir: t.TempDir(), entra: entra.Start(t, entra.Options{})}
	d.cosmos = cosmosserver.New(t, cosmosserver.Options{Authorize: d.entra.Authorize("http://127.0.0.1")})
	d.cosmos.Make("fabric", "catalog", "approvals")
	d.blobs = blobserver.New(t, blobserver.Options{Containers: []string{"audit", "anchors"}})
	d.vault = vault.New(t, vault.Options{Authorize: d.entra.Authorize("https://vault.azure.net")})
	d.vault.AddKey("fabric-signing")
	key, err := grant.NewEnvironmentKey(bytes.NewReader(bytes.Repeat([]byte("k"), 64)))
	if err != nil {
		t.Fatal(err)
	}
	d.vault.SetSecret("fabric-environment", string(key))
	d.mails = logicapp.New(t, logicapp.Options{Authorize: d.entra.Authorize(mailAudience)})
	for name, value := range d.entra.Env(t) {
		d.env = append(d.env, name+"="+value)
	}
	d.env = append(d.env,
		"WEBSITE_SITE_NAME=fabric", "WEBSITE_AUTH_ENABLED=true", "AZURE_CLIENT_ID="+entra.IdentityClientID(),
		"FABRIC_TENANT_IDS="+entra.Tenant, "FABRIC_CLIENT_ID="+entra.ClientID, "FABRIC_AUDIENCES="+entra.Audience,
		"FABRIC_PUBLIC_URL="+publicURL, "FABRIC_COSMOS_ENDPOINT="+d.cosmos.URL,
		"FABRIC_AUDIT_URL="+d.blobs.URL+"/audit", "FABRIC_ANCHOR_URL="+d.blobs.URL+"/anchors", "FABRIC_KEYVAULT_URL="+d.vault.URL(),
		"FABRIC_LOGICAPP_URL="+d.mails.URL(), "FABRIC_LOGICAPP_AUDIENCE="+mailAudience)
	if err := os.CopyFS(filepath.Join(d.dir, "packs"), os.DirFS("../../../policy/packs")); err != nil {
		t.Fatal(err)
	}
	return d
}

// serve starts an instance and waits until its stores are open.
func (d *deployment) serve(t *testing.T) *server {
	t.Helper()
	s, err := startCommand(t.Context(), command(t.Context(), d.dir, d.env, "serve", "--addr", "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); <-s.exited })
	return s
}

// cli runs a command of an operator, who has an identity of their own.
func (d *deployment) cli(t *testing.T, want int, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := command(ctx, d.dir, d.env, args...)
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != want {
		t.Fatalf("%s: exit %d, %v, want %d\n%s", strings.Join(args, " "), code, err, want, out)
	}
	return string(out)
}

func (d *deployment) publish(t *testing.T) {
	t.Helper()
	d.cli(t, 0, "policy", "publish", "packs/finance.json", "packs/finance.bindings.dev.json", "--yes")
}

// flow is the application that asks, with the right to.
func (d *deployment) flow() string {
	return "Authorization: Bearer " + d.entra.Token(d.entra.Application("2.0", entra.Claims{"roles": []string{"Fabric.Authorize"}}))
}

// mia is a finance manager who has signed in.
func (d *deployment) mia() string {
	return "Authorization: Bearer " + d.entra.Token(d.entra.Person("2.0", entra.Claims{
		"oid": "cccccccc-0000-4000-8000-0000000000aa", "upn": "mia@contoso.com", "roles": []string{"Fabric.Approver"},
		"azp": "bbbbbbbb-0000-4000-8000-000000000009",
	}))
}

// eventually asks until ok, or fails with what it saw last.
func eventually(t *testing.T, what string, ask func() (ok bool, saw string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		ok, saw := ask()
		if ok {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("%s did not come: %s", what, saw)
		}
	}
}

// decides waits until an instance gives that decision and code.
func (d *deployment) decides(t *testing.T, s *server, decision, code, body string) outcome {
	t.Helper()
	var got outcome
	eventually(t, decision+" "+code, func() (bool, string) {
		r, err := s.call(t.Context(), "POST", "/api/authorize", []byte(body), d.flow())
		if err != nil {
			return false, err.Error()
		}
		got, _ = r.outcome()
		return r.status == 200 && got.Decision == decision && got.ReasonCode == code, fmt.Sprintf("%d %s", r.status, r.body)
	})
	return got
}

func asserted(amount int) string {
	return fmt.Sprintf(`{"agentId":"finance-agent","userUPN":"ana@contoso.com","action":"CreatePO","resource":{"id":"PO-%[1]d","region":"EU"},
		"parameters":{"amount":%[1]d,"currency":"EUR","vendor":"V-7"}}`, amount)
}

// The story of one purchase order, by the real program on the services of
// Azure: published, asked, mailed, approved, used once, suspended on two
// instances, and all of it in a log that verifies (R1, T01, T35, T39).
func TestAzureStory(t *testing.T) {
	d := newDeployment(t)
	one := d.serve(t)
	if r := one.get(t, "/api/health/ready"); r.status != 503 || !strings.Contains(string(r.body), "policy") {
		t.Errorf("ready without a policy = %d %s", r.status, r.body)
	}
	if r, err := one.call(t.Context(), "POST", "/api/authorize", []byte(asserted(1000)), d.flow()); err != nil || r.status != 503 || r.denies() != "" {
		t.Errorf("authorize without a policy = %d %s %v", r.status, r.body, err)
	}
	d.publish(t)
	asked := d.decides(t, one, "REQUIRE_APPROVAL", "approval.required", asserted(70000))
	two := d.serve(t)
	d.approve(t, two, asked.Approval.ID)

	used := d.use(t, one, "run-17", "ok.approved")
	again := d.use(t, two, "run-17", "ok.approved")
	if used.DecisionID != again.DecisionID {
		t.Errorf("the same key got decisions %s and %s", used.DecisionID, again.DecisionID)
	}
	d.cli(t, 0, "policy", "suspend", "agent", "finance-agent", "--reason", "orders nobody asked for")
	for _, s := range []*server{one, two} {
		d.decides(t, s, "DENY", "suspended", asserted(1000))
	}
	for _, s := range []*server{one, two} {
		if err := s.kill(); err != nil {
			t.Error(err)
		}
	}
	report := d.cli(t, 0, "audit", "verify", "--container", d.blobs.URL+"/audit", "--anchors", d.blobs.URL+"/anchors")
	if !strings.Contains(report, "clean: 0 findings") {
		t.Errorf("verify says %s", report)
	}
	why := d.cli(t, 0, "audit", "why", "PO-70000", "--container", d.blobs.URL+"/audit")
	for _, part := range []string{"REQUIRE_APPROVAL", "mia@contoso.com", "ok.approved"} {
		if !strings.Contains(why, part) {
			t.Errorf("why does not tell of %s:\n%s", part, why)
		}
	}
}

// approve waits for the mail and votes for what it says.
func (d *deployment) approve(t *testing.T, s *server, id string) {
	t.Helper()
	eventually(t, "a mail", func() (bool, string) { n := len(d.mails.Messages()); return n > 0, fmt.Sprint(n, " mails") })
	m := d.mails.Messages()[0]
	if m.Text("approvalId") != id || !strings.Contains(m.Text("recipient"), "@contoso.com") {
		t.Fatalf("the mail is %v", m.Body)
	}
	vote, err := json.Marshal(map[string]string{"approvalId": id, "vote": "approve", "requestDigest": m.Text("requestDigest"), "comment": "fine"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.call(t.Context(), "POST", "/api/approval-callback", vote, d.mia())
	if err != nil || r.status != 200 {
		t.Fatalf("the vote = %d %s %v", r.status, r.body, err)
	}
}

func (d *deployment) use(t *testing.T, s *server, key, code string) outcome {
	t.Helper()
	r, err := s.call(t.Context(), "POST", "/api/authorize", []byte(asserted(70000)), d.flow(), "Idempotency-Key: "+key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.outcome()
	if err != nil || r.status != 200 || got.Decision != "ALLOW" || got.ReasonCode != code {
		t.Fatalf("use = %d %s %v", r.status, r.body, err)
	}
	return got
}

// R8: while Cosmos is down an instance that starts serves the last good
// policies, and what needs an approval is a denial to retry.
func TestAzureStartsWithoutCosmos(t *testing.T) {
	d := newDeployment(t)
	one := d.serve(t)
	d.publish(t)
	d.decides(t, one, "ALLOW", "ok", asserted(1000))
	eventually(t, "the last good", func() (bool, string) {
		names := strings.Join(d.blobs.Names("audit"), "\n")
		return strings.Contains(names, "/manifests/"), names
	})
	d.cosmos.Script(func(cosmosserver.Call) cosmosserver.Fault {
		return cosmosserver.Fault{Effect: cosmosserver.Never, Reset: true}
	})
	began := time.Now()
	two := d.serve(t)
	d.decides(t, two, "ALLOW", "ok", asserted(1000))
	t.Logf("from the start of the process to a decision: %s", time.Since(began).Round(time.Millisecond))
	r, err := two.call(t.Context(), "POST", "/api/authorize", []byte(asserted(70000)), d.flow())
	if err != nil || r.status != 503 || r.denies() != "" {
		t.Errorf("what needs an approval = %d %s %v, want a denial to retry", r.status, r.body, err)
	}
}

// T01, T02: nobody comes in by a header of Easy Auth, and nobody without a
// token, whatever the environment of the process says.
func TestAzureBelievesTokensAlone(t *testing.T) {
	d := newDeployment(t)
	s := d.serve(t)
	d.publish(t)
	d.decides(t, s, "ALLOW", "ok", asserted(1000))
	forged := "X-MS-CLIENT-PRINCIPAL: " + entra.Principal(d.entra.Application("2.0", entra.Claims{"roles": []string{"Fabric.Authorize"}}), true)
	other := d.entra.Application("2.0", entra.Claims{"tid": entra.OtherTenant, "roles": []string{"Fabric.Authorize"}})
	for name, headers := range map[string][]string{
		"no header":            nil,
		"a forged principal":   {forged},
		"a token and another":  {d.flow(), "X-MS-CLIENT-PRINCIPAL: " + entra.Principal(d.entra.Person("2.0", nil), true)},
		"another tenant":       {"Authorization: Bearer " + d.entra.Token(other)},
		"an ID token":          {"Authorization: Bearer " + d.entra.Token(d.entra.SignedIn(nil))},
		"no token, with names": {"X-MS-CLIENT-PRINCIPAL-NAME: ana@contoso.com", "X-MS-CLIENT-PRINCIPAL-ID: " + entra.Ana},
	} {
		r, err := s.call(t.Context(), "POST", "/api/authorize", []byte(asserted(1000)), headers...)
		if err != nil || r.status != 401 || r.denies() != "" {
			t.Errorf("%s: %d %s %v, want 401", name, r.status, r.body, err)
		}
	}
}

// The doctor looks at every service, and says what to do.
func TestAzureDoctor(t *testing.T) {
	d := newDeployment(t)
	if out := d.cli(t, 1, "doctor"); !strings.Contains(out, "Publish a pack") {
		t.Errorf("without a policy the doctor says\n%s", out)
	}
	d.publish(t)
	out := d.cli(t, 0, "doctor", "--json")
	var report struct {
		Healthy bool
		Checks  []struct{ Component, State, Detail, Fix string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || !report.Healthy {
		t.Fatalf("the doctor says %v\n%s", err, out)
	}
	seen := map[string]bool{}
	for _, c := range report.Checks {
		seen[c.Component] = true
		if c.State != "ok" && c.Fix == "" {
			t.Errorf("%s: %s, and nothing to do about it: %s", c.Component, c.State, c.Detail)
		}
	}
	for _, want := range strings.Split("configuration,easy auth,identity,entra id,cosmos,policies,audit log,anchors,key vault,logic app,copilot", ",") {
		if !seen[want] {
			t.Errorf("nobody looked at %s", want)
		}
	}
	if !strings.Contains(out, "looking as oid:") {
		t.Error("the doctor does not say as whom it looks")
	}
	for _, secret := range append(d.entra.Secrets(), `"secret"`) {
		if strings.Contains(out, secret) {
			t.Error("the doctor shows a secret")
		}
	}
	outside := *d // an operator's machine: no variable of App Service
	outside.env = slices.DeleteFunc(slices.Clone(d.env), func(v string) bool { return strings.HasPrefix(v, "WEBSITE_") })
	if out := outside.cli(t, 0, "doctor"); !strings.Contains(out, "one write region") || !strings.Contains(out, "easy auth") {
		t.Errorf("outside of the host the doctor says\n%s", out)
	}
	d.cosmos.SetAccount(cosmosserver.Account{WriteRegions: []cosmosserver.Region{{Name: "West Europe"}, {Name: "North Europe"}}, MultiWrite: true})
	if out := d.cli(t, 1, "doctor"); !strings.Contains(out, "write regions") {
		t.Errorf("with two write regions the doctor says\n%s", out)
	}
}

// A vault that does not sign, and mails that are refused: the one makes the
// instance not ready, the other is told beside it. Neither tells the cause.
func TestAzureReadiness(t *testing.T) {
	d := newDeployment(t)
	s := d.serve(t)
	d.publish(t)
	d.decides(t, s, "ALLOW", "ok", asserted(1000))
	d.mails.Script(logicapp.Reply{Status: 403, Code: "secretcause"}, logicapp.Reply{Status: 403, Code: "secretcause"}, logicapp.Reply{Status: 403})
	d.decides(t, s, "REQUIRE_APPROVAL", "approval.required", asserted(70000))
	eventually(t, "the refused mails", func() (bool, string) {
		r := s.get(t, "/api/health/ready")
		text := string(r.body)
		return r.status == 200 && strings.Contains(text, "the Logic App answers 403") && !strings.Contains(text, "secretcause"), text
	})
	d.vault.Break(vault.Fault{Op: vault.Sign, Status: 403})
	r, err := s.call(t.Context(), "POST", "/api/authorize", []byte(asserted(1001)), d.flow())
	if err != nil || r.status != 503 || r.denies() != "" {
		t.Errorf("without a signature = %d %s %v, want a denial to retry", r.status, r.body, err)
	}
	if r := s.get(t, "/api/health/ready"); r.status != 503 || !strings.Contains(string(r.body), "key vault") {
		t.Errorf("ready while the vault does not sign = %d %s", r.status, r.body)
	}
	d.vault.Mend()
	d.decides(t, s, "ALLOW", "ok", asserted(1002))
	if r := s.get(t, "/api/health/ready"); r.status != 200 {
		t.Errorf("ready after it = %d %s", r.status, r.body)
	}
}
