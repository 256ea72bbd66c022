package main

import "github.com/authorization-fabric/fabric/handler/internal/httpapi"

func (s *service) listApprovalsHandler() httpapi.Handler {
	return httpapi.ListApprovals(s.approvals, s.approvalOptions())
}

func (s *service) getApprovalHandler() httpapi.Handler {
	return httpapi.GetApproval(s.approvals, s.approvalOptions())
}

func (s *service) voteHandler() httpapi.Handler {
	return httpapi.Callback(s.approvals, s.approvalOptions())
}

func (s *service) cancelHandler() httpapi.Handler {
	return httpapi.CloseApproval(s.approvals.Cancel, s.approvalOptions())
}

func (s *service) revokeHandler() httpapi.Handler {
	return httpapi.CloseApproval(s.approvals.Revoke, s.approvalOptions())
}

func (s *service) outcomeHandler() httpapi.Handler { return httpapi.Outcome(s.authorize) }

func (s *service) approvalOptions() httpapi.ApprovalOptions {
	return httpapi.ApprovalOptions{PublicURL: s.config.publicURL, Tenants: s.tenants, Now: s.clock, Stopping: s.stopping}
}
