package suite

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/policy"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// testKey makes digests and hashed masks of tests reproducible. It is public
// and protects nothing.
var testKey = policy.NewKey("test", []byte("fabric-test-key-fabric-test-key!"))

// TestKey is the environment key of every policy test.
func TestKey() *policy.Key { return testKey }

// RequestOf reads a request in the form of POST /api/authorize.
func RequestOf(v strictjson.Value) (policy.Request, error) {
	if err := known(v, "/request", "correlationId", "tenantId", "agentId", "userUPN", "userId", "action",
		"resource", "parameters", "context", "approvalId"); err != nil {
		return policy.Request{}, err
	}
	r := v.Get("resource")
	if !r.Missing() {
		if err := known(r, "/request/resource", "type", "id", "region", "classification", "tenantId", "attributes"); err != nil {
			return policy.Request{}, err
		}
	}
	return policy.Request{
		Agent: v.Get("agentId").Text(), Action: v.Get("action").Text(),
		Resource: policy.Resource{
			Type: r.Get("type").Text(), ID: r.Get("id").Text(), Region: r.Get("region").Text(),
			Classification: r.Get("classification").Text(), Tenant: r.Get("tenantId").Text(),
			Attributes: r.Get("attributes").WithoutNullMembers(),
		},
		Parameters: v.Get("parameters"), Context: v.Get("context").WithoutNullMembers(),
	}, nil
}

// Input is a request as the local developer sends it: from an application that
// may call for every agent and asserts whom it names.
func Input(set *policy.Set, request strictjson.Value, now time.Time) (*policy.Input, error) {
	req, err := RequestOf(request)
	if err != nil {
		return nil, err
	}
	in := &policy.Input{Request: req, Now: now, Key: testKey, Subject: asserted(request)}
	in.Subject.Tenant = request.Get("tenantId").Text()
	if tenants := set.Tenants(now); in.Subject.Tenant == "" && len(tenants) == 1 {
		in.Subject.Tenant = tenants[0]
	}
	return in, nil
}

func input(set *policy.Set, f *File, c Case, request strictjson.Value) (*policy.Input, error) {
	in, err := Input(set, request, c.at(f))
	if err != nil {
		return nil, err
	}
	if c.As != "" {
		p, ok := f.Principals[c.As]
		if !ok {
			return nil, fmt.Errorf("as: there is no principal %q", c.As)
		}
		in.Subject.AnyAgent = p.Caller == ""
		in.Subject.Application, in.Subject.Identity, in.Subject.User = p.Caller, p.Identity, p.User
	}
	return in, facts(f, c, request, in)
}

// asserted is the subject of a case without as: an application that may call
// for every agent and asserts whom it names.
func asserted(request strictjson.Value) policy.Subject {
	s := policy.Subject{AnyAgent: true, User: policy.User{ID: request.Get("userId").Text(), UPN: request.Get("userUPN").Text()}}
	if s.User.ID != "" || s.User.UPN != "" {
		s.Identity = policy.Asserted
	}
	return s
}

// facts are the votes of a case; an approvalId is one that nobody knows.
func facts(f *File, c Case, request strictjson.Value, in *policy.Input) error {
	if request.Get("approvalId").Text() != "" {
		in.Approval = policy.Approval{State: policy.ApprovalMismatch, Named: true}
		return nil
	}
	for rule, names := range c.Votes {
		if in.Approval.Votes == nil {
			in.Approval = policy.Approval{State: policy.ApprovalOpen, Votes: map[string][]policy.User{}}
		}
		for _, name := range names {
			p, ok := f.Principals[name]
			if !ok {
				return fmt.Errorf("votes: there is no principal %q", name)
			}
			in.Approval.Votes[rule] = append(in.Approval.Votes[rule], p.User)
		}
	}
	return nil
}

// edit applies set and remove to a request.
func edit(request strictjson.Value, set []strictjson.Member, remove []string) (strictjson.Value, error) {
	var err error
	for _, m := range set {
		if request, err = change(request, m.Name, &m.Value); err != nil {
			return request, fmt.Errorf("set %s: %w", m.Name, err)
		}
	}
	for _, pointer := range remove {
		if request, err = change(request, pointer, nil); err != nil {
			return request, fmt.Errorf("remove %s: %w", pointer, err)
		}
	}
	return request, nil
}

// change puts a value at a pointer, or removes what is there. Objects on the
// way are made.
func change(v strictjson.Value, pointer string, to *strictjson.Value) (strictjson.Value, error) {
	head, rest, deeper := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	if !strings.HasPrefix(pointer, "/") {
		return v, fmt.Errorf("a pointer starts with a slash")
	}
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(head)
	if v.Kind() == strictjson.Array {
		return changeItem(v, name, rest, deeper, to)
	}
	members := slices.Clone(v.Members())
	i := slices.IndexFunc(members, func(m strictjson.Member) bool { return m.Name == name })
	switch {
	case i < 0 && to == nil:
		return v, fmt.Errorf("nothing is there")
	case i < 0:
		members = append(members, strictjson.Member{Name: name})
		i = len(members) - 1
	}
	if deeper {
		var err error
		members[i].Value, err = change(members[i].Value, "/"+rest, to)
		return strictjson.ObjectOf(members...), err
	}
	if to == nil {
		return strictjson.ObjectOf(slices.Delete(members, i, i+1)...), nil
	}
	members[i].Value = *to
	return strictjson.ObjectOf(members...), nil
}

func changeItem(v strictjson.Value, name, rest string, deeper bool, to *strictjson.Value) (strictjson.Value, error) {
	items := slices.Clone(v.Items())
	i, err := strconv.Atoi(name)
	if err != nil || i < 0 || i >= len(items) {
		return v, fmt.Errorf("there is no item %s", name)
	}
	switch {
	case deeper:
		items[i], err = change(items[i], "/"+rest, to)
	case to == nil:
		items = slices.Delete(items, i, i+1)
	default:
		items[i] = *to
	}
	return strictjson.ArrayOf(items...), err
}
