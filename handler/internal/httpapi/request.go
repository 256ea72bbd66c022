package httpapi

import (
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// Names of the contract, for messages; nobody changes them.
var (
	requestNames = []string{
		"correlationId", "tenantId", "agentId", "userUPN", "userId", "action", "resource", "parameters", "context", "approvalId",
	}
	resourceNames = []string{"type", "id", "region", "classification", "tenantId", "attributes"}
	contextNames  = []string{"risk", "riskScore", "threadId", "channel", "reason"}
)

// DecodeRequest reads the body of POST /api/authorize. What it accepts is in
// the profile of the contract, and reads alike in every JSON parser; the error
// is a [*Problem] that lists what is wrong and where.
func DecodeRequest(body []byte) (authorize.Request, error) {
	members, err := parseObject(body)
	if err != nil {
		return authorize.Request{}, err
	}
	var d decoder
	for _, m := range members {
		d.member(m)
	}
	d.require()
	if len(d.errors) > 0 {
		return authorize.Request{}, malformed(d.request.CorrelationID, d.errors...)
	}
	return d.request, nil
}

type decoder struct {
	fields

	request authorize.Request
}

func (d *decoder) member(m strictjson.Member) {
	r := &d.request
	switch m.Name {
	case "correlationId":
		r.CorrelationID = d.text("/correlationId", m.Value, correlationID)
	case "tenantId":
		r.TenantID = d.text("/tenantId", m.Value, identifier)
	case "agentId":
		r.AgentID = d.text("/agentId", m.Value, identifier)
	case "userUPN":
		r.UserUPN = d.text("/userUPN", m.Value, free)
	case "userId":
		r.UserID = d.text("/userId", m.Value, free)
	case "action":
		r.Action = d.text("/action", m.Value, identifier)
	case "resource":
		d.resource(m.Value)
	case "parameters":
		r.Parameters = d.object("/parameters", m.Value)
	case "context":
		d.context(m.Value)
	case "approvalId":
		r.ApprovalID = d.text("/approvalId", m.Value, free)
	default:
		d.unknown("", m.Name, requestNames)
	}
}

func (d *decoder) resource(v strictjson.Value) {
	r := &d.request.Resource
	for _, m := range d.object("/resource", v).Members() {
		switch m.Name {
		case "type":
			r.Type = d.text("/resource/type", m.Value, identifier)
		case "id":
			r.ID = d.text("/resource/id", m.Value, resourceID)
		case "region":
			r.Region = d.text("/resource/region", m.Value, identifier)
		case "classification":
			r.Classification = d.text("/resource/classification", m.Value, identifier)
		case "tenantId":
			r.Tenant = d.text("/resource/tenantId", m.Value, identifier)
		case "attributes":
			r.Attributes = d.object("/resource/attributes", m.Value).WithoutNullMembers()
		default:
			d.unknown("/resource", m.Name, resourceNames)
		}
	}
}

// context is free but for the names that policies read: spelled otherwise
// they would be lost without a word.
func (d *decoder) context(v strictjson.Value) {
	v = d.object("/context", v)
	for _, m := range v.Members() {
		if known := otherCase(m.Name, contextNames); known != "" {
			d.fail(child("/context", m.Name), "differs from "+known+" in case only")
		}
	}
	d.request.Context = v.WithoutNullMembers()
}

// require checks the two forms of a request: a call, or a resume that names
// an approval and leaves everything about the call out.
func (d *decoder) require() {
	r := &d.request
	d.need("/agentId", r.AgentID)
	if r.Action != "" || d.failed("/action") {
		return
	}
	if r.ApprovalID == "" {
		if !d.failed("/approvalId") {
			d.fail("/action", "is required, unless approvalId resumes an earlier call")
		}
		return
	}
	if !isEmptyResource(r.Resource) {
		d.fail("/resource", "must be left out when approvalId resumes an earlier call, or action must be given")
	}
	if len(r.Parameters.WithoutNullMembers().Members()) > 0 {
		d.fail("/parameters", "must be left out when approvalId resumes an earlier call, or action must be given")
	}
	r.Resource, r.Parameters = policy.Resource{}, strictjson.Value{}
}

func isEmptyResource(r policy.Resource) bool {
	return r.Type == "" && r.ID == "" && r.Region == "" && r.Classification == "" && r.Tenant == "" &&
		len(r.Attributes.Members()) == 0
}
