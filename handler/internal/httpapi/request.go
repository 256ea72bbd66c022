package httpapi

import (
	"errors"
	"slices"
	"strings"

	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const maxErrors = 20 // listed in one answer

// Names of the contract, for messages; nobody changes them.
var (
	requestNames = []string{
		"correlationId", "tenantId", "agentId", "userUPN", "userId", "action", "resource", "parameters", "context", "approvalId",
	}
	resourceNames = []string{"type", "id", "region", "classification", "tenantId", "attributes"}
	contextNames  = []string{"risk", "riskScore", "threadId", "channel", "reason"}
	rightsNames   = []string{"role", "roles", "group", "groups", "appRoles", "userRoles", "identity", "user", "scp"}
)

// DecodeRequest reads the body of POST /api/authorize. What it accepts is in
// the profile of the contract, and reads alike in every JSON parser; the error
// is a [*Problem] that lists what is wrong and where.
func DecodeRequest(body []byte) (authorize.Request, error) {
	v, err := strictjson.Parse(body, strictjson.Limits{})
	if err != nil {
		return authorize.Request{}, notStrict(err)
	}
	if v.Kind() != strictjson.Object {
		return authorize.Request{}, malformed("", FieldError{"", "must be an object, not " + article(v.Kind())})
	}
	var d decoder
	for _, m := range v.Members() {
		d.member(m)
	}
	d.require()
	if len(d.errors) > 0 {
		return authorize.Request{}, malformed(d.request.CorrelationID, d.errors...)
	}
	return d.request, nil
}

func notStrict(err error) error {
	var strict *strictjson.Error
	if !errors.As(err, &strict) {
		return malformed("", FieldError{"", "is not JSON"})
	}
	return malformed("", FieldError{strict.Pointer, strict.Detail})
}

func malformed(correlationID string, list ...FieldError) *Problem {
	p := &Problem{Kind: Malformed, Errors: list[:min(len(list), maxErrors)], CorrelationID: correlationID}
	if first := list[0]; first.Pointer == "" {
		p.Detail = "The body " + first.Detail + "."
	} else {
		p.Detail = shortPointer(first.Pointer) + " " + first.Detail + "."
	}
	return p
}

type decoder struct {
	request authorize.Request
	errors  []FieldError
}

func (d *decoder) fail(pointer, detail string) {
	d.errors = append(d.errors, FieldError{pointer, detail})
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

// text is a string field: null and the empty string are an absent one.
func (d *decoder) text(pointer string, v strictjson.Value, wrong check) string {
	if v.Missing() {
		return ""
	}
	if v.Kind() != strictjson.String {
		d.fail(pointer, "must be a string, not "+article(v.Kind()))
		return ""
	}
	if detail := wrong(v.Text()); detail != "" {
		d.fail(pointer, detail)
		return ""
	}
	return v.Text()
}

// object is a field that holds an object; null is an absent one.
func (d *decoder) object(pointer string, v strictjson.Value) strictjson.Value {
	if v.Missing() {
		return strictjson.Value{}
	}
	if v.Kind() != strictjson.Object {
		d.fail(pointer, "must be an object, not "+article(v.Kind()))
		return strictjson.Value{}
	}
	return v
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

func (d *decoder) unknown(parent, name string, known []string) {
	detail := "is not a field of the contract"
	if other := otherCase(name, known); other != "" {
		detail = "differs from " + other + " in case only"
	} else if slices.ContainsFunc(rightsNames, func(s string) bool { return strings.EqualFold(s, name) }) {
		detail = "is not a field of the contract: rights come from tokens and bindings, never from a request"
	}
	d.fail(child(parent, name), detail)
}

// otherCase is the known name that name is in another case, "" if there is
// none. It folds as the most lenient parsers do, so that K may be U+212A.
func otherCase(name string, known []string) string {
	for _, k := range known {
		if name != k && strings.EqualFold(name, k) {
			return k
		}
	}
	return ""
}

// child is the pointer of a member.
func child(parent, name string) string {
	return parent + "/" + pointerEscapes.Replace(name)
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// require checks the two forms of a request: a call, or a resume that names
// an approval and leaves everything about the call out.
func (d *decoder) require() {
	r := &d.request
	if r.AgentID == "" && !d.failed("/agentId") {
		d.fail("/agentId", "is required")
	}
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

func (d *decoder) failed(pointer string) bool {
	return slices.ContainsFunc(d.errors, func(e FieldError) bool { return e.Pointer == pointer })
}

func isEmptyResource(r policy.Resource) bool {
	return r.Type == "" && r.ID == "" && r.Region == "" && r.Classification == "" && r.Tenant == "" &&
		len(r.Attributes.Members()) == 0
}

func article(k strictjson.Kind) string {
	switch k {
	case strictjson.Array, strictjson.Object:
		return "an " + k.String()
	case strictjson.Absent, strictjson.Null, strictjson.Bool, strictjson.Number, strictjson.String:
	}
	return "a " + k.String()
}
