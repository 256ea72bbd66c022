package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/authorization-fabric/fabric/handler/internal/identity"
	"github.com/authorization-fabric/fabric/policy"
)

// Standing is what the active packs say of a caller.
type Standing struct {
	Environment string
	TenantID    string // whose packs count; for the local developer the only tenant, or ""
	Roles       []policy.RoleGrant
	Agents      []Agent // for which the caller's application may call
	Missing     []Missing
	Warnings    []string
}

// Agent is an agent that a caller may call for.
type Agent struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Actions []string `json:"actions"`
	Users   []string `json:"users"`
}

// Missing is something the caller needs and does not have.
type Missing struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

type self struct {
	Environment string             `json:"environment"`
	Application string             `json:"application"`
	Identity    string             `json:"identity"`
	TenantID    string             `json:"tenantId"`
	User        selfUser           `json:"user"`
	AppRoles    []string           `json:"appRoles"`
	Roles       []policy.RoleGrant `json:"roles"`
	Agents      []Agent            `json:"agents"`
	Missing     []Missing          `json:"missing"`
	Warnings    []string           `json:"warnings"`
}

type selfUser struct {
	OID string `json:"oid"`
	UPN string `json:"upn"`
}

// Whoami is GET /api/whoami: what we see of the caller, and what is missing.
func Whoami(standing func(context.Context, identity.Principal) (Standing, error)) Handler {
	return func(w http.ResponseWriter, r *http.Request, p identity.Principal) error {
		s, err := standing(r.Context(), p)
		if err != nil {
			return err
		}
		body, err := json.Marshal(describe(p, s))
		if err != nil {
			return err
		}
		writeBody(w, http.StatusOK, jsonType, body)
		return nil
	}
}

func describe(p identity.Principal, s Standing) self {
	me := self{
		Environment: s.Environment, Application: p.Application, Identity: policy.None.String(), TenantID: p.Tenant,
		AppRoles: notNil(p.AppRoles), Roles: notNil(s.Roles), Agents: make([]Agent, 0, len(s.Agents)),
		Missing: notNil(s.Missing), Warnings: notNil(s.Warnings),
	}
	for _, a := range s.Agents {
		me.Agents = append(me.Agents, Agent{a.ID, a.Title, notNil(a.Actions), notNil(a.Users)})
	}
	switch p.Kind {
	case identity.Person:
		me.Identity, me.User = policy.Verified.String(), selfUser{p.ObjectID, p.UPN}
	case identity.Developer:
		me.TenantID = s.TenantID
		me.AppRoles = []string{identity.RoleAuthorize, identity.RoleAuditor}
	case identity.Application, identity.Nobody:
	}
	return me
}
