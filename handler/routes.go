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
	handler   func(*service) httpapi.Handler
}

var decideRoles = []string{identity.RoleAuthorize}

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
		function: "approvals", hostRoute: "api/approvals/{id?}", handler: (*service).listApprovalsHandler,
	},
	{
		Operation: httpapi.Operation{
			Method: http.MethodGet, Path: "/api/approvals/{id}", ID: "GetApproval", Summary: "One approval", Answer: "Approval",
			Refuses: []int{http.StatusNotFound},
		},
		function: "approvals", hostRoute: "api/approvals/{id?}", handler: (*service).getApprovalHandler,
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
}

// operations are the rows of a mode, for the OpenAPI document.
func operations(m mode) []httpapi.Operation {
	var out []httpapi.Operation
	for _, r := range routes {
		if !r.local || m == modeLocal {
			out = append(out, r.Operation)
		}
	}
	return out
}
