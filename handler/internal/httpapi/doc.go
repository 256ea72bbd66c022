// Package httpapi is the HTTP edge: one file a function, and in each of them
// decode, call, encode. It decides nothing and stores nothing.
//
// A handler is a [Handler]: it gets the caller as a parameter and returns an
// error for whatever is not a decision. [Edge] turns handlers into routes: it
// authenticates, demands roles, limits, recovers, and answers every error with
// a body that denies. Errors become statuses in one place, problemOf; what it
// does not know is a 503 that says nothing.
//
// # The decision line
//
// [LogDecision] writes one line of JSON a decision to the log, with msg
// "decision" and always these members, in this order and of these types:
//
//	schema         number  1; a member is never renamed or taken away
//	segment, seq   string, number: where the audit record is; a gap in seq is a lost line
//	decisionId, correlationId
//	environment    string
//	door, mode     string  authorize | copilot | authzen | mcp; enforce | preview
//	tenantId       string  that it was decided in, as in the audit record
//	application    string  client id of the token, "" for the local developer
//	identity       string  verified | asserted | none
//	agentId, action, resourceType
//	decision       string  ALLOW | DENY | REQUIRE_APPROVAL | MASK
//	reasonCode     string
//	policyIds      list of strings
//	epoch, stale   number, boolean: which policy, and whether it was too old
//	requestDigest  string
//	approvalId, approvalStatus
//	latencyUs      number  from the decoded request to the recorded decision
//
// It holds no parameter, no context, no user, no resource id and no sentence,
// so nothing that a mask covers and nothing personal can be in it.
package httpapi
