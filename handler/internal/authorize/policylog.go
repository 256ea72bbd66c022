package authorize

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// PolicyLog writes into the audit log what becomes of policies. It is safe for
// concurrent use.
type PolicyLog struct {
	log         Log
	environment string
	clock       func() time.Time
}

// NewPolicyLog makes a PolicyLog. A nil clock is time.Now.
func NewPolicyLog(log Log, environment string, clock func() time.Time) PolicyLog {
	if clock == nil {
		clock = time.Now
	}
	return PolicyLog{log, environment, clock}
}

// published are the kinds that a manifest may say of itself.
var published = []audit.Kind{audit.KindPolicyPublished, audit.KindPolicyRollout, audit.KindPolicySuspended, audit.KindPolicyResumed}

// Tell writes a change: who published it, that this instance serves it, that
// one was refused. What was published is written by every instance that takes
// it, under one id: readers count it once. Trouble that is no manifest's fault
// is none of the audit log's.
func (l PolicyLog) Tell(ctx context.Context, c catalog.Change) error {
	var errs []error
	if m := c.Manifest; c.Taken && m != nil {
		if kind := audit.Kind(m.Change.Kind); slices.Contains(published, kind) {
			made := l.event(kind, m, c)
			made.TS, made.EventID = m.Change.At, m.Change.ID(l.environment, m.Epoch)
			errs = append(errs, l.append(ctx, made))
		}
		errs = append(errs, l.append(ctx, l.event(audit.KindPolicyActivated, m, c)))
	}
	var refused *catalog.RefusedError
	if errors.As(c.Err, &refused) {
		m := c.Refused
		if m == nil {
			m = &catalog.Manifest{}
		}
		rejected := l.event(audit.KindPolicyRejected, m, catalog.Change{})
		rejected.Outcome, rejected.Reason = "rejected", short(refused.Error())
		errs = append(errs, l.append(ctx, rejected))
	}
	return errors.Join(errs...)
}

func (l PolicyLog) append(ctx context.Context, e *audit.Event) error {
	if e.TS.IsZero() {
		e.TS = l.clock().UTC()
	}
	if e.EventID == "" {
		e.EventID = ulid.Make().String()
	}
	_, err := l.log.Append(ctx, e)
	return err
}

func (l PolicyLog) event(kind audit.Kind, m *catalog.Manifest, c catalog.Change) *audit.Event {
	e := &audit.Event{Kind: kind, Packs: c.Packs, Epoch: m.Epoch, Reason: short(m.Change.Detail)}
	if m.Epoch == 0 {
		e.Epoch = c.Epoch
	}
	if by := m.Change.By; strings.Contains(by, "@") {
		e.UserUPN = by
	}
	e.Detail = strictjson.ObjectOf(
		member("by", strictjson.StringOf(m.Change.By)),
		member("change", strictjson.StringOf(m.Change.Kind)),
		member("lastGood", strictjson.BoolOf(c.Kept)))
	return e
}

// maxReason keeps an event short whatever a manifest holds, in bytes.
const maxReason = 1_000

func short(text string) string {
	if len(text) <= maxReason {
		return text
	}
	return strings.ToValidUTF8(text[:maxReason], "") + "…"
}
