package authorize

import (
	"context"
	"crypto/rand"
	"io"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// Policies gives the active policy; it does no I/O and is safe for concurrent
// use.
type Policies interface {
	Active(now time.Time) catalog.Active
}

// Log is the audit log.
type Log interface {
	// Admit fails when the log could not take a record now.
	Admit() error
	// Append returns once the record is durable.
	Append(ctx context.Context, r audit.Record) (audit.Receipt, error)
}

// Approvals is the approval use case.
type Approvals interface {
	Find(ctx context.Context, call approval.Call, w approval.Wanted, now time.Time) (approval.Found, error)
	Use(ctx context.Context, t approval.Taking, now time.Time) (approval.Approval, audit.Receipt, error)
	Open(ctx context.Context, r approval.OpenRequest, now time.Time) (approval.Approval, bool, error)
	Resume(ctx context.Context, tenant, application, id string, now time.Time) (approval.Resumable, error)
}

// Options are what a [Service] may do without.
type Options struct {
	PublicURL   string           // of links to approvals, without a slash at the end
	PreviousKey *policy.Key      // of the environment, during rotation; nil otherwise
	Grants      Grants           // nil: answers carry no grant
	Clock       func() time.Time // nil: time.Now
	Entropy     io.Reader        // for decision ids, safe for concurrent use; nil: crypto/rand

	// Capped is told of every call that opens no approval because too many are
	// open. It must return at once; nil: nobody is told.
	Capped func(tenant, agent string)
}

// Service decides calls. It is safe for concurrent use.
type Service struct {
	policies  Policies
	log       Log
	approvals Approvals
	key       *policy.Key
	options   Options
	shadows   *shadows
}

// New makes a service. Key is the environment's current key.
func New(policies Policies, log Log, approvals Approvals, key *policy.Key, o Options) *Service {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	if o.Capped == nil {
		o.Capped = func(string, string) {}
	}
	return &Service{policies: policies, log: log, approvals: approvals, key: key, options: o, shadows: newShadows()}
}

// Decide decides one call of p and records the decision before it returns it.
// An error, always an [*UnavailableError], means that there is no decision and
// nothing may run. Under [Preview] it opens no approval.
func (s *Service) Decide(ctx context.Context, p identity.Principal, r Request, c Call) (Answer, error) {
	if !c.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, c.Deadline)
		defer cancel()
	}
	if err := s.log.Admit(); err != nil {
		return Answer{}, noRecord(err)
	}
	d, err := s.begin(p, r, c)
	if err != nil {
		return Answer{}, err
	}
	if err := d.decide(ctx); err != nil {
		return Answer{}, err
	}
	if d.given != nil {
		return *d.given, nil
	}
	if err := d.sign(ctx); err != nil {
		return Answer{}, err
	}
	return d.record(ctx)
}

// deciding is one call on its way to its answer.
type deciding struct {
	*Service
	principal identity.Principal
	request   Request
	call      Call
	started   time.Time // as the clock gave it, to measure from
	now       time.Time // the same in milliseconds, as it is written
	id        string
	active    catalog.Active
	subject   policy.Subject
	in        policy.Input
	decision  policy.Decision
	approval  approval.Approval
	warnings  []string
	grant     string
	grantEnds time.Time
	given     *Answer // recorded already, with the use of its approval
	examined  bool    // the decision is of in: nothing else than the policy made it
}

// begin takes the one reading of the clock and the one look at the policy that
// the decision is made with.
func (s *Service) begin(p identity.Principal, r Request, c Call) (*deciding, error) {
	started := s.options.Clock()
	now := started.UTC().Truncate(time.Millisecond)
	id, err := ulid.New(ulid.Timestamp(now), s.options.Entropy)
	if err != nil {
		return nil, &UnavailableError{Component: "randomness", Err: err}
	}
	d := &deciding{
		Service: s, principal: p, request: r, call: c, started: started, now: now, id: id.String(),
		active: s.policies.Active(now).For(r.AgentID), in: policy.Input{Key: s.key},
	}
	if d.active.Set == nil {
		return nil, &UnavailableError{Component: "policy"}
	}
	if d.request.CorrelationID == "" {
		d.request.CorrelationID = d.id
	}
	return d, nil
}

// decide fills in the decision, with the approval it waits for.
func (d *deciding) decide(ctx context.Context) error {
	r := &d.request
	var mismatch *identity.Mismatch
	stated := identity.Stated{TenantID: r.TenantID, UserID: r.UserID, UserUPN: r.UserUPN}
	d.subject, mismatch = identity.Bind(d.principal, stated, d.active.Set.Tenants(d.now))
	if mismatch != nil {
		d.refuse(mismatch.Code, mismatch.Reason)
		return nil
	}
	if r.Action == "" {
		return d.resume(ctx)
	}
	d.examine()
	return d.consult(ctx)
}

// examine decides the request as it stands, without what the approval store
// knows.
func (d *deciding) examine() {
	d.warn()
	r := &d.request
	d.in = policy.Input{
		Request: policy.Request{
			Agent: r.AgentID, Action: r.Action, Resource: r.Resource, Parameters: r.Parameters, Context: r.Context,
		},
		Subject: d.subject, Now: d.now, Stale: d.active.Expired, Suspended: d.active.Suspended, Key: d.key,
	}
	d.examined = true
	d.evaluate()
}

func (d *deciding) evaluate() {
	d.decision = d.active.Set.Decide(&d.in, d.call.Trace)
}

// refuse is a denial before stage 0: nothing of the call is believed.
func (d *deciding) refuse(code policy.Code, reason string) {
	d.examined = false
	d.decision = policy.Refusal(code, reason, d.subject.Identity)
}

// rolesAsked are names under which requests try to bring rights of their own.
var rolesAsked = []string{"roles", "role", "groups", "group", "appRoles", "permissions", "scopes"}

const notBelieved = " was not believed: roles come from tokens and bindings only"

// warn notes what the maker of the call should know and the decision does not
// depend on.
func (d *deciding) warn() {
	for _, name := range rolesAsked {
		if d.request.Context.Has(name) {
			d.warnings = append(d.warnings, "context."+name+notBelieved)
		}
		if d.request.Resource.Attributes.Has(name) {
			d.warnings = append(d.warnings, "resource.attributes."+name+notBelieved)
		}
	}
	if d.subject.Identity == policy.Verified && !d.subject.User.GroupsKnown {
		d.warnings = append(d.warnings, "the token does not carry the user's groups (overage): roles through groups are not known")
	}
}
