package policy

import "github.com/authorization-fabric/fabric/policy/strictjson"

// testFile is the shape of a test file (policy-pack §13), for its schema alone:
// package suite reads such files.
type testFile struct {
	Packs      []string                 `json:"packs" required:"true" doc:"The packs and bindings under test, beside this file." example:"finance.json,finance.bindings.dev.json"`
	Now        Instant                  `json:"now" required:"true" doc:"The instant of every case." example:"2026-06-01T09:00:00Z"`
	Principals map[string]testPrincipal `json:"principals" doc:"Who cases ask as, and who votes in them."`
	Request    *testRequest             `json:"request" doc:"The base request, in the form of POST /api/authorize."`
	Refused    bool                     `json:"refused" doc:"true: lint must refuse the packs. false: it must not."`
	Cases      []testCase               `json:"cases" doc:"One request each, and what it must get."`
}

type testPrincipal struct {
	UPN      string   `json:"upn" doc:"The user principal name."`
	OID      string   `json:"oid" doc:"The object id."`
	Identity string   `json:"identity" enum:"verified,asserted,none" doc:"How well the user is known. Default verified."`
	Groups   []string `json:"groups" doc:"Object ids of the groups that the token names."`
	AppRoles []string `json:"appRoles" doc:"The app roles that the token names."`
	Caller   string   `json:"caller" doc:"The client id of the application. Default: one that may call for every agent."`
}

type testRequest struct {
	CorrelationID string           `json:"correlationId" doc:"Any name of the request."`
	TenantID      string           `json:"tenantId" doc:"Default: the tenant of the packs, where they have one only."`
	AgentID       string           `json:"agentId" doc:"The agent that asks."`
	UserUPN       string           `json:"userUPN" doc:"The user whom an application asserts, for a case without as."`
	UserID        string           `json:"userId" doc:"The object id of the user whom an application asserts, for a case without as."`
	Action        string           `json:"action" doc:"The action asked for."`
	Resource      *testResource    `json:"resource" doc:"What the call is about."`
	Parameters    strictjson.Value `json:"parameters" doc:"The parameters, as the action declares them."`
	Context       strictjson.Value `json:"context" doc:"risk, riskScore, threadId, channel, reason and anything else."`
	ApprovalID    string           `json:"approvalId" doc:"An approval that nobody knows: approval.mismatch."`
}

type testResource struct {
	Type           string           `json:"type" doc:"Default: the action's."`
	ID             string           `json:"id" doc:"The resource's id."`
	Region         string           `json:"region" doc:"The resource's region."`
	Classification string           `json:"classification" doc:"The resource's label."`
	TenantID       string           `json:"tenantId" doc:"Default: the caller's tenant."`
	Attributes     strictjson.Value `json:"attributes" doc:"Anything else that conditions read."`
}

type testCase struct {
	Name    string                      `json:"name" doc:"What the case shows, in words."`
	As      string                      `json:"as" doc:"One of the principals. Default: an application that asserts whom the request names."`
	Now     *Instant                    `json:"now" doc:"Another instant for this case."`
	Request *testRequest                `json:"request" doc:"A request of its own instead of the base request."`
	Set     map[string]strictjson.Value `json:"set" keys:"pointer" doc:"Values to put into the request, by JSON pointer."`
	Remove  []string                    `json:"remove" form:"pointer" doc:"JSON pointers of what to take out of the request." example:"/context/riskScore"`
	Votes   map[string][]string         `json:"votes" doc:"The principals who approved, by approval rule."`
	Want    testWant                    `json:"want" required:"true" doc:"What the decision must be; only the keys given are compared."`
}

type testWant struct {
	Decision            string           `json:"decision" enum:"ALLOW,DENY,REQUIRE_APPROVAL,MASK" doc:"The outcome."`
	Execute             bool             `json:"execute" doc:"True for ALLOW and MASK."`
	NextStep            string           `json:"nextStep" enum:"run,wait,fix,retry,stop" doc:"What the caller does next."`
	ReasonCode          string           `json:"reasonCode" form:"code" doc:"The stable code."`
	Reason              string           `json:"reason" doc:"The sentence for makers and auditors."`
	UserMessage         string           `json:"userMessage" doc:"What the agent's user may read."`
	Advice              []string         `json:"advice" doc:"The advice of the rules that decided."`
	PolicyIDs           []string         `json:"policyIds" doc:"The rules that decided, in order."`
	Identity            string           `json:"identity" enum:"verified,asserted,none" doc:"How well the user is known."`
	RequestDigest       string           `json:"requestDigest" doc:"The digest, under the key of tests."`
	EffectiveParameters strictjson.Value `json:"effectiveParameters" doc:"What may be executed, masked."`
	Triggers            []string         `json:"triggers" doc:"What was raised, in any order."`
	Requirements        []string         `json:"requirements" doc:"The approval rules that apply, in any order."`
	RequirementDetails  strictjson.Value `json:"requirementDetails" doc:"The same with all their details."`
	Obligations         []testObligation `json:"obligations" doc:"What the caller must mask, in any order."`
	Alternatives        strictjson.Value `json:"alternatives" doc:"The nearest calls that would be allowed."`
}

type testObligation struct {
	Type   string `json:"type" required:"true" enum:"mask" doc:"Always mask."`
	Path   string `json:"path" required:"true" form:"path" doc:"The place."`
	Method string `json:"method" required:"true" enum:"redact,last4,hash,remove" doc:"What is left of the value."`
}
