package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/audit"
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	pages "github.com/authorization-fabric/fabric/handler/internal/console"
	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// consoleApplication is the client id in the tokens of console sessions. It is
// no agent's caller: a person at the console asks for nothing.
const consoleApplication = "0fabc000-0000-4000-8000-000000000001"

// consoleHandler is every page: the console has a table of its own.
func (s *service) consoleHandler() httpapi.Handler { return s.console.Handle }

// newConsole makes the pages.
func (s *service) newConsole() (*pages.Console, error) {
	sessions, signIn, err := s.backend.sessions(s)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	return pages.New(pages.Parts{
		Approvals: s.approvals, Decisions: decisionLog{s.backend.log, s.config.environment}, Playground: playground{s},
		Sessions: sessions, SignIn: signIn, Words: s.words,
	}, pages.Options{
		Environment: s.config.environment, PublicURL: s.config.publicURL, Secret: s.backend.secret,
		OpenHouse: s.config.mode == modeLocal, Unmailed: s.backend.unmailed, Now: s.clock, Log: s.log,
	}), nil
}

func isHTTPS(address string) bool { return strings.HasPrefix(address, "https:") }

// people are those whom bindings name, tenant by tenant: whoever sits at this
// machine may be any of them. Where tokens are demanded nobody may.
func (s *service) people(now time.Time) []pages.Person {
	if s.config.mode != modeLocal {
		return nil
	}
	active := s.catalog.Active(now)
	var people []pages.Person
	for _, tenant := range active.Tenants(now) {
		for _, u := range active.Persons(tenant, now) {
			people = append(people, pages.Person{Tenant: tenant, User: u})
		}
	}
	return people
}

// sessionIssuer signs sessions with the local issuer.
type sessionIssuer struct{ issuer *embedded.Issuer }

// Issue implements [pages.Issuer].
func (i sessionIssuer) Issue(p pages.Person, roles []string, lifetime time.Duration) (string, error) {
	return i.issuer.Mint(embedded.TokenFor{
		Tenant: p.Tenant, Application: consoleApplication, UPN: p.User.UPN, ObjectID: p.User.ID, Roles: roles, Lifetime: lifetime,
	})
}

// decisionLog is the audit log of one environment, for reading.
type decisionLog struct {
	reader      audit.Reader
	environment string
}

// Find implements [pages.Decisions].
func (l decisionLog) Find(ctx context.Context, s audit.Search) (audit.Result, error) {
	s.Environment = l.environment
	return audit.Find(ctx, l.reader, s)
}

// Why implements [pages.Decisions].
func (l decisionLog) Why(ctx context.Context, q audit.Query) (audit.Story, error) {
	q.Environment = l.environment
	return audit.Why(ctx, l.reader, q)
}

// playground previews calls for people at the console.
type playground struct{ *service }

// Preview implements [pages.Playground]. The call is decided as if the
// developer of this machine asked: for any agent, for a user who is only
// named, and in no other tenant than the person's own.
func (p playground) Preview(ctx context.Context, who identity.Principal, body []byte) (authorize.Answer, error) {
	if len(body) > httpapi.MaxBody {
		return authorize.Answer{}, mistaken("", "is larger than 256 KiB")
	}
	r, err := httpapi.DecodeRequest(body)
	var wrong *httpapi.Problem
	if errors.As(err, &wrong) {
		mistakes := &pages.MistakeError{}
		for _, e := range wrong.Errors {
			mistakes.Mistakes = append(mistakes.Mistakes, pages.Mistake{Pointer: e.Pointer, Detail: e.Detail})
		}
		return authorize.Answer{}, mistakes
	}
	if err != nil {
		return authorize.Answer{}, err
	}
	if r.TenantID == "" {
		r.TenantID = who.Tenant
	}
	if !strings.EqualFold(r.TenantID, who.Tenant) {
		return authorize.Answer{}, mistaken("/tenantId", "is not the tenant in which you are signed in")
	}
	call := authorize.Call{Door: authorize.DoorAuthorize, Mode: authorize.Preview, Trace: true}
	started, developer := p.clock(), identity.Principal{Kind: identity.Developer}
	answer, err := p.authorize.Decide(ctx, developer, r, call)
	if err != nil {
		return authorize.Answer{}, err
	}
	httpapi.LogDecision(ctx, p.log, httpapi.DecisionLine{
		Principal: developer, Request: &r, Call: call, Answer: &answer, Took: p.clock().Sub(started),
	})
	return answer, nil
}

func mistaken(pointer, detail string) error {
	return &pages.MistakeError{Mistakes: []pages.Mistake{{Pointer: pointer, Detail: detail}}}
}
