package approval_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/policy"
)

// post is a notifier that keeps what it accepts.
type post struct {
	refuse func(m approval.Message) error // nil accepts

	mu   sync.Mutex
	sent []string // "kind recipient status"
}

func (p *post) Notify(_ context.Context, m approval.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != nil {
		if err := p.refuse(m); err != nil {
			return err
		}
	}
	p.sent = append(p.sent, fmt.Sprintf("%s %s %s", m.Kind, m.Recipient, m.Approval.Status))
	return nil
}

// take are the messages accepted since the last call, in order of their texts.
func (p *post) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	sent := p.sent
	p.sent = nil
	slices.Sort(sent)
	return sent
}

// withPost is a world with a notifier and one approval that names three people.
func withPost(t *testing.T) (*world, *approval.Service, *post, approval.Approval) {
	t.Helper()
	w, p := memoryWorld(), &post{}
	w.options.Notifier = p
	s := w.service()
	r := order("a")
	r.Requirements[0].Notify = []string{"mailto:mia@contoso.com", "mailto:omar@contoso.com", "mailto:MIA@contoso.com"}
	r.Requirements[0].Escalate = &policy.Escalation{After: 2 * time.Hour, Approvers: []string{"user:dora@contoso.com"}, Notify: []string{"mailto:dora@contoso.com"}}
	return w, s, p, mustOpen(t, s, r, noon)
}

func sweep(t *testing.T, s *approval.Service, now time.Time) approval.Swept {
	t.Helper()
	swept, err := s.Sweep(t.Context(), func() time.Time { return now })
	if err != nil {
		t.Errorf("Sweep at +%s = %v", now.Sub(noon), err)
	}
	return swept
}

func wantSent(t *testing.T, p *post, when string, want ...string) {
	t.Helper()
	if got := p.take(); !slices.Equal(got, want) {
		t.Errorf("%s: sent %q, want %q", when, got, want)
	}
}

// approvals.md, Telling people: who is told what, and when; each once.
func TestWhoIsToldWhen(t *testing.T) {
	_, s, p, a := withPost(t)
	sweep(t, s, noon)
	wantSent(t, p, "opened", "asked mia@contoso.com pending", "asked omar@contoso.com pending")
	sweep(t, s, noon.Add(2*time.Hour-time.Millisecond))
	wantSent(t, p, "before the escalation")
	sweep(t, s, noon.Add(2*time.Hour))
	wantSent(t, p, "the escalation", "escalated dora@contoso.com pending")
	sweep(t, s, noon.Add(4*time.Hour-time.Millisecond))
	wantSent(t, p, "before half of the time is over")
	sweep(t, s, noon.Add(4*time.Hour))
	wantSent(t, p, "halfway", "reminder mia@contoso.com pending", "reminder omar@contoso.com pending")
	if _, err := s.Vote(t.Context(), reader(person("mia")), approval.Ballot{ApprovalID: a.ID, Choice: approval.Approve, Digest: a.Digest}, noon.Add(5*time.Hour)); err != nil {
		t.Fatal(err)
	}
	sweep(t, s, noon.Add(5*time.Hour))
	wantSent(t, p, "approved", "outcome ana@contoso.com approved")
	for h := range 30 {
		sweep(t, s, noon.Add(time.Duration(5+h)*time.Hour))
	}
	wantSent(t, p, "once its time has passed", "outcome ana@contoso.com expired")
}

// Once nobody is waited for, nobody is asked any more.
func TestNobodyIsAskedAboutWhatIsDecided(t *testing.T) {
	for name, end := range map[string]func(s *approval.Service, a approval.Approval) error{
		"denied": func(s *approval.Service, a approval.Approval) error {
			_, err := s.Vote(t.Context(), reader(person("mia")), approval.Ballot{ApprovalID: a.ID, Choice: approval.Deny, Digest: a.Digest}, noon)
			return err
		},
		"revoked": func(s *approval.Service, a approval.Approval) error {
			_, err := s.Revoke(t.Context(), reader(person("mia")), a.ID, "", noon)
			return err
		},
	} {
		_, s, p, a := withPost(t)
		if err := end(s, a); err != nil {
			t.Fatal(err)
		}
		for h := range 9 {
			sweep(t, s, noon.Add(time.Duration(h)*time.Hour))
		}
		wantSent(t, p, name, "outcome ana@contoso.com "+name)
	}
	_, s, p, a := withPost(t)
	if _, err := s.Cancel(t.Context(), reader(application(flow)), a.ID, "", noon); err != nil {
		t.Fatal(err)
	}
	sweep(t, s, noon.Add(time.Hour))
	wantSent(t, p, "cancelled by whoever asked")
}

// A message is tried again, later and later, until it is accepted; one that is
// refused for good is not.
func TestMessagesAreTriedAgain(t *testing.T) {
	_, s, p, _ := withPost(t)
	tries := 0
	p.refuse = func(m approval.Message) error {
		if m.Recipient == "omar@contoso.com" {
			return fmt.Errorf("no such place: %w", approval.ErrRejected)
		}
		if tries++; tries <= 3 {
			return errors.New("down")
		}
		return nil
	}
	var at []time.Duration
	for d := time.Duration(0); d < 10*time.Minute; d += time.Second {
		before := tries
		if _, err := s.Sweep(t.Context(), func() time.Time { return noon.Add(d) }); (err != nil) != (tries > before && tries <= 3) {
			t.Errorf("Sweep at +%s = %v", d, err)
		}
		if tries > before {
			at = append(at, d)
		}
	}
	wantSent(t, p, "at last", "asked mia@contoso.com pending")
	if len(at) != 4 || !slices.IsSorted(at) || at[1]-at[0] >= at[2]-at[1] || at[2]-at[1] >= at[3]-at[2] {
		t.Errorf("tried at %v, want four times, further and further apart", at)
	}
}

// Two processes that sweep at once send nothing twice; a process that dies
// between sending and noting it has the message sent again.
func TestLeasesOfMessages(t *testing.T) {
	w, s, p, _ := withPost(t)
	other := w.service()
	inside := make(chan struct{})
	var once sync.Once
	p.refuse = func(approval.Message) error {
		once.Do(func() { // while the first is being sent
			p.mu.Unlock()
			sweep(t, other, noon)
			p.mu.Lock()
			close(inside)
		})
		return nil
	}
	sweep(t, s, noon)
	<-inside
	wantSent(t, p, "two at once", "asked mia@contoso.com pending", "asked omar@contoso.com pending")

	w, s, p, _ = withPost(t)
	ctx, cancel := context.WithCancel(t.Context())
	died := errors.New("the process died")
	p.refuse = func(approval.Message) error { panic(died) }
	func() {
		defer func() {
			if r := recover(); r != died { //nolint:errorlint // the very value
				t.Errorf("recovered %v", r)
			}
		}()
		_, _ = s.Sweep(ctx, func() time.Time { return noon })
	}()
	cancel()
	p.refuse = nil
	s = w.service()
	sweep(t, s, noon.Add(time.Minute))
	wantSent(t, p, "while the lease lasts")
	sweep(t, s, noon.Add(3*time.Minute))
	wantSent(t, p, "after it", "asked mia@contoso.com pending", "asked omar@contoso.com pending")
}

// The outcome of one approval is still told when another has taken its place.
func TestOutcomesOutliveTheirApproval(t *testing.T) {
	w, s, p, a := withPost(t)
	p.refuse = func(m approval.Message) error { return errors.New("down") }
	later := a.ApproveBy
	if _, err := s.Find(t.Context(), call("a"), approval.Wanted{}, later); err != nil { // expires it
		t.Fatal(err)
	}
	mustOpen(t, s, order("a"), later)
	p.refuse = nil
	sweep(t, s, later)
	wantSent(t, p, "the first one's", "outcome ana@contoso.com expired")
	if d, _ := w.stored(t, call("a")); len(d.Leftover) > 0 {
		t.Errorf("%d messages are left over, want none", len(d.Leftover))
	}
}

// Not mine: the others are told again, once for each who says so, by those who
// may decide alone.
func TestPassOn(t *testing.T) {
	w, s, p, a := withPost(t)
	sweep(t, s, noon)
	p.take()
	w.named["mia@"], w.named["omar"] = true, true
	mia := person("mia")
	mia.UPN = "Mia@contoso.com"
	for range 3 {
		if _, err := s.PassOn(t.Context(), reader(mia), a.ID, noon); err != nil {
			t.Fatal(err)
		}
	}
	sweep(t, s, noon)
	wantSent(t, p, "passed on", "passedOn omar@contoso.com pending")
	for name, who := range map[string]approval.Reader{"a stranger": reader(person("eve")), "the flow": reader(application(flow)), "an auditor": reader(auditor())} {
		_, err := s.PassOn(t.Context(), who, a.ID, noon)
		wantError(t, name, err, approval.ErrNotFound)
	}
	_, err := s.PassOn(t.Context(), reader(mia), a.ID, a.ApproveBy)
	var closed *approval.ClosedError
	if !errors.As(err, &closed) || closed.Approval.Status != approval.Expired {
		t.Errorf("passing on what has expired = %v, want that it is closed", err)
	}
	if d, _ := w.stored(t, call("a")); len(d.Current.Votes) > 0 || strings.Contains(fmt.Sprint(w.log.Lines()), "voted") {
		t.Error("passing on has voted")
	}
}
