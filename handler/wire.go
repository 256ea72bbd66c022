package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	pages "github.com/authorization-fabric/fabric/handler/internal/console"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi/openapi"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// service is the graph of one process. close undoes what wire did.
type service struct {
	config    config
	log       *slog.Logger
	backend   *backend
	audit     *audit.Log
	catalog   *catalog.Catalog
	approvals *approval.Service
	words     words
	grants    *grant.Issuer
	authorize *authorize.Service
	metrics   *httpapi.Metrics
	console   *pages.Console
	edge      *httpapi.Edge
	document  []byte // OpenAPI
	clock     func() time.Time
	stopping  chan struct{} // closed when the server stops: waiting requests are answered
	stopWatch func()
	stopSweep func()
}

// backend is where a process keeps its state and who vouches for its callers:
// local files and a local issuer, or Azure. What is nil is not there.
type backend struct {
	log       audit.Sink
	anchors   audit.Anchors
	successor bool // one process at a time: a lane follows the newest segment there is
	approvals approval.Store
	key       grant.EnvironmentKey
	signer    grant.Signer
	policies  catalog.Store
	poll      time.Duration // between looks at the policies
	polls     bool          // looks are made by catalog.Poll, around that time
	lastGood  catalog.LastGood
	authentic func(context.Context, *catalog.Manifest) error // nil: whoever can write is believed
	secret    []byte                                         // of the console's forms

	notifier      func(*service) (approval.Notifier, error)
	authenticator func(*service) (httpapi.Authenticator, error)
	sessions      func(*service) (pages.Sessions, pages.SignIn, error)

	missing  func() []httpapi.Lack // what it knows to be out of order
	unmailed func() string         // why approvers get no mails at present; nil: they do
	close    func() error
}

// wireOptions are what tests and benchmarks of this package choose.
type wireOptions struct {
	log    io.Writer  // of the structured log
	people io.Writer  // for whoever watches the terminal: mails that were written
	sink   audit.Sink // instead of the data directory's; it keeps no packs
}

// wire builds the graph by hand: the embedded stores, the use cases over them,
// the edge in front. After an error nothing is left open.
func wire(ctx context.Context, c config, o wireOptions) (*service, error) {
	s := &service{config: c, log: newLog(o.log), metrics: &httpapi.Metrics{}, clock: time.Now, stopping: make(chan struct{}), stopWatch: func() {}, stopSweep: func() {}}
	for _, step := range []func(context.Context, wireOptions) error{s.openBackend, s.openLog, s.openCatalog, s.buildUseCases, s.buildEdge} {
		if err := step(ctx, o); err != nil {
			return nil, errors.Join(err, s.close(context.WithoutCancel(ctx)))
		}
	}
	return s, nil
}

func newLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

func (s *service) openBackend(ctx context.Context, o wireOptions) (err error) {
	if s.config.mode == modeAzure {
		s.backend, err = openAzure(ctx, s.config, s.log)
		return err
	}
	s.backend, err = openLocal(ctx, s.config, o)
	return err
}

func (s *service) openLog(ctx context.Context, o wireOptions) (err error) {
	sink := s.backend.log
	if o.sink != nil {
		sink = o.sink
	}
	options := audit.Options{
		Environment: s.config.environment, Instance: instance(), Writer: version(),
		KeyID: s.backend.key.Current.ID(), Clock: time.Now, Continue: s.backend.successor,
	}
	keep := func(context.Context, string, []byte) error { return nil }
	if o.sink == nil {
		keeper, err := audit.NewKeeper(sink, s.config.environment)
		if err != nil {
			return fmt.Errorf("audit log: %w", err)
		}
		keep = keeper.KeepKey
		options.Anchors = &audit.AnchorOptions{Store: s.backend.anchors, Sign: s.signAnchor}
	}
	s.grants = grant.NewIssuer(s.config.publicURL, s.backend.signer, keep)
	s.audit, err = audit.Open(ctx, sink, options)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}

func (s *service) signAnchor(ctx context.Context, payload []byte) (string, error) {
	return s.grants.Sign(ctx, grant.AnchorType, payload)
}

// instance names this process in the audit log.
func instance() string {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (s *service) openCatalog(ctx context.Context, o wireOptions) error {
	options := catalog.Options{
		Environment: s.config.environment, SoftStale: s.config.softStale, HardStale: s.config.hardStale,
		BeforeUse: s.keepPacks, Authentic: s.backend.authentic, LastGood: s.backend.lastGood,
	}
	if o.sink != nil {
		options.BeforeUse = nil
	}
	s.catalog = catalog.New(s.backend.policies, options)
	if s.backend.polls { // without policies the program starts, and is not ready
		s.tellChange(s.catalog.Start(ctx, time.Now()))
	} else if _, err := s.catalog.Refresh(ctx, time.Now()); err != nil {
		return fmt.Errorf("packs: %w", err)
	}
	watch, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ticker := time.NewTicker(s.backend.poll)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if s.backend.polls {
			s.catalog.Poll(watch, catalog.PollOptions{Interval: s.backend.poll}, s.tellChange)
			return
		}
		s.catalog.Watch(watch, ticker.C, s.tellChange)
	}()
	s.stopWatch = func() { ticker.Stop(); cancel(); <-done }
	return nil
}

// keepPacks puts what is about to decide into the log's container, so that a
// decision can be explained when the packs are long gone.
func (s *service) keepPacks(ctx context.Context, set *policy.Set) error {
	for hash, document := range set.Documents() {
		if err := s.audit.KeepPack(ctx, hash, document); err != nil {
			return err
		}
	}
	return nil
}

// tellChange tells operators and, of published policies, auditors.
func (s *service) tellChange(c catalog.Change) {
	ctx := context.Background()
	if c.Taken {
		s.log.LogAttrs(ctx, slog.LevelInfo, "packs taken", slog.Int64("epoch", c.Epoch), slog.Bool("last_good", c.Kept))
	}
	switch {
	case c.Err != nil:
		s.log.LogAttrs(ctx, slog.LevelError, "packs refused, what is served stays", slog.Int64("epoch", c.Epoch), slog.String("cause", c.Err.Error()))
	case !c.Taken:
		s.log.LogAttrs(ctx, slog.LevelInfo, "packs in order again", slog.Int64("epoch", c.Epoch))
	}
	if c.Manifest != nil && c.Manifest.Change.Kind == "" && c.Refused == nil { // synthesized of a folder: nobody's publication
		return
	}
	if err := authorize.NewPolicyLog(s.audit, s.config.environment, s.clock).Tell(ctx, c); err != nil {
		s.log.LogAttrs(ctx, slog.LevelError, "the audit log does not tell of the packs", slog.String("cause", err.Error()))
	}
}

func (s *service) buildUseCases(ctx context.Context, o wireOptions) error {
	key := s.backend.key
	approvers := authorize.NewApprovers(s.catalog, key.Current)
	s.words = words{approvers}
	notifier, err := s.backend.notifier(s)
	if err != nil {
		return err
	}
	s.approvals = approval.New(s.backend.approvals, approval.Keys{Current: key.Current, Previous: key.Previous},
		authorize.NewApprovalLog(s.audit), approvers,
		approval.Options{
			OpenPerUser: s.config.openPerUser, OpenPerAgent: s.config.openPerAgent,
			ValidFrom: s.catalog.ApprovalsValidFrom, Tenants: s.tenantsAt, Notifier: notifier,
		})
	s.authorize = authorize.New(s.catalog, s.audit, s.approvals, key.Current, authorize.Options{
		PublicURL: s.config.publicURL, PreviousKey: key.Previous, Grants: s.grants, Capped: (&capSignal{log: s.log, clock: s.clock}).tell,
	})
	s.stopSweep = (&courier{approvals: s.approvals, log: s.log}).start(ctx)
	return nil
}

func (s *service) buildEdge(context.Context, wireOptions) error {
	auth, err := s.backend.authenticator(s)
	if err != nil {
		return fmt.Errorf("token validation: %w", err)
	}
	if s.console, err = s.newConsole(); err != nil {
		return err
	}
	s.edge = httpapi.NewEdge(auth, s.recordRefusal, httpapi.EdgeOptions{
		Loopback: s.config.mode != modeAzure, Rate: s.config.rate, Burst: s.config.burst, Log: s.log, Metrics: s.metrics,
	})
	if s.document, err = openapi.Document(version(), s.config.publicURL, operations(s.config.mode)); err != nil {
		return fmt.Errorf("OpenAPI document: %w", err)
	}
	return nil
}

// recordRefusal puts a 403 into the audit log before it is answered.
func (s *service) recordRefusal(ctx context.Context, p identity.Principal, r httpapi.Refusal) error {
	_, err := s.audit.Append(ctx, &audit.Refused{
		TS: time.Now().UTC(), EventID: ulid.Make().String(), CorrelationID: r.CorrelationID, Door: r.Route,
		TenantID: p.Tenant, CallerApp: p.Application, UserID: p.ObjectID, UserUPN: p.UPN,
		ReasonCode: "role.missing", Reason: "the token lacks an app role that the route demands",
	})
	if err != nil {
		return &authorize.UnavailableError{Component: "audit", Err: err}
	}
	return nil
}

// missing says what is missing for a decision; the causes are for the log.
func (s *service) missing(ctx context.Context) []httpapi.Lack {
	var lacks []httpapi.Lack
	if err := s.audit.Ready(); err != nil {
		lacks = append(lacks, httpapi.Lack{Component: "audit", Detail: "the audit log takes no records"})
		s.log.LogAttrs(ctx, slog.LevelError, "not ready", slog.String("component", "audit"), slog.String("cause", err.Error()))
	}
	switch a := s.catalog.Active(time.Now()); {
	case a.Set == nil:
		lacks = append(lacks, httpapi.Lack{Component: "policy", Detail: "no policy was loaded"})
	case a.Expired:
		lacks = append(lacks, httpapi.Lack{Component: "policy", Detail: "the policy is past its hard age limit"})
	}
	return append(lacks, s.backend.missing()...)
}

// standing is what whoami tells of a caller.
func (s *service) standing(_ context.Context, p identity.Principal) (httpapi.Standing, error) {
	now := time.Now()
	a := s.catalog.Active(now)
	if a.Set == nil {
		return httpapi.Standing{}, &authorize.UnavailableError{Component: "policy"}
	}
	subject, _ := identity.Bind(p, identity.Stated{}, a.Tenants(now))
	roles, agents := a.Standing(subject, now)
	st := httpapi.Standing{Environment: a.Environment, TenantID: subject.Tenant, Roles: roles}
	for _, x := range agents {
		st.Agents = append(st.Agents, httpapi.Agent{ID: x.ID, Title: x.Title, Actions: x.Actions, Users: x.Users})
	}
	st.Missing = lacking(p, subject, a.Tenants(now), len(agents))
	if p.Kind == identity.Person && !p.GroupsKnown {
		st.Warnings = append(st.Warnings, "the token does not carry the groups (overage): roles through groups are not known")
	}
	return st, nil
}

func lacking(p identity.Principal, sub policy.Subject, tenants []string, agents int) []httpapi.Missing {
	var out []httpapi.Missing
	if !p.Has(identity.RoleAuthorize) {
		out = append(out, httpapi.Missing{Code: "role.missing", Detail: "the app role " + identity.RoleAuthorize + " is not in the token"})
	}
	switch {
	case sub.Tenant == "" || !slices.Contains(tenants, sub.Tenant):
		out = append(out, httpapi.Missing{Code: string(policy.TenantUnknown), Detail: policy.Sentence(policy.TenantUnknown)})
	case agents == 0:
		out = append(out, httpapi.Missing{Code: string(policy.AgentCaller), Detail: "no agent names this application among its callers"})
	}
	if p.Kind == identity.Person && p.UPN == "" {
		out = append(out, httpapi.Missing{Code: "claim.upn", Detail: "the token has no upn: roles by user: are not held, and a request must send userId"})
	}
	return out
}

// close stops what wire started, in the opposite order.
func (s *service) close(ctx context.Context) error {
	var errs []error
	s.stopSweep()
	s.stopWatch()
	if s.authorize != nil {
		errs = append(errs, s.authorize.Settle(ctx))
	}
	if s.audit != nil {
		errs = append(errs, s.audit.Close(ctx))
	}
	if s.backend != nil {
		errs = append(errs, s.backend.close())
	}
	return errors.Join(errs...)
}
