package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/policy/packs"
)

// T17: no forged, altered or confused token casts a vote or closes anything.
func TestT17ForgedTokensCastNoVote(t *testing.T) {
	t.Parallel()
	c := openCounter(t, launch{})
	asked, _ := c.ask("approval.required", order(70_000))
	id := asked.Approval.ID
	ballot := fmt.Sprintf(`{"approvalId":%q,"vote":"approve","requestDigest":%q}`, id, c.approval(id, c.mia).RequestDigest)
	tokens := forged(t, strings.TrimPrefix(c.mia, "Authorization: Bearer "), strings.TrimPrefix(c.ana, "Authorization: Bearer "))
	tokens["signed by another service's issuer"] = token(t, t.TempDir(), "--user", "mia@contoso.com", "--roles", "Fabric.Approver,Fabric.Authorize")
	tokens["a grant of ours"] = c.grant()
	for rule, text := range tokens {
		for path, body := range map[string]string{
			"/api/approval-callback": ballot, "/api/approvals/" + id + "/revoke": "{}", "/api/approvals/" + id + "/cancel": "{}",
		} {
			r, err := c.call(t.Context(), http.MethodPost, path, []byte(body), "Authorization: Bearer "+text)
			if err != nil || r.status != http.StatusUnauthorized || r.denies() != "" {
				t.Errorf("%s, POST %s = %d %s, %v, want 401", rule, path, r.status, r.body, err)
			}
		}
	}
	if a := c.approval(id, c.auditor); a.Status != "pending" || len(a.Votes) > 0 {
		t.Errorf("the approval is %+v, want it untouched", a)
	}
	c.vote(http.StatusOK, c.mia, id, "approve", "") // the token that was altered is a good one
	t.Logf("%d tokens", len(tokens))
}

// grant is one that the service has signed, for a tool.
func (c *counter) grant() string {
	c.t.Helper()
	_, r := c.ask("ok", order(100))
	var answer struct{ Grant string }
	if err := json.Unmarshal(r.body, &answer); err != nil || answer.Grant == "" {
		c.t.Fatalf("%s: no grant, %v", r.body, err)
	}
	return answer.Grant
}

// forged are tokens made of a voter's, by the rule that each breaks.
func forged(t *testing.T, voter, other string) map[string]string {
	t.Helper()
	part, otherPart := strings.Split(voter, "."), strings.Split(other, ".")
	if len(part) != 3 || len(otherPart) != 3 {
		t.Fatalf("the token is none: %s", voter)
	}
	header, claims := decodePart(t, part[0]), decodePart(t, part[1])
	with := func(of map[string]any, edits ...any) string {
		edited := map[string]any{}
		for name, value := range of {
			edited[name] = value
		}
		for i := 0; i < len(edits); i += 2 {
			if edits[i+1] == nil {
				delete(edited, edits[i].(string))
			} else {
				edited[edits[i].(string)] = edits[i+1]
			}
		}
		text, err := json.Marshal(edited)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	symmetric := func(head string) string {
		mac := hmac.New(sha256.New, []byte(header["kid"].(string)))
		mac.Write([]byte(head + "." + part[1]))
		return head + "." + part[1] + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	tokens := map[string]string{
		"nothing": "x", "two parts": part[0] + "." + part[1], "no signature": part[0] + "." + part[1] + ".", "four parts": voter + ".x",
		"another's signature":    part[0] + "." + part[1] + "." + otherPart[2],
		"another's claims":       otherPart[0] + "." + part[1] + "." + otherPart[2],
		"alg none, unsigned":     with(header, "alg", "none") + "." + part[1] + ".",
		"alg none, signed":       with(header, "alg", "none") + "." + part[1] + "." + part[2],
		"alg HS256 by a key id":  symmetric(with(header, "alg", "HS256")),
		"twice":                  voter + " " + voter,
		"a signature cut by one": voter[:len(voter)-1],
	}
	for name, value := range map[string]any{
		"alg": "RS512", "kid": "../../issuer", "typ": "fabric-grant+jwt", "jku": "https://evil.example/keys", "jwk": map[string]any{"kty": "oct"},
		"x5u": "https://evil.example", "crit": []string{"exp"}, "b64": false,
	} {
		tokens["header "+name] = with(header, name, value) + "." + part[1] + "." + part[2]
	}
	for name, value := range map[string]any{
		"roles": []string{"Fabric.Approver", "Fabric.Auditor"}, "upn": "omar@contoso.com", "oid": "00000000-0000-4000-8000-000000000000",
		"tid": "22222222-2222-2222-2222-222222222222", "aud": "urn:other", "iss": "https://evil.example", "exp": 99999999999, "nbf": 0, "scp": nil,
	} {
		tokens["claim "+name] = part[0] + "." + with(claims, name, value) + "." + part[2]
	}
	return tokens
}

func decodePart(t *testing.T, text string) map[string]any {
	t.Helper()
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(plain, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// T18: many at once use one approval of the real service: one runs.
func TestT18OneUseAmongMany(t *testing.T) {
	t.Parallel()
	c := openCounter(t, launch{})
	asked, _ := c.ask("approval.required", order(70_000))
	c.vote(http.StatusOK, c.mia, asked.Approval.ID, "approve", "")
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		ran []outcome
	)
	for i := range 32 {
		wg.Go(func() {
			r := c.authorize(t, order(70_000), c.ana, fmt.Sprintf("Idempotency-Key: run-%d", i))
			o, err := r.outcome()
			if err != nil || r.status != http.StatusOK {
				t.Errorf("one of many: %d %s", r.status, r.body)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if *o.Execute {
				ran = append(ran, o)
			}
		})
	}
	wg.Wait()
	if len(ran) != 1 || ran[0].ReasonCode != "ok.approved" {
		t.Errorf("%d ran, want 1", len(ran))
	}
	if story, _ := c.why(asked.Approval.ID); len(story.Decisions) == 0 {
		t.Error("the log does not tell of it")
	}
	mustVerify(t, c.dir)
}

// T30: an approval whose time passes while its asker waits is answered as
// expired, at the latest a poll later, and never runs.
func TestT30AWaitEndsWithExpiry(t *testing.T) {
	t.Parallel()
	c := openCounter(t, launch{args: []string{"--packs", hurried(t)}})
	asked, _ := c.ask("approval.required", order(70_000))
	id := asked.Approval.ID
	begun := time.Now()
	got := c.do(http.StatusOK, http.MethodGet, "/api/approvals/"+id+"?wait=60", "", c.ana).approval(t)
	if got.Status != "expired" || !got.Final || time.Since(begun) > patience {
		t.Errorf("waited %s for %+v, want it expired", time.Since(begun), got)
	}
	if r := c.vote(http.StatusConflict, c.mia, id, "approve", ""); !strings.Contains(string(r.body), `"approvalStatus":"expired"`) {
		t.Errorf("a late vote: %s", r.body)
	}
	c.ask("approval.expired", resume(id))
	if next, _ := c.ask("approval.required", order(70_000)); next.Approval.ID == id {
		t.Error("asked again: the expired approval")
	}
	story, _ := c.why(asked.DecisionID)
	if kinds := kindsOf(t, story.Decisions[0].Approval); strings.Join(kinds, ", ") != "approval.opened, approval.closed expired, approval.refused approve" {
		t.Errorf("audit why tells %q", kinds)
	}
}

// hurried is a folder with the sample packs, in which people have two seconds.
func hurried(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"finance.json", "finance.bindings.dev.json"} {
		text, err := packs.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.Replace(string(text), `"approveWithin": "PT24H"`, `"approveWithin": "PT2S"`, 1))
		text = []byte(strings.Replace(string(text), `"escalate": { "after": "PT4H", "approvers": ["role:FinanceDirector"] },`, ``, 1))
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A stop answers who waits for an approval at once, with what it is, and the
// service ends in good order.
func TestStopAnswersWhoWaits(t *testing.T) {
	t.Parallel()
	if !graceful {
		t.Skip("there is no asking to stop here")
	}
	c := openCounter(t, launch{})
	asked, _ := c.ask("approval.required", order(70_000))
	waited := make(chan reply, 1)
	go func() {
		r, err := c.call(t.Context(), http.MethodGet, "/api/approvals/"+asked.Approval.ID+"?wait=60", nil, c.ana)
		if err != nil {
			t.Error(err)
		}
		waited <- r
	}()
	c.awaitWaiting()
	if err := c.stop(); err != nil {
		t.Error(err)
	}
	if r := <-waited; r.status != http.StatusOK || r.approval(t).Status != "pending" {
		t.Errorf("waited: %d %s, want pending", r.status, r.body)
	}
	mustVerify(t, c.dir)
}
