package main

import (
	"net/http"

	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// route is one row of the route table: the source of the handlers, of the
// OpenAPI document and of the parity test over functions/*/function.json.
type route struct {
	httpapi.Operation
	function  string // folder below functions/; "" for routes the host does not bind
	hostRoute string // route in function.json, where it differs from the path
	local     bool   // local mode only
	page      bool   // for people: knows them by its own sessions, and is no part of the OpenAPI document
	handler   func(*service) httpapi.Handler
}

// Roles that routes demand; nobody changes them.
var (
	decideRoles = []string{identity.RoleAuthorize}
	voteRoles   = []string{identity.RoleApprover, identity.RoleApprovalRelay}
	revokeRoles = []string{identity.RoleApprover, identity.RoleAuditor}
)

// approvalsRoute is how the host knows the paths of approvals: one function
// for all of them.
const approvalsRoute = "api/approvals/{id?}/{verb?}"

// consoleRoute is how the host knows the pages: everything below one folder.
const consoleRoute = "console/{*path}"

// routes is the one route table (contract.md).
var routes = []route{
	{
		Operation: httpapi.Operation{
			Method: http.MethodPost, Path: "/api/authorize", ID: "Authorize", Summary: "Decide one call, or resume one by approval id",
			Access: httpapi.Access{Roles: decideRoles, Queued: true}, Request: "AuthorizeRequest", Answer: "Answer",
			Query:  []httpapi.Parameter{{Name: "trace", Meaning: "1: answer with the trace of the evaluation, for auditors"}},
			Header: []httpapi.Parameter{{Name: "Idempotency-Key", Meaning: "belongs to one approval's use: 1 to 128 visible ASCII characters"}},
		},
		function: "authorize", handler: (*service).authorizeHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodGet, Path: "/api/whoami", ID: "Whoami", Summary: "What the service sees of the caller", Answer: "Whoami",
		},
		function: "whoami", handler: (*service).whoamiHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodGet, Path: "/api/approvals", ID: "ListApprovals", Summary: "The caller's approvals, paged", Answer: "Approvals",
			Query: []httpapi.Parameter{
				{Name: "status", Meaning: "open (the default) or closed"},
				{Name: "limit", Meaning: "at most this many, 1 to 200; 50 if left out"},
				{Name: "page", Meaning: "next of the answer before"},
			},
			Refuses: []int{http.StatusBadRequest},
		},
		function: "approvals", hostRoute: approvalsRoute, handler: (*service).listApprovalsHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodGet, Path: "/api/approvals/{id}", ID: "GetApproval", Summary: "One approval", Answer: "Approval",
			Query: []httpapi.Parameter{
				{Name: "wait", Meaning: "wait so many seconds, 0 to 60, for its status or votes to change"},
			},
			Refuses: []int{http.StatusBadRequest, http.StatusNotFound},
		},
		function: "approvals", hostRoute: approvalsRoute, handler: (*service).getApprovalHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodPost, Path: "/api/approvals/{id}/cancel", ID: "CancelApproval", Summary: "Withdraw a pending approval, as the application that asked",
			Access: httpapi.Access{Roles: decideRoles, Queued: true}, Request: "Comment", BodyOptional: true, Answer: "Approval",
			Refuses: []int{http.StatusNotFound, http.StatusConflict},
		},
		function: "approvals", hostRoute: approvalsRoute, handler: (*service).cancelHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodPost, Path: "/api/approvals/{id}/revoke", ID: "RevokeApproval", Summary: "Take an open approval back, as an approver or auditor",
			Access: httpapi.Access{Roles: revokeRoles, Queued: true}, Request: "Comment", BodyOptional: true, Answer: "Approval",
			Refuses: []int{http.StatusNotFound, http.StatusConflict},
		},
		function: "approvals", hostRoute: approvalsRoute, handler: (*service).revokeHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodPost, Path: "/api/approval-callback", ID: "Vote", Summary: "One vote on an approval",
			Access: httpapi.Access{Roles: voteRoles, Queued: true}, Request: "Ballot", Answer: "Approval",
			Refuses: []int{http.StatusNotFound, http.StatusConflict},
		},
		function: "approval-callback", handler: (*service).voteHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodPost, Path: "/api/decisions/{id}/outcome", ID: "ReportOutcome", Summary: "Say what became of a decided call",
			Access: httpapi.Access{Roles: decideRoles, Queued: true}, Request: "OutcomeReport", Status: http.StatusAccepted, Answer: "OutcomeRecorded",
			Refuses: []int{http.StatusNotFound},
		},
		function: "outcome", handler: (*service).outcomeHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodPost, Path: "/api/mask", ID: "Mask", Summary: "Cover in a tool's output what its grant demands",
			Access: httpapi.Access{Roles: decideRoles, Queued: true}, Request: "MaskRequest", Answer: "Masked",
		},
		function: "mask", handler: (*service).maskHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodGet, Path: "/.well-known/fabric-jwks.json", ID: "Keys", Summary: "Public keys of grants",
			Access: httpapi.Access{Public: true}, Answer: "KeySet", Refuses: []int{http.StatusServiceUnavailable},
		},
		function: "jwks", handler: (*service).jwksHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodGet, Path: "/api/health/live", ID: "Live", Summary: "Whether the process answers",
			Access: httpapi.Access{Public: true}, Answer: "Live",
		},
		function: "health", hostRoute: "api/health/{probe}", handler: func(*service) httpapi.Handler { return httpapi.Live() },
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodGet, Path: "/api/health/ready", ID: "Ready", Summary: "Whether it can decide, and what is missing",
			Access: httpapi.Access{Public: true}, Answer: "Ready", Also: []int{http.StatusServiceUnavailable},
		},
		function: "health", hostRoute: "api/health/{probe}", handler: (*service).readyHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodGet, Path: "/api/health/metrics", ID: "Metrics", Summary: "Counters as Prometheus text",
			Access: httpapi.Access{Public: true},
		},
		local: true, handler: (*service).metricsHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodGet, Path: "/api/openapi.json", ID: "OpenAPI", Summary: "This document",
			Access: httpapi.Access{Public: true},
		},
		function: "openapi", handler: (*service).openAPIHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodGet, Path: "/console/{path...}", ID: "Console", Summary: "The pages of approvers and auditors",
			Access: httpapi.Access{Public: true},
		},
		function: "console", hostRoute: consoleRoute, page: true, handler: (*service).consoleHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodPost, Path: "/console/{path...}", ID: "ConsoleForms", Summary: "What people do on these pages",
			Access: httpapi.Access{Public: true},
		},
		function: "console", hostRoute: consoleRoute, page: true, handler: (*service).consoleHandler,
	},
}

// operations are the rows of a mode, for the OpenAPI document.
func operations(m mode) []httpapi.Operation {
	var out []httpapi.Operation
	for _, r := range routes {
		if (!r.local || m == modeLocal) && !r.page {
			out = append(out, r.Operation)
		}
	}
	return out
}
