package authorize

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Bounds of what shadows may cost beside the decisions that are answered.
const (
	maxShadows    = 64 // judged and recorded at the same time; more are dropped and counted
	shadowTimeout = 2 * time.Second
)

// Shadows counts what became of the opinions of shadows.
type Shadows struct {
	Recorded int64
	Dropped  int64 // not formed: too many at a time, or the log had too much to do
	Failed   int64 // not recorded: the log did not take them
}

type shadows struct {
	room                      chan struct{} // held by each that is on its way
	settling                  chan struct{} // held by the one that takes all the room
	recorded, dropped, failed atomic.Int64
}

func newShadows() *shadows {
	return &shadows{room: make(chan struct{}, maxShadows), settling: make(chan struct{}, 1)}
}

// Shadows reads the counters.
func (s *Service) Shadows() Shadows {
	return Shadows{s.shadows.recorded.Load(), s.shadows.dropped.Load(), s.shadows.failed.Load()}
}

// Settle returns once the opinions of shadows on decisions that were answered
// before are recorded, or when ctx ends. To be called before the log is closed.
func (s *Service) Settle(ctx context.Context) error {
	select {
	case s.shadows.settling <- struct{}{}:
		defer func() { <-s.shadows.settling }()
	case <-ctx.Done():
		return ctx.Err()
	}
	held := 0
	defer func() {
		for range held {
			<-s.shadows.room
		}
	}()
	for held < maxShadows {
		select {
		case s.shadows.room <- struct{}{}:
			held++
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// tryShadow has the shadow judge a call whose decision is recorded. It runs
// beside the answer: whatever becomes of it, the caller does not wait for it and
// gets nothing of it. What cannot be recorded is counted.
func (d *deciding) tryShadow(ctx context.Context) {
	shadow := d.active.Shadow
	if shadow == nil || d.call.Mode != Enforce || !d.examined {
		return
	}
	select {
	case d.shadows.room <- struct{}{}:
	default:
		d.shadows.dropped.Add(1)
		return
	}
	s, tried := d.Service, d.trial()
	go func() {
		defer func() { <-s.shadows.room }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shadowTimeout)
		defer cancel()
		s.recordShadow(ctx, shadow, tried)
	}()
}

// trial is what a shadow may know of a decision: copies, and values that
// nothing changes.
type trial struct {
	in       policy.Input
	enforced policy.Decision
	event    audit.Event // as far as it is known before
}

func (d *deciding) trial() *trial {
	return &trial{in: d.in, enforced: d.decision, event: audit.Event{
		Kind: audit.KindShadow, TS: d.now, CorrelationID: d.request.CorrelationID, DecisionID: d.id, TenantID: d.subject.Tenant,
		AgentID: d.request.AgentID, CallerApp: d.subject.Application, UserID: d.subject.User.ID, UserUPN: d.subject.User.UPN,
		Identity: d.subject.Identity, RequestDigest: d.decision.Digest, Epoch: d.active.Epoch, KeyID: d.in.Key.ID(),
	}}
}

func (s *Service) recordShadow(ctx context.Context, shadow *catalog.Shadow, t *trial) {
	if s.log.Admit() != nil {
		s.shadows.dropped.Add(1)
		return
	}
	opinion := shadow.Judge(t.in, &t.enforced)
	if err := s.appendShadow(ctx, t, &opinion); err != nil {
		s.shadows.failed.Add(1)
		return
	}
	s.shadows.recorded.Add(1)
}

func (s *Service) appendShadow(ctx context.Context, t *trial, o *catalog.Opinion) error {
	id, err := ulid.New(ulid.Timestamp(t.event.TS), s.options.Entropy)
	if err != nil {
		return fmt.Errorf("event id: %w", err)
	}
	t.event.EventID = id.String()
	t.event.Outcome, t.event.Reason, t.event.PolicyIDs, t.event.Packs = o.Decision, o.Failed, o.PolicyIDs, o.Packs
	t.event.Detail = strictjson.ObjectOf(
		member("differs", strictjson.BoolOf(o.Differs)),
		member("enforced", strictjson.ObjectOf(
			member("decision", strictjson.StringOf(t.enforced.Outcome.String())),
			member("reasonCode", strictjson.StringOf(string(t.enforced.Code))))),
		member("reasonCode", strictjson.StringOf(o.ReasonCode)))
	_, err = s.log.Append(ctx, &t.event)
	return err
}

func member(name string, v strictjson.Value) strictjson.Member {
	return strictjson.Member{Name: name, Value: v}
}
