package authorize

import (
	"fmt"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// freeze writes a request as it was received, so that it can be decided again
// from an approval alone. Numbers keep their literal.
func freeze(r *Request) []byte {
	members := textMembers("agentId", r.AgentID, "userUPN", r.UserUPN, "userId", r.UserID, "action", r.Action)
	resource := textMembers("type", r.Resource.Type, "id", r.Resource.ID, "region", r.Resource.Region,
		"classification", r.Resource.Classification, "tenantId", r.Resource.Tenant)
	resource = append(resource, given("attributes", r.Resource.Attributes)...)
	members = append(members, strictjson.Member{Name: "resource", Value: strictjson.ObjectOf(resource...)})
	members = append(members, given("parameters", r.Parameters)...)
	members = append(members, given("context", r.Context)...)
	return strictjson.AppendAsSent(nil, strictjson.ObjectOf(members...))
}

func textMembers(pairs ...string) []strictjson.Member {
	var members []strictjson.Member
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			members = append(members, strictjson.Member{Name: pairs[i], Value: strictjson.StringOf(pairs[i+1])})
		}
	}
	return members
}

func given(name string, v strictjson.Value) []strictjson.Member {
	if v.Missing() {
		return nil
	}
	return []strictjson.Member{{Name: name, Value: v}}
}

// frozenLimits are wider than those of a request: a resumed one may hold the
// context of two.
var frozenLimits = strictjson.Limits{Depth: 2 * strictjson.MaxDepth, Names: 1 << 16}

// thaw undoes [freeze].
func thaw(text []byte) (Request, error) {
	v, err := strictjson.Parse(text, frozenLimits)
	if err != nil {
		return Request{}, fmt.Errorf("thaw a frozen request: %w", err)
	}
	r := v.Get("resource")
	return Request{
		AgentID: v.Get("agentId").Text(), UserUPN: v.Get("userUPN").Text(), UserID: v.Get("userId").Text(),
		Action: v.Get("action").Text(),
		Resource: policy.Resource{
			Type: r.Get("type").Text(), ID: r.Get("id").Text(), Region: r.Get("region").Text(),
			Classification: r.Get("classification").Text(), Tenant: r.Get("tenantId").Text(), Attributes: r.Get("attributes"),
		},
		Parameters: v.Get("parameters"), Context: v.Get("context"),
	}, nil
}

// overlay is base with the members of top in their place.
func overlay(base, top strictjson.Value) strictjson.Value {
	if len(top.Members()) == 0 {
		return base
	}
	var members []strictjson.Member
	for _, m := range base.Members() {
		if !top.Has(m.Name) {
			members = append(members, m)
		}
	}
	return strictjson.ObjectOf(append(members, top.Members()...)...)
}
