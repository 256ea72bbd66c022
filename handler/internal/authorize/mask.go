package authorize

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// GrantKeys are the keys and the name that this service signs grants with:
// [grant.Issuer].
type GrantKeys interface {
	Name() string
	KeySet(ctx context.Context) (grant.KeySet, error)
}

// MaskRequest is a tool's output and the grant the tool ran on.
type MaskRequest struct {
	Grant  string
	Output strictjson.Value
}

// Masked is an output after the obligations of its grant.
type Masked struct {
	Output     strictjson.Value // null where nothing is left of it
	Changed    bool
	DecisionID string
	Receipt    Receipt
}

// MaskOptions are what a [Masker] may do without.
type MaskOptions struct {
	Clock   func() time.Time // nil: time.Now
	Entropy io.Reader        // for event ids, safe for concurrent use; nil: crypto/rand
}

// Masker applies what a decision demanded of a tool's output, for tools that
// cannot. It is safe for concurrent use.
type Masker struct {
	grants  GrantKeys
	log     Log
	key     *policy.Key
	options MaskOptions
}

// NewMasker makes a masker. Key is the environment's current key, under which
// masks of the method hash are made.
func NewMasker(grants GrantKeys, log Log, key *policy.Key, o MaskOptions) *Masker {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	return &Masker{grants: grants, log: log, key: key, options: o}
}

// Mask applies the obligations of a grant that p's application was given and
// that has not ended. It is recorded, without a value, before it returns. A
// grant that does not count is recorded as a refusal and is a
// [*grant.RefusedError]; any other error is an [*UnavailableError].
func (m *Masker) Mask(ctx context.Context, p identity.Principal, r MaskRequest) (Masked, error) {
	now := m.options.Clock().UTC().Truncate(time.Millisecond)
	id, err := ulid.New(ulid.Timestamp(now), m.options.Entropy)
	if err != nil {
		return Masked{}, &UnavailableError{Component: "randomness", Err: err}
	}
	keys, err := m.grants.KeySet(ctx)
	if err != nil {
		return Masked{}, &UnavailableError{Component: "grants", Err: err}
	}
	claims, err := m.check(ctx, p, r.Grant, keys, now)
	if err != nil {
		return Masked{}, m.refuse(ctx, p, now, id.String(), err)
	}
	out := Masked{
		Output:     policy.MaskOutput(r.Output, claims.Obligations, claims.Tenant, m.key),
		DecisionID: claims.DecisionID,
	}
	out.Changed = !bytes.Equal(strictjson.AppendAsSent(nil, out.Output), strictjson.AppendAsSent(nil, r.Output))
	receipt, err := m.log.Append(ctx, &audit.Event{
		Kind: audit.KindMask, TS: now, EventID: id.String(), DecisionID: claims.DecisionID, ApprovalID: claims.ApprovalID,
		TenantID: claims.Tenant, AgentID: claims.Agent, CallerApp: p.Application, UserID: p.ObjectID, UserUPN: p.UPN,
		RequestDigest: claims.RequestDigest, KeyID: m.key.ID(), Detail: maskDetail(claims.Obligations, out.Changed),
	})
	if err != nil {
		return Masked{}, noRecord(err)
	}
	out.Receipt = Receipt(receipt)
	return out, nil
}

// check verifies a grant of this service. Its audience is the tool, whoever
// that is; what counts here is who asks.
func (m *Masker) check(ctx context.Context, p identity.Principal, token string, keys grant.KeySet, now time.Time) (grant.Claims, error) {
	claims, err := grant.Verify(ctx, token, keys, grant.Expected{Issuer: m.grants.Name(), AnyAudience: true, Now: now})
	if err != nil {
		return grant.Claims{}, err
	}
	if claims.Application != p.Application || p.Kind != identity.Developer && claims.Tenant != p.Tenant {
		return grant.Claims{}, &grant.RefusedError{Reason: "it was given to another application"}
	}
	return claims, nil
}

// refuse records a grant that does not count, and only then says so. The record
// holds nothing of the grant: nobody vouches for it.
func (m *Masker) refuse(ctx context.Context, p identity.Principal, now time.Time, id string, cause error) error {
	reason := "the grant does not count"
	var refused *grant.RefusedError
	if errors.As(cause, &refused) {
		reason = refused.Error()
	}
	_, err := m.log.Append(ctx, &audit.Refused{
		TS: now, EventID: id, Door: "mask", TenantID: p.Tenant, CallerApp: p.Application, UserID: p.ObjectID, UserUPN: p.UPN,
		ReasonCode: "grant.refused", Reason: reason,
	})
	if err != nil {
		return noRecord(err)
	}
	return cause
}

func maskDetail(obligations []policy.Obligation, changed bool) strictjson.Value {
	list := make([]strictjson.Value, 0, len(obligations))
	for _, o := range obligations {
		list = append(list, strictjson.ObjectOf(
			strictjson.Member{Name: "type", Value: strictjson.StringOf(o.Type)},
			strictjson.Member{Name: "path", Value: strictjson.StringOf(o.Path)},
			strictjson.Member{Name: "method", Value: strictjson.StringOf(o.Method)},
		))
	}
	return strictjson.ObjectOf(
		strictjson.Member{Name: "obligations", Value: strictjson.ArrayOf(list...)},
		strictjson.Member{Name: "masked", Value: strictjson.BoolOf(changed)},
	)
}
