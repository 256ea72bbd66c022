package approval

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authorization-fabric/fabric/policy"
)

// full is a document with something in every member.
func full() *Document {
	at := time.Date(2026, 11, 21, 12, 0, 0, 1e6, time.UTC)
	return &Document{
		Schema: Schema, Tenant: "t", Slot: strings.Repeat("0", slotLength),
		Replays: []Use{{Generation: 3, DecisionID: "d0", IdempotencyKey: "i", At: at, Until: at, Answer: []byte(`{"a":[1.50]}`), Record: []byte(`{}`)}},
		Earlier: []Line{{Generation: 2, Status: Superseded, OpenedAt: at, ClosedAt: at, Comment: "c"}},
		Current: Case{
			Generation: 4, Status: Approved, Application: "app", Agent: "bot", Requester: Person{ID: "o", UPN: "u"}, Identity: Grade{policy.Verified},
			Door: "authorize", Action: "A", Title: "T", ResourceType: "R", ResourceID: "1", Digest: "hmac-sha256:0", KeyID: "k",
			Frozen: Frozen{Received: []byte(`{"n":70000.00,"s":"<ü&>"}`), Canonical: []byte(`{}`)},
			Facts:  []Fact{{Label: "l", Value: "v", Mark: "pinned"}}, Risk: "low", RiskScore: "1.5",
			Requirements: []Requirement{{
				PolicyID: "p/r", Approvers: []string{"role:X"}, Exclude: []string{"owner"}, Need: 2, ApproveWithin: 60, ExecuteWithin: 61,
				Notify: []string{"mailto:a@b.c"}, Escalate: &Escalation{After: 5, Approvers: []string{"oid:1"}, Notify: []string{"mailto:d@e.f"}}, Relay: true,
			}},
			Triggers: []string{"overLimit"}, Packs: []policy.PackRef{{Pack: "p", Version: 1, Hash: "h", RulesHash: "r"}},
			DecisionID: "d", CorrelationID: "c", OpenedAt: at, ApproveBy: at, ExecuteBy: at, ClosedAt: at, Comment: "ok",
			Votes: []Vote{{
				Event: "e2", Voter: Voter{Tenant: "t", ID: "m", UPN: "mia", Groups: []string{"g"}, GroupsKnown: true, AppRoles: []string{"x"}, AppRolesKnown: true},
				Choice: Approve, PolicyIDs: []string{"p/r"}, At: at, Comment: "fine", Relayed: true,
			}},
			Events:        []Event{{ID: "e1", Kind: EventOpened, At: at, Status: Pending, By: "app:app", DecisionID: "d", Comment: "x", Logged: true}},
			Notifications: []Notification{{Kind: "asked", Recipient: "mailto:a@b.c", Nonce: "n", Due: at, Attempts: 2, LeasedUntil: at, SentAt: at}},
			Use:           &Use{Generation: 4, DecisionID: "d2", At: at, Until: at, Answer: []byte(`{}`), Record: []byte(`{"ts":1}`)},
		},
	}
}

func mustEncode(t testing.TB, d *Document) []byte {
	t.Helper()
	body, err := Encode(d)
	if err != nil {
		t.Fatalf("Encode = %v", err)
	}
	return body
}

func TestDecodeReadsWhatEncodeWrote(t *testing.T) {
	want := full()
	got, err := Decode(mustEncode(t, want))
	if err != nil {
		t.Fatalf("Decode = %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Decode (-want +got):\n%s", diff)
	}
}

// Rule of evolution: what a newer writer added survives an older one's write.
func TestUnknownMembersSurvive(t *testing.T) {
	body := string(mustEncode(t, full()))
	body = strings.Replace(body, `{"schema":1`, `{"newTop":{"x":[1]},"schema":1`, 1)
	body = strings.Replace(body, `{"generation":4`, `{"newCase":"y","generation":4`, 1)
	body = strings.Replace(body, `{"event":`, `{"newVote":true,"event":`, 1)
	d, err := Decode([]byte(body))
	if err != nil {
		t.Fatalf("Decode = %v", err)
	}
	again := string(mustEncode(t, d))
	for _, member := range []string{`"newTop":{"x":[1]}`, `"newCase":"y"`, `"newVote":true`} {
		if !strings.Contains(again, member) {
			t.Errorf("%s is gone from %s", member, again)
		}
	}
}

// A document that cannot be understood is an error, never an absent approval.
func TestDecodeRefuses(t *testing.T) {
	for name, edit := range map[string]func(string) string{
		"nothing":                 func(string) string { return "" },
		"null":                    func(string) string { return "null" },
		"an empty object":         func(string) string { return "{}" },
		"a cut document":          func(s string) string { return s[:len(s)-1] },
		"something behind":        func(s string) string { return s + "{}" },
		"a member twice":          func(s string) string { return strings.Replace(s, `"schema":1`, `"schema":1,"schema":1`, 1) },
		"a newer schema":          func(s string) string { return strings.Replace(s, `"schema":1`, `"schema":2`, 1) },
		"schema 0":                func(s string) string { return strings.Replace(s, `"schema":1`, `"schema":0`, 1) },
		"an unknown status":       func(s string) string { return strings.Replace(s, `"status":"approved"`, `"status":"granted"`, 1) },
		"no status":               func(s string) string { return strings.Replace(s, `"status":"approved"`, `"status":""`, 1) },
		"an unknown grade":        func(s string) string { return strings.Replace(s, `"identity":"verified"`, `"identity":"sure"`, 1) },
		"no tenant":               func(s string) string { return strings.Replace(s, `"tenant":"t"`, `"tenant":""`, 1) },
		"another slot's shape":    func(s string) string { return strings.Replace(s, strings.Repeat("0", 26), "x", 1) },
		"a requirement for free":  func(s string) string { return strings.Replace(s, `"need":2`, `"need":0`, 1) },
		"a vote of another word":  func(s string) string { return strings.Replace(s, `"vote":"approve"`, `"vote":"Approve"`, 1) },
		"an event without id":     func(s string) string { return strings.Replace(s, `"id":"e1"`, `"id":""`, 1) },
		"no requirements":         func(s string) string { return cut(s, `"requirements":`, `"triggers"`) },
		"no events":               func(s string) string { return cut(s, `"events":`, `"notifications"`) },
		"no time to approve":      func(s string) string { return cut(s, `"approveBy":`, `"executeBy"`) },
		"approved without an end": func(s string) string { return cut(s, `"executeBy":`, `"closedAt"`) },
		"a negative generation":   func(s string) string { return strings.Replace(s, `"generation":4`, `"generation":-4`, 1) },
	} {
		body := edit(string(mustEncode(t, full())))
		if d, err := Decode([]byte(body)); err == nil {
			t.Errorf("%s: Decode = %+v, want an error", name, d)
		}
	}
	body := strings.Replace(string(mustEncode(t, full())), `"schema":1`, `"schema":2`, 1)
	if _, err := Decode([]byte(body)); !errors.Is(err, errSchema) {
		t.Errorf("Decode of a newer schema = %v, want errSchema", err)
	}
}

// cut removes a member, up to the next one.
func cut(s, member, next string) string {
	from := strings.Index(s, member)
	return s[:from] + s[from+strings.Index(s[from:], next):]
}

func FuzzStoredDocument(f *testing.F) {
	f.Add(mustEncode(f, full()))
	f.Add([]byte(`{"schema":1,"tenant":"t"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Decode(body)
		if err != nil {
			return
		}
		once := mustEncode(t, d)
		again, err := Decode(once)
		if err != nil {
			t.Fatalf("Decode of what Encode wrote = %v: %s", err, once)
		}
		if twice := mustEncode(t, again); !bytes.Equal(once, twice) {
			t.Errorf("Encode is not stable:\n%s\n%s", once, twice)
		}
		s := New(nil, Keys{Current: testKey}, nil, nil, Options{})
		_, _ = s.view(d, time.Now()), d.index() // must not panic on anything Decode takes
	})
}
