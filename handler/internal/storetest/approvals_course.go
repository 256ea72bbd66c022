package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// course leads a few calls through everything that can happen to an approval,
// in two processes over one store, while store and log fail and the clock jumps
// both ways. Every write is held against the invariants of approvals.md as it
// takes effect, and every answer against what the log has by then.
type course struct {
	t      *rapid.T
	store  approval.Store // as the services see it: refereed, and at times broken
	s      [2]*approval.Service
	log    EventLog
	tenant string
	now    time.Time
	faults int // calls of the store that still fail
	kind   Fault

	last map[string]*ApprovalSnapshot // by slot, as written last
	ids  []string                     // every id that was ever answered
	used map[string]string            // decision by approval id: what somebody was told may run
	n    int                          // of decisions
}

var courseCalls = []string{"one", "two"} // two needs two people

// courseStep is the referee between the services and a store.
type courseStep struct {
	approval.Store
	c *course
}

// Put implements [approval.Store].
func (f courseStep) Put(ctx context.Context, r approval.Record, was approval.Revision) (approval.Revision, error) {
	revision, err := f.Store.Put(ctx, r, was)
	if err != nil {
		return revision, err
	}
	next, err := SnapshotOf(r)
	if err != nil {
		f.c.t.Fatalf("a document was written that cannot be read: %v", err)
	}
	if err := f.c.last[r.Slot].Step(next, f.c.now, f.c.hasEvent); err != nil {
		f.c.t.Fatalf("at %s: %v", f.c.now, err)
	}
	f.c.last[r.Slot] = next
	return revision, nil
}

// Due implements [approval.Store]: what other runs left is theirs.
func (f courseStep) Due(ctx context.Context, at time.Time, limit int, page string) (approval.Page, error) {
	p, err := f.Store.Due(ctx, at, limit, page)
	p.Records = slices.DeleteFunc(slices.Clone(p.Records), func(r approval.Record) bool { return r.Tenant != f.c.tenant })
	return p, err
}

func (c *course) hasEvent(id string) bool {
	return slices.ContainsFunc(c.log.Entries(), func(e approval.Entry) bool { return e.Event.ID == id })
}

// Lists implements [approval.Approvers]. It gives too many, which it may.
func (c *course) Lists(string, identity.Principal, time.Time) []approval.Key {
	return []approval.Key{approval.Everything}
}

// Judge implements [approval.Approvers]: Mia and Omar are named, and never the
// requester.
func (c *course) Judge(v approval.Voter, relayed bool, d *approval.Document, _ time.Time) []string {
	if v.ID != "mia" && v.ID != "omar" {
		return nil
	}
	var ids []string
	for _, r := range d.Current.Requirements {
		if r.Relay || !relayed {
			ids = append(ids, r.PolicyID)
		}
	}
	return ids
}

// Notify implements [approval.Notifier]: whoever is told anything is one whom
// the approval names, and no one is asked about what is decided.
func (c *course) Notify(_ context.Context, m approval.Message) error {
	asks := m.Kind != approval.NoticeOutcome
	switch {
	case asks && m.Recipient != "mia@contoso.com" && m.Recipient != "omar@contoso.com", !asks && m.Recipient != "ana@contoso.com":
		c.t.Fatalf("%s was told %s", m.Recipient, m.Kind)
	case asks && m.Approval.Status != approval.Pending:
		c.t.Fatalf("%s was asked about one that is %s", m.Recipient, m.Approval.Status)
	}
	c.shown(m.Approval)
	return nil
}

// shown: what anybody sees of an approval is in the log.
func (c *course) shown(a approval.Approval) {
	if a.Status == approval.NoStatus {
		return
	}
	opened, ended := false, a.Status == approval.Pending
	for _, e := range c.log.Entries() {
		if e.Document.ID() == a.ID {
			opened = opened || e.Event.Kind == approval.EventOpened
			ended = ended || e.Event.Status == a.Status && e.Event.Kind != approval.EventVoted
		}
	}
	if !opened || !ended {
		c.t.Fatalf("%s is shown as %s, which the log does not have", a.ID, a.Status)
	}
	if !slices.Contains(c.ids, a.ID) {
		c.ids = append(c.ids, a.ID)
	}
}

// heal: a fault was told, and times are better from now on.
func (c *course) heal(err error) bool {
	if errors.Is(err, approval.ErrUnclear) || errors.Is(err, ErrLog) {
		c.faults, c.log.Down = 0, nil
		return true
	}
	return false
}

func (c *course) process() *approval.Service { return c.s[rapid.IntRange(0, 1).Draw(c.t, "process")] }

func (c *course) request(name string) approval.OpenRequest {
	r := Order(name)
	r.Tenant, r.User = c.tenant, policy.User{ID: "ana", UPN: "ana@contoso.com"}
	r.Requirements[0].Notify = []string{"mailto:mia@contoso.com", "mailto:omar@contoso.com"}
	if name == "two" {
		r.Requirements[0].Need = 2
	}
	c.n++
	r.DecisionID = fmt.Sprint("opening-", c.n)
	return r
}

func (c *course) open(t *rapid.T) {
	r := c.request(rapid.SampledFrom(courseCalls).Draw(t, "call"))
	if rapid.Bool().Draw(t, "supersede") && len(c.ids) > 0 {
		r.Supersede = rapid.SampledFrom(c.ids).Draw(t, "id")
	}
	a, _, err := c.process().Open(t.Context(), r, c.now)
	if !c.heal(err) {
		if err != nil && !errors.Is(err, approval.ErrDenied) {
			t.Fatalf("Open = %v", err)
		}
		c.shown(a)
	}
}

// some is an id that was answered, or one that never was.
func (c *course) some(t *rapid.T) string {
	if len(c.ids) == 0 {
		t.Skip("nothing was opened")
	}
	return rapid.SampledFrom(c.ids).Draw(t, "id")
}

func (c *course) as(id string, roles ...string) approval.Reader {
	p := identity.Principal{Kind: identity.Person, Tenant: c.tenant, Application: "console", ObjectID: id, UPN: id + "@contoso.com", AppRoles: roles}
	return approval.Reader{Principal: p, Tenant: c.tenant}
}

func (c *course) vote(t *rapid.T) {
	id := c.some(t)
	who := rapid.SampledFrom([]string{"mia", "omar", "ana", "eve"}).Draw(t, "voter")
	choice := rapid.SampledFrom([]approval.Choice{approval.Approve, approval.Approve, approval.Deny}).Draw(t, "vote")
	slot, _, _ := approval.ParseID(id)
	b := approval.Ballot{ApprovalID: id, Choice: choice, Digest: c.last[slot].Document.Current.Digest}
	if rapid.IntRange(0, 9).Draw(t, "digest") == 0 {
		b.Digest = "hmac-sha256:of another call"
	}
	a, err := c.process().Vote(t.Context(), c.as(who, identity.RoleApprover), b, c.now)
	refused, closed := c.refusal(err)
	switch {
	case c.heal(err), closed, errors.Is(err, approval.ErrNotFound):
	case refused && (who == "ana" || who == "eve" || b.Digest != c.last[slot].Document.Current.Digest):
	case err != nil:
		t.Fatalf("the vote of %s = %v", who, err)
	case who == "ana" || who == "eve" || b.Digest != c.last[slot].Document.Current.Digest:
		t.Fatalf("the vote of %s counts, who was shown %s", who, b.Digest)
	default:
		c.shown(a)
		c.wantVote(a.ID, who, choice)
	}
}

func (c *course) refusal(err error) (refused, closed bool) {
	if e, ok := errors.AsType[*approval.ClosedError](err); ok {
		c.shown(e.Approval)
		return false, true
	}
	_, refused = errors.AsType[*approval.RefusedError](err)
	return refused, false
}

// wantVote: whoever is told that a vote counts has it in the log.
func (c *course) wantVote(id, who string, choice approval.Choice) {
	for _, e := range c.log.Entries() {
		if v := e.Document.Current.VoteOf(&e.Event); v != nil && e.Document.ID() == id && v.Voter.ID == who && v.Choice == choice {
			return
		}
	}
	c.t.Fatalf("%s of %s is told to count and is not in the log", choice, who)
}

func (c *course) end(t *rapid.T) {
	id := c.some(t)
	var a approval.Approval
	var err error
	if rapid.Bool().Draw(t, "cancel") {
		flow := identity.Principal{Kind: identity.Application, Tenant: c.tenant, Application: Flow, AppRoles: []string{identity.RoleAuthorize}}
		a, err = c.process().Cancel(t.Context(), approval.Reader{Principal: flow, Tenant: c.tenant}, id, "", c.now)
	} else {
		who := rapid.SampledFrom([]string{"mia", "omar", "eve"}).Draw(t, "who")
		a, err = c.process().Revoke(t.Context(), c.as(who, identity.RoleApprover), id, "", c.now)
		if err == nil && who == "eve" {
			t.Fatalf("a stranger revoked %s", id)
		}
	}
	if _, closed := c.refusal(err); !c.heal(err) && !closed && err != nil && !errors.Is(err, approval.ErrNotFound) {
		t.Fatalf("ending %s = %v", id, err)
	}
	c.shown(a)
}

func (c *course) use(t *rapid.T) {
	id := c.some(t)
	if rapid.IntRange(0, 3).Draw(t, "late") == 0 {
		c.toTheEdge(t, id)
	}
	c.n++
	decision := fmt.Sprint("decision-", c.n)
	slot, _, _ := approval.ParseID(id)
	call := CallOf(strings.TrimPrefix(c.last[slot].Document.Current.Digest, "hmac-sha256:"))
	call.Tenant = c.tenant
	taking := approval.Taking{Call: call, Approval: id, DecisionID: decision, Answer: []byte("{}"), Record: []byte("{}")}
	a, receipt, err := c.process().Use(t.Context(), taking, c.now)
	switch {
	case c.heal(err), errors.Is(err, approval.ErrUsed):
	case err != nil:
		t.Fatalf("Use = %v", err)
	case c.used[id] != "" || receipt.Hash == "":
		t.Fatalf("%s may run by %s with receipt %q, after %s", id, decision, receipt.Hash, c.used[id])
	case !c.now.Add(time.Minute).Before(a.ExecuteBy):
		t.Fatalf("%s is used at %s, a minute or less before %s", id, c.now, a.ExecuteBy)
	default:
		c.used[id] = decision
		c.shown(a)
	}
}

func (c *course) read(t *rapid.T) {
	var a approval.Approval
	var err error
	auditor := c.as("ada", identity.RoleAuditor)
	switch rapid.IntRange(0, 3).Draw(t, "how") {
	case 0:
		a, err = c.process().Get(t.Context(), auditor, c.some(t), c.now)
	case 1:
		call := CallOf(rapid.SampledFrom(courseCalls).Draw(t, "call"))
		call.Tenant = c.tenant
		var found approval.Found
		found, err = c.process().Find(t.Context(), call, approval.Wanted{}, c.now)
		a = found.Approval
	case 2:
		var list approval.List
		list, err = c.process().List(t.Context(), auditor, approval.ListQuery{}, c.now)
		for _, a := range list.Approvals {
			c.shown(a)
		}
	default:
		var in approval.Inspection
		in, err = c.process().Inspect(t.Context(), c.as("mia", identity.RoleApprover), c.some(t), c.now)
		a = in.Approval
	}
	if !c.heal(err) && err != nil && !errors.Is(err, approval.ErrNotFound) {
		t.Fatalf("reading = %v", err)
	}
	c.shown(a)
}

func (c *course) tell(t *rapid.T) {
	if rapid.Bool().Draw(t, "pass on") {
		a, err := c.process().PassOn(t.Context(), c.as("mia", identity.RoleApprover), c.some(t), c.now)
		if _, closed := c.refusal(err); !c.heal(err) && !closed && err != nil && !errors.Is(err, approval.ErrNotFound) {
			t.Fatalf("PassOn = %v", err)
		}
		c.shown(a)
	}
	_, err := c.process().Sweep(t.Context(), func() time.Time { return c.now })
	if !c.heal(err) && err != nil {
		t.Fatalf("Sweep = %v", err)
	}
}

// clock jumps: by hours either way, or to where an approval ends.
func (c *course) clock(t *rapid.T) {
	if len(c.ids) == 0 || rapid.Bool().Draw(t, "by hours") {
		c.now = c.now.Add(time.Duration(rapid.IntRange(-120, 700).Draw(t, "minutes")) * time.Minute)
		return
	}
	c.toTheEdge(t, c.some(t))
}

// toTheEdge sets the clock to where an approval ends, or beside it.
func (c *course) toTheEdge(t *rapid.T, id string) {
	slot, _, _ := approval.ParseID(id)
	current := &c.last[slot].Document.Current
	edge := current.ApproveBy
	if !current.ExecuteBy.IsZero() {
		edge = current.ExecuteBy.Add(-time.Minute)
	}
	c.now = edge.Add(time.Duration(rapid.SampledFrom([]int{-1, 0, 1, 30_000}).Draw(t, "milliseconds")) * time.Millisecond)
}

func (c *course) breakStore(t *rapid.T) {
	c.faults = rapid.IntRange(1, 5).Draw(t, "calls")
	c.kind = rapid.SampledFrom([]Fault{FailBefore, FailAfter}).Draw(t, "fault")
}

func (c *course) breakLog(*rapid.T) { c.log.Down = func() error { return ErrLog } }

// crash: the next process knows nothing of the one before.
func (c *course) crash(t *rapid.T) {
	i := rapid.IntRange(0, 1).Draw(t, "process")
	c.s[i] = approval.New(c.store, approval.Keys{Current: Key}, &c.log, c, approval.Options{Notifier: c})
}

// check: whoever was told that a call may run is the one who used the approval.
func (c *course) check(t *rapid.T) {
	for id, decision := range c.used {
		uses := 0
		for _, e := range c.log.Entries() {
			if e.Event.Kind == approval.EventConsumed && e.Document.ID() == id {
				uses++
				if e.Event.DecisionID != decision {
					t.Fatalf("the log has %s used by %s, and %s was told that it may run", id, e.Event.DecisionID, decision)
				}
			}
		}
		if uses == 0 {
			t.Fatalf("the use of %s is not in the log", id)
		}
	}
}

func runCourse(t *testing.T, open func(t *testing.T) approval.Store) {
	var store approval.Store
	runs := 0
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		if runs%100 == 0 { // what is left over of earlier runs is due for ever
			store = open(outer)
		}
		runs++ // a tenant of its own, so that no run sees another
		c := &course{t: t, tenant: fmt.Sprint("course-", runs), now: Noon, last: map[string]*ApprovalSnapshot{}, used: map[string]string{}}
		c.store = FaultyApprovals{Store: courseStep{store, c}, Next: func(string) Fault {
			if c.faults == 0 {
				return NoFault
			}
			c.faults--
			return c.kind
		}}
		for i := range c.s {
			c.s[i] = approval.New(c.store, approval.Keys{Current: Key}, &c.log, c, approval.Options{Notifier: c})
		}
		t.Repeat(map[string]func(*rapid.T){
			"open": c.open, "vote": c.vote, "vote again": c.vote, "use": c.use, "end": c.end, "read": c.read, "tell": c.tell,
			"clock": c.clock, "break the store": c.breakStore, "break the log": c.breakLog, "crash": c.crash, "": c.check,
		})
	})
}
