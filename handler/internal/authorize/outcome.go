package authorize

import (
	"context"
	"errors"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// ErrNoDecision says that the id is none that a decision can have.
var ErrNoDecision = errors.New("no such decision")

// MaxOutcomeDetail is how long the detail of an outcome may be, in characters.
const MaxOutcomeDetail = 280

// Result is what became of a call that was decided. The zero Result claims
// nothing.
type Result uint8

// The results.
const (
	ResultUnknown  Result = iota // the caller cannot say
	ResultExecuted               // the tool did it
	ResultFailed                 // the tool did not do it
)

var resultWords = [...]string{"unknown", "executed", "failed"}

// String is the word of the contract.
func (r Result) String() string {
	if int(r) < len(resultWords) {
		return resultWords[r]
	}
	return resultWords[ResultUnknown]
}

// ParseResult reads the word of [Result.String] and refuses any other.
func ParseResult(word string) (Result, bool) {
	for i, w := range resultWords {
		if w == word {
			return Result(i), true
		}
	}
	return ResultUnknown, false
}

// Outcome is what an application says became of a decision of its own.
type Outcome struct {
	DecisionID string
	Result     Result
	Detail     string // at most [MaxOutcomeDetail] characters; nothing of it is verified
}

// Outcome records an outcome without looking the decision up: readers of the
// log believe it of the application alone that made the decision. The error is
// [ErrNoDecision] or an [*UnavailableError].
func (s *Service) Outcome(ctx context.Context, p identity.Principal, o Outcome) (Receipt, error) {
	if id, err := ulid.ParseStrict(o.DecisionID); err != nil || id.String() != o.DecisionID {
		return Receipt{}, ErrNoDecision
	}
	now := s.options.Clock().UTC().Truncate(time.Millisecond)
	id, err := ulid.New(ulid.Timestamp(now), s.options.Entropy)
	if err != nil {
		return Receipt{}, &UnavailableError{Component: "randomness", Err: err}
	}
	asker := s.asker(p, now)
	receipt, err := s.log.Append(ctx, &audit.Event{
		Kind: audit.KindOutcome, TS: now, EventID: id.String(), DecisionID: o.DecisionID,
		TenantID: asker.Tenant, CallerApp: asker.Application, UserID: asker.User.ID, UserUPN: asker.User.UPN, Identity: asker.Identity,
		Outcome: o.Result.String(), Reason: o.Detail,
	})
	if err != nil {
		return Receipt{}, noRecord(err)
	}
	return Receipt(receipt), nil
}

// asker is p as the decisions name it that it asks for, so that readers can
// compare. The local developer's tenant is known where there is only one.
func (s *Service) asker(p identity.Principal, now time.Time) policy.Subject {
	asker, _ := identity.Bind(p, identity.Stated{}, s.policies.Active(now).Tenants(now))
	return asker
}
